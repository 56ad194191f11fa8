/** Volumes: as many as machines need, at least as large as git says. Never fewer, never smaller. */
import type { Volume, VolumeRequest } from '../../schemas/fly/app.ts';
import type { DesiredApp, DesiredVolume } from '../model/desired.ts';
import type { Hold, VolumeStep } from '../model/plan.ts';
import { unclearIntent } from './intents.ts';
import { counted, holdOf, type Part, type PlanAppInput } from './input.ts';
import type { GroupMachines } from './machines.ts';

/** Fly's own default is 3 GB; flyctl's, which people know, is 1. */
const defaultSizeGb = 1;

interface Need {
  readonly volume: DesiredVolume;
  readonly group: string | undefined;
  readonly region: string;
  /** How many there should be, attached and free together. */
  readonly count: number;
  /** Machines of the group there: what is attached to them counts. */
  readonly machines: ReadonlySet<string>;
}

export function planVolumes(input: PlanAppInput, groups: readonly GroupMachines[], volumes: readonly Volume[]): Part {
  const { desired } = input;
  const needs = needsOf(desired, groups);
  const free = volumes.filter((volume) => (volume.attached_machine_id ?? '') === '');
  const used = new Set<string>();
  const steps: VolumeStep[] = [];
  const holds: Hold[] = [];
  const notes: string[] = [];
  const made = new Map<string, number>();
  /** Of the needs before, by place: two groups may mount volumes of one name, and each step has a target of its own. */
  const numbered = new Map<string, number>();
  for (const need of needs) {
    const named = (volume: Volume): boolean => volume.name === need.volume.name && volume.region === need.region;
    const attached = volumes.filter((volume) => named(volume) && need.machines.has(volume.attached_machine_id ?? ''));
    const lacking = Math.max(0, need.count - attached.length);
    // Those that are as git says come first, then the nearest to its size, which another group of that name may not share:
    // the choice stays the same when more become free.
    const misfits = (volume: Volume): number => settingsOf(desired, need, volume, 1).length;
    const usable = free.filter((volume) => named(volume) && !used.has(volume.id));
    const off = (volume: Volume): number => Math.abs(volume.size_gb - need.volume.sizeGb);
    const taken = usable.toSorted((a, b) => misfits(a) - misfits(b) || off(a) - off(b) || byId(a, b)).slice(0, lacking);
    for (const volume of taken) used.add(volume.id);
    const have = [...attached.toSorted(byId), ...taken];
    const place = `${need.volume.name}/${need.region}`;
    const offset = numbered.get(place) ?? 0;
    numbered.set(place, offset + Math.max(need.count, have.length));
    have.forEach((volume, index) => steps.push(...settingsOf(desired, need, volume, offset + index + 1)));
    for (let found = have.length; found < need.count; found += 1) {
      const before = made.get(place) ?? 0;
      made.set(place, before + 1);
      const there = volumes.filter(named).length + before;
      const step = createStep(desired, { ...need, found, number: offset + found + 1, there });
      const unclear = unclearIntent(input, step);
      if (unclear === undefined) steps.push(step);
      else holds.push(holdOf(desired.name, { ...unclear, steps: [step] }));
    }
  }
  for (const [place, left] of Map.groupBy(
    free.filter((volume) => !used.has(volume.id)),
    (volume) => `${volume.name} in ${volume.region}`,
  )) {
    notes.push(`${counted(left.length, 'volume')} ${place} is used by no machine; FlyCD deletes no volume`);
  }
  notes.push(...unmountedNotes(desired, groups));
  return { steps, holds, notes };
}

function byId(a: Volume, b: Volume): number {
  return a.id < b.id ? -1 : 1;
}

