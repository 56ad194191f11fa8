import { randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { IdleClock, systemClock, type Clock } from '../../../src/model/base/clock.ts';
import { removeLeftovers } from '../../../src/sources/mirror/mirror-fetch.ts';
import { watchSize } from '../../../src/sources/mirror/mirror-size.ts';
import { parseGitLocation } from '../../../src/sources/tree/location.ts';
import { makeBareRepository, startGitServer } from '../../servers/git-server.ts';
import { faultOf, MirrorPlace, textOf } from '../recorded-mirrors.ts';

const place = new MirrorPlace();
const mebibyte = 1024 * 1024;

const mirrorsIn = (data: string): readonly string[] =>
  existsSync(join(data, 'mirrors')) ? readdirSync(join(data, 'mirrors')) : [];

const bytesIn = (data: string): number =>
  readdirSync(join(data, 'mirrors'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);

const packsIn = (data: string): string => join(data, 'mirrors', mirrorsIn(data)[0] ?? '', 'objects/pack');

/** Puts 52 small packs there, as so many pushes do. */
function manyPacks(packs: string): void {
  for (let number = 0; number < 52; number += 1) {
    const oid = execFileSync('git', ['hash-object', '-w', '--stdin'], { cwd: packs, input: `text ${number}` });
    execFileSync('git', ['pack-objects', '--quiet', join(packs, 'pack')], { cwd: packs, input: oid });
  }
}

/** The repository's address at a server, which a config file may name. */
async function served(): Promise<string> {
  const server = await startGitServer({ root: place.served });
  place.closing(() => server.close());
  return `${server.url}/config.git`;
}

/** A clock whose looks at the size follow each other fast. */
const hasty: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic(),
  timer: (ms, work) => systemClock.timer(ms === 1000 ? 10 : ms, work),
  sleep: (...args) => systemClock.sleep(...args),
  busy: (work) => systemClock.busy(work),
  park: (...args) => systemClock.park(...args),
};

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
  expect(bytesIn(data)).toBeLessThan(100_000);
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
  const held = mebibyte / 2;
  mkdirSync(dirname(pack), { recursive: true });
  const location = parseGitLocation('https://example.com/a.git');
  if (location === undefined) throw new Error('no location');
  const watch = watchSize({ directory, held, clock, location, limits: { maxBytes: mebibyte, reserveBytes: 0 } });
  let said: unknown;
  watch.exceeded.catch((error: unknown) => (said = error));
  writeFileSync(pack, randomBytes(mebibyte / 2));
  for (let look = 0; look < 3; look += 1) {
    await clock.sleep(1000);
    await sleep(20);
  }
  expect(said).toBeUndefined();
  writeFileSync(pack, randomBytes(mebibyte / 2 + 1));
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
    held: 0,
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
  expect(bytesIn(data)).toBeLessThan(100_000);
});

test.each(['operator', 'config'] as const)(
  'a ref that is too large is refused alone, asked for by %s',
  async (trust) => {
    const { repository } = place;
    const url = await served();
    repository.commit({ 'app.yaml': 'app: a\n', 'flycd.yaml': 'a' });
    repository.commit({ 'app.yaml': 'app: h\n', 'large.bin': randomBytes(3 * mebibyte) }, { branch: 'huge' });
    const clock = new IdleClock();
    const { mirrors, data } = place.mirrors({ clock, limits: { maxBytes: 2 * mebibyte } });
    const main = () => mirrors.tree({ url, ref: 'main', trust: 'operator' });
    const huge = () => mirrors.tree({ url, ref: 'huge', trust });
    const before = await main();
    expect((await faultOf(huge())).why).toContain('more than 2 MB');
    // One that is open, the same ref, and one that has moved.
    expect(await textOf(before, 'app.yaml')).toBe('app: a\n');
    expect(await textOf(await main(), 'app.yaml')).toBe('app: a\n');
    repository.commit({ 'app.yaml': 'app: b\n' });
    expect(await textOf(await main(), 'app.yaml')).toBe('app: b\n');
    await clock.sleep(61 * 60_000);
    expect((await faultOf(huge())).why).toContain('more than 2 MB');
    expect(await textOf(before, 'flycd.yaml')).toBe('a');
    expect(await textOf(await main(), 'app.yaml')).toBe('app: b\n');
    expect(bytesIn(data)).toBeLessThan(300_000);
  },
);

