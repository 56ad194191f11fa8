/** The config repo as one value: what git wants of Fly, and everything that is wrong with how it says so. */
import { folderOf } from '../sources/tree/tree-path.ts';
import type { AllowSecrets } from '../../schemas/settings.ts';
import type { SyncWritten } from '../../schemas/policy.ts';
import type { Clock } from '../model/base/clock.ts';
import type { DesiredFleet, FollowedRef } from '../model/desired.ts';
import { toFault } from '../model/base/fault.ts';
import type { Problem } from '../model/base/problem.ts';
import { SecretValue } from '../model/base/secret-value.ts';
import type { GitMirrors, Tree } from '../sources/tree/tree.ts';
import { writeBuild } from './source/build.ts';
import { configFiles, type ConfigFiles, type ReadFile } from './files/config-files.ts';
import { pathWithin } from './files/paths.ts';
import { GenerationCache, type Cache } from './files/cache.ts';
import { fleetIdentity, nameDefault, type FleetIdentity } from './discover/fleet-identity.ts';
import { resolveApps, type Gathered } from './resolve/resolve-apps.ts';
import type { ReadProject } from './discover/project.ts';
import type { AppMemory, Gathering } from './resolve/resolve-app.ts';
import type { KeyedLayers } from './resolve/app-config.ts';
import { allowedSecrets } from './resolve/allowed-secrets.ts';
import { syncPolicy } from './resolve/policy.ts';
import { discoverApps } from './discover/discover.ts';

export interface LoadRequest {
  readonly tree: Tree;
  /** Folder or file inside the tree; '' = all of it. What it names is the config root. */
  readonly path: string;
  /** For project and app sources of type git. */
  readonly mirrors: GitMirrors;
  /** What the operator's own flycd.yaml says: `fleet` wins over the repo's, `sync` lies under it. */
  readonly settings?: { readonly fleet?: string | undefined; readonly sync?: SyncWritten | undefined } | undefined;
  /** What the operator lets projects with a git source read of it; the config repo's own flycd.yaml may add to that. */
  readonly allowSecrets?: readonly (AllowSecrets | undefined)[] | undefined;
  /** For secrets of type env. Read when a value is asked for, not before. */
  readonly environment: (name: string) => string | undefined;
  /** Digest (`sha256:…`) of an image reference; undefined: no registry could be asked. */
  readonly resolveImage: (ref: string) => Promise<string | undefined>;
  /** Name for a fly.toml that has no `app`: `render` needs none of its own. */
  readonly nameless?: string | undefined;
  /** URL and ref of the config repo, where it is a git URL: what a webhook is matched with. */
  readonly configRepo?: { readonly repo: string; readonly ref: string } | undefined;
}

export interface DesiredLoader {
  /** Never throws for what people wrote or what cannot be reached: both are problems of the fleet. */
  load(request: LoadRequest): Promise<DesiredFleet>;
}

/** Keeps what it parsed and composed between loads, by content: a commit that changes one file costs that file. */
export function createDesiredLoader(options: { readonly clock: Clock }): DesiredLoader {
  const documents = new GenerationCache<ReadFile>();
  const readProjects = new GenerationCache<ReadProject>();
  const layers = new GenerationCache<KeyedLayers>();
  const memory: AppMemory = { drafts: new WeakMap(), based: new WeakMap(), apps: new WeakMap() };
  return {
    async load(request) {
      const caches = {
        documents: documents.begin(),
        readProjects: readProjects.begin(),
        layers: layers.begin(),
      };
      const fleet = await loadFleet(request, options.clock, { ...caches, memory });
      for (const cache of Object.values(caches)) cache.finish();
      return fleet;
    },
  };
}

type Caches = Pick<Gathering, 'layers' | 'memory'> & {
  readonly documents: Cache<ReadFile>;
  readonly readProjects: Cache<ReadProject>;
};

async function loadFleet(request: LoadRequest, clock: Clock, caches: Caches): Promise<DesiredFleet> {
  const { tree, settings } = request;
  const path = pathWithin('', request.path);
  if (path === undefined) return refused(request, 'this path leads out of the repo');
  const root = await rootOf(tree, path, clock);
  if (typeof root !== 'string') return refused(request, root.message, root.next);
  const files = configFiles({ clock, tree, root, documents: caches.documents });
  const mirrors = oncePerLoad(request.mirrors);
  const identity = await identityOf(request, root, files);
  const walk = await discoverApps({
    tree,
    path,
    files,
    mirrors,
    readProjects: caches.readProjects,
    seeksOrphans: identity.named && root === path,
  });
  const sync = [settings?.sync, identity.sync];
  const allowed = allowedSecrets([...(request.allowSecrets ?? []), ...identity.allowSecrets]);
  const gathered = await resolveApps({
    found: walk.apps,
    files,
    mirrors,
    layers: caches.layers,
    memory: caches.memory,
    resolveImage: onceFor(request.resolveImage),
    nameless: request.nameless,
    sync,
    allowed,
    settingsKey: JSON.stringify([sync, [...allowed].map(([project, names]) => [project, [...names]])]),
    isWhole: walk.whole && root === path,
  });
  const broken = identity.problems.some(({ severity }) => severity === 'error');
  return {
    name: identity.name,
    // One file is a part of its folder's config: the rest must not become orphans.
    named: identity.named && root === path,
    isPart: path !== '',
    unwritten: identity.unwritten,
    revision: tree.revision,
    root,
    // A flycd.yaml that cannot be read may hold a freeze: nothing is planned past it.
    apps: broken ? [] : gathered.apps.toSorted((one, other) => (one.name < other.name ? -1 : 1)),
    invalid: broken
      ? [...gathered.invalid, ...gathered.apps.map(({ name, file }) => ({ name, file }))]
      : gathered.invalid,
    policy: syncPolicy(sync),
    problems: orderedProblems([...identity.problems, ...unsaid(walk.problems, identity), ...gathered.problems]),
    whole: walk.whole && gathered.whole && !broken,
    mentions: {
      of: (app, since) => clock.busy(() => walk.mentions.of(app, since)),
      movedFrom: (...asked) => clock.busy(() => walk.mentions.movedFrom(...asked)),
    },
    followed: followedRefs(request, [...walk.followed, ...gathered.followed]),
    secretValue: secretReader(request, gathered),
    writeBuild: (app, folder) => clock.busy(() => writeBuild(gathered.recipe(app), app, folder)),
    builtByV0: (app, versions) => clock.busy(async () => (await gathered.recipe(app)?.builtByV0(versions)) ?? false),
    explain: (app) => gathered.explain(app),
  };
}

