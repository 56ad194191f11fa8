/**
 * Turns the older forms of a fly config into today's, as flyctl does before it decodes one. What is neither an old form
 * nor today's is left alone: the mapping says what is wrong with it. Nothing is dropped but empty sections.
 */
import type { JsonObject, JsonValue } from '../model/json.ts';
import { formatDuration, millisecond, second } from './duration.ts';
import { fieldOf, isList, isTable } from './fields.ts';
import { noteUnknownKeys } from './known.ts';
import { noteList, type ConfigNote } from './notes.ts';

type Draft = Record<string, JsonValue>;

/** Lists that may be written under several names: one list in this order, under the last of them. */
export const gatheredNames = {
  vm: ['compute', 'computes', 'vm'],
  mounts: ['mount', 'mounts'],
  metrics: ['metric', 'metrics'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/**
 * Today's form of a fly config, with a warning for each key that Fly does not read. FlyCD's own top-level keys (source,
 * secrets, …) must be gone already. Paths in the notes are those of the document as written.
 */
export function repairFlyConfig(input: JsonObject): { config: JsonObject; notes: readonly ConfigNote[] } {
  const notes = noteList();
  noteUnknownKeys(input, notes);
  const draft = copyOf(input);
  edit(draft, 'env', repairEnv);
  edit(draft, 'processes', repairProcesses);
  edit(draft, 'build', repairBuild);
  repairExperimental(draft, (path, message) => notes.warning(path, message));
  edit(draft, 'kill_timeout', (value) => durationText(value, second));
  edit(draft, 'http_service', (value) => editTable(value, repairHttpService));
  editList(draft, 'services', repairService);
  edit(draft, 'checks', repairNamedChecks);
  gather(draft, gatheredNames.vm, (vm) => edit(vm, 'memory', scalarText));
  gather(draft, gatheredNames.mounts, repairMount);
  gather(draft, gatheredNames.metrics, () => undefined);
  for (const name of ['files', 'restart', 'statics', 'machine_checks']) gather(draft, [name], () => undefined);
  edit(draft, 'deploy', (value) =>
    editTable(value, (deploy) =>
      edit(deploy, 'release_command_vm', (vm) => editTable(vm, (table) => edit(table, 'memory', scalarText))),
    ),
  );
  return { config: draft, notes: notes.all };
}

/** A shallow copy of own fields that also holds a key called `__proto__` as data. */
function copyOf(table: JsonObject): Draft {
  return Object.fromEntries(Object.entries(table));
}

/** Replaces a field where it is there; undefined removes it. */
function edit(draft: Draft, key: string, change: (value: JsonValue) => JsonValue): void {
  const value = fieldOf(draft, key);
  if (value === undefined) return;
  const changed = change(value);
  if (changed === undefined) delete draft[key];
  else draft[key] = changed;
}

function editTable(value: JsonValue, change: (draft: Draft) => void): JsonValue {
  if (!isTable(value)) return value;
  const draft = copyOf(value);
  change(draft);
  return draft;
}

/** A single table counts as a list of one. undefined: neither. */
function editTables(value: JsonValue, change: (draft: Draft) => void): readonly JsonValue[] | undefined {
  if (isList(value)) return value.map((item) => editTable(item, change));
  return isTable(value) ? [editTable(value, change)] : undefined;
}

/** A list of tables without its empty ones; a value that is no list is left for the mapping to refuse. */
function editList(draft: Draft, key: string, change: (item: Draft) => void): void {
  edit(draft, key, (value) => {
    const items = editTables(value, change)?.filter((item) => !isEmptyTable(item));
    if (items === undefined) return value;
    return items.length === 0 ? undefined : items;
  });
}

function isEmptyTable(value: JsonValue): boolean {
  return isTable(value) && Object.keys(value).length === 0;
}

/** One list under the last of the names, from all of them in this order. What is no table stays, for the mapping to refuse. */
function gather(draft: Draft, names: readonly string[], change: (item: Draft) => void): void {
  const items: JsonValue[] = [];
  for (const name of names) {
    const value = fieldOf(draft, name);
    if (value === undefined) continue;
    delete draft[name];
    for (const item of isList(value) ? value : [value]) items.push(editTable(item, change));
  }
  if (items.length > 0) draft[names.at(-1) ?? ''] = items;
}

function scalarText(value: JsonValue): JsonValue {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
}

function wholeNumber(value: JsonValue): JsonValue {
  return typeof value === 'string' && /^[+-]?\d{1,15}$/.test(value) ? Number(value) : value;
}

/** Whole numbers count in the unit given; an empty text is as good as none. */
function durationText(value: JsonValue, unit: number): JsonValue {
  if (value === '') return undefined;
  if (typeof value !== 'number') return value;
  const nanoseconds = Math.trunc(value) * unit;
  return Number.isSafeInteger(nanoseconds) ? formatDuration(nanoseconds) : value;
}

function repairEnv(value: JsonValue): JsonValue {
  if (isList(value)) {
    const merged = value.map((item) => repairEnv(item));
    if (!merged.every((item) => isTable(item))) return value;
    return Object.fromEntries(merged.flatMap((item) => Object.entries(item)));
  }
  if (!isTable(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, scalarText(item)]));
}

function repairProcesses(value: JsonValue): JsonValue {
  if (!isList(value)) return value;
  const named = value.flatMap((item): [string, JsonValue][] => {
    const name = isTable(item) ? scalarText(fieldOf(item, 'name')) : undefined;
    if (!isTable(item) || typeof name !== 'string') return [];
    return [[name, scalarText(fieldOf(item, 'command')) ?? '']];
  });
  return named.length === 0 ? undefined : Object.fromEntries(named);
}

function repairBuild(value: JsonValue): JsonValue {
  return editTable(value, (build) => {
    const target = fieldOf(build, 'build_target');
    if (target === undefined) return;
    delete build['build_target'];
    build['build-target'] ??= target;
  });
}

function repairExperimental(draft: Draft, warn: (path: string, message: string) => void): void {
  const section = fieldOf(draft, 'experimental');
  if (!isTable(section)) return;
  const experimental = copyOf(section);
  for (const name of ['cmd', 'entrypoint', 'exec']) {
    edit(experimental, name, (value) => (typeof value === 'string' ? [value] : value));
  }
  const killTimeout = fieldOf(experimental, 'kill_timeout');
  if (killTimeout !== undefined) {
    delete experimental['kill_timeout'];
    if (fieldOf(draft, 'kill_timeout') === undefined) draft['kill_timeout'] = killTimeout;
    else warn('experimental.kill_timeout', 'the top-level kill_timeout is used instead');
  }
  const metrics: Draft = {};
  for (const name of ['port', 'path']) {
    const value = fieldOf(experimental, `metrics_${name}`);
    if (value === undefined) continue;
    delete experimental[`metrics_${name}`];
    metrics[name] = value;
  }
  if (Object.keys(metrics).length > 0) {
    const named = fieldOf(draft, 'metrics') ?? fieldOf(draft, 'metric');
    if (named === undefined) draft['metrics'] = metrics;
    else warn('experimental', 'metrics_port and metrics_path are not used beside a metrics section');
  }
  if (Object.keys(experimental).length === 0) delete draft['experimental'];
  else draft['experimental'] = experimental;
}

/** Booleans are the older form of auto_stop_machines. */
function repairAutostop(service: Draft): void {
  edit(service, 'auto_stop_machines', (value) => {
    if (typeof value === 'boolean') return value ? 'stop' : 'off';
    return value === 'true' ? 'stop' : value === 'false' ? 'off' : value;
  });
}

function repairHttpService(service: Draft): void {
  edit(service, 'internal_port', wholeNumber);
  edit(service, 'concurrency', repairConcurrency);
  repairAutostop(service);
  editList(service, 'checks', repairCheck);
}

function repairService(service: Draft): void {
  edit(service, 'internal_port', wholeNumber);
  edit(service, 'concurrency', repairConcurrency);
  repairAutostop(service);
  editList(service, 'ports', (port) => {
    for (const name of ['port', 'start_port', 'end_port']) edit(port, name, wholeNumber);
  });
  editList(service, 'tcp_checks', repairCheck);
  editList(service, 'http_checks', repairCheck);
}

/** "soft,hard". */
function repairConcurrency(value: JsonValue): JsonValue {
  const limits = typeof value === 'string' ? /^(\d{1,9}),(\d{1,9})$/.exec(value) : null;
  if (limits === null) return value;
  return { type: 'requests', soft_limit: Number(limits[1]), hard_limit: Number(limits[2]) };
}

/** Whole numbers in a check are milliseconds. */
function repairCheck(check: Draft): void {
  for (const name of ['interval', 'timeout', 'grace_period']) {
    edit(check, name, (value) => durationText(value, millisecond));
  }
  edit(check, 'port', wholeNumber);
  edit(check, 'headers', repairHeaders);
}

function repairHeaders(value: JsonValue): JsonValue {
  const headers = isList(value) ? listedHeaders(value) : value;
  if (!isTable(headers)) return value;
  if (isEmptyTable(headers)) return undefined;
  return Object.fromEntries(Object.entries(headers).map(([name, item]) => [name, scalarText(item)]));
}

function listedHeaders(list: readonly JsonValue[]): JsonValue {
  const named: [string, JsonValue][] = [];
  for (const item of list) {
    const name = isTable(item) ? scalarText(fieldOf(item, 'name')) : undefined;
    if (!isTable(item) || typeof name !== 'string') return undefined;
    named.push([name, fieldOf(item, 'value') ?? '']);
  }
  return Object.fromEntries(named);
}

function repairNamedChecks(value: JsonValue): JsonValue {
  const named = isList(value) ? listedChecks(value) : value;
  if (!isTable(named)) return value;
  if (isEmptyTable(named)) return undefined;
  return Object.fromEntries(Object.entries(named).map(([name, check]) => [name, editTable(check, repairCheck)]));
}

/** A list of checks with a name each; undefined: one has none. */
function listedChecks(list: readonly JsonValue[]): JsonValue {
  const named: [string, JsonValue][] = [];
  for (const item of list) {
    const name = isTable(item) ? fieldOf(item, 'name') : undefined;
    if (!isTable(item) || typeof name !== 'string') return undefined;
    named.push([name, editTable(item, (check) => delete check['name'])]);
  }
  return Object.fromEntries(named);
}

function repairMount(mount: Draft): void {
  for (const name of ['initial_size', 'auto_extend_size_increment', 'auto_extend_size_limit']) {
    edit(mount, name, scalarText);
  }
}
