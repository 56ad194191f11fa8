/** Files that name an app which the config does not: whatever they are called, wherever they stand, however they are written. */
import { describe, expect, it } from 'vitest';
import type { Mention } from '../../../src/model/removal.ts';
import { fieldsWritten } from '../../../src/desired/discover/written-fields.ts';
import { appYaml, load } from '../loading.ts';
import { memoryTree, type MemoryFiles, type MemoryTree } from '../memory-tree.ts';

const front = { 'flycd.yaml': 'fleet: acme\n', 'front/app.yaml': appYaml('front') };
const project = (more = ''): string => `project: p\nsource: { type: local }\n${more}`;

async function mentioned(
  files: MemoryFiles,
  { path = '', change }: { readonly path?: string; readonly change?: (tree: MemoryTree) => Partial<MemoryTree> } = {},
): Promise<Mention | undefined> {
  const tree = memoryTree({ ...front, ...files });
  const fleet = await load({}, { path, tree: { ...tree, ...change?.(tree) } });
  return fleet.mentions?.of('lonely', {});
}

const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const utf16 = (text: string, mark = '\uFEFF'): Uint8Array => Buffer.from(mark + text, 'utf16le');
const bigEndian = (text: string): Uint8Array => Buffer.from(utf16(text)).swap16();
const big = `app: lonely\n# ${'x'.repeat(1_100_000)}\n`;

describe('a file that is hard to read', () => {
  it.each<readonly [string, string, string | Uint8Array]>([
    ['a letter in Latin-1', 'app.yaml.bak', latin1('# caf\u00E9\napp: lonely\n')],
    ['a letter in Latin-1, under any name', 'web.yaml', latin1('# caf\u00E9\napp: lonely\n')],
    ['UTF-16', 'app.yaml.bak', utf16('app: lonely\n')],
    ['UTF-16 without its mark', 'app.yaml.bak', utf16('app: lonely\n', '')],
    ['UTF-16 of the other order', 'app.yaml.bak', bigEndian('app: lonely\n')],
    ['a key twice', 'web.yaml', 'app: other\napp: lonely\n'],
    ['a key twice, the other way', 'web.yaml', 'app: lonely\napp: other\n'],
    ['two documents', 'web.yaml', 'app: other\n---\napp: lonely\n'],
    ['JSON with comments', 'app.jsonc', '{ // c\n  "app": "lonely"\n}\n'],
    ['JSON with comments, under any name', 'web.json', '{ // c\n  "app": "lonely",\n}\n'],
    ['JSON in one line', 'web.json', '{ "app": "lonely" // c\n}\n'],
    ['a comment of slashes', 'app.bak', '// app: lonely\n// env: {}\n'],
    ['a comment of several signs', 'app.bak', '## app: lonely\n'],
    ['a document moved in after a comment', 'web.yaml', '# parked\n  env: {}\n  app: lonely\n'],
    ['a document moved in after its start', 'web.yaml', '---\n  app: lonely\n'],
    ['one after its start with words', 'web.yaml', '%YAML 1.2\n--- # parked\n\n # so\n  app: lonely\n'],
    ['a second document that is moved in', 'web.yaml', 'app: other\n---\n  app: lonely\n  env: {}\n'],
    ['a comment far in', 'web.yaml', '#       app: lonely\n#       env: {}\n'],
    ['a comment of tabs', 'web.yaml', '#\t\tapp: lonely\n'],
    ['a comment that is moved in', 'web.yaml', '  # app: lonely\n'],
    ['a half of a merge with an anchor', 'web.yaml', '<<<<<<< a\napp: &n lonely\n=======\napp: &n x\n>>>>>>> b\n'],
    ['a half of a merge with a tag', 'web.yaml', '<<<<<<< a\napp: !!str "lonely"\n=======\n>>>>>>> b\n'],
    ['a half of a merge, further in', 'web.yaml', '<<<<<<< a\n  app: lonely\n=======\n  app: x\n>>>>>>> b\n'],
    ['a name on the next line', 'web.yaml', 'env: [\napp:\n  lonely\n'],
    ['a name in a text of lines', 'web.yaml', 'env: [\napp: >-\n  lonely\n'],
    ['a document that is moved in', 'web.yaml', '\n  env: {}\n  app: lonely\n'],
    ['braces over lines', 'web.yaml', '{\n  env: {},\n  app: lonely\n}\n'],
    ['braces on one line', 'web.yaml', '{ primary_region: arn, app: lonely }\n'],
    ['an anchor', 'web.yaml', '&k app: lonely\n'],
    ['a tag', 'web.yaml', '!!str app: lonely\n'],
    ['a merged part', 'web.yaml', 'x-b: &b {app: lonely}\n<<: *b\n'],
    ['a merged part over lines', 'web.yaml', 'x-base: &b\n  env: {}\n  app: lonely\n<<: *b\nbuild: {}\n'],
    ['one of several merged parts', 'web.yaml', 'x:\n  a: &a\n    app: lonely\n  b: &b {env: {}}\n<<: [*b, *a]\n'],
    ['what is called a map', 'app.yaml.bak', '!!map {\n  app: lonely,\n  env: {}\n}\n'],
    ['a line of its own', 'web.yaml', '--- {app: lonely}\n'],
    ['TOML under another name', 'app.off', 'kill_timeout = 5\napp = "lonely"\n[env]\nA = "b"\n'],
  ])('names its app: %s', async (_what, name, content) => {
    expect(await mentioned({ [`x/${name}`]: content })).toEqual({ file: `x/${name}`, as: 'put away' });
  });

  it.each<readonly [string, string | Uint8Array]>([
    ['too large', big],
    ['a pointer of Git LFS', 'version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n'],
  ])('may name any app where it is called so that little else is: %s', async (_what, content) => {
    expect(await mentioned({ 'x/app.yaml.bak': content })).toEqual({ file: 'x/app.yaml.bak', as: 'unread' });
    expect(await mentioned({ 'x/data.json': content })).toBeUndefined();
  });

  it('may name any app where it is a pipe', async () => {
    const special = (tree: MemoryTree): Partial<MemoryTree> => ({
      list: async (folder) =>
        (await tree.list(folder)).map((entry) =>
          entry.path === 'x/app.yaml.bak' ? { ...entry, kind: 'special' } : entry,
        ),
    });
    expect(await mentioned({ 'x/app.yaml.bak': 'app: lonely\n' }, { change: special })).toMatchObject({ as: 'unread' });
  });
});