/** The folder that files are named from: the path's, where it names a file. */
async function rootOf(tree: Tree, path: string, clock: Clock) {
  if (path === '') return '';
  try {
    const entries = await clock.busy(() => tree.list(folderOf(path)));
    const entry = entries.find((candidate) => candidate.path === path);
    return entry === undefined || entry.kind === 'folder' ? path : folderOf(path);
  } catch (error) {
    return toFault(error, 'the config repo could not be read');
  }
}

async function identityOf(request: LoadRequest, root: string, files: ConfigFiles): Promise<FleetIdentity> {
  const operator = request.settings;
  try {
    return await fleetIdentity({ tree: request.tree, root, files, operator });
  } catch (error) {
    const { message, next } = toFault(error, 'flycd.yaml could not be read');
    return {
      ...unreadIdentity(request),
      named: false,
      sync: undefined,
      allowSecrets: [],
      problems: [problemAt('flycd.yaml', message, next)],
    };
  }
}

function unreadIdentity({ settings }: LoadRequest): Pick<FleetIdentity, 'name' | 'unwritten'> {
  return settings?.fleet === undefined
    ? { name: nameDefault, unwritten: undefined }
    : { name: settings.fleet, unwritten: nameDefault };
}

function problemAt(file: string, message: string, hint?: string): Problem {
  return { severity: 'error', file, line: 0, column: 0, path: '', message, hint };
}

function refused(request: LoadRequest, message: string, hint?: string): DesiredFleet {
  return {
    ...unreadIdentity(request),
    named: false,
    revision: request.tree.revision,
    root: '',
    apps: [],
    invalid: [],
    policy: syncPolicy([]),
    problems: [problemAt(request.path, message, hint)],
    whole: false,
    followed: followedRefs(request, []),
    secretValue: () => undefined,
    writeBuild: (app, folder) => writeBuild(undefined, app, folder),
    builtByV0: () => Promise.resolve(false),
    explain: () => [],
  };
}

/** One fetch a load for a repo and ref, however many apps build from it: they all see one commit. */
function oncePerLoad(mirrors: GitMirrors): GitMirrors {
  const trees = new Map<string, Promise<Tree>>();
  return {
    tree(request) {
      const key = `${request.trust}\n${request.url}\n${request.ref}`;
      const tree = trees.get(key) ?? mirrors.tree(request);
      trees.set(key, tree);
      return tree;
    },
  };
}

function onceFor<Value>(ask: (key: string) => Promise<Value>): (key: string) => Promise<Value> {
  const answers = new Map<string, Promise<Value>>();
  return (key) => {
    const answer = answers.get(key) ?? ask(key);
    answers.set(key, answer);
    return answer;
  };
}

function followedRefs(request: LoadRequest, followed: readonly FollowedRef[]): readonly FollowedRef[] {
  const own = request.configRepo === undefined ? [] : [{ ...request.configRepo, app: undefined }];
  const byKey = new Map([...own, ...followed].map((ref) => [`${ref.repo}\n${ref.ref}\n${ref.app ?? ''}`, ref]));
  return [...byKey.values()];
}

function secretReader(request: LoadRequest, gathered: Gathered): DesiredFleet['secretValue'] {
  const apps = new Map(gathered.apps.map((app) => [app.name, app]));
  return (app, name) => {
    const { origin, refused } = apps.get(app)?.secrets.find((secret) => secret.name === name) ?? {};
    if (origin === undefined || refused !== undefined) return undefined;
    if (origin.type === 'raw') return gathered.raw.get(app)?.get(name);
    const value = request.environment(origin.variable);
    return value === undefined ? undefined : new SecretValue(value);
  };
}

/** A file that is an error of the fleet's is no warning of the walk's besides. */
function unsaid(problems: readonly Problem[], identity: FleetIdentity): readonly Problem[] {
  const isSaid = (problem: Problem): boolean =>
    identity.problems.some(({ file, message }) => file === problem.file && message === problem.message);
  return problems.filter((problem) => !isSaid(problem));
}

/** By file and line; what was found twice on two ways to a file is said once. */
function orderedProblems(problems: readonly Problem[]): readonly Problem[] {
  const byText = new Map<string, Problem>();
  for (const problem of problems) {
    // A warning in a project's defaults concerns every app alike: said once, of none of them.
    const { app, ...rest } = problem;
    const shared = problem.severity === 'warning' ? JSON.stringify(rest) : JSON.stringify(problem);
    const twin = byText.get(shared);
    byText.set(shared, twin === undefined || twin.app === app ? problem : rest);
  }
  const compare = (one: Problem, other: Problem): number =>
    (one.file < other.file ? -1 : one.file > other.file ? 1 : 0) || one.line - other.line || one.column - other.column;
  return [...byText.values()].toSorted(compare);
}
