import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { arena, walkFleet, type Arena, type Files } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const other = 'app: other\nprimary_region: arn\nbuild:\n  image: docker.io/library/caddy:2.10.2\nenv:\n  A: b\n';
const shop = other.replace('other', 'shop');
const prunes = 'fleet: walk\nsync:\n  prune: [app]\n';
const author = ['-c', 'user.name=test', '-c', 'user.email=test@example.com'];
const once = ['sync', '--once'];

/** A fleet of two, of which git names only `shop` any more. */
async function removedApp(settings = 'fleet: walk\n', text = other): Promise<void> {
  world = await arena();
  world.write({ ...walkFleet, 'flycd.yaml': settings, 'other/app.yaml': text });
  await world.flycd(once);
  rmSync(join(world.folder, 'other'), { recursive: true });
}

interface Told {
  readonly app: string;
  readonly status: string;
  readonly why: string;
}

async function told(): Promise<Readonly<Record<string, string>>> {
  const { stdout } = await world.flycd(['status', '--output', 'json']);
  const { apps } = JSON.parse(stdout) as { readonly apps: readonly Told[] };
  return Object.fromEntries(apps.map(({ app, status }) => [app, status]));
}

interface HistoryRun {
  readonly app: string;
  readonly outcome: string;
  readonly status: string;
}

async function history(): Promise<readonly HistoryRun[]> {
  const { stdout } = await world.flycd(['history', '--all', '--app', 'other', '--output', 'json', '--config']);
  return (JSON.parse(stdout) as { readonly runs: readonly HistoryRun[] }).runs;
}

const faults = (): Arena['simulator']['world']['faults'] => world.simulator.world.faults;

/** What would go with it is the last that is asked for the plan; its turn comes after. */
function onceItIsPlanned(act: () => void): void {
  let isDone = false;
  world.simulator.world.onRequest = ({ phase, request: { method, path } }) => {
    if (isDone || phase !== 'after' || method !== 'GET' || !path.endsWith('/apps/other/volumes')) return;
    isDone = true;
    act();
  };
}

describe('status tells no more of an app that git no longer names', () => {
  test('once it is destroyed, though Fly’s answer was lost', async () => {
    await removedApp(prunes);
    faults().add({ template: 'DELETE /apps/{app}', app: 'other', fault: 'reset-after', times: 99 });
    const { code, stdout } = await world.flycd(once);
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/other +deleted/);
    expect(await told()).toEqual({ shop: 'synced' });
  });

  test('but does where Fly’s answer was lost and the app is there', async () => {
    await removedApp(prunes);
    faults().add({ template: 'DELETE /apps/{app}', app: 'other', fault: 'reset-before', times: 99 });
    const { code, stdout } = await world.flycd(once);
    expect(code, stdout).toBe(1);
    expect(await told()).toEqual({ shop: 'synced', other: 'failed' });
    faults().clear();
    expect((await world.flycd(once)).code).toBe(0);
    expect(await told()).toEqual({ shop: 'synced' });
  });

  test('once somebody destroyed it by hand', async () => {
    await removedApp();
    await world.flycd(once);
    expect(await told()).toEqual({ shop: 'synced', other: 'orphaned' });
    await world.asPerson('DELETE', '/apps/other?force=true');
    const { code, stdout } = await world.flycd(once);
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/other +deleted .*Fly has no app of that name/);
    expect(await told()).toEqual({ shop: 'synced' });
    const runs = await history();
    expect(runs[0]).toMatchObject({ app: 'other', outcome: 'deleted' });
    // Said once.
    expect((await world.flycd(once)).stdout).not.toContain('other');
    expect(await history()).toEqual(runs);
    const why = await world.flycd(['why', 'other']);
    expect(why.code).toBe(1);
    expect(why.stderr).toContain('no app is called other');
  });

  test('by hand between the plan and its turn, which is not called FlyCD’s work', async () => {
    await removedApp(prunes);
    onceItIsPlanned(() => void world.asPerson('DELETE', '/apps/other?force=true'));
    const { code, stdout } = await world.flycd(once);
    expect(stdout).toMatch(/other +deleted .*Fly has no app of that name/);
    expect(code, stdout).toBe(0);
    expect(await told()).toEqual({ shop: 'synced' });
  });

  test('once it is seen that it never was on Fly', async () => {
    await removedApp('fleet: walk\n', 'app: other\nprimary_region: arn\nmachines: {cuont: 1}\n');
    expect(await told()).toEqual({ shop: 'synced', other: 'invalid' });
    expect((await world.flycd(once)).code).toBe(0);
    expect(await told()).toEqual({ shop: 'synced' });
  });

  test('until git names it again', async () => {
    await removedApp(prunes);
    await world.flycd(once);
    world.write({ 'other/app.yaml': other });
    expect((await world.flycd(once)).code).toBe(0);
    expect(await told()).toEqual({ shop: 'synced', other: 'synced' });
  });

  test('only where all of it could be read: a list that fails, or an app that does not answer, tells nothing', async () => {
    await removedApp();
    await world.flycd(once);
    await world.asPerson('DELETE', '/apps/other?force=true');
    faults().add({ template: 'GET /orgs/{org}/machines', fault: '503', times: 99 });
    await world.flycd(once);
    expect(await told()).toEqual({ shop: 'synced', other: 'orphaned' });
    faults().clear();
    for (const status of [403, 503]) {
      const fault = { status, body: { error: 'not for you' } };
      faults().add({ template: 'GET /apps/{app}', app: 'other', fault, times: 99 });
      await world.flycd(once);
      expect(await told()).toEqual({ shop: 'synced', other: 'orphaned' });
      faults().clear();
    }
    await world.flycd(once);
    expect(await told()).toEqual({ shop: 'synced' });
  });

  test('only by a pass over the whole config, with all of its apps', async () => {
    await removedApp();
    await world.flycd(once);
    await world.asPerson('DELETE', '/apps/other?force=true');
    world.write({ 'broken/project.yaml': 'project: [\n' });
    await world.flycd(once);
    expect(await told()).toMatchObject({ other: 'orphaned' });
    world.remove('broken');
    await world.flycd([...once, '--app', 'shop']);
    expect(await told()).toMatchObject({ other: 'orphaned' });
    await world.flycd([...once, '--app', 's*']);
    expect(await told()).toMatchObject({ other: 'orphaned' });
  });

  test('and calls one orphaned, not synced, that is there without a machine', async () => {
    await removedApp('fleet: walk\n', `${other}machines: { count: 0 }\n`);
    expect(await told()).toEqual({ shop: 'synced', other: 'synced' });
    expect((await world.flycd(once)).code).toBe(0);
    expect(await told()).toEqual({ shop: 'synced', other: 'orphaned' });
    const runs = await history();
    expect((await world.flycd(once)).code).toBe(0);
    expect(await history()).toEqual(runs);
    await world.asPerson('DELETE', '/apps/other?force=true');
    await world.flycd(once);
    expect(await told()).toEqual({ shop: 'synced' });
  });
});

