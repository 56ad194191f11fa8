import { allEnded } from '../../src/model/base/ending.ts';
import type { Flyctl } from '../../src/fly/builder/flyctl.ts';
import type { Machine } from '../../schemas/fly/machine.ts';
import { buildLabel, imageMatches, parseImage } from '../../src/flyconfig/sections/image.ts';
import type { DesiredApp, DesiredFleet } from '../../src/model/desired.ts';
import { toFault } from '../../src/model/base/fault.ts';
import type { Log } from '../../src/model/base/log.ts';
import type { ImageSight, UnpullableImage } from '../../src/model/observed.ts';
import { imagesIn } from '../../src/plan/steps/needs.ts';
import type { ImagePulls } from '../../src/oci/pulls.ts';
import type { RegistryImages } from '../../src/oci/images.ts';
import type { Store } from '../../src/record/store.ts';

/** What looking for an image needs, and nothing that could make one. */
export interface ImageLookup {
  readonly log: Log;
  readonly images: Pick<RegistryImages, 'host' | 'find'>;
  readonly flyctl: Pick<Flyctl, 'missing'>;
  readonly pulls: ImagePulls;
}

interface SightContext extends ImageLookup {
  readonly store: Pick<Store, 'builds'> | undefined;
}

export interface SightRequest {
  readonly fleet: DesiredFleet;
  /** With its organization. */
  readonly app: DesiredApp;
  /** false: the app is not there yet, so its repository holds nothing. */
  readonly present: boolean;
}

/** Repositories looked through for an image that somebody else's build left there: each is a question. */
const othersMax = 8;

/** Looks for the image of an app's source; writes nothing. undefined: nothing is built for this app. */
export async function seeImage(context: SightContext, request: SightRequest): Promise<ImageSight | undefined> {
  const { images, flyctl, store } = context;
  const { app, present } = request;
  if (app.image.kind !== 'build' || app.image.build === undefined) return undefined;
  const { key } = app.image.build;
  const ref = `${images.host}/${app.name}:${buildLabel(key)}`;
  const shared = sharersOf(request, key);
  const recorded = (await store?.builds(key)) ?? [];
  const [newest] = recorded;
  const failed = newest?.outcome === 'failed' ? newest.output : undefined;
  const sight = { ref, missing: flyctl.missing(), failed, shared };
  try {
    const own = present ? await images.find(app.name, buildLabel(key)) : undefined;
    if (own !== undefined) return { ...sight, found: { state: 'there', digest: own } };
  } catch (error) {
    const fault = toFault(error, 'the registry did not answer');
    return { ...sight, found: { state: 'unread', reason: fault.why ?? fault.what } };
  }
  const built = recorded.filter(({ outcome, org }) => outcome === 'built' && org === app.org).map(({ app }) => app);
  const other = await findElsewhere(context, { key, apps: [...built, ...shared], not: app.name });
  return { ...sight, found: other === undefined ? { state: 'nowhere' } : { state: 'elsewhere', ...other } };
}

/** Those of the images that no registry gives to Fly's machines, of what a plan brings and no machine carries. */
export async function seeUnpullable(
  { pulls }: Pick<ImageLookup, 'pulls'>,
  { images, machines }: { readonly images: ReadonlySet<string>; readonly machines: readonly Machine[] },
): Promise<readonly UnpullableImage[]> {
  const carried = machines.map(({ config, image_ref: imageRef }) => ({ config: config ?? {}, imageRef }));
  const isCarried = (ref: string): boolean =>
    carried.some(
      ({ config, imageRef }) =>
        imagesIn(config).includes(ref) ||
        imageMatches({ ref, digest: parseImage(ref).digest }, { image: config.image, imageRef }),
    );
  const asked = [...images].filter((ref) => !isCarried(ref));
  const found = await allEnded(asked.map(async (ref) => ({ ref, why: await pulls.refusal(ref) })));
  return found.flatMap(({ ref, why }) => (why === undefined ? [] : [{ ref, why }]));
}

/** Apps of the organization that are built from the same. */
export function sharersOf({ fleet, app }: Pick<SightRequest, 'fleet' | 'app'>, key: string): readonly string[] {
  return fleet.apps
    .filter((other) => other.name !== app.name && (other.org ?? app.org) === app.org)
    .filter(({ image }) => image.kind === 'build' && image.build?.key === key)
    .map(({ name }) => name);
}

/** An app whose repository has the image. What cannot be read there is as good as not there: it can be built. */
export async function findElsewhere(
  { images, log }: Pick<SightContext, 'images' | 'log'>,
  wanted: { readonly key: string; readonly apps: readonly string[]; readonly not: string },
): Promise<{ readonly app: string; readonly digest: string } | undefined> {
  const candidates = [...new Set(wanted.apps)].filter((app) => app !== wanted.not).slice(0, othersMax);
  for (const app of candidates) {
    try {
      const digest = await images.find(app, buildLabel(wanted.key));
      if (digest !== undefined) return { app, digest };
    } catch (error) {
      log.debug({ app, why: toFault(error, 'registry').message }, 'a repository could not be looked through');
    }
  }
  return undefined;
}
