/**
 * `machine_config`: a machine's config as JSON, under what the fly config says itself. Of use for what a fly config has
 * no word for: schedule, dns, containers and the like. Source: flyctl's ParseConfig, ParseContainerConfig and
 * updateMachineConfig.
 */
import { MachineConfig } from '../../../schemas/fly/machine.ts';
import { guestPresets } from '../../../schemas/fly/presets.ts';
import type { JsonObject, JsonValue } from '../../model/base/json.ts';
import { isBookkeepingKey } from '../../model/stamps/keys.ts';
import { parseDuration } from '../reading/duration.ts';
import { nonEmptyTextOf } from '../reading/fields.ts';
import { shortened } from '../../model/base/text.ts';
import { tableOf } from '../reading/tables.ts';
import { fieldOf, isList, isTable, itemPath, keyPath, kindOf, type Table } from '../reading/values.ts';
import { localContent, type ReadFile } from './files.ts';
import { ownImage } from './image.ts';
import { refuseLongStop } from './process.ts';

/** What the fly config's own sections replace whole, in each machine. */
const replaced: Readonly<Record<string, string>> = {
  env: 'env',
  services: 'services',
  checks: 'checks',
  metrics: 'metrics',
  statics: 'statics',
  mounts: 'mounts',
  files: 'files',
  stop_config: 'kill_signal and kill_timeout',
  restart: 'restart',
  image: 'build.image',
};
const replacedInit: Readonly<Record<string, string>> = {
  cmd: 'processes',
  entrypoint: 'experimental.entrypoint',
  exec: 'experimental.exec',
  swap_size_mb: 'swap_size_mb',
};
const keptFields = [
  'init',
  'guest',
  'size',
  'metadata',
  'schedule',
  'auto_destroy',
  'dns',
  'processes',
  'standbys',
  'containers',
  'volumes',
  'rootfs',
  'cache_drive',
  'spot',
  'disable_machine_autostart',
];
const wholeGuest = ['cpu_kind', 'cpus', 'memory_mb'];

/** What the machines of every process group get beneath what the fly config's sections say; {} without a machine_config. */
export function baseConfigOf(root: Table, readFile: ReadFile): MachineConfig {
  const source = sourceOf(root);
  if (source === undefined) return {};
  const { path, text } = source;
  const document = documentOf(source, root, readFile);
  if (document === undefined) return {};
  const table: Table = { path, values: document, notes: root.notes };
  const { success, data, error } = MachineConfig.safeParse(withoutNulls(document));
  if (!success) {
    for (const { path: steps, message } of error.issues) {
      const place = steps.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
      root.notes.error(path, `${place.replace(/^\./, '')}: ${message}`, `in ${describe(text)}`);
    }
    return {};
  }
  const config = keptOf(data, table);
  const guest = guestOf(config, table);
  const containers = containersOf(table, nonEmptyTextOf(root, 'container'), readFile);
  const { size: _size, ...rest } = config;
  return { ...rest, ...(guest === undefined ? {} : { guest }), ...(containers === undefined ? {} : { containers }) };
}

interface Source {
  readonly path: string;
  readonly text: string;
}

function sourceOf(root: Table): Source | undefined {
  const experimental = tableOf(root, 'experimental');
  const older = experimental === undefined ? undefined : nonEmptyTextOf(experimental, 'machine_config');
  const text = nonEmptyTextOf(root, 'machine_config');
  if (older !== undefined) {
    const path = 'experimental.machine_config';
    if (text !== undefined) root.notes.warning('machine_config', `${path} beats it`, 'keep one of the two');
    return { path, text: older };
  }
  return text === undefined ? undefined : { path: 'machine_config', text };
}

function describe(text: string): string {
  return text.startsWith('{') ? 'the JSON' : text;
}

