/**
 * Finds apps and projects as v0 did: depth first; a folder that holds a folder `projects` descends only into that one;
 * the projects of a folder's tree are entered before its apps, so an app reached both ways belongs to its project.
 */
import type { FollowedRef } from '../../model/desired.ts';
import { toFault } from '../../model/base/fault.ts';
import type { Problem } from '../../model/base/problem.ts';
import type { GitMirrors, Tree, TreeEntry } from '../../sources/tree/tree.ts';
import { baseName, filesBelow } from './traverse.ts';
import { isInside, pathWithin, type ConfigFile, type ConfigFiles, type Generations } from './config-files.ts';
import type { Finding } from '../documents/finding.ts';
import { problemsIn } from '../documents/source-map.ts';
import { readProject, type Project, type ReadProject } from './project.ts';
import { refOf, withoutCredentials } from '../git-ref.ts';

const appFileNames: readonly string[] = ['app.yaml', 'app.yml', 'app.toml'];
const projectFileName = 'project.yaml';
/** Of the fleet, not of an app. */
export const settingsFileName = 'flycd.yaml';
/** Projects in projects in projects. */
const projectDepthMax = 32;

export interface FoundApp {
  readonly file: ConfigFile;
  /** Outermost first. */
  readonly chain: readonly Project[];
  /** A path straight to Fly's own config: its source is its image or its folder. */
  readonly bare: boolean;
}

export interface Walk {
  /** In v0's order: of several ways to an app the first counts. */
  readonly apps: readonly FoundApp[];
  readonly problems: readonly Problem[];
  readonly whole: boolean;
  readonly projects: readonly Project[];
  readonly followed: readonly FollowedRef[];
}

export interface WalkRequest {
  readonly tree: Tree;
  /** Normalized; '' = the root. */
  readonly path: string;
  readonly files: ConfigFiles;
  readonly mirrors: GitMirrors;
  readonly readProjects: Generations<ReadProject>;
}

interface Placed extends FoundApp {
  /** Folder the walk that found it began in. */
  readonly from: string;
}

/** A broken project: the apps in it must not be taken without what it would give them. */
interface Blocked {
  readonly tree: Tree;
  readonly folder: string;
  /** Its `source.path`, where that could be read. */
  readonly target: string | undefined;
}

interface Analysis {
  readonly projects: readonly string[];
  readonly apps: readonly string[];
}

interface Walking extends WalkRequest {
  readonly found: Placed[];
  readonly problems: Problem[];
  readonly entered: Map<
    string,
    { readonly identity: string; readonly file: string; readonly chain: readonly Project[] }
  >;
  /** Project files in which not even a name could be read. */
  readonly nameless: Set<string>;
  readonly projects: Project[];
  readonly blocked: Blocked[];
  readonly followed: FollowedRef[];
  readonly seen: { folders: number };
  whole: boolean;
}

