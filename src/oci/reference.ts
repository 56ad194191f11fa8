/** An image reference, taken apart. */
export interface ImageReference {
  /** Host and port to ask: Docker Hub's own for short names. */
  readonly host: string;
  /** `library/nginx` for `nginx`. */
  readonly repository: string;
  /** `latest` where nothing is said. */
  readonly tag: string;
  /** `sha256:…` where it is pinned. */
  readonly digest: string | undefined;
}

const component = /^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*$/;
const tagName = /^\w[\w.-]{0,127}$/;
const digestValue = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;
const hostValue = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::\d{1,5})?$/i;
/** The distribution specification's limit on a name. */
const nameLengthMax = 255;

/** Docker Hub is called docker.io and answers at another name. */
const hubNames = new Set(['docker.io', 'index.docker.io', 'registry.hub.docker.com']);
const hubHost = 'registry-1.docker.io';

/** As docker reads it; undefined: no image reference. */
export function parseReference(text: string): ImageReference | undefined {
  const [named = '', digest, ...more] = text.split('@');
  if (more.length > 0 || (digest !== undefined && !digestValue.test(digest))) return undefined;
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  const tag = hasTag ? named.slice(colon + 1) : 'latest';
  const parts = (hasTag ? named.slice(0, colon) : named).split('/');
  const first = parts[0] ?? '';
  const hasHost = parts.length > 1 && (/[.:]/.test(first) || first === 'localhost');
  const given = hasHost ? first.toLowerCase() : 'docker.io';
  const isHub = hubNames.has(given);
  const path = hasHost ? parts.slice(1) : parts;
  const repository = isHub && path.length === 1 ? `library/${path.join('/')}` : path.join('/');
  const isName = path.length > 0 && path.every((part) => component.test(part)) && repository.length <= nameLengthMax;
  if (!isName || !tagName.test(tag) || !hostValue.test(given)) return undefined;
  return { host: isHub ? hubHost : given, repository, tag, digest };
}

export function isDigest(text: string | null | undefined): text is string {
  return typeof text === 'string' && digestValue.test(text);
}

/** Where a registry is asked. */
export function registryOrigin(host: string): string {
  return `${isLoopbackHost(host) ? 'http' : 'https'}://${host}`;
}

/** true for hosts that never leave this machine: only they are asked over plain HTTP. */
export function isLoopbackHost(host: string): boolean {
  const name = host.replace(/:\d+$/, '');
  return name === 'localhost' || name.endsWith('.localhost') || name === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(name);
}
