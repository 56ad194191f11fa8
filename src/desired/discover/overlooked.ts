/** What stands beside what is read: where an app may be in it, none is gone for not being found. */
import { baseOf } from '../../sources/tree/tree-path.ts';
import type { Tree, TreeEntry } from '../../sources/tree/tree.ts';
import { isObject, type JsonObject } from '../../model/base/json.ts';
import { list } from '../../model/base/text.ts';
import { hasBrokenSyntax, type SourceDocument } from '../documents/document.ts';
import { nearMissAt, type ConfigFile, type ConfigFiles } from '../files/config-files.ts';
import { isFollowed, isIgnored, type Walking } from './discovery.ts';
import { ignoreHint, incomplete, unseen, warn } from './notes.ts';
import { appFileNames, fileNames, isAppOrProject, projectFileNames, type ConfigKind } from '../files/file-names.ts';
import { unreadEntry } from '../files/reading.ts';
import { fieldsWritten, looseText } from './written-fields.ts';

type FoundNearMiss = Walking['nearMisses'][number];

/** Looked behind for apps, to say that nobody looks there: more than this are a tree of packages. */
export const linksMax = 500;

/** Kept until the walk has ended, for a project may say more of it. */
export function noteOther(walking: Walking, tree: Tree, entry: TreeEntry): void {
  const file = walking.files.file(tree, entry.path);
  if (entry.kind === 'repository') walking.repositories.push(file);
  else if (entry.kind === 'link') walking.links.push(file);
  if (entry.kind === 'repository') return;
  const nearMiss = nearMissAt(walking.files, tree, entry.path);
  if (nearMiss !== undefined) walking.nearMisses.push(nearMiss);
}

/**
 * true: git ignores it, so a commit has nothing of it. What an app's file says there nobody else would see; without a
 * project's, apps beside it would be taken without what it gives them: that one is no config either, and stops them.
 */
export function leaveOut(walking: Walking, tree: Tree, entry: TreeEntry): boolean {
  if (entry.ignored !== true) return false;
  if (entry.kind !== 'file' && entry.kind !== 'link') return true;
  const base = baseOf(entry.path);
  const nearMiss = nearMissAt(walking.files, tree, entry.path);
  const kind = nearMiss?.by === 'name' ? nearMiss.kind : undefined;
  const { name, folder } = walking.files.file(tree, entry.path);
  const { message, hint } = leftOut;
  if (appFileNames.includes(base) || kind === 'app') {
    unseen(walking, name, `${message}: it is not read, and no app is removed for it`, hint);
  } else if (projectFileNames.includes(base) || kind === 'project') {
    walking.blocked.push({ tree, folder, target: undefined });
    incomplete(walking, name, message, hint);
  }
  return true;
}

export const leftOut = {
  message: 'git ignores it (.gitignore), so it is no part of the config repo',
  hint: 'git add --force FILE, remove the .gitignore rule, or delete the file',
};

export async function noteOverlooked(walking: Walking): Promise<void> {
  for (const repository of walking.repositories) noteRepository(walking, repository);
  for (const link of walking.links.slice(0, linksMax)) await noteLink(walking, link);
  if (walking.links.length > linksMax) {
    unseen(
      walking,
      '.',
      `more than ${linksMax} links: what they lead to is unknown, and no app is removed`,
      ignoreHint,
    );
  }
  for (const nearMiss of walking.nearMisses) await noteNearMiss(walking, nearMiss);
}

/** Nobody knows what is in it, so nothing that may come of it is gone. */
function noteRepository(walking: Walking, file: ConfigFile): void {
  if (isIgnored(walking, file)) return;
  const unread = unreadEntry({ kind: 'repository' });
  if (unread !== undefined) incomplete(walking, file.name, unread.message, unread.hint);
}

/** An app that stood here may stand behind the link now: where nobody looks there, no app is gone for it. */
async function noteLink(walking: Walking, file: ConfigFile): Promise<void> {
  const { tree, path, name } = file;
  if (isFollowed(walking, file) || isIgnored(walking, file)) return;
  const behind = await walking.files.list(tree, path).catch((): readonly TreeEntry[] => []);
  if (behind.some((entry) => isAppOrProject(baseOf(entry.path)))) {
    const hint = `let a project name that folder in source.path, move it here, or ${ignoreHint}`;
    return unseen(walking, name, 'it is a link to a folder, in which no apps are looked for: none is removed', hint);
  }
  const isThere = behind.length > 0 || (await walking.files.id(tree, path).catch(() => undefined)) !== undefined;
  if (isThere) return;
  unseen(
    walking,
    name,
    'it is a link that leads out of the repo or nowhere: no app is removed while it does',
    ignoreHint,
  );
}