describe('a file of another kind', () => {
  it.each([
    ['the settings’ name', 'x/flycd.yaml', appYaml('lonely')],
    ['a project’s name', 'x/project.yaml', appYaml('lonely')],
    ['a project’s name, put away', 'x/project.yaml.bak', appYaml('lonely')],
  ])('names its app under %s', async (_what, file, text) => {
    expect(await mentioned({ [file]: text })).toEqual({ file, as: 'put away' });
  });

  it.each(['p.yaml', 'production.yaml', 'app.yaml.bak', 'Prj.yml'])(
    'is a project under the name %s: any app may be of it',
    async (name) => {
      expect(await mentioned({ [`x/${name}`]: project() })).toEqual({ file: `x/${name}`, as: 'project' });
    },
  );

  it('is none where it only has a field of that name, or a project says that it is none', async () => {
    expect(await mentioned({ 'x/ci.yaml': 'project: gcp-17\n' })).toBeUndefined();
    expect(await mentioned({ 'project.yaml': project('ignore: [x]\n'), 'x/p.yaml': project() })).toBeUndefined();
  });
});

describe('another folder of the repo', () => {
  const folders = { 'a/flycd.yaml': 'fleet: acme\n', 'a/front/app.yaml': appYaml('front') };

  it('that is a config of its own keeps what moved there', async () => {
    const moved = { ...folders, 'b/flycd.yaml': 'fleet: acme\n', 'b/shop/app.yaml': appYaml('lonely') };
    expect(await mentioned(moved, { path: 'a' })).toEqual({ file: '../b/shop/app.yaml', as: 'other config' });
  });

  const other = { ...folders, 'b/flycd.yaml': 'fleet: acme\n' };
  const unclear = { file: '../b/shop/app.yaml', as: 'unclear' };
  it.each(['${NAME}', 'THENAME', 'web_prod', '"{{ name }}"', 'web-$STAGE', 'shop.prod', '<name>', '{{ name }}'])(
    'may have any app where what it writes is no plain name: %s',
    async (name) => {
      const files = { ...other, 'b/shop/app.yaml': appYaml(name) };
      expect(await mentioned(files, { path: 'a' })).toEqual(unclear);
      const { mentions } = await load({ ...front, ...files }, { path: 'a' });
      expect(await mentions?.of('lonely', { isNew: () => false })).toBeUndefined();
    },
  );

  const made = `${project()}common:\n  substitutions: { thename: lonely, STAGE: prod }\n`;
  it.each<readonly [string, MemoryFiles]>([
    ['its project', { 'b/project.yaml': made, 'b/shop/app.yaml': appYaml('thename') }],
    [
      'its project’s in another folder',
      {
        'projects/p/project.yaml': made.replace('local', 'local, path: ../../b'),
        'b/shop/app.yaml': appYaml('thename'),
      },
    ],
    [
      'a project and the one above it',
      {
        'b/project.yaml': `${project()}common: { substitutions: { one: two } }\n`,
        'b/c/project.yaml': made
          .replace('project: p', 'project: q')
          .replace('local', 'local, path: ../shop')
          .replace('thename', 'two'),
        'b/shop/app.yaml': appYaml('one'),
      },
    ],
    [
      'its project’s, which takes apps from this very repo',
      {
        'b/project.yaml': made.replace('type: local', 'type: git, repo: "https://git.example/own", path: b'),
        'b/shop/app.yaml': appYaml('thename'),
      },
    ],
    [
      'its project’s defaults',
      { 'b/project.yaml': `${project()}common: { app_defaults: { app: lonely } }\n`, 'b/shop/app.yaml': 'env: {}\n' },
    ],
    [
      'its project’s overrides',
      {
        'b/project.yaml': `${project()}common: { app_overrides: { app: lonely } }\n`,
        'b/shop/app.yaml': appYaml('other'),
      },
    ],
  ])('has the app that %s names', async (_what, files) => {
    expect(await mentioned({ ...other, ...files }, { path: 'a' })).toEqual({ ...unclear, as: 'other config' });
  });

  it('has no app that its projects do not name', async () => {
    const files = { 'b/project.yaml': made, 'b/shop/app.yaml': appYaml('shop'), 'b/x/app.yaml': 'env: {}\n' };
    expect(await mentioned({ ...other, ...files }, { path: 'a' })).toBeUndefined();
    const broken = { 'b/project.yaml': 'project: [\n', 'b/shop/app.yaml': appYaml('shop') };
    expect(await mentioned({ ...other, ...broken }, { path: 'a' })).toBeUndefined();
  });

  it.each(['fly.toml', 'web.toml', 'web.json'])('has the app of a file that its project leads to: %s', async (name) => {
    const led = project().replace('local', `local, path: web/${name}`);
    const text = name.endsWith('json') ? '{"app": "lonely"}\n' : 'app = "lonely"\n';
    const files = { ...other, 'b/project.yaml': led, [`b/web/${name}`]: text };
    expect(await mentioned(files, { path: 'a' })).toEqual({ file: `../b/web/${name}`, as: 'other config' });
  });

  it('keeps what was put away in it', async () => {
    const moved = { ...folders, 'b/app.yaml.bak': appYaml('lonely') };
    expect(await mentioned(moved, { path: 'a' })).toMatchObject({ as: 'put away' });
  });

  it('may be another repository: it counts in a commit, where it is known to be new', async () => {
    const tree = memoryTree({ ...front, ...folders, 'c/two/x': '', 'a/in/x': '' }, { repositories: ['c/two', 'a/in'] });
    const { mentions } = await load({}, { path: 'a', tree });
    const found = { file: '../c/two', as: 'repository' };
    const isNew = () => true;
    expect(await mentions?.of('lonely', { isCommit: true, isNew })).toEqual(found);
    expect(await mentions?.of('lonely', { isNew })).toBeUndefined();
    expect(await mentions?.of('lonely', { isCommit: true })).toBeUndefined();
    expect(await mentions?.of('lonely', { isCommit: true, isNew: () => false })).toBeUndefined();
    const content = { path: 'x', id: (await tree.id('c/two')) ?? '', size: 0 };
    expect(await mentions?.movedFrom('lonely', content, {})).toBeUndefined();
  });

  it('keeps nothing that it does not name', async () => {
    expect(await mentioned({ ...folders, 'b/app.yaml': appYaml('other') }, { path: 'a' })).toBeUndefined();
  });
});

