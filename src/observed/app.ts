import { allEnded } from '../model/base/ending.ts';
import { goneVolumeStates, type App } from '../../schemas/fly/app.ts';
import type { Release } from '../../schemas/fly/release.ts';
import type { Machine } from '../../schemas/fly/machine.ts';
import type { FlyReader } from '../fly/api.ts';
import type { Clock } from '../model/base/clock.ts';
import { momentOf, msSince } from '../model/base/moment.ts';
import type { AppPresence, ObservedApp, Reading } from '../model/observed.ts';
import type { FleetOwner } from '../model/stamps/owner.ts';
import type { Told } from '../model/stamps/stamps.ts';
import { isGone } from '../plan/classify/machine-state.ts';
import { asksTheDeparted } from '../plan/classify/other-deployments.ts';
import { read, readIfPossible } from './reading.ts';

export interface ObserveAppRequest {
  readonly fly: FlyReader;
  readonly app: string;
  readonly clock: Clock;
}

/**
 * Reads further apart show an app that never was: the secrets of before, and machines that have those of now. What is tried again
 * after a failure or two is within it; what waits for somebody else's use of the app's limits is not.
 */
const apartMsMax = 5_000;
const looksMax = 3;

/**
 * One app as Fly shows it now, all kinds asked at once, and again where the answers came too far apart in time. A kind that
 * could not be read is `unread`, never guessed and never thrown; only a refused token is thrown. An app that is not there, or is somebody
 * else's, has nothing of any kind.
 */
export async function observeApp(request: ObserveAppRequest): Promise<ObservedApp> {
  for (let looks = 1; ; looks += 1) {
    const begunAt = momentOf(request.clock);
    const seen = await look(request);
    const isApart = msSince(request.clock, begunAt) > apartMsMax;
    if (!isApart || looks === looksMax || isUnread(seen)) return seen;
  }
}

/** What depends on that kind is held anyhow. */
function isUnread({ app, machines, volumes, secrets, addresses }: ObservedApp): boolean {
  return [app, machines, volumes, secrets, addresses].some(({ status }) => status === 'unread');
}

async function look({ fly, app: name, clock }: ObserveAppRequest): Promise<ObservedApp> {
  // The moment before asking: what happens on Fly meanwhile is then newer than this observation, never older.
  const askedAt = momentOf(clock);
  const asked = [
    read(fly.app(name)),
    read(fly.machines(name)),
    read(fly.volumes(name)),
    read(fly.secrets(name)),
    read(fly.addresses(name)),
  ] as const;
  // All of them come to an end before the first failure is thrown: nothing goes on behind the caller's back.
  const [app, machines, listed, secrets, addresses] = await allEnded(asked);
  const flyAheadMs = fly.aheadMs();
  if (app.status === 'read' && app.value.state !== 'present') {
    const empty = { status: 'read', value: [] } as const;
    const presence = contradicted(app, machines);
    return {
      name,
      askedAt,
      flyAheadMs,
      app: presence,
      machines: empty,
      volumes: empty,
      secrets: empty,
      addresses: empty,
    };
  }
  const volumes = await withMounted(fly, name, { machines, listed });
  const org = app.status === 'read' ? organizationOf(app.value) : undefined;
  const id = app.status === 'read' && app.value.state === 'present' ? appIdOf(app.value.app) : undefined;
  return { name, askedAt, flyAheadMs, app, id, org, machines, volumes, secrets, addresses };
}

/** A volume that a machine mounts is there, though Fly lists it seconds later, or, on a bad day, not at all: asked for by its id. */
async function withMounted(
  fly: FlyReader,
  app: string,
  { machines, listed }: { readonly machines: ObservedApp['machines']; readonly listed: ObservedApp['volumes'] },
): Promise<ObservedApp['volumes']> {
  if (machines.status === 'unread' || listed.status === 'unread') return listed;
  const known = new Set(listed.value.map(({ id }) => id));
  const mounts = machines.value.filter((machine) => !isGone(machine)).flatMap(({ config }) => config?.mounts ?? []);
  const unlisted = new Set(mounts.flatMap(({ volume }) => (volume === undefined || known.has(volume) ? [] : [volume])));
  const answers = await allEnded([...unlisted].map((id) => read(fly.volume(app, id))));
  const unread = answers.find((answer) => answer.status === 'unread');
  if (unread !== undefined) return unread;
  const found = answers.flatMap((answer) => (answer.status === 'read' ? (answer.value ?? []) : []));
  return { status: 'read', value: [...listed.value, ...found.filter(({ state }) => !gone.has(state))] };
}

const gone: ReadonlySet<string> = new Set(goneVolumeStates);

/**
 * The app's newest releases: a deployment in progress shows there before it has touched a machine. A call of its own, for
 * plans in which that matters: an app in sync does not need it.
 */
export function observeReleases({
  fly,
  app,
}: Pick<ObserveAppRequest, 'fly' | 'app'>): Promise<Reading<readonly Release[]>> {
  return readIfPossible(fly.releases(app));
}

export interface ObserveDeploymentsRequest extends Pick<ObserveAppRequest, 'fly' | 'app'> {
  /** Those that are there. */
  readonly machines: readonly Machine[];
  /** The newest record that SQLite remembers. */
  readonly told?: Told | undefined;
  readonly fleet: FleetOwner;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** true: the destroyed ones are wanted anyhow. Default false. */
  readonly asksDeparted?: boolean;
}

/** With one call more where that is asked, or a release seems to be somebody else's, for destroyed machines may know it for FlyCD's. */
export async function observeDeployments(
  request: ObserveDeploymentsRequest,
): Promise<Pick<ObservedApp, 'releases' | 'departed' | 'isDepartedUnread'>> {
  const { fly, app } = request;
  const releases = await observeReleases(request);
  const machines = request.machines.filter((machine) => !isGone(machine));
  const aheadMs = fly.aheadMs();
  const isForeign =
    releases.status === 'read' && asksTheDeparted({ ...request, aheadMs, machines, releases: releases.value });
  if (!isForeign && request.asksDeparted !== true) return { releases };
  const all = await readIfPossible(fly.machines(app, { includeDeleted: true }));
  if (all.status === 'unread') return { releases, isDepartedUnread: true };
  return { releases, departed: all.value.filter(isGone) };
}

/** GraphQL's id is the name, which tells no two apart: undefined. */
export function appIdOf({ id, name }: App): string | undefined {
  return id === name ? undefined : id;
}

/** Older answers of Fly's name none. */
function organizationOf(presence: AppPresence): string | undefined {
  const slug = presence.state === 'present' ? presence.app.organization?.slug?.trim() : undefined;
  return slug === '' ? undefined : slug;
}

/** An app on its way out answers 404 while its machines are still listed: its name is not free yet. */
function contradicted(app: Reading<AppPresence>, machines: Reading<readonly unknown[]>): Reading<AppPresence> {
  if (machines.status === 'unread' || machines.value.length === 0) return app;
  return { status: 'unread', reason: 'Fly says that the app is not there, yet lists its machines' };
}
