/** How many machines of a process group there should be in each region. */
import type { DesiredApp, DesiredGroup } from '../../model/desired.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import type { GroupMachine, WantedCounts } from '../types.ts';
import { namesStandbys, withoutStandbys } from '../classify/standbys.ts';

const withServices = 2;

/**
 * Given counts are exact, and 0 where git names no count for a region. Without any: flyctl's defaults until the group's
 * first machines are all there, afterwards what is there. Source of the defaults: `fly deploy` of a new process group.
 */
export function wantedMachines(
  desired: DesiredApp,
  group: DesiredGroup,
  members: readonly GroupMachine[],
): WantedCounts {
  const present = new Map<string, number>();
  const counting = withoutStandbys(members, group);
  for (const { machine } of counting) present.set(machine.region, (present.get(machine.region) ?? 0) + 1);
  if (group.autoscaled) return { byRegion: present, exact: false, first: false, standbys: 0 };
  if (group.counts !== undefined) {
    const counts = new Map(Object.entries(group.counts));
    for (const region of present.keys()) if (!counts.has(region)) counts.set(region, 0);
    return { byRegion: counts, exact: true, first: false, standbys: 0 };
  }
  const unfinished = members.some((member) => member.ours && member.metadata[stampKeys.first] !== undefined);
  if (counting.length > 0 && !unfinished) return { byRegion: present, exact: false, first: false, standbys: 0 };
  const byRegion = new Map(present);
  for (const [region, count] of defaultCounts(desired, group)) {
    byRegion.set(region, Math.max(count, present.get(region) ?? 0));
  }
  const alone = desired.highAvailability && !group.hasServices && group.mount === undefined && !isJob(group);
  return { byRegion, exact: false, first: true, standbys: alone && !namesStandbys(group) ? 1 : 0 };
}

/** A job that ends has nobody to stand in for it: its standby would do the work a second time. */
export function isJob({ config }: DesiredGroup): boolean {
  return (config.schedule ?? '') !== '' || config.auto_destroy === true;
}

/**
 * flyctl's high availability: two where the proxy spreads requests, one where a volume would have to be shared, one and a
 * standby where nobody is served.
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
