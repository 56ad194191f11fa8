/** The size of a machine. Source: flyctl's computeToGuest and SetSize; bounds from Fly's docs. */
import {
  cpuCounts,
  defaultGpuSize,
  defaultGuest,
  guestPresets,
  memoryRules,
  type GuestPreset,
} from '../../../schemas/fly/presets.ts';
import type { MachineGuest } from '../../../schemas/fly/machine.ts';
import { present, type JsonObject } from '../../model/base/json.ts';
import { integerOf, nonEmptyTextOf, textsOf, optionalWordOf } from '../reading/fields.ts';
import { orList, shortened } from '../../model/base/text.ts';
import { tablesOf } from '../reading/tables.ts';
import { fieldOf, itemPath, keyPath, type Table } from '../reading/values.ts';
import { namedGroupsOf, type ProcessGroups } from './groups.ts';
import { noteList, type ConfigNote } from '../reading/notes.ts';
import { mebibytes, parseSize } from '../reading/sizes.ts';
import { nearest } from '../reading/spelling.ts';

/**
 * The guest that a `vm` section asks for: its preset (shared-cpu-1x where it names none), then memory, then cpu_kind,
 * cpus, memory_mb and the rest, each over the one before. `memory` is text: "512" and "512mb" are mebibytes.
 */
export function guestOf(
  vm: JsonObject,
  context: { readonly path?: string; readonly hostDedicationId?: string | undefined } = {},
): { readonly guest: MachineGuest; readonly notes: readonly ConfigNote[] } {
  const notes = noteList();
  const guest = guestOfTable({ path: context.path ?? '', values: vm, notes }, context.hostDedicationId);
  return { guest, notes: notes.all };
}

/** As guestOf, with notes where the table's are. */
export function guestOfTable(table: Table, hostDedicationId: string | undefined): MachineGuest {
  const said = table.notes.all.length;
  const gpuKind = nonEmptyTextOf(table, 'gpu_kind');
  const explicit = present({
    cpu_kind: optionalWordOf(table, 'cpu_kind', ['shared', 'performance']),
    cpus: positive(table, 'cpus'),
    memory_mb: memoryOf(table),
    max_memory_mb: positive(table, 'max_memory_mb'),
    gpus: positive(table, 'gpus'),
    gpu_kind: gpuKind,
    host_dedication_id: dedicationOf(table, hostDedicationId),
    persist_rootfs: optionalWordOf(table, 'persist_rootfs', ['never', 'restart', 'always']),
    kernel_args: kernelArgsOf(table),
  });
  const guest = { ...presetOf(table, gpuKind !== undefined), ...explicit };
  // What is measured against a value that could not be read would only confuse.
  if (table.notes.all.slice(said).some(({ severity }) => severity === 'error')) return guest;
  checkCpus(table, guest);
  checkMemory(table, guest);
  return guest;
}

/** A vm section's own beats the config's. */
function dedicationOf(table: Table, ofConfig: string | undefined): string | undefined {
  const own = nonEmptyTextOf(table, 'host_dedication_id');
  if (own !== undefined && ofConfig !== undefined && own !== ofConfig) {
    const message = 'it beats the host_dedication_id of the config, which flyctl mixes up with it';
    table.notes.warning(keyPath(table.path, 'host_dedication_id'), message, 'keep one of the two');
  }
  return own ?? ofConfig;
}

/** Zero counts as not given, as in flyctl. */
function positive(table: Table, key: string): number | undefined {
  const value = integerOf(table, key, { min: 0 });
  return value === 0 ? undefined : value;
}

function kernelArgsOf(table: Table): readonly string[] | undefined {
  const args = textsOf(table, 'kernel_args');
  return args?.length === 0 ? undefined : args;
}

function presetOf(table: Table, gpu: boolean): GuestPreset {
  const size = nonEmptyTextOf(table, 'size');
  const fallback = (gpu ? guestPresets[defaultGpuSize] : undefined) ?? defaultGuest;
  if (size === undefined) return fallback;
  const preset = Object.hasOwn(guestPresets, size) ? guestPresets[size] : undefined;
  if (preset !== undefined) return preset;
  const meant = nearest(size, Object.keys(guestPresets));
  const hint = meant === undefined ? `the sizes are ${orList(Object.keys(guestPresets))}` : `did you mean ${meant}?`;
  table.notes.error(keyPath(table.path, 'size'), `Fly has no machine size "${shortened(size)}"`, hint);
  return fallback;
}