/** Never throws: what could not be read is a problem, and the walk is then not whole. */
export async function walkConfig(request: WalkRequest): Promise<Walk> {
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

/** Apps or projects may be missing from what was found: they are unknown then, never gone. */
function incomplete(walking: Walking, file: string, message: string, hint?: string): void {
  walking.whole = false;
  walking.problems.push({
    severity: 'error',
    file: file === '' ? '.' : file,
    line: 0,
    column: 0,
    path: '',
    message,
    hint,
  });
}

async function visit(walking: Walking, tree: Tree, path: string, chain: readonly Project[]): Promise<void> {
  const name = walking.files.file(tree, path).name;
  try {
    const entry = path === '' ? undefined : await walking.files.entry(tree, path);
    if (path !== '' && entry === undefined) return incomplete(walking, name, `there is no ${path} in ${tree.name}`);
    if (entry !== undefined && entry.kind !== 'folder') return await visitFile(walking, tree, path, chain);
    const { projects, apps } = await analyze(walking, tree, path);
    for (const project of projects) await enter(walking, walking.files.file(tree, project), chain);
    for (const app of apps) walking.found.push({ file: walking.files.file(tree, app), chain, bare: false, from: path });
  } catch (error) {
    const fault = toFault(error, 'this folder could not be read');
    incomplete(walking, name, fault.message, fault.next);
  }
}

async function visitFile(walking: Walking, tree: Tree, path: string, chain: readonly Project[]): Promise<void> {
  const file = walking.files.file(tree, path);
  const base = baseName(path);
  if (base === projectFileName) return enter(walking, file, chain);
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
      const projects = folders.find((entry) => baseName(entry.path) === 'projects');
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
  const isProject = (entry: TreeEntry): boolean => baseName(entry.path) === projectFileName;
  return {
    projects: found.filter(isProject).map(({ path }) => path),
    apps: found.filter((entry) => !isProject(entry)).map(({ path }) => path),
  };
}

async function enter(walking: Walking, file: ConfigFile, chain: readonly Project[]): Promise<void> {
  const read = await walking.files.document(file);
  if (read === undefined) return; // a folder of that name, or a link that leads nowhere
  const { words, name, localPath, problems } = walking.readProjects.get(read.key) ?? readProject(read);
  walking.readProjects.set(read.key, { words, name, localPath, problems });
  const project: Project | undefined = words && { ...words, tree: file.tree, folder: file.folder };
  const known = name === undefined ? undefined : walking.entered.get(name);
  const { identity } = read;
  if (known?.identity === identity) return noteOtherWay(walking, project, known.chain, chain);
  if (name === undefined && walking.nameless.has(identity)) return;
  if (name === undefined) walking.nameless.add(identity);
  walking.problems.push(...problems);
  const block = (): void => {
    const target = localPath === undefined ? undefined : pathWithin(file.folder, localPath);
    walking.blocked.push({ tree: file.tree, folder: file.folder, target });
    walking.whole = false;
  };
  if (name !== undefined && known === undefined) walking.entered.set(name, { identity, file: file.name, chain });
  if (project === undefined) return block();
  if (known !== undefined) {
    if (chain.some((outer) => outer.name === name)) return; // a project that contains itself
    block();
    const message = `two projects are called ${project.name}: this one and ${known.file}`;
    return refuse(walking, project, { path: ['project'], message, hint: 'give one of them another name' });
  }
  walking.projects.push(project);
  const refusal = await descend(walking, project, [...chain, project]);
  if (refusal === undefined) return;
  block();
  refuse(walking, project, refusal);
}

type Refusal = Pick<Finding, 'path' | 'message' | 'hint'>;

function refuse(walking: Walking, project: Project, refusal: Refusal): void {
  walking.problems.push(...problemsIn(project.document, [{ severity: 'error', part: 'value', ...refusal }]));
}

/** v0 enters a project once, by its name; what a second way would have given it is then missing, which it never said. */
function noteOtherWay(
  walking: Walking,
  project: Project | undefined,
  first: readonly Project[],
  chain: readonly Project[],
): void {
  // A cycle is no second way: it comes back to where it began, and ends there.
  if (project === undefined || chain.some((outer) => outer.name === project.name)) return;
  const missing = chain.filter((outer) => !first.includes(outer));
  if (missing.length === 0) return;
  const others = missing.map(({ name }) => name).join(', ');
  const message = `project ${project.name} is entered once, and was already; ${others} has it too`;
  const finding = {
    severity: 'warning',
    path: ['project'],
    part: 'value',
    message,
    hint: 'give each a project of its own',
  } as const;
  walking.problems.push(...problemsIn(project.document, [finding]));
}

async function descend(walking: Walking, project: Project, chain: readonly Project[]): Promise<Refusal | undefined> {
  const { source, folder } = project;
  const atPath = ['source', 'path'];
  if (chain.length > projectDepthMax)
    return { path: ['project'], message: `projects are nested more than ${projectDepthMax} deep` };
  const path = pathWithin(source.type === 'git' ? '' : folder, source.path ?? '');
  if (path === undefined)
    return { path: atPath, message: 'this path leads out of the repo', hint: 'paths go from here, and stay inside' };
  const fetched = source.type === 'git' ? await fetchTree(walking, project) : { tree: project.tree };
  if ('refusal' in fetched) return fetched.refusal;
  const { tree } = fetched;
  if (path !== '' && (await walking.files.entry(tree, path)) === undefined) {
    return { path: atPath, message: `there is no ${path} in ${tree.name}` };
  }
  await visit(walking, tree, path, chain);
  return undefined;
}

async function fetchTree(walking: Walking, project: Project): Promise<{ tree: Tree } | { refusal: Refusal }> {
  const url = project.source.repo ?? '';
  const ref = refOf(project.source.ref);
  if (project.source.ref?.commit === undefined) {
    walking.followed.push({ repo: withoutCredentials(url), ref, app: undefined });
  }
  try {
    return { tree: await walking.mirrors.tree({ url, ref, trust: 'config' }) };
  } catch (error) {
    const fault = toFault(error, 'the repo could not be read');
    return { refusal: { path: ['source', 'repo'], message: fault.message, hint: fault.next } };
  }
}
