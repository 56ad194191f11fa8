/** Whose each app is where two config repos are at work, read from Fly alone: whoever first stamped a machine of it, for good. */
import type { AppSnapshot } from '../../../simulator/world/snapshot.ts';
import type { App, Machine } from '../../../simulator/world/records.ts';
import { isWrite, type RequestNotice, type RequestRecord } from '../../../simulator/world/requests.ts';
import type { World } from '../../../simulator/world/world.ts';
import type { FleetIdea } from '../world/fleet.ts';
import type { PlannedApp } from './invariants.ts';
import { isAlive } from './comparison.ts';

export type Side = 'ours' | 'theirs';

export interface Owners {
  /** undefined: nobody has stamped a machine of it. */
  of(app: string): Side | undefined;
  /** What either side did to an app of the other. */
  readonly findings: readonly string[];
}

interface OwnersRequest {
  readonly world: World;
  /** Ids of the tokens that they come with; what comes with another is a person's. */
  readonly tokens: Readonly<Record<Side, string>>;
  /** true: a person has destroyed machines of the app. */
  readonly isHands: (app: string) => boolean;
  /** Somebody has one more app, or one less. */
  readonly moved: () => void;
}

const originKey = 'flycd_origin';
const list = 'GET /apps/{app}/machines';
const create = 'POST /apps/{app}/machines';
const machinePath = /^\/v1\/apps\/[^/]+\/machines\/([^/]+)/;

function stamped(app: App | undefined): readonly Machine[] {
  return [...(app?.machines.values() ?? [])].filter(
    (machine) => isAlive(machine) && machine.config.metadata?.[originKey] !== undefined,
  );
}

/** Looks at each request before whoever looked before it does: who owns an app decides what it has to be. */
export function owners({ world, tokens, isHands, moved }: OwnersRequest): Owners {
  const findings: string[] = [];
  const known = new Map<string, Side>();
  /** Since when, by app; and who has listed its machines since then as they were after it. */
  const knownAt = new Map<string, number>();
  const seenBy = new Map<string, Set<Side>>();
  /** Who made a machine, by its id. undefined: a person. */
  const makers = new Map<string, Side | undefined>();
  /** Of each app that ever had one. */
  const last = new Map<string, Side>();
  const say = (text: string): void => {
    findings.push(`${new Date(world.now()).toISOString().slice(11, 19)} ${text}`);
  };
  const sideOf = (by: string): Side | undefined => (['ours', 'theirs'] as const).find((side) => tokens[side] === by);

  /** An app without one stamped machine is nobody's: only a hand or its owner can have brought it there. */
  function forget(): void {
    for (const name of known.keys()) {
      if (stamped(world.apps.get(name)).length > 0) continue;
      known.delete(name);
      knownAt.delete(name);
      seenBy.delete(name);
      moved();
    }
  }

  function asked({ by, request }: RequestNotice): void {
    const side = sideOf(by);
    const owner = known.get(request.app ?? '');
    if (side === undefined || owner === undefined || side === owner || !touches(request)) return;
    if (isOfBeginning(side, request)) return;
    say(`${request.app}: belongs to ${owner}, and ${side} did ${request.method} ${request.path}`);
  }

  /**
   * Of two that begin an app at once neither can know of the other: what it does before a list shows the owner's machine is
   * no trespass, unless it is done to a machine of the owner's. What it made then it takes away when it has seen.
   */
  function isOfBeginning(side: Side, { app = '', method, path }: Readonly<RequestRecord>): boolean {
    const id = machinePath.exec(path)?.[1];
    if (id === undefined) return seenBy.get(app)?.has(side) !== true;
    return makers.get(id) === side && (method === 'DELETE' || path.endsWith('/lease'));
  }

  function listed(side: Side, { app = '', at }: Readonly<RequestRecord>): void {
    const since = knownAt.get(app);
    if (since === undefined || at < since + (world.lag.settings.listMs ?? 0)) return;
    seenBy.set(app, (seenBy.get(app) ?? new Set()).add(side));
  }

  function answered({ by, request }: RequestNotice): void {
    const side = sideOf(by);
    const name = request.app ?? '';
    if (side !== undefined && request.template === list && request.status === 200) listed(side, request);
    if (request.template === create)
      for (const id of world.apps.get(name)?.machines.keys() ?? []) if (!makers.has(id)) makers.set(id, side);
    if (side === undefined || known.has(name) || !isWrite(request) || stamped(world.apps.get(name)).length === 0)
      return;
    const before = last.get(name) ?? side;
    if (before !== side && !isHands(name)) say(`${name}: belonged to ${before}, and now it is of ${side}`);
    known.set(name, side);
    knownAt.set(name, world.now());
    last.set(name, side);
    moved();
  }

  const next = world.onRequest;
  world.onRequest = (notice) => {
    forget();
    if (notice.phase === 'before') asked(notice);
    else answered(notice);
    next?.(notice);
  };
  return { of: (app) => known.get(app), findings };
}

