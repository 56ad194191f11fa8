/** An app that another fleet takes over while its own destroys it: the command does not say that it was, unless the app stays. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Files } from '../../controllers/arena.ts';
import { fleet, once, shop, suspend, wordsScene } from './scene.ts';

const scene = wordsScene();
const { seen, removed, passWith, calls, faults } = scene;
const template = 'DELETE /apps/{app}';
const lease = 'POST /apps/{app}/machines/{machine}/lease';
const byId = 'GET /apps/{app}/machines/{machine}';
const one = ['adopt', 'shop', '--from', 'words'];
const all = ['adopt', '--all', '--from', 'words'];

const folders: string[] = [];
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })));

/** Another config that names the app. */
function theirs(files: Files = { 'flycd.yaml': 'fleet: theirs\n', ...shop() }): string {
  const folder = mkdtempSync(join(tmpdir(), 'flycd-theirs-'));
  folders.push(folder);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

const fleets = () => seen()?.machines.map(({ metadata }) => metadata['flycd_fleet']);

describe.each([
  ['one', one],
  ['all', all],
])('by its labels (%s)', (_which, argv) => {
  test.each([1500, 20_000])('where Fly takes %d ms to destroy it: it was not taken over', async (latencyMs) => {
    await removed();
    const folder = theirs();
    let said: Awaited<ReturnType<typeof scene.world.flycd>> | undefined;
    await passWith({ template, nth: 1, fault: { latencyMs } }, async () => {
      said = await scene.world.flycdAt(folder, argv, 'laptop');
    });
    expect(seen()).toBeUndefined();
    expect(said?.code, said?.stdout).toBe(1);
    expect(said?.stdout).toContain('was destroyed while it was taken over');
    // Nothing that was known of it is in the way of the next one.
    expect((await scene.world.flycdAt(folder, once, 'laptop')).code).toBe(0);
    expect(fleets()).toEqual(['theirs']);
  });
});

test.each([
  ['names no fleet', { 'flycd.yaml': 'sync: {}\n', ...shop() }, 'laptop'],
  ['shares its database', { 'flycd.yaml': 'fleet: theirs\n', ...shop() }, 'state'],
])('by a config that %s', async (_what, files, state) => {
  await removed();
  const folder = theirs(files);
  let said: Awaited<ReturnType<typeof scene.world.flycd>> | undefined;
  await passWith({ template, nth: 1, fault: { latencyMs: 8000 } }, async () => {
    said = await scene.world.flycdAt(folder, one, state);
  });
  expect(seen()).toBeUndefined();
  expect(said?.code, said?.stdout).toBe(1);
  expect((await scene.world.flycdAt(folder, once, state)).code).toBe(0);
  expect(seen()?.machines).toHaveLength(1);
});

test.each([
  ['secrets', 2000],
  ['secrets', 4000],
  ['ip_assignments', 4000],
])('by a pass whose look at %s takes %d ms, and its fleet begins meanwhile', async (kind, latencyMs) => {
  await removed();
  const folder = theirs();
  const looked = `GET /apps/{app}/${kind}`;
  faults().add({ template: looked, app: 'shop', nth: 1, times: 1, fault: { latencyMs } });
  faults().add({ template, app: 'shop', nth: 1, times: 1, fault: { latencyMs: 15_000 } });
  const before = calls(looked);
  const adopting = scene.world.flycdAt(folder, ['adopt', 'shop'], 'laptop');
  while (calls(looked) === before) await scene.world.clock.sleep(20);
  await scene.world.clock.sleep(500);
  const passing = scene.world.flycd(once);
  const said = await adopting;
  await passing;
  expect(seen()).toBeUndefined();
  expect(said.code, said.stdout).toBe(1);
  expect((await scene.world.flycdAt(folder, once, 'laptop')).code).toBe(0);
  expect(fleets()).toEqual(['theirs']);
});

test.each([['adopt', 'shop'], one, all])('right before it is destroyed, it stays: %s %s %s %s', async (...argv) => {
  await removed();
  const folder = theirs();
  let said: Awaited<ReturnType<typeof scene.world.flycd>> | undefined;
  await passWith({ template: lease, nth: 1, fault: { latencyMs: 4000 } }, async () => {
    said = await scene.world.flycdAt(folder, argv, 'laptop');
  });
  expect(said?.code, said?.stdout).toBe(0);
  expect(calls(template)).toBe(0);
  expect(fleets()).toEqual(['theirs']);
});

test('where the destroy fails, it is taken over', async () => {
  await removed();
  const folder = theirs();
  faults().add({ template, app: 'shop', times: 99, fault: '503' });
  let said: Awaited<ReturnType<typeof scene.world.flycd>> | undefined;
  await passWith({ template, nth: 1, fault: { latencyMs: 3000 } }, async () => {
    said = await scene.world.flycdAt(folder, one, 'laptop');
  });
  faults().clear();
  expect(said?.code, said?.stdout).toBe(0);
  expect(fleets()).toEqual(['theirs']);
});

test('what is said of it by its new owner is not said to stand where its old one destroys it', async () => {
  await removed();
  const folder = theirs();
  let said: Awaited<ReturnType<typeof scene.world.flycd>> | undefined;
  await passWith({ template, nth: 1, fault: { latencyMs: 20_000 } }, async () => {
    const adopting = scene.world.flycdAt(folder, one, 'laptop');
    while (fleets()?.[0] !== 'theirs') await scene.world.clock.sleep(50);
    said = await scene.world.flycdAt(folder, suspend, 'another');
    await adopting;
  });
  expect(seen()).toBeUndefined();
  expect(said?.code, said?.stderr).toBe(1);
});

// An update may be on its way to any of them, and each carries its own labels.
test.each([1, 3, 12])(
  'where nobody is at work nobody waits, and each is looked at right before and after (%d machines)',
  async (count) => {
    await removed(count);
    const folder = theirs();
    const [looks, at] = [calls(byId), scene.world.clock.now()];
    expect((await scene.world.flycdAt(folder, all, 'laptop')).code).toBe(0);
    expect(scene.world.clock.now() - at).toBeLessThan(1000);
    expect(calls(byId) - looks).toBe(2 * count);
  },
);

test.each([one, all])(
  'said again after it was cut short it is busy while the app may go: %s %s %s %s',
  async (...argv) => {
    await removed();
    const folder = theirs();
    let said: Awaited<ReturnType<typeof scene.world.flycd>> | undefined;
    await passWith({ template, nth: 1, fault: { latencyMs: 15_000 } }, async () => {
      const [machine] = seen()?.machines ?? [];
      const path = `/apps/shop/machines/${machine?.id}/metadata`;
      await scene.world.asPerson('PATCH', path, { metadata: { flycd_fleet: 'theirs' } });
      said = await scene.world.flycdAt(folder, argv, 'laptop');
    });
    expect(seen()).toBeUndefined();
    expect(said?.code, said?.stdout).toBe(4);
    expect(said?.stdout).toContain('is destroying the app');
  },
);

/** What Fly answers to the first look behind the labels or the word. */
async function withFirstLook(argv: readonly string[], folder: string, hidden: readonly string[]) {
  const patch = 'PATCH /apps/{app}/machines/{machine}/metadata';
  faults().add({ template: patch, app: 'shop', times: 1, fault: { latencyMs: 2000 } });
  const before = calls(patch);
  const saying = scene.world.flycdAt(folder, argv, 'laptop');
  while (calls(patch) === before) await scene.world.clock.sleep(20);
  const fault = { status: 404, body: { error: 'not found' } };
  for (const each of hidden) faults().add({ template: each, app: 'shop', times: 1, fault });
  const said = await saying;
  faults().clear();
  return said;
}

test.each([[[byId]], [[byId, 'GET /apps/{app}']]])('nothing is gone that %j does not show once', async (hidden) => {
  await removed();
  const adopted = await withFirstLook(one, theirs(), hidden);
  expect(adopted.code, adopted.stdout).toBe(0);
  expect(fleets()).toEqual(['theirs']);
});

test('a word stands on a machine that one look does not show', async () => {
  await removed();
  const said = await withFirstLook(suspend, theirs({ 'flycd.yaml': 'fleet: words\n', ...shop() }), [byId]);
  expect(said.code, said.stdout + said.stderr).toBe(0);
  expect(seen()?.machines.every(({ metadata }) => 'flycd_suspend' in metadata)).toBe(true);
});

test.each(['has', 'lacks'])(
  'labels are written again where an update stamps the earlier owner, whose origin each %s',
  async (how) => {
    scene.world.write({ ...fleet, ...shop('nginx:1', 2) });
    await scene.done(once);
    await scene.world.clock.sleep(600_000);
    const ids = seen()?.machines.map(({ id }) => id) ?? [];
    const origin = (id: string) => scene.world.asPerson('DELETE', `/apps/shop/machines/${id}/metadata/flycd_origin`);
    if (how === 'lacks') for (const id of ids) await origin(id);
    const folder = theirs({ 'flycd.yaml': 'fleet: theirs\n', ...shop('nginx:2', 2) });
    scene.world.write(shop('nginx:2', 2));
    const update = 'POST /apps/{app}/machines/{machine}';
    // It was sent before the labels, and lands on one of them while the other is written.
    faults().add({ template: update, app: 'shop', nth: 1, times: 1, fault: { latencyMs: 3000 } });
    const patch = 'PATCH /apps/{app}/machines/{machine}/metadata';
    faults().add({ template: patch, app: 'shop', nth: 2, times: 1, fault: { latencyMs: 6000 } });
    const before = calls(update);
    const passing = scene.world.flycd(once);
    while (calls(update) === before) await scene.world.clock.sleep(20);
    const { code, stdout } = await scene.world.flycdAt(folder, one, 'laptop');
    const then = fleets();
    await passing;
    expect(code, stdout).toBe(0);
    expect([then, fleets()]).toEqual([
      ['theirs', 'theirs'],
      ['theirs', 'theirs'],
    ]);
  },
);
