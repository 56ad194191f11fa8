/** How many machines of a process group there should be in each region. */
import type { DesiredApp, DesiredGroup } from '../../model/desired.ts';
import { areInputsSame } from '../../model/stamps/input-stamps.ts';
import { retriedAt } from '../../model/standing/standing-text.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import { whoEmptied } from '../classify/hand-made.ts';
import type { GroupMachine, MachinesInput, WantedCounts } from '../types.ts';
import { namesStandbys, withoutStandbys } from '../classify/standbys.ts';
import { leastRunning, newRegions, regionStamps, stampsRegions } from './regions.ts';

const withServices = 2;

/**
 * Given counts are exact, and 0 where git names no count for a region. Without any: flyctl's defaults until the group's
 * first machines are all there, afterwards what is there, and min_machines_running in a newly added region. Source of the
 * defaults: `fly deploy` of a new process group.
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
  const stamped = stampsRegions(group);
  if (counting.length > 0 && !unfinished) {
    const least = leastRunning(group);
    const lacking = newRegions(desired, members).filter((region) => stamped && (present.get(region) ?? 0) < least);
    const byRegion = new Map([...present, ...lacking.map((region) => [region, least] as const)]);
    const regions = stamped ? regionStamps(desired, lacking) : undefined;
    return { byRegion, exact: false, first: false, standbys: 0, regions };
  }
  const regions = stamped ? regionStamps(desired, []) : undefined;
  const byRegion = new Map(present);
  for (const [region, count] of defaultCounts(desired, group)) {
    byRegion.set(region, Math.max(count, present.get(region) ?? 0));
  }
  const alone = desired.highAvailability && !group.hasServices && group.mount === undefined && !isJob(group);
  return { byRegion, exact: false, first: true, standbys: alone && !namesStandbys(group) ? 1 : 0, regions };
}

/**
 * Without a count what is there counts, and nothing is there: a group that had machines when git said what it says now, and from
 * which neither FlyCD nor a deployment by hand took them, was emptied by somebody. The next change in git makes it again, as
 * `fly deploy` does, and so does a person who wants a release that failed to be tried again.
 */
export function isEmptiedByHand({ input, inventory, standing }: MachinesInput, group: DesiredGroup): boolean {
  const { desired, observed, options, memory } = input;
  const isOverruled = options.now || options.force || desired.policy.drift === 'heal_all';
  // One whose machines destroy themselves is empty after each run.
  const endsItself = group.config.auto_destroy === true;
  if (group.counts !== undefined || group.autoscaled || endsItself || isOverruled) return false;
  const seen = memory.populated?.[group.name];
  if (seen === undefined || !areInputsSame(seen, desired.inputs)) return false;
  if (inventory.members.some((member) => member.group === group.name)) return false;
  const { by, at } = whoEmptied(observed, inventory, group.name);
  // A deployment by hand is told and held whole elsewhere, but where nothing is.
  if (by === 'FlyCD' || (by === 'deployment' && desired.policy.drift !== 'off')) return false;
  return at === undefined || at > (retriedAt(standing) ?? 0);
}

export const noMachines: WantedCounts = { byRegion: new Map(), exact: false, first: false, standbys: 0 };

/** A job that ends has nobody to stand in for it: its standby would do the work a second time. */
export function isJob({ config }: DesiredGroup): boolean {
  return (config.schedule ?? '') !== '' || config.auto_destroy === true;
}

/**
 * flyctl's high availability: two where the proxy spreads requests, one where a volume would have to be shared, one and a
 * standby where nobody is served. In each region at least as many as shall run: the proxy cannot start what does not exist.
 */
function defaultCounts(desired: DesiredApp, group: DesiredGroup): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const available = desired.highAvailability && group.hasServices && group.mount === undefined;
  const least = Math.max(1, leastRunning(group));
  counts.set(desired.primaryRegion, Math.max(available ? withServices : 1, least));
  for (const region of desired.regions) if (!counts.has(region)) counts.set(region, least);
  return counts;
}
