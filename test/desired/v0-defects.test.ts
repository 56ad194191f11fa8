/** What v0 did wrong with config, each held apart from what we do. */
import { describe, expect, it } from 'vitest';
import { appYaml, errorsOf, load } from './loading.ts';
import type { MemoryFiles } from './memory-tree.ts';

async function versions(files: MemoryFiles) {
  const fleet = await load(files);
  expect(errorsOf(fleet)).toStrictEqual([]);
  const [app] = fleet.apps;
  return { config: app?.groups.map(({ configVersion }) => configVersion), app: app?.appVersion, inputs: app?.inputs };
}

const project = (common: string): string => `project: p\nsource:\n  type: local\ncommon:\n${common}`;

describe('the config version', () => {
  const base = {
    'project.yaml': project('  app_defaults:\n    env: { A: "1" }\n'),
    'a/app.yaml': appYaml('web', 'http_service:\n  internal_port: 80\n'),
  };

  it('moves with a parent project', async () => {
    const changed = { ...base, 'project.yaml': project('  app_defaults:\n    env: { A: "2" }\n') };
    expect((await versions(changed)).config).not.toStrictEqual((await versions(base)).config);
  });

  it.each([
    ['an edited README', { 'a/README.md': 'new' }],
    ['a comment', { 'a/app.yaml': `# new\n${base['a/app.yaml']}` }],
    [
      'another order',
      {
        'a/app.yaml':
          'http_service:\n  internal_port: 80\nbuild:\n  image: nginx:1.27\nprimary_region: arn\napp: web\n',
      },
    ],
  ])('does not move with %s', async (_what, more) => {
    expect(await versions({ ...base, ...more })).toStrictEqual(await versions(base));
  });

  it('does not move with the same value moved from the app to its project; what git says does', async () => {
    const common = '  app_defaults:\n    env: { A: "1" }\n    http_service:\n      internal_port: 80\n';
    const { inputs: moved, ...after } = await versions({ ...base, 'project.yaml': project(common) });
    const { inputs, ...before } = await versions(base);
    expect(after).toStrictEqual(before);
    expect(moved).not.toBe(inputs);
  });

  it.each([
    ['counts', 'machines: { count: 3 }\n'],
    ['timeouts and strategies', 'deploy: { strategy: immediate, wait_timeout: 1m }\n'],
    ['addresses', 'network: { ips: [{ v: v6 }] }\n'],
    ['policy', 'sync: { drift: "off" }\n'],
    ['secrets', 'secrets: [{ name: A, type: env }]\n'],
  ])('nor with %s', async (_what, more) => {
    const changed = { ...base, 'a/app.yaml': base['a/app.yaml'] + more };
    expect((await versions(changed)).config).toStrictEqual((await versions(base)).config);
  });
});

describe('paths of the host', () => {
  it.each([
    ['source.path', 'source: { type: local, path: /etc }\n'],
    ['source.path', 'source: { type: local, path: ../../etc }\n'],
    ['source.path', 'source: { type: local, path: "C:/Windows" }\n'],
    ['source.path', 'source: { type: git, repo: "https://e.com/x", path: ../up }\n'],
    ['source.watch[0]', 'source: { type: local, watch: [/etc/passwd] }\n'],
    ['merge_cfg.include[0]', 'source: { type: local }\nmerge_cfg: { include: [/etc/passwd] }\n'],
    ['merge_cfg.include[0]', 'source: { type: local }\nmerge_cfg: { include: ["../../../etc/passwd"] }\n'],
  ])('%s is refused', async (path, more) => {
    const fleet = await load({ 'a/app.yaml': `app: web\nprimary_region: arn\n${more}`, 'etc/passwd': 'root' });
    expect(fleet.apps).toStrictEqual([]);
    expect(errorsOf(fleet)).toHaveLength(1);
    expect(errorsOf(fleet)[0]).toContain(`error: ${path}: this path leads out of the repo`);
  });

  it('a path up that stays in the repo is fine', async () => {
    const text =
      'app: web\nprimary_region: arn\nsource: { type: local, path: ../code }\nmerge_cfg: { include: [../shared/x.conf] }\n';
    const fleet = await load({ 'a/app.yaml': text, 'code/Dockerfile': '', 'shared/x.conf': '' });
    expect(errorsOf(fleet)).toStrictEqual([]);
    expect(fleet.apps[0]?.source).toStrictEqual({ type: 'local', path: 'code' });
  });
});

describe('substitutions', () => {
  it('run in the order written, outer project first, whatever their names look like', async () => {
    const files = {
      'project.yaml': project('  substitutions:\n    zeta: "9"\n    9: "8"\n    8: "7"\n'),
      'in/project.yaml': 'project: inner\nsource:\n  type: local\ncommon:\n  substitutions:\n    7: done\n',
      'in/app.yaml': appYaml('web', 'env: { A: zeta }\n'),
    };
    const [app] = (await load(files)).apps;
    expect(app?.fly).toMatchObject({ env: { A: 'done' } });
  });

  it('an inner project’s word for the same pattern takes the outer one’s place', async () => {
    const files = {
      'project.yaml': project('  substitutions:\n    a1: x\n    x: y\n'),
      'in/project.yaml': 'project: inner\nsource:\n  type: local\ncommon:\n  substitutions:\n    a1: z\n',
      'in/app.yaml': appYaml('web', 'env: { A: a1 }\n'),
    };
    const [app] = (await load(files)).apps;
    expect(app?.fly).toMatchObject({ env: { A: 'z' } });
  });
});

describe('lists', () => {
  const ports = async (lists: string, inner = '') => {
    const files = {
      'project.yaml': project(
        `${lists}  app_defaults:\n    extra_regions: [ams, fra]\n  app_overrides:\n    deploy_params: [--ha=false]\n`,
      ),
      'in/project.yaml': `project: inner\nsource:\n  type: local\ncommon:\n${inner}  app_defaults:\n    extra_regions: [lhr]\n`,
      'in/app.yaml': appYaml('web', 'extra_regions: [ord, ams]\n'),
    };
    const fleet = await load(files);
    expect(errorsOf(fleet)).toStrictEqual([]);
    return fleet.apps[0]?.regions;
  };

  it.each([
    ['append by default', '', '', ['arn', 'ams', 'fra', 'lhr', 'ord']],
    ['replace', '  lists: replace\n', '', ['arn', 'ord', 'ams']],
    ['replace in the inner project only: the outer list is gone too', '', '  lists: replace\n', ['arn', 'ord', 'ams']],
    [
      'append again in the inner project',
      '  lists: replace\n',
      '  lists: append\n',
      ['arn', 'ams', 'fra', 'lhr', 'ord'],
    ],
  ])('%s', async (_what, outer, inner, expected) => {
    expect(await ports(outer, inner)).toStrictEqual(expected);
  });
});