function documentOf({ path, text }: Source, root: Table, readFile: ReadFile): JsonObject | undefined {
  let json = text;
  if (!text.startsWith('{')) {
    if (!text.endsWith('.json')) {
      const message = `expected JSON that begins with {, or the path of a .json file, found "${shortened(text)}"`;
      root.notes.error(path, message);
      return undefined;
    }
    const file = localContent({ path, localPath: text, notes: root.notes }, readFile);
    if (file === undefined) return undefined;
    json = Buffer.from(file).toString('utf8');
  }
  try {
    const value = JSON.parse(json) as JsonValue;
    if (isTable(value)) return value;
    root.notes.error(path, `expected a table, found ${kindOf(value)}`);
  } catch (error) {
    const words = error instanceof Error ? error.message : 'no JSON';
    root.notes.error(path, `${describe(text)} cannot be read: ${words.slice(0, 200)}`);
  }
  return undefined;
}

/** In flyctl, null leaves a field as it was. */
function withoutNulls(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== null));
}

/** The fields that the fly config's sections leave alone; the others are noted. */
function keptOf(data: MachineConfig, table: Table): MachineConfig {
  const config: MachineConfig = {};
  for (const [key, value] of Object.entries(data)) {
    const path = keyPath(table.path, key);
    const own = Object.hasOwn(replaced, key) ? replaced[key] : undefined;
    if (own !== undefined) table.notes.warning(path, `it has no effect here: ${own} decides`, `say it under ${own}`);
    else if (keptFields.includes(key)) config[key] = value;
    else table.notes.warning(path, 'a machine has no such field; it has no effect', 'remove it');
  }
  const { init, metadata } = config;
  if (isTable(init as JsonValue)) {
    for (const key of Object.keys(init ?? {})) {
      const own = Object.hasOwn(replacedInit, key) ? replacedInit[key] : undefined;
      if (own === undefined) continue;
      const path = keyPath(keyPath(table.path, 'init'), key);
      table.notes.warning(path, `it has no effect here: ${own} decides`, `say it under ${own}`);
    }
    const rest = Object.entries(init ?? {}).filter(([key]) => !Object.hasOwn(replacedInit, key));
    config.init = Object.fromEntries(rest);
  }
  for (const key of Object.keys(metadata ?? {})) {
    if (!isBookkeepingKey(key)) continue;
    const path = keyPath(keyPath(table.path, 'metadata'), key);
    table.notes.error(path, 'FlyCD and flyctl write this name themselves', 'remove it');
  }
  return config;
}

/** flyctl would lay a part of a size over what the machine happens to have; git names it whole or not at all. */
function guestOf(config: MachineConfig, table: Table): MachineConfig['guest'] {
  const size = config['size'];
  const { guest } = config;
  if (guest === undefined || guest === null) {
    if (size === undefined) return undefined;
    const preset = typeof size === 'string' && Object.hasOwn(guestPresets, size) ? guestPresets[size] : undefined;
    if (preset !== undefined) return { ...preset };
    table.notes.error(keyPath(table.path, 'size'), 'Fly has no machine size of that name', 'use a vm section');
    return undefined;
  }
  const missing = wholeGuest.filter((key) => (guest[key] ?? 0) === 0);
  if (missing.length === 0) return guest;
  const message = `it names no ${missing.join(', ')}: a part of a size is not supported`;
  table.notes.error(keyPath(table.path, 'guest'), message, 'name all three, or use a vm section');
  return undefined;
}

