/**
 * Finds apps and projects as v0 did: depth first; a folder that holds a folder `projects` descends only into that one;
 * the projects of a folder's tree are entered before its apps, so an app reached both ways belongs to its project.
 */
import { baseOf, folderOf, isInside } from '../../sources/tree/tree-path.ts';
import { toFault } from '../../model/base/fault.ts';
import type { Tree, TreeEntry } from '../../sources/tree/tree.ts';
import { filesBelow } from './traverse.ts';
import type { ConfigFile } from './config-files.ts';
import { appFileNames, meantName, projectFileNames, settingsFileNames } from './file-names.ts';
import type { Project } from './project.ts';
import { unreadEntry } from './reading.ts';
import { incomplete, warn, type Blocked, type Placed, type Walk, type Walking, type WalkRequest } from './discovery.ts';
import { enterProjects } from './enter-project.ts';

/** Looked behind for apps, to say that nobody looks there: more than this are a tree of packages. */
const linksMax = 500;

interface Analysis {
  /** By folder. */
  readonly projects: readonly (readonly ConfigFile[])[];
  readonly apps: readonly (readonly ConfigFile[])[];
}

/** Never throws: what could not be read is a problem, and the walk is then not whole. */
export async function discoverApps(request: WalkRequest): Promise<Walk> {
  const walking: Walking = {
    ...request,
    found: [],
    problems: [],
    entered: new Map(),
    nameless: new Set(),
    projects: [],
    blocked: [],
    followed: [],
    repositories: [],
    ignored: [],
    links: [],
    seen: { folders: 0 },
    whole: true,
  };
  await visit(walking, request.tree, request.path, []);
  for (const repository of walking.repositories) noteRepository(walking, repository);
  for (const link of walking.links.slice(0, linksMax)) await noteLink(walking, link);
  if (walking.links.length > linksMax) {
    walking.whole = false;
    warn(walking, '.', `more than ${linksMax} links: what they lead to is unknown, and no app is removed`, ignoreLinks);
  }
  const apps = walking.found.filter((app) => !walking.blocked.some((blocked) => covers(blocked, app)));
  if (walking.found.length === 0 && walking.entered.size === 0 && walking.problems.length === 0) {
    incomplete(
      walking,
      '',
      'there is no app.yaml and no project.yaml here',
      'an empty config repo is refused: name its folder, or a fly.toml by its path',
    );
  }
  return { ...walking, apps };
}

function covers(blocked: Blocked, app: Placed): boolean {
  if (blocked.tree !== app.file.tree) return false;
  const { folder, target } = blocked;
  if (isInside(folder, app.from) && isInside(app.file.path, folder)) return true;
  return target !== undefined && target !== app.from && isInside(target, app.from) && isInside(app.file.path, target);
}

async function visit(walking: Walking, tree: Tree, path: string, chain: readonly Project[]): Promise<void> {
  const name = walking.files.file(tree, path).name;
  try {
    const entry = path === '' ? undefined : await walking.files.entry(tree, path);
    if (path !== '' && entry === undefined) return incomplete(walking, name, `there is no ${path} in ${tree.name}`);
    if (entry?.kind === 'repository') return void walking.repositories.push(walking.files.file(tree, path));
    if (entry !== undefined && entry.kind !== 'folder') return await visitFile(walking, tree, path, chain);
    const { projects, apps } = await analyze(walking, tree, path);
    for (const files of projects) await enterProjects(walking, files, chain, visit);
    for (const files of apps) {
      const [file, other] = files;
      if (other !== undefined) noteTwins(walking, files);
      else if (file !== undefined) walking.found.push({ file, chain, bare: false, from: path });
    }
  } catch (error) {
    const fault = toFault(error, 'this folder could not be read');
    incomplete(walking, name, fault.message, fault.next);
  }
}

async function visitFile(walking: Walking, tree: Tree, path: string, chain: readonly Project[]): Promise<void> {
  const file = walking.files.file(tree, path);
  const base = baseOf(path);
  if (projectFileNames.includes(base)) return enterProjects(walking, [file], chain, visit);
  const isApp = appFileNames.includes(base);
  const bare = !isApp && !settingsFileNames.includes(base) && /\.(?:toml|ya?ml|json)$/.test(base);
  if (bare || isApp) {
    walking.found.push({ file, chain, bare, from: path });
    return;
  }
  incomplete(
    walking,
    file.name,
    'expected a folder, app.yaml, project.yaml, or a fly config as TOML, YAML or JSON',
    'name the folder that holds it',
  );
}

