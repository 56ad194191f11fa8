import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { IdleClock, systemClock } from '../../../src/model/base/clock.ts';
import { removeLeftovers, watchSize } from '../../../src/sources/mirror/mirror-size.ts';
import { parseGitLocation } from '../../../src/sources/tree/location.ts';
import { makeBareRepository, startGitServer } from '../../servers/git-server.ts';
import { faultOf, MirrorPlace, textOf } from '../recorded-mirrors.ts';

const place = new MirrorPlace();
const mebibyte = 1024 * 1024;

const mirrorsIn = (data: string): readonly string[] =>
  existsSync(join(data, 'mirrors')) ? readdirSync(join(data, 'mirrors')) : [];

test('a repository whose history is larger than a mirror may be is not kept, and others are read', async () => {
  place.repository.commit({ 'app.yaml': 'app: a\n', 'large.bin': randomBytes(3 * mebibyte) });
  const other = makeBareRepository(place.served, 'other.git');
  other.commit({ 'app.yaml': 'app: b\n' });
  const clock = new IdleClock();
  const { mirrors, data, calls } = place.mirrors({ clock, limits: { maxBytes: 2 * mebibyte } });
  const read = () => mirrors.tree({ url: place.repository.url, ref: 'main', trust: 'operator' });
  expect(await faultOf(read())).toMatchObject({
    kind: 'stalled',
    what: `${place.repository.url} cannot be read`,
    why: 'its history takes more than 2 MB on disk, which is what a mirror may take',
  });
  expect(mirrorsIn(data)).toEqual([]);
  expect(await textOf(await mirrors.tree({ url: other.url, ref: 'main', trust: 'operator' }), 'app.yaml')).toBe(
    'app: b\n',
  );
  // It is not fetched with each pass.
  const before = calls('fetch').length;
  await clock.sleep(59 * 60_000);
  expect((await faultOf(read())).why).toContain('more than 2 MB');
  expect(calls('fetch')).toHaveLength(before);
  await clock.sleep(2 * 60_000);
  expect((await faultOf(read())).why).toContain('more than 2 MB');
  expect(calls('fetch').length).toBeGreaterThan(before);
});

test('a disk that has too little left is said to, what was fetched before is kept', async () => {
  place.repository.commit({ 'app.yaml': 'app: a\n' });
  const { mirrors, data } = place.mirrors({ limits: { reserveBytes: Number.MAX_SAFE_INTEGER } });
  const fault = await faultOf(mirrors.tree({ url: place.repository.url, ref: 'main', trust: 'operator' }));
  expect(fault).toMatchObject({ kind: 'transient', next: expect.stringContaining('fly volumes extend') as unknown });
  expect(fault.why).toMatch(/^the disk has \d+ MB left, and \d+ MB stay free for FlyCD's database$/);
  expect(mirrorsIn(data)).toHaveLength(1);
});

test('it is measured while it is fetched', async () => {
  const clock = new IdleClock();
  const directory = join(place.path, 'mirror.git');
  const pack = join(directory, 'objects/pack/tmp_pack_x');
  mkdirSync(dirname(pack), { recursive: true });
  const location = parseGitLocation('https://example.com/a.git');
  if (location === undefined) throw new Error('no location');
  const watch = watchSize({ directory, clock, location, limits: { maxBytes: mebibyte, reserveBytes: 0 } });
  let said: unknown;
  watch.exceeded.catch((error: unknown) => (said = error));
  writeFileSync(pack, randomBytes(mebibyte));
  for (let look = 0; look < 3; look += 1) {
    await clock.sleep(1000);
    await sleep(20);
  }
  expect(said).toBeUndefined();
  writeFileSync(pack, randomBytes(mebibyte + 1));
  await clock.sleep(1000);
  await expect.poll(() => String(said)).toContain('more than 1 MB');
  watch.stop();
});

test('what is too much while nobody waits for it, as in a queue, ends no process', async () => {
  const clock = new IdleClock();
  const directory = join(place.path, 'mirror.git');
  mkdirSync(directory, { recursive: true });
  const location = parseGitLocation('https://example.com/a.git');
  if (location === undefined) throw new Error('no location');
  const watch = watchSize({
    directory,
    clock,
    location,
    limits: { maxBytes: 0, reserveBytes: Number.MAX_SAFE_INTEGER },
  });
  await clock.sleep(2000);
  await sleep(100);
  watch.stop();
});

test('a fetch that goes on is broken off as soon as it is too much', async () => {
  place.repository.commit({ 'app.yaml': 'app: a\n' });
  let posts = 0;
  const server = await startGitServer({
    root: place.served,
    // The first one asks for refs; the answer to the fetch never comes.
    before: (request) => request.method === 'POST' && (posts += 1) > 1,
  });
  place.closing(() => server.close());
  const { mirrors, data } = place.mirrors({ clock: systemClock, limits: { maxBytes: 1 } });
  const began = performance.now();
  const fault = await faultOf(mirrors.tree({ url: `${server.url}/config.git`, ref: 'main', trust: 'operator' }));
  expect(fault.why).toContain('what a mirror may take');
  expect(performance.now() - began).toBeLessThan(20_000);
  expect(mirrorsIn(data)).toEqual([]);
});

test('what a fetch that was broken off left goes, but for what another process may be at', async () => {
  const directory = join(place.path, 'mirror.git');
  const packs = join(directory, 'objects/pack');
  mkdirSync(join(directory, 'objects/tmp_objdir-incoming-a'), { recursive: true });
  mkdirSync(packs, { recursive: true });
  for (const name of ['tmp_pack_old', 'tmp_pack_new', 'pack-1.pack']) writeFileSync(join(packs, name), 'x');
  utimesSync(join(packs, 'tmp_pack_old'), 1, 1);
  await removeLeftovers(directory, Date.now() - 60_000);
  expect(readdirSync(packs).toSorted()).toEqual(['pack-1.pack', 'tmp_pack_new']);
  expect(readdirSync(join(directory, 'objects')).toSorted()).toEqual(['pack', 'tmp_objdir-incoming-a']);
  await removeLeftovers(directory, 0);
  expect(readdirSync(packs)).toEqual(['pack-1.pack']);
  expect(readdirSync(join(directory, 'objects'))).toEqual(['pack']);
});
