/** An app that another fleet takes over while its first owner is at work on it, or where some of it cannot be reached. */
import { describe, expect, test } from 'vitest';
import { foreignLease } from '../../../simulator/api/machine-leases.ts';
import { hostDown } from '../../../simulator/machines/host-failures.ts';
import { makeClone, makeCopy } from '../../acceptance/clones.ts';
import { fleet, once, shop, wordsScene } from '../../acceptance/words/scene.ts';

const scene = wordsScene();
const { seen, faults, calls, images } = scene;

const plain = ['adopt', 'shop'];
const one = ['adopt', 'shop', '--from', 'words'];
const all = ['adopt', '--all', '--from', 'words'];
const lease = 'POST /apps/{app}/machines/{machine}/lease';
const update = 'POST /apps/{app}/machines/{machine}';
const create = 'POST /apps/{app}/machines';
const list = 'GET /apps/{app}/machines';

/** The config of the fleet that takes the app over, which says of it what it was released as. */
function theirs(count: number, more = ''): string {
  const files = { 'flycd.yaml': 'fleet: theirs\n', 'shop/app.yaml': textOf('nginx:1', count, more) };
  return makeCopy(scene.world, 'theirs', files).folder;
}

const textOf = (image: string, count: number, more: string): string =>
  (shop(image, count)['shop/app.yaml'] ?? '') + more;
const machines = () => [...(scene.world.simulator.world.apps.get('shop')?.machines.values() ?? [])];
const fleets = () => seen()?.machines.map(({ metadata }) => metadata['flycd_fleet']) ?? [];

/** What an owner's pass could change, but for labels. */
function standing() {
  const app = scene.world.simulator.world.apps.get('shop');
  return {
    machines: seen()?.machines.map(({ id, config }) => `${id} ${config.image?.split('@')[0]}`),
    addresses: [...(app?.addresses.keys() ?? [])],
    secrets: [...(app?.secrets.byName.keys() ?? [])],
    volumes: [...(app?.volumes.keys() ?? [])],
  };
}

/** It runs for its first owner, who then says something else of it. */
async function released(count: number, more = ''): Promise<void> {
  scene.world.write({ ...fleet, 'shop/app.yaml': textOf('nginx:1', count, more) });
  await scene.done(once);
  await scene.world.clock.sleep(600_000);
}

/** Taken over some time into a pass of its first owner. What stood as the command ended, and when the pass had, too. */
async function takenInPass(argv: readonly string[], folder: string, reached: () => Promise<unknown>) {
  const passing = scene.world.flycd(once);
  await reached();
  const saidAt = scene.world.clock.now();
  const said = await scene.world.flycdAt(folder, argv, 'laptop');
  const tookMs = scene.world.clock.now() - saidAt;
  const ended = { fleets: fleets(), ...standing() };
  const pass = await passing;
  return { said, tookMs, ended, pass, after: { fleets: fleets(), ...standing() } };
}

const inMs = (ms: number) => () => scene.world.clock.sleep(ms);

async function untilAsked(template: string, nth = 1): Promise<void> {
  const before = calls(template);
  while (calls(template) < before + nth) await scene.world.clock.sleep(20);
}

/** What docs/held.md says to do next. */
async function takenOutOfItsConfig(): Promise<void> {
  await scene.world.clock.sleep(120_000);
  scene.world.remove('shop');
  await scene.world.flycd(once);
  expect(seen()).toBeDefined();
}

