/** Whose fleet a folder is, by its settings and projects and those above it, each on a tree in memory. */
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/model/base/clock.ts';
import { configFiles } from '../../../src/desired/files/config-files.ts';
import { fleetIdentity, type FleetIdentity, type FleetRequest } from '../../../src/desired/discover/fleet-identity.ts';
import { said } from '../loading.ts';
import { memoryTree, type MemoryFiles } from '../memory-tree.ts';

interface Given {
  /** Folder of the config root. */
  readonly root?: string;
  readonly ignored?: readonly string[];
  /** Files in whose place stands what nobody reads. */
  readonly unread?: readonly string[];
  readonly operator?: FleetRequest['operator'];
}

function identity(
  files: MemoryFiles,
  { root = '', ignored = [], unread = [], operator }: Given = {},
): Promise<FleetIdentity> {
  const tree = memoryTree(files, { ignored, repositories: unread });
  const parsed = configFiles({ clock: systemClock, tree, root, documents: new Map() });
  return fleetIdentity({ tree, root, files: parsed, operator });
}

const project = (name: string, more = ''): string => `project: ${name}\nsource: { type: local }\n${more}`;

describe('the name', () => {
  it.each<readonly [string, MemoryFiles, Given, Partial<FleetIdentity>]>([
    ['nobody’s', {}, {}, { name: 'flycd', named: false, unwritten: undefined }],
    ['of the settings', { 'flycd.yaml': 'fleet: a\n' }, {}, { name: 'a', named: true, unwritten: 'flycd' }],
    ['of the project', { 'project.yaml': project('p', 'fleet: a\n') }, {}, { name: 'a', named: true, unwritten: 'p' }],
    ['a project’s own', { 'project.yaml': project('p') }, {}, { name: 'p', named: false, unwritten: undefined }],
    [
      'of the settings before the project',
      { 'flycd.yaml': 'fleet: a\n', 'project.yaml': project('p', 'fleet: b\n') },
      {},
      { name: 'a', named: true },
    ],
    ['given', { 'flycd.yaml': 'fleet: a\n' }, { operator: { fleet: 'b' } }, { name: 'b', named: true }],
    ['given, and no project’s fleet', { 'project.yaml': project('p', 'fleet: ""\n') }, {}, { name: 'p', named: false }],
    ['given, and no text', { 'project.yaml': project('p', 'fleet: [a]\n') }, {}, { name: 'p', named: false }],
    ['of no project', { 'project.toml': '[project]\nfleet = "a"\n' }, {}, { name: 'flycd', named: false }],
    ['of a folder above', { 'flycd.yaml': 'fleet: a\n' }, { root: 't' }, { name: 'a', named: false }],
    [
      'of a folder in it, beside another above',
      { 'flycd.yaml': 'fleet: a\n', 't/flycd.yaml': 'fleet: b\n' },
      { root: 't' },
      { name: 'b', named: true },
    ],
    [
      'of a folder that is a part of the one above',
      { 'flycd.yaml': 'fleet: a\n', 't/flycd.yaml': 'fleet: a\n' },
      { root: 't' },
      { name: 'a', named: false },
    ],
    [
      'given to what is a part of the one above',
      { 'flycd.yaml': 'fleet: a\n' },
      { root: 't', operator: { fleet: 'a' } },
      { name: 'a', named: false },
    ],
    [
      'of the project above',
      { 't/project.yaml': project('q'), 'project.yaml': project('p') },
      { root: 't' },
      { name: 'p' },
    ],
    ['of the only project', { 't/project.yaml': project('q') }, { root: 't' }, { name: 'q', named: false }],
  ])('%s', async (_whose, files, given, wanted) => {
    const found = await identity(files, given);
    expect(found).toMatchObject(wanted);
    expect(found.problems).toEqual([]);
  });
});

describe('the policy', () => {
  it('is that of the folder, else of the nearest above', async () => {
    const above = { 'flycd.yaml': 'fleet: a\nsync: { auto: false }\n' };
    expect((await identity(above, { root: 't' })).sync).toEqual({ auto: false });
    const both = { ...above, 't/flycd.yaml': 'sync: { auto: true }\n' };
    expect((await identity(both, { root: 't' })).sync).toEqual({ auto: true });
  });

  it('that can never act is said where it stands', async () => {
    const text = 'sync: { prune: [app] }\n';
    expect(said((await identity({ 'flycd.yaml': text })).problems)).toEqual([
      expect.stringMatching(
        /^flycd\.yaml:1:\d+: warning: sync\.prune\[0\]: app has no effect in a fleet without a name/,
      ),
    ]);
    expect((await identity({ 'flycd.yaml': text, 'project.yaml': project('p', 'fleet: a\n') })).problems).toEqual([]);
    expect(said((await identity({}, { operator: { sync: { prune: ['app'] } } })).problems)).toEqual([
      expect.stringMatching(/^flycd\.yaml: warning: sync\.prune\[0\]: app has no effect/),
    ]);
  });
});

