import { describe, expect, it } from 'vitest';
import { errorsOf, appYaml, load, said } from '../loading.ts';
import { memoryMirrors, memoryTree } from '../memory-tree.ts';

const project = (name: string, more = 'source:\n  type: local\n'): string => `project: ${name}\n${more}`;
const elsewhere = (name: string, path: string): string => project(name, `source:\n  type: local\n  path: ${path}\n`);

async function names(files: Parameters<typeof load>[0], path = ''): Promise<readonly string[]> {
  const fleet = await load(files, { path });
  expect(errorsOf(fleet)).toStrictEqual([]);
  return fleet.apps.map((app) => [...app.projects, app.name].join('/'));
}

describe('the walk', () => {
  it('finds app.yaml in every folder, the root too', async () => {
    const files = { 'app.yaml': appYaml('root'), 'a/app.yaml': appYaml('a'), 'a/b/app.yaml': appYaml('b') };
    expect(await names(files)).toStrictEqual(['a', 'b', 'root']);
  });

  it('also app.yml and app.toml', async () => {
    const toml = 'app = "two"\nprimary_region = "arn"\n[build]\nimage = "nginx"\n';
    expect(await names({ 'a/app.yml': appYaml('one'), 'b/app.toml': toml })).toStrictEqual(['one', 'two']);
  });

  it('descends only into a folder called projects where there is one', async () => {
    const files = {
      'app.yaml': appYaml('beside'),
      'apps/app.yaml': appYaml('hidden'),
      'projects/one/app.yaml': appYaml('one'),
      'projects/two/app.yaml': appYaml('two'),
    };
    expect(await names(files)).toStrictEqual(['beside', 'one', 'two']);
  });

  it.each(['.git', '.actions', '.idea', '.vscode', 'node_modules'])('skips %s', async (folder) => {
    expect(await names({ [`${folder}/app.yaml`]: appYaml('no'), 'yes/app.yaml': appYaml('yes') })).toStrictEqual([
      'yes',
    ]);
  });

  it('skips folders that are links and reads files that are', async () => {
    const files = {
      'real/app.yaml': appYaml('real'),
      linked: { link: 'real' },
      'b/app.yaml': { link: 'templates/b.txt' },
      'templates/b.txt': appYaml('b'),
    };
    expect(await names(files)).toStrictEqual(['b', 'real']);
  });

  it('starts at the folder it is given', async () => {
    const files = { 'a/app.yaml': appYaml('a'), 'b/app.yaml': appYaml('b') };
    expect(await names(files, 'b')).toStrictEqual(['b']);
    expect(await names(files, './b/')).toStrictEqual(['b']);
  });

  it('takes a path straight to a file', async () => {
    const files = {
      'a/app.yaml': appYaml('a'),
      'a/b/app.yaml': appYaml('b'),
      'p/project.yaml': project('p'),
      'p/app.yaml': appYaml('in-p'),
    };
    expect(await names(files, 'a/app.yaml')).toStrictEqual(['a']);
    expect(await names(files, 'p/project.yaml')).toStrictEqual(['p/in-p']);
  });

  it("takes a path straight to Fly's own config", async () => {
    const image = '[build]\nimage = "nginx"\n';
    expect(await names({ 'fly.toml': `app = "web"\nprimary_region = "arn"\n${image}` }, 'fly.toml')).toStrictEqual([
      'web',
    ]);
    expect(await names({ 'fly.yaml': appYaml('web') }, 'fly.yaml')).toStrictEqual(['web']);
    const json = '{\n\t"app": "web",\n\t"primary_region": "arn",\n\t"build": { "image": "nginx" }\n}\n';
    expect(await names({ 'x/fly.staging.json': json }, 'x/fly.staging.json')).toStrictEqual(['web']);
    expect(await names({ 'x/staging.json': json, 'x/production.yml': 'a: 1' }, 'x/staging.json')).toStrictEqual([
      'web',
    ]);
  });

  it.each([
    ['nowhere', '.: error: there is no nowhere in config'],
    [
      'notes.md',
      'notes.md: error: expected a folder, app.yaml, project.yaml, or a fly config as TOML, YAML or JSON (name the folder that holds it)',
    ],
    [
      'flycd.yaml',
      'flycd.yaml: error: expected a folder, app.yaml, project.yaml, or a fly config as TOML, YAML or JSON (name the folder that holds it)',
    ],
    ['../up', '../up: error: this path leads out of the repo'],
  ])('says what is wrong with the path %s', async (path, expected) => {
    const fleet = await load({ 'notes.md': 'a: 1\n', 'flycd.yaml': 'fleet: a\n' }, { path });
    expect(said(fleet.problems)).toStrictEqual([expected]);
    expect(fleet.whole).toBe(false);
  });

  it.each([
    ['', ''],
    ['conf', 'conf'],
    ['conf/a/app.yaml', 'conf/a'],
  ])('names files from the folder that was given: %s', async (path, root) => {
    const fleet = await load({ 'conf/a/app.yaml': appYaml('a') }, { path });
    expect(fleet.root).toBe(root);
    expect([root, fleet.apps[0]?.file].filter((step) => step !== '').join('/')).toBe('conf/a/app.yaml');
  });

  it('refuses an empty config repo', async () => {
    const fleet = await load({ 'README.md': 'nothing' });
    expect(errorsOf(fleet)).toStrictEqual([
      '.: error: there is no app.yaml and no project.yaml here (an empty config repo is refused: name its folder, or a fly.toml by its path. To remove a fleet’s last apps: fly apps destroy NAME)',
    ]);
    expect(fleet.whole).toBe(false);
  });

  it('ends in folders without end', async () => {
    const deep = `${'d/'.repeat(80)}app.yaml`;
    const fleet = await load({ [deep]: appYaml('deep'), 'app.yaml': appYaml('near') });
    expect(fleet.apps.map(({ name }) => name)).toStrictEqual(['near']);
    expect(fleet.whole).toBe(false);
  });
});

