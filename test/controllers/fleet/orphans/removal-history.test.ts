/** Which commits and files are asked before a commit counts as having removed an app, and what each answer means. */
import { describe, expect, it } from 'vitest';
import { removalHistory } from '../../../../controllers/fleet/removal-history.ts';
import type { DesiredFleet } from '../../../../src/model/desired.ts';
import type {
  Descent,
  FileContent,
  LaterCommit,
  Mentions,
  NamedApps,
  RemovalHistory,
} from '../../../../src/model/removal.ts';
import { formatGood } from '../../../../src/model/stamps/app-version.ts';
import { stampKeys } from '../../../../src/model/stamps/keys.ts';
import { desiredApp, digest, machine } from '../../../plan/builders.ts';
import { fleetOf } from '../../reconcilers.ts';

const now = 'a'.repeat(40);
/** The one that the machines carry, and a later one that a pass saw. */
const released = 'b'.repeat(40);
const passed = 'c'.repeat(40);
const content = { path: 'blog/app.yaml', id: 'blob', size: 10 };

const naming = (parts: Partial<NamedApps> = {}): NamedApps => ({
  names: new Set(['blog']),
  manual: new Set(),
  whole: true,
  hasSources: false,
  hasFolder: true,
  files: new Map([['blog', content]]),
  ...parts,
});
const nameless = naming({ names: new Set(), files: new Map() });

const none = new Map<string, string>();

interface Scene {
  readonly revision?: string;
  readonly at?: Readonly<Record<string, NamedApps>>;
  /** What stood in the repo at a commit. */
  readonly paths?: Readonly<Record<string, ReadonlyMap<string, string>>>;
  /** Files that hold its name now, with their content. */
  readonly said?: ReadonlyMap<string, string>;
  /** The same in the commit that the work tree stands at. */
  readonly committed?: ReadonlyMap<string, string>;
  /** true: that commit is what was read. */
  readonly isByAddress?: boolean;
  readonly later?: readonly LaterCommit[];
  /** Called with the id of what the file held that named it. */
  readonly searched?: (namedBy: string | undefined) => void;
  readonly pass?: string;
  /** Whether the pass came after the release. */
  readonly order?: Descent;
}

function history(scene: Scene): Promise<RemovalHistory> {
  const {
    revision = now,
    at = {},
    paths = {},
    said = none,
    committed = none,
    later = [],
    pass = passed,
    order = 'yes',
    searched,
  } = scene;
  const { isByAddress = false } = scene;
  const first = (files: ReadonlyMap<string, string>, matches: (path: string, id: string) => boolean) => {
    const file = [...files].find(([path, id]) => matches(path, id))?.[0];
    return Promise.resolve(file === undefined ? undefined : ({ file, as: 'put away' } as const));
  };
  const mentionsOf = (files: ReadonlyMap<string, string>): Mentions => ({
    of: (_app, { isNew }) => first(files, (path) => isNew?.(path) !== false),
    movedFrom: (_app, { id }, { isNew }) => first(files, (path, held) => held === id && isNew?.(path, id) !== false),
  });
  const parts: Partial<DesiredFleet> = {
    revision,
    descendsFrom: (_from, commit) => Promise.resolve(commit === undefined ? 'yes' : order),
    namesAt: (commit) => Promise.resolve(at[commit] ?? (commit === now ? nameless : naming())),
    pathsAt: (commit) => {
      const known = commit === now ? committed : paths[commit];
      return known === undefined ? Promise.reject(new Error('no such commit')) : Promise.resolve(known);
    },
    mentions: mentionsOf(said),
    mentionsAt: isByAddress ? undefined : () => Promise.resolve(mentionsOf(committed)),
    laterCommits: (_app, namedBy) => {
      searched?.(namedBy);
      return Promise.resolve(later);
    },
  };
  const blog = desiredApp({ name: 'blog' });
  const good = formatGood({ revision: released, config: 'e'.repeat(32), digest, image: 'f'.repeat(32), at: 1 });
  const machines = [machine(blog, { metadata: { [stampKeys.good]: good } })];
  return removalHistory(
    fleetOf(parts),
    { name: 'blog', org: 'personal', machines, flyAheadMs: 0 },
    {
      namedRevision: () => Promise.resolve(pass),
    },
  );
}

const tips = (count: number): readonly LaterCommit[] =>
  Array.from({ length: count }, (_none, number) => ({
    commit: number.toString(16).padStart(40, '0'),
    ref: `topic/${number}`,
  }));
const unnamed = (later: readonly LaterCommit[]): Record<string, NamedApps> =>
  Object.fromEntries(later.map(({ commit }) => [commit, nameless]));

