/** Containers and files of a machine config that are of the machine's own image. */
import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import { isObject } from '../../model/base/json.ts';
import { ownImage } from '../sections/image.ts';

/** The config with the machine's image wherever it says `ownImage`. Source: flyctl's updateContainerImage. */
export function withOwnImage(config: MachineConfig): MachineConfig {
  return config.image === undefined ? config : replaceImage(config, ownImage, config.image);
}

/** The config with another image for the machine, and for what runs the machine's own. */
export function withImage(config: MachineConfig, image: string): MachineConfig {
  return config.image === undefined ? { ...config, image } : replaceImage({ ...config, image }, config.image, image);
}

/** In containers, and in files that are an image's config. */
function replaceImage(config: MachineConfig, from: string, image: string): MachineConfig {
  const named = (file: unknown): unknown =>
    isObject(file) && file['image_config'] === from ? { ...file, image_config: image } : file;
  const files = config.files?.map((file) => named(file) as typeof file);
  const containers = config['containers'];
  return {
    ...config,
    ...(files === undefined ? {} : { files }),
    ...(Array.isArray(containers)
      ? {
          containers: containers.map((container: unknown) => {
            if (!isObject(container)) return container;
            const inner = container['files'];
            return {
              ...container,
              ...(container['image'] === from ? { image } : {}),
              ...(Array.isArray(inner) ? { files: inner.map(named) } : {}),
            };
          }),
        }
      : {}),
  };
}
