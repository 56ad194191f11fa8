/** Projects on the way to apps: their source is followed, and what they give is remembered in the chain. */
import { toFault } from '../../model/base/fault.ts';
import { isInside } from '../../sources/tree/tree-path.ts';
import type { Tree } from '../../sources/tree/tree.ts';
import type { ConfigFile, ReadFile } from '../files/config-files.ts';
import { pathWithin, stayInside } from '../files/paths.ts';
import type { Finding } from '../documents/finding.ts';
import { problemsIn } from '../documents/source-map.ts';
import { isProject, readProject, type Project } from './project.ts';
import { redactUrl } from '../../sources/tree/location.ts';
import { refOf } from '../../sources/tree/ref.ts';
import type { Walking } from './discovery.ts';
import { incomplete, warn } from './notes.ts';

/** Looks for apps and projects at a path: what an entered project leads to. */
export type Visit = (walking: Walking, tree: Tree, path: string, chain: readonly Project[]) => Promise<void>;

/** Projects in projects in projects. */
const projectDepthMax = 32;

/**
 * The project files of one folder: one that is FlyCD's is entered, others are noted. Two that are, or one that cannot be read,
 * block the apps in the folder.
 */
export async function enterProjects(
  walking: Walking,
  files: readonly ConfigFile[],
  chain: readonly Project[],
  visit: Visit,
): Promise<void> {
  const own: { readonly file: ConfigFile; readonly read: ReadFile }[] = [];
  for (const file of files) {
    const reading = await walking.files.document(file);
    if (reading.state === 'unread') {
      blockFolder(walking, file);
      incomplete(walking, file.name, reading.message, reading.hint);
    } else if (reading.state === 'read') {
      if (isProject(reading.value.document)) own.push({ file, read: reading.value });
      else
        warn(
          walking,
          file.name,
          'it has no text `project`, so it is taken for another tool’s',
          'write project: NAME if it is FlyCD’s',
        );
    }
  }
  const [one, other] = own;
  if (one !== undefined && other === undefined) return enterProject(walking, one, chain, visit);
  for (const { file } of own) {
    const others = own.filter((twin) => twin.file !== file).map((twin) => twin.file.name);
    blockFolder(walking, file);
    incomplete(walking, file.name, `${others.join(' and ')} is a project of the same folder`, 'keep one');
  }
}

function blockFolder(walking: Walking, { tree, folder }: ConfigFile): void {
  walking.blocked.push({ tree, folder, target: undefined });
}

/** Each project is entered once, by its name. What is wrong with it blocks the apps in it. */
async function enterProject(
  walking: Walking,
  { file, read }: { readonly file: ConfigFile; readonly read: ReadFile },
  chain: readonly Project[],
  visit: Visit,
): Promise<void> {
  const { words, name, localPath, problems } = walking.readProjects.get(read.key) ?? readProject(read);
  walking.readProjects.set(read.key, { words, name, localPath, problems });
  const project: Project | undefined = words && { ...words, tree: file.tree, folder: file.folder };
  const known = name === undefined ? undefined : walking.entered.get(name);
  const { identity } = read;
  if (known?.identity === identity) return noteOtherWay(walking, project, known.chain, chain);
  if (name === undefined && walking.nameless.has(identity)) return;
  if (name === undefined) walking.nameless.add(identity);
  walking.problems.push(...problems);
  const block = async (): Promise<void> => {
    const target = await targetOf(file, localPath);
    walking.blocked.push({ tree: file.tree, folder: file.folder, target });
    walking.whole = false;
  };
  if (name !== undefined && known === undefined) walking.entered.set(name, { identity, file: file.name, chain });
  if (project === undefined) return await block();
  if (known !== undefined) {
    if (chain.some((outer) => outer.name === name)) return; // a project that contains itself
    await block();
    const message = `two projects are called ${project.name}: this one and ${known.file}`;
    return refuse(walking, project, { path: ['project'], message, hint: 'give one of them another name' });
  }
  walking.projects.push(project);
  const refusal = await descend(walking, project, [...chain, project], visit);
  if (refusal === undefined) return;
  await block();
  refuse(walking, project, refusal);
}

/** Where a broken project's apps stand, as far as can be told. */
async function targetOf({ tree, folder }: ConfigFile, localPath: string | undefined): Promise<string | undefined> {
  const path = localPath === undefined ? undefined : pathWithin(folder, localPath);
  return path === undefined ? undefined : tree.follow(path).catch(() => undefined);
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

async function descend(
  walking: Walking,
  project: Project,
  chain: readonly Project[],
  visit: Visit,
): Promise<Refusal | undefined> {
  const { source, folder } = project;
  const atPath = ['source', 'path'];
  if (chain.length > projectDepthMax)
    return { path: ['project'], message: `projects are nested more than ${projectDepthMax} deep` };
  const written = pathWithin(source.type === 'git' ? '' : folder, source.path ?? '');
  if (written === undefined) {
    const hint = source.type === 'git' ? 'paths go from its root, and stay inside' : stayInside(project.tree, 'here');
    return { path: atPath, message: 'this path leads out of the repo', hint };
  }
  const fetched = source.type === 'git' ? await fetchTree(walking, project) : { tree: project.tree };
  if ('refusal' in fetched) return fetched.refusal;
  const { tree } = fetched;
  const start = await startOf(walking, tree, written);
  if (typeof start !== 'string') return { path: atPath, ...start };
  for (const [index, ignoring] of project.ignore.entries()) {
    const ignored = pathWithin(start, ignoring);
    if (ignored === undefined || !isInside(ignored, start))
      return {
        path: ['ignore', index],
        message: 'this path leads out of the project’s folder',
        hint: 'paths go from where the apps are, and stay inside',
      };
    walking.ignored.push({ tree, path: ignored });
  }
  await visit(walking, tree, start, chain);
  return undefined;
}

/** Behind links, so that an app which is met on another way, too, is known for the same one. */
async function startOf(
  walking: Walking,
  tree: Tree,
  written: string,
): Promise<string | Pick<Refusal, 'message' | 'hint'>> {
  try {
    const start = await tree.follow(written);
    if (start === undefined) return { message: `there is no ${written} in ${tree.name}` };
    if (start === written) return start;
    walking.throughLinks.push({ tree, path: written });
    const kind = start === '' ? 'folder' : (await walking.files.entry(tree, start))?.kind;
    if (kind === 'folder' || kind === 'repository') return start;
    return { message: `${written} is a link, and not to a folder`, hint: 'name the folder itself' };
  } catch (error) {
    const fault = toFault(error, `${written} could not be read`);
    return { message: fault.message, hint: fault.next };
  }
}

async function fetchTree(walking: Walking, project: Project): Promise<{ tree: Tree } | { refusal: Refusal }> {
  const url = project.source.repo ?? '';
  const ref = refOf(project.source.ref);
  if (project.source.ref?.commit === undefined) {
    walking.followed.push({ repo: redactUrl(url), ref, app: undefined });
  }
  try {
    return { tree: await walking.mirrors.tree({ url, ref, trust: 'config' }) };
  } catch (error) {
    const fault = toFault(error, 'the repo could not be read');
    return { refusal: { path: ['source', 'repo'], message: fault.message, hint: fault.next } };
  }
}