describe('an app that git no longer names', () => {
  it('was removed where the commits of its release and of its last pass named it and no file has its name since', async () => {
    const paths = { [released]: none, [passed]: none };
    expect(await history({ paths })).toEqual({ state: 'removed', isManual: false });
    expect(await history({ paths, at: { [passed]: naming({ manual: new Set(['blog']) }) } })).toMatchObject({
      isManual: true,
    });
  });

  it('is mentioned by what came since the pass that last named it, not by what stood there then', async () => {
    const said = new Map([['notes.yaml', 'other']]);
    const then = new Map([['notes.yaml', 'other']]);
    const since = { [released]: none, [passed]: then };
    expect(await history({ said, paths: since })).toMatchObject({ state: 'removed' });
    const before = { [released]: then, [passed]: none };
    expect(await history({ said, paths: before })).toMatchObject({ state: 'mentioned', file: 'notes.yaml' });
  });

  it('is mentioned by any file where nobody knows what stood there then', async () => {
    const said = new Map([['notes.yaml', 'other']]);
    expect(await history({ said, paths: {} })).toMatchObject({ state: 'mentioned', file: 'notes.yaml' });
  });

  it('is mentioned by a file that changed since where a commit was read; on disk a setting may change all of them', async () => {
    const said = new Map([['notes.yaml', 'other']]);
    const then = new Map([['notes.yaml', 'another']]);
    const scene = { said, paths: { [released]: then, [passed]: then } };
    expect(await history({ ...scene, committed: said, isByAddress: true })).toEqual({
      state: 'mentioned',
      file: 'notes.yaml',
      as: 'put away',
    });
    expect(await history({ ...scene, committed: then })).toMatchObject({ state: 'removed' });
  });

  it('was moved where a file with its content came since the pass that last named it, not where that saw both', async () => {
    const said = new Map([['notes', 'blob']]);
    const paths = { [released]: none, [passed]: new Map([['notes', 'blob']]) };
    expect(await history({ said, paths })).toMatchObject({ state: 'removed' });
    const before = { [released]: new Map([['notes', 'blob']]), [passed]: none };
    expect(await history({ said, paths: before })).toMatchObject({ state: 'mentioned', file: 'notes' });
  });

  it('is in doubt where a commit that was asked could not be read whole, or named it not', async () => {
    const paths = { [released]: none, [passed]: none };
    const half = naming({ names: new Set(), whole: false });
    expect(await history({ paths, at: { [released]: half }, order: 'no' })).toEqual({
      state: 'half read',
      commit: released,
    });
    expect(await history({ paths, at: { [passed]: half } })).toEqual({
      state: 'half read',
      commit: passed,
      isPass: true,
    });
    expect(await history({ paths, at: { [passed]: nameless } })).toMatchObject({ state: 'unnamed', commit: passed });
    expect(await history({ paths, isByAddress: true, at: { [now]: naming() } })).toMatchObject({ state: 'removed' });
  });

  // Git may have been told not to look at what differs.
  it.each([now, `${now}-dirty`])('is in doubt where the commit of the work tree has it: %s', async (revision) => {
    const paths = { [released]: none, [passed]: none };
    const half = naming({ names: new Set(), whole: false });
    expect(await history({ paths, revision, at: { [now]: half } })).toEqual({
      state: 'half read',
      commit: now,
      isNow: true,
    });
    expect(await history({ paths, revision })).toMatchObject({ state: 'removed' });
    expect(await history({ paths, revision, at: { [now]: naming() } })).toEqual({ state: 'uncommitted' });
    const mentioned = { state: 'mentioned', file: 'notes', commit: now };
    for (const id of ['blob', 'other']) {
      const committed = new Map([['notes', id]]);
      expect(await history({ paths, revision, committed })).toMatchObject(mentioned);
      const before = { [released]: committed, [passed]: committed };
      expect(await history({ paths: before, revision, committed })).toMatchObject({ state: 'removed' });
      const changed = { [released]: none, [passed]: new Map([['notes', 'another']]) };
      expect(await history({ paths: changed, revision, committed })).toMatchObject(mentioned);
    }
  });

  it('was removed where a later pass found it named in the folder that the config was moved to', async () => {
    const paths = { [released]: none, [passed]: none };
    for (const then of [
      { ...nameless, hasFolder: false },
      { ...nameless, whole: false },
    ]) {
      const at = { [released]: then };
      expect(await history({ paths, at })).toMatchObject({ state: 'removed' });
      // The release came after that pass, or nobody knows.
      for (const order of ['no', 'unknown'] as const)
        expect(await history({ paths, at, order })).toMatchObject({ commit: released });
      expect(await history({ paths, at: { ...at, [passed]: nameless } })).toMatchObject({
        commit: passed,
        isPass: true,
      });
    }
  });

  it('is named again by any of 200 later commits; of more nobody knows', async () => {
    const paths = { [released]: none, [passed]: none };
    const later = tips(200);
    const at = unnamed(later);
    expect(await history({ paths, later, at })).toMatchObject({ state: 'removed' });
    const last = later[199]?.commit ?? '';
    expect(await history({ paths, later, at: { ...at, [last]: naming() } })).toMatchObject({
      state: 'later',
      isRead: true,
      ref: 'topic/199',
    });
    expect(await history({ paths, later, at: { ...at, [last]: { ...nameless, whole: false } } })).toMatchObject({
      state: 'later',
      isRead: false,
    });
    const more = tips(201);
    expect(await history({ paths, later: more, at: unnamed(more) })).toMatchObject({ state: 'unread' });
  });

  it('is searched for in later commits as the file wrote it that named it last, where one of this repo did so itself', async () => {
    const paths = { [released]: none, [passed]: none };
    const asked: (string | undefined)[] = [];
    const searched = (namedBy: string | undefined) => asked.push(namedBy);
    const last = (file?: FileContent) => ({ [passed]: naming({ files: new Map(file && [['blog', file]]) }) });
    await history({ paths, searched, at: last({ id: 'last', size: 1, path: 'blog/app.yaml' }) });
    await history({ paths, searched, at: last({ id: 'through a link', size: undefined, path: 'blog/app.yaml' }) });
    await history({ paths, searched, at: last() });
    await history({ paths, searched, pass: '' });
    expect(asked).toEqual(['last', undefined, undefined, content.id]);
  });
});
