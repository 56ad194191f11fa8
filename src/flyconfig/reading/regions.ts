import type { Region } from '../../../schemas/fly/app.ts';
import { regions } from '../../../schemas/fly/presets.ts';
import { regionPlaces, retiredRegions } from '../../../schemas/fly/region-places.ts';
import { shortened } from '../../model/base/text.ts';

interface StrangeRegion {
  readonly message: string;
  readonly hint: string;
}

type Place = Pick<Region, 'latitude' | 'longitude'>;

/** What to say of a region that Fly is not known to have; undefined: it has it. A warning: Fly opens regions, too. */
export function strangeRegion(region: string): StrangeRegion | undefined {
  if (region === '' || Object.hasOwn(regions, region)) return undefined;
  const known = Object.entries(regions).map(([code, name]): Region => ({ code, name, ...regionPlaces[code] }));
  const retired = retiredRegion(region, known);
  if (retired !== undefined) return retired;
  const message = `no region of Fly that is known here is called ${JSON.stringify(shortened(region))}`;
  return { message, hint: spellingHint(region, known) };
}

/** The same where Fly was asked for its regions: there is no other. Nothing new can be had in a retired one either. */
export function missingRegion(region: string, listed: readonly Region[]): StrangeRegion | undefined {
  const open = listed.filter(({ deprecated }) => deprecated !== true);
  if (open.some(({ code }) => code === region)) return undefined;
  const left = listed.find(({ code }) => code === region);
  return (
    retiredRegion(region, open, left) ?? {
      message: `Fly has no region called ${JSON.stringify(shortened(region))}`,
      hint: spellingHint(region, open),
    }
  );
}

/** `listed`: as Fly still shows it. */
function retiredRegion(region: string, open: readonly Region[], listed?: Region): StrangeRegion | undefined {
  const known = Object.hasOwn(retiredRegions, region) ? retiredRegions[region] : undefined;
  const name = listed?.name ?? known?.name ?? (Object.hasOwn(regions, region) ? regions[region] : undefined);
  if (listed === undefined && known === undefined && name === undefined) return undefined;
  const place = placeOf(listed) ?? known ?? regionPlaces[region];
  const near = place === undefined ? undefined : nearest(place, open);
  const message = `Fly has retired the region ${region}${name === undefined ? '' : ` (${name})`}`;
  if (near === undefined) return { message, hint: listHint };
  const nearName = near.name === undefined ? '' : ` (${near.name})`;
  return { message, hint: `${near.code}${nearName} is the nearest that is left` };
}

const listHint = 'fly platform regions lists them';

function spellingHint(region: string, known: readonly Region[]): string {
  const codes = known.map(({ code }) => code);
  const meant = nearRegion(region, codes);
  return meant === undefined ? listHint : `did you mean ${meant}?`;
}

/** Three letters are near to many others: in capitals or with blanks, one of them wrong, or all of them in another order. */
export function nearRegion(written: string, candidates: readonly string[]): string | undefined {
  const region = written.trim().toLowerCase();
  const alike = candidates.filter((other) => other.length === region.length);
  const letters = (text: string): readonly string[] => text.split('');
  const wrong = (other: string): number => letters(other).filter((letter, at) => letter !== region[at]).length;
  const sorted = (text: string): string => letters(text).toSorted().join('');
  return (
    alike.find((other) => wrong(other) === 0) ??
    alike.find((other) => wrong(other) <= 1) ??
    alike.find((other) => sorted(other) === sorted(region))
  );
}

function placeOf(region: Region | undefined): Place | undefined {
  return region?.latitude === undefined || region.longitude === undefined ? undefined : region;
}

/** On the globe: Boston is near New York, however alike its letters are to Mumbai's. */
function nearest(place: Place, open: readonly Region[]): Region | undefined {
  const distances = open.flatMap((region) => {
    const there = placeOf(region) ?? regionPlaces[region.code];
    return there === undefined ? [] : [{ region, distance: angle(place, there) }];
  });
  return distances.toSorted((a, b) => a.distance - b.distance)[0]?.region;
}

/** Between two places, seen from the centre of the earth, in radians. */
function angle(one: Place, other: Place): number {
  const radians = (degrees = 0): number => (degrees * Math.PI) / 180;
  const [a, b] = [radians(one.latitude), radians(other.latitude)];
  const turn = radians((other.longitude ?? 0) - (one.longitude ?? 0));
  const cosine = Math.sin(a) * Math.sin(b) + Math.cos(a) * Math.cos(b) * Math.cos(turn);
  return Math.acos(Math.min(1, Math.max(-1, cosine)));
}
