import { join } from 'node:path';
import type { DesiredLoader } from '../../desired/load.ts';
import type { DesiredFleet } from '../../model/desired.ts';
import { Fault } from '../../model/base/fault.ts';
import { commitOf } from '../../model/base/text.ts';
import type { Origin } from '../../model/stamps/origin.ts';
import type { ImageDigests } from '../../oci/digest.ts';
import type { FolderMemory } from '../../sources/tree/folder-memory.ts';
import type { CloneCommit } from '../../sources/git/clone-commit.ts';
import type { OpenGitMirrors } from '../../sources/mirror/mirror.ts';
import type { HostGuard } from '../../http/guard.ts';
import type { Patience } from '../../http/patience.ts';
import { isGitLocation, parseGitLocation } from '../../sources/tree/location.ts';
import type { Tree } from '../../sources/tree/tree.ts';
import type { ConfigOptions, Invocation } from '../shell/invocation.ts';
import type { Io } from '../shell/io.ts';
import { learnSecret } from '../shell/redaction.ts';
import { withCertificates } from './certificates.ts';
import { operatorAllowsSecrets } from './allowed-secrets.ts';
import { createPasts, earlierCommits, learnSecrets, type ReadThen } from './earlier-commits.ts';
import { credentialValues, keptBack, readGitAccess, type GitAccess } from './git-access.ts';
import { idlePrune, leftAside, settingsOfConfig } from './settings-of-config.ts';
import { locateConfig, type ConfigLocation, type OperatorSettings } from './settings.ts';
import { shellWord } from '../../model/base/shell.ts';

/** A git config repo: what webhooks are matched with and commits reported to. */
export interface ConfigRepo {
  readonly repo: string;
  readonly ref: string;
}

export interface Loaded {
  readonly fleet: DesiredFleet;
  /** undefined: the config is a folder. */
  readonly repo: ConfigRepo | undefined;
}

export interface LoadingRequest {
  readonly invocation: Invocation;
  /** The config repo as it was typed. */
  readonly config: string | undefined;
  readonly options: ConfigOptions;
  readonly settings: OperatorSettings;
  /** Throws a stalled Fault where the settings name no host. */
  readonly hosts: () => HostGuard;
  /** Asked for when something is kept there. Throws a stalled Fault where there is no place for it. */
  dataDirectory(): string;
}

export interface LoadRequest {
  /** true: no registry is asked for digests. */
  readonly offline: boolean;
  /** What to call an app without a name of its own; undefined: such an app is invalid. */
  readonly nameless?: string;
  /** For whoever keeps other apps meanwhile, as the first load says it. undefined: each source is waited for as long as it may take. */
  readonly patience?: Patience | undefined;
}

export interface Loading {
  load(request: LoadRequest): Promise<Loaded>;
  close(): void;
}

