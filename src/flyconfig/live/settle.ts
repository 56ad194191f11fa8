/**
 * The one form of a machine config in which equal machines are equal, whoever wrote them down: flyctl, FlyCD, or the
 * platform, which rewrites what it is sent. Whatever it is given comes back settled; settling twice changes nothing.
 */
import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import { defaultGuest, guestPresets } from '../../../schemas/fly/presets.ts';
import { canonicalJson, isObject } from '../../model/base/json.ts';
import { isBookkeepingKey, isVersionEnv } from '../../model/stamps/keys.ts';
import { namedCheckIntervalMin, namedCheckTimeoutMax, serviceCheckMax, serviceCheckMin } from '../sections/checks.ts';
import { canonicalDuration, formatDuration, parseDuration } from '../reading/duration.ts';

type Fields = Record<string, unknown>;

/** Fly's own number of restarts on failure. */
const defaultRetries = 10;
/** Soft limit of a service that names none: Fly's proxy fills it in. */
const defaultSoftLimit = 20;

/** The config in its settled form, guest included: a machine that names none is shared-cpu-1x with 256 MB. */
export function settle(config: MachineConfig): MachineConfig {
  const settled = settleWritten(config);
  return { ...settled, guest: { ...defaultGuest, ...settled.guest } };
}

/** As settle, without a size that nobody wrote: for versions, where "any size" and "256 MB" differ. */
export function settleWritten(config: MachineConfig): MachineConfig {
  const { image: _image, size, ...rest } = config;
  const fields: Fields = { ...rest };
  change(fields, 'env', (env) => without(env, (name) => isVersionEnv(name)));
  change(fields, 'metadata', (metadata) => without(metadata, (key) => isBookkeepingKey(key)));
  fields['guest'] = settleGuest(fields['guest'], size);
  change(fields, 'init', (init) => dropping(init, { tty: false, swap_size_mb: 0 }));
  change(fields, 'dns', (dns) => dropping(dns, { skip_registration: false }));
  change(fields, 'metrics', (metrics) => dropping(metrics, { https: false }));
  change(fields, 'restart', settleRestart);
  change(fields, 'stop_config', (stop) => ({ ...stop, timeout: canonicalDuration(stop['timeout']) }));
  change(fields, 'checks', (checks) => mapFields(checks, settleNamedCheck));
  changeItems(fields, 'services', settleService, serviceKey);
  changeItems(fields, 'mounts', settleMount, (mount) => word(mount['path']));
  changeItems(
    fields,
    'files',
    (file) => dropping(file, { mode: 0 }),
    (file) => word(file['guest_path']),
  );
  changeItems(fields, 'statics', (item) => dropping(item, { tigris_bucket: '', index_document: '' }));
  return pruned(dropping(fields, { auto_destroy: false, schedule: '' })) ?? {};
}

/** How a service is called in paths: `tcp/8080`. */
export function serviceKey(service: Readonly<Fields>): string {
  return `${word(service['protocol'])}/${word(service['internal_port'])}`;
}

/** How a port of a service is called in paths: `443` or `8000-8100`. */
export function portKey(port: Readonly<Fields>): string {
  if (port['port'] !== undefined && port['port'] !== null) return word(port['port']);
  return `${word(port['start_port'])}-${word(port['end_port'])}`;
}

function word(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** Changes a field that is a table; anything else stays for the platform to judge. */
function change(fields: Fields, key: string, settled: (value: Fields) => Fields): void {
  const value = fields[key];
  if (isObject(value)) fields[key] = settled(value);
}

/** Changes each table of a list and, given a key, puts them in its order. */
function changeItems(
  fields: Fields,
  key: string,
  settled: (item: Fields) => Fields,
  keyOf?: (item: Fields) => string,
): void {
  const value = fields[key];
  if (!Array.isArray(value)) return;
  const items = value.flatMap((item: unknown) => {
    const kept = pruned(isObject(item) ? settled(item) : item);
    return kept === undefined ? [] : [kept];
  });
  const rank = (item: unknown): string => (keyOf !== undefined && isObject(item) ? keyOf(item) : '');
  fields[key] = keyOf === undefined ? items : items.toSorted((a, b) => byKey(rank(a), rank(b)) || byContent(a, b));
}

/** By code unit, not by language: the order is part of every version, on every machine. */
function byKey(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function byContent(a: unknown, b: unknown): number {
  return byKey(canonicalJson(a), canonicalJson(b));
}

function without(fields: Fields, leaves: (key: string) => boolean): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => !leaves(key)));
}

/** Leaves out fields that say what goes without saying. */
function dropping(fields: Fields, defaults: Readonly<Fields>): Fields {
  return Object.fromEntries(
    Object.entries(fields).filter(([key, value]) => !Object.hasOwn(defaults, key) || defaults[key] !== value),
  );
}