describe('wherever it stands', () => {
  it.each(['apps/web/app.yaml.bak', 'apps/web.yaml', 'webapp/old/app.yaml.bak', 'old/conf.yaml.d/x/app.yaml.bak'])(
    'it is found: %s',
    async (file) => {
      expect(await mentioned({ [file]: appYaml('lonely') })).toEqual({ file, as: 'put away' });
    },
  );

  it('a folder that is called like a file is none', async () => {
    expect(await mentioned({ 'conf/app.yaml.d/x.txt': 'x' })).toBeUndefined();
  });

  it('a project is one beside an app.yaml, too', async () => {
    expect(await mentioned({ 'front/upstream.yaml': project() })).toEqual({
      file: 'front/upstream.yaml',
      as: 'project',
    });
  });
});

describe('an ordinary file of a monorepo', () => {
  it.each([
    ['k8s/all.yaml', 'kind: A\n---\nmetadata:\n  labels:\n    "app": "lonely"\n'],
    ['k8s/parked.yaml', '# parked\nmetadata:\n  labels:\n    app: lonely\n---\nmetadata:\n  app: lonely\n'],
    ['k8s/in.yaml', '---\n  metadata:\n    app: lonely\n'],
    ['k8s/list.yaml', '- app: lonely\n- app: other\n'],
    ['k8s/tables.yaml', 'env: [\napp:\n  lonely: 1\n'],
    ['k8s/tpl.yaml', '{{- if .Values.x }}\nmetadata:\n  "app": "lonely"\n'],
    ['svc/app.py', 'app = lonely\n'],
    ['scripts/deploy-app.sh', 'APP=lonely\n'],
    ['app.env', 'APP=lonely\n'],
    ['application.properties', 'app=lonely\n'],
    ['docs/apps.md', '```\napp: lonely\n```\n'],
    ['docs/mapping.txt', 'app: lonely\n'],
    ['conf.json', '{ // c\n  "a": {\n    "b": {\n      "app": "lonely"\n    }\n  }\n}\n'],
    ['app.config.js', 'app = lonely\n'],
    ['docs/apps.yaml', '# app: lonely was removed in May\nowners: {}\n'],
    ['docs/ids.yaml', '# app: lonely-old\n'],
    ['app.example.yaml', 'app: <your app>\n'],
    ['app.yaml.sample', 'app: YOUR_APP\n'],
    ['app.yaml.asc', '-----BEGIN PGP SIGNATURE-----\n\niQEz\n-----END PGP SIGNATURE-----\n'],
    ['app.yaml.pub', '-----BEGIN PUBLIC KEY-----\niQEz\n-----END PUBLIC KEY-----\n'],
  ])('%s names none', async (file, text) => {
    expect(await mentioned({ [`x/${file}`]: text })).toBeUndefined();
  });

  it('names none where git ignores it and it cannot be read, as what an editor is at', async () => {
    const swap = (tree: MemoryTree): Partial<MemoryTree> => ({
      list: async (folder) =>
        (await tree.list(folder)).map((entry) =>
          entry.path === 'x/app.yaml.bak' ? { ...entry, ignored: true } : entry,
        ),
    });
    expect(await mentioned({ 'x/app.yaml.bak': big }, { change: swap })).toBeUndefined();
    expect(await mentioned({ 'x/app.yaml.bak': 'app: ${NAME}\n' }, { change: swap })).toBeUndefined();
  });

  it.each(['fly.toml', 'fly.prod.yaml', 'web.toml'])(
    'keeps its app where it is new, for it is deployed by hand from now on: %s',
    async (name) => {
      const text = name.endsWith('toml') ? 'app = "lonely"\n[env]\nA = "b"\n' : 'app: lonely\n';
      const { mentions } = await load({ ...front, [`x/${name}`]: text });
      expect(await mentions?.of('lonely', { isNew: () => true })).toEqual({ file: `x/${name}`, as: 'put away' });
      expect(await mentions?.of('lonely', { isNew: () => false })).toBeUndefined();
      expect(await mentions?.of('lonely', {})).toBeUndefined();
    },
  );

  it('names none where it stood there when the app was last named', async () => {
    const files = { 'chart/values.yaml': 'app: lonely\n', 'argocd/values.yaml': project(), 'x/app.yaml.gz': big };
    const fleet = await load({}, { tree: memoryTree({ ...front, ...files }) });
    expect(await fleet.mentions?.of('lonely', { isNew: (path) => !(path in files) })).toBeUndefined();
    expect(await fleet.mentions?.of('lonely', { isNew: (path) => path === 'chart/values.yaml' })).toMatchObject({
      as: 'put away',
    });
  });
});