describe('projects', () => {
  it('an app reached both ways belongs to its project', async () => {
    const files = { 'p/project.yaml': project('p'), 'p/app.yaml': appYaml('one'), 'a/app.yaml': appYaml('other') };
    expect(await names(files)).toStrictEqual(['p/one', 'other']);
  });

  it('a project may contain itself', async () => {
    const files = { 'project.yaml': project('self'), 'app.yaml': appYaml('root'), 'inner/app.yaml': appYaml('inner') };
    expect(await names(files)).toStrictEqual(['self/inner', 'self/root']);
  });

  it('projects in projects give each app its whole chain', async () => {
    const files = {
      'project.yaml': project('outer'),
      'inner/project.yaml': project('inner'),
      'inner/app.yaml': appYaml('one'),
      'app.yaml': appYaml('two'),
    };
    expect(await names(files)).toStrictEqual(['outer/inner/one', 'outer/two']);
  });

  it('two projects that name each other end', async () => {
    const files = {
      'a/project.yaml': elsewhere('a', '../b'),
      'b/project.yaml': elsewhere('b', '../a'),
      'a/app.yaml': appYaml('in-a'),
      'b/app.yaml': appYaml('in-b'),
    };
    expect(await names(files)).toStrictEqual(['a/b/in-a', 'a/in-b']);
  });

  it('a source elsewhere in the repo', async () => {
    const files = { 'projects/p/project.yaml': elsewhere('p', '../../shared'), 'shared/app.yaml': appYaml('one') };
    expect(await names(files)).toStrictEqual(['p/one']);
  });

  it('one folder of apps in two environments, told apart by substitution', async () => {
    const environment = (name: string): string =>
      `project: ${name}\nsource:\n  type: local\n  path: ../../apps\ncommon:\n  substitutions:\n    ENVIRONMENT: ${name}\n`;
    const files = {
      'projects/staging/project.yaml': environment('staging'),
      'projects/production/project.yaml': environment('production'),
      'apps/web/app.yaml': appYaml('web-ENVIRONMENT'),
    };
    expect(await names(files)).toStrictEqual(['production/web-production', 'staging/web-staging']);
  });

  it('a git source, and further projects inside it', async () => {
    const remote = memoryTree(
      { 'config/inner/project.yaml': project('inner'), 'config/inner/app.yaml': appYaml('far') },
      { name: 'https://example.com/far', revision: 'c0ffee' },
    );
    const mirrors = memoryMirrors({ 'https://example.com/far': remote });
    const source = 'source:\n  type: git\n  repo: https://example.com/far\n  path: config\n  ref:\n    branch: main\n';
    const fleet = await load({ 'project.yaml': project('near', source) }, { mirrors });
    expect(errorsOf(fleet)).toStrictEqual([]);
    expect(fleet.apps.map(({ projects, name, file }) => ({ projects, name, file }))).toStrictEqual([
      { projects: ['near', 'inner'], name: 'far', file: 'https://example.com/far//config/inner/app.yaml' },
    ]);
    expect(mirrors.asked).toStrictEqual([{ url: 'https://example.com/far', ref: 'main', trust: 'config' }]);
    expect(fleet.followed).toStrictEqual([{ repo: 'https://example.com/far', ref: 'main', app: undefined }]);
  });

  it('a git project that leads back to the config repo ends, and its apps are the same apps', async () => {
    const url = 'https://example.com/self';
    const files = {
      'project.yaml': project('self', `source:\n  type: git\n  repo: ${url}\n`),
      'app.yaml': appYaml('one'),
    };
    const mirrors = memoryMirrors({ [url]: memoryTree(files, { name: url }) });
    const fleet = await load(files, { mirrors });
    expect(errorsOf(fleet)).toStrictEqual([]);
    expect(fleet.apps.map(({ name, projects }) => ({ name, projects }))).toStrictEqual([
      { name: 'one', projects: ['self'] },
    ]);
    expect(mirrors.asked).toHaveLength(1);
  });

  it('ends a cycle silently, as in v0', async () => {
    const files = {
      'a/project.yaml': elsewhere('a', '../b'),
      'b/inner/project.yaml': elsewhere('b', '../../a'),
      'a/app.yaml': appYaml('one'),
    };
    const fleet = await load(files);
    expect(said(fleet.problems)).toStrictEqual([]);
    expect(fleet.apps.map(({ name }) => name)).toStrictEqual(['one']);
  });

  it('is entered once, as in v0; what a second way would have given is said', async () => {
    const files = {
      'projects/a/project.yaml': elsewhere('a', '../../shared'),
      'projects/b/project.yaml': elsewhere('b', '../../shared'),
      'shared/inner/project.yaml': project('inner'),
      'shared/inner/app.yaml': appYaml('one'),
    };
    const fleet = await load(files);
    expect(fleet.apps.map(({ projects }) => projects)).toStrictEqual([['a', 'inner']]);
    expect(said(fleet.problems)).toStrictEqual([
      'shared/inner/project.yaml:1:10: warning: project: project inner is entered once, and was already; b has it too (give each a project of its own)',
    ]);
  });
});

