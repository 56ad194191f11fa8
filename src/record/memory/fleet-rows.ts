/**
 * Under which name a fleet's rows stand. It is the fleet's, but of two repos whose fleets nobody named, and so are called the
 * same, the second to come has its origin after its name. What is remembered of an app goes with it: to a fleet that gets a
 * name, and to whoever takes the place of another. Rows of apps that its config does not name do not follow: a repo may hold
 * several configs, and whoever takes over one app of a fleet has not taken over the fleet. They make room under a name of their
 * own where the name that was written is the one they stand under.
 */
import {
  compareOrigins,
  formatOrigin,
  mergeOrigins,
  originId,
  parseOrigin,
  shortOrigin,
  type Origin,
} from '../../model/stamps/origin.ts';
import type { FleetOwner } from '../../model/stamps/owner.ts';
import type { Connection } from '../file/connection.ts';

/** Every table that has the fleet as its first key and an app beside it. */
const tables = [
  'run',
  'evidence',
  'intent',
  'made',
  'heal',
  'app_memory',
  'dirty',
  'build',
  'standing',
  'good_version',
] as const;

/** Whose rows stand under a name: a repo's whose fleet nobody named, or those of a fleet that somebody did. */
type Claim = Origin | 'named';

/** In the place of an origin: a person wrote this name. */
const namedClaim = 'n1:';

export interface RowsRequest {
  /** A text: the rows under just that name, whosever they are. */
  readonly fleet: FleetOwner | string;
  /** Apps that the config names: the rows of those follow. undefined: not known, and none does. */
  readonly names: ReadonlySet<string> | undefined;
  readonly mode: 'write' | 'read';
}

/** Finds the name, and in `write` mode moves the rows that follow. */
export function settleRows(connection: Connection, { fleet, names, mode }: RowsRequest): string {
  if (typeof fleet === 'string') return fleet;
  if (mode === 'read') return nameToRead(connection, fleet, names);
  const settle = connection.transaction(() => {
    const claims = claimsIn(connection);
    const name = nameOf(claims, fleet);
    if (fleet.unwritten !== undefined && names !== undefined) followName(connection, { owner: fleet, name, names });
    claim(connection, fleet, name);
    return name;
  });
  return settle.immediate();
}

/** Nothing is moved for reading: until somebody writes, the rows of a fleet that has just got its name are where they were. */
function nameToRead(connection: Connection, owner: FleetOwner, names: RowsRequest['names']): string {
  const claims = claimsIn(connection);
  const name = nameOf(claims, owner);
  if (owner.unwritten === undefined || appsIn(connection, name).size > 0) return name;
  const earlier = earlierName(claims, owner, name);
  if (earlier === undefined) return name;
  const isOurs = names === undefined || [...appsIn(connection, earlier)].some((app) => names.has(app));
  return isOurs ? earlier : name;
}

function nameOf(claims: ReadonlyMap<string, Claim>, owner: FleetOwner): string {
  const { name, unwritten, origin } = owner;
  if (unwritten !== undefined) return nameOfNamed(claims, owner);
  if (claimFrom(claims.get(name), origin) !== 'other') return name;
  const own = [...claims].find(
    ([fleet, claimed]) => fleet.startsWith(`${name}@`) && claimFrom(claimed, origin) === 'same',
  );
  return own?.[0] ?? nameBeside(name, origin);
}

/** No fleet's own name has an @. */
function nameBeside(name: string, origin: Origin | undefined): string {
  return `${name}@${shortOrigin(origin) ?? 'unnamed'}`;
}

/**
 * Where the rows stand of a fleet that nobody had named yet. Rows of which nobody knows the repo are none of them: with
 * another's came its history, and what is remembered of an app would say that this fleet has run it.
 */
function earlierName(
  claims: ReadonlyMap<string, Claim>,
  { unwritten, origin }: FleetOwner,
  name: string,
): string | undefined {
  const known = [...claims].flatMap(([fleet, claimed]) =>
    fleet !== name && claimFrom(claimed, origin) === 'same' ? [fleet] : [],
  );
  // Of several configs in one repo it is clear which of them got this name where one was called so, or is alone.
  const called = known.find((fleet) => fleet === unwritten || fleet.startsWith(`${unwritten}@`));
  return called ?? (known.length === 1 ? known[0] : undefined);
}

interface Naming {
  readonly owner: FleetOwner;
  readonly name: string;
  readonly names: ReadonlySet<string>;
}

/** The rows of apps that the config names follow to the name that was written; one that has rows there keeps those. */
function followName(connection: Connection, naming: Naming): void {
  makeRoom(connection, naming);
  const { owner, name, names } = naming;
  const earlier = earlierName(claimsIn(connection), owner, name);
  if (earlier === undefined) return;
  const there = appsIn(connection, earlier);
  const here = appsIn(connection, name);
  const following = [...there].filter((app) => names.has(app) && !here.has(app));
  for (const app of following) moveRows(connection, { app, from: earlier, to: name });
  if (following.length === 0 || following.length < there.size) return;
  for (const table of ['delivery', 'seen_revision'])
    connection.prepare(`UPDATE OR IGNORE ${table} SET fleet = ? WHERE fleet = ?`).run(name, earlier);
  connection.prepare('DELETE FROM fleet_origin WHERE fleet = ?').run(earlier);
}

