import { hash } from 'node:crypto';

/** The distribution specification's limit on a manifest. */
export const manifestBytesMost = 4 * 1024 * 1024;
/** Kept in memory: far above what tests push, far below what a runaway client could. */
export const blobBytesMost = 512 * 1024 * 1024;

export interface Manifest {
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** What one app's repository holds. */
export interface Repository {
  /** Digests; the bytes are shared between repositories. */
  readonly blobs: Set<string>;
  /** By digest. */
  readonly manifests: Map<string, Manifest>;
  readonly tags: Map<string, string>;
}

/** A blob on its way. */
export interface Upload {
  /** Id of the app whose repository it is for. */
  readonly app: string;
  readonly chunks: Uint8Array[];
  bytes: number;
}

export interface RegistryStorage {
  /** `host:port` under which this registry is named in image references, beside Fly's own name. */
  readonly hosts: Set<string>;
  readonly blobs: Map<string, Uint8Array>;
  readonly uploads: Map<string, Upload>;
  /** Of an app by its id: one made again under the same name starts empty. */
  repository(appId: string): Repository;
  /** The digest of what a reference names here; undefined: it is another registry's, or was not pushed. */
  digestOf(reference: string, appIdOf: (name: string) => string | undefined): string | undefined;
}

export function registryStorage(): RegistryStorage {
  const repositories = new Map<string, Repository>();
  const hosts = new Set(['registry.fly.io']);
  return {
    hosts,
    blobs: new Map(),
    uploads: new Map(),
    repository(appId) {
      const known = repositories.get(appId) ?? { blobs: new Set(), manifests: new Map(), tags: new Map() };
      repositories.set(appId, known);
      return known;
    },
    digestOf(reference, appIdOf) {
      const { host, name, tag, digest } =
        /^(?<host>[^/@]+)\/(?<name>[^/:@]+)(?::(?<tag>[^@]+))?(?:@(?<digest>.+))?$/.exec(reference)?.groups ?? {};
      const id = appIdOf(name ?? '');
      if (host === undefined || !hosts.has(host) || id === undefined) return undefined;
      return digest ?? repositories.get(id)?.tags.get(tag ?? 'latest');
    },
  };
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${hash('sha256', bytes)}`;
}