function needsOf(desired: DesiredApp, groups: readonly GroupMachines[]): readonly Need[] {
  const mounted = groups.flatMap((planned): Need[] => {
    const { group, wanted, members } = planned;
    const { mount } = group;
    if (mount === undefined) return [];
    const volume = desired.volumes.find((one) => one.name === mount.volume && (one.group ?? group.name) === group.name);
    const machines = new Set(members.map((member) => member.machine.id));
    return [...wanted.byRegion]
      .filter(([, count]) => count > 0)
      .map(([region, count]) => ({
        volume: volume ?? plainVolume(mount.volume, group.name),
        group: group.name,
        region,
        count: Math.max(count - (planned.withoutVolume.get(region) ?? 0), volume?.count ?? 0),
        machines,
      }));
  });
  const unmounted = desired.volumes
    .filter((volume) => !isMounted(volume, groups))
    .flatMap((volume) =>
      desired.regions.map((region): Need => {
        return { volume, group: undefined, region, count: Math.max(volume.count, 1), machines: new Set() };
      }),
    );
  return [...mounted, ...unmounted];
}

function isMounted(volume: DesiredVolume, groups: readonly GroupMachines[]): boolean {
  return groups.some(({ group }) => group.mount?.volume === volume.name && (volume.group ?? group.name) === group.name);
}

function unmountedNotes(desired: DesiredApp, groups: readonly GroupMachines[]): readonly string[] {
  return desired.volumes
    .filter((volume) => !isMounted(volume, groups))
    .map((volume) => `volume ${volume.name} is mounted by no process group`);
}

function plainVolume(name: string, group: string): DesiredVolume {
  return {
    name,
    sizeGb: defaultSizeGb,
    count: 0,
    group,
    snapshotRetentionDays: undefined,
    scheduledSnapshots: undefined,
  };
}

/** The first has no number, so that an app with one volume reads plainly. */
function targetOf(desired: DesiredApp, need: Need, number: number): string {
  return `${desired.name}/${need.volume.name}/${need.region}${number > 1 ? `#${number}` : ''}`;
}

interface Lack extends Need {
  /** Of the need's volumes, how many there are or are made before this one. */
  readonly found: number;
  /** Among all of its name and region. */
  readonly number: number;
  /** Of its name and region, whoever mounts them. */
  readonly there: number;
}

function createStep(desired: DesiredApp, need: Lack): VolumeStep {
  const { volume, region, found, number, there } = need;
  const request: VolumeRequest = { name: volume.name, region, size_gb: volume.sizeGb };
  if (volume.snapshotRetentionDays !== undefined) request.snapshot_retention = volume.snapshotRetentionDays;
  if (volume.scheduledSnapshots !== undefined) request.auto_backup_enabled = volume.scheduledSnapshots;
  return {
    kind: 'volume.create',
    app: desired.name,
    target: targetOf(desired, need, number),
    because: `git wants ${need.count} in ${region}, Fly has ${found}`,
    risk: 'costs',
    changes: [{ path: 'size_gb', from: undefined, to: volume.sizeGb }],
    request,
    group: need.group,
    there,
  };
}

/** What the volume has less of than git says, or other than git says. A size is a minimum: it may have grown by itself. */
function settingsOf(desired: DesiredApp, need: Need, live: Volume, number: number): readonly VolumeStep[] {
  const { volume } = need;
  const base = { app: desired.name, target: targetOf(desired, need, number), volumeId: live.id };
  const steps: VolumeStep[] = [];
  if (live.size_gb < volume.sizeGb) {
    steps.push({
      ...base,
      kind: 'volume.extend',
      because: `git wants at least ${volume.sizeGb} GB`,
      risk: 'costs',
      changes: [{ path: 'size_gb', from: live.size_gb, to: volume.sizeGb }],
      sizeGb: volume.sizeGb,
    });
  }
  const changes = [
    settingChange('snapshot_retention', live.snapshot_retention, volume.snapshotRetentionDays),
    settingChange('auto_backup_enabled', live.auto_backup_enabled, volume.scheduledSnapshots),
  ].flat();
  if (changes.length > 0) {
    steps.push({
      ...base,
      kind: 'volume.configure',
      because: 'its snapshots are not as git says',
      risk: 'safe',
      changes,
      snapshotRetentionDays: volume.snapshotRetentionDays,
      scheduledSnapshots: volume.scheduledSnapshots,
    });
  }
  return steps;
}

/** Where git says nothing, or Fly does not say, there is nothing to compare. */
function settingChange<T extends number | boolean>(path: string, from: T | null | undefined, to: T | undefined) {
  return to === undefined || from === undefined || from === null || from === to ? [] : [{ path, from, to }];
}
