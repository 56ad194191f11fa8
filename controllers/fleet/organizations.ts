/** Where apps of a fleet may be that git does not name, and in which organization an app is that names none. */
import { toFault } from '../../src/model/base/fault.ts';
import { byText } from '../../src/model/base/text.ts';
import type { DesiredApp, DesiredFleet } from '../../src/model/desired.ts';
import type { ObservedApp } from '../../src/model/observed.ts';
import { otherOwner } from '../../src/model/stamps/owner.ts';
import { askedOnce, resolveOrganization } from '../../src/observed/organization.ts';
import { metadataOf } from '../../src/plan/classify/machine-state.ts';
import type { Store, ToldApp } from '../../src/record/store.ts';
import { namesOf } from '../../src/model/names.ts';

/** Each costs a list or two with each look, of up to megabytes; people's tokens may reach all of their customers'. */
const guessedMax = 8;

export interface SoughtOrganization {
  readonly org: string;
  /** true: nothing but the token leads there, so nobody misses an answer, and what is found may be another fleet's. */
  readonly isGuessed: boolean;
}

export interface SoughtRequest {
  readonly store: Pick<Store, 'appsTold' | 'namedRevision' | 'organizationsOf'> | undefined;
  readonly fleet: DesiredFleet;
  /** Git's, with their organizations. */
  readonly apps: () => Promise<readonly Pick<DesiredApp, 'org'>[]>;
  /** How git's apps look on Fly. `guesses`: what is not among them by now is taken for a guess. */
  readonly observed: (guesses: boolean) => Promise<readonly ObservedApp[]>;
  /** Organizations of the token. */
  readonly reached: () => Promise<readonly string[]>;
}

/** Of the apps that the database tells of: those that git names no more. */
export function lostOf(told: readonly ToldApp[], fleet: DesiredFleet): readonly ToldApp[] {
  const named = namesOf(fleet);
  return told.filter(({ app }) => !named.has(app));
}

/**
 * Each once, and the known ones first: those of git's apps, those that the database tells of, for the last app of an
 * organization takes none with it, and those where git's apps are on Fly. Where the database knows of no app, or not where
 * one was, then those that the token reaches.
 */
export async function* soughtOrganizations(request: SoughtRequest): AsyncGenerator<SoughtOrganization> {
  const { store, fleet, observed, reached } = request;
  const told = (await store?.appsTold()) ?? [];
  const lost = lostOf(told, fleet);
  // Its last run may have been of a file that could not be used, which names none.
  const unsaid = lost.filter(({ org }) => org === undefined).map(({ app }) => app);
  const recorded = await store?.organizationsOf(unsaid);
  const guesses = told.length === 0 || unsaid.some((app) => recorded?.has(app) !== true);
  const known = new Set([
    ...(await request.apps()).flatMap(({ org }) => org ?? []),
    ...lost.flatMap(({ org }) => org ?? []),
    // One that is blocked may be another fleet's, but for those that the fleet has lost.
    ...told.filter(({ status }) => status !== 'blocked').flatMap(({ org }) => org ?? []),
    ...(recorded?.values() ?? []),
  ]);
  for (const org of [...known].toSorted(byText)) yield { org, isGuessed: false };
  const seen = new Set(organizationsOf(await observed(guesses), fleet));
  for (const org of seen) if (!known.has(org)) yield { org, isGuessed: false };
  if (!guesses) return;
  // Only good to know: whoever may not ask what the token reaches still learns of the others.
  const slugs = new Set(await reached().catch((): readonly string[] => []));
  if (slugs.size > guessedMax) return;
  for (const org of slugs) if (!known.has(org) && !seen.has(org)) yield { org, isGuessed: true };
}

/** Another fleet's app says nothing of where this one's are. */
function organizationsOf(observed: readonly ObservedApp[], fleet: DesiredFleet): readonly string[] {
  const ours = observed.filter(
    ({ machines }) =>
      machines.status === 'unread' ||
      machines.value.every((machine) => otherOwner(metadataOf(machine), fleet) === undefined),
  );
  return ours.flatMap(({ org }) => org ?? []);
}

/**
 * Names the default organization in an app that names none. Fly is asked for the first such app, and again only where that
 * failed; the Fault is then the app's.
 */
export function organizationNaming(asked: {
  readonly flyOrg: string | undefined;
  readonly reached: () => Promise<readonly string[]>;
}): (app: DesiredApp) => Promise<DesiredApp> {
  const resolve = askedOnce(() => resolveOrganization({ organizations: asked.reached }, asked));
  return async (app) => {
    if (app.org !== undefined) return app;
    try {
      return { ...app, org: await resolve(), orgIsDefault: true };
    } catch (error) {
      throw toFault(error, 'the organization could not be found out');
    }
  };
}