/** Reads the config repo, as often as asked: mirrors, hashes of files and the loader's cache live as long as this. */
export function createLoading(request: LoadingRequest): Loading {
  const { invocation, config, options, settings } = request;
  const { io, redactor, log } = invocation;
  let mirrors: OpenGitMirrors | undefined;
  let loader: DesiredLoader | undefined;
  let memory: FolderMemory | undefined;
  let digests: ImageDigests | undefined;
  const past = createPasts();
  const access = readGitAccess(invocation, settings);
  const allowSecrets = operatorAllowsSecrets(io, settings);

  return {
    async load({ offline, nameless, patience }) {
      const { createDesiredLoader } = await io.clock.busy(() => import('../../desired/load.ts'));
      const location = locateConfig(io, settings, config, isGitLocation);
      learnSecret(redactor, secretIn(location.text));
      mirrors ??= lazyMirrors(request, { access, patience });
      loader ??= createDesiredLoader({ clock: io.clock });
      const here = settingsOfConfig(settings, location);
      const { written, isRoot } = here;
      const ref = options.ref ?? written.ref;
      const repo = isGitLocation(location.text) ? { repo: location.text, ref: ref ?? 'HEAD' } : undefined;
      const { tree, path, history, isKnown, disturbance, origin, descendsFrom, laterCommits, commitAt } =
        repo === undefined
          ? await openPath(request, location, { ref, memory: (memory ??= await createMemory(request.invocation)) })
          : await openRepo(mirrors, repo);
      if (!offline) digests ??= await createDigests(request, patience);
      const images = offline ? undefined : digests;
      const asked = {
        path,
        mirrors,
        settings: { fleet: written.fleet, sync: written.sync },
        allowSecrets,
        environment: (name: string) => (access.variables.has(name) ? undefined : variableOf(io.env, name)),
        resolveImage: (image: string) => images?.resolve(image) ?? Promise.resolve(undefined),
        nameless,
        configRepo: repo,
      };
      const workTree = repo === undefined ? history : undefined;
      const notice = leftAside(settings, here, { folder: location.text, workTree });
      const idle = idlePrune(settings, here, location.text);
      for (const warning of [notice, idle]) if (warning !== undefined) log.warn({}, warning);
      const [read, from] = await Promise.all([loader.load({ ...asked, tree }), origin()]);
      for (const words of keptBack(read.apps, access)) log.warn({}, words);
      // A working tree that git does not answer for may lack files of its commit.
      const disturbed = await disturbance();
      if (disturbed !== undefined && isKnown) log.warn({}, disturbed);
      const whole = read.whole && isKnown && disturbed === undefined;
      // The operator gave a part of the config: what it does not name the rest may.
      const isPart = read.isPart === true || !isRoot;
      const fleet = { ...read, named: read.named && isRoot, isPart, whole, origin: from };
      learnSecrets(redactor, fleet);
      log.debug({ revision: fleet.revision, apps: fleet.apps.length, invalid: fleet.invalid.length }, 'config read');
      if (history === undefined) return { fleet, repo };
      const readAt = async (commit: string, more: Partial<typeof asked> = {}): Promise<ReadThen> => {
        const old = await commitAt(commit);
        try {
          // With a loader of its own: the other one forgets what is not in the tree it reads.
          const fleetThen = await createDesiredLoader({ clock: io.clock }).load({ ...asked, ...more, tree: old.tree });
          return { fleetThen, tree: old.tree, close: () => old.close() };
        } finally {
          old.close();
        }
      };
      const standing = repo === undefined ? commitOf(tree.revision) : undefined;
      const earlier = earlierCommits({ history, own: repo, standing, past, commitAt, readAt, redactor });
      return { fleet: { ...fleet, ...earlier, descendsFrom, laterCommits }, repo };
    },
    close() {
      mirrors?.close();
      mirrors = undefined;
    },
  };
}

async function createMemory({ io }: Invocation): Promise<FolderMemory> {
  return new (await io.clock.busy(() => import('../../sources/tree/folder-memory.ts'))).FolderMemory();
}

interface OpenConfig {
  readonly tree: Tree;
  readonly path: string;
  /** Where its earlier commits are. */
  readonly history: string | undefined;
  readonly isKnown: boolean;
  /** Why nobody can say what is gone, asked when all has been read. */
  readonly disturbance: () => Promise<string | undefined>;
  readonly origin: () => Promise<Origin | undefined>;
  readonly descendsFrom: DesiredFleet['descendsFrom'];
  readonly laterCommits: DesiredFleet['laterCommits'];
  readonly commitAt: (commit: string) => Promise<CloneCommit>;
}

async function openRepo(mirrors: OpenGitMirrors, { repo, ref }: ConfigRepo): Promise<OpenConfig> {
  const request = { url: repo, ref, trust: 'operator' } as const;
  const tree = await mirrors.tree(request);
  return {
    tree,
    path: '',
    history: repo,
    isKnown: true,
    disturbance: () => Promise.resolve(undefined),
    origin: () => mirrors.origin(request, tree.revision),
    descendsFrom: (from, at = tree.revision) => mirrors.descends(request, at, from),
    // A mirror has what was asked for and no other branch.
    laterCommits: undefined,
    commitAt: async (commit) => ({
      tree: await mirrors.tree({ url: repo, ref: commit, trust: 'operator' }),
      close: () => {},
    }),
  };
}

