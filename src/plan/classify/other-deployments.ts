/** Who else is at work on an app: FlyCD waits for them. */
import type { Machine } from '../../../schemas/fly/machine.ts';
import { releaseCommandGroup, reservedGroups } from '../../../schemas/fly/presets.ts';
import type { Release } from '../../../schemas/fly/release.ts';
import { parseTold, type Told } from '../../model/stamps/stamps.ts';
import { formatTime } from '../../model/base/clock.ts';
import { shellWord } from '../../model/base/shell.ts';
import { holderOf, isDestroyLease, isOwnLease } from '../../model/stamps/lease-holder.ts';
import { isOwn, type FleetOwner } from '../../model/stamps/owner.ts';
import { flyctlKeys, stampKeys } from '../../model/stamps/keys.ts';
import type { HoldParts, OtherDeployment } from '../types.ts';
import { bluegreenKey } from './bluegreen.ts';
import { groupOf, metadataOf } from './machine-state.ts';

export interface BusyInput {
  readonly machines: readonly Machine[];
  /** undefined: not asked for, or unread. */
  readonly releases: readonly Release[] | undefined;
  /** The newest record that FlyCD made, as SQLite remembers it; each machine of ours names the one that last reached it. */
  readonly told?: Told | undefined;
  /** Destroyed ones, whose stamps still tell which records FlyCD made. undefined: not asked for, or unread. */
  readonly departed?: readonly Machine[] | undefined;
  readonly fleet: FleetOwner;
  /** By our clock. */
  readonly now: number;
  /** Milliseconds that Fly's clock, which dates all of this, is ahead of ours. */
  readonly aheadMs: number;
}

/**
 * A machine that flyctl made for a deployment in progress and that is older than this was left behind: waiting for it
 * would never end. Longer than any deployment that still moves; the same bound as for a release that runs elsewhere.
 */
const leftBehindAfterMs = 30 * 60_000;
/** Leases are for minutes and renewed by whoever is at work; one for longer than this was a slip, and ends in no time that helps. */
const endlessMs = 60 * 60_000;
/** Nothing says when somebody is done, but the end of a lease that nobody renews: look again after this. */
const busyLookMs = 60_000;

const canaryKey = 'fly_canary';

export function isCanary(metadata: Readonly<Record<string, string>>): boolean {
  return metadata[canaryKey] !== undefined;
}

/**
 * A finished bluegreen leaves one tag on all machines that flyctl deploys; two tags, or tagged and untagged ones, are one in
 * progress. Machines that somebody made beside (`fly machine run`) never get one.
 */
export function hasMixedTags(machines: readonly Machine[]): boolean {
  const tags = machines
    .map((machine) => metadataOf(machine))
    .filter((metadata) => metadata[flyctlKeys.platformVersion] === 'v2')
    .filter((metadata) => !reservedGroups.some((reserved) => reserved === groupOf(metadata)))
    .map((metadata) => metadata[bluegreenKey]);
  return tags.some((tag) => tag !== undefined) && new Set(tags).size > 1;
}

/**
 * What a hold for it says. Nothing wakes who waits for somebody else's lease: the app looks again when the lease ends, after
 * `busyLookMs` at the latest, and from the fourth time less and less often, 5 minutes apart at most (the loop's backoff). So it
 * goes on that much later at most than the lease is given back. Who depends on it (guards/dependencies.ts) is woken once its
 * pass is done, and looks for itself within the same 5 minutes. `again`: the command of a person that is held, and remembered by
 * nobody.
 */
export function whyBusy({ holder, retryAt, next }: OtherDeployment, again?: string): Omit<HoldParts, 'steps'> {
  const because = `somebody else is at work: ${holder}`;
  const goesOn = again === undefined ? 'FlyCD goes on by itself' : `${again} again`;
  const then = again === undefined ? '' : `; then ${again} again`;
  return { reason: 'busy', because, next: next === undefined ? `${goesOn} when they are done` : next + then, retryAt };
}

/** Machines are those that are there. undefined: nobody else is at work. */
export function busyWith(input: BusyInput): OtherDeployment | undefined {
  const { now, aheadMs } = input;
  const retryAt = now + busyLookMs;
  const byFly = { ...input, now: now + aheadMs };
  const lease = leaseOfOthers(byFly);
  if (lease !== undefined) {
    // Whoever is done gives it back before its end.
    return { ...lease, retryAt: Math.min(lease.endsAt - aheadMs, retryAt) };
  }
  const others = input.releases === undefined ? undefined : othersReleases(input, input.releases);
  return busyMachine(byFly, others, retryAt) ?? releasing(others ?? [], byFly.now, retryAt);
}

/**
 * Who is destroying the app, a FlyCD of this fleet as well: to a config that does not name the app it is one that git removed.
 * undefined: nobody.
 */
export function destroyedBy({
  machines,
  now,
  aheadMs,
}: Omit<BusyInput, 'releases' | 'fleet'>): OtherDeployment | undefined {
  const [last] = leasesOf({ machines, now: now + aheadMs }, isDestroyLease);
  if (last === undefined) return undefined;
  const retryAt = Math.min(last.endsAt - aheadMs, now + busyLookMs);
  return { holder: `${holderOf(last.lease)} is destroying the app, or was about to`, retryAt };
}

