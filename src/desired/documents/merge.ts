/**
 * How a later part of the config is laid over an earlier one. As v0: maps merge deeply, a later scalar wins, null keeps
 * what was there, a clash of types goes to the later, lists append what is not there yet.
 */
import type { ListMode } from '../../../schemas/project.ts';
import type { Origin } from './source-map.ts';

type Scalar = string | number | boolean | null | undefined;
interface Fields {
  readonly [key: string]: Mergeable;
}
/** JSON, or JSON whose scalars are leaves. */
export type Mergeable = Scalar | Leaf | readonly Mergeable[] | Fields;

/** A value that remembers where it was written; for finding places, never in results. */
export class Leaf {
  readonly value: Scalar;
  readonly origin: Origin;

  constructor(value: Scalar, origin: Origin) {
    this.value = value;
    this.origin = origin;
  }
}

export interface MergeOptions {
  readonly lists: ListMode;
  /** Told of each map and list that was made of two. */
  readonly onJoin?: ((joined: object, earlier: object, later: object) => void) | undefined;
}

export function merge(earlier: Mergeable, later: Mergeable, options: MergeOptions): Mergeable {
  if (plain(later) === null || plain(later) === undefined) return earlier === undefined ? later : earlier;
  if (plain(earlier) === null || plain(earlier) === undefined) return later;
  if (isMap(earlier) && isMap(later)) return joined(mergeMaps(earlier, later, options), earlier, later, options);
  if (isList(earlier) && isList(later)) return joined(mergeLists(earlier, later, options), earlier, later, options);
  return later;
}

function joined(result: Fields | readonly Mergeable[], earlier: object, later: object, options: MergeOptions) {
  options.onJoin?.(result, earlier, later);
  return result;
}

function mergeMaps(earlier: Fields, later: Fields, options: MergeOptions): Fields {
  const result: { [key: string]: Mergeable } = { ...earlier };
  for (const [key, value] of Object.entries(later)) {
    result[key] = Object.hasOwn(result, key) ? merge(result[key], value, options) : value;
  }
  return result;
}

function mergeLists(
  earlier: readonly Mergeable[],
  later: readonly Mergeable[],
  options: MergeOptions,
): readonly Mergeable[] {
  if (options.lists === 'replace') return later;
  const result: Mergeable[] = [...earlier];
  const texts = new Set(earlier.map(textOf));
  const places = new Map<string, number>();
  const keyOf = (item: Mergeable): string | undefined => (options.lists === 'by_key' ? itemKey(item) : undefined);
  const note = (item: Mergeable, at: number): void => {
    const key = keyOf(item);
    if (key !== undefined && !places.has(key)) places.set(key, at);
  };
  for (const [at, item] of earlier.entries()) note(item, at);
  for (const item of later) {
    const key = keyOf(item);
    const twin = key === undefined ? undefined : places.get(key);
    const text = textOf(item);
    if (twin !== undefined) result[twin] = merge(result[twin], item, options);
    else if (!texts.has(text)) {
      texts.add(text);
      note(item, result.length);
      result.push(item);
    }
  }
  return result;
}

/** What tells items of a list apart: the first of these that an item has. Services of one port differ by protocol. */
const keyFields = [
  'name',
  'id',
  'internal_port',
  'port',
  'start_port',
  'source',
  'guest_path',
  'url_prefix',
  'path',
  'processes',
];

/** undefined: the item has nothing to be known by. */
function itemKey(item: Mergeable): string | undefined {
  if (!isMap(item)) return undefined;
  const field = keyFields.find((name) => {
    const value = plain(item[name]);
    return value !== undefined && value !== null;
  });
  if (field === undefined) return undefined;
  const protocol = field === 'internal_port' ? (plain(item['protocol']) ?? 'tcp') : '';
  return `${field} ${JSON.stringify(revealed(item[field]))} ${JSON.stringify(protocol)}`;
}

function revealed(value: Mergeable): Mergeable {
  return isList(value) ? value.map(plain) : plain(value);
}

/** The same for values that are deeply the same. v0 broke off when two lists of maps met. */
function textOf(value: Mergeable): string {
  if (isList(value)) return `[${value.map(textOf).join()}]`;
  if (!isMap(value)) return JSON.stringify(plain(value)) ?? 'nothing';
  const names = Object.keys(value).toSorted();
  return `{${names.map((name) => `${JSON.stringify(name)}:${textOf(value[name])}`).join()}}`;
}

function plain(value: Mergeable): Mergeable {
  return value instanceof Leaf ? value.value : value;
}

function isList(value: Mergeable): value is readonly Mergeable[] {
  return Array.isArray(value);
}

function isMap(value: Mergeable): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Leaf);
}

/** Without null fields, which mean "not given"; null items of lists stay, to be refused. */
export function withoutNulls(value: Mergeable): Mergeable {
  if (isList(value)) return value.map(withoutNulls);
  if (!isMap(value)) return value;
  const kept = Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined);
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutNulls(inner)]));
}