describe('a file that nobody could use', () => {
  const unread = ['flycd.yml', 'project.yml'];
  const other = { 'flycd.yml': '', 'project.yml': '' };
  const saidOfOther = [
    /^flycd\.yml: error: it is another repository/,
    /^project\.yml: error: it is another repository/,
  ];

  it.each<readonly [string, MemoryFiles, readonly RegExp[]]>([
    ['nothing else', {}, []],
    ['settings that cannot be parsed', { 'flycd.yaml': 'fleet: [\n' }, [/^flycd\.yaml:\d+:\d+: error: /]],
    ['settings that say what there is not', { 'flycd.yaml': 'flet: a\n' }, [/^flycd\.yaml:1:1: error: flet: /]],
    ['settings with a key twice', { 'flycd.yaml': 'interval: 5m\ninterval: 5m\n' }, [/^flycd\.yaml:2:1: error: /]],
    [
      'settings under nearly the name',
      { 'flycd.ymal': 'fleet: a\n' },
      [/^flycd\.ymal: error: FlyCD reads no file of this name \(did you mean flycd\.yaml\?\)/],
    ],
    [
      'settings under two names',
      { 'flycd.yaml': 'fleet: a\n', 'flycd.toml': 'fleet = "b"\n' },
      [/^flycd\.toml: error: flycd settings stand here in several files/, /^flycd\.yaml: error: flycd settings stand/],
    ],
  ])('is said, beside one that is unread: %s', async (_what, files, wanted) => {
    const lines = async (more: MemoryFiles) => {
      const found = await identity({ ...files, ...more }, { unread });
      expect(found).toMatchObject({ name: 'flycd', named: false });
      return said(found.problems).toSorted();
    };
    const match = (all: readonly RegExp[]) => all.map((one): unknown => expect.stringMatching(one));
    expect(await lines({})).toEqual(match(wanted));
    expect(await lines(other)).toEqual(match([...wanted, ...saidOfOther]));
  });
});

describe('a file that git ignores', () => {
  const ignored = ['flycd.yaml', 'flycd.toml', 'project.yaml', 'project.toml'];
  const left = (path: string): unknown => expect.stringMatching(new RegExp(`^${path}: error: git ignores it`));
  const full = 'fleet: a\nsync: { auto: false }\n';

  it.each<readonly [string, MemoryFiles, Given, string | undefined]>([
    ['settings', { 'flycd.yaml': full }, {}, 'flycd.yaml'],
    ['settings that cannot be parsed', { 'flycd.toml': 'fleet = [\n' }, {}, 'flycd.toml'],
    ['settings that are unread', { 'flycd.yaml': '' }, { unread: ['flycd.yaml'] }, 'flycd.yaml'],
    ['settings of the operator’s own', { 'flycd.yaml': 'port: 1\n' }, {}, undefined],
    ['settings above', { 'flycd.yaml': full }, { root: 't' }, '../flycd.yaml'],
    ['a project above', { 'project.yaml': project('p') }, { root: 't' }, '../project.yaml'],
    ['a project above that cannot be parsed', { 'project.yaml': 'project: [\n' }, { root: 't' }, '../project.yaml'],
    ['a project, which the walk says', { 'project.yaml': project('p') }, {}, undefined],
    ['another tool’s project above', { 'project.toml': '[project]\nid = "x"\n' }, { root: 't' }, undefined],
  ])('%s', async (_what, files, given, path) => {
    const found = await identity(files, { ...given, ignored });
    expect(found).toMatchObject({ name: 'flycd', named: false, sync: undefined });
    expect(said(found.problems)).toEqual(path === undefined ? [] : [left(path)]);
  });

  it.each<readonly [string, string, FleetRequest['operator'], boolean]>([
    ['the same', full, { fleet: 'a', sync: { auto: false } }, true],
    [
      'the same, with more that is the operator’s',
      `${full}interval: 5m\n`,
      { fleet: 'a', sync: { auto: false } },
      true,
    ],
    ['the name alone', 'fleet: a\n', { fleet: 'a' }, true],
    ['the policy alone', 'sync: { auto: false }\n', { sync: { auto: false } }, true],
    ['another name', full, { fleet: 'b', sync: { auto: false } }, false],
    ['another policy', full, { fleet: 'a', sync: { auto: true } }, false],
    ['a policy more', full, { fleet: 'a' }, false],
    ['a name more', full, { sync: { auto: false } }, false],
    ['nothing of it', full, undefined, false],
    ['the first of two documents', 'fleet: a\n---\nfleet: b\n', { fleet: 'a' }, false],
    ['nothing, of settings that are wrong', 'fleet: [a]\nsync: 5\n', undefined, false],
    ['nothing, of settings that cannot be parsed', 'fleet: [\n', undefined, false],
  ])('is the operator’s where that gives %s', async (_what, text, operator, isSame) => {
    const { problems } = await identity({ 'flycd.yaml': text }, { ignored, operator });
    expect(said(problems)).toEqual(isSame ? [] : [left('flycd.yaml')]);
  });
});
