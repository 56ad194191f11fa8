/** The file that an app's own file became, moved and perhaps edited: found by its content. */
import { describe, expect, it } from 'vitest';
import type { Mention } from '../../../src/model/removal.ts';
import { appYaml, load } from '../loading.ts';
import { memoryTree, type MemoryFiles } from '../memory-tree.ts';

const front = { 'flycd.yaml': 'fleet: acme\n', 'front/app.yaml': appYaml('front') };
const project = (more = ''): string => `project: p\nsource: { type: local }\n${more}`;

describe('a file with the content that an app’s had', () => {
  it('is that app’s, whatever it is called, but for one that is read or was there before', async () => {
    const text = 'image: nginx\n';
    const tree = memoryTree({ ...front, 'x/notes': text, 'y/app.yaml': text });
    const fleet = await load({}, { tree });
    const content = { path: 'x/app.yaml', id: (await tree.id('x/notes')) ?? '', size: text.length };
    expect(await fleet.mentions?.movedFrom('lonely', content, {})).toEqual({
      file: 'x/notes',
      as: 'moved',
    });
    expect(await fleet.mentions?.movedFrom('lonely', content, { isNew: () => false })).toBeUndefined();
    expect(await fleet.mentions?.movedFrom('lonely', content, { isNew: () => true })).toMatchObject({
      file: 'x/notes',
    });
    // As on disk, where git puts carriage returns in.
    expect(await fleet.mentions?.movedFrom('lonely', { ...content, size: 11 }, {})).toMatchObject({
      file: 'x/notes',
    });
    expect(await fleet.mentions?.movedFrom('lonely', { ...content, size: undefined }, {})).toMatchObject({
      file: 'x/notes',
    });
    expect(await fleet.mentions?.movedFrom('lonely', { ...content, id: 'x' }, {})).toBeUndefined();
    const { mentions } = await load({ ...front, 'y/app.yaml': text });
    expect(await mentions?.movedFrom('lonely', content, {})).toBeUndefined();
  });

  it.each(['x/project.yaml', 'x/flycd.yaml', 'b/app.yaml.orig'])('is that app’s under the name %s', async (file) => {
    const text = 'image: nginx\n';
    const tree = memoryTree({ ...front, [file]: text });
    const content = { path: 'x/app.yaml', id: (await tree.id(file)) ?? '', size: text.length };
    const { mentions } = await load({}, { tree });
    expect(await mentions?.movedFrom('lonely', content, {})).toEqual({ file, as: 'moved' });
  });
});

