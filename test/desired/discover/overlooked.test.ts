/** What stands beside what is read, rule by rule on trees in memory: where an app may be in it, none is gone. */
import { describe, expect, it } from 'vitest';
import type { DesiredFleet } from '../../../src/model/desired.ts';
import { appYaml, load, said } from '../loading.ts';
import { memoryTree, type MemoryFiles, type MemoryTree } from '../memory-tree.ts';

const front = { 'flycd.yaml': 'fleet: acme\n', 'front/app.yaml': appYaml('front') };
const project = (more = ''): string => `project: p\nsource: { type: local }\n${more}`;
const names = ({ apps }: DesiredFleet): readonly string[] => apps.map(({ name }) => name);

interface Stands {
  readonly ignored?: readonly string[];
  readonly repositories?: readonly string[];
  readonly change?: (tree: MemoryTree) => Partial<MemoryTree>;
}

function found(files: MemoryFiles, { change, ...stands }: Stands = {}): Promise<DesiredFleet> {
  const tree = memoryTree({ ...front, ...files }, stands);
  return load({}, { tree: { ...tree, ...change?.(tree) } });
}

/** Nothing is said, and what is not found may be gone. */
async function expectNothing(files: MemoryFiles, stands: Stands = {}): Promise<void> {
  const fleet = await found(files, stands);
  expect(said(fleet.problems)).toEqual([]);
  expect([fleet.whole, names(fleet)]).toEqual([true, ['front']]);
}

/** This is said alone, and nothing is gone. */
async function expectSaid(line: RegExp, files: MemoryFiles, stands: Stands = {}): Promise<void> {
  const fleet = await found(files, stands);
  expect(said(fleet.problems)).toEqual([expect.stringMatching(line)]);
  expect([fleet.whole, names(fleet)]).toEqual([false, ['front']]);
}

describe('what git ignores', () => {
  it.each<readonly [string, MemoryFiles, readonly string[]]>([
    ['a folder', { 'x/y/app.yaml': appYaml('x') }, ['x']],
    ['a folder by the name of a file', { 'x/app.yaml/app.yaml': appYaml('x') }, ['x/app.yaml']],
    ['another file', { 'x/notes.md': '' }, ['x/notes.md']],
    ['a link that is no file of ours', { 'x/way': { link: 'gone' } }, ['x/way']],
  ])('is none of it: %s', async (_what, files, ignored) => {
    await expectNothing(files, { ignored });
  });

  it('is none of it: a repository by the name of a file', async () => {
    await expectNothing({ 'x/app.yaml': '' }, { ignored: ['x/app.yaml'], repositories: ['x/app.yaml'] });
  });

  it.each<readonly [string, MemoryFiles]>([
    ['file', { 'x/app.yaml': appYaml('x') }],
    ['link', { 'x/app.yaml': { link: 'front/app.yaml' } }],
  ])('keeps the app of a %s', async (_what, files) => {
    await expectSaid(/^x\/app\.yaml: warning: git ignores it .*: it is not read, and no app is removed/, files, {
      ignored: ['x/app.yaml'],
    });
  });

  it('stops the apps of a project', async () => {
    const files = { 'x/project.yaml': project('sync: { auto: false }\n'), 'x/y/app.yaml': appYaml('y') };
    await expectSaid(/^x\/project\.yaml: error: git ignores it/, files, { ignored: ['x/project.yaml'] });
  });
});

describe('another repository', () => {
  const stands = { repositories: ['x/lib'] };

  it('is said, since nobody knows what is in it', async () => {
    await expectSaid(/^x\/lib: error: it is another repository/, { 'x/lib': '' }, stands);
    await expectSaid(
      /^x\/App\.yaml: error: it is another repository/,
      { 'x/App.yaml': '' },
      { repositories: ['x/App.yaml'] },
    );
  });

  it('is not where a project says that it holds no apps', async () => {
    await expectNothing({ 'project.yaml': project('ignore: [x/lib]\n'), 'x/lib': '' }, stands);
  });
});

