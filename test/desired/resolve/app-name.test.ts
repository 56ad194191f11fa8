/** Which app a file means: where nobody can tell, none of Fly's is taken for gone. */
import { describe, expect, test } from 'vitest';
import { strangeAppName } from '../../../src/desired/resolve/app-name.ts';
import { appYaml, errorsOf, load } from '../loading.ts';
import type { MemoryFiles } from '../memory-tree.ts';

const settings = { 'flycd.yaml': 'fleet: a\nsync: { prune: [app] }\n', 'front/app.yaml': appYaml('front') };
const names = (apps: readonly { readonly name: string }[]): readonly string[] => apps.map(({ name }) => name);

/** The app in `x` is invalid, nobody knows which one it is, and the other one goes on. */
async function unknown(files: MemoryFiles): Promise<readonly string[]> {
  const fleet = await load({ ...settings, ...files });
  expect(names(fleet.apps)).toEqual(['front']);
  expect(fleet.invalid.map(({ name }) => name)).toEqual([undefined]);
  expect(fleet.whole).toBe(false);
  return errorsOf(fleet);
}

describe('a name that no app of Fly’s can have', () => {
  const inner = 'expected small letters, digits and inner hyphens, at most 63, found';
  test.each([
    ['in capitals', 'Lonely', 'lonely'],
    ['with an underscore', 'lonely_app', 'lonely-app'],
    ['with a dot', 'lonely.app', 'lonely-app'],
    ['with a hyphen before it', '-lonely', 'lonely'],
    ['with a hyphen after it', 'lonely-', 'lonely'],
    ['with a blank', 'lonely app', 'lonely-app'],
    ['with letters of more than ASCII', 'lönely', 'lonely'],
    ['with the same letters, decomposed', 'lo\u0308nely', 'lonely'],
    ['with capitals that look like Latin ones', 'lonelу', undefined],
    ['too long', 'l'.repeat(64), undefined],
  ])('%s', async (_what, name, meant) => {
    const [problem, ...more] = await unknown({ 'x/app.yaml': appYaml(`"${name}"`) });
    expect(more).toEqual([]);
    expect(problem).toContain(`x/app.yaml:1:6: error: app: ${inner} `);
    if (meant !== undefined)
      expect(problem).toContain(`(did you mean ${meant}? FlyCD removes no app until the name is valid)`);
  });

  test('by substitution, with its place', async () => {
    const project = 'project: p\nsource: { type: local }\ncommon:\n  substitutions: { NAME: Lonely }\n';
    const [problem] = await unknown({ 'x/project.yaml': project, 'x/y/app.yaml': appYaml('NAME') });
    expect(problem).toContain('x/y/app.yaml:1:6');
    expect(problem).toContain(`${inner} "Lonely"`);
  });

  test('by override, with its place', async () => {
    const project = 'project: p\nsource: { type: local }\ncommon:\n  app_overrides:\n    app: Lonely\n';
    const [problem] = await unknown({ 'x/project.yaml': project, 'x/y/app.yaml': appYaml('lonely') });
    expect(problem).toContain('x/project.yaml:5:10: error: app: expected small letters');
  });

  test('by default', async () => {
    const project = 'project: p\nsource: { type: local }\ncommon:\n  app_defaults: { app: Lonely }\n';
    await unknown({ 'x/project.yaml': project, 'x/y/app.yaml': 'primary_region: arn\nbuild: { image: nginx }\n' });
  });

  test('beside the app it may mean, neither counts', async () => {
    const fleet = await load({ ...settings, 'x/app.yaml': appYaml('Front') });
    expect(fleet.apps).toEqual([]);
    expect(fleet.whole).toBe(false);
  });
});

describe('what is no text names nobody, though an app could be called so', () => {
  const values = ['5', '-5', '007', '0x10', '0o17', '1e3', '123', 'true', 'false', 'null'];
  const project = (common: string) => `project: p\nsource: { type: local }\ncommon:\n  ${common}\n`;

  test.each(values)('%s', async (value) => {
    await unknown({ 'x/app.yaml': appYaml(value) });
    await unknown({ 'x/app.yaml': `app: ${value}\nenv: [\n` });
    const substitutions = project(`substitutions: { NAME: "${value}" }`);
    await unknown({ 'x/project.yaml': substitutions, 'x/y/app.yaml': appYaml('NAME') });
    const override = project(`app_overrides: { app: ${value} }`);
    if (value !== 'null') await unknown({ 'x/project.yaml': override, 'x/y/app.yaml': appYaml('lonely') });
    const byDefault = 'primary_region: arn\nbuild: { image: nginx }\n';
    await unknown({ 'x/project.yaml': project(`app_defaults: { app: ${value} }`), 'x/y/app.yaml': byDefault });
  });

  test('a number that is not read exactly', async () => {
    await unknown({ 'x/app.yaml': appYaml('12345678901234567890') });
  });

  test('in TOML', async () => {
    for (const value of ['5', 'true', '0x10'])
      await unknown({ 'x/app.toml': `app = ${value}\nprimary_region = "arn"\n[build]\nimage = "nginx"\n` });
  });

  test('but in quotes it is a text', async () => {
    for (const value of ['5', 'true', '007']) {
      const fleet = await load({ ...settings, 'x/app.yaml': appYaml(`"${value}"`) });
      expect(names(fleet.apps).toSorted()).toEqual([value, 'front'].toSorted());
      const broken = await load({ ...settings, 'x/app.yaml': `app: '${value}'\nenv: [\n` });
      expect(broken.invalid.map(({ name }) => name)).toEqual([value]);
    }
  });
});

