/** Under `prune: [app]`, in fleets of any size, folder and git alike: an app goes when git says so, and never because its file was not read. */
import { onTestFinished, describe, expect, test } from 'vitest';
import { arena, type Arena, type Files } from '../controllers/arena.ts';

const app = (name: string): string =>
  `app: ${name}\nprimary_region: arn\nbuild: { image: "nginx:1.27" }\nmachines: { count: 1 }\n`;

const settings = 'fleet: acme\nsync: { prune: [app] }\n';

interface Change {
  readonly what: string;
  readonly files?: Files;
  readonly gone?: readonly string[];
  /** What the sync ends with. */
  readonly code: number;
  readonly says?: string;
}

/** Of git one: it reads the same files, and each commit costs a fetch. */
const worlds = [1, 8, 12].map((size) => ({ size, repository: false })).concat({ size: 8, repository: true });

/** A fleet that is rolled out, `lonely` among its apps. */
async function fleetOf(options: { readonly size: number; readonly repository: boolean }): Promise<Arena> {
  const world = await arena({ repository: options.repository });
  onTestFinished(() => world.close());
  const others = Array.from({ length: options.size - 1 }, (_unused, index) => `other-${index}`);
  const files = [...others, 'lonely'].map((name) => [`${name}/app.yaml`, app(name)] as const);
  world.write({ 'flycd.yaml': settings, 'README.md': '', ...Object.fromEntries(files) });
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  return world;
}

/** Apps, their machines with versions, states and stamps. */
const onFly = (world: Arena): unknown =>
  world.simulator.world.snapshot().map(({ name, machines }) => ({ name, machines }));

/** What stood on Fly stands there after passes over what git says now, whatever brakes are released. */
async function staysAsItIs(world: Arena, change: Pick<Change, 'files' | 'gone'>) {
  const before = onFly(world);
  for (const path of change.gone ?? []) world.remove(path);
  world.write(change.files ?? {});
  const synced = await world.flycd(['sync', '--once', '--accept']);
  expect(onFly(world)).toEqual(before);
  return synced;
}

test.each(worlds)('control: an app that git names no longer goes ($size, git: $repository)', async (options) => {
  const world = await fleetOf(options);
  world.remove('lonely');
  if (options.size === 1) world.write({ 'new/app.yaml': app('new') });
  expect((await world.flycd(['sync', '--once', '--accept'])).code).toBe(0);
  expect(world.simulator.world.snapshot().map(({ name }) => name)).not.toContain('lonely');
});

/** Each change by itself, over the same fleet: what is not done on Fly leaves the world as it was. */
async function eachStays(world: Arena, changes: readonly Change[]): Promise<void> {
  const good = { 'lonely/app.yaml': app('lonely'), 'flycd.yaml': settings };
  for (const { what, code, says, ...change } of changes) {
    const synced = await staysAsItIs(world, change);
    expect.soft({ what, code: synced.code }).toEqual({ what, code });
    if (says !== undefined) expect.soft(synced.stderr + synced.stdout, what).toContain(says);
    for (const path of Object.keys(change.files ?? {})) if (!(path in good)) world.remove(path);
    world.write(good);
  }
}