/** One container runs the app's image: the one named by `container`, else `app`, else the first. */
function containersOf(
  table: Table,
  wanted: string | undefined,
  readFile: ReadFile,
): Record<string, unknown>[] | undefined {
  const written = fieldOf(table.values, 'containers');
  const path = keyPath(table.path, 'containers');
  if (!isList(written) || written.length === 0) {
    if (written !== undefined && !isList(written)) {
      table.notes.error(path, `expected a list of tables, found ${kindOf(written)}`);
    } else if (wanted !== undefined) table.notes.warning('container', 'machine_config has no containers', 'remove it');
    return undefined;
  }
  const containers = written.map((item) => (isTable(item) ? item : {}));
  const match = containers.findIndex((container) => fieldOf(container, 'name') === (wanted ?? 'app'));
  if (match === -1 && wanted !== undefined) {
    table.notes.error('container', `machine_config has no container "${shortened(wanted)}"`);
  }
  return containers.map((container, index) => {
    const place: Table = { path: itemPath(path, index), values: container, notes: table.notes };
    if (nonEmptyTextOf(place, 'name') === undefined) table.notes.error(place.path, 'a container needs a name');
    const files = containerFilesOf(place, readFile);
    refuseLongStop(stopTimeoutOf(container), { ...place, path: keyPath(keyPath(place.path, 'stop'), 'timeout') });
    const image = index === Math.max(match, 0) ? ownImage : nonEmptyTextOf(place, 'image');
    if (image === undefined) {
      const hint = `name one; "${ownImage}" is the app's own`;
      table.notes.error(place.path, 'a container that does not run the app needs an image', hint);
    }
    return { ...container, ...(image === undefined ? {} : { image }), ...(files === undefined ? {} : { files }) };
  });
}

/** In Go's JSON a number is nanoseconds. */
function stopTimeoutOf(container: JsonObject): number | undefined {
  const stop = fieldOf(container, 'stop');
  const timeout = isTable(stop) ? fieldOf(stop, 'timeout') : undefined;
  if (typeof timeout === 'number') return timeout;
  return typeof timeout === 'string' ? parseDuration(timeout) : undefined;
}

/** Files of a container may name one of the app's files instead of their content. */
function containerFilesOf(container: Table, readFile: ReadFile): JsonObject[] | undefined {
  const files = fieldOf(container.values, 'files');
  if (!isList(files)) return undefined;
  return files.map((file, index): JsonObject => {
    const path = itemPath(keyPath(container.path, 'files'), index);
    if (!isTable(file)) {
      container.notes.error(path, `expected a table, found ${kindOf(file)}`);
      return {};
    }
    const { local_path: localPath, ...rest } = file;
    const given = ['raw_value', 'secret_name', 'image_config'].some((key) => fieldOf(file, key) !== undefined);
    if (given || typeof localPath !== 'string' || localPath === '') return rest;
    const place = { path: keyPath(path, 'local_path'), localPath, notes: container.notes };
    const content = localContent(place, readFile);
    return content === undefined ? rest : { ...rest, raw_value: Buffer.from(content).toString('base64') };
  });
}

/** Paths of the app's files that its machine_config names: that of a file, or those in its JSON. */
export function machineConfigPaths(config: JsonObject): {
  readonly paths: readonly string[];
  /** Where it stands. */
  readonly at: string;
  readonly isFile: boolean;
} {
  const experimental = fieldOf(config, 'experimental');
  const older = isTable(experimental) ? fieldOf(experimental, 'machine_config') : undefined;
  const isOlder = typeof older === 'string' && older !== '';
  const text = isOlder ? older : fieldOf(config, 'machine_config');
  const at = isOlder ? 'experimental.machine_config' : 'machine_config';
  if (typeof text !== 'string' || text === '') return { paths: [], at, isFile: false };
  const isFile = !text.startsWith('{');
  return { paths: isFile ? [text] : containerPaths(text), at, isFile };
}

/** Paths that a file with a machine's config names. */
export function machineConfigPathsIn(file: Uint8Array | undefined): readonly string[] {
  return file === undefined ? [] : containerPaths(Buffer.from(file).toString('utf8'));
}

function containerPaths(json: string): readonly string[] {
  let value: JsonValue;
  try {
    value = JSON.parse(json) as JsonValue;
  } catch {
    return [];
  }
  const items = (table: JsonValue, key: string): readonly JsonValue[] => {
    const list = isTable(table) ? fieldOf(table, key) : undefined;
    return isList(list) ? list : [];
  };
  return items(value, 'containers')
    .flatMap((container) => items(container, 'files'))
    .flatMap((file) => {
      const path = isTable(file) ? fieldOf(file, 'local_path') : undefined;
      return typeof path === 'string' && path !== '' ? [path] : [];
    });
}
