/** How many machines of a process group there should be in each region. */
import type { DesiredApp, DesiredGroup } from '../model/desired.ts';
import { stampKeys } from '../model/stamps.ts';
import type { Member } from './census.ts';

export interface Wanted {
  readonly byRegion: ReadonlyMap<string, number>;
  /** true: more than that are removed. */
  readonly exact: boolean;
  /** true: flyctl's defaults for a new group, until all of them have been there once. */
  readonly first: boolean;
}

const withServices = 2;

/**
 * Given counts are exact, and 0 where git names no count for a region. Without any: flyctl's defaults until the group's
 * first machines are all there, afterwards what is there. Source of the defaults: `fly deploy` of a new process group.
 */
export function wantedMachines(desired: DesiredApp, group: DesiredGroup, members: readonly Member[]): Wanted {
  const present = new Map<string, number>();
  for (const { machine } of members) present.set(machine.region, (present.get(machine.region) ?? 0) + 1);
  if (group.autoscaled) return { byRegion: present, exact: false, first: false };
  if (group.counts !== undefined) {
    const counts = new Map(Object.entries(group.counts));
    for (const region of present.keys()) if (!counts.has(region)) counts.set(region, 0);
    return { byRegion: counts, exact: true, first: false };
  }
  const unfinished = members.some((member) => member.ours && member.metadata[stampKeys.first] !== undefined);
  if (members.length > 0 && !unfinished) return { byRegion: present, exact: false, first: false };
  const byRegion = new Map(present);
  for (const [region, count] of defaultCounts(desired, group)) {
    byRegion.set(region, Math.max(count, present.get(region) ?? 0));
  }
  return { byRegion, exact: false, first: true };
}

/**
 * flyctl's high availability: two where the proxy spreads requests, one where a volume would have to be shared. Its
 * standby for a group without services comes with the issue on releases; until then such a group gets its one machine.
 */
function defaultCounts(desired: DesiredApp, group: DesiredGroup): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const available = desired.highAvailability && group.hasServices && group.mount === undefined;
  counts.set(desired.primaryRegion, Math.max(available ? withServices : 1, minRunning(group)));
  for (const region of desired.regions) if (!counts.has(region)) counts.set(region, 1);
  return counts;
}

/** The proxy counts min_machines_running in the primary region, and cannot start what does not exist. */
function minRunning(group: DesiredGroup): number {
  return Math.max(0, ...(group.config.services ?? []).map((service) => service.min_machines_running ?? 0));
}
