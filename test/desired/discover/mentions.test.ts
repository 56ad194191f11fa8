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
  return fleet.mentions?.('lonely');
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

  it('keeps what was put away in it', async () => {
    const moved = { ...folders, 'b/app.yaml.bak': appYaml('lonely') };
    expect(await mentioned(moved, { path: 'a' })).toMatchObject({ as: 'put away' });
  });

  it('keeps nothing that it does not name', async () => {
    expect(await mentioned({ ...folders, 'b/app.yaml': appYaml('other') }, { path: 'a' })).toBeUndefined();
  });
});

describe('lines of a text that cannot be parsed', () => {
  it('tell a field of the document from one further in', () => {
    expect(fieldsWritten('  app: in\napp: one\n  "app": "two"\n{ "app": three }\n"app" = \'four\'\n', 'app')).toEqual([
      'one',
      'two',
      'three',
      'four',
    ]);
    expect(fieldsWritten('application: a\nmyapp: b\napp_name: c\n', 'app')).toEqual([]);
    expect(fieldsWritten('[source]\nsource:\n', 'source')).toEqual(['', '']);
  });

  it.each(['', '#', '//', '{', '"app"'])('take no longer for a long line: %j', (start) => {
    const text = `x: [\n${start}${' '.repeat(1_000_000)}x\n`;
    const began = process.cpuUsage().user;
    fieldsWritten(text, 'app');
    expect(process.cpuUsage().user - began).toBeLessThan(1_000_000);
  });
});
