import type { Chance } from './chance.ts';

/** Hosts of a region, each a zone of its own: volumes of one name want different ones. */
export const hostsPerRegion = 12;

export function hostIn(region: string, number: number): string {
  return `${region}-${String(number % hostsPerRegion).padStart(2, '0')}`;
}

/** Four hexadecimal digits, as the platform writes zones. */
export function zoneOf(chance: Chance, host: string): string {
  return chance.hex(['zone', host], 4);
}