/** Those that end last first. `now` is Fly's. */
function leasesOf(
  { machines, now }: Pick<BusyInput, 'machines' | 'now'>,
  isMeant: (description: string | undefined) => boolean,
) {
  return machines
    .flatMap(({ id, lease }) => (lease === undefined || lease === null ? [] : [{ id, lease }]))
    .map(({ id, lease }) => ({ id, lease, endsAt: lease.expires_at * 1000 }))
    .filter(({ lease, endsAt }) => endsAt > now && isMeant(lease.description ?? undefined))
    .toSorted((a, b) => b.endsAt - a.endsAt);
}

function leaseOfOthers(input: BusyInput) {
  const { now } = input;
  const [last] = leasesOf(input, (description) => !isOwnLease(description, input.fleet));
  if (last === undefined) return undefined;
  const { id, lease, endsAt } = last;
  const holder = `${holderOf(lease)} holds a lease on`;
  if (endsAt - now <= endlessMs) return { holder: `${holder} a machine`, endsAt };
  return {
    holder: `${holder} machine ${id} until ${formatTime(endsAt)}`,
    next: `nobody deploys for so long; if it was left behind: fly machine leases clear ${shellWord(id)}`,
    endsAt,
  };
}

/** What a deployment makes and takes away again. Left behind by one that is over, it tells of nobody. */
function busyMachine(
  input: BusyInput,
  others: readonly Release[] | undefined,
  retryAt: number,
): OtherDeployment | undefined {
  const { machines } = input;
  const [newest] = others ?? [];
  if (others !== undefined && (newest === undefined || !isAtWork(newest, input.now))) return undefined;
  const mixed = hasMixedTags(machines);
  const isRecent = (machine: Machine): boolean => {
    const created = Date.parse(machine.created_at ?? '');
    return Number.isNaN(created) || input.now - created < leftBehindAfterMs;
  };
  const foreign = (machine: Machine): boolean => !isOwn(metadataOf(machine), input.fleet);
  // One that runs is at work however long it takes; one at rest may be about to start, or was left behind.
  const release = machines.find(
    (machine) =>
      groupOf(metadataOf(machine)) === releaseCommandGroup &&
      foreign(machine) &&
      (isRecent(machine) || ['starting', 'started', 'stopping'].includes(machine.state)),
  );
  if (release !== undefined) return { holder: `machine ${release.id} runs a release command`, retryAt };
  const canary = machines.find((machine) => isCanary(metadataOf(machine)) && isRecent(machine));
  if (canary !== undefined) return { holder: `machine ${canary.id} is a canary of a deployment`, retryAt };
  const green = machines.find(
    (machine) => mixed && metadataOf(machine)[bluegreenKey] !== undefined && isRecent(machine),
  );
  if (green !== undefined) return { holder: `machine ${green.id} belongs to a bluegreen deployment`, retryAt };
  return undefined;
}

/**
 * true: a release is under way that no machine and no database knows for FlyCD's. Machines that are gone may: where they
 * were destroyed, and the database is another, one's own record is left to nobody.
 */
export function asksTheDeparted(input: BusyInput): boolean {
  const others = input.releases === undefined ? [] : othersReleases(input, input.releases);
  return others.some((release) => isAtWork(release, input.now + input.aheadMs));
}

/** Ids of the releases that are known for FlyCD's own. */
export function ownReleases({
  machines,
  departed = [],
  told,
  fleet,
}: Pick<BusyInput, 'machines' | 'departed' | 'told' | 'fleet'>): ReadonlySet<string> {
  const stamps = [...machines, ...departed]
    .map((machine) => metadataOf(machine))
    .filter((metadata) => isOwn(metadata, fleet))
    .map((metadata) => parseTold(metadata[stampKeys.told]));
  return new Set([...stamps, told].flatMap((one) => one?.id ?? []));
}

/** Newest first, by when they began. */
function othersReleases(input: BusyInput, releases: readonly Release[]): readonly Release[] {
  const own = ownReleases(input);
  return releases
    .filter((one) => one.id === undefined || !own.has(one.id))
    .toSorted((a, b) => begunAt(b) - begunAt(a) || b.version - a.version);
}

function begunAt({ created_at: at }: Release): number {
  return Date.parse(at);
}

function isYoung(release: Release, now: number): boolean {
  return now - begunAt(release) < leftBehindAfterMs;
}

/** Its process may have died while it was pending: flyctl says `running` in the next moment, before all else. */
function isAtWork(release: Release, now: number): boolean {
  return isRunning(release) || (release.status === 'pending' && isYoung(release, now));
}

function isRunning({ status, in_progress: inProgress }: Release): boolean {
  return status === 'running' || (inProgress === true && status !== 'pending');
}

/** The newest release in progress: seen from its first second, when no machine tells of it yet. */
function releasing(others: readonly Release[], now: number, retryAt: number): OtherDeployment | undefined {
  const release = others.find((one) => isRunning(one) && isYoung(one, now));
  if (release === undefined) return undefined;
  const who = release.user ?? '';
  const since = new Date(begunAt(release)).toISOString().slice(11, 16);
  return {
    holder: `${who === '' ? 'somebody' : who} runs release v${release.version}, since ${since} UTC`,
    retryAt,
  };
}
