import type { Clock } from '../model/base/clock.ts';
import type { Log } from '../model/base/log.ts';
import { HostRefused } from '../http/hosts.ts';
import type { Patience } from '../http/patience.ts';
import { createAnswers } from './answers.ts';
import { LateAnswers } from './late-answers.ts';
import { parseReference, type ImageReference } from './reference.ts';
import { createRegistry, RegistryError, type RegistryCredentials } from './registry.ts';

export interface ImageDigestsOptions {
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly log: Log;
  readonly credentials?: RegistryCredentials | undefined;
  /** For whoever has others to see to. undefined: each registry is waited for as long as a question may take. */
  readonly patience?: Patience | undefined;
}

export interface ImageDigests {
  /**
   * `sha256:…` of what a reference stands for: the index where there is one. A pinned reference is its own answer.
   * undefined: unknown, or no registry could be asked or answered in time; never an error, since an unknown digest is no change.
   */
  resolve(ref: string): Promise<string | undefined>;
}

/** A tag that moves is seen within this time; a fleet's shared base image is asked for once in it. */
const knownMs = 5 * 60_000;
/** Shorter for what could not be had: it may have been pushed a moment later. */
const unknownMs = 60_000;
/** References remembered; beyond it the oldest goes. */
const rememberedMax = 10_000;

/** Digests of image tags from their registries, remembered for a while, few questions at a time. */
export function createImageDigests(options: ImageDigestsOptions): ImageDigests {
  const { clock, log, patience } = options;
  const late = patience && new LateAnswers({ clock, log, patience });
  const registry = createRegistry({ ...options, credentials: options.credentials ?? (() => undefined) });
  const answers = createAnswers<string | undefined>({
    clock,
    max: rememberedMax,
    goodForMs: (found) => (found === undefined ? unknownMs : knownMs),
  });
  /** By host: not before, by the monotonic clock. */
  const pauses = new Map<string, number>();
  const refused = new Set<string>();

  async function ask(ref: string, reference: ImageReference): Promise<string | undefined> {
    try {
      const pausedUntil = pauses.get(reference.host) ?? -Infinity;
      if (pausedUntil > clock.monotonic()) throw new RegistryError('the registry was asked too often', 429);
      const { host } = reference;
      const digest = (): Promise<string> => registry.digest(reference);
      return await (late === undefined ? digest() : late.watched({ host, ref, ask: digest }));
    } catch (error) {
      if (error instanceof RegistryError && error.retryAt !== undefined)
        pauses.set(reference.host, clock.monotonic() + error.retryAt - clock.now());
      const { message, cause } = error as Error;
      // An operator has to write something: told once, for it is asked again in each pass.
      const isNews = cause instanceof HostRefused && refused.size < rememberedMax && !refused.has(cause.host);
      if (isNews) refused.add(cause.host);
      log[isNews ? 'warn' : 'debug']({ image: ref, why: message }, 'the digest of an image is unknown');
      // No answer is none to remember.
      if (late?.isLate({ host: reference.host, ref }) === true) throw error;
      return undefined;
    }
  }

  return {
    async resolve(ref) {
      const reference = parseReference(ref);
      if (reference === undefined) {
        log.warn({ image: ref, why: 'it is no image reference' }, 'the digest of an image is unknown');
        return undefined;
      }
      if (reference.digest !== undefined) return reference.digest;
      const { host } = reference;
      const isKnown = answers.has(ref);
      const answer = answers.get(ref, host, () => ask(ref, reference));
      return late === undefined || isKnown ? answer : late.soon({ host, ref }, answer);
    },
  };
}
