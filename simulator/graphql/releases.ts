import type { Fields, TypeFields } from './fields.ts';
import { userNamed } from './organization.ts';
import type { Release } from '../world/records.ts';
import { isInProgress } from '../web/releases.ts';
import { timestamp } from '../wire/replies.ts';

const sharedFields: Fields<Release> = {
  reason: () => '',
  stable: (release) => release.status === 'complete',
  inProgress: isInProgress,
  deploymentStrategy: (release) => release.strategy,
  imageRef: (release) => release.image,
  image: (release) => (release.image === '' ? null : { ref: release.image }),
  createdAt: (release) => timestamp(release.createdAt),
  updatedAt: (release) => timestamp(release.updatedAt),
  user: (release) => userNamed(release.user),
};

export const releaseTypeFields: TypeFields = {
  Release: {
    ...sharedFields,
    config: (release: Release) => ({ definition: release.definition ?? {}, errors: [], valid: true }),
  },
  ReleaseUnprocessed: { ...sharedFields, configDefinition: (release: Release) => release.definition },
};
