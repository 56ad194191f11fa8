/** Where each field of an app's resolved fly config was written. */
import { gatheredNames } from '../../flyconfig/older-forms/repair.ts';
import type { ExplainedField } from '../../model/desired.ts';
import { isObject, type JsonObject, type JsonValue } from '../../model/base/json.ts';
import { formatPath, type DocumentPath } from '../documents/path.ts';
import { locator } from '../documents/locator.ts';
import type { Origin } from '../documents/source-map.ts';
import { flagVariables } from '../source/flyctl-flags.ts';
import type { Project } from '../discover/project.ts';

export interface ExplainRequest {
  /** In today's form. */
  readonly fly: JsonObject;
  /** As the files say it, merged. */
  readonly merged: JsonObject;
  readonly chain: readonly Project[];
  readonly originOf: (path: DocumentPath) => Origin;
}

/** Every value of the fly config in its order, the app's name before what projects add, each with the place that gave it. */
export function explainFields({ fly, merged, chain, originOf }: ExplainRequest): readonly ExplainedField[] {
  const locate = locator();
  return leavesOf(fly['app'] === undefined ? fly : { app: fly['app'], ...fly }, []).map(({ path, value }) => {
    const origin = originOf(writtenPath(merged, path));
    const { line, column, by } = locate(origin.document, origin.path, 'value');
    const part = partOf(origin, chain);
    const { file } = origin.document;
    return { path: formatPath(path), value, file, line, column, part, substitutedBy: by };
  });
}

function leavesOf(value: JsonValue, path: DocumentPath): readonly { path: DocumentPath; value: JsonValue }[] {
  if (Array.isArray(value) && value.length > 0) {
    return value.flatMap((item: JsonValue, index) => leavesOf(item, [...path, index]));
  }
  if (isObject(value) && Object.keys(value).length > 0) {
    return Object.entries(value).flatMap(([key, item]) => leavesOf(item, [...path, key]));
  }
  return [{ path, value }];
}

/** The path of a field before older forms of it were repaired, as deep as the two agree. */
export function writtenPath(merged: JsonObject, path: DocumentPath): DocumentPath {
  const [first = '', second] = path;
  const flag = first === 'env' && path.length === 2 ? flagOf(merged, second) : undefined;
  if (flag !== undefined) return flag;
  const names = new Map<string | number, readonly string[]>(Object.entries(gatheredNames)).get(first) ?? [];
  if (names.length === 0 || typeof second !== 'number') return within(merged, [], path);
  // Items of a list that was gathered from several fields stand in the order of those.
  let before = 0;
  for (const name of names) {
    const value = merged[name];
    if (value === undefined) continue;
    const count = Array.isArray(value) ? value.length : 1;
    if (second < before + count) return within(value, [name], [second - before, ...path.slice(2)]);
    before += count;
  }
  return [first];
}

/** The flag of deploy_params that gives a variable its value. */
function flagOf(
  { deploy_params: written }: JsonObject,
  variable: string | number | undefined,
): DocumentPath | undefined {
  if (written === undefined || written === null) return undefined;
  const words = [written].flat().map(String);
  return flagVariables({ deploy_params: words }).findLast(({ name }) => name === variable)?.path;
}

/** One table stands for a list of one, and says nothing of the number; a list of tables may stand for one (env, checks). */
function within(from: JsonValue, start: DocumentPath, path: DocumentPath): DocumentPath {
  let node = from;
  const written = [...start];
  for (const step of path) {
    if (isObject(node) && step === 0) continue;
    if (Array.isArray(node) && typeof step === 'string') {
      const index = itemOf(node, step);
      if (index === -1) break;
      const item = node[index] as JsonObject;
      node = item;
      written.push(index);
      if (!Object.hasOwn(item, step)) continue;
    }
    const items: unknown = node;
    if (typeof items !== 'object' || items === null || !Object.hasOwn(items, step)) break;
    node = (items as Record<string | number, JsonValue>)[step];
    written.push(step);
  }
  return written;
}

/** Of older lists: the last table that has the field, or the one of that name. -1: none. */
function itemOf(items: readonly JsonValue[], field: string): number {
  const last = items.findLastIndex((item) => isObject(item) && Object.hasOwn(item, field));
  return last === -1 ? items.findIndex((item) => isObject(item) && item['name'] === field) : last;
}

/** undefined: a file of the app's own. */
function partOf({ document, path }: Origin, chain: readonly Project[]): string | undefined {
  const project = chain.find((one) => one.document === document);
  return project === undefined ? undefined : `${String(path[1])} of project ${project.name}`;
}