/** Of FlyCD's words, those that tell a file of each kind from another tool's. */
const tellingWords = {
  app: ['app'],
  project: ['project'],
  flycd: ['fleet', 'sync'],
} as const satisfies Readonly<Record<ConfigKind, readonly string[]>>;

/** true: another tool's file would not say this. */
export function isOfKind({ fields }: SourceDocument, kind: ConfigKind): boolean {
  const said: JsonObject = fields ?? {};
  // Nothing else has a name like that of the settings.
  const tells = (word: string): boolean =>
    kind === 'flycd' ? said[word] !== undefined : typeof said[word] === 'string';
  return tellingWords[kind].some(tells);
}

/** What tells of a file under nearly the right name whose it is. */
interface Said {
  /** false: it may be another tool's. */
  readonly isFlycds: boolean;
  readonly hasSource: boolean;
}

/** Of a file that cannot be parsed its lines tell: unread it must not pass for another tool's. */
async function saidIn(files: ConfigFiles, file: ConfigFile, kind: ConfigKind): Promise<Said> {
  const reading = await files.document(file).catch(() => undefined);
  const document = reading?.state === 'read' ? reading.value.document : undefined;
  if (document !== undefined && !isBroken(document))
    return { isFlycds: isOfKind(document, kind), hasSource: isObject(document.fields?.['source']) };
  const text = await textOf(files, file);
  const isWritten = (word: Parameters<typeof fieldsWritten>[1]): boolean => fieldsWritten(text, word).length > 0;
  return { isFlycds: tellingWords[kind].some(isWritten), hasSource: isWritten('source') };
}

/** Comments in JSON are parts of keys to YAML, which it is read as. */
export function isBroken(document: SourceDocument): boolean {
  if (hasBrokenSyntax(document)) return true;
  if (document.format !== 'json') return false;
  try {
    JSON.parse(document.text);
    return false;
  } catch {
    return true;
  }
}

/** Where nothing of its kind stands beside it, it may be that very file under another name. */
async function noteNearMiss(walking: Walking, nearMiss: FoundNearMiss): Promise<void> {
  const { file, kind, meant, by } = nearMiss;
  if (isIgnored(walking, file)) return;
  const { tree, folder, name } = file;
  const { isFlycds, hasSource } = await saidIn(walking.files, file, kind);
  if (by !== 'name' && !isFlycds) return;
  const message = `FlyCD reads no file of this name${strangeIn(baseOf(file.path))}`;
  const isAlone = await standsAlone(walking, nearMiss);
  if (!isAlone && (by === 'aside' || name.endsWith('~'))) return; // what an editor keeps
  if (!isAlone || kind === 'flycd') return warn(walking, name, message, `did you mean ${meant}?`);
  const hint = `rename it to ${meant}, or delete it. FlyCD removes no app until then`;
  // Who put a project away did not mean its source to count any more; where its apps were, nobody knows.
  if (by === 'aside' && !hasSource) return;
  if (kind === 'app' || by === 'aside' || !isFlycds) return unseen(walking, name, message, hint);
  // Apps must not be taken without what their project would give them.
  walking.blocked.push({ tree, folder, target: undefined });
  incomplete(walking, name, message, hint);
}

async function standsAlone({ files }: Walking, { file, kind }: Pick<FoundNearMiss, 'file' | 'kind'>): Promise<boolean> {
  const beside = await files.list(file.tree, file.folder);
  return beside.every((entry) => !fileNames[kind].includes(baseOf(entry.path)));
}

/** Letters that only look right, and spaces that nobody sees. */
function strangeIn(base: string): string {
  const strange = [...new Set(base.match(/[^\x21-\x7E]/gu))];
  if (strange.length === 0) return '';
  const codes = strange.map(
    (letter) => `U+${(letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`,
  );
  return ` (${list(codes)} ${codes.length === 1 ? 'is' : 'are'} in it)`;
}

/** Empty: it cannot be read, or is too large to be a config file. */
async function textOf(files: ConfigFiles, { tree, path }: ConfigFile): Promise<string> {
  const bytes = await files.read(tree, path).catch(() => undefined);
  return bytes === undefined ? '' : looseText(bytes);
}

/** In the fleet's own folder: settings under nearly their name, which may hold its name or a freeze. */
export async function misnamedSettings(
  files: ConfigFiles,
  tree: Tree,
  folder: string,
): Promise<readonly { readonly file: ConfigFile; readonly meant: string }[]> {
  const found: { readonly file: ConfigFile; readonly meant: string }[] = [];
  for (const { path, kind } of await files.list(tree, folder)) {
    const nearMiss = kind === 'file' || kind === 'link' ? nearMissAt(files, tree, path) : undefined;
    if (nearMiss?.kind === 'flycd' && (await saidIn(files, nearMiss.file, 'flycd')).isFlycds) found.push(nearMiss);
  }
  return found;
}
