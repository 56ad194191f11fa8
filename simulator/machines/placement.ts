/** Where machines and volumes land: regions with room, hosts that answer. */
import { faultAnswer } from '../world/fault-answers.ts';
import { hostIn, hostsPerRegion, type App } from '../world/records.ts';
import { isRegion } from './regions.ts';
import type { World } from '../world/world.ts';

/** Machines that a region takes where nobody counts. */
const plenty = 10_000;

/** How many machines a region still takes. */
export function roomIn(world: World, region: string): number {
  return isRegion(world, region) && !world.retiredRegions.has(region) ? (world.capacity.get(region) ?? plenty) : 0;
}

/** The first of these regions with room for one machine. Refused where none has. */
export function regionWithRoom(world: World, codes: readonly string[]): string {
  const found = codes.find((code) => roomIn(world, code) > 0);
  if (found === undefined) throw faultAnswer('capacity');
  return found;
}

/** Places may be had there. */
export function isOpen(world: World, host: string): boolean {
  return !world.hostsDown.has(host) && !world.hostsFull.has(host);
}

interface NewThing {
  readonly app: App;
  readonly id: string;
  readonly region: string;
  /** Hosts it must not land on. */
  readonly taken?: ReadonlySet<string>;
}

/** Where a new machine or volume lands: the world's chance says where the search begins. */
export function hostFor(world: World, { app, id, region, taken }: NewThing): string | undefined {
  return openHost(world, region, world.chance.below([app.name, 'host', id], hostsPerRegion), taken);
}

/** The first open host of a region from a number on, none of `taken`; undefined where there is none. */
export function openHost(
  world: World,
  region: string,
  first: number,
  taken: ReadonlySet<string> = new Set(),
): string | undefined {
  for (let step = 0; step < hostsPerRegion; step++) {
    const host = hostIn(region, first + step);
    if (isOpen(world, host) && !taken.has(host)) return host;
  }
  return undefined;
}