it('a copy counts also where it was made before its app.yaml went', async () => {
  const tree = memoryTree({ ...front, 'x/app.yaml.bak': appYaml('lonely'), 'x/web.yaml': appYaml('lonely') });
  const fleet = await load({}, { tree });
  expect(await fleet.mentions?.of('lonely', { isNew: () => false })).toEqual({
    file: 'x/app.yaml.bak',
    as: 'put away',
  });
});

describe('lines of a text that cannot be parsed', () => {
  it('tell a field of the document from one further in', () => {
    expect(fieldsWritten('  app: in\napp: one\n  "app": "in"\n"app" = \'two\'\n', 'app')).toEqual(['one', 'two']);
    expect(fieldsWritten('{ // c\n  "app": "one",\n  "x": {\n    "app": "in"\n  }\n}\n', 'app')).toEqual(['one']);
    expect(fieldsWritten('{ "app": "one" // c\n}\n', 'app')).toEqual(['one']);
    expect(fieldsWritten('application: a\nmyapp: b\napp_name: c\n', 'app')).toEqual([]);
    expect(fieldsWritten('[source]\nsource:\n', 'source')).toEqual(['', '']);
  });

  it.each(['', '#', '//', '{', '"app"', '  #', '---', '---\n', '# c\n', 'app:', 'app: &a', 'app: >\n'])(
    'take no longer for a long line: %j',
    (start) => {
      const text = `x: [\n${start}${' '.repeat(1_000_000)}x\n`;
      const began = process.cpuUsage().user;
      fieldsWritten(text, 'app');
      expect(process.cpuUsage().user - began).toBeLessThan(1_000_000);
    },
  );
});