describe('a project that cannot be taken whole', () => {
  const good = { 'good/app.yaml': appYaml('good') };

  it.each([
    ['broken YAML', 'project: p\n  source: [\n', 'p/project.yaml:'],
    [
      'an unknown field',
      'project: p\nsorce:\n  type: local\nsource:\n  type: local\n',
      'p/project.yaml:2:1: error: sorce: FlyCD has no field "sorce" here (did you mean source?)',
    ],
    ['no source', 'project: p\n', 'p/project.yaml:1:1: error: source: expected a table, found nothing'],
    [
      'a path out of the repo',
      elsewhere('p', '../../etc'),
      'p/project.yaml:4:9: error: source.path: this path leads out of the repo',
    ],
    [
      'an absolute path',
      elsewhere('p', '/etc'),
      'p/project.yaml:4:9: error: source.path: this path leads out of the repo',
    ],
    [
      'a path that is not there',
      elsewhere('p', 'nowhere'),
      'p/project.yaml:4:9: error: source.path: there is no p/nowhere in config',
    ],
    [
      'a name that is none',
      'project: p_1\nsource:\n  type: local\n',
      'p/project.yaml:1:10: error: project: expected letters, digits and inner hyphens',
    ],
    [
      'a substitution that is no RE2',
      'project: p\nsource:\n  type: local\ncommon:\n  substitutions:\n    "a(?=b)": c\n',
      'p/project.yaml:6:5: error: common.substitutions["a(?=b)"]: not a regular expression of RE2',
    ],
    [
      'a source of the wrong type',
      'project: p\nsource:\n  type: inline-docker-file\n',
      'p/project.yaml:3:9: error: source.type: expected git or local, found "inline-docker-file"',
    ],
  ])('%s: its apps are unknown, never taken without it, and the others go on', async (_what, text, expected) => {
    const fleet = await load({ 'p/project.yaml': text, 'p/app.yaml': appYaml('in-p'), ...good });
    expect(fleet.apps.map(({ name }) => name)).toStrictEqual(['good']);
    expect(fleet.invalid).toStrictEqual([]);
    expect(fleet.whole).toBe(false);
    expect(errorsOf(fleet)[0]).toContain(expected);
  });

  it('its source elsewhere is not taken bare either', async () => {
    const text = 'project: p\nsource:\n  type: local\n  path: ../shared\nsnc: {}\n';
    const fleet = await load({ 'p/project.yaml': text, 'shared/app.yaml': appYaml('shared'), ...good });
    expect(fleet.apps.map(({ name }) => name)).toStrictEqual(['good']);
  });

  it('an unreachable repo', async () => {
    const source = 'source:\n  type: git\n  repo: https://example.com/gone\n';
    const fleet = await load({ 'p/project.yaml': project('p', source), ...good });
    expect(fleet.apps.map(({ name }) => name)).toStrictEqual(['good']);
    expect(fleet.whole).toBe(false);
    expect(errorsOf(fleet)).toStrictEqual([
      'p/project.yaml:4:9: error: source.repo: https://example.com/gone could not be reached (FlyCD tries again)',
    ]);
  });

  it('two projects of one name', async () => {
    const fleet = await load({
      'a/project.yaml': project('p'),
      'a/app.yaml': appYaml('one'),
      'b/project.yaml': `${project('p')}# another\n`,
      'b/app.yaml': appYaml('two'),
    });
    expect(fleet.apps.map(({ name }) => name)).toStrictEqual(['one']);
    expect(errorsOf(fleet)).toStrictEqual([
      'b/project.yaml:1:10: error: project: two projects are called p: this one and a/project.yaml (give one of them another name)',
    ]);
    expect(fleet.whole).toBe(false);
  });
});

describe('an app reached both ways belongs to its project', () => {
  const substituted = 'app: web-STAGE\nprimary_region: arn\nbuild:\n  image: nginx:1.27\n';
  const stage = (name: string): string =>
    `project: ${name}\nsource:\n  type: local\ncommon:\n  substitutions:\n    STAGE: ${name}\n`;

  it.each([
    ['its own folder holds it', { 'project.yaml': stage('production'), 'web/app.yaml': substituted }],
    [
      'it lies under projects',
      { 'projects/production/project.yaml': stage('production'), 'projects/production/web/app.yaml': substituted },
    ],
    [
      'a project inside a project names it',
      {
        'project.yaml': 'project: outer\nsource:\n  type: local\n',
        'inner/project.yaml': stage('production'),
        'inner/web/app.yaml': substituted,
      },
    ],
  ])('also where a substitution makes its name: %s', async (_where, files) => {
    const fleet = await load(files);
    expect(errorsOf(fleet)).toStrictEqual([]);
    expect(fleet.apps.map(({ name }) => name)).toStrictEqual(['web-production']);
  });
});
