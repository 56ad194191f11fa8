/** Fields of a machine that no fly config says: kept from the machine, unless the desired config names them. */
import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import { isBookkeepingKey, stampKeys } from '../../model/stamps/keys.ts';
import { present } from '../../model/base/json.ts';

/** What flyctl replaces, or keeps by rules of its own: not a matter of naming. */
const flyConfigFields = new Set([
  'image',
  'env',
  'init',
  'guest',
  'metadata',
  'mounts',
  'services',
  'checks',
  'metrics',
  'statics',
  'files',
  'stop_config',
  'restart',
]);
const flyConfigInitFields = new Set(['cmd', 'entrypoint', 'exec', 'swap_size_mb']);
const metadataPrefix = 'metadata.';
const initPrefix = 'init.';

/** true: a fly config says it, so that an update replaces it; false: it is kept from the machine. */
export function isFlyConfigInit(field: string): boolean {
  return flyConfigInitFields.has(field);
}

/** Paths of the kept fields that a desired config names, sorted. An empty value names its field too: exactly none. */
export function namedFields(desired: MachineConfig): readonly string[] {
  const fields = Object.keys(present(desired)).filter((field) => !flyConfigFields.has(field));
  const init = Object.keys(desired.init ?? {}).filter((field) => !flyConfigInitFields.has(field));
  const metadata = Object.keys(desired.metadata ?? {}).filter((key) => !isBookkeepingKey(key));
  return [
    ...fields,
    ...init.map((field) => `${initPrefix}${field}`),
    ...metadata.map((key) => `${metadataPrefix}${key}`),
  ].toSorted();
}

/** The machine's stamp of what git named when it was last written. One that is no list of paths names nothing. */
function parseNamed(stamp: string | undefined): readonly string[] {
  if (stamp === undefined) return [];
  try {
    const value: unknown = JSON.parse(stamp);
    return Array.isArray(value) ? value.filter((path): path is string => typeof path === 'string') : [];
  } catch {
    return [];
  }
}

/** Of a config that a machine was sent: without the kept fields that git did not name then, by the stamp sent with it. */
export function onlyNamed(sent: MachineConfig): MachineConfig {
  const stamped = new Set(parseNamed(sent.metadata?.[stampKeys.named]));
  const under = <T>(
    fields: Readonly<Record<string, T>> | null | undefined,
    prefix: string,
    isOther: (key: string) => boolean,
  ) =>
    Object.fromEntries(Object.entries(fields ?? {}).filter(([key]) => isOther(key) || stamped.has(`${prefix}${key}`)));
  const { init, metadata, ...others } = sent;
  const fields = Object.entries(others).filter(([field]) => flyConfigFields.has(field) || stamped.has(field));
  const inits = under(init, initPrefix, isFlyConfigInit);
  const named = under(metadata, metadataPrefix, () => false);
  return {
    ...Object.fromEntries(fields),
    ...(Object.keys(inits).length === 0 ? {} : { init: inits }),
    ...(Object.keys(named).length === 0 ? {} : { metadata: named }),
  };
}

/**
 * What git named once and names no longer, by the stamp on the machine: it goes, as it came. What somebody else set and
 * git never named stays.
 */
export function noLongerNamed(
  desired: MachineConfig,
  stamp: string | undefined,
): { readonly fields: readonly string[]; readonly init: readonly string[]; readonly metadata: readonly string[] } {
  const named = new Set(namedFields(desired));
  const gone = parseNamed(stamp).filter((path) => !named.has(path));
  const under = (prefix: string): readonly string[] =>
    gone.filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length));
  return {
    fields: gone.filter((path) => !path.includes('.') && !flyConfigFields.has(path)),
    init: under(initPrefix).filter((field) => !flyConfigInitFields.has(field)),
    metadata: under(metadataPrefix).filter((key) => !isBookkeepingKey(key)),
  };
}
