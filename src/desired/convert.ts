/** From Fly's own file to app.yaml and back: which files, and what the other form of each says. */
import { baseOf, folderOf } from '../sources/tree/tree-path.ts';
import { Fault } from '../model/base/fault.ts';
import { isObject, type JsonObject } from '../model/base/json.ts';
import type { Problem } from '../model/base/problem.ts';
import type { Tree } from '../sources/tree/tree.ts';
import { ownedKeySet } from './source/base-config.ts';
import { filesBelow } from './files/traverse.ts';
import { formatOf, readDocument, unreadDocument, type SourceDocument } from './documents/document.ts';
import { fileBytesMax } from './files/config-files.ts';
import { pathWithin } from './files/paths.ts';
import type { Finding } from './documents/finding.ts';
import { problemsOfText, problemsIn } from './documents/source-map.ts';

const conversionTargets = ['yaml', 'toml'] as const;
export type ConversionTarget = (typeof conversionTargets)[number];

/** Names of the files that are looked for in a folder, and of what each becomes beside it. */
const names = {
  yaml: { from: ['fly.toml'], to: 'app.yaml' },
  toml: { from: ['app.yaml', 'app.yml'], to: 'fly.toml' },
} as const satisfies Record<ConversionTarget, { readonly from: readonly string[]; readonly to: string }>;

export interface Conversion {
  /** From the tree's root. */
  readonly from: string;
  /** The file beside it. */
  readonly to: string;
  /** undefined: it cannot be read, or must not be written; the problems say why. */
  readonly fields: JsonObject | undefined;
  /** Warnings where there are fields. */
  readonly problems: readonly Problem[];
}

/** A file, whatever it is called, or all of them in a folder and below. Throws a Fault for a tree that is too deep or wide. */
export async function findConversions(
  tree: Tree,
  path: string,
  target: ConversionTarget,
): Promise<readonly Conversion[]> {
  const paths = (await isFile(tree, path)) ? [path] : await filesOf(tree, path, names[target].from);
  return Promise.all(paths.map((from) => convert(tree, from, target)));
}

async function isFile(tree: Tree, path: string): Promise<boolean> {
  return path !== '' && (await tree.list(folderOf(path))).some((one) => one.path === path && one.kind === 'file');
}

async function filesOf(tree: Tree, folder: string, wanted: readonly string[]): Promise<readonly string[]> {
  const found = await filesBelow({
    folder,
    list: (path) => tree.list(path),
    wants: (name) => wanted.includes(name),
    into: (folders) => folders,
    onLimit(_path, limit) {
      throw new Fault({
        kind: 'stalled',
        what: `${tree.name} has more folders than are looked into`,
        why: limit,
        next: 'name the folder of the app itself',
      });
    },
    seen: { folders: 0 },
  });
  const files = found.filter(({ kind }) => kind === 'file');
  return files.map(({ path }) => path).toSorted();
}

async function convert(tree: Tree, from: string, target: ConversionTarget): Promise<Conversion> {
  const to = targetOf(from, target);
  const document = await documentAt(tree, from);
  const problems = problemsOfText(document, undefined);
  const { fields } = document;
  if (problems.length > 0 || fields === undefined) return { from, to, fields: undefined, problems };
  if (target === 'yaml') return { from, to, fields: asApp(fields, baseOf(to)), problems };
  const base = overwrittenBase(fields, to);
  if (base !== undefined) return { from, to, fields: undefined, problems: problemsIn(document, [base]) };
  const fly = asFly(fields);
  return { from, to, fields: fly, problems: problemsIn(document, lostOn(fly, to)) };
}

async function documentAt(tree: Tree, path: string): Promise<SourceDocument> {
  const named = { file: path, format: formatOf(path), substitutions: [] };
  try {
    const bytes = await tree.read(path, fileBytesMax);
    return bytes === undefined
      ? unreadDocument({ ...named, text: '' }, 'it is gone', 'run it again')
      : readDocument({ ...named, bytes });
  } catch (error) {
    // One file too large, or a link out of the folder, keeps no other from being converted.
    if (!(error instanceof Fault) || error.kind !== 'stalled') throw error;
    return unreadDocument({ ...named, text: '' }, error.message, error.next);
  }
}

/** Neither flyctl nor FlyCD reads FlyCD's own keys in a fly config: they are kept for the way back, and have no effect. */
function lostOn(fly: JsonObject, to: string): readonly Finding[] {
  const name = baseOf(to);
  const owned = Object.keys(fly).filter((key) => ownedKeySet.has(key));
  const hint = `it is kept for the way back; to run from ${name}, keep app.yaml beside it and say fly_config: ${name} there`;
  return owned.flatMap((key, index): readonly Finding[] => {
    const finding: Finding = {
      severity: 'warning',
      path: [key],
      part: 'key',
      message: `only app.yaml says this; in ${name} it has no effect`,
      ...(index === 0 ? { hint } : {}),
    };
    if (key !== 'fly_config') return [finding];
    const missing = `what the fly config that it names says is not in ${name}`;
    return [finding, { ...finding, message: missing, hint: 'flycd render --as toml prints all of it' }];
  });
}

/** What lies over a base must not be written over it. */
function overwrittenBase(fields: JsonObject, to: string): Finding | undefined {
  const { fly_config: base, source } = fields;
  const { type = 'local', path = '' } = isObject(source) ? source : {};
  if (typeof base !== 'string' || type !== 'local' || typeof path !== 'string') return undefined;
  const folder = pathWithin(folderOf(to), path);
  if (folder === undefined || pathWithin(folder, base) !== to) return undefined;
  const message = `it lies over ${baseOf(to)}, which would be overwritten`;
  const hint = 'flycd render --as toml prints the two as one';
  return { severity: 'error', path: ['fly_config'], part: 'value', message, hint };
}

/** A file of the usual name gets the usual name; any other keeps its own, with another ending. */
function targetOf(from: string, target: ConversionTarget): string {
  const name = baseOf(from);
  const slash = from.length - name.length;
  const usual = names[target].from.some((one) => one === name);
  return `${from.slice(0, slash)}${usual ? names[target].to : `${name.replace(/\.[^.]*$/, '')}.${target}`}`;
}

/**
 * As flycd 0.x: the source is the folder the file stands in, and one table of mounts is a list of one. A file of another
 * name stays a fly config, in which a source has no effect.
 */
function asApp(fields: JsonObject, name: string): JsonObject {
  const { mounts } = fields;
  const listed = isObject(mounts) ? { mounts: [mounts] } : {};
  const source = name === names.yaml.to ? { source: fields['source'] ?? { type: 'local' } } : {};
  return { ...fields, ...listed, ...source };
}

/** A source that says what a fly.toml means without it would only be a field that flyctl does not know. */
function asFly(fields: JsonObject): JsonObject {
  const { source, ...others } = fields;
  const isPlain = isObject(source) && source['type'] === 'local' && Object.keys(source).length === 1;
  return isPlain ? others : fields;
}
