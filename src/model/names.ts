import type { DesiredFleet } from './desired.ts';

/** Of all apps that git names, those too that are invalid or not chosen. */
export function namesOf({ apps, invalid, unselected = [] }: DesiredFleet): ReadonlySet<string> {
  return new Set([...[...apps, ...invalid].flatMap(({ name }) => name ?? []), ...unselected]);
}
