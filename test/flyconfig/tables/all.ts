/** Every table, by name. */
import { checks } from './checks.ts';
import { fields } from './fields.ts';
import { groups } from './groups.ts';
import { guests } from './guests.ts';
import { machineConfigs } from './machine-config.ts';
import { mapping } from './mapping.ts';
import { mounts } from './mounts.ts';
import { olderForms } from './older-forms.ts';
import { releaseCommand } from './release-command.ts';
import { refused } from './refused.ts';
import { serviceFields } from './service-fields.ts';
import { unknownKeys } from './unknown-keys.ts';
import type { Row } from './row.ts';

export const tables: readonly (readonly [string, readonly Row[]])[] = [
  ['older forms', olderForms],
  ['fields', fields],
  ['fields of services', serviceFields],
  ['process groups', groups],
  ['mapping', mapping],
  ['checks', checks],
  ['mounts', mounts],
  ['machine_config', machineConfigs],
  ['sizes', guests],
  ['release command', releaseCommand],
  ['refused', refused],
  ['unknown keys', unknownKeys],
];