describe('a link', () => {
  const to = (target: string): MemoryFiles => ({ 'x/way': { link: target } });
  /** As real trees do, lists through the link. */
  const listing = (paths: readonly string[]): Stands => ({
    change: (tree) => ({
      list: async (folder) =>
        folder === 'x/way'
          ? paths.map((path) => ({ path: `x/way/${path}`, kind: 'file', size: 1 }))
          : tree.list(folder),
      id: async (path) => (path === 'x/way' && paths.length > 0 ? undefined : tree.id(path)),
    }),
  });

  it.each<readonly [string, readonly string[]]>([
    ['an app', ['app.yaml']],
    ['a project, beside another file', ['notes.md', 'project.yaml']],
  ])('to a folder with %s is said', async (_what, paths) => {
    await expectSaid(
      /^x\/way: warning: it is a link to a folder, in which no apps are looked for: .*\(let a project name that folder/,
      to('front'),
      listing(paths),
    );
  });

  const gone = (tree: MemoryTree): Partial<MemoryTree> => ({
    id: (path) => (path === 'x/way' ? Promise.resolve(undefined) : tree.id(path)),
  });
  const refused = (): Promise<never> => Promise.reject(new Error('too many links'));
  it.each<readonly [string, Stands]>([
    ['to nothing', {}],
    ['that leads out', { change: (tree) => ({ id: (path) => (path === 'x/way' ? refused() : tree.id(path)) }) }],
    ['in a circle', { change: (tree) => ({ list: (path) => (path === 'x/way' ? refused() : tree.list(path)) }) }],
  ])('%s is said', async (_what, { change = () => ({}) }) => {
    const absent = (tree: MemoryTree): Partial<MemoryTree> => ({ ...gone(tree), ...change(tree) });
    const line = /^x\/way: warning: it is a link that leads out of the repo or nowhere/;
    await expectSaid(line, to('gone'), { change: absent });
  });

  it('to a folder without apps, or to a file, is no reason', async () => {
    await expectNothing({ ...to('docs'), 'docs/notes.md': '' }, listing(['notes.md']));
    await expectNothing({ ...to('docs.md'), 'docs.md': '' });
  });

  it('is no reason where a project says that it holds no apps', async () => {
    await expectNothing({ ...to('gone'), 'project.yaml': project('ignore: [x]\n') }, { change: gone });
  });

  it('of more than five hundred is not looked behind', async () => {
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_one, index) => [`x/${index}`, { link: 'front/app.yaml' }]));
    await expectNothing(many(500));
    await expectSaid(
      /^\.: warning: more than 500 links: what they lead to is unknown/,
      {
        ...many(500),
        ...to('gone'),
      },
      { change: gone },
    );
  });
});

