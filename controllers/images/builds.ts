import PQueue from 'p-queue';
import type { Flyctl } from '../../src/fly/builder/flyctl.ts';
import { buildLabel } from '../../src/flyconfig/sections/image.ts';
import type { Clock } from '../../src/model/base/clock.ts';
import { Fault, toFault } from '../../src/model/base/fault.ts';
import type { Log } from '../../src/model/base/log.ts';
import type { RegistryImages } from '../../src/oci/images.ts';
import type { WorkFolders } from '../../src/sources/build/work-folders.ts';
import { findElsewhere, sharersOf } from './lookup.ts';
import type { ImageRequest, HadImage } from '../pass/services.ts';

/** Builds run on Fly, but each keeps a context on disk and a child here; more would only wait for the builder. */
const buildsAtOnce = 2;
/** After a push the registry may need a moment. */
const registryTries = 3;
const registryPauseMs = 1000;

export interface ImageBuildsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly images: RegistryImages;
  readonly flyctl: Flyctl;
  readonly folders: WorkFolders;
}

/** One key on its way in one organization. */
interface Flight {
  readonly app: string;
  readonly key: string;
  readonly stop: AbortController;
  readonly result: Promise<MadeImage>;
}

interface MadeImage {
  /** In whose repository it is. */
  readonly app: string;
  readonly digest: string;
  readonly isNew: boolean;
}

/**
 * Images of sources, each built once in an organization, however many apps want it at the same time: one builds, the
 * others take the same image over into their own repositories.
 */
export class ImageBuilds {
  readonly #options: ImageBuildsOptions;
  readonly #queue = new PQueue({ concurrency: buildsAtOnce });
  readonly #flights = new Map<string, Flight>();

  constructor(options: ImageBuildsOptions) {
    this.#options = options;
  }

