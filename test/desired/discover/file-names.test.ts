import { describe, expect, test } from 'vitest';
import { appYaml, errorsOf, load, said } from '../loading.ts';

const front = { 'apps/front/app.yaml': appYaml('front') };
const names = (apps: readonly { readonly name: string }[]): readonly string[] => apps.map(({ name }) => name);

describe('forms of a file', () => {
  test.each([
    ['project.yml', 'project: team\nsource:\n  type: local\ncommon:\n  app_overrides:\n    kill_timeout: 9\n'],
    ['project.toml', 'project = "team"\n[source]\ntype = "local"\n[common.app_overrides]\nkill_timeout = 9\n'],
  ])('%s is a project', async (name, text) => {
    const fleet = await load({ ...front, [`team/${name}`]: text, 'team/inner/app.yaml': appYaml('inner') });
    expect(errorsOf(fleet)).toEqual([]);
    expect(names(fleet.apps)).toEqual(['front', 'inner']);
    expect(fleet.apps.map(({ files }) => files)).toEqual([
      ['apps/front/app.yaml'],
      [`team/${name}`, 'team/inner/app.yaml'],
    ]);
  });

  test.each([
    ['flycd.yml', 'fleet: acme\n'],
    ['flycd.toml', 'fleet = "acme"\n'],
  ])('%s names the fleet', async (name, text) => {
    const fleet = await load({ ...front, [name]: text });
    expect({ name: fleet.name, named: fleet.named }).toEqual({ name: 'acme', named: true });
  });

  test('the project.toml of buildpacks is another tool’s, said once, and its folder’s app goes on', async () => {
    const descriptor = '[_]\nschema-version = "0.2"\n[project]\nid = "shop"\n';
    const fleet = await load({ ...front, 'apps/front/project.toml': descriptor });
    expect(names(fleet.apps)).toEqual(['front']);
    expect(fleet.whole).toBe(true);
    expect(said(fleet.problems)).toEqual([
      'apps/front/project.toml: warning: it has no text `project`, so it is taken for another tool’s (write project: NAME if it is FlyCD’s)',
    ]);
  });

  test('beside a project of FlyCD’s it is no second one', async () => {
    const fleet = await load({
      ...front,
      'project.yaml': 'project: all\nsource:\n  type: local\n',
      'project.toml': '[project]\nid = "shop"\n',
    });
    expect(errorsOf(fleet)).toEqual([]);
    expect(fleet.name).toBe('all');
  });

  test.each([
    ['a project without its name', 'source:\n  type: local\n'],
    ['one whose name is no text', 'project: 7\nsource:\n  type: local\n'],
    ['one that cannot be parsed', 'project: [\n'],
  ])('%s is broken, not another tool’s', async (_what, text) => {
    const fleet = await load({ ...front, 'team/project.yaml': text, 'team/inner/app.yaml': appYaml('inner') });
    expect(errorsOf(fleet).join('\n')).toContain('team/project.yaml');
    expect(names(fleet.apps)).toEqual(['front']);
    expect(fleet.whole).toBe(false);
  });
});

describe('two forms side by side', () => {
  test('of an app: neither counts, the others go on', async () => {
    const fleet = await load({ ...front, 'b/app.yaml': appYaml('b'), 'b/app.yml': appYaml('b') });
    expect(errorsOf(fleet)).toEqual([
      'b/app.yaml: error: app.yml stands beside it, and one of them must be meant (keep one)',
      'b/app.yml: error: app.yaml stands beside it, and one of them must be meant (keep one)',
    ]);
    expect(names(fleet.apps)).toEqual(['front']);
    expect(fleet.whole).toBe(false);
  });

  test('of a project: no app below it is taken', async () => {
    const team = 'project: team\nsource:\n  type: local\n';
    const fleet = await load({
      ...front,
      'team/project.yaml': team,
      'team/project.yml': team,
      'team/inner/app.yaml': appYaml('inner'),
    });
    expect(errorsOf(fleet)).toHaveLength(2);
    expect(names(fleet.apps)).toEqual(['front']);
    expect(fleet.whole).toBe(false);
  });

  test('of the fleet’s settings: nothing goes on', async () => {
    const fleet = await load({ ...front, 'flycd.yaml': 'fleet: a\n', 'flycd.yml': 'fleet: a\n' });
    expect(errorsOf(fleet)).toHaveLength(2);
    expect(fleet.apps).toEqual([]);
    expect(fleet.whole).toBe(false);
  });
});

test.each([
  ['App.yaml', 'app.yaml'],
  ['apps.yml', 'app.yml'],
  ['Project.yaml', 'project.yaml'],
  ['projects.toml', 'project.toml'],
  ['FlyCD.yaml', 'flycd.yaml'],
])('%s is a near miss', async (written, meant) => {
  const fleet = await load({ ...front, [`x/${written}`]: 'app: x\n' });
  expect(said(fleet.problems)).toEqual([
    `x/${written}: warning: FlyCD reads no file of this name (did you mean ${meant}?)`,
  ]);
});

test.each(['api.yaml', 'map.yml', 'app.json', 'my-app.yaml', 'app.yaml.bak'])('%s is another file', async (name) => {
  expect((await load({ ...front, [`x/${name}`]: '' })).problems).toEqual([]);
});

test('two files that claim one name: neither counts, and no app is gone for it', async () => {
  const fleet = await load({ ...front, 'b/app.yaml': appYaml('front'), 'c/app.yaml': appYaml('c') });
  expect(names(fleet.apps)).toEqual(['c']);
  expect(fleet.whole).toBe(false);
});
