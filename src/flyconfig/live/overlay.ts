/** flyctl's rule of an update: what a fly config can say is replaced, what it cannot say stays as the machine has it. */
import type { MachineConfig, MachineMount } from '../../../schemas/fly/machine.ts';
import { defaultGuest } from '../../../schemas/fly/presets.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import { guestOver } from '../sections/guest.ts';
import { withOwnImage } from './own-image.ts';
import { isFlyConfigInit, noLongerNamed } from './named.ts';

/** Replaced whole, and removed where the desired config lacks them. */
const managedFields = ['services', 'checks', 'metrics', 'statics', 'files', 'stop_config', 'restart'] as const;
/** On a standby: the machines it stands in for, which only the machine knows. */
export const standbyEnv = 'FLY_STANDBY_FOR';

/**
 * The config to send so that a machine becomes as desired. Kept from the live machine: size unless desired names one,
 * metadata (merged), schedule, standbys, dns, auto_destroy, processes, rootfs, containers and all else that desired does
 * not name; a mount's volume. What an earlier desired config named, by the machine's stamp, and this one does not, goes.
 * Without a live machine: desired itself, with Fly's default size where it names none.
 * The image is the live one, unless desired names it; containers that run the machine's own image get the same.
 */
export function overlay(desired: MachineConfig, live: MachineConfig | undefined): MachineConfig {
  const merged: MachineConfig = { ...live, ...named(desired) };
  for (const field of managedFields) {
    if (desired[field] === undefined || desired[field] === null) delete merged[field];
  }
  const gone = noLongerNamed(desired, live?.metadata?.[stampKeys.named]);
  for (const field of gone.fields) delete merged[field];
  // The empty word is how a desired config says that there is none.
  if (merged.schedule === '') delete merged.schedule;
  set(merged, 'init', initOver(desired.init, without(live?.init ?? {}, gone.init)));
  set(merged, 'metadata', nonEmpty({ ...without(live?.metadata ?? {}, gone.metadata), ...desired.metadata }));
  set(merged, 'mounts', mountsOver(desired.mounts ?? [], live?.mounts ?? []));
  set(merged, 'guest', guestOver(desired.guest, live === undefined ? { ...defaultGuest } : live.guest));
  // A standby serves nobody; with services it becomes a machine like the others.
  if ((desired.services ?? []).length > 0) delete merged.standbys;
  const standsFor = (merged.standbys ?? []).length > 0 ? live?.env?.[standbyEnv] : undefined;
  set(merged, 'env', nonEmpty({ ...desired.env, ...(standsFor === undefined ? {} : { [standbyEnv]: standsFor }) }));
  return withOwnImage(merged);
}

function named(config: MachineConfig): MachineConfig {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined && value !== null));
}

function set<K extends 'init' | 'metadata' | 'mounts' | 'guest' | 'env'>(
  config: MachineConfig,
  key: K,
  value: MachineConfig[K],
): void {
  if (value === undefined) delete config[key];
  else config[key] = value;
}

function without<T>(fields: Readonly<Record<string, T>>, leaving: readonly string[]): Record<string, T> {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => !leaving.includes(key)));
}

function nonEmpty<T extends object>(fields: T): T | undefined {
  return Object.keys(fields).length === 0 ? undefined : fields;
}

function initOver(desired: MachineConfig['init'], live: MachineConfig['init']): MachineConfig['init'] {
  const kept = Object.entries(live ?? {}).filter(([key]) => !isFlyConfigInit(key));
  return nonEmpty({ ...Object.fromEntries(kept), ...desired });
}

/**
 * A mount keeps the volume that the machine has under its name. A machine whose mount has no name keeps it as it is. A
 * mount of another name has no volume yet: a volume cannot be swapped under a machine, so that needs another machine.
 */
function mountsOver(desired: readonly MachineMount[], live: readonly MachineMount[]): MachineMount[] | undefined {
  if (desired.length === 0) return undefined;
  return desired.map((mount, index) => {
    const same = live.find((other) => other.name === mount.name && (other.name ?? '') !== '');
    if (same !== undefined) return { ...mount, ...only(same, volumeFields) };
    const unnamed = live[index];
    if (unnamed === undefined || (unnamed.name ?? '') !== '') return mount;
    if ((mount.name ?? '') === '') return { ...mount, ...only(unnamed, volumeFields) };
    return { ...only(unnamed, ['path', ...volumeFields]), ...only(mount, extensionFields) };
  });
}

const volumeFields = ['volume', 'size_gb', 'encrypted'];
const extensionFields = ['extend_threshold_percent', 'add_size_gb', 'size_gb_limit'];

function only(mount: MachineMount, fields: readonly string[]): MachineMount {
  return Object.fromEntries(fields.filter((field) => mount[field] !== undefined).map((field) => [field, mount[field]]));
}