describe.each([
  ['one', one],
  ['all', all],
])('a roll of its first owner ends where the app is taken over (%s)', (_which, argv) => {
  test('between machines', async () => {
    await released(3);
    scene.world.write(shop('nginx:2', 3));
    const { said, ended, pass, after } = await takenInPass(argv, theirs(3), inMs(12_000));
    expect(said.code, said.stdout).toBe(0);
    expect(ended.fleets).toEqual(['theirs', 'theirs', 'theirs']);
    expect(after).toEqual(ended);
    expect(images()).toContain('nginx:1');
    expect(pass.code, pass.stdout).toBe(4);
    expect(pass.stdout).toContain('fleet theirs owns this app');
    expect(pass.stderr).toContain('shop was taken over in the middle of this');
    expect(pass.stderr).toContain('carries the labels of fleet theirs since');
    expect(pass.stderr).not.toContain('shop: updated, synced');
    await takenOutOfItsConfig();
  });

  test.each([1, 2])('under a lease that takes long (%d machines)', async (count) => {
    await released(count);
    scene.world.write(shop('nginx:2', count));
    faults().add({ template: lease, app: 'shop', nth: 1, times: 1, fault: { latencyMs: 9000 } });
    const { said, after, pass } = await takenInPass(argv, theirs(count), () => untilAsked(lease));
    expect(said.code, said.stdout).toBe(0);
    expect(new Set(after.fleets)).toEqual(new Set(['theirs']));
    expect(new Set(images())).toEqual(new Set(['nginx:1']));
    expect(pass.code, pass.stdout).toBe(4);
    await takenOutOfItsConfig();
  });

  test.each([
    [1, 3000],
    [2, 20_000],
    [1, 59_000],
  ])('with the update that is on its way (%d machines, %d ms)', async (count, latencyMs) => {
    await released(count);
    scene.world.write(shop('nginx:2', count));
    faults().add({ template: update, app: 'shop', nth: 1, times: 1, fault: { latencyMs } });
    const before = calls(update);
    const { said, tookMs, ended, after, pass } = await takenInPass(argv, theirs(count), () => untilAsked(update));
    expect(said.code, said.stdout).toBe(0);
    expect(new Set(ended.fleets)).toEqual(new Set(['theirs']));
    expect(after).toEqual(ended);
    expect(tookMs).toBeGreaterThan(latencyMs - 1000);
    expect(tookMs).toBeLessThan(150_000);
    expect(said.stdout + said.stderr).toContain('is at work on machine');
    expect(calls(update) - before, pass.stdout).toBe(1);
    expect(pass.code, pass.stdout + pass.stderr).toBe(4);
    expect(pass.stdout).toContain('fleet theirs owns this app');
    expect(pass.stderr).not.toContain('shop: updated, synced');
    await takenOutOfItsConfig();
  });
});

test('a roll ends where another repo takes the app over, and neither names its fleet', async () => {
  const text = (image: string) => ({ 'shop/app.yaml': textOf(image, 3, 'org: personal\n') });
  const a = makeClone(scene.world, 'a', text('nginx:1'));
  const b = makeClone(scene.world, 'b', text('nginx:1'));
  a.remote('origin', 'https://github.com/acme/a');
  b.remote('origin', 'https://github.com/acme/b');
  expect((await a.flycd(once, 'dba')).code).toBe(0);
  await scene.world.clock.sleep(600_000);
  a.commit(text('nginx:2'));
  const passing = a.flycd(once, 'dba');
  await untilAsked(update);
  await scene.world.clock.sleep(2000);
  const said = await b.flycd(['adopt', 'shop', '--from', 'https://github.com/acme/a'], 'dbb');
  const pass = await passing;
  expect(said.code, said.stdout + said.stderr).toBe(0);
  expect(pass.code, pass.stdout).toBe(4);
  expect(images()?.filter((image) => image === 'nginx:1')).toHaveLength(2);
  expect(new Set(seen()?.machines.map(({ metadata }) => metadata['flycd_origin'])).size).toBe(1);
  expect((await a.flycd(['diff'], 'dba')).stdout).toContain('another config repo owns this app');
});

test('a label of its first owner that was planned before does not take a machine back', async () => {
  await released(2);
  await scene.world.asPerson('DELETE', `/apps/shop/machines/${machines()[0]?.id}/metadata/flycd_fleet`);
  faults().add({ template: 'GET /apps/{app}/secrets', app: 'shop', nth: 1, times: 1, fault: { latencyMs: 5000 } });
  const reached = () => untilAsked('GET /apps/{app}/secrets').then(inMs(1000));
  const { said, after } = await takenInPass(plain, theirs(2), reached);
  expect(said.code, said.stdout).toBe(0);
  expect(after.fleets).toEqual(['theirs', 'theirs']);
});

test('a pass of its first owner that waited for Fly does not restart what was adopted meanwhile', async () => {
  await released(1);
  scene.world.write(shop('nginx:2', 1));
  // Before it holds anything: the app looks free to whoever adopts it.
  faults().add({ template: lease, app: 'shop', nth: 1, times: 1, fault: { latencyMs: 9000 } });
  const { said, after, pass } = await takenInPass(plain, theirs(1), () => untilAsked(lease));
  expect(said.code, said.stdout).toBe(0);
  expect(after.fleets).toEqual(['theirs']);
  expect(images()).toEqual(['nginx:1']);
  expect(pass.code, pass.stdout).toBe(4);
  await takenOutOfItsConfig();
});

