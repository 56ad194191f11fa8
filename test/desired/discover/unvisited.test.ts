/** What of a tree in memory nobody read, and whether that may be an app's: rule by rule. */
import { describe, expect, it } from 'vitest';
import type { DesiredFleet } from '../../../src/model/desired.ts';
import type { Tree } from '../../../src/sources/tree/tree.ts';
import { appYaml, load, said } from '../loading.ts';
import { memoryTree, type MemoryFiles } from '../memory-tree.ts';

const settings = { 'flycd.yaml': 'fleet: acme\n' };
/** Beside its folder `projects` nobody looks. */
const front = { ...settings, 'projects/x/app.yaml': appYaml('x') };
const project = 'project: side\nsource: { type: local }\n';

/** What is said, by file, of a fleet that is not whole for it. */
function unread(fleet: DesiredFleet): readonly string[] {
  expect(fleet.whole).toBe(fleet.problems.length === 0);
  return said(fleet.problems);
}

const withTree = (files: MemoryFiles, change: (tree: Tree) => Partial<Tree>): Promise<DesiredFleet> => {
  const tree = memoryTree(files);
  return load({}, { tree: { ...tree, ...change(tree) } });
};

describe('beside a folder projects', () => {
  it.each<readonly [string, string]>([
    ['app.yaml', appYaml('side')],
    ['app.toml', 'app = "side"\n'],
    ['app.yaml', 'env: [\n'],
    ['app.json', '{ "app": "side" }'],
    ['project.yaml', project],
    ['project.json', '{ "project": "side", "source": {} }'],
    ['project.yaml', 'project: [\n'],
    ['App.yaml', appYaml('side')],
    ['app.ymal', 'env: [\n'],
    ['app.ymal', appYaml('side')],
    ['ap.yaml', appYaml('side')],
    ['Project.yaml', project],
    ['app.tmol', 'app = "side"\n'],
    ['App.yaml/x/app.yaml', appYaml('side')],
  ])('is one that may be an app’s: %s, %j', async (name, text) => {
    expect(unread(await load({ ...front, [`side/${name}`]: text }))).toEqual([
      expect.stringMatching(
        new RegExp(
          `^side/${name}: warning: beside the folder projects no apps .*\\(move it into projects, let a project`,
        ),
      ),
    ]);
  });

  it.each<readonly [string, string]>([
    ['app.yaml', 'runtime: python39\n'],
    ['app.json', '{ "expo": {} }'],
    ['project.json', '{ "name": "web" }'],
    ['app.ymal', 'runtime: python39\n'],
    ['ap.yaml', 'env: [\n'],
    ['values.yaml', 'app: x\n'],
    ['flycd.yaml', 'fleet: other\n'],
    ['flycd.ymal', 'fleet: other\n'],
    ['Flycd.yaml', 'fleet: other\n'],
    ['node_modules/x/app.yaml', appYaml('side')],
    ['.git/app.yaml', appYaml('side')],
  ])('is one that is none: %s, %j', async (name, text) => {
    const fleet = await load({ ...front, [`side/${name}`]: text });
    expect(unread(fleet)).toEqual([]);
    expect((await fleet.mentions?.of('side', {}))?.file).toBeUndefined();
  });

  it('a file of nearly the name is not said where one of its kind stands beside it', async () => {
    const twins = { 'side/app.yaml': appYaml('side'), 'side/App.yaml': appYaml('side'), 'side/app.ymal': '' };
    expect(unread(await load({ ...front, ...twins }))).toEqual([expect.stringMatching(/^side\/app\.yaml: /)]);
    const other = { 'side/project.yaml': project, 'side/App.yaml': appYaml('side') };
    expect(unread(await load({ ...front, ...other }))).toHaveLength(2);
  });

  it('what was put away is kept for later, and stops nothing', async () => {
    const fleet = await load({ ...front, 'side/app.yaml.bak': appYaml('side') });
    expect(unread(fleet)).toEqual([]);
    expect((await fleet.mentions?.of('side', {}))?.file).toBe('side/app.yaml.bak');
  });

  it('what git ignores is no part of it', async () => {
    const fleet = await withTree({ ...front, 'side/app.yaml': appYaml('side') }, (tree) => ({
      list: async (folder) =>
        (await tree.list(folder)).map((entry) =>
          entry.path === 'side/app.yaml' ? { ...entry, ignored: true } : entry,
        ),
    }));
    expect(unread(fleet)).toEqual([]);
  });

  it('a folder that cannot be listed is said', async () => {
    const fleet = await withTree({ ...front, 'side/app.yaml': appYaml('side') }, (tree) => ({
      list: (folder) => (folder === 'side' ? Promise.reject(new Error('no such device')) : tree.list(folder)),
    }));
    expect(unread(fleet)).toEqual([expect.stringMatching(/^side: warning: .*: no app is removed/)]);
  });

  it.each<readonly [string, number, number]>([
    ['all of twenty', 20, 20],
    ['the first twenty of more', 21, 21],
  ])('are told: %s', async (_what, count, lines) => {
    const many = Array.from(
      { length: count },
      (_one, index) => [`side/${index}/app.yaml`, appYaml(`x${index}`)] as const,
    );
    const fleet = await load({ ...front, ...Object.fromEntries(many), 'zz/app.yaml': 'runtime: python39\n' });
    expect(unread(fleet)).toHaveLength(lines);
    expect(unread(fleet).some((text) => text.startsWith('.: warning: more than 20 files'))).toBe(count > 20);
  });

  it('a folder that is too deep is said once', async () => {
    const fleet = await load({ ...front, [`side/${'d/'.repeat(64)}app.yaml`]: appYaml('deep') });
    expect(unread(fleet)).toEqual([
      expect.stringMatching(/^side\/d.*: warning: there are too many folders, or too deep ones/),
    ]);
    const less = await load({ ...front, [`side/${'d/'.repeat(63)}app.yaml`]: appYaml('deep') });
    expect(unread(less)).toEqual([expect.stringContaining('beside the folder projects')]);
  });
});