describe('a file of nearly the name', () => {
  it.each<readonly [string, MemoryFiles]>([
    ['of an app that a project says is none', { 'project.yaml': project('ignore: [x]\n'), 'x/App.yaml': appYaml('x') }],
    ['that says app of a table', { 'x/ap.yaml': 'app: { a: b }\n', 'y/app.json': '{ "app": { "a": "b" } }' }],
    ['of settings that say other things', { 'flycdd.yaml': 'other: 1\n' }],
    ['of settings that is a folder', { 'flycd.ymal/x': 'fleet: a\n' }],
    ['that cannot be read', { 'x/ap.yaml': 'app: x\n' }],
    ['of a project that was put away beside one', { 'project.yaml': project(), 'project.yaml.bak': project() }],
  ])('is none: %s', async (what, files) => {
    const fails = what === 'that cannot be read';
    const change = (tree: MemoryTree): Partial<MemoryTree> => ({
      read: (path, max) =>
        fails && path === 'x/ap.yaml' ? Promise.reject(new Error('no such device')) : tree.read(path, max),
    });
    await expectNothing(files, { change });
  });

  it.each<readonly [string, RegExp, MemoryFiles]>([
    [
      'a slip, of an app',
      /^x\/App\.yaml: warning: FlyCD reads no file of this name \(rename it to app\.yaml/,
      { 'x/App.yaml': appYaml('x') },
    ],
    ['a space', /name \(U\+0020 is in it\) \(rename it/, { 'x/app.yaml ': appYaml('x') }],
    [
      'a slip that says nothing, of a project',
      /^x\/Project\.yaml: warning: .*no app until then/,
      { 'x/Project.yaml': 'a: b\n' },
    ],
    [
      'one that was put away, of a project',
      /^x\/project\.yaml\.bak: warning: .*no app until then/,
      { 'x/project.yaml.bak': project() },
    ],
  ])('keeps every app: %s', async (_what, line, files) => {
    await expectSaid(line, files);
  });

  it('of a project, which says so, stops the apps below it', async () => {
    const files = { 'x/Project.yaml': project(), 'x/y/app.yaml': appYaml('y') };
    await expectSaid(/^x\/Project\.yaml: error: FlyCD reads no file of this name/, files);
  });

  it('that cannot be read is said where its name alone tells', async () => {
    const change = (tree: MemoryTree): Partial<MemoryTree> => ({
      read: (path, max) => (path === 'x/App.yaml' ? Promise.reject(new Error('no such device')) : tree.read(path, max)),
    });
    await expectSaid(/^x\/App\.yaml: warning: FlyCD reads no file/, { 'x/App.yaml': appYaml('x') }, { change });
  });

  it.each<readonly [string, MemoryFiles, readonly string[]]>([
    ['of settings further in', { 'x/flycd.ymal': 'fleet: x\n' }, ['x/flycd.ymal']],
    ['of an app beside one', { 'front/App.yaml': appYaml('x') }, ['front/App.yaml']],
    ['but for what an editor keeps', { 'front/App.yaml~': appYaml('x'), 'front/app.yaml.bak': appYaml('x') }, []],
  ])('is said, and stops nothing: %s', async (_what, files, paths) => {
    const fleet = await found(files);
    expect([fleet.whole, names(fleet)]).toEqual([true, ['front']]);
    expect(
      fleet.problems.map(({ file, severity, hint }) => [file, severity, hint?.startsWith('did you mean')]),
    ).toEqual(paths.map((path) => [path, 'warning', true]));
  });

  it.each<readonly [string, MemoryFiles, boolean]>([
    ['with a freeze', { 'flycd.ymal': 'sync: { auto: false }\n' }, true],
    ['with a name, and what cannot be parsed', { 'flycdd.yaml': 'fleet: a\nenv: [\n' }, true],
    ['by a link', { 'flycd.ymal': { link: 'real' }, real: 'fleet: a\n' }, true],
    ['with other things', { 'flycd.ymal': 'other: 1\n' }, false],
    ['with a list', { 'flycdd.yaml': 'fleet: [a]\n' }, true],
    ['as a folder', { 'flycd.ymal/x': 'fleet: a\n' }, false],
    ['of an app, beside it', { 'app.ymal': 'sync: { auto: false }\n' }, false],
  ])('of the fleet’s settings, where there are no others, stops all of it: %s', async (_what, files, stops) => {
    expect(names(await load({ 'front/app.yaml': appYaml('front'), ...files }))).toEqual(stops ? [] : ['front']);
  });
});

describe('an app.yaml that was put away', () => {
  it.each<readonly [string, MemoryFiles, readonly (readonly [string, string])[]]>([
    [
      'with a source',
      { 'x/app.yaml.bak': `${appYaml('lonely')}source: { type: local }\n` },
      [['lonely', 'x/app.yaml.bak']],
    ],
    ['with spaces about its name', { 'x/app.yaml.bak': 'app: " Lonely "\n' }, [['lonely', 'x/app.yaml.bak']]],
    [
      'by what all projects above it substitute',
      {
        'project.yaml': project('common: { substitutions: { ONE: first } }\n'),
        'in/project.yaml': 'project: q\nsource: { type: local }\ncommon: { substitutions: { TWO: second } }\n',
        'in/x/app.yaml': appYaml('x'),
        'in/y/app.yaml.bak': 'app: lonely-ONE-TWO\n',
      },
      [['lonely-first-second', 'in/y/app.yaml.bak']],
    ],
  ])('keeps its app: %s', async (_what, files, kept) => {
    const fleet = await found(files);
    expect(fleet).toMatchObject({ whole: true, problems: [] });
    for (const [app, file] of kept) expect((await fleet.mentions?.of(app, {}))?.file).toBe(file);
  });

  it('that cannot be read is no answer, and is read again for the next', async () => {
    const broken = { isSo: true };
    const change = (tree: MemoryTree): Partial<MemoryTree> => ({
      read: (path, max) =>
        broken.isSo && path === 'x/app.yaml.bak' ? Promise.reject(new Error('no such device')) : tree.read(path, max),
    });
    const fleet = await found({ 'x/app.yaml.bak': appYaml('lonely') }, { change });
    expect(fleet).toMatchObject({ whole: true, problems: [] });
    await expect(fleet.mentions?.of('lonely', {})).rejects.toThrow('no such device');
    broken.isSo = false;
    expect((await fleet.mentions?.of('lonely', {}))?.file).toBe('x/app.yaml.bak');
    expect((await fleet.mentions?.of('front', {}))?.file).toBeUndefined();
  });
});
