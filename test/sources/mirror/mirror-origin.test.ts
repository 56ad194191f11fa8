import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MirrorPlace } from '../recorded-mirrors.ts';

const place = new MirrorPlace();

test('a mirror says where its history begins, asked once; a file on this machine has no address', async () => {
  const { repository } = place;
  const root = repository.commit({ 'app.yaml': 'app: one\n' });
  const { mirrors, calls } = place.mirrors();
  const request = { url: repository.url, ref: 'main', trust: 'operator' } as const;
  for (const app of ['two', 'three']) {
    const commit = repository.commit({ 'app.yaml': `app: ${app}\n` });
    expect((await mirrors.tree(request)).revision).toBe(commit);
    expect(await mirrors.origin(request, commit)).toEqual({ address: undefined, root });
  }
  expect(calls('rev-list')).toHaveLength(1);
  const other = repository.commit({ 'app.yaml': 'app: other\n' }, { branch: 'other' });
  const onOther = { ...request, ref: 'other' };
  await mirrors.tree(onOther);
  expect(await mirrors.origin(onOther, other)).toEqual({ address: undefined, root: other });
});

test('a mirror whose history was cut short since does not say where it begins', async () => {
  const { repository } = place;
  repository.commit({ 'app.yaml': 'app: one\n' });
  const commit = repository.commit({ 'app.yaml': 'app: two\n' });
  const request = { url: repository.url, ref: 'main', trust: 'operator' } as const;
  const { mirrors, calls, data } = place.mirrors();
  await mirrors.tree(request);
  const folder = join(data, 'mirrors');
  const [mirror = ''] = readdirSync(folder);
  writeFileSync(join(folder, mirror, 'shallow'), `${commit}\n`);
  expect(await mirrors.origin(request, commit)).toBeUndefined();
  expect(await mirrors.descends(request, commit, '1'.repeat(40))).toBe('unknown');
  expect(calls('rev-parse')).toEqual([]);
});