describe('behind a roll its first owner takes nothing away and makes nothing', () => {
  const two = 'network: { ips: [{ v: v6 }, { v: v4 }] }\nsecrets: [{ name: OLD, type: raw, raw: x }]\n';
  const prune = 'sync: { prune: [addresses, secrets], max_deletes: 9 }\n';
  const less = `network: { ips: [{ v: v6 }] }\nsecrets: [{ name: OLD, type: raw, raw: x }]\n${prune}`;

  test.each([
    ['an address', 3, 3, less],
    ['machines, and an address', 3, 1, less],
    ['machines that git wants more of', 1, 3, two],
  ])('%s', async (_what, before, count, now) => {
    await released(before, two);
    scene.world.write({ 'shop/app.yaml': textOf('nginx:2', count, now) });
    const { said, ended, after, pass } = await takenInPass(one, theirs(before, two), () => untilAsked(update));
    expect(said.code, said.stdout).toBe(0);
    expect(after).toEqual(ended);
    expect(after.machines).toHaveLength(before);
    expect(after.addresses).toHaveLength(2);
    expect(new Set(after.fleets)).toEqual(new Set(['theirs']));
    expect(pass.code, pass.stdout).toBe(4);
    await takenOutOfItsConfig();
  });

  test('a machine that it is making as the app is taken over is taken over, too', async () => {
    await released(1);
    scene.world.write(shop('nginx:1', 2));
    faults().add({ template: create, app: 'shop', nth: 1, times: 1, fault: { latencyMs: 4000 } });
    const { said, ended, pass } = await takenInPass(one, theirs(1), () => untilAsked(create));
    expect(said.code, said.stdout).toBe(0);
    expect(ended.fleets).toEqual(['theirs', 'theirs']);
    expect(pass.code, pass.stdout).not.toBe(1);
    await takenOutOfItsConfig();
  });
});

test.each([one, all])(
  'said again after it was cut short it is busy while an update may be on its way: %s %s %s %s',
  async (...argv) => {
    await released(1);
    scene.world.write(shop('nginx:2', 1));
    faults().add({ template: update, app: 'shop', nth: 1, times: 1, fault: { latencyMs: 20_000 } });
    const { said, after } = await takenInPass(argv, theirs(1), async () => {
      await untilAsked(update);
      const path = `/apps/shop/machines/${machines()[0]?.id}/metadata`;
      await scene.world.asPerson('PATCH', path, { metadata: { flycd_fleet: 'theirs', flycd_origin: 'n1:' } });
    });
    expect(after.fleets).toEqual(['words']);
    expect(said.code, said.stdout).toBe(4);
    expect(said.stdout).toContain('somebody else is at work');
  },
);

test.each([one, all])('while a machine cannot be looked at it is waited for: %s %s %s %s says so', async (...argv) => {
  await released(2);
  const { world } = scene.world.simulator;
  const path = `/apps/shop/machines/${machines()[1]?.id}`;
  let writtenAt = Infinity;
  world.onRequest = ({ phase, request, cut }) => {
    if (request.method === 'PATCH' && request.path.includes(path)) writtenAt = Math.min(writtenAt, request.at);
    const isLook = phase === 'before' && request.method === 'GET' && request.path.endsWith(path);
    if (isLook && request.at >= writtenAt && request.at < writtenAt + 30_000) cut();
  };
  const at = scene.world.clock.now();
  const said = await scene.world.flycdAt(theirs(2), argv, 'laptop');
  expect(said.code, said.stdout + said.stderr).toBe(0);
  expect(said.stdout + said.stderr).toContain(`stands on machine ${machines()[1]?.id} is not seen yet`);
  expect(scene.world.clock.now() - at).toBeGreaterThan(29_000);
  expect(fleets()).toEqual(['theirs', 'theirs']);
});

describe('somebody who looks at nothing holds a machine of it', () => {
  test.each([one, all])('for longer than an update takes: %s %s %s %s says so', async (...argv) => {
    await released(2);
    const { world } = scene.world.simulator;
    const [first] = machines();
    if (first !== undefined) foreignLease(world, first, { ttlSeconds: 600 });
    const at = scene.world.clock.now();
    const said = await scene.world.flycdAt(theirs(2), argv, 'laptop');
    expect(said.code, said.stdout).toBe(1);
    expect(said.stdout).toContain('may not last');
    expect(scene.world.clock.now() - at).toBeLessThan(150_000);
    expect(fleets()).toEqual(['theirs', 'theirs']);
  });

  test('and writes over each label: the command says so, in a time that is bounded', async () => {
    await released(1);
    const [machine] = machines();
    if (machine === undefined) throw new Error('no machine');
    foreignLease(scene.world.simulator.world, machine, { ttlSeconds: 600 });
    const writing = (async () => {
      for (let times = 0; times < 40; times += 1) {
        await scene.world.clock.sleep(7000);
        machine.config.metadata = { ...machine.config.metadata, flycd_fleet: 'words' };
      }
    })();
    const at = scene.world.clock.now();
    const said = await scene.world.flycdAt(theirs(1), one, 'laptop');
    const tookMs = scene.world.clock.now() - at;
    await writing;
    expect(said.code, said.stdout).toBe(1);
    expect(tookMs).toBeLessThan(200_000);
  });
});