/** Leases, too: who holds one keeps the app's owner from its work. */
function touches({ method, reads }: Readonly<RequestRecord>): boolean {
  return reads !== true && method !== 'GET' && method !== 'HEAD';
}

/** What has to be on Fly: of each app what its owner's git says, and of one that is nobody's yet what ours does. */
export function fleetOf(sides: Readonly<Record<Side, FleetIdea>>, owners: Owners): FleetIdea {
  const names = new Set([...sides.ours.apps, ...sides.theirs.apps].map(({ name }) => name));
  return {
    apps: [...names].flatMap((name) => {
      const [ours, theirs] = [sides.ours, sides.theirs].map(({ apps }) => apps.find((app) => app.name === name));
      const owner = owners.of(name);
      return (owner === undefined ? (ours ?? theirs) : owner === 'ours' ? ours : theirs) ?? [];
    }),
  };
}

/** The plan of each app's owner. */
export function planOf(plans: Readonly<Record<Side, readonly PlannedApp[]>>, owners: Owners): readonly PlannedApp[] {
  return (['ours', 'theirs'] as const).flatMap((side) =>
    plans[side].filter(({ app }) => owners.of(app) === side || owners.of(app) === undefined),
  );
}

/** To the other side an app is held as its owner's, whole: nothing is planned, and nothing else is said. */
export function othersAreHeld(plans: Readonly<Record<Side, readonly PlannedApp[]>>, owners: Owners): readonly string[] {
  return (['ours', 'theirs'] as const).flatMap((side) =>
    plans[side]
      .filter(({ app, status }) => (owners.of(app) ?? side) !== side && status !== 'orphaned')
      .filter(({ steps, holds }) => steps.length > 0 || holds.map(({ reason }) => reason).join(' ') !== 'owner')
      .map(
        ({ app, steps, holds }) =>
          `${app}: belongs to ${owners.of(app)}, and ${side} plan ${steps.map(({ kind }) => kind).join(', ') || 'nothing'}, held: ${holds.map(({ reason }) => reason).join(', ') || 'nothing'}`,
      ),
  );
}

/** One repo's stamps on all machines of an app, and one origin for all apps of a repo. */
export function originsAreOne(apps: readonly AppSnapshot[], owners: Owners): readonly string[] {
  const origins = new Map<Side, string>();
  return apps.flatMap(({ name, machines }) => {
    const owner = owners.of(name);
    if (owner === undefined) return [];
    return machines.flatMap(({ name: machine, metadata }) => {
      const origin = metadata[originKey];
      if (origin === undefined) return [];
      const known = origins.get(owner) ?? origin;
      origins.set(owner, known);
      return origin === known ? [] : [`${name}: ${machine} is of origin ${origin}, ${owner} have ${known}`];
    });
  });
}

/** When all is calm nobody writes anything, not even the same label again. */
export function writtenAgain(requests: readonly Readonly<RequestRecord>[]): readonly string[] {
  return requests.filter(touches).map(({ method, path }) => `all is as git says, and somebody did ${method} ${path}`);
}
