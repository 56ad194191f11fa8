/** Which files are searched for an app's name, and how often: of the config repo all, of a project's repo its part. */
import { describe, expect, it } from 'vitest';
import type { DesiredFleet } from '../../../src/model/desired.ts';
import type { Mention, Since } from '../../../src/model/removal.ts';
import { appYaml, load } from '../loading.ts';
import { memoryMirrors, memoryTree, type MemoryFiles } from '../memory-tree.ts';

const front = { 'flycd.yaml': 'fleet: acme\n', 'front/app.yaml': appYaml('front') };
const url = 'https://example.com/far';
const far = {
  'far/project.yaml': `project: far\nsource:\n  type: git\n  repo: ${url}\n  path: config\n  ref:\n    branch: main\n`,
};
const there = { 'config/shop/app.yaml': appYaml('shop') };

async function fleetWith(files: MemoryFiles, ofFar: MemoryFiles): Promise<DesiredFleet> {
  const tree = memoryTree({ ...there, ...ofFar }, { name: 'far' });
  return load({ ...front, ...far, ...files }, { mirrors: memoryMirrors({ [url]: tree }) });
}

const old: Since = { isNew: () => false };

describe('the repo that a project takes apps from', () => {
  const mentioned = async (ofFar: MemoryFiles, since: Since = old): Promise<Mention | undefined> =>
    (await fleetWith({}, ofFar)).mentions?.of('lonely', since);

  it('is searched below the folder of the apps, and all in it counts as new', async () => {
    const found = { file: 'far//config/web.yaml', as: 'put away' };
    expect(await mentioned({ 'config/web.yaml': appYaml('lonely') })).toEqual(found);
    expect(await mentioned({ 'web.yaml': appYaml('lonely') })).toBeUndefined();
    expect(await mentioned({ 'other/app.yaml': appYaml('lonely') })).toBeUndefined();
    expect(await mentioned({ 'config/p.yaml': 'project: p\nsource: { type: local }\n' })).toEqual({
      file: 'far//config/p.yaml',
      as: 'project',
    });
  });

  it('counts not where a commit of the config repo alone is asked', async () => {
    const ofFar = { 'config/web.yaml': appYaml('lonely') };
    expect(await mentioned(ofFar, { ...old, ownOnly: true })).toBeUndefined();
    const { mentions } = await fleetWith({ 'x/web.yaml': appYaml('lonely') }, ofFar);
    expect(await mentions?.of('lonely', { ownOnly: true })).toMatchObject({ file: 'x/web.yaml' });
  });

  it('holds no app for a file that nobody can read: it may be older than the app', async () => {
    expect(await mentioned({ 'config/app.yaml.gz': '\u001F\u0001' })).toBeUndefined();
    expect(await mentioned({ 'config/app.prod.yaml': 'app: ${NAME}\n' })).toBeUndefined();
  });

  it('has no file that the app’s became, which stood in the config repo', async () => {
    const ofFar = { 'config/notes': 'image: nginx\n' };
    const id = (await memoryTree(ofFar).id('config/notes')) ?? '';
    const { mentions } = await fleetWith({}, ofFar);
    expect(await mentions?.movedFrom('lonely', { path: 'x/app.yaml', id, size: 13 }, {})).toBeUndefined();
  });
});

describe('the repo that projects of one folder take apps from', () => {
  const named = (app: string): string =>
    `project: inner\nsource: { type: local }\ncommon: { app_defaults: { app: ${app} } }\n`;
  const inA = {
    'a/flycd.yaml': 'fleet: acme\n',
    'a/front/app.yaml': appYaml('front'),
    'a/far/project.yaml': far['far/project.yaml'],
  };
  const mentioned = async (files: MemoryFiles, ofFar: MemoryFiles): Promise<Mention | undefined> => {
    const mirrors = memoryMirrors({ [url]: memoryTree({ ...there, ...ofFar }, { name: 'far' }) });
    const fleet = await load({ ...inA, ...files }, { path: 'a', mirrors });
    return fleet.mentions?.of('lonely', {});
  };

  it('is all of this config', async () => {
    expect(await mentioned({}, { 'config/p.yaml': 'project: p\nsource: { type: local }\n' })).toMatchObject({
      as: 'project',
    });
    expect(await mentioned({}, { 'config/web.yaml': appYaml('lonely') })).toMatchObject({ as: 'put away' });
  });

  it('has no project of the config repo’s other folders', async () => {
    const files = { 'config/in/app.yaml': 'env: {}\n' };
    expect(await mentioned(files, { 'config/in/project.yaml': named('lonely') })).toBeUndefined();
    expect(await mentioned({ ...files, 'config/in/project.yaml': named('lonely') }, {})).toMatchObject({
      file: '../config/in/app.yaml',
      as: 'other config',
    });
  });

  it('makes no name plain of those that another folder’s config makes', async () => {
    const made = 'project: own\nsource: { type: local }\ncommon: { substitutions: { THENAME: shop } }\n';
    const files = { 'a/project.yaml': made, 'b/shop/app.yaml': appYaml('THENAME') };
    expect(await mentioned(files, {})).toEqual({ file: '../b/shop/app.yaml', as: 'unclear' });
    const theirs = { 'b/project.yaml': made.replace('own', 'theirs') };
    expect(await mentioned({ ...files, ...theirs }, {})).toBeUndefined();
  });
});