describe('a new file that is mostly what an app’s had', () => {
  const lines = [
    'image: registry.example/a/shop:1.22',
    'release_command: bin/rails db:migrate',
    'kill_signal: SIGTERM and some more of it',
    'primary_region: arn, and ams beside it',
  ];
  const textOf = (...changed: readonly string[]): string =>
    `${[...changed, ...lines.slice(changed.length)].join('\n')}\n`;
  const found = async (
    files: MemoryFiles,
    path = '',
    isNew = (_path: string) => true,
  ): Promise<Mention | undefined> => {
    const text = textOf();
    const { mentions } = await load({ ...front, ...files }, { path });
    const content = { path: 'x/app.yaml', id: 'gone', size: text.length };
    return mentions?.movedFrom(
      'lonely',
      { ...content, bytes: new TextEncoder().encode(text) },
      { isNew, isAdded: isNew },
    );
  };

  it.each<readonly [string, string]>([
    ['edited in one line', textOf('primary_region: other')],
    ['with a placeholder for its name', textOf('app: ${NAME}')],
    ['with a name in capitals, as a substitution has it', textOf('app: THENAME')],
    ['edited in half of it', textOf('image: registry.example/a/shop:1.23', 'release_command: bin/rails db:rollback')],
    [
      'in another order, moved in, with carriage returns',
      lines
        .toReversed()
        .map((line) => `  ${line}\r\n`)
        .join(''),
    ],
    ['as a comment', lines.map((line) => `# ${line}\n`).join('')],
  ])('is that app’s: %s', async (_how, text) => {
    expect(await found({ 'x/notes': text })).toEqual({ file: 'x/notes', as: 'like' });
    expect(await found({ 'x/notes': text }, '', () => false)).toBeUndefined();
  });

  it('is that app’s where one value of a long line was edited, as git counts it', async () => {
    const value = (level: string): string =>
      `env: { LOG_LEVEL: ${level}, ${lines.join(', ')}, ${lines.toReversed().join(', ')} }\n`;
    const { mentions } = await load({ ...front, 'x/notes': value('debug') });
    const bytes = new TextEncoder().encode(value('infos'));
    const content = { path: 'x/app.yaml', id: 'gone', size: bytes.length, bytes };
    const since = { isNew: () => true, isAdded: () => true };
    expect(await mentions?.movedFrom('lonely', content, since)).toMatchObject({ as: 'like' });
    // Its own file was a link, which says no size: what it led to does.
    const led = { ...content, size: undefined };
    expect(await mentions?.movedFrom('lonely', led, since)).toMatchObject({ as: 'like' });
  });

  it.each([
    ['as much as it has besides', 'x'.repeat(40), { file: 'x/notes', as: 'like' }],
    ['one letter less', 'x'.repeat(41), undefined],
  ])('has half of it in common, by letters: %s', async (_what, last, expected) => {
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(40));
    const bytes = new TextEncoder().encode(`${a}\n${b}\n${c}\n${d}\n`);
    const { mentions } = await load({ ...front, 'x/notes': `${a}\n${b}\n${'y'.repeat(40)}\n${last}\n` });
    const content = { path: 'x/app.yaml', id: 'gone', size: bytes.length, bytes };
    expect(await mentions?.movedFrom('lonely', content, { isNew: () => true, isAdded: () => true })).toEqual(expected);
  });

  it('is not the very copy of it which another config’s project gives another name', async () => {
    const named = `${project()}common: { app_defaults: { app: staged } }\n`;
    const files = { 'a/front/app.yaml': appYaml('front'), 'b/flycd.yaml': 'fleet: acme\n', 'b/app.yaml': textOf() };
    const foundIn = async (more: MemoryFiles): Promise<Mention | undefined> => {
      const tree = memoryTree({ ...front, ...files, ...more });
      const bytes = new TextEncoder().encode(textOf());
      const content = { path: 'a/x/app.yaml', id: (await tree.id('b/app.yaml')) ?? '', size: bytes.length, bytes };
      const { mentions } = await load({}, { tree, path: 'a' });
      return mentions?.movedFrom('lonely', content, { isNew: () => true, isAdded: () => true });
    };
    expect(await foundIn({})).toEqual({ file: '../b/app.yaml', as: 'other config' });
    expect(await foundIn({ 'b/project.yaml': named })).toBeUndefined();
  });

  it('is none that git ignores: a rename never leads there', async () => {
    const tree = memoryTree({ ...front, 'x/notes': textOf() }, { ignored: ['x/notes'] });
    const { mentions } = await load({}, { tree });
    const bytes = new TextEncoder().encode(textOf());
    const content = { path: 'x/app.yaml', id: (await tree.id('x/notes')) ?? '', size: bytes.length, bytes };
    expect(await mentions?.movedFrom('lonely', content, { isNew: () => true })).toBeUndefined();
  });

  it.each<readonly [string, string]>([
    [
      'edited in more than half of it',
      textOf('image: registry.example/a/shop:1.23', 'release_command: bin/rails db:rollback', 'x: y'),
    ],
    ['which names another app', textOf('app: other')],
    ['empty', ''],
    ['no more than a line or two', `${lines[0]}\n`],
  ])('is not where it is %s', async (_how, text) => {
    expect(await found({ 'x/notes': text })).toBeUndefined();
  });

  it('is the app.yaml of another config where that says no name itself', async () => {
    const files = { 'a/front/app.yaml': appYaml('front'), 'b/flycd.yaml': 'fleet: acme\n' };
    const other = { file: '../b/app.yaml', as: 'other config' };
    expect(await found({ ...files, 'b/app.yaml': textOf('primary_region: other') }, 'a')).toEqual(other);
    expect(await found({ ...files, 'b/app.yaml': textOf('app: other') }, 'a')).toBeUndefined();
    const named = (common: string): MemoryFiles => ({ ...files, 'b/project.yaml': `${project()}common: ${common}\n` });
    const substituted = named('{ substitutions: { ENV: staging } }');
    expect(await found({ ...substituted, 'b/app.yaml': textOf('app: lonely-ENV') }, 'a')).toBeUndefined();
    const given = named('{ app_defaults: { app: staged } }');
    expect(await found({ ...given, 'b/app.yaml': textOf('primary_region: other') }, 'a')).toBeUndefined();
  });

  it.each<readonly [string, MemoryFiles]>([
    ['a project', { 'project.yaml': `${project()}common:\n  app_defaults:\n    ${lines.join('\n    ')}\n` }],
    [
      'what an app.yaml goes on from',
      { 'x/base.yaml': textOf(), 'x/app.yaml': 'app: other\nsource: { type: local }\nfly_config: base.yaml\n' },
    ],
    [
      'what a project leads to',
      {
        'p/project.yaml': project('common: { app_defaults: { app: staged } }\n').replace(
          'local',
          'local, path: fly.yaml',
        ),
        'p/fly.yaml': textOf(),
      },
    ],
  ])('is none that FlyCD reads for others: %s', async (_what, files) => {
    expect(await found(files)).toBeUndefined();
  });

  it('is none where both hold next to nothing', async () => {
    const tree = memoryTree({ ...front, 'x/tsconfig.json': '{}\n' });
    const content = { path: 'x/app.yaml', id: (await tree.id('x/tsconfig.json')) ?? '', size: 3 };
    const { mentions } = await load({}, { tree });
    expect(await mentions?.movedFrom('lonely', content, {})).toBeUndefined();
  });
});