/** Where the name that was written is one that nobody had to write, what is under it is in part of a config that still has none. */
function makeRoom(connection: Connection, { owner: { origin }, name, names }: Naming): void {
  const claimed = claimsIn(connection).get(name);
  if (claimed === undefined || claimed === 'named') return;
  const others = [...appsIn(connection, name)].filter((app) => !names.has(app));
  if (others.length === 0) return;
  const beside = nameBeside(name, origin);
  for (const app of others) moveRows(connection, { app, from: name, to: beside });
  claim(connection, { name, origin }, beside);
}

/**
 * Takes up what is remembered of an app where the owner that a person named (`from`) has something. What this fleet knows of an
 * app that it has run stays; of one that was held for its owner it knows nothing but that. A run under way is its process's.
 */
export function takeRows(connection: Connection, { owner, name, app }: TakeRequest): void {
  connection
    .transaction(() => {
      const isKnown =
        connection.prepare('SELECT 1 FROM app_memory WHERE fleet = ? AND app = ? AND known = 1').get(name, app) !==
        undefined;
      for (const from of predecessors(claimsIn(connection), owner)) {
        if (!isKnown) forgetFirst(connection, from, app);
        moveRows(connection, { app, from, to: name, isFinished: true, keeps: isKnown });
      }
    })
    .immediate();
}

/** As on machines (src/plan/kinds/owner-labels.ts): what somebody deployed by hand under the earlier owner is not for this one to undo. */
function forgetFirst(connection: Connection, fleet: string, app: string): void {
  connection
    .prepare(
      "UPDATE app_memory SET told = json_remove(told, '$.first') WHERE fleet = ? AND app = ? AND told IS NOT NULL",
    )
    .run(fleet, app);
}

interface TakeRequest {
  readonly owner: FleetOwner;
  /** Under which its rows stand. */
  readonly name: string;
  readonly app: string;
}

function predecessors(claims: ReadonlyMap<string, Claim>, { from, origin }: FleetOwner): readonly string[] {
  if (from === undefined) return [];
  const named = from.name === undefined ? [] : [from.name, nameOfSecond(from.name)];
  const meant = [...claims].flatMap(([fleet, claimed]) => {
    if (claimed === 'named') return named.includes(fleet) ? [fleet] : [];
    if (from.digits !== undefined && originId(claimed)?.startsWith(from.digits) === true) return [fleet];
    return fleet === from.name && compareOrigins(claimed, origin) === 'same' ? [fleet] : [];
  });
  return from.name === undefined || claims.has(from.name) ? meant : [...meant, from.name];
}

/** Its own, but where a repo whose fleet nobody named, and which is not known to be this one, is called so. */
function nameOfNamed(claims: ReadonlyMap<string, Claim>, { name, origin }: FleetOwner): string {
  const claimed = claims.get(name);
  const isFree = claimed === undefined || claimed === 'named' || compareOrigins(claimed, origin) === 'same';
  return isFree ? name : nameOfSecond(name);
}

/** Where a fleet stands whose name was written, and is that of a repo that somebody has not named. */
function nameOfSecond(name: string): string {
  return `${name}@named`;
}

function claimFrom(claimed: Claim | undefined, origin: Origin | undefined): 'same' | 'other' | 'unknown' {
  return claimed === 'named' ? 'other' : compareOrigins(claimed, origin);
}

/** Says from which repo a fleet without a written name is, and of one with a name that it has one. */
function claim(connection: Connection, { unwritten, origin }: FleetOwner, name: string): void {
  const before = claimsIn(connection).get(name);
  const text = unwritten === undefined ? originClaim(before, origin) : namedClaim;
  if (text === undefined) return;
  const set = 'ON CONFLICT (fleet) DO UPDATE SET origin = excluded.origin WHERE origin <> excluded.origin';
  connection.prepare(`INSERT INTO fleet_origin (fleet, origin) VALUES (?, ?) ${set}`).run(name, text);
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

function appsIn(connection: Connection, fleet: string): ReadonlySet<string> {
  const all = tables.map((table) => `SELECT app FROM ${table} WHERE fleet = ?`).join(' UNION ');
  const rows = connection.prepare<string[], { readonly app: string }>(all).all(...tables.map(() => fleet));
  return new Set(rows.map(({ app }) => app));
}

interface Move {
  readonly app: string;
  readonly from: string;
  readonly to: string;
  /** Runs under way stay. */
  readonly isFinished?: boolean;
  /** true: what is there already stays; else what is moved takes its place. */
  readonly keeps?: boolean;
}

function moveRows(connection: Connection, { app, from, to, isFinished = false, keeps = false }: Move): void {
  const verb = keeps ? 'UPDATE OR IGNORE' : 'UPDATE OR REPLACE';
  for (const table of tables) {
    const which = table === 'run' && isFinished ? ' AND finished_at IS NOT NULL' : '';
    connection.prepare(`${verb} ${table} SET fleet = ? WHERE fleet = ? AND app = ?${which}`).run(to, from, app);
  }
}
