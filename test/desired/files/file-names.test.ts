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

const unread = 'FlyCD reads no file of this name';

describe('near misses', () => {
  const near = [
    ['App.yaml', 'app.yaml'],
    ['app.YAML', 'app.yaml'],
    ['APP.TOML', 'app.toml'],
    ['apps.yml', 'app.yml'],
    ['app.yaml~', 'app.yaml'],
    ['app.yaml.txt', 'app.yaml'],
    ['app.json', 'app.yaml'],
    ['Project.yaml', 'project.yaml'],
    ['projects.toml', 'project.toml'],
    ['project.YML', 'project.yml'],
  ] as const;

  test.each(near)('%s alone: what it may be is not gone, and others go on', async (written, meant) => {
    const fleet = await load({ ...front, [`x/${written}`]: '{ "app": "x" }\n' });
    expect(said(fleet.problems)).toEqual([
      `x/${written}: warning: ${unread} (rename it to ${meant}, or delete it. FlyCD removes no app until then)`,
    ]);
    expect({ apps: names(fleet.apps), whole: fleet.whole }).toEqual({ apps: ['front'], whole: false });
  });

  test('what an editor keeps beside it is none', async () => {
    const fleet = await load({ ...front, 'apps/front/app.yaml~': 'app: old\n' });
    expect(fleet).toMatchObject({ problems: [], whole: true });
  });

  test.each(near.filter(([written]) => !written.endsWith('~')))(
    '%s beside a file of its kind is said, and no more',
    async (written, meant) => {
      const project = 'project: x\nsource:\n  type: local\n';
      const beside = { 'x/app.yaml': appYaml('x'), 'x/project.yaml': project };
      const fleet = await load({ ...front, ...beside, [`x/${written}`]: '{ "app": "x" }\n' });
      expect(said(fleet.problems)).toEqual([`x/${written}: warning: ${unread} (did you mean ${meant}?)`]);
      expect(fleet.whole).toBe(true);
    },
  );

  test('a link of nearly the right name is one', async () => {
    const fleet = await load({ ...front, 'x/app.txt': 'app: x\n', 'x/App.yaml': { link: 'x/app.txt' } });
    expect(fleet.whole).toBe(false);
  });

  test.each(['Project.yaml', 'projects.yml', 'project.yaml~', 'project.YAML'])(
    '%s that is a project for sure stops the apps that it governs',
    async (written) => {
      const project = 'project: x\nsource:\n  type: local\ncommon:\n  app_overrides: { sync: { auto: false } }\n';
      const fleet = await load({ ...front, [`x/${written}`]: project, 'x/y/app.yaml': appYaml('y') });
      expect(errorsOf(fleet)).toHaveLength(1);
      expect({ apps: names(fleet.apps), whole: fleet.whole }).toEqual({ apps: ['front'], whole: false });
    },
  );

  test.each(['FlyCD.yaml', 'flycds.yml', 'flycd.YAML', 'flycd.yaml~', 'flycd.json'])(
    '%s that names the fleet or holds a freeze stops the fleet',
    async (written) => {
      for (const text of ['{ "fleet": "acme" }', '{ "sync": { "auto": false } }']) {
        const fleet = await load({ ...front, [written]: text });
        expect(said(fleet.problems)).toEqual([
          expect.stringContaining(`${written}: error: ${unread} (did you mean flycd.y`),
        ]);
        expect({ apps: names(fleet.apps), whole: fleet.whole }).toEqual({ apps: [], whole: false });
      }
    },
  );

  test('settings beside the real ones, or further in, stop nothing', async () => {
    const files = { ...front, 'flycd.yaml': 'fleet: acme\n', 'FlyCD.yaml': 'fleet: b\n', 'x/Flycd.yaml': 'fleet: c\n' };
    const fleet = await load(files);
    expect(fleet).toMatchObject({ name: 'acme', whole: true });
    expect(said(fleet.problems).map((text) => text.split(': ')[1])).toEqual(['warning', 'warning']);
  });

  test.each([
    'api.yaml',
    'map.yml',
    'my-app.yaml',
    'app.yaml.bak',
    'app.yaml.orig',
    '.app.yaml.swp',
    'fly.toml',
    'app.yaml.d',
  ])('%s is another file', async (name) => {
    const fleet = await load({ ...front, [`x/${name}`]: 'app: x\n' });
    expect(fleet).toMatchObject({ problems: [], whole: true });
  });

  test.each([
    ['app.json', '{ "expo": { "name": "x" } }'],
    ['app.json', '{ "name": "x", "app": {} }'],
    ['app.json', ''],
    ['project.json', '{ "name": "x", "targets": {} }'],
    ['flycd.json', '[]'],
  ])('%s of another tool is another file: %s', async (name, text) => {
    const fleet = await load({ ...front, [`x/${name}`]: text });
    expect(fleet).toMatchObject({ problems: [], whole: true });
  });

  test('what a project ignores is none', async () => {
    const project = 'project: p\nsource:\n  type: local\nignore: [docs]\n';
    const fleet = await load({ ...front, 'project.yaml': project, 'docs/App.yaml': 'app: x\n' });
    expect(fleet).toMatchObject({ problems: [], whole: true });
  });
});

test('two files that claim one name: neither counts, and no app is gone for it', async () => {
  const fleet = await load({ ...front, 'b/app.yaml': appYaml('front'), 'c/app.yaml': appYaml('c') });
  expect(names(fleet.apps)).toEqual(['c']);
  expect(fleet.whole).toBe(false);
});