describe('a put away app.yaml of a project that stays', () => {
  const rest = { 'p/other/app.yaml': appYaml('other') };
  const named = (common: string): MemoryFiles => ({ 'p/project.yaml': `${project()}common: ${common}\n`, ...rest });
  it.each<readonly [string, MemoryFiles]>([
    ['by its defaults', { ...named('{ app_defaults: { app: lonely } }'), 'p/b/app.yaml.bak': 'env: {}\n' }],
    ['by its overrides', { ...named('{ app_overrides: { app: lonely } }'), 'p/b/app-off.yaml': 'app: x\n' }],
    ['by a substitution', { ...named('{ substitutions: { NAME: lonely } }'), 'p/b/app.yaml.bak': 'app: NAME\n' }],
    [
      'by a substitution that makes the whole line',
      { ...named('{ substitutions: { HEADER: "app: lonely" } }'), 'p/b/app.yaml.bak': 'HEADER\nenv: {}\n' },
    ],
  ])('has the name that it was given %s', async (_how, files) => {
    expect(await mentioned(files)).toMatchObject({ as: 'put away' });
  });

  it.each<readonly [string, MemoryFiles]>([
    ['a file of another name', { ...named('{ app_defaults: { app: lonely } }'), 'p/b/values.yaml': 'env: {}\n' }],
    ['a copy outside of it', { ...named('{ app_defaults: { app: lonely } }'), 'q/app.yaml.bak': 'env: {}\n' }],
    ['a copy with a name of its own', { ...named('{ app_defaults: { app: lonely } }'), 'p/app.yaml.bak': 'app: x\n' }],
  ])('does not give it to %s', async (_what, files) => {
    expect(await mentioned(files)).toBeUndefined();
  });
});