test.each(['a', '7', 'a-b', 'a--b', 'xn--lonely', '0-0', 'l'.repeat(63)])('%s is taken as Fly takes it', (name) => {
  expect(strangeAppName(name)).toBe(undefined);
});

describe('a broken file', () => {
  const broken = 'env: [\n';

  test('is known by a name that stands there once, and may name another app besides', async () => {
    for (const line of ['app: lonely', 'app: "lonely" # here', "'app': lonely", 'app: &name lonely', 'app: lonely\r']) {
      const fleet = await load({ ...settings, 'x/app.yaml': `${line}\n${broken}` });
      expect([line, fleet.invalid.map(({ name }) => name), fleet.whole]).toEqual([line, ['lonely'], false]);
    }
  });

  test.each([
    ['with a name that no app can have', `app: Lonely\n${broken}`],
    ['that git left with a conflict', '<<<<<<< HEAD\napp: gone\n=======\napp: lonely\n>>>>>>> other\n'],
    ['that names two apps', 'app: gone\napp: lonely\nprimary_region: arn\nbuild: { image: nginx }\n'],
    ['in TOML', 'app = "lonely"\n[env\n'],
    ['with more after its name', `app: lonely*\n${broken}`],
    ['that is empty', ''],
    ['of comments alone', '# app: lonely\n'],
    ['of zeroes, as a crash leaves it', '\0'.repeat(200)],
    ['with another name in a second document', `${appYaml('gone')}---\n${appYaml('lonely')}`],
    ['in another encoding', Buffer.from(appYaml('lonely'), 'utf16le')],
  ])('%s: nobody knows which app', async (_what, text) => {
    await unknown({ 'x/app.yaml': text });
  });

  test.each([
    ['a second document that names nothing at its left', `${appYaml('lonely')}---\n  app: gone\n`],
    ['a second document that is empty', `${appYaml('lonely')}---\n---\n`],
    ['a list of documents', `${appYaml('lonely')}...\n- app: gone\n`],
    ['both sides of a merge below its name', `app: lonely\n<<<<<<< HEAD\nenv: {}\n=======\n  app: gone\n>>>>>>> x\n`],
    ['a key twice', `${appYaml('lonely')}primary_region: ams\n`],
    ['a key twice further in', appYaml('lonely', 'env:\n  A: b\n  A: c\n')],
    ['a number that is not read exactly', appYaml('lonely', 'env:\n  A: 12345678901234567890\n')],
    ['more values than are read', appYaml('lonely', `env: [${'1,'.repeat(5_100)}]\n`)],
  ])('with %s is not read whole: it may stand for another app, too', async (_what, text) => {
    const fleet = await load({ ...settings, 'x/app.yaml': text });
    expect([fleet.invalid.map(({ name }) => name), fleet.whole]).toEqual([['lonely'], false]);
  });

  test('in JSON and TOML, too', async () => {
    const twice = '{ "app": "lonely", "env": {}, "env": {} }';
    const json = await load({ ...settings, 'x/app.yaml': twice });
    expect([json.invalid.map(({ name }) => name), json.whole]).toEqual([['lonely'], false]);
    const toml = await load({ ...settings, 'x/app.toml': 'app = "lonely"\napp = "gone"\n' });
    expect(toml.whole).toBe(false);
  });

  test('whose fields alone are wrong says which app it is', async () => {
    const fleet = await load({
      ...settings,
      'x/app.yaml': appYaml('lonely', 'nonsense_of_mine: { a: [] }\nmachines: 3\n'),
    });
    expect([fleet.invalid.map(({ name }) => name), fleet.whole]).toEqual([['lonely'], true]);
  });

  test('is known by what substitutions make of it', async () => {
    const project = 'project: p\nsource: { type: local }\ncommon:\n  substitutions: { gone: lonely }\n';
    const fleet = await load({ ...settings, 'x/project.yaml': project, 'x/y/app.yaml': `app: gone\n${broken}` });
    expect(fleet.invalid.map(({ name }) => name)).toEqual(['lonely']);
    await unknown({
      'x/project.yaml': project.replace('lonely', 'Lonely'),
      'x/y/app.yaml': `app: gone\n${broken}`,
    });
  });

  test('is known by an override, and not by what stands in the file', async () => {
    const project = 'project: p\nsource: { type: local }\ncommon:\n  app_overrides: { app: lonely }\n';
    const fleet = await load({ ...settings, 'x/project.yaml': project, 'x/y/app.yaml': `app: gone\n${broken}` });
    expect(fleet.invalid.map(({ name }) => name)).toEqual(['lonely']);
  });

  test('is not known by a default', async () => {
    const project = 'project: p\nsource: { type: local }\ncommon:\n  app_defaults: { app: gone }\n';
    await unknown({ 'x/project.yaml': project, 'x/y/app.yaml': broken });
  });

  test('that claims the name of another app takes it along', async () => {
    const fleet = await load({ ...settings, 'x/app.yaml': `app: front\n${broken}` });
    expect(fleet.apps).toEqual([]);
    expect(fleet.whole).toBe(false);
  });
});
