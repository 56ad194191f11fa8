import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { arena } from '../../controllers/arena.ts';
import { amiss, exposed, written } from './hearing.ts';

const well = { code: 0, stdout: 'synced', stderr: '' };

test('a run that is well says nothing', () => {
  for (const code of [0, 1, 2, 3, 4]) expect(amiss({ ...well, code }, 'pass 1')).toEqual([]);
});

test.each([
  ['pass 1: exit code 7', { ...well, code: 7 }],
  ['pass 1: something broke inside', { ...well, stderr: 'TypeError: x is undefined' }],
  ['pass 1: something broke inside', { ...well, stdout: 'the pass over app-1 broke off' }],
  ['pass 1: a secret was printed', { ...well, stderr: 'cannot set hush-1-hush' }],
])('heard: %s', (words, ran) => {
  expect(amiss(ran, 'pass 1')).toEqual([expect.stringContaining(words)]);
});

test('seen: a diff that writes, a secret in a URL, on a machine and in a file', async () => {
  const it = await arena({ orderly: true });
  onTestFinished(() => it.close());
  const { world } = it.simulator;
  mkdirSync(it.stateFolder);
  await it.asPerson('POST', '/apps', { app_name: 'app-1', org_slug: 'personal' });
  expect(written(world.requests)).toEqual(['diff wrote: POST /apps']);
  const get = () => it.asPerson('GET', '/apps/app-1');
  const before = world.requests.length;
  await get();
  expect(written(world.requests.slice(before))).toEqual([]);
  expect(exposed(world, it.stateFolder)).toEqual([]);
  await it.asPerson('GET', '/apps/hush-1-hush').catch(() => undefined);
  const config = { image: 'app', env: { PASSWORD: 'hush-2-hush' } };
  await it.asPerson('POST', '/apps/app-1/machines', { name: 'one', region: 'arn', config });
  mkdirSync(join(it.stateFolder, 'flycd'));
  writeFileSync(join(it.stateFolder, 'flycd', 'flycd.db'), 'x hush-3-hush x');
  expect(exposed(world, it.stateFolder)).toEqual([
    'a secret in a URL: /v1/apps/hush-1-hush',
    'app-1: a secret in the config of one',
    'a secret in flycd/flycd.db',
  ]);
});