test('a fleet with a name in a folder of a repo is told what is gone as any other', async () => {
  world = await arena();
  world.write({ 'deploy/flycd.yaml': 'fleet: walk\n', 'deploy/shop/app.yaml': shop, 'deploy/other/app.yaml': other });
  const first = await world.flycdAt(join(world.folder, 'deploy'), once);
  expect(first.code, first.stdout + first.stderr).toBe(0);
  world.remove('deploy/other');
  await world.asPerson('DELETE', '/apps/other?force=true');
  expect((await world.flycdAt(join(world.folder, 'deploy'), once)).stdout).toMatch(/other +deleted/);
});

describe('status of a fleet without a name', () => {
  const unnamed = 'sync: {prune: [app]}\n';

  test('tells no more of an app that is gone from Fly', async () => {
    await removedApp(unnamed);
    await world.asPerson('DELETE', '/apps/other?force=true');
    const { code, stdout } = await world.flycd(once);
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/other +deleted .*Fly has no app of that name/);
    expect(await told()).toEqual({ shop: 'synced' });
    expect((await world.flycd(once)).stdout).not.toContain('other');
  });

  test('tells of one as it was while that is on Fly, or Fly does not say, or git may yet name it', async () => {
    await removedApp(unnamed);
    await world.flycd(once);
    expect(await told()).toEqual({ shop: 'synced', other: 'synced' });
    await world.asPerson('DELETE', '/apps/other?force=true');
    for (const status of [403, 503]) {
      const fault = { status, body: { error: 'not for you' } };
      faults().add({ template: 'GET /apps/{app}', app: 'other', fault, times: 99 });
      await world.flycd(once);
      expect(await told()).toEqual({ shop: 'synced', other: 'synced' });
      faults().clear();
    }
    world.write({ 'broken/project.yaml': 'project: [\n' });
    await world.flycd(once);
    expect(await told()).toMatchObject({ other: 'synced' });
  });

  test.each(['shop', 'shop/app.yaml'])('tells of one as it was after a pass over %s alone', async (part) => {
    await removedApp(unnamed);
    for (const argv of [
      ['init', '-q'],
      ['add', '-A'],
      [...author, 'commit', '-qm', 'without other'],
    ])
      execFileSync('git', argv, { cwd: world.folder });
    world.write({ 'other/app.yaml': other });
    expect((await world.flycd(once)).code).toBe(0);
    await world.asPerson('DELETE', '/apps/other?force=true');
    expect((await world.flycdAt(join(world.folder, part), once)).code).toBe(0);
    expect(await told()).toEqual({ shop: 'synced', other: 'synced' });
    world.remove('other');
    await world.flycd(once);
    expect(await told()).toEqual({ shop: 'synced' });
  });
});

