/**
 * Finds apps and projects as v0 did: depth first; a folder that holds a folder `projects` descends only into that one;
 * the projects of a folder's tree are entered before its apps, so an app reached both ways belongs to its project.
 */
import { baseOf } from '../../sources/tree/tree-path.ts';
import { toFault } from '../../model/base/fault.ts';
import type { Tree, TreeEntry } from '../../sources/tree/tree.ts';
import { filesBelow } from './traverse.ts';
import { projectFileName, settingsFileName } from './config-files.ts';
import { isInside } from './paths.ts';
import type { Project } from './project.ts';
import { incomplete, type WalkRequest, type Walk, type Walking, type Blocked, type Placed } from './discovery.ts';
import { enterProject } from './enter-project.ts';

interface Analysis {
  readonly projects: readonly string[];
  readonly apps: readonly string[];
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
    seen: { folders: 0 },
    whole: true,
  };
  await visit(walking, request.tree, request.path, []);
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
    if (entry !== undefined && entry.kind !== 'folder') return await visitFile(walking, tree, path, chain);
    const { projects, apps } = await analyze(walking, tree, path);
    for (const project of projects) await enterProject(walking, walking.files.file(tree, project), chain, visit);
    for (const app of apps) walking.found.push({ file: walking.files.file(tree, app), chain, bare: false, from: path });
  } catch (error) {
    const fault = toFault(error, 'this folder could not be read');
    incomplete(walking, name, fault.message, fault.next);
  }
}

async function visitFile(walking: Walking, tree: Tree, path: string, chain: readonly Project[]): Promise<void> {
  const file = walking.files.file(tree, path);
  const base = baseOf(path);
  if (base === projectFileName) return enterProject(walking, file, chain, visit);
  const isApp = appFileNames.includes(base);
  const bare = !isApp && base !== settingsFileName && /\.(?:toml|ya?ml|json)$/.test(base);
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
  const found = await filesBelow({
    folder,
    list: (path) => walking.files.list(tree, path),
    wants: (name) => name === projectFileName || appFileNames.includes(name),
    into(folders) {
      const projects = folders.find((entry) => baseOf(entry.path) === 'projects');
      return projects === undefined ? folders : [projects];
    },
    onLimit(path, limit) {
      const { name } = walking.files.file(tree, path);
      if (walking.whole)
        incomplete(walking, name, `these folders are too many: ${limit}`, 'name the folder that holds the apps');
      walking.whole = false;
    },
    seen: walking.seen,
  });
  const isProject = (entry: TreeEntry): boolean => baseOf(entry.path) === projectFileName;
  return {
    projects: found.filter(isProject).map(({ path }) => path),
    apps: found.filter((entry) => !isProject(entry)).map(({ path }) => path),
  };
}

const appFileNames: readonly string[] = ['app.yaml', 'app.yml', 'app.toml'];