describe('a machine on a host that does not answer keeps its owner, and every form says so', () => {
  const again = (argv: readonly string[]) => `flycd ${argv.join(' ')} again when it answers`;

  test.each([
    [1, plain],
    [1, one],
    [1, all],
    [2, plain],
    [2, one],
    [2, all],
  ])('of %d: %j', async (count, argv) => {
    await released(count);
    const [dark] = machines();
    hostDown(scene.world.simulator.world, dark?.host ?? '');
    const isDark = machines().map(({ hostStatus }) => hostStatus !== 'ok');
    const said = await scene.world.flycdAt(theirs(count), argv, 'laptop');
    expect(said.code, said.stdout).toBe(4);
    expect(said.stdout).toContain('could not label 1 machine of');
    expect(said.stdout).toContain(dark?.id);
    expect(said.stdout).toContain(again(argv));
    expect(said.stdout).not.toContain('synced');
    expect(machines().map(({ config }) => config.metadata?.['flycd_fleet'])).toEqual(
      isDark.map((is) => (is ? 'words' : 'theirs')),
    );
  });

  test('a pass that finds so only when it adopts does not say that it is done', async () => {
    await released(2);
    const [dark] = machines();
    const folder = theirs(2);
    faults().add({ template: list, app: 'shop', nth: 2, times: 1, fault: { latencyMs: 2000 } });
    const adopting = scene.world.flycdAt(folder, plain, 'laptop');
    await untilAsked(list, 2);
    hostDown(scene.world.simulator.world, dark?.host ?? '');
    const said = await adopting;
    expect(said.code, said.stdout).toBe(4);
    expect(said.stdout).toContain('could not label 1 machine of');
  });
});

describe('machines that one list does not show', () => {
  test.each([
    [1, plain],
    [2, plain],
    [1, one],
    [1, all],
    [2, one],
  ])('the %dth at %j: it is not said to be done where it is not', async (nth, argv) => {
    await released(2);
    faults().add({ template: list, app: 'shop', nth, times: 1, fault: { status: 200, body: [] } });
    const said = await scene.world.flycdAt(theirs(2), argv, 'laptop');
    const isTaken = fleets().every((name) => name === 'theirs');
    expect(said.code === 0, said.stdout).toBe(isTaken);
    if (argv !== plain) expect(said.code, said.stdout).toBe(0);
  });
});

describe('two owners who take it over at once', () => {
  test.each([
    [false, 0],
    [false, 30],
    [true, 0],
    [true, 30],
  ])('do not both say that it is theirs (beside a roll: %s, %i ms apart)', async (isRolled, apartMs) => {
    await released(2);
    const folders = ['aaa', 'bbb'].map(
      (name) =>
        makeCopy(scene.world, name, { 'flycd.yaml': `fleet: ${name}\n`, 'shop/app.yaml': textOf('nginx:1', 2, '') })
          .folder,
    );
    faults().add({ probability: 1, app: 'shop', fault: { latencyMs: 100 } });
    let passing: Promise<unknown> | undefined;
    if (isRolled) {
      scene.world.write(shop('nginx:2', 2));
      faults().add({ template: update, app: 'shop', times: 1, fault: { latencyMs: 8000 } });
      passing = scene.world.flycd(once);
      await untilAsked(update);
      await scene.world.clock.sleep(500);
    }
    const said = await Promise.all(
      folders.map(async (folder, index) => {
        await scene.world.clock.sleep(index * apartMs);
        return scene.world.flycdAt(folder, one, `laptop ${index}`);
      }),
    );
    await passing;
    const codes = said.map(({ code }) => code).toSorted((a, b) => a - b);
    expect(codes, said.map(({ stdout, stderr }) => stdout + stderr).join('\n')).toEqual([0, 4]);
    const owner = said[0]?.code === 0 ? 'aaa' : 'bbb';
    expect(fleets()).toEqual([owner, owner]);
    const loser = said.find(({ code }) => code === 4);
    expect((loser?.stdout ?? '') + (loser?.stderr ?? '')).toContain('was taken over by somebody else at that moment');
  });
});
