/**
 * Finds apps and projects as v0 did: depth first; a folder that holds a folder `projects` descends only into that one;
 * the projects of a folder's tree are entered before its apps, so an app reached both ways belongs to its project.
 */
import { baseOf, folderOf, isInside } from '../../sources/tree/tree-path.ts';
import { toFault } from '../../model/base/fault.ts';
import type { Problem } from '../../model/base/problem.ts';
import type { Tree } from '../../sources/tree/tree.ts';
import { filesBelow } from '../files/traverse.ts';
import type { ConfigFile } from '../files/config-files.ts';
import { appFileNames, projectFileNames, settingsFileNames } from '../files/file-names.ts';
import type { Project } from './project.ts';
import { leaveOut, noteOther, noteOverlooked } from './overlooked.ts';
import { mentionsIn } from './mentions.ts';
import type { Blocked, Placed, Walk, Walking, WalkRequest } from './discovery.ts';
import { incomplete, unseen } from './notes.ts';
import { enterProjects } from './enter-project.ts';
import { lookedInto } from './projects-folder.ts';
import { noteUnvisited } from './unvisited.ts';

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
    throughLinks: [],
    links: [],
    starts: [],
    hidden: [],
    nearMisses: [],
    seen: { folders: 0 },
    whole: true,
  };
  await visit(walking, request.tree, request.path, []);
  await noteOverlooked(walking);
  await noteUnvisited(walking);
  const apps = walking.found.filter((app) => !walking.blocked.some((blocked) => covers(blocked, app)));
  if (walking.found.length === 0 && walking.entered.size === 0 && walking.problems.every(isWarning)) {
    incomplete(
      walking,
      '',
      'there is no app.yaml and no project.yaml here',
      'an empty config repo is refused: name its folder, or a fly.toml by its path. To remove a fleet’s last apps: fly apps destroy NAME',
    );
  }
  return { ...walking, apps, mentions: mentionsIn(walking) };
}

const isWarning = ({ severity }: Problem): boolean => severity === 'warning';

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
    walking.starts.push({ tree, path, chain });
    const { projects, apps } = await analyze(walking, tree, path);
    noteEmptied(walking, chain, { projects, apps });
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
    skips: (entry) => leaveOut(walking, tree, entry),
    onOther: (entry) => noteOther(walking, tree, entry),
    onUnread(path, error) {
      const fault = toFault(error, 'this folder could not be read');
      incomplete(walking, nameOf(path), fault.message, fault.next);
    },
    into: (folders) => lookedInto(walking, tree, folders),
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

/** As an empty config repo is refused: one mistake more, and all apps of a project would be gone. Without its file they are. */
function noteEmptied(walking: Walking, chain: readonly Project[], { projects, apps }: Analysis): void {
  const project = chain.at(-1);
  if (project === undefined || apps.length > 0) return;
  const isOwn = (file: ConfigFile | undefined): boolean =>
    file?.tree === project.tree && file.folder === project.folder;
  if (projects.some(([file]) => !isOwn(file))) return;
  const message = `there is no app.yaml and no other project.yaml where project ${project.name} has its apps: none is removed`;
  unseen(walking, project.document.file, message, 'take this file away, too, if the project is gone');
}

/** Nobody can say which is meant. */
function noteTwins(walking: Walking, files: readonly ConfigFile[]): void {
  for (const { path, name } of files) {
    const others = files.filter((other) => other.path !== path).map((other) => baseOf(other.path));
    incomplete(walking, name, `${others.join(' and ')} stands beside it, and one of them must be meant`, 'keep one');
  }
}
