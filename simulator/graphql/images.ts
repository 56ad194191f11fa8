import type { ImageRef } from '../../schemas/fly/machine.ts';
import type { Fields } from './fields.ts';
import { imageRefOf } from '../machines/images.ts';
import { refusal } from '../wire/replies.ts';
import type { World } from '../world/world.ts';

/** Bytes: most images here were never pushed. */
const imageBytes = 50_000_000;

/** Every reference has an image here; `ref` is what becomes a machine's image and stays as it was given. */
export const imageFields: Fields<{ readonly ref: string }> = {
  id: ({ ref }, _args, call) =>
    `img_${call.world.chance.hex(['image id', imageRefOf(call.world, ref).digest ?? ''], 16)}`,
  absoluteRef: ({ ref }, _args, { world }) => {
    const { registry, repository, tag, digest } = imageRefOf(world, ref);
    return `${registry}/${repository}${tag === '' ? '' : `:${tag}`}@${digest}`;
  },
  registry: ({ ref }, _args, { world }) => imageRefOf(world, ref).registry,
  repository: ({ ref }, _args, { world }) => imageRefOf(world, ref).repository,
  tag: ({ ref }, _args, { world }) => imageRefOf(world, ref).tag || null,
  digest: ({ ref }, _args, { world }) => imageRefOf(world, ref).digest,
  compressedSizeFull: () => String(imageBytes),
  manifest: () => ({ schemaVersion: 2, annotations: {} }),
};

export function imageVersion({ registry, repository, tag, digest }: ImageRef) {
  return { registry, repository, tag, digest, version: null };
}

/** Images of which the platform knows newer ones. */
const trackedPrefix = 'flyio/';

/** Of a tracked repository the tag asked for is the newest. Clients know this message and go on. */
export function latestImageVersion(world: World, image: string) {
  if (!image.startsWith(trackedPrefix)) throw refusal(422, `Unknown repository "${image.split(/[:@]/)[0] ?? image}"`);
  return imageVersion(imageRefOf(world, image));
}
