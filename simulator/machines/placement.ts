/** Where machines and volumes land: regions with room, hosts that answer. */
import { regions } from '../../schemas/fly/presets.ts';
import { faultAnswer } from '../world/fault-answers.ts';
import { hostIn, hostsPerRegion, type App } from '../world/records.ts';
import { refusal } from '../wire/replies.ts';
import type { World } from '../world/world.ts';

/** Where the platform puts a machine when nobody says where. */
export const nearestRegion = 'ams';
/** Machines that a region takes where nobody counts. */
const plenty = 10_000;

/** Fly's names for several regions; each in the order tried here. */
const aliases: Readonly<Record<string, readonly string[]>> = {
  eu: ['ams', 'arn', 'cdg', 'fra', 'lhr'],
  na: ['dfw', 'ewr', 'iad', 'lax', 'ord', 'sjc', 'yyz'],
  us: ['dfw', 'ewr', 'iad', 'lax', 'ord', 'sjc'],
  usa: ['dfw', 'ewr', 'iad', 'lax', 'ord', 'sjc'],
  sa: ['gru'],
  apac: ['bom', 'nrt', 'sin', 'syd'],
  any: [nearestRegion, ...Object.keys(regions).filter((code) => code !== nearestRegion)],
};

/** The regions of a code, an alias or a comma list of them, in the order they are tried. Refused where none is known. */
export function regionsNamed(expression: string): readonly string[] {
  const codes = expression.split(',').flatMap((code) => {
    if (Object.hasOwn(regions, code)) return [code];
    return Object.hasOwn(aliases, code) ? (aliases[code] ?? []) : [];
  });
  if (codes.length === 0) throw refusal(422, `invalid_argument: region ${expression} not found`);
  return [...new Set(codes)];
}

/** How many machines a region still takes. */
export function roomIn(world: World, region: string): number {
  return Object.hasOwn(regions, region) ? (world.capacity.get(region) ?? plenty) : 0;
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
