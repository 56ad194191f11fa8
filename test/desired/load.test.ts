import { describe, expect, it } from 'vitest';
import { createDesiredLoader } from '../../src/desired/load.ts';
import { systemClock } from '../../src/model/base/clock.ts';
import { Fault } from '../../src/model/base/fault.ts';
import type { Tree } from '../../src/sources/tree/tree.ts';
import { appYaml, errorsOf, load, said } from './loading.ts';
import { memoryMirrors, memoryTree, type MemoryFiles } from './memory-tree.ts';

const project = (name: string, more = ''): string => `project: ${name}\nsource:\n  type: local\n${more}`;
const app = { 'a/app.yaml': appYaml('web') };

describe('the fleet’s name', () => {
  const identity = async (files: MemoryFiles, path = '', fleet?: string) => {
    const loaded = await load(files, { path, settings: { fleet } });
    expect(errorsOf(loaded)).toStrictEqual([]);
    return { name: loaded.name, named: loaded.named };
  };

  it.each([
    ['flycd where nobody names it', app, { name: 'flycd', named: false }],
    ['the root project’s', { ...app, 'project.yaml': project('shop') }, { name: 'shop', named: false }],
    ['not an inner project’s', { ...app, 'a/project.yaml': project('inner') }, { name: 'flycd', named: false }],
    [
      'fleet of the root project',
      { ...app, 'project.yaml': project('shop', 'fleet: acme\n') },
      { name: 'acme', named: true },
    ],
    [
      'fleet of flycd.yaml wins',
      { ...app, 'project.yaml': project('shop', 'fleet: acme\n'), 'flycd.yaml': 'fleet: first\n' },
      { name: 'first', named: true },
    ],
  ])('%s', async (_what, files, expected) => {
    expect(await identity(files)).toStrictEqual(expected);
  });

  it('the operator’s wins over all', async () => {
    expect(await identity({ ...app, 'flycd.yaml': 'fleet: first\n' }, '', 'mine')).toStrictEqual({
      name: 'mine',
      named: true,
    });
  });

  it('is the same for a folder further in, but gives no leave to look for orphans there', async () => {
    const files = { ...app, 'flycd.yaml': 'fleet: acme\nsync: { auto: false }\n' };
    expect(await identity(files, 'a')).toStrictEqual({ name: 'acme', named: false });
    const loaded = await load(files, { path: 'a/app.yaml' });
    expect(loaded.apps[0]?.policy.auto).toBe(false);
    expect(await identity({ ...app, 'project.yaml': project('shop') }, 'a')).toStrictEqual({
      name: 'shop',
      named: false,
    });
  });

  it.each([
    ['its own flycd.yaml', { 'a/flycd.yaml': 'fleet: acme\n' }, undefined],
    ['its own project', { 'a/project.yaml': project('inner', 'fleet: acme\n') }, undefined],
    ['the operator', {}, 'acme'],
  ])('gives no leave to a part of the fleet that is named the same by %s', async (_what, more, operator) => {
    const files = { ...app, 'flycd.yaml': 'fleet: acme\n', ...more };
    expect(await identity(files, 'a', operator)).toStrictEqual({ name: 'acme', named: false });
    expect(await identity(files, '', operator)).toStrictEqual({ name: 'acme', named: true });
  });

  it('is read from the folder given, where that is the config root of a larger repo', async () => {
    expect(
      await identity({ 'conf/app.yaml': appYaml('web'), 'conf/flycd.yaml': 'fleet: inner\n' }, 'conf'),
    ).toStrictEqual({ name: 'inner', named: true });
  });
});

describe('a flycd.yaml that cannot be read', () => {
  it.each([
    [
      'a slip in what could be a freeze',
      'snyc:\n  auto: false\n',
      'flycd.yaml:1:1: error: snyc: FlyCD has no field "snyc" here (did you mean sync?)',
    ],
    ['broken YAML', 'fleet: [\n', 'flycd.yaml:2:1: error: not valid YAML'],
    [
      'a window with a slip',
      'sync:\n  windws: []\n',
      'flycd.yaml:2:3: error: sync.windws: FlyCD has no field "windws" here',
    ],
  ])('%s plans nothing', async (_what, text, expected) => {
    const fleet = await load({ ...app, 'flycd.yaml': text });
    expect(fleet.apps).toStrictEqual([]);
    expect(fleet.invalid).toStrictEqual([{ name: 'web', file: 'a/app.yaml' }]);
    expect(fleet.whole).toBe(false);
    expect(errorsOf(fleet)[0]).toContain(expected);
  });
});

