import type { Fields } from './graphql-fields.ts';
import { imageRefOf } from './images.ts';
import { refusal } from './replies.ts';

/** Bytes: there is no registry to ask. */
const imageBytes = 50_000_000;

/** Every reference has an image here; `ref` is what becomes a machine's image and stays as it was given. */
export const imageFields: Fields<{ readonly ref: string }> = {
  id: ({ ref }, _args, call) => `img_${call.world.chance.hex(['image id', imageRefOf(ref).digest ?? ''], 16)}`,
  absoluteRef: ({ ref }) => {
    const { registry, repository, tag, digest } = imageRefOf(ref);
    return `${registry}/${repository}${tag === '' ? '' : `:${tag}`}@${digest}`;
  },
  registry: ({ ref }) => imageRefOf(ref).registry,
  repository: ({ ref }) => imageRefOf(ref).repository,
  tag: ({ ref }) => imageRefOf(ref).tag || null,
  digest: ({ ref }) => imageRefOf(ref).digest,
  compressedSizeFull: () => String(imageBytes),
  manifest: () => ({ schemaVersion: 2, annotations: {} }),
};

export function imageVersion(reference: string) {
  const { registry, repository, tag, digest } = imageRefOf(reference);
  return { registry, repository, tag, digest, version: null };
}

/** Images of which the platform knows newer ones. */
const trackedPrefix = 'flyio/';

/** Of a tracked repository the tag asked for is the newest. Clients know this message and go on. */
export function latestImageVersion(image: string) {
  if (!image.startsWith(trackedPrefix)) throw refusal(422, `Unknown repository "${image.split(/[:@]/)[0] ?? image}"`);
  return imageVersion(image);
}
