/** What else in the config repo names an app that git no longer names: nobody can say then that it is gone. */
import { Fault } from '../../model/base/fault.ts';
import { isObject } from '../../model/base/json.ts';
import type { Mention } from '../../model/removal.ts';
import { baseOf, isInside } from '../../sources/tree/tree-path.ts';
import type { Tree, TreeEntry, TreeItem } from '../../sources/tree/tree.ts';
import { formatOf, isReadWhole, readDocument, type SourceDocument } from '../documents/document.ts';
import { substitute, type Substitution } from '../documents/substitution.ts';
import { appFileNames, isAppOrProject } from '../files/file-names.ts';
import { isLikelyApp, mayNameApp } from '../files/near-misses.ts';
import { unreadEntry } from '../files/reading.ts';
import { filesBelow } from '../files/traverse.ts';
import { isIgnored, type Walking } from './discovery.ts';
import { ignoreHint } from './notes.ts';
import { isBroken, isOfKind } from './overlooked.ts';
import { fieldsWritten, looseText } from './written-fields.ts';

/** An app.yaml is some kilobytes; what is larger than this and is not called so is no config. */
const bytesMax = 262_144;

interface Found {
  /** By app. */
  readonly named: Map<string, Mention>;
  /** Of which nobody knows whom it names. */
  any: Mention | undefined;
}

/**
 * The first file that names an app and is not read as its app.yaml. All are read when the first app is asked for, which is one
 * that git no longer names: there may be thousands of them. Throws the tree's Faults, and one where there are too many folders.
 */
export function mentions(walking: Walking): (app: string) => Promise<Mention | undefined> {
  let looking: Promise<Found> | undefined;
  return async (app) => {
    looking ??= lookForMentions(walking);
    try {
      const { named, any } = await looking;
      return named.get(app) ?? any;
    } catch (error) {
      // Tried again for the next one.
      looking = undefined;
      throw error;
    }
  };
}

/** Whatever it is called now, a file with the content of an app's was moved, not removed. */
export async function leftoverOf(walking: Walking, contentId: string): Promise<string | undefined> {
  const { tree, files } = walking;
  const items = await tree.contents('');
  const isIt = ({ id, path }: TreeItem): boolean =>
    id === contentId && !appFileNames.includes(baseOf(path)) && !isIgnored(walking, { tree, path });
  const found = items.find(isIt);
  return found === undefined ? undefined : files.file(tree, found.path).name;
}

async function lookForMentions(walking: Walking): Promise<Found> {
  const chains = walking.projects
    .map((project) => [...(walking.entered.get(project.name)?.chain ?? []), project])
    .map((chain) => chain.flatMap((project) => project.substitutions))
    .filter((substitutions) => substitutions.length > 0);
  const found: Found = { named: new Map(), any: undefined };
  for (const { tree, path } of placesOf(walking)) {
    for (const entry of await entriesOf(walking, tree, path)) await read({ walking, chains, found }, tree, entry);
  }
  return found;
}

/** All of the config repo, for another folder of it may be another config; of a project's source the part that it names. */
function placesOf({ tree, starts }: Walking): readonly { readonly tree: Tree; readonly path: string }[] {
  return [{ tree, path: '' }, ...starts.filter((start) => start.tree !== tree)];
}

async function entriesOf(walking: Walking, tree: Tree, path: string): Promise<readonly TreeEntry[]> {
  return filesBelow({
    folder: path,
    list: (folder) => walking.files.list(tree, folder),
    wants: (name) => isAppOrProject(name) || mayNameApp(name),
    skips: ({ path: inner, kind, ignored }) =>
      (ignored === true && kind === 'folder') || isIgnored(walking, { tree, path: inner }),
    into: (folders) => folders.filter(({ kind }) => kind === 'folder'),
    onLimit(folder, limit) {
      throw new Fault({
        kind: 'stalled',
        what: `not all of ${walking.files.file(tree, folder).name || tree.name} was searched for files that name it`,
        why: `${limit} folders`,
        next: ignoreHint,
      });
    },
    seen: { folders: 0 },
  });
}

interface Search {
  readonly walking: Walking;
  /** What each project substitutes. */
  readonly chains: readonly (readonly Substitution[])[];
  readonly found: Found;
}

async function read(search: Search, tree: Tree, entry: TreeEntry): Promise<void> {
  const { walking, found } = search;
  const { path } = entry;
  const base = baseOf(path);
  const file = walking.files.file(tree, path);
  const isHere = tree !== walking.tree || isInside(path, walking.path);
  const isApp = appFileNames.includes(base);
  // What the walk read, or was kept from by what it said then.
  if (isHere && isApp) return;
  const beside = isHere ? await walking.files.list(tree, file.folder) : [];
  if (beside.some((one) => appFileNames.includes(baseOf(one.path)))) return;
  const as = isHere || !isApp ? 'put away' : 'other config';
  const text = await textOf(walking, tree, entry);
  if (text === undefined) {
    if (isLikelyApp(base)) found.any ??= { file: file.name, as: 'unread' };
    return;
  }
  // Most files of other tools end here. An escape may stand for any letter.
  if (!/app|project|\\/i.test(text)) return;
  const document = documentOf(file.name, text, []);
  if (isHere && !isAppOrProject(base) && isProjectOfKind(document)) found.any ??= { file: file.name, as: 'project' };
  const written = appsIn(document);
  if (written.length === 0) return;
  const substituted = search.chains.flatMap((chain) => appsIn(documentOf(file.name, text, chain)));
  for (const app of [...written, ...substituted])
    if (!found.named.has(app)) found.named.set(app, { file: file.name, as });
}

function documentOf(file: string, text: string, substitutions: readonly Substitution[]): SourceDocument {
  const named = /\.(?:json|toml)(?![a-z])/i.exec(file)?.[0].toLowerCase() ?? file;
  return readDocument({ file, format: formatOf(named), bytes: new TextEncoder().encode(text), substitutions });
}

/** undefined: it cannot be read, or nobody can read it as text. */
async function textOf({ files }: Walking, tree: Tree, entry: TreeEntry): Promise<string | undefined> {
  if (unreadEntry(entry) !== undefined) return undefined;
  try {
    const bytes = await files.read(tree, entry.path);
    if (bytes === undefined || (bytes.length > bytesMax && !isLikelyApp(baseOf(entry.path)))) return undefined;
    const text = looseText(bytes);
    return /^version https:\/\/\S+\/spec\/v1\n/.test(text) ? undefined : text;
  } catch (error) {
    // Too large, or a link that leads out: for a person to settle.
    if (error instanceof Fault && error.kind === 'stalled') return undefined;
    throw error;
  }
}

/** Its apps may be anywhere. */
function isProjectOfKind(document: SourceDocument): boolean {
  return isOfKind(document, 'project') && isObject(document.fields?.['source']);
}

/**
 * Its lines tell as well where it is not read whole, or parsed as what it was not meant to be, as comments in JSON: a name too
 * many keeps an app too many.
 */
function appsIn(document: SourceDocument): readonly string[] {
  const app = document.fields?.['app'];
  const parsed = typeof app === 'string' ? [app.trim().toLowerCase()] : [];
  if (isReadWhole(document) && !isBroken(document) && (parsed.length > 0 || document.format === 'json')) return parsed;
  const { text } = substitute(document.text, document.substitutions);
  return [...parsed, ...fieldsWritten(text, 'app').map((name) => name.toLowerCase())];
}
