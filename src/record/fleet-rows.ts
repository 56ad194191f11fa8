/**
 * Under which name a fleet's rows stand. It is the fleet's, with two exceptions: of two repos whose fleets nobody named, and so
 * are called the same, the second to come has its origin after its name; and rows follow a fleet that gets another name.
 */
import {
  compareOrigins,
  formatOrigin,
  mergeOrigins,
  originId,
  parseOrigin,
  shortOrigin,
  type Origin,
} from '../model/stamps/origin.ts';
import type { FleetOwner } from '../model/stamps/owner.ts';
import type { Connection } from './connection.ts';

/** Every table that has the fleet as its first key. */
const tables = [
  'run',
  'evidence',
  'intent',
  'made',
  'heal',
  'app_memory',
  'delivery',
  'dirty',
  'build',
  'standing',
  'good_version',
] as const;

/** Whose rows stand under a name: a repo's whose fleet nobody named, or those of a fleet that somebody did. */
type Claim = Origin | 'named';

/** In the place of an origin: a person wrote this name. */
const namedClaim = 'n1:';

/** Finds the name, and in `write` mode moves the rows that follow. */
export function settleRows(connection: Connection, owner: FleetOwner, mode: 'write' | 'read'): string {
  if (mode === 'read') return nameOf(connection, owner);
  const settle = connection.transaction(() => {
    const before = nameOf(connection, owner);
    const name = owner.unwritten === undefined ? before : nameOfNamed(claimsIn(connection), owner);
    if (name !== before) {
      moveRows(connection, before, name);
      connection.prepare('DELETE FROM fleet_origin WHERE fleet = ?').run(before);
    }
    const settled = succeeded(connection, owner, name);
    claim(connection, owner, settled);
    return settled;
  });
  return settle.immediate();
}

function nameOf(connection: Connection, owner: FleetOwner): string {
  const { name, unwritten, origin } = owner;
  const claims = claimsIn(connection);
  if (unwritten === undefined) {
    if (claimFrom(claims.get(name), origin) !== 'other') return name;
    const own = [...claims].find(
      ([fleet, claimed]) => fleet.startsWith(`${name}@`) && claimFrom(claimed, origin) === 'same',
    );
    // No fleet's own name has an @.
    return own?.[0] ?? `${name}@${shortOrigin(origin) ?? 'unnamed'}`;
  }
  const target = nameOfNamed(claims, owner);
  if (hasRows(connection, target)) return target;
  const known = [...claims].filter(([, claimed]) => claimFrom(claimed, origin) === 'same').map(([fleet]) => fleet);
  // A repo may hold several configs, each a fleet: which of them got this name is clear where one was called so, or is alone.
  const called = known.find((fleet) => fleet === unwritten || fleet.startsWith(`${unwritten}@`));
  // Rows of which nobody knows the repo stay: with another's came its history, and what is remembered of an app would say
  // that this fleet has run it.
  return called ?? (known.length === 1 ? known[0] : undefined) ?? target;
}

/** Its own, but where a repo whose fleet nobody named, and which is not known to be this one, is called so. */
function nameOfNamed(claims: ReadonlyMap<string, Claim>, { name, origin }: FleetOwner): string {
  const claimed = claims.get(name);
  const isFree = claimed === undefined || claimed === 'named' || compareOrigins(claimed, origin) === 'same';
  return isFree ? name : `${name}@named`;
}

function claimFrom(claimed: Claim | undefined, origin: Origin | undefined): 'same' | 'other' | 'unknown' {
  return claimed === 'named' ? 'other' : compareOrigins(claimed, origin);
}

/** Takes up the rows of the fleet that this one follows by a person's word; where it is called as that one, its name, too. */
function succeeded(
  connection: Connection,
  { name: wanted, unwritten, origin, from }: FleetOwner,
  name: string,
): string {
  if (from === undefined) return name;
  const claims = claimsIn(connection);
  const isMeant = ([fleet, claimed]: readonly [string, Claim]): boolean => {
    if (claimed === 'named') return fleet === from.name;
    if (from.digits !== undefined && originId(claimed)?.startsWith(from.digits) === true) return true;
    return fleet === from.name && compareOrigins(claimed, origin) === 'same';
  };
  const meant = [...claims].filter(isMeant).map(([fleet]) => fleet);
  if (from.name !== undefined && !claims.has(from.name)) meant.push(from.name);
  for (const fleet of meant.filter((one) => one !== name)) {
    moveRows(connection, fleet, name);
    connection.prepare('DELETE FROM fleet_origin WHERE fleet = ?').run(fleet);
  }
  if (unwritten !== undefined || !meant.includes(wanted) || name === wanted) return name;
  moveRows(connection, name, wanted);
  connection.prepare('DELETE FROM fleet_origin WHERE fleet = ?').run(name);
  return wanted;
}

/** Says from which repo a fleet without a written name is, and of one with a name that it has one. */
function claim(connection: Connection, { unwritten, origin }: FleetOwner, name: string): void {
  const before = claimsIn(connection).get(name);
  const text = unwritten === undefined ? originClaim(before, origin) : namedClaim;
  if (text === undefined || text === (before === 'named' ? namedClaim : before && formatOrigin(before))) return;
  connection
    .prepare('INSERT INTO fleet_origin (fleet, origin) VALUES (?, ?) ON CONFLICT (fleet) DO UPDATE SET origin = ?')
    .run(name, text, text);
}

function originClaim(before: Claim | undefined, origin: Origin | undefined): string | undefined {
  if (origin === undefined || before === 'named') return undefined;
  if (before === undefined) return formatOrigin(origin);
  return compareOrigins(before, origin) === 'unknown' ? undefined : formatOrigin(mergeOrigins(before, origin));
}

function claimsIn(connection: Connection): ReadonlyMap<string, Claim> {
  const rows = connection
    .prepare<[], { readonly fleet: string; readonly origin: string }>('SELECT fleet, origin FROM fleet_origin')
    .all();
  return new Map(
    rows.flatMap(({ fleet, origin }) => {
      const parsed = origin === namedClaim ? 'named' : parseOrigin(origin);
      return parsed === undefined ? [] : [[fleet, parsed] as const];
    }),
  );
}

function hasRows(connection: Connection, fleet: string): boolean {
  return tables.some(
    (table) => connection.prepare(`SELECT 1 FROM ${table} WHERE fleet = ? LIMIT 1`).get(fleet) !== undefined,
  );
}

/** What is moved wins over what was written meanwhile: of an app that was held for its owner, nothing but that it was. */
function moveRows(connection: Connection, from: string, to: string): void {
  for (const table of tables)
    connection.prepare(`UPDATE OR REPLACE ${table} SET fleet = ? WHERE fleet = ?`).run(to, from);
}