  /** The app's repository has the image afterwards. Throws a Fault. */
  async provide(request: ImageRequest): Promise<HadImage> {
    const { images } = this.#options;
    const { app, key, signal } = request;
    const label = buildLabel(key);
    // Claimed before anything is asked: of apps that come together the first one builds.
    const made = await unlessOvertaken(this.#made(request), request, this.#options.clock);
    if (made.app === app.name) return { digest: made.digest, how: made.isNew ? 'built' : 'there' };
    if ((await images.find(app.name, label)) === made.digest) return { digest: made.digest, how: 'there' };
    await images.copy({
      from: { repository: made.app, digest: made.digest },
      to: { repository: app.name, tag: label },
      signal,
    });
    return { digest: made.digest, how: 'copied', from: made.app };
  }

  /** A newer revision builds something else: what nobody wants any more is stopped. */
  keepOnly(wanted: ReadonlySet<string>): void {
    for (const { app, key, stop } of this.#flights.values()) {
      if (wanted.has(key)) continue;
      stop.abort(
        new Fault({
          kind: 'waiting',
          what: `the build of ${app} was stopped`,
          why: 'a newer revision builds something else',
          next: 'FlyCD builds that one',
          where: app,
          retryAt: this.#options.clock.now(),
        }),
      );
    }
  }

  /** Whose repository has it: found, or built now by the first who asked. */
  #made(request: ImageRequest): Flight['result'] {
    const { app, key, signal } = request;
    const id = `${app.org ?? ''} ${key}`;
    const known = this.#flights.get(id);
    if (known !== undefined) return known.result;
    const stop = new AbortController();
    const end = (): void =>
      stop.abort(new Fault({ kind: 'waiting', what: 'FlyCD was asked to stop', retryAt: this.#options.clock.now() }));
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    const result = this.#make(request, stop.signal).finally(() => {
      signal.removeEventListener('abort', end);
      this.#flights.delete(id);
    });
    this.#flights.set(id, { app: app.name, key, stop, result });
    // Whoever waited for it may have left.
    result.catch(() => undefined);
    return result;
  }

  async #make(request: ImageRequest, signal: AbortSignal): Flight['result'] {
    const { app, key, store } = request;
    const own = await this.#options.images.find(app.name, buildLabel(key));
    if (own !== undefined) return { app: app.name, digest: own, isNew: false };
    const recorded = (await store.builds(key)).filter(({ outcome, org }) => outcome === 'built' && org === app.org);
    const apps = [...recorded.map((build) => build.app), ...sharersOf(request, key)];
    const other = await findElsewhere(this.#options, { key, apps, not: app.name });
    if (other !== undefined) return { ...other, isNew: false };
    const digest = await this.#inTurn(signal, () => this.#build(request, signal));
    return { app: app.name, digest, isNew: true };
  }

  /** What is stopped while it waits leaves at once; what has begun ends by itself, once flyctl is gone. */
  async #inTurn<T>(signal: AbortSignal, build: () => Promise<T>): Promise<T> {
    const waiting = new AbortController();
    const leave = (): void => waiting.abort(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    const begin = (): Promise<T> => {
      signal.removeEventListener('abort', leave);
      return build();
    };
    return this.#queue.add(begin, { signal: waiting.signal });
  }

  async #build(request: ImageRequest, signal: AbortSignal): Promise<string> {
    const { clock, log, folders } = this.#options;
    const { app, key, store } = request;
    signal.throwIfAborted();
    const startedAt = clock.now();
    const end = (outcome: 'built' | 'failed', digest: string | undefined, output: string): Promise<void> =>
      store.addBuild({ key, app: app.name, org: app.org, outcome, digest, output, startedAt });
    try {
      await folders.within((folder) => this.#run(request, folder, signal));
      const digest = await this.#pushed(app.name, key);
      await end('built', digest, '');
      log.info({ app: app.name, key, digest, ms: clock.now() - startedAt }, 'built an image');
      return digest;
    } catch (error) {
      const fault = toFault(error, `the build of ${app.name} broke off`);
      // What is tried again by itself is not held against the source.
      if (fault.kind === 'stalled') await end('failed', undefined, fault.why ?? fault.what);
      throw fault;
    }
  }

  async #run(request: ImageRequest, folder: string, signal: AbortSignal): Promise<void> {
    const { flyctl } = this.#options;
    const { fleet, app, key, onLine } = request;
    const files = await fleet.writeBuild(app.name, folder);
    const settings = app.image.kind === 'build' ? app.image.build?.settings : undefined;
    await flyctl.build({
      app: app.name,
      primaryRegion: app.primaryRegion,
      label: buildLabel(key),
      files,
      folder,
      settings: settings ?? {},
      onLine,
      signal,
    });
  }

  /** The registry says what was pushed, never the builder's output. */
  async #pushed(app: string, key: string): Promise<string> {
    const { images, clock } = this.#options;
    for (let tries = 1; tries <= registryTries; tries += 1) {
      const digest = await images.find(app, buildLabel(key));
      if (digest !== undefined) return digest;
      await clock.sleep(registryPauseMs);
    }
    throw new Fault({
      kind: 'transient',
      what: `the build of ${app} went well, and its image is not in the registry`,
      why: `${images.host}/${app}:${buildLabel(key)} is not there`,
      next: 'FlyCD builds it again',
      where: app,
    });
  }
}

async function unlessOvertaken<T>(work: Promise<T>, { app, newer }: ImageRequest, clock: Clock): Promise<T> {
  const overtaken = Promise.withResolvers<never>();
  const leave = (): void => {
    const what = `${app.name} waits no longer for its image`;
    const why = 'git says something newer of it';
    overtaken.reject(new Fault({ kind: 'waiting', what, why, where: app.name, retryAt: clock.now() }));
  };
  newer?.addEventListener('abort', leave, { once: true });
  if (newer?.aborted === true) leave();
  try {
    return await Promise.race([work, overtaken.promise]);
  } finally {
    newer?.removeEventListener('abort', leave);
  }
}