describe('what is not looked for', () => {
  it.each<readonly [string, MemoryFiles]>([
    ['of a fleet that nobody named', { 'projects/x/app.yaml': appYaml('x'), 'side/app.yaml': appYaml('side') }],
    ['of a fleet that is whole', front],
  ])('%s', async (_what, files) => {
    expect(await load(files)).toMatchObject({ whole: true, problems: [] });
  });

  it('where the fleet is not whole anyhow: nothing is gone as it is', async () => {
    const fleet = await load({ ...front, 'side/app.yaml': appYaml('side'), 'projects/y/app.ymal': '' });
    expect(said(fleet.problems)).toEqual([expect.stringMatching(/^projects\/y\/app\.ymal: /)]);
  });

  it('what a project says holds no apps', async () => {
    const ignoring = { ...front, 'project.yaml': `${project}ignore: [side]\n`, 'side/app.yaml': appYaml('side') };
    expect(unread(await load(ignoring))).toEqual([]);
  });
});

describe('a link', () => {
  const many = Array.from({ length: 501 }, (_one, index) => [`a/notes/${index}.md`, ''] as const);
  const whole = { ...settings, 'a/x/app.yaml': appYaml('x') };
  const inside = (files: MemoryFiles): Promise<DesiredFleet> => load({ ...whole, ...files });

  it('leads to an app that is not read: the link is said', async () => {
    const fleet = await inside({ 'node_modules/y/app.yaml': appYaml('y'), 'a/way': { link: 'node_modules' } });
    expect(unread(fleet)).toEqual([
      expect.stringMatching(
        /^a\/way: warning: it is a link that leads to node_modules\/y\/app\.yaml, which is not read: .*let a project name/,
      ),
    ]);
  });

  it('is looked behind wherever nobody looks beside a folder projects', async () => {
    const fleet = await inside({
      'b/projects/z/app.yaml': appYaml('z'),
      'node_modules/y/app.yaml': appYaml('y'),
      'a/way': { link: 'node_modules' },
    });
    expect(unread(fleet)).toEqual([expect.stringMatching(/^a\/way: warning: it is a link that leads to/)]);
  });

  it('and one in it to another: the last of them', async () => {
    const files = {
      'node_modules/n/deep/y/app.yaml': appYaml('y'),
      'node_modules/m/on': { link: 'node_modules/n/deep' },
    };
    const fleet = await inside({ ...files, 'a/way': { link: 'node_modules/m' } });
    expect(unread(fleet)).toEqual([expect.stringContaining('is a link that leads to node_modules/n/deep/y/app.yaml')]);
  });

  it.each<readonly [string, MemoryFiles]>([
    ['to what is read where it stands', { 'b/way': { link: 'a' } }],
    ['to nothing, behind another', { 'node_modules/m/on': { link: 'gone' }, 'a/way': { link: 'node_modules/m' } }],
    ['beside a folder projects', { 'a/projects/z/app.yaml': appYaml('z'), 'a/y/way': { link: 'gone' } }],
    ['of which there are as many as other files', Object.fromEntries(many)],
    ['to what is no app', { 'node_modules/y/app.yaml': 'runtime: python39\n', 'a/way': { link: 'node_modules' } }],
  ])('that is no reason: %s', async (_what, files) => {
    const fleet = await inside(files);
    expect(said(fleet.problems).filter((text) => !text.startsWith('a/x/'))).toEqual([]);
  });
});
