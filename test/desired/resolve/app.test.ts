import { describe, expect, it } from 'vitest';
import { defaultPolicy } from '../../../src/model/base/policy.ts';
import { appYaml, errorsOf, load, loadApp, said } from '../loading.ts';

const web = (more: string) => loadApp(appYaml('web', more));
const warnings = async (more: string) => said((await load({ 'app.yaml': appYaml('web', more) })).problems);

describe('policy', () => {
  const project = (name: string, sync: string): string => `project: ${name}\nsource:\n  type: local\n${sync}`;

  it('is inherited key by key, lists replace', async () => {
    const files = {
      'flycd.yaml': 'sync:\n  auto: false\n  prune: [app]\n',
      'project.yaml': project('outer', 'sync:\n  drift: report\n  max_deletes: 7\n  prune: [secrets, addresses]\n'),
      'in/project.yaml': project(
        'inner',
        'sync:\n  max_deletes: 2\n  on_failure: stop\ncommon:\n  app_defaults:\n    sync:\n      interval: 90s\n',
      ),
      'in/app.yaml': appYaml('web', 'sync:\n  prune: [certificates]\n'),
    };
    const fleet = await load(files, { settings: { sync: { drift: 'off', auto: true, interval: '5m' } } });
    expect(errorsOf(fleet)).toStrictEqual([]);
    expect(fleet.apps[0]?.policy).toStrictEqual({
      auto: false,
      drift: 'report',
      prune: ['certificates'],
      maxDeletes: 2,
      intervalSeconds: 90,
      onFailure: 'stop',
      windows: [],
      replaceUnreachable: false,
    });
  });

  it('of the fleet itself is what flycd.yaml and the operator say', async () => {
    const files = { 'flycd.yaml': 'sync:\n  prune: [app]\n', 'app.yaml': appYaml('web', 'sync:\n  auto: false\n') };
    const fleet = await load(files, { settings: { sync: { prune: [], max_deletes: 0 } } });
    expect(fleet.policy).toStrictEqual({ ...defaultPolicy, prune: ['app'], maxDeletes: 0 });
  });

  it('has defaults', async () => {
    expect((await web('')).policy).toStrictEqual(defaultPolicy);
  });

  it.each([
    'interval: 1s',
    'interval: 2d',
    'interval: 25h',
    'max_deletes: -1',
    'drift: haeled',
    'prune: [volumes]',
    'freeze: true',
  ])('refuses %s', async (sync) => {
    const lines = await warnings(`sync:\n  ${sync}\n`);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^app\.yaml:6:/);
  });
});

describe('the app', () => {
  it('keeps fields nobody knows and hands them on', async () => {
    const app = await web('from_the_future: { a: [1] }\n');
    expect(app.fly).toMatchObject({ from_the_future: { a: [1] }, build: { image: 'nginx:1.27' } });
  });

  it("shows Fly's config without FlyCD's fields", async () => {
    const app = await web('machines: { count: 1 }\nsecrets: [{ name: A, type: raw, raw: x }]\nsync: { auto: false }\n');
    expect(Object.keys(app.fly).toSorted()).toStrictEqual(['app', 'build', 'primary_region']);
  });

  it('lists primary first and no region twice', async () => {
    expect((await web('extra_regions: [ams, arn, ams]\n')).regions).toStrictEqual(['arn', 'ams']);
    expect((await web('extra_regions: ams\n')).regions).toStrictEqual(['arn', 'ams']);
  });

  it.each([
    ['my_app', 'app: expected small letters, digits and inner hyphens, at most 63, found "my_app"'],
    ['-web', 'found "-web"'],
    ['a'.repeat(64), 'at most 63'],
    ['12', 'app: expected the app’s name, found a whole number (put it in quotes)'],
    ['', 'app: expected the app’s name, found nothing'],
  ])('is not called %s', async (name, expected) => {
    const fleet = await load({ 'app.yaml': appYaml(name) });
    expect(errorsOf(fleet).join('\n')).toContain(expected);
    expect(fleet.apps).toStrictEqual([]);
  });

  it('needs a region', async () => {
    const fleet = await load({ 'app.yaml': 'app: web\nbuild:\n  image: x\n' });
    expect(errorsOf(fleet)).toStrictEqual([
      'app.yaml:1:1: error: primary_region: expected a region code such as arn, found nothing (flyctl would take the one nearest to whoever deploys: name the region where new machines belong)',
    ]);
  });
});

