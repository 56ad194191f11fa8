import { regions } from '../../../schemas/fly/presets.ts';
import { shortened } from '../../model/base/text.ts';

/** What to say of a region that Fly is not known to have; undefined: it has it. A warning: Fly opens regions, too. */
export function strangeRegion(region: string): { readonly message: string; readonly hint: string } | undefined {
  if (region === '' || Object.hasOwn(regions, region)) return undefined;
  const message = `no region of Fly that is known here is called ${JSON.stringify(shortened(region))}`;
  const meant = nearRegion(region, Object.keys(regions));
  return { message, hint: meant === undefined ? 'fly platform regions lists them' : `did you mean ${meant}?` };
}

/** Three letters are near to many others: one of them wrong, or all of them in another order. */
export function nearRegion(region: string, candidates: readonly string[]): string | undefined {
  const alike = candidates.filter((other) => other.length === region.length);
  const letters = (text: string): readonly string[] => text.split('');
  const wrong = (other: string): number => letters(other).filter((letter, at) => letter !== region[at]).length;
  const sorted = (text: string): string => letters(text).toSorted().join('');
  return alike.find((other) => wrong(other) <= 1) ?? alike.find((other) => sorted(other) === sorted(region));
}
