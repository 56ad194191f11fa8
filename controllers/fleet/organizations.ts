/** Where apps of a fleet may be that git does not name. */
import type { DesiredApp, DesiredFleet } from '../../src/model/desired.ts';
import type { Store } from '../../src/record/store.ts';
import { namesOf, type SoughtOrganizations } from './orphans.ts';

/** Each costs a list or two with each look, of up to megabytes; people's tokens may reach all of their customers'. */
const guessedMax = 8;

interface Request {
  readonly store: Pick<Store, 'appsTold' | 'organizationsOf'> | undefined;
  readonly fleet: DesiredFleet;
  /** With their organizations. */
  readonly apps: readonly Pick<DesiredApp, 'org'>[];
  /** Organizations of the token. */
  readonly reached: () => Promise<readonly string[]>;
}

/**
 * Those of git's apps, and those where apps were that git names no more: the last one of an organization takes no
 * organization with it. Where the database knows of no app, or not where one was, those that the token reaches.
 */
export async function soughtOrganizations({ store, fleet, apps, reached }: Request): Promise<SoughtOrganizations> {
  const known = new Set(apps.flatMap(({ org }) => org ?? []));
  const told = (await store?.appsTold()) ?? [];
  const named = namesOf(fleet);
  const lost = told.filter(({ app }) => !named.has(app));
  for (const { org } of lost) if (org !== undefined) known.add(org);
  // Its last run may have been of a file that could not be used, which names none.
  const unsaid = lost.filter(({ org }) => org === undefined).map(({ app }) => app);
  const recorded = unsaid.length === 0 ? new Map<string, string>() : await store?.organizationsOf(unsaid);
  for (const org of recorded?.values() ?? []) known.add(org);
  const isSure = told.length > 0 && unsaid.every((app) => recorded?.has(app) === true);
  if (isSure) return { known, guessed: new Set() };
  // Only good to know: whoever may not ask what the token reaches still learns of the others.
  const slugs = new Set(await reached().catch((): readonly string[] => []));
  return { known, guessed: new Set(slugs.size > guessedMax ? [] : [...slugs].filter((slug) => !known.has(slug))) };
}