describe('the inputs', () => {
  const local = 'project: shops\nsource:\n  type: local\n';
  const files = {
    'project.yaml': `${local}common:\n  app_defaults:\n    env: { COLOR: red, SIZE: s }\n    checks: {}\n`,
    'web/app.yaml': appYaml('web', 'env: { COLOR: blue }\nfiles:\n  - guest_path: /a\n    local_path: a.conf\n'),
    'web/a.conf': 'one',
    'db/app.yaml': appYaml('db'),
  };
  const inputsOf = async (changed: Readonly<Record<string, string>> = {}): Promise<string | undefined> => {
    const fleet = await load({ ...files, ...changed });
    expect(errorsOf(fleet)).toStrictEqual([]);
    return fleet.apps.find(({ name }) => name === 'web')?.inputs;
  };
  const web = files['web/app.yaml'];
  const project = files['project.yaml'];
  const override = (more: string) => `${project}  app_overrides:\n    ${more}\n`;

  it('name their scheme', async () => {
    expect(await inputsOf()).toMatch(/^i2:[0-9a-f]{32}$/);
  });

  it.each([
    ['sync of the app', { 'web/app.yaml': `${web}sync: { auto: false }\n` }],
    ['depends_on', { 'web/app.yaml': `${web}depends_on: [db]\n` }],
    ['sync in a default', { 'project.yaml': project.replace('checks: {}', 'checks: {}\n    sync: { drift: off }') }],
    ['sync in an override', { 'project.yaml': override('sync: { drift: report }') }],
    ['depends_on in an override of nothing', { 'project.yaml': override('depends_on: []') }],
    ['sync of the project', { 'project.yaml': `${project}sync: { max_deletes: 9 }\n` }],
    ['flycd.yaml', { 'flycd.yaml': 'sync: { interval: 1h }\n' }],
    ['another app', { 'db/app.yaml': appYaml('db', 'env: { A: "1" }\n') }],
    ['a comment', { 'web/app.yaml': `# why\n${web}` }],
  ])('stay with %s', async (_what, changed) => {
    expect(await inputsOf(changed)).toBe(await inputsOf());
  });

  it.each([
    ['a field of the app', { 'web/app.yaml': `${web}kill_timeout: 7s\n` }],
    ['a default', { 'project.yaml': project.replace('SIZE: s', 'SIZE: m') }],
    // What comes of it is for the merge to say, and another FlyCD may merge otherwise.
    ['a default that the app overrides', { 'project.yaml': project.replace('COLOR: red', 'COLOR: pink') }],
    ['an override', { 'project.yaml': override('kill_timeout: 7s') }],
    ['how lists merge', { 'project.yaml': `${project}  lists: replace\n` }],
    ['a file that goes into the machine', { 'web/a.conf': 'two' }],
    ['the image', { 'web/app.yaml': web.replace('nginx:1.27', 'nginx:1.28') }],
  ])('move with %s', async (_what, changed) => {
    expect(await inputsOf(changed)).not.toBe(await inputsOf());
  });

  it('move with the base, and with a Dockerfile outside of what is built', async () => {
    const built = (base: string, dockerfile: string) => ({
      'web/app.yaml':
        'app: web\nprimary_region: arn\nfly_config: fly.toml\nsource:\n  type: local\n  path: ../code\nbuild:\n  dockerfile: ../Dockerfile.web\n',
      'code/fly.toml': base,
      'code/main.js': '1',
      'Dockerfile.web': dockerfile,
    });
    const tree = { 'project.yaml': local, 'db/app.yaml': appYaml('db') };
    const of = async (base: string, dockerfile: string) => {
      const fleet = await load({ ...tree, ...built(base, dockerfile) });
      expect(errorsOf(fleet)).toStrictEqual([]);
      return fleet.apps.find(({ name }) => name === 'web')?.inputs;
    };
    const before = await of('kill_timeout = 5\n', 'FROM a');
    expect(await of('kill_timeout = 6\n', 'FROM a')).not.toBe(before);
    expect(await of('kill_timeout = 5\n', 'FROM b')).not.toBe(before);
    expect(await of('kill_timeout = 5\n', 'FROM a')).toBe(before);
  });
});
