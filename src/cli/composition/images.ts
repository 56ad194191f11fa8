import { join } from 'node:path';
import type { ImageBuilds } from '../../../controllers/images/builds.ts';
import type { ImageLookup } from '../../../controllers/images/lookup.ts';
import type { HostGuard } from '../../http/guard.ts';
import { SecretValue } from '../../model/base/secret-value.ts';
import type { Invocation } from '../shell/invocation.ts';
import { flyToken, variable } from '../shell/io.ts';
import { withCertificates } from './certificates.ts';
import { registryAccess } from './registry.ts';

export interface Images {
  /** Looks for images, and makes none. */
  readonly sight: ImageLookup;
  /** Builds what is missing, in folders under the data directory. */
  readonly builds: () => Promise<ImageBuilds>;
}

/** Images of apps that are built from a source: Fly's registry, and flyctl as FLYCTL_PATH or PATH name it. */
export async function createImages(
  { io, log, redactor }: Invocation,
  { hosts, dataDirectory }: { readonly hosts: () => HostGuard; readonly dataDirectory: () => string },
): Promise<Images> {
  const [{ createRegistryImages }, { createImagePulls }, { createFlyctl }] = await io.clock.busy(() =>
    Promise.all([import('../../oci/images.ts'), import('../../oci/pulls.ts'), import('../../fly/builder/flyctl.ts')]),
  );
  const { clock, env } = io;
  const { fetch } = hosts();
  const images = createRegistryImages({ ...registryAccess(io, redactor), fetch, clock });
  const token = new SecretValue(flyToken(io) ?? '');
  const flyctl = createFlyctl({
    path: variable(env, 'FLYCTL_PATH'),
    environment: await withCertificates(io, dataDirectory()),
    token,
    clock,
    redactor,
  });
  return {
    sight: { log, images, flyctl, pulls: createImagePulls({ fetch, clock, log, ownHost: images.host }) },
    async builds() {
      const [{ ImageBuilds }, { createWorkFolders }] = await io.clock.busy(() =>
        Promise.all([import('../../../controllers/images/builds.ts'), import('../../sources/build/work-folders.ts')]),
      );
      const directory = join(dataDirectory(), 'builds');
      const folders = createWorkFolders({ clock, directory, log, host: io.host });
      await folders.sweep();
      return new ImageBuilds({ clock, log, images, flyctl, folders });
    },
  };
}