describe('a folder that git ignores', () => {
  it('is not searched; a file that it ignores is', async () => {
    const files = { ...front, 'x/app.yaml.bak': appYaml('lonely') };
    const ignoring = async (ignored: string): Promise<Mention | undefined> =>
      (await load({}, { tree: memoryTree(files, { ignored: [ignored] }) })).mentions?.of('lonely', {});
    expect(await ignoring('x')).toBeUndefined();
    expect(await ignoring('x/app.yaml.bak')).toMatchObject({ file: 'x/app.yaml.bak' });
  });
});

it('a search that failed is begun anew for the next app', async () => {
  const files = { 'x/project.yaml': 'project: x\nsource: { type: local }\n', 'x/web.yaml': appYaml('lonely') };
  const tree = memoryTree({ ...front, ...files });
  const failing = { isSo: true };
  const read: typeof tree.read = (path, max) =>
    failing.isSo && path === 'x/project.yaml' ? Promise.reject(new Error('no such device')) : tree.read(path, max);
  const { mentions } = await load({}, { path: 'front', tree: { ...tree, read } });
  await expect(mentions?.of('lonely', {})).rejects.toThrow('no such device');
  failing.isSo = false;
  expect(await mentions?.of('lonely', {})).toMatchObject({ file: '../x/web.yaml' });
});

it('a file is read once, and not hashed where it is far from as large as what it is held against', async () => {
  const sizes = [5, 6, 13, 90, 91].map((size) => [`x/${size}`, '#'.repeat(size)] as const);
  const tree = memoryTree({ ...front, ...Object.fromEntries(sizes), 'x/web.yaml': appYaml('other') });
  const hashed: string[] = [];
  const id = (path: string): Promise<string | undefined> => {
    hashed.push(path);
    return tree.id(path);
  };
  const { mentions } = await load({}, { tree: { ...tree, id } });
  hashed.length = 0;
  const content = { path: 'y/app.yaml', id: 'another', size: 13 };
  expect(await mentions?.movedFrom('lonely', content, {})).toBeUndefined();
  // Half as large for keywords that git took out; twice for carriage returns on each line, and 64 bytes.
  expect(hashed.filter((path) => /^x\/\d/.test(path))).toEqual(['x/13', 'x/90']);
  await mentions?.of('lonely', {});
  const { count } = tree.reads;
  await mentions?.of('missing', {});
  expect(tree.reads.count).toBe(count);
});

describe('a file that says more than its fields', () => {
  const saidOf = async (name: string, text: string): Promise<readonly (string | undefined)[]> => {
    const { mentions } = await load({ ...front, [`x/${name}`]: text });
    const all = await Promise.all(['one', 'two'].map(async (app) => mentions?.of(app, {})));
    return all.map((mention) => mention?.file);
  };

  it.each([
    ['web.yaml', 'app: one\n# app: two\n', false],
    ['web.yaml', 'app: one\napp: two\n', true],
    ['web.yaml', 'app: one\n---\napp: two\n', true],
    ['web.yaml', '? app\n: one\n---\napp: two\n', true],
    ['web.json', '{ "app": "one", // or\n  "app": "two" }\n', true],
    ['web.json', '{ "app": "one" }\n', false],
  ])('is read by its lines, too, unless its fields are all of it: %s %j', async (name, text, isBoth) => {
    const file = `x/${name}`;
    expect(await saidOf(name, text)).toEqual([file, isBoth ? file : undefined]);
  });

  it('is read by its lines where it has no field `app`; JSON has nothing else', async () => {
    expect(await saidOf('web.yaml', '# app: one\nenv: {}\n')).toEqual(['x/web.yaml', undefined]);
    expect(await saidOf('web.json', '{\n  "a": "\\n",\n  "b": {\n"app": "one"\n}\n}\n')).toEqual([
      undefined,
      undefined,
    ]);
  });
});