test('an app that is destroyed is said to be deleted, and nothing else of it', async () => {
  await removedApp(prunes);
  const { stdout } = await world.flycd([...once, '--output', 'json']);
  const { runs } = JSON.parse(stdout) as { readonly runs: readonly HistoryRun[] };
  expect(runs.find(({ app }) => app === 'other')).toMatchObject({ outcome: 'deleted', status: 'orphaned' });
  const [run] = await history();
  expect(run).toMatchObject({ outcome: 'deleted', status: 'orphaned' });
});

test('text of a pass that destroys an app counts it as deleted, not among those that are somewhere', async () => {
  await removedApp(prunes);
  const { stdout } = await world.flycd(once);
  expect(stdout).toMatch(/other +deleted +- /);
  expect(stdout).toContain('2 apps: 1 synced (1 deleted).');
});

test.each([
  [
    'cannot be read',
    { template: 'GET /apps/{app}/machines', status: 503 },
    1,
    'held',
    /other could not|looked at whole/,
  ],
  [
    'the token no longer reaches',
    { template: 'GET /apps/{app}', status: 403 },
    1,
    'held',
    /the token no longer reaches it/,
  ],
])(
  'an app that %s when its turn comes is left, and the plan that is shown is that one',
  async (_what, how, ...then) => {
    const [exit, outcome, words] = then;
    await removedApp(prunes);
    const { template, status } = how;
    const fault = { status, body: { error: 'not for you' } };
    onceItIsPlanned(() => faults().add({ template, app: 'other', times: 99, fault }));
    const { code, stdout } = await world.flycd([...once, '--output', 'json']);
    expect(code, stdout).toBe(exit);
    const { apps, runs } = JSON.parse(stdout) as {
      readonly apps: readonly { readonly app: string; readonly steps: readonly object[]; readonly planId: string }[];
      readonly runs: readonly (HistoryRun & { readonly planId: string })[];
    };
    const [shown, run] = [apps, runs].map((all) => all.find(({ app }) => app === 'other'));
    expect(shown).toMatchObject({ steps: [], planId: run?.planId });
    expect(JSON.stringify(shown)).toMatch(words);
    expect(run).toMatchObject({ outcome, status: 'orphaned' });
    expect(world.simulator.world.apps.has('other')).toBe(true);
  },
);

test('the summary of a pass counts the plans that it acted upon', async () => {
  await removedApp(prunes);
  onceItIsPlanned(() => faults().add({ template: 'GET /apps/{app}/machines', app: 'other', times: 99, fault: '503' }));
  const { stdout } = await world.flycd([...once, '--output', 'json']);
  const { summary } = JSON.parse(stdout) as { readonly summary: object };
  expect(summary).toMatchObject({ apps: 2, changed: 0, held: 1 });
});

describe('an app that never was, and that git no longer names, is in no status and called deleted by nobody', () => {
  const refuse = { template: 'GET /tokens/current', times: 1, fault: { status: 401, body: { error: 'unauthorized' } } };
  const unmade = { template: 'POST /apps', times: 40, fault: { status: 422, body: { error: 'no' } } };
  const unanswered = { app: 'other', times: 40, fault: { status: 500, body: { error: 'no' } } };

  async function neverMade(files: Files, fail: () => void): Promise<void> {
    world = await arena();
    world.write(walkFleet);
    await world.flycd(once);
    world.write({ ...walkFleet, 'flycd.yaml': 'fleet: walk\n', ...files });
    fail();
    expect((await world.flycd(once)).code).not.toBe(0);
    expect((await told())['other']).not.toBe(undefined);
    expect([...world.simulator.world.apps.keys()]).toEqual(['shop']);
    faults().clear();
    rmSync(join(world.folder, 'other'), { recursive: true });
  }

  test.each<readonly [string, Files, () => void]>([
    ['the token was refused', { 'other/app.yaml': other }, () => faults().add(refuse)],
    ['Fly did not answer for it', { 'other/app.yaml': other }, () => faults().add(unanswered)],
    ['its file could not be used', { 'other/app.yaml': `${other}machines: 3\n` }, () => undefined],
    ['Fly refused to make it', { 'other/app.yaml': other }, () => faults().add(unmade)],
  ])('%s', async (_what, files, fail) => {
    await neverMade(files, fail);
    const { code, stdout, stderr } = await world.flycd(once);
    expect(code, stderr).toBe(0);
    expect(stdout + stderr).not.toContain('other');
    expect(await told()).toEqual({ shop: 'synced' });
    expect((await history()).map(({ outcome }) => outcome)).not.toContain('deleted');
  });

  test('though it was: one that FlyCD saw and could not look at again is told of', async () => {
    await removedApp();
    world.write({ 'other/app.yaml': other });
    faults().add(refuse);
    await world.flycd(once);
    faults().clear();
    world.simulator.world.apps.delete('other');
    rmSync(join(world.folder, 'other'), { recursive: true });
    const { stdout } = await world.flycd(once);
    expect(stdout).toMatch(/other +deleted/);
    expect(await told()).toEqual({ shop: 'synced' });
  });
});
