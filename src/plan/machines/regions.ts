/**
 * `min_machines_running` of a group that git gives no count. As in FlyCD 0.x it is meant for each region, but only a first
 * rollout and regions that git names newly get machines for it: an upgrade of FlyCD buys none.
 */
import { processGroups } from '../../flyconfig/sections/groups.ts';
import type { DesiredApp, DesiredGroup } from '../../model/desired.ts';
import { formatRegions, type RegionStamps } from '../../model/stamps/region-stamps.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import { parseIds } from '../../model/stamps/stamps.ts';
import type { Slot } from '../../model/stamps/slot.ts';
import type { GroupMachine, GroupPlan, WantedCounts } from '../types.ts';

export function leastRunning({ config }: Pick<DesiredGroup, 'config'>): number {
  return Math.max(0, ...(config.services ?? []).map((service) => service.min_machines_running ?? 0));
}

/** Where git says how many there are, nobody has to remember which regions it named. */
export function stampsRegions(group: DesiredGroup): boolean {
  return group.hasServices && group.counts === undefined && !group.autoscaled;
}

/**
 * Regions that git has named since the group was last whole: not on every machine's stamp, since what is made there says so
 * at once and the others only when all of it is there. None where nothing is stamped yet.
 */
export function newRegions(desired: DesiredApp, members: readonly GroupMachine[]): readonly string[] {
  const stamps = members.filter(({ ours }) => ours).flatMap(({ metadata }) => metadata[stampKeys.regions] ?? []);
  if (stamps.length === 0) return [];
  return desired.regions.filter((region) => stamps.some((stamp) => !parseIds(stamp).includes(region)));
}

/** What machines say, while these regions still lack some. */
export function regionStamps({ regions }: DesiredApp, lacking: readonly string[]): RegionStamps {
  const whole = regions.filter((region) => !lacking.includes(region));
  return { there: formatRegions(whole), made: formatRegions(regions), lacking };
}

/** Where some of a new region's machines have to wait, for a volume or a host, those made now do not say that it is whole. */
export function withoutHalfMade(wanted: WantedCounts, slots: readonly Slot[]): WantedCounts {
  if (wanted.regions === undefined) return wanted;
  const isWhole = (region: string): boolean =>
    slots.filter((slot) => slot.region === region).length >= (wanted.byRegion.get(region) ?? 0);
  return { ...wanted, regions: { ...wanted.regions, lacking: wanted.regions.lacking.filter(isWhole) } };
}

/** What is not made, so that nobody waits for it, and how it is asked for. */
export function regionNotes(desired: DesiredApp, groups: readonly GroupPlan[]): readonly string[] {
  return groups
    .filter(({ group, wanted }) => group.counts === undefined && !group.autoscaled && !wanted.first)
    .flatMap(({ group, wanted }) => {
      const there = (region: string): number => wanted.byRegion.get(region) ?? 0;
      const least = leastRunning(group);
      const short = desired.regions.filter((region) => there(region) < least);
      if (short.length > 0)
        return [
          shortNote(desired, group, {
            least,
            short: short.map((region) => ({ region, lacks: least - there(region) })),
          }),
        ];
      const empty = desired.regions.filter((region) => there(region) === 0);
      if (empty.length === 0) return [];
      return [
        `${group.name} has no machine in ${empty.join(', ')} and git gives no count: machines.count makes it exact`,
      ];
    });
}

interface Short {
  readonly least: number;
  readonly short: readonly { readonly region: string; readonly lacks: number }[];
}

function shortNote({ fly }: DesiredApp, { name }: DesiredGroup, { least, short }: Short): string {
  const lacking = short.map(({ region, lacks }) => `${lacks} short in ${region}`);
  const places = lacking.length < 2 ? lacking.join('') : `${lacking.slice(0, -1).join(', ')} and ${lacking.at(-1)}`;
  const field = name === processGroups(fly).defaultGroup ? 'machines.count' : `machines.groups.${name}.count`;
  const them = short.length === 1 && short[0]?.lacks === 1 ? 'it' : 'them';
  return `${name} runs fewer machines than min_machines_running (${least} per region): ${places}. FlyCD 0.x would have made ${them}. Set ${field}: ${least} to get ${them}`;
}
