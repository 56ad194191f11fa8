import { mkdirSync, realpathSync, symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../servers/git-server.ts';
import { idlePrune, leftAside, settingsOfConfig } from '../../../src/cli/composition/settings-of-config.ts';
import type { ConfigLocation, OperatorSettings } from '../../../src/cli/composition/settings.ts';

const sync = { drift: 'report' } as const;
const ours = { fleet: 'acme', sync, ref: 'production' } as const;

function settings(config_repo: string | undefined, isNamed = false): OperatorSettings {
  return {
    file: '/work/flycd.yaml',
    isNamed,
    written: { ...ours, ...(config_repo === undefined ? {} : { config_repo }) },
  };
}

interface Row {
  readonly says: string;
  readonly config_repo?: string;
  readonly isNamed?: boolean;
  readonly text: string;
  readonly from?: ConfigLocation['from'];
  readonly counts: boolean;
  readonly isRoot: boolean;
}

const rows: readonly Row[] = [
  {
    says: 'its config_repo',
    config_repo: 'config',
    text: '/work/config',
    from: 'settings',
    counts: true,
    isRoot: true,
  },
  { says: 'its config_repo, given again', config_repo: 'config', text: '/work/config', counts: true, isRoot: true },
  { says: 'a part of its config_repo', config_repo: 'config', text: '/work/config/shop', counts: true, isRoot: false },
  { says: 'a folder with a like name', config_repo: 'config', text: '/work/config-b', counts: false, isRoot: true },
  { says: 'another folder', config_repo: 'config', text: '/elsewhere', counts: false, isRoot: true },
  { says: 'another folder, no config_repo', text: '/work/config', counts: false, isRoot: true },
  { says: 'the folder it lies in', text: '/work', counts: true, isRoot: true },
  {
    says: 'its git repo, spelt in another way',
    config_repo: 'https://github.com/acme/config.git',
    text: 'git@github.com:acme/config',
    counts: true,
    isRoot: true,
  },
  {
    says: 'another git repo',
    config_repo: 'https://github.com/acme/config',
    text: 'https://github.com/acme/other',
    counts: false,
    isRoot: true,
  },
  {
    says: 'a repo of the environment',
    text: 'https://github.com/acme/config',
    from: 'environment',
    counts: true,
    isRoot: true,
  },
  {
    says: 'a part of its config_repo, of the environment',
    config_repo: 'config',
    text: '/work/config/shop',
    from: 'environment',
    counts: true,
    isRoot: false,
  },
  {
    says: 'another repo than its config_repo, of the environment',
    config_repo: 'config',
    text: '/elsewhere',
    from: 'environment',
    counts: false,
    isRoot: true,
  },
  {
    says: 'another config with --settings, the operator’s word',
    config_repo: 'config',
    isNamed: true,
    text: '/elsewhere',
    counts: true,
    isRoot: false,
  },
];

test.each(rows)('fleet, sync and ref of flycd.yaml: $says → $counts', (row) => {
  const location = { text: row.text, from: row.from ?? 'argument' } as const;
  const found = settingsOfConfig(settings(row.config_repo, row.isNamed), location);
  expect(found).toStrictEqual({
    written: row.counts ? ours : {},
    isRoot: row.isRoot,
    aside: row.counts ? [] : ['fleet', 'sync', 'ref'],
  });
});

test('what is not written is not said to be left aside', () => {
  const given = { text: '/elsewhere', from: 'argument' } as const;
  expect(settingsOfConfig({ file: undefined, isNamed: false, written: {} }, given).aside).toEqual([]);
  const few: OperatorSettings = {
    file: '/work/flycd.yaml',
    isNamed: false,
    written: { concurrency: 2, fleet: 'acme' },
  };
  expect(settingsOfConfig(few, given)).toStrictEqual({ written: {}, isRoot: true, aside: ['fleet'] });
});

test('a part of a config without a name of the operator’s is whole: its own files name it', () => {
  const few: OperatorSettings = { file: '/work/flycd.yaml', isNamed: true, written: { concurrency: 2 } };
  expect(settingsOfConfig(few, { text: '/work/config/shop', from: 'argument' }).isRoot).toBe(true);
});

describe('one folder under several names', () => {
  let scratch: ReturnType<typeof temporaryFolder>;
  let real: string;
  beforeEach(() => {
    scratch = temporaryFolder();
    real = realpathSync(scratch.path);
    for (const folder of ['work', 'repos/config/shop', 'repos/other', 'repos/config-b']) {
      mkdirSync(join(real, folder), { recursive: true });
    }
    symlinkSync('../repos/config', join(real, 'work/link'));
    symlinkSync('work', join(real, 'work-by-link'));
    symlinkSync('repos', join(real, 'r'));
  });
  afterEach(() => scratch.remove());

  const asked = (config_repo: string | undefined, given: string, folder = 'work') => {
    const file = join(real, folder, 'flycd.yaml');
    const written = {
      ...ours,
      ...(config_repo === undefined ? {} : { config_repo: config_repo.replace('REAL', real) }),
    };
    const text = /^[a-z]+:/.test(given) ? given.replace('REAL', real) : join(real, given);
    const location = { text: given.endsWith('/') ? `${text.replace(/\/$/, '')}/` : text, from: 'argument' } as const;
    const settings = { file, isNamed: false, written };
    return { settings, location, found: settingsOfConfig(settings, location) };
  };

  test.each([
    ['a link', 'link', 'repos/config'],
    ['by the link, too', 'link', 'work/link'],
    ['another link', 'link', 'r/config'],
    ['a link, of what is written plainly', '../repos/config', 'work/link'],
    ['..', '../repos/../repos/config', 'repos/config'],
    ['.. in what is absolute', 'REAL/repos/other/../config', 'repos/config'],
    ['a slash at the end', '../repos/config/', 'repos/config'],
    ['a slash at the end of what is given', '../repos/config', 'repos/config/'],
    ['two slashes', 'REAL//repos//config', 'repos/config'],
    ['a file URL', 'file://REAL/repos/config', 'repos/config'],
    ['a file URL through a link', 'file://REAL/r/config', 'repos/config'],
    ['a file URL, given', '../repos/config', 'file://REAL/repos/config/'],
    ['a file URL of git’s own folder', '../repos/config', 'file://REAL/repos/config/.git'],
    ['a file URL with a blank in it as %20', 'file://REAL/repos/con%66ig', 'repos/config'],
  ])('%s', (_what, config_repo, given) => {
    expect(asked(config_repo, given).found).toMatchObject({ written: ours, isRoot: true, aside: [] });
  });

  test('a part of it through a link', () => {
    expect(asked('link', 'r/config/shop').found).toMatchObject({ written: ours, isRoot: false });
  });

  test('the folder it lies in, by a link', () => {
    expect(asked(undefined, 'work-by-link').found).toMatchObject({ written: ours, isRoot: true });
    expect(asked(undefined, 'work', 'work-by-link').found).toMatchObject({ written: ours, isRoot: true });
  });

  test.each([
    ['a folder with a like name', 'link', 'repos/config-b'],
    ['the folder above', 'link', 'repos'],
    ['another, through a link', 'link', 'r/other'],
    ['one that is not there', 'nowhere', 'repos/config'],
  ])('and not %s', (_what, config_repo, given) => {
    expect(asked(config_repo, given).found).toMatchObject({ written: {}, aside: ['fleet', 'sync', 'ref'] });
  });

  test('the config’s own file in a work tree that is reached by a link is not said to be left aside', () => {
    const { settings, found } = asked('nowhere', 'r/config/shop', 'r/config');
    const config = { folder: join(real, 'r/config/shop'), workTree: join(real, 'repos/config') };
    expect(relative(real, settings.file)).toBe('r/config/flycd.yaml');
    expect(leftAside(settings, found, config)).toBe(undefined);
  });
});

describe('prune: [app] of settings that were named', () => {
  const said = (text: string, configRepo?: string, prune: 'app' | 'secrets' = 'app') => {
    const { written, ...named } = settings(configRepo, true);
    const given = { ...named, written: { ...written, sync: { prune: [prune] } } };
    return idlePrune(given, settingsOfConfig(given, { text, from: 'argument' }), text);
  };

  test.each([
    ['no config_repo', undefined, 'it names no config_repo'],
    ['another config_repo', '/work/other', 'this is not its config_repo'],
  ])('with %s is said to have no effect', (_what, configRepo, why) => {
    expect(said('/elsewhere', configRepo)).toContain(`prune: [app] of /work/flycd.yaml has no effect here: ${why}`);
    expect(said('/elsewhere', configRepo, 'secrets')).toBeUndefined();
  });

  test.each([
    ['the config_repo itself', '/work/config', '/work/config'],
    ['a part of it', '/work/config/shop', '/work/config'],
    ['the folder that the file lies in', '/work', undefined],
  ])('of %s says nothing', (_what, text, configRepo) => {
    expect(said(text, configRepo)).toBeUndefined();
  });
});
