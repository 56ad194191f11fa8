import type { Clock } from '../model/base/clock.ts';
import type { Log } from '../model/base/log.ts';
import { createAnswers } from './answers.ts';
import { parseReference, type ImageReference } from './reference.ts';
import { createRegistry, RegistryError } from './registry.ts';

export interface ImagePullsOptions {
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly log: Log;
  /** Of Fly's registry: machines pull from it with credentials of their own. */
  readonly ownHost: string;
}

export interface ImagePulls {
  /**
   * Why an image's registry does not give it to somebody without credentials, as Fly's machines ask; undefined: it does, or
   * nobody can tell. Never an error: only a plain no, once the registry has been asked for a token, is one.
   */
  refusal(ref: string): Promise<string | undefined>;
}

const flyRegistry = 'registry.fly.io';
/** What a registry gave once, it will give; asked again only to notice that it was made private. */
const openMs = 5 * 60_000;
/** Somebody may be making it public this moment. */
const refusedMs = 30_000;
/** References remembered; beyond it the oldest goes. */
const rememberedMax = 1_000;

/** Asks registries without credentials, whatever FlyCD itself has. */
export function createImagePulls(options: ImagePullsOptions): ImagePulls {
  const { clock, log, ownHost } = options;
  const registry = createRegistry({ ...options, credentials: () => undefined });
  const answers = createAnswers<string | undefined>({
    clock,
    max: rememberedMax,
    goodForMs: (why) => (why === undefined ? openMs : refusedMs),
  });

  async function ask(ref: string, { host, repository, tag, digest }: ImageReference): Promise<string | undefined> {
    try {
      const answer = await registry.ask({ method: 'HEAD', host, repository, to: `manifests/${digest ?? tag}` });
      return isRefusal(answer.status) ? refused(host, answer.status) : undefined;
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      // Its token service said so.
      if (isRefusal(error.status)) return refused(host, error.status);
      log.debug({ image: ref, why: error.message }, 'whether an image can be pulled is unknown');
      return undefined;
    }
  }

  return {
    async refusal(ref) {
      const reference = parseReference(ref);
      if (reference === undefined || [flyRegistry, ownHost].includes(reference.host)) return undefined;
      return answers.get(ref, reference.host, () => ask(ref, reference));
    },
  };
}

function isRefusal(status: number | undefined): boolean {
  return status === 401 || status === 403;
}

function refused(host: string, status: number | undefined): string {
  return `${host} answers ${status} to whoever asks without credentials`;
}
