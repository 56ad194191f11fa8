/** Regions: which there are, which take nothing new any more, and Fly's names for several. */
import { regions } from '../../schemas/fly/presets.ts';
import { refusal } from '../wire/replies.ts';
import type { World } from '../world/world.ts';

/** Where the platform puts a machine when nobody says where. */
export const nearestRegion = 'ams';

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

/** Regions that are there, retired ones too: what runs in those runs on. */
export function regionsOf(world: World): readonly string[] {
  return [...Object.keys(regions), ...world.openedRegions];
}

export function isRegion(world: World, code: string): boolean {
  return Object.hasOwn(regions, code) || world.openedRegions.has(code);
}

/** Refused where nothing new may be had. */
export function refuseRetired(world: World, code: string): void {
  if (!world.retiredRegions.has(code)) return;
  throw refusal(422, `Region ${code} is deprecated and cannot have new resources provisioned.`);
}

/** The regions of a code, an alias or a comma list of them, in the order they are tried. Refused where none is known. */
export function regionsNamed(world: World, expression: string): readonly string[] {
  const codes = expression.split(',').flatMap((code) => {
    if (isRegion(world, code)) return [code];
    return Object.hasOwn(aliases, code) ? (aliases[code] ?? []) : [];
  });
  const [first] = codes;
  if (first === undefined) throw refusal(422, `invalid_argument: region ${expression} not found`);
  const open = [...new Set(codes)].filter((code) => !world.retiredRegions.has(code));
  if (open.length === 0) refuseRetired(world, first);
  return open;
}