function mapFields(fields: Fields, settled: (value: Fields) => Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, isObject(value) ? settled(value) : value]),
  );
}

/** Without null, [] and {}, which the platform exchanges for each other at will. undefined: nothing is left. */
function pruned<T>(value: T): T | undefined {
  if (value === null || value === undefined) return undefined;
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => pruned(item)).filter((item) => item !== undefined);
    return items.length === 0 ? undefined : (items as T);
  }
  if (!isObject(value)) return value;
  const entries = Object.entries(value)
    .map(([key, item]) => [key, pruned(item)] as const)
    .filter(([, item]) => item !== undefined);
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as T);
}

/** The deprecated `size` shorthand, on the config or in the guest, becomes what it stands for. */
function settleGuest(guest: unknown, configSize: unknown): unknown {
  if (guest !== undefined && guest !== null && !isObject(guest)) return guest;
  const { size: guestSize, ...rest } = guest ?? {};
  const size = word(guestSize ?? configSize);
  const preset = Object.hasOwn(guestPresets, size) ? guestPresets[size] : undefined;
  const written = pruned(
    dropping(rest, { cpu_kind: '', cpus: 0, memory_mb: 0, max_memory_mb: 0, gpus: 0, gpu_kind: '' }),
  );
  return preset === undefined && size !== '' ? { ...written, size } : { ...preset, ...written };
}

/** Restarting on failure with Fly's own number of retries is what a machine does that names no policy. */
function settleRestart(restart: Fields): Fields {
  const { policy = 'on-failure', max_retries: retries, ...rest } = dropping(restart, { max_retries: 0, policy: '' });
  if (policy === null || policy === 'on-failure') {
    return retries === undefined || retries === null || retries === defaultRetries
      ? rest
      : { ...rest, policy: 'on-failure', max_retries: retries };
  }
  // Retries count for on-failure alone.
  return { ...rest, policy };
}

function settleService(service: Fields): Fields {
  const settled: Fields = dropping(service, { autostart: true, min_machines_running: 0 });
  settled['protocol'] = word(service['protocol']) === '' ? 'tcp' : service['protocol'];
  settled['autostop'] = settleAutostop(service['autostop']);
  change(settled, 'concurrency', (concurrency) =>
    dropping(dropping(concurrency, { type: 'connections', soft_limit: defaultSoftLimit, hard_limit: 0 }), {
      type: '',
      soft_limit: 0,
    }),
  );
  changeItems(settled, 'ports', settlePort, portKey);
  changeItems(settled, 'checks', settleServiceCheck);
  return settled;
}

/** undefined: off, which is what a service does that says nothing. */
function settleAutostop(autostop: unknown): unknown {
  if (autostop === true) return 'stop';
  return autostop === false || autostop === 'off' || autostop === '' ? undefined : autostop;
}

function settlePort(port: Fields): Fields {
  const handlers = port['handlers'];
  const settled = dropping(port, { force_https: false });
  if (Array.isArray(handlers)) settled['handlers'] = [...new Set<unknown>(handlers)].toSorted(byContent);
  return settled;
}

function settleServiceCheck(check: Fields): Fields {
  return {
    ...settleCheck(check),
    interval: clamped(check['interval'], serviceCheckMin, serviceCheckMax),
    timeout: clamped(check['timeout'], serviceCheckMin, serviceCheckMax),
  };
}

function settleNamedCheck(check: Fields): Fields {
  return {
    ...dropping(settleCheck(check), { kind: 'informational' }),
    interval: clamped(check['interval'], namedCheckIntervalMin, Number.MAX_SAFE_INTEGER),
    timeout: clamped(check['timeout'], 0, namedCheckTimeoutMax),
  };
}

function settleCheck(check: Fields): Fields {
  const settled: Fields = { ...check, grace_period: canonicalDuration(check['grace_period']) };
  changeItems(
    settled,
    'headers',
    (header) => header,
    (header) => word(header['name']),
  );
  return settled;
}

/** Fly keeps a check's times within bounds; so the form it answers with is the settled one. */
function clamped(value: unknown, least: number, most: number): unknown {
  const canonical = canonicalDuration(value);
  const nanoseconds = typeof canonical === 'string' ? parseDuration(canonical) : undefined;
  if (nanoseconds === undefined) return canonical;
  return formatDuration(Math.min(Math.max(nanoseconds, least), most));
}

/** A volume's id, size and encryption are the volume's: it moves with the host and grows by itself. */
function settleMount(mount: Fields): Fields {
  const { volume: _volume, size_gb: _size, encrypted: _encrypted, ...rest } = mount;
  return dropping(rest, { extend_threshold_percent: 0, add_size_gb: 0, size_gb_limit: 0 });
}
