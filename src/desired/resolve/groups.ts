/** Process groups with the size and the number of machines that FlyCD's fields give them. */
import type { MachineGroup, Owned } from '../../../schemas/app.ts';
import type { MachineConfig, MachineGuest } from '../../../schemas/fly/machine.ts';
import { memoryRules } from '../../../schemas/fly/presets.ts';
import { orList } from '../../model/base/text.ts';
import { processGroups } from '../../flyconfig/sections/groups.ts';
import { guestOf, guestOver } from '../../flyconfig/sections/guest.ts';
import type { MappedGroup } from '../../flyconfig/machine.ts';
import { nearRegion } from '../../flyconfig/reading/regions.ts';
import { nearest } from '../../flyconfig/reading/spelling.ts';
import { desiredVersion } from '../../flyconfig/live/version.ts';
import type { DesiredGroup } from '../../model/desired.ts';
import type { JsonObject } from '../../model/base/json.ts';
import { parsePath, type DocumentPath } from '../documents/path.ts';
import type { FindingList } from '../documents/finding.ts';
import { machineOver } from './machine.ts';

export interface GroupsRequest {
  readonly owned: Owned;
  readonly fly: JsonObject;
  readonly mapped: readonly MappedGroup[];
  /** Primary first. */
  readonly regions: readonly string[];
  /** Of the flags of deploy_params. */
  readonly newGuest: MachineGuest | undefined;
  readonly findings: FindingList;
}

interface GroupScope extends GroupsRequest {
  readonly written: MachineGroup;
  /** Where `written` stands. */
  readonly path: DocumentPath;
  readonly group: MappedGroup;
}

export function desiredGroups(request: GroupsRequest): readonly DesiredGroup[] {
  const { owned, fly, mapped, findings } = request;
  const { defaultGroup } = processGroups(fly);
  const { groups = {}, autoscaled = false, ...own } = owned.machines ?? {};
  const names = mapped.map(({ name }) => name);
  groupsExist(['machines', 'groups'], Object.keys(groups), names, findings);
  groupsExist(['machine', 'groups'], Object.keys(owned.machine?.groups ?? {}), names, findings);
  const counted = own.count !== undefined || own.count_per_region !== undefined;
  if (autoscaled && counted) {
    const message = 'another controller decides how many machines there are, so the counts here are not used';
    findings.warning(['machines', 'autoscaled'], message, 'keep one of the two');
  }
  return mapped.map((group) => {
    const named = Object.hasOwn(groups, group.name) ? groups[group.name] : undefined;
    // What stands under the group's own name beats what stands under `machines`.
    const written = group.name === defaultGroup ? { ...own, ...named } : (named ?? {});
    const path = named === undefined ? ['machines'] : ['machines', 'groups', group.name];
    const machine = machineOver({ group, isDefault: group.name === defaultGroup, written: owned.machine, findings });
    return desiredGroup({ ...request, written, path, group: { ...group, config: machine } }, autoscaled);
  });
}

function groupsExist(
  path: DocumentPath,
  written: readonly string[],
  names: readonly string[],
  findings: FindingList,
): void {
  for (const name of written) {
    if (names.includes(name)) continue;
    const meant = nearest(name, names);
    const hint = meant === undefined ? `the groups are ${orList(names)}` : `did you mean ${meant}?`;
    findings.error([...path, name], `there is no process group ${JSON.stringify(name)}`, hint);
  }
}

function desiredGroup(scope: GroupScope, autoscaled: boolean): DesiredGroup {
  const { group } = scope;
  const guest = guestFor(scope);
  const config: MachineConfig = guest === undefined ? group.config : { ...group.config, guest };
  return {
    name: group.name,
    config,
    configVersion: desiredVersion(config),
    counts: countsOf(scope),
    hasServices: group.hasServices,
    mount: group.mount === undefined ? undefined : { volume: group.mount.volume, path: group.mount.path },
    autoscaled,
    ...(scope.newGuest === undefined ? {} : { newGuest: scope.newGuest }),
  };
}

/** vm of the fly config, over it FlyCD's own fields. undefined: git names no size. */
function guestFor(scope: GroupScope): MachineGuest | undefined {
  const { written, group, path, newGuest } = scope;
  const given = group.config.guest ?? undefined;
  const { ram_mb: memory, cpu_cores: cpus, cpu_type: kind } = written;
  if (memory === undefined && cpus === undefined && kind === undefined) return given;
  const base = guestOver(given, newGuest ?? { cpu_kind: 'shared', cpus: 1 });
  const wanted = { ...base, ...present('cpu_kind', kind), ...present('cpus', cpus), ...present('memory_mb', memory) };
  return checkedGuest(scope, { ...wanted, memory_mb: wanted.memory_mb ?? leastMemory(wanted) }, path);
}

function present(name: string, value: string | number | undefined): JsonObject {
  return value === undefined ? {} : { [name]: value };
}

function leastMemory(guest: MachineGuest): number {
  const rule = guest.cpu_kind === 'performance' ? memoryRules.performance : memoryRules.shared;
  return rule.min * (guest.cpus ?? 1);
}

const writtenNames: Readonly<Record<string, string>> = { memory_mb: 'ram_mb', cpus: 'cpu_cores', cpu_kind: 'cpu_type' };

function checkedGuest(scope: GroupScope, vm: JsonObject, path: DocumentPath): MachineGuest {
  const { guest, notes } = guestOf(vm);
  for (const note of notes) {
    const inner = parsePath(note.path).map((step) => writtenNames[step] ?? step);
    const at = [...path, ...inner];
    if (note.severity === 'error') scope.findings.error(at, note.message, note.hint);
    else scope.findings.warning(at, note.message, note.hint);
  }
  return guest;
}

/** undefined: git names no count for the group. A region that no count names gets one machine. */
function countsOf(scope: GroupScope): Readonly<Record<string, number>> | undefined {
  const { written, regions, path, findings } = scope;
  const { count, count_per_region: perRegion } = written;
  for (const region of Object.keys(perRegion ?? {})) {
    if (regions.includes(region)) continue;
    const meant = nearRegion(region, regions);
    findings.warning(
      [...path, 'count_per_region', region],
      `the app is not in ${region}, so this count is ignored`,
      meant === undefined ? 'add it to extra_regions' : `did you mean ${meant}?`,
    );
  }
  if (count === undefined && perRegion === undefined) return undefined;
  const counts: Record<string, number> = {};
  for (const region of regions) {
    const named = perRegion !== undefined && Object.hasOwn(perRegion, region) ? perRegion[region] : undefined;
    const at = named === undefined ? [...path, 'count'] : [...path, 'count_per_region', region];
    if (named === undefined && count === undefined) {
      findings.warning(
        [...path, 'count_per_region'],
        `no count names ${region}: it gets one machine`,
        'name it, or give count',
      );
    }
    counts[region] = exactCount(scope, named ?? count ?? 1, at);
  }
  return counts;
}

function exactCount(scope: GroupScope, count: number, path: DocumentPath): number {
  const { group, findings } = scope;
  const least = group.minMachinesRunning;
  if (count === 0) {
    // v0 knew these fields, and no groups.
    const known = !path.includes('groups');
    if (known)
      findings.warning(path, `0 is exactly none: ${group.name} gets no machines; FlyCD 0.x read it as not given`);
    return 0;
  }
  if (count >= least) return count;
  findings.warning(
    path,
    `min_machines_running is ${least}, so ${group.name} gets ${least} machines, not ${count}`,
    'raise the count, or lower the minimum',
  );
  return least;
}