describe('one bad file', () => {
  it('spoils one app', async () => {
    const fleet = await load({ ...app, 'b/app.yaml': 'app: bad\nprimary_region: arn\n' });
    expect(fleet.apps.map(({ name }) => name)).toStrictEqual(['web']);
    expect(fleet.invalid).toStrictEqual([{ name: 'bad', file: 'b/app.yaml' }]);
    expect(fleet.whole).toBe(true);
  });

  it('whose name can be told at a glance is known by it; what else it would say nobody knows', async () => {
    const fleet = await load({ ...app, 'b/app.yaml': 'app: &x "bad" # mine\nenv: [\n' });
    expect(fleet.invalid).toStrictEqual([{ name: 'bad', file: 'b/app.yaml' }]);
    expect(fleet.whole).toBe(false);
  });

  it('without a name leaves open which app is meant: nothing is an orphan then', async () => {
    const fleet = await load({ ...app, 'b/app.yaml': '[\n' });
    expect(fleet.invalid).toStrictEqual([{ name: undefined, file: 'b/app.yaml' }]);
    expect(fleet.whole).toBe(false);
  });
});

describe('two files that claim one app', () => {
  it('are both invalid, and both named', async () => {
    const fleet = await load({
      ...app,
      'b/app.yaml': appYaml('web', 'env: { A: b }\n'),
      'c/app.yaml': appYaml('other'),
    });
    expect(fleet.apps.map(({ name }) => name)).toStrictEqual(['other']);
    expect(fleet.invalid.map(({ file }) => file)).toStrictEqual(['a/app.yaml', 'b/app.yaml']);
    expect(errorsOf(fleet)).toStrictEqual([
      'a/app.yaml:1:6: error: app: web is claimed by b/app.yaml too (give one of them another name)',
      'b/app.yaml:1:6: error: app: web is claimed by a/app.yaml too (give one of them another name)',
    ]);
    // Which app the other file was about before is not known: none is gone for it.
    expect(fleet.whole).toBe(false);
  });

  it('also where the texts are alike, differ in case, or stand in one folder', async () => {
    const files = { ...app, 'b/app.yaml': appYaml('web') };
    expect(errorsOf(await load(files))).toHaveLength(2);
    expect(errorsOf(await load({ ...app, 'b/app.yaml': appYaml('WEB') }))).toHaveLength(3); // and WEB is no name
    expect(errorsOf(await load({ ...app, 'a/app.yml': appYaml('web', 'env: {}\n') }))).toHaveLength(2);
  });

  it('one file reached on two ways is fine', async () => {
    const fleet = await load({ 'project.yaml': project('p', 'common:\n  app_defaults:\n    env: { A: b }\n'), ...app });
    expect(said(fleet.problems)).toStrictEqual([]);
    expect(fleet.apps.map(({ name, projects }) => ({ name, projects }))).toStrictEqual([
      { name: 'web', projects: ['p'] },
    ]);
  });

  it('an app that its project spoils is not taken without it', async () => {
    const fleet = await load({
      'project.yaml': project('p', 'common:\n  app_overrides:\n    machines: { count: x }\n'),
      ...app,
    });
    expect(fleet.apps).toStrictEqual([]);
    expect(fleet.invalid).toStrictEqual([{ name: 'web', file: 'a/app.yaml' }]);
  });
});

