/** Records of releases on Fly, as FlyCD makes them: one for each version and image of an app. */
import type { Release } from '../../../schemas/fly/release.ts';
import type { RememberedRelease } from '../../model/standing/memory.ts';
import { parseTold, type Told } from '../../model/stamps/stamps.ts';
import { isOwn } from '../../model/stamps/owner.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import { allOf, classifyMachines } from '../classify/machines.ts';
import { wantedImage } from '../kinds/image.ts';
import { appConfigVersion } from './app-version.ts';
import { firstRelease } from '../classify/hand-made.ts';
import { isGone, metadataOf } from '../classify/machine-state.ts';
import type { GroupMachine, PlanAppInput } from '../types.ts';

export interface KnownRelease {
  /** What git wants of the app's machines, but for the image. */
  readonly version: string;
  /** The record of just that, from an earlier try. undefined: there is none, or somebody has released since. */
  readonly told: Told | undefined;
  /** What Fly was told of it last, as far as that is known. */
  readonly status: 'complete' | 'unfinished' | undefined;
  /** The number of FlyCD's first, as far as it is known. */
  readonly first: number | undefined;
  /** One that Fly was not told the end of. */
  readonly open: RememberedRelease | undefined;
}

type KnownReleaseInput = Pick<PlanAppInput, 'desired' | 'observed' | 'memory' | 'fleet' | 'now'>;

/**
 * The machines say which record told of them, those that are gone as well, SQLite of one that has reached no machine yet. Without either (a FlyCD that
 * died in between, its database lost) the app's newest record is taken up where nothing has come of it and its image is
 * the wanted one.
 */
export function knownRelease(asked: KnownReleaseInput): KnownRelease {
  const input = { ...asked, memory: { ...asked.memory, told: rememberedOf(asked) } };
  const { desired, observed, memory } = input;
  const version = appConfigVersion(desired);
  const releases = observed.releases?.status === 'read' ? observed.releases.value : [];
  const found = observed.machines.status === 'read' ? search(input, version, releases) : undefined;
  const isOver = found !== undefined && releases.some((release) => release.version > found.number);
  const told = isOver ? undefined : found;
  const open = memory.told?.isOpen === true ? memory.told : leftRunning(input, told, releases);
  const machines = observed.machines.status === 'read' ? observed.machines.value.filter((one) => !isGone(one)) : [];
  const { departed } = observed;
  const first = firstRelease({ machines, departed, told: memory.told, releases, fleet: asked.fleet }) || undefined;
  return { version, told, first, status: told === undefined ? undefined : statusOf(told, releases, open), open };
}

/** Where nobody wrote down of which app it is, and no machine of ours stands in this one, it may be of an earlier one by the name. */
function rememberedOf({ memory, observed, fleet }: KnownReleaseInput): RememberedRelease | undefined {
  const machines = observed.machines.status === 'read' ? observed.machines.value : [];
  const isItsOwn = machines.some((machine) => isOwn(metadataOf(machine), fleet));
  return memory.appId !== undefined || observed.id === undefined || isItsOwn ? memory.told : undefined;
}

/**
 * Of an earlier wish: once its last machine names another record, this one would pass for a release that somebody else is
 * at. `undefined`: no machine of ours names one that runs.
 */
function leftRunning(
  { observed, fleet }: KnownReleaseInput,
  inUse: Told | undefined,
  releases: readonly Release[],
): RememberedRelease | undefined {
  const machines = observed.machines.status === 'read' ? observed.machines.value : [];
  for (const metadata of [...machines, ...(observed.departed ?? [])].map(metadataOf)) {
    const told = isOwn(metadata, fleet) ? parseTold(metadata[stampKeys.told]) : undefined;
    const record = releases.find(({ id }) => id === told?.id);
    if (told === undefined || told.id === inUse?.id || record?.status !== 'running') continue;
    return { ...told, image: record.image_ref ?? '', isOpen: true };
  }
  return undefined;
}

function statusOf(told: Told, releases: readonly Release[], open: Told | undefined): KnownRelease['status'] {
  const status = releases.find((release) => release.id === told.id)?.status;
  if (status === 'complete') return 'complete';
  return status === 'pending' || status === 'running' || open?.id === told.id ? 'unfinished' : undefined;
}

function search(input: KnownReleaseInput, version: string, releases: readonly Release[]): Told | undefined {
  const { desired, observed, memory, fleet, now } = input;
  if (observed.machines.status === 'unread') return undefined;
  const scope = { desired, fleet, now, machines: observed.machines.value, aheadMs: observed.flyAheadMs };
  const inventory = classifyMachines({ ...scope, releases: undefined });
  const image = wantedImage(desired, allOf(inventory), observed, false);
  if (image.state !== 'known') return undefined;
  const toldOf = ({ machine, live, metadata, ours }: GroupMachine): Told | undefined => {
    const told = parseTold(metadata[stampKeys.told]);
    return ours && live !== undefined && image.matches(machine, live) && told?.version === version ? told : undefined;
  };
  const newest = inventory.members.flatMap((member) => toldOf(member) ?? []).toSorted((a, b) => b.number - a.number)[0];
  if (newest !== undefined) return newest;
  const departed = (observed.departed ?? []).find((machine) => {
    const metadata = metadataOf(machine);
    const isSame = isOwn(metadata, fleet) && parseTold(metadata[stampKeys.told])?.version === version;
    return isSame && image.matches(machine, machine.config ?? {});
  });
  if (departed !== undefined) return parseTold(metadataOf(departed)[stampKeys.told]);
  const remembered = memory.told;
  if (remembered?.version === version && remembered.image === image.ref) return remembered;
  const [last] = releases.toSorted((a, b) => b.version - a.version);
  if (last?.id === undefined || last.status !== 'pending' || last.image_ref !== image.ref) return undefined;
  return { id: last.id, number: last.version, version };
}