test.each(worlds)('the file of one of $size apps is not what it was (git: $repository)', async (options) => {
  const world = await fleetOf(options);
  const named = (name: string): Change => ({
    what: name,
    files: { [`lonely/${name}`]: '{ "app": "lonely" }' },
    gone: ['lonely/app.yaml'],
    // Nothing else is there: a config without apps is refused.
    code: options.size > 1 ? 0 : 3,
    says: 'rename it to app.yaml',
  });
  await eachStays(world, [
    { what: 'no app can be called so', files: { 'lonely/app.yaml': app('Lonely') }, code: 3 },
    {
      what: 'a conflict of git',
      files: { 'lonely/app.yaml': `<<<<<<< HEAD\napp: gone\n=======\n${app('lonely')}>>>>>>>\n` },
      code: 3,
    },
    ...['App.yaml', 'app.YAML', 'app.yaml~', 'app.json', 'app.ymal'].map(named),
    // Of git a few: names are read alike, and each commit costs a fetch.
    ...(options.repository ? [] : ['app.yaml ', 'app,yaml', 'ap.yaml', '\u0430\u0440\u0440.yaml']).map(named),
    ...['app.yaml.bak', ...(options.repository ? [] : ['app-old.yaml'])].map((name) => ({
      ...named(name),
      code: options.size > 1 ? 4 : 3,
      ...(options.size > 1 ? { says: `lonely/${name} does` } : { says: 'an empty config repo is refused' }),
    })),
  ]);
});

const text = app('lonely');
const harmless: Readonly<Record<string, string>> = {
  'with carriage returns': text.replaceAll('\n', '\r\n'),
  'with a byte order mark': `\uFEFF${text}`,
  'with a document’s start and end': `---\n${text}...\n`,
  'without a line end': text.trimEnd(),
  'with an anchor that nobody uses': `# text\n${text}env: &nobody {}\n`,
};
const broken: Readonly<Record<string, string>> = {
  empty: '',
  'an empty document': '---\n...\n',
  null: 'null\n',
  'a list': '- app: lonely\n',
  'two documents': `${text}---\napp: gone\n`,
  'an empty document before another': `---\n---\n${text}`,
  'an alias to nothing': `${text}env: *nobody\n`,
  'a merge of nothing': `<<: *nobody\n${text}`,
  'cut short in its name': 'app: "lon',
  'cut short before its name': 'app:',
  zeroes: '\0'.repeat(100),
  'a pointer of LFS': `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 120\n`,
  enormous: `${text}#${'x'.repeat(1_100_000)}\n`,
};
const git = 'project: p\nsource: { type: git, repo: "http://127.0.0.1:9/x.git" }\n';
const projects: Readonly<Record<string, string>> = {
  'that cannot be parsed': 'project: [\n',
  'without a source': 'project: p\n',
  'whose repo is out of reach': git,
  'whose folder is not there': 'project: p\nsource: { type: local, path: nowhere }\n',
};

describe.each(worlds.filter(({ size }) => size === 8))('how files are written (git: $repository)', (options) => {
  // Of git a few: what a file says is read alike, and each commit costs a fetch.
  const most = options.repository ? 2 : 100;
  const rows = (files: Readonly<Record<string, string>>, path: string, code: number): readonly Change[] =>
    Object.entries(files).map(([what, written]) => ({ what, files: { [path]: written }, code }));

  test('an app’s', async () => {
    await eachStays(await fleetOf(options), [
      ...rows(harmless, 'lonely/app.yaml', 0).slice(0, most),
      ...rows(broken, 'lonely/app.yaml', 3).slice(0, most),
    ]);
  });

  test('a project’s and the settings', async () => {
    const all = [...Array.from({ length: 7 }, (_unused, index) => `other-${index}`), 'lonely'];
    await eachStays(await fleetOf(options), [
      ...rows(projects, 'lonely/project.yaml', 3),
      { what: 'settings under another name', files: { 'FlyCD.yaml': settings }, gone: ['flycd.yaml'], code: 3 },
      ...rows({ 'that cannot be parsed': 'fleet: [\n' }, 'flycd.yaml', 3),
      { what: 'all apps gone', gone: all, code: 3 },
    ]);
  });

  test('a folder whose name is composed otherwise is the same app', async () => {
    const world = await fleetOf(options);
    const path = 'K\u00f6ln/app.yaml';
    world.write({ [path]: app('koeln') });
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
    const decomposed = { files: { [path.normalize('NFD')]: app('koeln') }, gone: ['K\u00f6ln'] };
    expect((await staysAsItIs(world, decomposed)).code).toBe(0);
  });
});
