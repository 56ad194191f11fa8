/** Image references: what a machine's config names and what the platform resolved it to. */
import type { ImageRef } from '../../../schemas/fly/machine.ts';

export interface ImageName {
  /** Registry and repository, as written. */
  readonly name: string;
  readonly tag: string | undefined;
  /** `sha256:…` */
  readonly digest: string | undefined;
}

export function parseImage(ref: string): ImageName {
  const at = ref.indexOf('@');
  const digest = at === -1 ? undefined : ref.slice(at + 1);
  const rest = at === -1 ? ref : ref.slice(0, at);
  const colon = rest.lastIndexOf(':');
  // A colon before the last slash belongs to a registry's port.
  const tagged = colon > rest.lastIndexOf('/');
  return {
    name: tagged ? rest.slice(0, colon) : rest,
    tag: tagged && colon + 1 < rest.length ? rest.slice(colon + 1) : undefined,
    digest: digest === '' ? undefined : digest,
  };
}

const defaultTag = 'latest';

/** `repo:tag@sha256:…`: the digest decides, the tag is for people. A reference by digest alone gets no tag. */
export function pinned(ref: string, digest: string): string {
  const image = parseImage(ref);
  const tag = image.tag ?? (image.digest === undefined ? defaultTag : undefined);
  return `${image.name}${tag === undefined ? '' : `:${tag}`}@${digest}`;
}

/** Tag of what FlyCD has built: the same key is the same image in every app's repository. */
export function buildLabel(key: string): string {
  return `flycd-${key}`;
}

export function isBuildLabel(tag: string | undefined): boolean {
  return tag !== undefined && /^flycd-[0-9a-f]{32}$/.test(tag);
}

const dockerHub = 'docker.io';
const dockerHubNames = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com']);

/** Registry and repository written out: `nginx` is `docker.io/library/nginx`. */
function fullImageName(name: string): string {
  const [first = '', ...rest] = name.split('/');
  const isRegistry = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const registry = isRegistry ? first : dockerHub;
  const repository = isRegistry ? rest.join('/') : name;
  if (!dockerHubNames.has(registry)) return `${registry}/${repository}`;
  return `${dockerHub}/${repository.includes('/') ? repository : `library/${repository}`}`;
}

/**
 * Whether a machine runs the image that is wanted. A wanted digest equals the digest of the machine's config, else the
 * one the platform resolved. Where no digest is wanted (no registry could be asked), the same name and tag is no change.
 */
export function imageMatches(
  desired: { readonly ref: string; readonly digest: string | undefined },
  live: { readonly image: string | undefined; readonly imageRef: ImageRef | null | undefined },
): boolean {
  const wanted = parseImage(desired.ref);
  const digest = desired.digest ?? wanted.digest;
  const named = live.image === undefined ? undefined : parseImage(live.image);
  if (digest !== undefined) return named?.digest === digest || live.imageRef?.digest === digest;
  const found = named ?? resolvedName(live.imageRef);
  if (found === undefined) return false;
  return (
    fullImageName(found.name) === fullImageName(wanted.name) && (found.tag ?? defaultTag) === (wanted.tag ?? defaultTag)
  );
}

function resolvedName(ref: ImageRef | null | undefined): ImageName | undefined {
  if (ref?.repository === undefined) return undefined;
  const name = ref.registry === undefined || ref.registry === '' ? ref.repository : `${ref.registry}/${ref.repository}`;
  return { name, tag: ref.tag, digest: ref.digest };
}

/** In a container, or a file that is an image's config: the image of the machine itself. */
export const ownImage = '.';
