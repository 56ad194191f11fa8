/** What somebody did by flyctl since FlyCD's last release, told by what flyctl writes on machines. */
import type { Machine } from '../../../schemas/fly/machine.ts';
import type { Release } from '../../../schemas/fly/release.ts';
import type { ObservedApp } from '../../model/observed.ts';
import { flyctlKeys, stampKeys } from '../../model/stamps/keys.ts';
import { isOwn, type FleetOwner } from '../../model/stamps/owner.ts';
import { parseGood } from '../../model/stamps/app-version.ts';
import { parseSent, parseTold, type Told } from '../../model/stamps/stamps.ts';
import type { GroupMachine, MachineInventory } from '../types.ts';
import { versionMadeAt } from './machine-history.ts';
import { groupOf, metadataOf } from './machine-state.ts';
import { isCanary } from './other-deployments.ts';

type Metadata = Readonly<Record<string, string>>;

/** A release that is not FlyCD's has reached a machine of ours, and FlyCD has not taken note of it yet. */
export function isByHand(metadata: Metadata): boolean {
  const release = metadata[flyctlKeys.releaseId] ?? '';
  return parseSent(metadata[stampKeys.sent]) !== undefined && (metadata[stampKeys.release] ?? '') !== release;
}

/** A release made it, and FlyCD has written nothing on it. */
export function isOnlyFlyctls(metadata: Metadata): boolean {
  return metadata[flyctlKeys.releaseId] !== undefined && metadata[stampKeys.sent] === undefined;
}

interface SinceInput {
  /** Those that are there. */
  readonly machines: readonly Machine[];
  /** Destroyed ones. undefined: not asked for, or unread. */
  readonly departed?: readonly Machine[] | undefined;
  readonly told?: (Told & { readonly first?: number | undefined }) | undefined;
  /** undefined: not asked for, or unread. */
  readonly releases: readonly Release[] | undefined;
  readonly fleet: FleetOwner;
  /** Ids of FlyCD's own releases. */
  readonly own: ReadonlySet<string>;
}

interface Since {
  readonly isSince: (metadata: Metadata) => boolean;
  /** It is since as far as those that are there tell, and those that are gone, which were not read, may tell otherwise. */
  readonly isUncertain: (metadata: Metadata) => boolean;
  /** Nothing that was read tells when FlyCD came. */
  readonly isUntold: boolean;
}

/**
 * Tells machines of a release after FlyCD's first, as far as that is remembered, else after its newest, and where it made none
 * after the newest one that it took note of, or else after a version of its own was good; and of one that FlyCD has not taken
 * note of. Where no machine of FlyCD's that is there says any of it, those that are gone do. What was there when FlyCD came,
 * what somebody else's client made without a release, and what `fly scale count` made of one of FlyCD's, is none of them.
 */
export function madeSince(input: SinceInput): Since {
  const { releases, own } = input;
  const [ours, former] = ownOf(input);
  const number = firstRelease(input);
  const came = Math.min(...[...ours, ...former].flatMap((metadata) => parseGood(metadata[stampKeys.good])?.at ?? []));
  const untold = new Set(ours.filter(isByHand).flatMap((metadata) => metadata[flyctlKeys.releaseId] ?? []));
  const isSince = (metadata: Metadata): boolean => {
    const id = metadata[flyctlKeys.releaseId] ?? '';
    if (untold.has(id)) return true;
    if (own.has(id)) return false;
    if (number > 0) return Number(metadata[flyctlKeys.releaseVersion]) > number;
    return id !== '' && begunAt(id, input) > came;
  };
  const isUncertain = (metadata: Metadata): boolean => {
    const id = metadata[flyctlKeys.releaseId] ?? '';
    const isDated = number > 0 || untold.has(id) || releases?.some((release) => release.id === id) === true;
    return !isDated && input.departed === undefined && isSince(metadata);
  };
  return { isSince, isUncertain, isUntold: number === 0 && came === Infinity };
}

/** Metadata of FlyCD's machines: of those that are there, and of those that are gone. */
function ownOf({ machines, departed = [], fleet }: Pick<SinceInput, 'machines' | 'departed' | 'fleet'>) {
  const [ours = [], former = []] = [machines, departed].map((some) =>
    some.map((machine) => metadataOf(machine)).filter((metadata) => isOwn(metadata, fleet)),
  );
  return [ours, former] as const;
}

/**
 * The number of the release after which all that flyctl makes is by hand: FlyCD's first as far as that is remembered, in SQLite
 * or on a machine, else its newest, else the newest one that it took note of. 0: nothing that was read tells.
 */
export function firstRelease(input: Omit<SinceInput, 'own'>): number {
  const { told, releases } = input;
  const [ours, former] = ownOf(input);
  const remembered = [told?.first, ...[...ours, ...former].map(stampedFirst)].filter((one) => one !== undefined);
  if (remembered.length > 0) return Math.min(...remembered);
  const noted = (metadata: Metadata): number => notedNumber(metadata, releases);
  return (
    Math.max(told?.number ?? 0, ...ours.map(toldNumber)) ||
    Math.max(0, ...former.map(toldNumber)) ||
    Math.max(0, ...ours.map(noted)) ||
    Math.max(0, ...former.map(noted))
  );
}

