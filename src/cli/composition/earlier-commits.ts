import { posix } from 'node:path';
import type { DesiredFleet, FollowedRef } from '../../model/desired.ts';
import type { FileContent, Mentions, NamedApps, Since } from '../../model/removal.ts';
import type { Redactor } from '../../model/base/secret-value.ts';
import type { CloneCommit } from '../../sources/git/clone-commit.ts';
import type { Tree } from '../../sources/tree/tree.ts';
import { folderOf } from '../../sources/tree/tree-path.ts';
import { fileBytesMax } from '../../desired/files/config-files.ts';
import { learnSecret } from '../shell/redaction.ts';

interface HistoryParts {
  readonly history: string;
  /** undefined: the config is a folder. */
  readonly own: Pick<FollowedRef, 'repo' | 'ref'> | undefined;
  /** The commit of the work tree that was read; undefined: none was. */
  readonly standing: string | undefined;
  readonly past: Pasts;
  readonly commitAt: (commit: string) => Promise<CloneCommit>;
  readonly redactor: Redactor;
  readonly readAt: (commit: string, more?: { readonly resolveImage: () => Promise<undefined> }) => Promise<ReadThen>;
}

export interface ReadThen {
  readonly fleetThen: DesiredFleet;
  /** The commit's files. */
  readonly tree: Tree;
  /** Ends the git child that reads them; a later read starts another. */
  readonly close: () => void;
}

/** What the config said at other commits, each read once. */
export function earlierCommits(
  parts: HistoryParts,
): Pick<DesiredFleet, 'earlier' | 'namesAt' | 'mentionsAt' | 'bytesAt' | 'pathsAt'> {
  const { history, own, standing, past, redactor, commitAt, readAt } = parts;
  const read = (commit: string): Promise<ReadThen> => {
    // Names need no registry.
    const reading = () => readAt(commit, { resolveImage: () => Promise.resolve(undefined) });
    return commit === standing ? past.standing.read(`${history} ${commit}`, reading) : reading();
  };
  const mentionsAt = async (commit: string): Promise<Mentions> => {
    const { fleetThen, close } = await read(commit);
    const asked = async <Found>(ask: (mentions: Mentions) => Promise<Found>): Promise<Found | undefined> => {
      try {
        return fleetThen.mentions && (await ask(fleetThen.mentions));
      } finally {
        close();
      }
    };
    return {
      of: (app, since) => asked((mentions) => mentions.of(app, ownOf(since))),
      movedFrom: (app, content, since) => asked((mentions) => mentions.movedFrom(app, content, ownOf(since))),
    };
  };
  return {
    mentionsAt: standing === undefined ? undefined : mentionsAt,
    async earlier(commit) {
      const then = await past.fleets.read(`${history} ${commit}`, async () => (await readAt(commit)).fleetThen);
      learnSecrets(redactor, then);
      return then;
    },
    async bytesAt(commit, path) {
      const then = await commitAt(commit);
      try {
        return await then.tree.read(path, fileBytesMax);
      } finally {
        then.close();
      }
    },
    pathsAt: (commit) =>
      past.paths.read(`${history} ${commit}`, async () => {
        const old = await commitAt(commit);
        old.close();
        const [files, repositories] = await Promise.all([old.tree.contents(''), old.tree.repositories('')]);
        // It may go on to another commit with each push.
        return new Map([...files.map(({ path, id }) => [path, id] as const), ...repositories.map(asRepository)]);
      }),
    namesAt: (commit) =>
      past.names.read(`${history} ${commit}`, async () => {
        const { fleetThen, tree } = await read(commit);
        const hasFolder = fleetThen.root === '' || (await isFolder(tree, fleetThen.root));
        if (!hasFolder) return { ...noApps, hasFolder };
        const { apps, invalid, whole, followed, root } = fleetThen;
        const manual = new Set(apps.filter(({ policy }) => !policy.auto).map(({ name }) => name));
        const all = [...apps, ...invalid];
        const names = new Set(all.flatMap(({ name }) => name ?? []));
        const files = new Map<string, FileContent>();
        for (const { name, file } of all) {
          // Of another repo's there is none here.
          const content = await contentOf(tree, posix.join(root, file)).catch(() => undefined);
          if (name !== undefined && content !== undefined) files.set(name, content);
        }
        const hasSources = followed.some(({ repo, ref }) => repo !== own?.repo || ref !== own.ref);
        return { names, whole, manual, hasSources, hasFolder, files };
      }),
  };
}

/** Of a commit in which the config's folder is not there. */
const noApps: Omit<NamedApps, 'hasFolder'> = {
  names: new Set(),
  manual: new Set(),
  whole: true,
  hasSources: false,
  files: new Map(),
};

async function isFolder(tree: Tree, path: string): Promise<boolean> {
  return (await tree.list(folderOf(path))).some((entry) => entry.path === path && entry.kind === 'folder');
}

const asRepository = (path: string) => [path, 'repository'] as const;

/** Of other repos' files only what was read now counts. */
const ownOf = (since: Since): Since => ({ ...since, ownOnly: true });

async function contentOf(tree: Tree, path: string): Promise<FileContent | undefined> {
  const [id, entries] = await Promise.all([tree.id(path), tree.list(folderOf(path))]);
  const entry = entries.find((one) => one.path === path);
  return id === undefined || entry === undefined
    ? undefined
    : { path, id, size: entry.kind === 'file' ? entry.size : undefined };
}

export function learnSecrets(redactor: Redactor, fleet: DesiredFleet): void {
  for (const app of fleet.apps) {
    for (const secret of app.secrets) learnSecret(redactor, fleet.secretValue(app.name, secret.name)?.reveal());
  }
}

/** Held apps of one fleet are at a handful of commits; each is a whole fleet in memory. */
const pastFleetsMax = 4;
/** What apps were released from, and the 200 that branches may have gone on to: of a thousand apps each is some 100 KB. */
const pastNamesMax = 256;

interface Past<Read> {
  read(key: string, load: () => Promise<Read>): Promise<Read>;
}

/** What was read of earlier commits. */
interface Pasts {
  readonly fleets: Past<DesiredFleet>;
  readonly names: Past<NamedApps>;
  /** The commit of the work tree: one whole fleet, with what its files say. */
  readonly standing: Past<ReadThen>;
  readonly paths: Past<ReadonlyMap<string, string>>;
}

export function createPasts(): Pasts {
  return {
    fleets: createPast(pastFleetsMax),
    names: createPast(pastNamesMax, ({ whole }) => whole),
    standing: createPast(1, ({ fleetThen }) => fleetThen.whole),
    paths: createPast(pastFleetsMax),
  };
}

/** What git said at earlier commits, which no pass changes. What failed to be read, or was read in part, is tried again. */
function createPast<Read>(max: number, isAnswer: (read: Read) => boolean = () => true): Past<Read> {
  const known = new Map<string, Promise<Read>>();
  return {
    read(key, load) {
      const reading = known.get(key) ?? load();
      known.delete(key);
      known.set(key, reading);
      const [oldest] = known.keys();
      if (known.size > max && oldest !== undefined) known.delete(oldest);
      void reading.then(
        (read) => isAnswer(read) || known.delete(key),
        () => known.delete(key),
      );
      return reading;
    },
  };
}
