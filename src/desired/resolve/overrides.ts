/** What the projects round an app give it: app_defaults <- app.yaml <- app_overrides, outer projects first in each. */
import type { ListMode } from '../../../schemas/project.ts';
import type { JsonObject, JsonValue } from '../../model/base/json.ts';
import { baseUnder, type BaseConfig } from '../source/base-config.ts';
import type { DocumentPath } from '../documents/path.ts';
import type { SourceDocument } from '../documents/document.ts';
import { writtenPath } from './explain.ts';
import { Leaf, merge, withoutNulls, type Mergeable } from '../documents/merge.ts';
import type { Origin } from '../documents/source-map.ts';
import type { NamedSubstitution, Project } from '../discover/project.ts';

/** The common parts of a chain of projects, merged. */
export interface Layers extends MergedParts {
  readonly substitutions: readonly NamedSubstitution[];
}

interface Part {
  readonly defaults: Mergeable;
  readonly overrides: Mergeable;
  readonly lists: ListMode | undefined;
}

type OnJoin = ((joined: object, earlier: object, later: object) => void) | undefined;

/** Outermost project first. An inner `lists` counts from that project inwards. */
export function layersOf(chain: readonly Project[]): Layers {
  return { ...mergeParts(chain, undefined), substitutions: substitutionsOf(chain) };
}

/** Order as written, outer first; an inner project's word for the same pattern takes the outer one's place. */
function substitutionsOf(chain: readonly Project[]): readonly NamedSubstitution[] {
  const byName = new Map<string, NamedSubstitution>();
  for (const project of chain)
    for (const substitution of project.substitutions) byName.set(substitution.name, substitution);
  return [...byName.values()];
}

interface MergedParts {
  readonly defaults: Mergeable;
  readonly overrides: Mergeable;
  readonly lists: ListMode;
}

function mergeParts(parts: readonly Part[], onJoin: OnJoin): MergedParts {
  let lists: ListMode = 'append';
  let defaults: Mergeable = undefined;
  let overrides: Mergeable = undefined;
  for (const part of parts) {
    lists = part.lists ?? lists;
    defaults = merge(defaults, part.defaults, { lists, onJoin });
    overrides = merge(overrides, part.overrides, { lists, onJoin });
  }
  return { defaults, overrides, lists };
}

/** The app's whole config; null fields are gone. All of it lies over the base, whose lists it replaces. */
export function mergedApp(layers: MergedParts, app: JsonObject, base?: BaseConfig): JsonObject {
  const merged = withoutNulls(mergeApp(layers, app, undefined)) as JsonObject;
  return base === undefined ? merged : (merge(baseUnder(base, merged), merged, { lists: 'replace' }) as JsonObject);
}

function mergeApp(layers: MergedParts, app: Mergeable, onJoin: OnJoin): Mergeable {
  const options = { lists: layers.lists, onJoin };
  return merge(merge(layers.defaults ?? {}, app, options), layers.overrides ?? {}, options);
}

/**
 * Where each path of the merged app was written. It merges once more, with every value carrying its origin, so only
 * problems pay for it.
 */
export function originsOf(
  chain: readonly Project[],
  document: SourceDocument,
  base?: BaseConfig,
): (path: DocumentPath) => Origin {
  const origins = new WeakMap<object, readonly Origin[]>();
  const traced = (value: JsonValue, origin: Origin, written = (path: DocumentPath) => path): Mergeable => {
    const inner = (step: string | number): Origin => ({ document: origin.document, path: [...origin.path, step] });
    const place: Origin = { document: origin.document, path: written(origin.path) };
    if (typeof value !== 'object' || value === null) return new Leaf(value, place);
    const copy: Mergeable = Array.isArray(value)
      ? value.map((item: JsonValue, index) => traced(item, inner(index), written))
      : Object.fromEntries(Object.entries(value).map(([key, item]) => [key, traced(item, inner(key), written)]));
    origins.set(copy, [place]);
    return copy;
  };
  const onJoin = (joined: object, earlier: object, later: object): void => {
    origins.set(joined, [...(origins.get(earlier) ?? []), ...(origins.get(later) ?? [])]);
  };
  const tracedBase = (base: BaseConfig): Mergeable => {
    const fields = baseUnder(base, mergedApp(mergeParts(chain, undefined), document.fields ?? {}));
    return traced(fields, { document: base.document, path: [] }, (path) => writtenPath(base.written, path));
  };
  const parts = chain.map((project) => {
    const part = (name: string, value: JsonValue): Mergeable =>
      traced(value, { document: project.document, path: ['common', name] });
    const { defaults, overrides, lists } = project;
    return { defaults: part('app_defaults', defaults), overrides: part('app_overrides', overrides), lists };
  });
  const app = mergeApp(mergeParts(parts, onJoin), traced(document.fields ?? {}, { document, path: [] }), onJoin);
  const root = base === undefined ? app : merge(tracedBase(base), app, { lists: 'replace', onJoin });
  const own: Origin = { document, path: [] };
  return (path) => originAt(root, path, (container) => chooseOrigin(origins.get(container), own));
}

/** What is made of several parts belongs to the app's own file if that had a hand in it, else to the latest part. */
function chooseOrigin(candidates: readonly Origin[] | undefined, own: Origin): Origin {
  return candidates?.find(({ document }) => document === own.document) ?? candidates?.at(-1) ?? own;
}

/** The origin of a path, or of the nearest thing above it that is there. */
function originAt(root: Mergeable, path: DocumentPath, originOf: (container: object) => Origin): Origin {
  let node: unknown = root;
  let origin = originOf(root as object);
  for (const step of path) {
    if (node instanceof Leaf || typeof node !== 'object' || node === null || !Object.hasOwn(node, step)) break;
    node = (node as Record<string | number, unknown>)[step];
    if (node instanceof Leaf) origin = node.origin;
    else if (typeof node === 'object' && node !== null) origin = originOf(node);
  }
  return origin;
}