/** In MB; memory_mb beats memory. */
function memoryOf(table: Table): number | undefined {
  const exact = positive(table, 'memory_mb');
  const text = nonEmptyTextOf(table, 'memory');
  if (text === undefined) return exact;
  const memory = parseSize(text, mebibytes);
  if (memory === undefined || memory === 0) {
    const message = `expected a size such as 512mb or 1gb, found "${shortened(text)}"`;
    table.notes.error(keyPath(table.path, 'memory'), message);
    return exact;
  }
  if (exact !== undefined && exact !== memory) {
    const message = `memory_mb beats memory: the machine gets ${exact} MB, not ${memory}`;
    table.notes.warning(keyPath(table.path, 'memory_mb'), message, 'keep one of the two');
  }
  return exact ?? memory;
}

function kindOfGuest(guest: MachineGuest): 'shared' | 'performance' {
  return guest.cpu_kind === 'performance' ? 'performance' : 'shared';
}

function checkCpus(table: Table, guest: MachineGuest): void {
  const kind = kindOfGuest(guest);
  const counts: readonly number[] = cpuCounts[kind];
  if (guest.cpus === undefined || counts.includes(guest.cpus)) return;
  const path = fieldOf(table.values, 'cpus') === undefined ? table.path : keyPath(table.path, 'cpus');
  table.notes.error(path, `a ${kind} machine has ${orList(counts.map(String))} CPUs, found ${guest.cpus}`);
}

function checkMemory(table: Table, guest: MachineGuest): void {
  const kind = kindOfGuest(guest);
  const rule = memoryRules[kind];
  const { cpus, memory_mb: memory } = guest;
  if (cpus === undefined || memory === undefined) return;
  const least = rule.min * cpus;
  const most = rule.max * cpus;
  if (memory >= least && memory <= most && memory % rule.step === 0) return;
  const named = ['memory_mb', 'memory'].find((key) => fieldOf(table.values, key) !== undefined);
  const path = named === undefined ? table.path : keyPath(table.path, named);
  const message = `${kind} with ${cpus} CPU${cpus === 1 ? '' : 's'} has ${least} to ${most} MB of memory in steps of ${rule.step}, found ${memory}`;
  table.notes.error(path, message, memory < least ? `memory: ${least}mb is the least` : undefined);
}

/**
 * The guest of each process group that a `vm` section applies to; a group without one keeps the size its machines have.
 * A section that names a group beats one that names none. Source: flyctl's ComputeForGroup.
 */
export function guestsByGroup(
  root: Table,
  groups: ProcessGroups,
  hostDedicationId: string | undefined,
): ReadonlyMap<string, MachineGuest> {
  const sections = tablesOf(root, 'vm').map((table) => ({
    named: namedGroupsOf(table, groups),
    guest: guestOfTable(table, hostDedicationId),
  }));
  const general = sections.filter(({ named }) => named === undefined);
  const guests = new Map<string, MachineGuest>();
  for (const name of groups.names) {
    const special = sections.filter(({ named }) => named?.includes(name) === true);
    const chosen = special.at(-1) ?? general[0];
    if (chosen === undefined) continue;
    guests.set(name, chosen.guest);
    if (special.length < 2) continue;
    const index = sections.indexOf(chosen);
    const message = `${special.length} vm sections name the process group ${name}; ${itemPath('vm', index)} is used`;
    root.notes.warning('vm', message, 'name it in one of them only');
  }
  for (const section of general.slice(1)) {
    const path = itemPath('vm', sections.indexOf(section));
    root.notes.warning(path, 'it has no effect: an earlier vm section is for all process groups, too', 'remove one');
  }
  return guests;
}

/**
 * A guest that names a host and no size is for whatever size the machine has. undefined where neither says anything.
 * Source: flyctl's launchInputForLaunch and launchInputForUpdate.
 */
export function guestOver(
  named: MachineGuest | undefined | null,
  size: MachineGuest | undefined | null,
): MachineGuest | undefined {
  const isSized = (named?.cpu_kind ?? named?.cpus ?? named?.memory_mb) !== undefined;
  const own = named ?? undefined;
  if (own === undefined || isSized) return own ?? size ?? undefined;
  return { ...size, ...own };
}