describe('what is followed', () => {
  it('is the config repo, projects’ repos and apps’ repos, not pinned commits', async () => {
    const far = memoryTree(
      {
        'app.yaml':
          'app: far\nprimary_region: arn\nsource: { type: git, repo: "https://e.com/code", ref: { tag: v1 } }\n',
      },
      { name: 'https://e.com/far' },
    );
    const code = memoryTree({ Dockerfile: '' }, { name: 'https://e.com/code' });
    const mirrors = memoryMirrors({ 'https://e.com/far': far, 'https://e.com/code': code });
    const files = {
      'project.yaml': 'project: p\nsource: { type: git, repo: "https://e.com/far" }\n',
      'pinned/app.yaml':
        'app: pinned\nprimary_region: arn\nsource: { type: git, repo: "https://e.com/code", ref: { commit: c1 } }\n',
    };
    const fleet = await load(files, { mirrors, configRepo: { repo: 'https://e.com/config', ref: 'main' } });
    expect(errorsOf(fleet)).toStrictEqual([]);
    expect(fleet.followed).toStrictEqual([
      { repo: 'https://e.com/config', ref: 'main', app: undefined },
      { repo: 'https://e.com/far', ref: 'HEAD', app: undefined },
      { repo: 'https://e.com/code', ref: 'v1', app: 'far' },
    ]);
  });
});

describe('a tree that fails', () => {
  const failing = (part: 'list' | 'read' | 'id'): Tree => {
    const tree = memoryTree({ ...app, 'flycd.yaml': 'fleet: x\n' });
    return { ...tree, [part]: () => Promise.reject(new Fault({ kind: 'transient', what: 'the disk is gone' })) };
  };

  it.each(['list', 'read', 'id'] as const)('in %s is a problem, and nothing is an orphan', async (part) => {
    const fleet = await load({}, { tree: failing(part) });
    expect(fleet.apps).toStrictEqual([]);
    expect(errorsOf(fleet).join('\n')).toContain('the disk is gone');
    expect(fleet.whole).toBe(false);
  });
});

describe('a second load', () => {
  const files: Record<string, string> = {
    'project.yaml': project('p', 'common:\n  app_defaults:\n    env: { A: b }\n'),
    'a/app.yaml': appYaml('web'),
    'b/app.yaml': appYaml('api'),
  };

  const loads = () => {
    const loader = createDesiredLoader({ clock: systemClock });
    return async (changed: Record<string, string>, more: Parameters<typeof load>[1] = {}) => {
      const tree = memoryTree({ ...files, ...changed });
      const fleet = await load({}, { loader, tree, ...more });
      const [api, web] = fleet.apps;
      return { fleet, api, web, reads: tree.reads.count };
    };
  };

  it('reads only what changed, and composes only that', async () => {
    const next = loads();
    const first = await next({});
    expect(first.reads).toBe(3);
    const same = await next({});
    expect(same.reads).toBe(0);
    expect(same.web).toBe(first.web);
    const changed = await next({ 'a/app.yaml': appYaml('web', 'env: { C: d }\n') });
    expect(changed.reads).toBe(1);
    expect(changed.api).toBe(first.api);
    expect(changed.web?.groups[0]?.configVersion).not.toBe(first.web?.groups[0]?.configVersion);
  });

  it.each([
    ['a project', { 'project.yaml': project('p', 'common:\n  app_defaults:\n    env: { A: c }\n') }, {}],
    ['the fleet’s policy', { 'flycd.yaml': 'sync: { auto: false }\n' }, {}],
    ['a digest', {}, { resolveImage: async () => `sha256:${'b'.repeat(64)}` }],
    ['the operator’s policy', {}, { settings: { sync: { drift: 'off' as const } } }],
  ])('sees that %s changed', async (_what, changed, more) => {
    const next = loads();
    const first = await next({});
    const second = await next(changed, more);
    expect(second.web).not.toStrictEqual(first.web);
    expect(second.api).not.toStrictEqual(first.api);
  });

  it('says the same problems again', async () => {
    const next = loads();
    const broken = { 'a/app.yaml': appYaml('web', 'machines: { count: x }\n'), 'b/app.yaml': 'app: [\n' };
    const first = await next(broken);
    expect(first.fleet.problems.length).toBeGreaterThan(1);
    expect((await next(broken)).fleet.problems).toStrictEqual(first.fleet.problems);
  });
});
