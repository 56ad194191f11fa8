import { expect, test } from 'vitest';
import { appYaml, load, said } from './loading.ts';

const certificates =
  'warning: sync.prune[0]: certificates have no effect yet: FlyCD does not manage them (remove certificates until FlyCD knows them)';
const deep =
  'warning: sync.prune[1]: app has no effect here: an app that git no longer names has no file to say so (write it in flycd.yaml beside a fleet name)';
const unnamed =
  'warning: sync.prune[0]: app has no effect in a fleet without a name: apps that git no longer names are not looked for (write fleet: NAME in flycd.yaml)';

const project = 'project: shop\nsource: { type: local, path: apps }\n';

test.each([
  [
    'certificates in flycd.yaml',
    { 'flycd.yaml': 'fleet: a\nsync: { prune: [certificates] }\n' },
    ['flycd.yaml', certificates],
  ],
  [
    'certificates in an app',
    { 'web/app.yaml': appYaml('web', 'sync: { prune: [certificates] }\n') },
    ['web/app.yaml', certificates],
  ],
  ['app in an app', { 'web/app.yaml': appYaml('web', 'sync: { prune: [secrets, app] }\n') }, ['web/app.yaml', deep]],
  [
    'app in a project',
    { 'project.yaml': `${project}fleet: a\nsync: { prune: [secrets, app] }\n`, 'apps/web/app.yaml': appYaml('web') },
    ['project.yaml', deep],
  ],
  ['app in a fleet without a name', { 'flycd.yaml': 'sync: { prune: [app] }\n' }, ['flycd.yaml', unnamed]],
] as const)('prune that can never act is a warning: %s', async (_says, files, [file, words]) => {
  const fleet = await load({ 'web/app.yaml': appYaml('web'), ...files });
  const found = fleet.problems.filter(({ path }) => path.startsWith('sync.prune'));
  expect(found.map((one) => [one.file, said([one])[0]])).toEqual([[file, expect.stringContaining(words)]]);
  expect(found[0]?.line).toBeGreaterThan(0);
});

test.each([
  [
    'app and secrets where they act',
    { 'flycd.yaml': 'fleet: a\nsync: { prune: [app, secrets, addresses] }\n' },
    undefined,
  ],
  ['the operator names the fleet', { 'flycd.yaml': 'sync: { prune: [app] }\n' }, { fleet: 'ours' }],
  [
    'the project names the fleet',
    {
      'flycd.yaml': 'sync: { prune: [app] }\n',
      'project.yaml': `${project}fleet: a\n`,
      'apps/web/app.yaml': appYaml('web'),
    },
    undefined,
  ],
] as const)('prune that acts is none: %s', async (_says, files, settings) => {
  const fleet = await load({ 'web/app.yaml': appYaml('web'), ...files }, { settings });
  expect(fleet.problems.filter(({ path }) => path.startsWith('sync'))).toEqual([]);
});

test('the operator’s own prune in a fleet without a name', async () => {
  const fleet = await load({ 'web/app.yaml': appYaml('web') }, { settings: { sync: { prune: ['app'] } } });
  expect(said(fleet.problems)).toEqual([expect.stringContaining('app has no effect in a fleet without a name')]);
});

test('a folder of a fleet that has its name further out says nothing', async () => {
  const files = { 'flycd.yaml': 'fleet: a\nsync: { prune: [app] }\n', 'team/web/app.yaml': appYaml('web') };
  expect((await load(files, { path: 'team' })).problems).toEqual([]);
});

test.each(['redis', 'postgres', 'certificates'])('%s is refused until FlyCD knows it', async (key) => {
  const fleet = await load({ 'web/app.yaml': appYaml('web', `${key}: [{ name: cache }]\n`) });
  expect(said(fleet.problems)).toEqual([expect.stringContaining(`error: ${key}: ${key} is not built yet`)]);
  expect(fleet.apps).toEqual([]);
});