function stampedFirst(metadata: Metadata): number | undefined {
  const text = metadata[stampKeys.firstRelease] ?? '';
  return /^[1-9][0-9]{0,8}$/.test(text) ? Number(text) : undefined;
}

function toldNumber(metadata: Metadata): number {
  return parseTold(metadata[stampKeys.told])?.number ?? 0;
}

/**
 * Where the release cannot be read, by the oldest machine of it, also of those that are gone: a copy carries the release of its
 * original, and one that it updated was there before.
 */
function begunAt(release: string, { machines, departed = [], releases }: SinceInput): number {
  const listed = releases?.find(({ id }) => id === release)?.created_at;
  if (listed !== undefined) return Date.parse(listed);
  const reached = [...machines, ...departed].filter((one) => metadataOf(one)[flyctlKeys.releaseId] === release);
  return Math.min(...reached.map(({ created_at: at }) => Date.parse(at ?? '')));
}

/** Of the release that FlyCD found on a machine when it wrote its stamps last. 0: none, or its number is not known. */
function notedNumber(metadata: Metadata, releases: readonly Release[] = []): number {
  const noted = metadata[stampKeys.release];
  if (noted === undefined) return 0;
  const known = noted === metadata[flyctlKeys.releaseId] ? Number(metadata[flyctlKeys.releaseVersion]) : undefined;
  return (known ?? releases.find(({ id }) => id === noted)?.version ?? 0) || 0;
}

/** Between the groups that a deployment takes away and its first machine: longer than any takes that still moves. */
const longestMs = 30 * 60_000;

/** Who took a group's last machine, as far as machines that are gone tell. */
interface Emptied {
  readonly by: 'FlyCD' | 'deployment' | 'person' | 'unknown';
  /** Milliseconds since the epoch, by Fly's clock. undefined: not known. */
  readonly at: number | undefined;
}

/**
 * FlyCD marks what it takes away. flyctl takes away the groups that a fly.toml does not name when its release has begun, and before
 * it updates the others; what went at another time went by a person's word of its own, such as `fly scale count`.
 */
export function whoEmptied(
  { departed, releases }: Pick<ObservedApp, 'departed' | 'releases'>,
  inventory: MachineInventory,
  group: string,
): Emptied {
  const gone = (departed ?? [])
    .map((machine) => ({ metadata: metadataOf(machine), at: goneAt(machine) }))
    .filter(({ metadata, at }) => groupOf(metadata) === group && !isCanary(metadata) && at !== undefined)
    .toSorted((a, b) => (b.at ?? 0) - (a.at ?? 0))
    .at(0);
  if (gone?.at === undefined) return { by: 'unknown', at: undefined };
  const { at, metadata } = gone;
  if (metadata[stampKeys.leaving] !== undefined) return { by: 'FlyCD', at };
  const telling = handMade(inventory);
  if (telling.length === 0) return { by: 'person', at };
  if (releases === undefined) return { by: 'unknown', at };
  const numberOf = (one: GroupMachine): number => releaseNumber(one, inventory);
  const isDeployment = [...Map.groupBy(telling, numberOf)].some(([number, reached]) => {
    const first = releasedAt(reached, inventory);
    if (first === undefined || at > first) return false;
    if (releases.status === 'unread') return first - at <= longestMs;
    return Date.parse(releases.value.find(({ version }) => version === number)?.created_at ?? '') <= at;
  });
  return { by: isDeployment ? 'deployment' : 'person', at };
}

/** When somebody asked for its end. */
function goneAt(machine: Machine): number | undefined {
  const ends = (machine.events ?? []).filter(({ type }) => type === 'destroy').map(({ timestamp = 0 }) => timestamp);
  return ends.length === 0 ? undefined : Math.min(...ends);
}

/** Machines that tell of it, of whichever group. */
export function handMade({ members, removed, leftovers }: MachineInventory): readonly GroupMachine[] {
  return [...[...members, ...removed].filter(({ ours, metadata }) => ours && isByHand(metadata)), ...leftovers];
}

type Known = Pick<MachineInventory, 'ownReleases'>;

/**
 * Of the release by hand that reached it: the newest of several is the last word. 0: it tells of none, as what a bluegreen
 * deployment replaced, which says still what FlyCD released.
 */
function releaseNumber({ ours, metadata }: GroupMachine, { ownReleases }: Known): number {
  const number = Number(metadata[flyctlKeys.releaseVersion]);
  const isOurs = (ours && !isByHand(metadata)) || ownReleases.has(metadata[flyctlKeys.releaseId] ?? '');
  return isOurs || !Number.isInteger(number) ? 0 : number;
}

/** Of the releases by hand that these machines tell of. 0: they tell of none. */
export function newestRelease(machines: readonly GroupMachine[], known: Known): number {
  return Math.max(0, ...machines.map((one) => releaseNumber(one, known)));
}

/** When the newest of them reached the first of the machines, by Fly's clock. undefined: they tell of none, or it cannot be known. */
export function releasedAt(machines: readonly GroupMachine[], known: Known): number | undefined {
  const newest = newestRelease(machines, known);
  const reached = machines.filter((one) => releaseNumber(one, known) === newest);
  const times = reached.map(({ machine }) => versionMadeAt(machine));
  const seen = times.filter((time) => time !== undefined);
  return seen.length === 0 || seen.length < times.length ? undefined : Math.min(...seen);
}
