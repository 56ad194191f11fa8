/**
 * Turns the older forms of a fly config into today's, as flyctl does before it decodes one. What is neither an old form
 * nor today's is left alone: the mapping says what is wrong with it. Nothing is dropped but empty sections.
 */
import { canonicalJson, type JsonObject, type JsonValue } from '../../model/base/json.ts';
import { formatDuration, millisecond, second } from '../reading/duration.ts';
import { fieldOf, isList, isTable, itemPath, keyPath, kindOf } from '../reading/values.ts';
import { noteUnknownKeys } from './known.ts';
import { noteList, type ConfigNote, type NoteList } from '../reading/notes.ts';

type Draft = Record<string, JsonValue>;

/** Lists that may be written under several names: one list in this order, under the last of them. */
export const gatheredNames = {
  vm: ['compute', 'computes', 'vm'],
  mounts: ['mount', 'mounts'],
  metrics: ['metric', 'metrics'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export interface Repaired {
  readonly config: JsonObject;
  readonly notes: readonly ConfigNote[];
  /** Those of the notes that the repaired config gives no more reason for: whoever goes on with it alone takes them along. */
  readonly passing: readonly ConfigNote[];
}

/**
 * Today's form of a fly config, with a warning for each value that Fly does not read. FlyCD's own top-level keys
 * (source, secrets, …) must be gone already. Paths in the notes are those of the document as written, but for items of
 * sections that are gathered from several names.
 */
export function repairFlyConfig(input: JsonObject): Repaired {
  const unknown = noteList();
  const notes = noteList();
  noteUnknownKeys(input, unknown);
  const draft = copyOf(input);
  edit(draft, 'env', (value) => repairEnv(value, notes));
  edit(draft, 'processes', (value) => repairProcesses(value, notes));
  edit(draft, 'build', (value) => repairBuild(value, notes));
  repairExperimental(draft, notes);
  edit(draft, 'kill_timeout', (value) => durationText(value, second, { path: 'kill_timeout', notes }));
  edit(draft, 'http_service', (value) => repairHttpService(value, notes));
  editList(draft, 'services', (service, path) => repairService(service, path, notes), 'services');
  edit(draft, 'services', dropEmpty);
  edit(draft, 'checks', (value) => repairNamedChecks(value, notes));
  gather(draft, gatheredNames.vm, repairVm);
  gather(draft, gatheredNames.mounts, (mount) => edit(mount, 'initial_size', scalarText));
  gather(draft, gatheredNames.metrics, () => undefined);
  edit(draft, 'deploy', (value) =>
    editTable(value, (deploy) => edit(deploy, 'release_command_vm', (vm) => editTable(vm, repairRootfs))),
  );
  return { config: draft, notes: [...unknown.all, ...notes.all], passing: notes.all };
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

type ChangeItem = (item: Draft, path: string) => void;

/**
 * A list of tables; a single table counts as a list of one, an empty list as none, and what is neither is left for the
 * mapping to refuse.
 */
function editList(draft: Draft, key: string, change: ChangeItem, path: string): void {
  edit(draft, key, (value) => {
    if (isTable(value)) return [editTable(value, (table) => change(table, path))];
    if (!isList(value)) return value;
    const items = value.map((item, index) => editTable(item, (table) => change(table, itemPath(path, index))));
    return items.length === 0 ? undefined : items;
  });
}

/** Without its empty tables: `[[services]]` alone says nothing, though an empty check is one with Fly's own times. */
function dropEmpty(value: JsonValue): JsonValue {
  const items = isList(value) ? value.filter((item) => !isEmptyTable(item)) : value;
  return isList(items) && items.length === 0 ? undefined : items;
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
  if (typeof value === 'number') return numberText(value);
  return typeof value === 'boolean' ? String(value) : value;
}

/**
 * As Go prints it, which is what the machines get from flyctl: a fraction has an exponent below 1e-04 and from 1e+06 up.
 * A whole number has none; flyctl gives it one where it reads JSON, whose numbers are all fractions to it.
 */
function numberText(value: number): string {
  const [digits = '', power = '0'] = value.toExponential().split('e');
  const exponent = Number(power);
  if (Number.isInteger(value) || !Number.isFinite(value) || (exponent >= -4 && exponent < 6)) return String(value);
  return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

function wholeNumber(value: JsonValue): JsonValue {
  return typeof value === 'string' && /^[+-]?\d{1,15}$/.test(value) ? Number(value) : value;
}

interface Place {
  readonly path: string;
  readonly notes: NoteList;
}

/**
 * Whole numbers count in the unit given; an empty text is as good as none. flyctl drops what is neither number nor text
 * without a word.
 */
function durationText(value: JsonValue, unit: number, { path, notes }: Place): JsonValue {
  if (value === '') return undefined;
  if (typeof value === 'number') {
    const nanoseconds = Math.trunc(value) * unit;
    if (nanoseconds === 0 && value !== 0) {
      const meant = formatDuration(Math.trunc(value * unit));
      notes.error(path, `flyctl reads whole numbers here, and takes ${value} for 0`, `write "${meant}"`);
      return undefined;
    }
    return Number.isSafeInteger(nanoseconds) ? formatDuration(nanoseconds) : value;
  }
  if (typeof value === 'string') return value;
  notes.warning(path, `Fly reads no duration from ${kindOf(value)}; it has no effect`, 'write a text such as 10s');
  return undefined;
}

function repairEnv(value: JsonValue, notes: NoteList): JsonValue {
  if (isList(value)) {
    const tables = value.map((item) => repairEnv(item, notes));
    if (!tables.every((item) => isTable(item))) return value;
    const places = tables.flatMap((table, index) =>
      Object.entries(table).map(([name, text]) => ({ name, value: text, path: keyPath(itemPath('env', index), name) })),
    );
    return lastOfEach(places, notes);
  }
  if (!isTable(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, scalarText(item)]));
}

interface Named {
  readonly name: string;
  readonly value: JsonValue;
  readonly path: string;
}

/** Of several of one name the last counts; the others are noted where they say something else. */
function lastOfEach(all: readonly Named[], notes: NoteList): JsonObject {
  const last = new Map<string, Named>();
  for (const one of all) {
    const before = last.get(one.name);
    if (before !== undefined && canonicalJson(before.value) !== canonicalJson(one.value)) {
      notes.warning(before.path, `it has no effect: ${one.path} has the same name, and counts`, 'keep one of the two');
    }
    last.set(one.name, one);
  }
  return Object.fromEntries([...last.values()].map(({ name, value }) => [name, value]));
}

function repairProcesses(value: JsonValue, notes: NoteList): JsonValue {
  if (!isList(value)) return value;
  const named = value.flatMap((item, index): Named[] => {
    const name = nameIn(item);
    const path = itemPath('processes', index);
    if (!isTable(item) || name === undefined) {
      notes.warning(path, 'Fly reads only tables with a name and a command here; this one has no effect', 'remove it');
      return [];
    }
    return [{ name, value: scalarText(fieldOf(item, 'command')) ?? '', path }];
  });
  return named.length === 0 ? undefined : lastOfEach(named, notes);
}

function repairBuild(value: JsonValue, notes: NoteList): JsonValue {
  return editTable(value, (build) => {
    const target = fieldOf(build, 'build_target');
    if (target === undefined) return;
    const other = fieldOf(build, 'build-target');
    if (other !== undefined && other !== target) {
      notes.warning(keyPath('build', 'build-target'), 'build_target beats it', 'keep build-target alone');
    }
    delete build['build_target'];
    build['build-target'] = target;
  });
}

function repairExperimental(draft: Draft, notes: NoteList): void {
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
    else notes.warning('experimental.kill_timeout', 'the top-level kill_timeout is used instead', 'remove it');
  }
  const metrics: Draft = {};
  for (const name of ['port', 'path']) {
    const value = fieldOf(experimental, `metrics_${name}`);
    if (value === undefined) continue;
    delete experimental[`metrics_${name}`];
    metrics[name] = value;
  }
  if (Object.keys(metrics).length > 0) {
    if (fieldOf(draft, 'metrics') === undefined) draft['metrics'] = metrics;
    else notes.warning('experimental', 'metrics_port and metrics_path have no effect beside metrics', 'remove them');
  }
  if (Object.keys(experimental).length === 0) delete draft['experimental'];
  else draft['experimental'] = experimental;
}

/** Booleans are the older form of auto_stop_machines. */
function repairAutostop(service: Draft): void {
  edit(service, 'auto_stop_machines', (value) => (typeof value === 'boolean' ? (value ? 'stop' : 'off') : value));
}

/**
 * flyctl repairs little here. A whole number as a time in its checks counts nanoseconds, not the milliseconds it would
 * be in a service: no duration that anybody means, but it is what the machines get.
 */
function repairHttpService(value: JsonValue, notes: NoteList): JsonValue {
  return editTable(value, (service) => {
    repairAutostop(service);
    edit(service, 'checks', (checks) => {
      if (!isList(checks)) return checks;
      return checks.map((check, index) =>
        editTable(check, (draft) => countNanoseconds(draft, itemPath('http_service.checks', index), notes)),
      );
    });
  });
}

const checkTimes = ['interval', 'timeout', 'grace_period'];

function countNanoseconds(check: Draft, path: string, notes: NoteList): void {
  for (const name of checkTimes) {
    edit(check, name, (value) => {
      if (typeof value !== 'number') return value;
      const nanoseconds = Math.trunc(value);
      if (!Number.isSafeInteger(nanoseconds)) return value;
      const duration = formatDuration(nanoseconds);
      const message = `flyctl counts a whole number here in nanoseconds, so this is ${duration}`;
      notes.warning(keyPath(path, name), message, `write ${value}ms if you mean milliseconds`);
      return duration;
    });
  }
}

function repairService(service: Draft, path: string, notes: NoteList): void {
  edit(service, 'internal_port', wholeNumber);
  edit(service, 'concurrency', repairConcurrency);
  repairAutostop(service);
  editList(service, 'ports', (port) => edit(port, 'port', wholeNumber), keyPath(path, 'ports'));
  for (const name of ['tcp_checks', 'http_checks']) {
    editList(service, name, (check, place) => repairCheck(check, place, notes), keyPath(path, name));
  }
}

/** "soft,hard". */
function repairConcurrency(value: JsonValue): JsonValue {
  const limits = typeof value === 'string' ? /^(\d{1,9}),(\d{1,9})$/.exec(value) : null;
  if (limits === null) return value;
  return { type: 'requests', soft_limit: Number(limits[1]), hard_limit: Number(limits[2]) };
}

/** Whole numbers in a check are milliseconds. */
function repairCheck(check: Draft, path: string, notes: NoteList): void {
  for (const name of checkTimes) {
    edit(check, name, (value) => durationText(value, millisecond, { path: keyPath(path, name), notes }));
  }
  edit(check, 'headers', (value) => repairHeaders(value, keyPath(path, 'headers'), notes));
}

function repairHeaders(value: JsonValue, path: string, notes: NoteList): JsonValue {
  const headers = isList(value) ? listedByName(value, { path, notes }) : value;
  if (!isTable(headers)) return value;
  if (isEmptyTable(headers)) return undefined;
  const text = (item: JsonValue): JsonValue => scalarText(isTable(item) ? (fieldOf(item, 'value') ?? '') : item);
  return Object.fromEntries(
    Object.entries(headers).map(([name, item]) => [name, isList(value) ? text(item) : scalarText(item)]),
  );
}

function repairNamedChecks(value: JsonValue, notes: NoteList): JsonValue {
  const named = isList(value) ? listedByName(value, { path: 'checks', notes }) : value;
  if (!isTable(named)) return value;
  const places = new Map((isList(value) ? value : []).map((item, index) => [nameIn(item), itemPath('checks', index)]));
  const repaired = Object.entries(named).map(([name, check]): [string, JsonValue] => [
    name,
    editTable(check, (draft) => {
      if (isList(value)) delete draft['name'];
      repairCheck(draft, places.get(name) ?? keyPath('checks', name), notes);
    }),
  ]);
  return repaired.length === 0 ? undefined : Object.fromEntries(repaired);
}

function nameIn(item: JsonValue): string | undefined {
  const name = isTable(item) ? scalarText(fieldOf(item, 'name')) : undefined;
  return typeof name === 'string' ? name : undefined;
}

/** A list of tables with a name each, by name; items without one are noted as errors and left out. */
function listedByName(list: readonly JsonValue[], { path, notes }: Place): JsonObject {
  const named: Named[] = [];
  for (const [index, item] of list.entries()) {
    const name = nameIn(item);
    const place = itemPath(path, index);
    if (name !== undefined) named.push({ name, value: item, path: place });
    else notes.error(place, `expected a table with a name, found ${kindOf(item)}`, 'add name');
  }
  return lastOfEach(named, notes);
}

/** A bare number is MB. */
function repairVm(vm: Draft): void {
  edit(vm, 'memory', scalarText);
  repairRootfs(vm);
}

const rootfsForms = [undefined, 'never', 'restart', 'always'];

/** persist_rootfs was a number once: 0 and none leave it to Fly. */
function repairRootfs(vm: Draft): void {
  edit(vm, 'persist_rootfs', (value) => {
    if (value === 'none' || value === 0) return undefined;
    return typeof value === 'number' ? (rootfsForms[value] ?? value) : value;
  });
}
