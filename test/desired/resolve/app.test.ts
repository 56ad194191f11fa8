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
