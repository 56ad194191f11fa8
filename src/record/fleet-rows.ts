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

/** Finds the name, and in `write` mode moves the rows that follow. */
export function settleRows(connection: Connection, owner: FleetOwner, mode: 'write' | 'read'): string {
  if (mode === 'read') return nameOf(connection, owner);
  const settle = connection.transaction(() => {
    const before = nameOf(connection, owner);
    const name = owner.unwritten === undefined ? before : owner.name;
    if (name !== before) moveRows(connection, before, name);
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
    if (compareOrigins(claims.get(name), origin) !== 'other') return name;
    const own = [...claims].find(
      ([fleet, claimed]) => fleet.startsWith(`${name}@`) && compareOrigins(claimed, origin) === 'same',
    );
    // No fleet's own name has an @.
    return own?.[0] ?? `${name}@${shortOrigin(origin)}`;
  }
  if (hasRows(connection, name)) return name;
  const known = [...claims].filter(([, claimed]) => compareOrigins(claimed, origin) === 'same').map(([fleet]) => fleet);
  // A repo may hold several configs, each a fleet: which of them got this name is clear where one was called so, or is alone.
  const called = known.find((fleet) => fleet === unwritten || fleet.startsWith(`${unwritten}@`));
  const follows = called ?? (known.length === 1 ? known[0] : undefined);
  if (follows !== undefined) return follows;
  const isOpen = compareOrigins(claims.get(unwritten), origin) === 'unknown';
  return isOpen && hasRows(connection, unwritten) ? unwritten : name;
}

/** Takes up the rows of the fleet that this one follows by a person's word; where it is called as that one, its name, too. */
function succeeded(
  connection: Connection,
  { name: wanted, unwritten, origin, from }: FleetOwner,
  name: string,
): string {
  if (from === undefined) return name;
  const claims = claimsIn(connection);
  const isMeant = ([fleet, claimed]: readonly [string, Origin]): boolean =>
    (from.digits !== undefined && originId(claimed)?.startsWith(from.digits) === true) ||
    (fleet === from.name && compareOrigins(claimed, origin) !== 'other');
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

/** Says from which repo a fleet without a written name is. */
function claim(connection: Connection, { unwritten, origin }: FleetOwner, name: string): void {
  if (unwritten !== undefined) {
    if (!claimsIn(connection).has(name)) return;
    connection.prepare('DELETE FROM fleet_origin WHERE fleet = ?').run(name);
    return;
  }
  const before = claimsIn(connection).get(name);
  if (origin === undefined || (before !== undefined && compareOrigins(before, origin) === 'unknown')) return;
  const text = formatOrigin(before === undefined ? origin : mergeOrigins(before, origin));
  if (before !== undefined && text === formatOrigin(before)) return;
  connection
    .prepare('INSERT INTO fleet_origin (fleet, origin) VALUES (?, ?) ON CONFLICT (fleet) DO UPDATE SET origin = ?')
    .run(name, text, text);
}

function claimsIn(connection: Connection): ReadonlyMap<string, Origin> {
  const rows = connection
    .prepare<[], { readonly fleet: string; readonly origin: string }>('SELECT fleet, origin FROM fleet_origin')
    .all();
  return new Map(
    rows.flatMap(({ fleet, origin }) => {
      const parsed = parseOrigin(origin);
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