test('refs that config files name do not fill up the mirror of the config repo', async () => {
  const { repository } = place;
  const url = await served();
  repository.commit({ 'app.yaml': 'app: a\n' });
  const half = () => randomBytes(1.2 * mebibyte);
  repository.commit({ 'large.bin': half() }, { branch: 'guest' });
  const { mirrors } = place.mirrors({ limits: { maxBytes: 2 * mebibyte } });
  const main = () => mirrors.tree({ url, ref: 'main', trust: 'operator' });
  await main();
  await mirrors.tree({ url, ref: 'guest', trust: 'config' });
  repository.commit({ 'app.yaml': 'app: b\n', 'large.bin': half() });
  const now = await main();
  expect(await textOf(now, 'app.yaml')).toBe('app: b\n');
  const named = { url, ref: 'main', trust: 'config' } as const;
  expect((await mirrors.tree(named)).revision).toBe(now.revision);
  expect(await mirrors.origin(named, now.revision)).toBeDefined();
});

test('a history that was rewritten and does not fit beside the old one fits an hour later', async () => {
  const { repository } = place;
  const url = await served();
  const rewrite = (name: string) =>
    repository.commit({ 'app.yaml': `app: ${name}\n`, 'large.bin': randomBytes(1.2 * mebibyte) }, { branch: name });
  repository.commit({ 'app.yaml': 'app: m\n' }, { branch: 'other' });
  rewrite('one');
  rewrite('two');
  const clock = new IdleClock();
  const { mirrors } = place.mirrors({ clock, limits: { maxBytes: 2 * mebibyte } });
  const read = (ref: string) => mirrors.tree({ url, ref, trust: 'config' });
  const open = await read('other');
  repository.git('update-ref', 'refs/heads/moving', 'one');
  await read('moving');
  repository.git('update-ref', 'refs/heads/moving', 'two');
  expect((await faultOf(read('moving'))).why).toContain('more than 2 MB');
  await clock.sleep(61 * 60_000);
  expect(await textOf(await read('moving'), 'app.yaml')).toBe('app: two\n');
  expect(await textOf(open, 'app.yaml')).toBe('app: m\n');
});

test.each([
  ['just now', 0, true],
  ['a day ago', 86_400_000, false],
])('half a pack that a killed process left %s is no history', async (_when, agoMs, stays) => {
  const { repository } = place;
  repository.commit({ 'app.yaml': 'app: a\n', 'x.bin': randomBytes(1.2 * mebibyte) });
  const { mirrors, data } = place.mirrors({ clock: systemClock, limits: { maxBytes: 2 * mebibyte } });
  const read = () => mirrors.tree({ url: repository.url, ref: 'main', trust: 'operator' });
  await read();
  const left = [join(packsIn(data), 'tmp_pack_AbCdEf'), join(packsIn(data), '../../incoming-AbCdEf')];
  mkdirSync(left[1] ?? '');
  writeFileSync(join(left[1] ?? '', 'x'), randomBytes(1.1 * mebibyte));
  writeFileSync(left[0] ?? '', randomBytes(1.1 * mebibyte));
  const at = (Date.now() - agoMs) / 1000;
  for (const path of left) utimesSync(path, at, at);
  // Also where the repository does not move any more.
  await read();
  expect(left.map((path) => existsSync(path))).toEqual([stays, stays]);
  repository.commit({ 'app.yaml': 'app: b\n' });
  expect(await textOf(await read(), 'app.yaml')).toBe('app: b\n');
});

test('a repack may write a second copy of a mirror that has more than half of what it may', async () => {
  const { repository } = place;
  repository.commit({ 'app.yaml': 'app: a\n', 'x.bin': randomBytes(12 * mebibyte) });
  const { mirrors, data } = place.mirrors({ clock: hasty, limits: { maxBytes: 20 * mebibyte } });
  const read = () => mirrors.tree({ url: repository.url, ref: 'main', trust: 'operator' });
  await read();
  const packs = () => readdirSync(packsIn(data)).filter((name) => name.endsWith('.pack'));
  manyPacks(packsIn(data));
  expect(packs().length).toBeGreaterThan(51);
  repository.commit({ 'app.yaml': 'app: b\n' });
  expect(await textOf(await read(), 'app.yaml')).toBe('app: b\n');
  expect(packs()).toHaveLength(1);
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
  await removeLeftovers(directory, Date.now() + 60_000);
  expect(readdirSync(packs)).toEqual(['pack-1.pack']);
  expect(readdirSync(join(directory, 'objects'))).toEqual(['pack']);
});
