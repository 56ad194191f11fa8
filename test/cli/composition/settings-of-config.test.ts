import { expect, test } from 'vitest';
import { settingsOfConfig } from '../../../src/cli/composition/settings-of-config.ts';
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