/** Everything under a folder, as if there were no project borders; entering the projects comes after. */
async function analyze(walking: Walking, tree: Tree, folder: string): Promise<Analysis> {
  const nameOf = (path: string): string => walking.files.file(tree, path).name;
  const found = await filesBelow({
    folder,
    list: (path) => walking.files.list(tree, path),
    wants: (name) => projectFileNames.includes(name) || appFileNames.includes(name),
    onOther: (entry) => noteOther(walking, tree, entry),
    onUnread(path, error) {
      const fault = toFault(error, 'this folder could not be read');
      incomplete(walking, nameOf(path), fault.message, fault.next);
    },
    into(folders) {
      const projects = folders.find((entry) => baseOf(entry.path) === 'projects');
      return projects === undefined ? folders : [projects];
    },
    onLimit(path, limit) {
      if (walking.whole)
        incomplete(
          walking,
          nameOf(path),
          `these folders are too many: ${limit}`,
          'name the folder that holds the apps',
        );
      walking.whole = false;
    },
    seen: walking.seen,
  });
  const byFolder = (names: readonly string[]): readonly (readonly ConfigFile[])[] => {
    const files = found.filter(({ path }) => names.includes(baseOf(path)));
    const grouped = Map.groupBy(files, ({ path }) => folderOf(path));
    return [...grouped.values()].map((entries) => entries.map(({ path }) => walking.files.file(tree, path)));
  };
  return { projects: byFolder(projectFileNames), apps: byFolder(appFileNames) };
}

function noteOther(walking: Walking, tree: Tree, entry: TreeEntry): void {
  const file = walking.files.file(tree, entry.path);
  if (entry.kind === 'repository') walking.repositories.push(file);
  else if (entry.kind === 'link') walking.links.push(file);
  const meant = entry.kind === 'file' ? meantName(baseOf(entry.path)) : undefined;
  if (meant !== undefined) warn(walking, file.name, 'FlyCD reads no file of this name', `did you mean ${meant}?`);
}

/** Nobody knows what is in it, so nothing that may come of it is gone. */
function noteRepository(walking: Walking, { tree, path, name }: ConfigFile): void {
  if (walking.ignored.some((ignored) => ignored.tree === tree && isInside(path, ignored.path))) return;
  const unread = unreadEntry({ kind: 'repository' });
  if (unread !== undefined) incomplete(walking, name, unread.message, unread.hint);
}

const ignoreLinks = 'name it in `ignore` of a project.yaml above if it holds no apps';

/** An app that stood here may stand behind the link now: where nobody looks there, no app is gone for it. */
async function noteLink(walking: Walking, { tree, path, name }: ConfigFile): Promise<void> {
  if (walking.ignored.some((ignored) => ignored.tree === tree && isInside(path, ignored.path))) return;
  const behind = await walking.files.list(tree, path).catch((): readonly TreeEntry[] => []);
  const isConfig = behind.some((entry) => [...appFileNames, ...projectFileNames].includes(baseOf(entry.path)));
  if (isConfig) {
    walking.whole = false;
    const hint = `let a project name that folder in source.path, move it here, or ${ignoreLinks}`;
    return warn(walking, name, 'it is a link to a folder, in which no apps are looked for: none is removed', hint);
  }
  const isThere = behind.length > 0 || (await walking.files.id(tree, path).catch(() => undefined)) !== undefined;
  if (isThere) return;
  walking.whole = false;
  warn(
    walking,
    name,
    'it is a link that leads out of the repo or nowhere: no app is removed while it does',
    ignoreLinks,
  );
}

/** Nobody can say which is meant. */
function noteTwins(walking: Walking, files: readonly ConfigFile[]): void {
  for (const { path, name } of files) {
    const others = files.filter((other) => other.path !== path).map((other) => baseOf(other.path));
    incomplete(walking, name, `${others.join(' and ')} stands beside it, and one of them must be meant`, 'keep one');
  }
}
