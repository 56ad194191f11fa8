/**
 * A fly config to the machine configs of its process groups, as flyctl's ToMachineConfig makes them: one walk over the
 * document reads each section once, with its groups; then each group takes what is its own.
 */
import type { MachineCheck, MachineConfig, MachineGuest } from '../../schemas/fly/machine.ts';
import { present, type JsonObject } from '../model/base/json.ts';
import { checkBuild } from './sections/build.ts';
import { namedCheck } from './sections/checks.ts';
import { environmentOf } from './sections/environment.ts';
import { nonEmptyTextOf } from './reading/fields.ts';
import { namedTablesOf, tablesOf } from './reading/tables.ts';
import type { Table } from './reading/values.ts';
import { filesOf, type MachineFile, type ReadFile } from './sections/files.ts';
import { checkGroupNames, groupsOf, processGroups, type ProcessGroups } from './sections/groups.ts';
import { guestOver, guestsByGroup } from './sections/guest.ts';
import { baseConfigOf } from './sections/machine-config.ts';
import { metricsOf } from './sections/metrics.ts';
import { placedMounts, type GroupMount, type PlacedMount } from './sections/mounts.ts';
import { noteList, type ConfigNote } from './reading/notes.ts';
import { notePorts } from './sections/ports.ts';
import { checkConsoleCommand, initsByGroup, restartOf, stopConfigOf, type MachineInit } from './sections/process.ts';
import { releaseCommandOf, type ReleaseCommand } from './sections/release-command.ts';
import { placedServices, type PlacedService } from './sections/services.ts';
import { staticsOf } from './sections/statics.ts';
import { noteUnsupported } from './older-forms/unsupported.ts';

export interface MapRequest {
  readonly app: string;
  readonly primaryRegion: string;
  /** In today's form: what repairFlyConfig gives. */
  readonly config: JsonObject;
  /** A file of the app by its path from there; undefined: there is none. */
  readonly readFile: ReadFile;
}

export interface MappedGroup {
  readonly name: string;
  /** In wire names; without image, volume ids and metadata; `guest` only where the config names a size. */
  readonly config: MachineConfig;
  readonly hasServices: boolean;
  readonly mount: GroupMount | undefined;
  /** The largest min_machines_running of the group's services; Fly counts it in the primary region. */
  readonly minMachinesRunning: number;
}

/** Never throws: what is wrong with the config is in the notes, and with an error among them the groups are not to be used. */
export function mapGroups(request: MapRequest): {
  readonly groups: readonly MappedGroup[];
  /** undefined: the config has no release command. */
  readonly release: ReleaseCommand | undefined;
  readonly notes: readonly ConfigNote[];
} {
  const notes = noteList();
  const root: Table = { path: '', values: request.config, notes };
  const groups = processGroups(request.config);
  checkGroupNames(groups, notes);
  noteUnsupported(root);
  const parts = partsOf(root, groups, request);
  noteUnused(parts.metrics, 'an earlier');
  noteUnused(parts.restarts.toReversed(), 'a later');
  notePorts({ ...parts, groups: groups.names, notes });
  const mapped = groups.names.map((name) => mapGroup(name, parts));
  const release = releaseCommandOf(root, parts);
  return { groups: mapped, release, notes: notes.all };
}

interface Placed {
  readonly table: Table;
  readonly groups: readonly string[];
}

interface PlacedCheck extends Placed {
  readonly name: string;
}

/** Every section of the document with its groups. */
interface Parts {
  readonly env: Readonly<Record<string, string>>;
  readonly inits: ReadonlyMap<string, MachineInit>;
  readonly services: readonly PlacedService[];
  readonly checks: readonly PlacedCheck[];
  readonly metrics: readonly (Placed & { readonly metrics: Record<string, unknown> })[];
  readonly restarts: readonly (Placed & { readonly restart: MachineConfig['restart'] })[];
  readonly mounts: readonly PlacedMount[];
  readonly files: readonly MachineFile[];
  readonly guests: ReadonlyMap<string, MachineGuest>;
  /** For the groups that no vm section sizes. */
  readonly host: MachineGuest | undefined;
  readonly stopConfig: Record<string, unknown> | undefined;
  readonly statics: readonly Record<string, unknown>[];
  /** From machine_config: beneath everything else. */
  readonly base: MachineConfig;
}

