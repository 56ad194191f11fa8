import type { Clock } from '../model/base/clock.ts';
import { Fault, type FaultState } from '../model/base/fault.ts';
import { copyImage } from './copy.ts';
import { isDigest, parseReference } from './reference.ts';
import { createRegistry, RegistryError, type RegistryCredentials, type RegistryParts } from './registry.ts';

/** Images of one registry by repository and tag. */
export interface RegistryImages {
  /** Registry host, with its port. */
  readonly host: string;
  /** What the tag stands for, an index where there is one; undefined: no such image. Throws a transient Fault. */
  find(repository: string, tag: string): Promise<string | undefined>;
  /** The same image, whole and under the same digest, in another repository. Throws a Fault. */
  copy(request: ImageCopy): Promise<void>;
}

export interface ImageCopy {
  readonly from: { readonly repository: string; readonly digest: string };
  readonly to: { readonly repository: string; readonly tag: string };
  readonly signal?: AbortSignal | undefined;
}

export interface RegistryImagesOptions extends Omit<RegistryParts, 'credentials'> {
  readonly host: string;
  readonly credentials: RegistryCredentials;
}

/** Throws a stalled Fault for a host that is none. */
export function createRegistryImages(options: RegistryImagesOptions): RegistryImages {
  const { host, clock } = options;
  if (parseReference(`${host}/any`)?.host !== host) {
    throw new Fault({
      kind: 'stalled',
      what: `${JSON.stringify(host)} is no image registry`,
      why: 'expected a host, with a port where it needs one',
      next: 'set FLY_REGISTRY_HOST to a host like registry.fly.io, or leave it out',
    });
  }
  const registry = createRegistry(options);
  return {
    host,
    async find(repository, tag) {
      try {
        const digest = await registry.digest({ host, repository, tag, digest: undefined });
        return isDigest(digest) ? digest : undefined;
      } catch (error) {
        if (error instanceof RegistryError && error.status === 404) return undefined;
        throw faultOf(clock, error, `${host}/${repository}:${tag} could not be looked up`);
      }
    },
    async copy(request) {
      try {
        await copyImage({ ...request, registry, clock, host });
      } catch (error) {
        request.signal?.throwIfAborted();
        const { from, to } = request;
        throw faultOf(clock, error, `the image of ${from.repository} could not be copied to ${to.repository}`);
      }
    },
  };
}

function faultOf(clock: Clock, error: unknown, what: string): Fault {
  if (!(error instanceof RegistryError)) throw error;
  const refused = error.status === 401 || error.status === 403;
  const { retryAt } = error;
  const state: FaultState =
    retryAt !== undefined && retryAt > clock.now() ? { kind: 'waiting', retryAt } : { kind: 'transient' };
  return new Fault({
    ...state,
    what,
    why: error.message,
    next: refused ? 'use a token that reaches all apps which are built from this source' : 'FlyCD tries again',
    cause: error,
  });
}