async function openPath(
  { invocation, options }: LoadingRequest,
  location: ConfigLocation,
  { ref, memory }: { readonly ref: string | undefined; readonly memory: FolderMemory },
): Promise<OpenConfig> {
  const { io, log } = invocation;
  if (options.ref !== undefined) {
    throw new Fault({
      kind: 'stalled',
      what: `--ref ${shellWord(options.ref)} needs a git address`,
      why: `${location.text} is a folder, and a folder is read as it stands on disk`,
      next: `name it as file://${location.text}`,
    });
  }
  if (ref !== undefined) log.warn({ ref }, 'ref of flycd.yaml is left aside: a folder is read as it stands on disk');
  const { openFolder } = await io.clock.busy(() => import('../../sources/folder/folder.ts'));
  const { top, warning, ...opened } = await openFolder({
    path: location.text,
    clock: io.clock,
    environment: io.env,
    memory,
  });
  if (warning !== undefined) log.warn({}, warning);
  return { ...opened, history: top, isKnown: warning === undefined };
}

/** What every object has, such as `constructor`, is no variable. */
function variableOf(env: Io['env'], name: string): string | undefined {
  return Object.hasOwn(env, name) ? env[name] : undefined;
}

/** Where there is no password, what stands before the @ of a web address is the token. */
function secretIn(address: string): string {
  const { scheme, user = '', password = '' } = parseGitLocation(address) ?? {};
  return password === '' && scheme !== 'ssh' ? user : password;
}

/** How repositories are reached that config names, and for how long. */
interface SourceWays {
  readonly access: GitAccess;
  readonly patience: Patience | undefined;
}

/** Made with the first repo: a folder that names none needs no place to keep mirrors in. */
function lazyMirrors(request: LoadingRequest, ways: SourceWays): OpenGitMirrors {
  let opening: Promise<OpenGitMirrors> | undefined;
  let opened: OpenGitMirrors | undefined;
  return {
    async tree(asked) {
      opened = await (opening ??= createMirrors(request, ways));
      return opened.tree(asked);
    },
    async origin(asked, commit) {
      return opened?.origin(asked, commit);
    },
    async descends(asked, commit, from) {
      return opened?.descends(asked, commit, from) ?? 'unknown';
    },
    close: () => opened?.close(),
  };
}

async function createMirrors(request: LoadingRequest, { access, patience }: SourceWays): Promise<OpenGitMirrors> {
  const { io, log } = request.invocation;
  const dataDirectory = request.dataDirectory();
  const [{ createGitMirrors }, { createGitCredentials }] = await io.clock.busy(() =>
    Promise.all([import('../../sources/mirror/mirror.ts'), import('../../sources/git/credentials.ts')]),
  );
  const credentials = createGitCredentials(credentialValues(io, access, dataDirectory));
  const directory = join(dataDirectory, 'mirrors');
  const megabytes = request.settings.written.mirror?.max_mb;
  const limits = megabytes === undefined ? {} : { maxBytes: megabytes * 1024 * 1024 };
  const hosts = request.hosts();
  const environment = await withCertificates(io, dataDirectory);
  return createGitMirrors({ directory, clock: io.clock, log, credentials, environment, hosts, limits, patience });
}

/** Digests are remembered as long as this: one command, or a service's life. */
async function createDigests(
  { invocation, hosts }: LoadingRequest,
  patience: Patience | undefined,
): Promise<ImageDigests> {
  const { io, log, redactor } = invocation;
  const [{ createImageDigests }, { registryAccess }] = await io.clock.busy(() =>
    Promise.all([import('../../oci/digest.ts'), import('./registry.ts')]),
  );
  const { credentials } = registryAccess(io, redactor);
  const { fetch } = hosts();
  return createImageDigests({ fetch, clock: io.clock, log, credentials, patience });
}