function partsOf(root: Table, groups: ProcessGroups, request: MapRequest): Parts {
  checkConsoleCommand(root);
  checkBuild(root);
  const hostDedicationId = nonEmptyTextOf(root, 'host_dedication_id');
  return {
    env: environmentOf(root, request.primaryRegion),
    inits: initsByGroup(root, groups),
    services: placedServices(root, groups),
    checks: namedTablesOf(root, 'checks').map(([name, table]) => ({ name, table, groups: groupsOf(table, groups) })),
    metrics: tablesOf(root, 'metrics').map((table) => ({
      table,
      groups: groupsOf(table, groups),
      metrics: metricsOf(table),
    })),
    restarts: tablesOf(root, 'restart').map((table) => ({
      table,
      groups: groupsOf(table, groups),
      restart: restartOf(table),
    })),
    mounts: placedMounts(root, groups),
    files: filesOf(root, groups, request.readFile),
    base: baseConfigOf(root, request.readFile),
    guests: guestsByGroup(root, groups, hostDedicationId),
    host: hostDedicationId === undefined ? undefined : { host_dedication_id: hostDedicationId },
    stopConfig: stopConfigOf(root),
    statics: staticsOf(root),
  };
}

/** Of several sections of a group the first counts. Said of those that count for none of theirs. */
function noteUnused(sections: readonly Placed[], which: string): void {
  const taken = new Set<string>();
  for (const { table, groups } of sections) {
    if (groups.length > 0 && groups.every((name) => taken.has(name))) {
      const message = `it has no effect: ${which} section of this kind is for the same process groups, and counts`;
      table.notes.warning(table.path, message, 'keep one of them');
    }
    for (const name of groups) taken.add(name);
  }
}

function mapGroup(name: string, parts: Parts): MappedGroup {
  const own = <T extends { readonly groups: readonly string[] }>(placed: readonly T[]): readonly T[] =>
    placed.filter((item) => item.groups.includes(name));
  const services = own(parts.services);
  const mounts = own(parts.mounts);
  for (const { table } of mounts.slice(1)) {
    table.notes.error(table.path, `a machine mounts one volume: the process group ${name} has ${mounts.length}`);
  }
  const checks = checksOf(own(parts.checks), services);
  const { init: baseInit, guest: baseGuest, ...base } = parts.base;
  const init = { ...baseInit, ...parts.inits.get(name) };
  const config: MachineConfig = present({
    ...base,
    env: { ...parts.env, FLY_PROCESS_GROUP: name },
    init: nonEmptyTable(init),
    guest: parts.guests.get(name) ?? guestOver(parts.host, baseGuest ?? undefined),
    services: nonEmpty(services.map(({ service }) => service)),
    checks: nonEmptyTable(checks),
    // A section of nothing but groups is none: flyctl's pointer stays nil.
    metrics: nonEmptyTable(own(parts.metrics)[0]?.metrics),
    statics: nonEmpty(parts.statics),
    files: nonEmpty(parts.files.map((file) => ({ ...file }))),
    mounts: nonEmpty(mounts.slice(0, 1).map(({ wire }) => wire)),
    restart: own(parts.restarts).at(-1)?.restart,
    stop_config: parts.stopConfig,
  });
  return {
    name,
    config,
    hasServices: services.length > 0,
    mount: mounts[0]?.mount,
    minMachinesRunning: Math.max(0, ...services.map(({ service }) => service.min_machines_running ?? 0)),
  };
}

function checksOf(placed: readonly PlacedCheck[], services: readonly PlacedService[]): Record<string, MachineCheck> {
  const httpPort = services.find(({ http }) => http)?.service.internal_port ?? undefined;
  return Object.fromEntries(placed.map(({ name, table }) => [name, namedCheck(table, httpPort)]));
}

function nonEmptyTable<T extends object>(table: T | undefined): T | undefined {
  return table === undefined || Object.keys(table).length === 0 ? undefined : table;
}

function nonEmpty<T>(list: readonly T[]): T[] | undefined {
  return list.length === 0 ? undefined : [...list];
}
