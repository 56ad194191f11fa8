/** Volumes: as many as machines need, at least as large as git says. Never fewer, never smaller. */
import type { Volume, VolumeRequest } from '../../../schemas/fly/app.ts';
import type { MachineGuest } from '../../../schemas/fly/machine.ts';
import type { DesiredApp, DesiredVolume } from '../../model/desired.ts';
import type { Hold, MachineCreate, VolumeStep } from '../../model/plan.ts';
import { byClaim } from './free-volumes.ts';
import { unclearIntent } from './intents.ts';
import type { PlanAppInput, VolumesPlan, GroupPlan } from '../types.ts';
import { plural } from '../../model/base/text.ts';
import { holdOf } from '../steps/hold.ts';
import { isMounted } from '../classify/mount-mismatch.ts';

/** Fly's own default is 3 GB; flyctl's, which people know, is 1. */
const defaultSizeGb = 1;

interface Need {
  readonly volume: DesiredVolume;
  readonly group: string | undefined;
  readonly region: string;
  /** How many there should be, attached and free together. */
  readonly count: number;
  /** Machines that this plan makes there: one that stays over the number is made anew as well. */
  readonly creates: number;
  /** Those that only machines held for a person need. */
  readonly held: number;
  /** Size of a machine that will mount one. undefined: Fly’s own, or none is made. */
  readonly guest?: MachineGuest | undefined;
  /** Machines of the group there: what is attached to them counts. undefined: to whatever no other need has counted. */
  readonly machines: ReadonlySet<string> | undefined;
}

export function planVolumes(
  input: PlanAppInput,
  groups: readonly GroupPlan[],
  volumes: readonly Volume[],
): VolumesPlan {
  const { desired } = input;
  const needs = needsOf(desired, groups);
  const free = volumes.filter((volume) => (volume.attached_machine_id ?? '') === '');
  const used = new Set<string>();
  const steps: VolumeStep[] = [];
  const holds: Hold[] = [];
  const notes: string[] = [];
  const held = new Map<string, VolumeStep[]>();
  const made = new Map<string, number>();
  /** Of the needs before, by place: two groups may mount volumes of one name, and each step has a target of its own. */
  const numbered = new Map<string, number>();
  for (const wish of needs) {
    const named = (volume: Volume): boolean => volume.name === wish.volume.name && volume.region === wish.region;
    const attached = volumes.filter((volume) => named(volume) && isIts(volume, wish) && !used.has(volume.id));
    const need = { ...wish, count: Math.max(wish.count, attached.length + wish.creates) };
    const lacking = Math.max(0, need.count - attached.length);
    const usable = free.filter((volume) => named(volume) && !used.has(volume.id));
    const order = byClaim({ desired, volume: need.volume, made: input.memory.made });
    const taken = usable.toSorted(order).slice(0, lacking);
    for (const volume of [...attached, ...taken]) used.add(volume.id);
    const have = [...attached.toSorted(byId), ...taken];
    const place = `${need.volume.name}/${need.region}`;
    const offset = numbered.get(place) ?? 0;
    const all = Math.max(need.count, have.length);
    numbered.set(place, offset + all + need.held);
    have.forEach((volume, index) => steps.push(...settingsOf(desired, need, volume, offset + index + 1)));
    for (let found = have.length; found < need.count; found += 1) {
      const before = made.get(place) ?? 0;
      made.set(place, before + 1);
      const there = volumes.filter(named).length + before;
      const listed = volumes.filter(named).map(({ id }) => id);
      const step = createStep(desired, { ...need, found, number: offset + found + 1, there });
      const unclear = unclearIntent(input, step, listed);
      if (unclear === undefined) steps.push(step);
      else holds.push(holdOf(desired.name, { ...unclear, steps: [step] }));
    }
    const spare = usable.filter((volume) => !used.has(volume.id)).slice(0, need.held);
    for (const volume of spare) used.add(volume.id);
    const later = Array.from({ length: need.held - spare.length }, (_none, index) => {
      const there = volumes.filter(named).length + (made.get(place) ?? 0) + index;
      const found = all + spare.length + index;
      return createStep(desired, { ...need, count: all + need.held, found, number: offset + found + 1, there });
    });
    if (need.group !== undefined) held.set(need.group, [...(held.get(need.group) ?? []), ...later]);
  }
  for (const [place, left] of Map.groupBy(
    free.filter((volume) => !used.has(volume.id)),
    (volume) => `${volume.name} in ${volume.region}`,
  )) {
    notes.push(`${plural(left.length, 'volume')} ${place} is used by no machine; FlyCD deletes no volume`);
  }
  notes.push(...unmountedNotes(desired));
  return { steps, holds, notes, held };
}

function isIts({ attached_machine_id: machine }: Volume, { machines }: Need): boolean {
  return machines === undefined ? (machine ?? '') !== '' : machines.has(machine ?? '');
}

function byId(a: Volume, b: Volume): number {
  return a.id < b.id ? -1 : 1;
}

function needsOf(desired: DesiredApp, groups: readonly GroupPlan[]): readonly Need[] {
  const mounted = groups.flatMap((planned): Need[] => {
    const { group, wanted, members } = planned;
    const { mount } = group;
    if (mount === undefined) return [];
    const volume = desired.volumes.find((one) => one.name === mount.volume && (one.group ?? group.name) === group.name);
    const machines = new Set(members.map((member) => member.machine.id));
    const misfits = planned.misfits.map(({ create }) => create);
    const inRegion = (region: string, creates: readonly MachineCreate[]): readonly MachineCreate[] =>
      creates.filter(({ slot, mount: mounts }) => slot.region === region && mounts !== undefined);
    return [...wanted.byRegion]
      .map(([region, count]) => ({
        volume: volume ?? plainVolume(mount.volume, group.name),
        group: group.name,
        region,
        count: count === 0 ? 0 : Math.max(count - (planned.withoutVolume.get(region) ?? 0), volume?.count ?? 0),
        creates: inRegion(region, planned.creates).length,
        held: inRegion(region, misfits).length,
        guest: inRegion(region, [...planned.creates, ...misfits])[0]?.config.guest ?? undefined,
        machines,
      }))
      .filter(({ count, creates, held }) => count > 0 || creates > 0 || held > 0);
  });
  const unmounted = desired.volumes
    .filter((volume) => !isMounted(volume, desired.groups))
    .flatMap((volume) =>
      desired.regions.map((region): Need => {
        return {
          volume,
          group: undefined,
          region,
          count: Math.max(volume.count, 1),
          creates: 0,
          held: 0,
          machines: undefined,
        };
      }),
    );
  return [...mounted, ...unmounted];
}

function unmountedNotes(desired: DesiredApp): readonly string[] {
  return desired.volumes
    .filter((volume) => !isMounted(volume, desired.groups))
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
  const { volume, region, found, number, there, guest } = need;
  const request: VolumeRequest = { name: volume.name, region, size_gb: volume.sizeGb };
  if (volume.snapshotRetentionDays !== undefined) request.snapshot_retention = volume.snapshotRetentionDays;
  // As flyctl: the volume ties the machine to its host, so that has to have room for it.
  if (guest !== undefined) request.compute = guest;
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
