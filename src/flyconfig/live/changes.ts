/** What differs between two machine configs, field by field, in words a person can follow. */
import diff from 'microdiff';
import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import { hashOf, isObject, type JsonValue } from '../../model/base/json.ts';
import type { FieldChange } from '../../model/plan.ts';
import { portKey, serviceKey, settle } from './settle.ts';

type Fields = Record<string, unknown>;
type Step = string | number;

/** Marks the key of a list's item, `[tcp/8080]`, apart from a field of that name. Never written out. */
const itemMark = '\u0000';
/** Digits of a file's hash that are shown: enough to tell two contents apart. */
const shownHashDigits = 12;
/** Tables whose fields are changes of their own even where one side has no such table. */
const openedTables = [
  'env',
  'metadata',
  'init',
  'guest',
  'services',
  'checks',
  'files',
  'mounts',
  'restart',
  'stop_config',
];

/**
 * The changes from one config to another, sorted by path. Both are settled here, so forms that mean the same are no
 * change; `from` may be {} for "nothing yet". A file's content is shown as a hash.
 */
export function fieldChanges(from: MachineConfig, to: MachineConfig): FieldChange[] {
  const before = treeOf(settled(from));
  const after = treeOf(settled(to));
  const changes = new Map<string, FieldChange>();
  for (const { path } of diff(before, after, { cyclesFix: false })) {
    // A list of plain values changes as a whole.
    const list = path.findIndex((step) => typeof step === 'number');
    const steps = list === -1 ? path : path.slice(0, list);
    const written = pathText(steps);
    if (changes.has(written)) continue;
    changes.set(written, { path: written, from: valueAt(before, steps), to: valueAt(after, steps) });
  }
  return [...changes.values()].toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/** The changes less those at or inside paths where the platform is known to keep its own value. */
export function withoutKept(changes: readonly FieldChange[], keptPaths: readonly string[]): FieldChange[] {
  return changes.filter(({ path }) =>
    keptPaths.every((kept) => path !== kept && !path.startsWith(`${kept}.`) && !path.startsWith(`${kept}[`)),
  );
}

function settled(config: MachineConfig): MachineConfig {
  return Object.keys(config).length === 0 ? {} : settle(config);
}

/** Tables without a prototype: an env name like `constructor` is then a name like any other. */
function emptyTable(): Fields {
  return Object.create(null) as Fields;
}

function treeOf(config: MachineConfig): Fields {
  const tree = emptyTable();
  for (const key of openedTables) tree[key] = emptyTable();
  for (const [key, value] of Object.entries(config)) tree[key] = nodeOf(key, value);
  return tree;
}

type KeyOf = (item: Fields) => string;

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** Lists whose items have a name of their own. */
const itemKeys: Readonly<Record<string, KeyOf>> = {
  services: serviceKey,
  ports: portKey,
  files: (item) => text(item['guest_path']),
  mounts: (item) => text(item['path']),
  statics: (item) => text(item['url_prefix']),
  headers: (item) => text(item['name']),
  containers: (item) => text(item['name']),
  checks: (item) => text(item['type']),
};

function nodeOf(key: string, value: unknown): unknown {
  if (Array.isArray(value)) {
    const keyOf = Object.hasOwn(itemKeys, key) ? itemKeys[key] : undefined;
    if (keyOf === undefined || !value.every((item) => isObject(item))) return value.map((item) => nodeOf('', item));
    return keyedNode(value, keyOf);
  }
  if (!isObject(value)) {
    return key === 'raw_value' && typeof value === 'string'
      ? `content ${hashOf(value).slice(0, shownHashDigits)}`
      : value;
  }
  const node = emptyTable();
  for (const [name, item] of Object.entries(value)) node[name] = nodeOf(name, item);
  return node;
}

/** Items by key; the second of a key is `key#2`. */
function keyedNode(items: readonly Fields[], keyOf: KeyOf): Fields {
  const node = emptyTable();
  const counts = new Map<string, number>();
  for (const item of items) {
    const key = keyOf(item);
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    node[`${itemMark}[${key}${count === 1 ? '' : `#${count}`}]`] = nodeOf('', item);
  }
  return node;
}

function valueAt(tree: Fields, steps: readonly Step[]): JsonValue {
  let value: unknown = tree;
  for (const step of steps) value = isObject(value) ? value[step] : undefined;
  return plain(value);
}

/** The value as a person writes it: keyed items back in a list. */
function plain(value: unknown): JsonValue {
  if (Array.isArray(value)) return value.map((item) => plain(item));
  if (!isObject(value)) return value as JsonValue;
  const entries = Object.entries(value);
  if (entries.length > 0 && entries.every(([key]) => key.startsWith(itemMark))) {
    return entries.map(([, item]) => plain(item));
  }
  return Object.fromEntries(entries.map(([key, item]) => [key, plain(item)]));
}

function pathText(steps: readonly Step[]): string {
  let path = '';
  for (const step of steps) {
    const key = String(step);
    if (key.startsWith(itemMark)) path += key.slice(itemMark.length);
    else if (/^[\w-]+$/.test(key)) path += path === '' ? key : `.${key}`;
    else path += `[${JSON.stringify(key)}]`;
  }
  return path;
}
