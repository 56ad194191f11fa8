/** A command that said something of an app, and ended well, has said it: no update that was on its way then takes it away. */
import { describe, expect, test } from 'vitest';
import { foreignLease } from '../../../simulator/api/machine-leases.ts';
import { destroy } from '../../../simulator/machines/lifecycle.ts';
import type { FaultRule } from '../../../simulator/world/faults.ts';
import { fleet, once, settings, shop, suspend, wordsScene } from './scene.ts';

const scene = wordsScene();
const { done, seen, images, faults, twoVersions } = scene;

const updated = 'POST /apps/{app}/machines/{machine}';
const requests = () => scene.world.simulator.world.requests;
const stamps = (key: string) => seen()?.machines.map(({ metadata }) => metadata[key] ?? '') ?? [];
const suspensions = () => stamps('flycd_suspend');

/** Until Fly has one more such request. */
async function begun(template: string): Promise<void> {
  const count = (): number => requests().filter((one) => one.template === template).length;
  for (const before = count(); count() === before;) await scene.world.clock.sleep(50);
}

/** Said by a laptop while Fly takes as long for an update by another FlyCD; as it ended, and when both had. */
async function saidMeanwhile(argv: readonly string[], latencyMs: number) {
  faults().add({ template: updated, app: 'shop', fault: { latencyMs } });
  const pass = scene.world.flycd(once);
  await begun(updated);
  await scene.world.clock.sleep(500);
  const saidAt = scene.world.clock.now();
  const { code, stdout, stderr } = await scene.world.flycd(argv, 'laptop');
  const tookMs = scene.world.clock.now() - saidAt;
  await pass;
  faults().clear();
  return { code, said: stdout + stderr, tookMs };
}

describe('of an app with one machine, while Fly takes its time for an update', () => {
  test.each([2_500, 6_000, 20_000, 59_000])('a suspension stands, by an update of %d ms', async (latencyMs) => {
    await twoVersions();
    scene.world.write(shop('nginx:3'));
    const { code, said } = await saidMeanwhile(suspend, latencyMs);
    expect([code, suspensions()], said).toEqual([0, [expect.stringContaining('a migration')]]);
    scene.world.write(shop('nginx:4'));
    await scene.world.flycd(once, 'third');
    expect(images()).toEqual(['nginx:3']);
  });

  test('a suspension stands, though the answer of the update is lost', async () => {
    await twoVersions();
    scene.world.write(shop('nginx:3'));
    faults().add({ template: updated, app: 'shop', fault: 'reset-after' });
    const { code, said } = await saidMeanwhile(suspend, 20_000);
    expect([code, suspensions()], said).toEqual([0, [expect.stringContaining('a migration')]]);
  });

  test('a suspension stands, though Fly takes the update longer than anybody waits for its answer', async () => {
    await twoVersions();
    scene.world.write(shop('nginx:3'));
    const { code, said } = await saidMeanwhile(suspend, 90_000);
    expect([code, suspensions()], said).toEqual([0, [expect.stringContaining('a migration')]]);
  });

  test('a suspension stands on one that has yet to be seen healthy, by the update that is to mend it', async () => {
    scene.world.write({ ...fleet, ...shop() });
    await done(once);
    scene.world.write({ ...settings('  on_failure: stop\n'), ...shop('crash-loop:2') });
    await scene.world.flycd(once);
    expect(stamps('flycd_unproven')).toEqual(['1']);
    scene.world.write(shop('nginx:3'));
    const { code, said } = await saidMeanwhile(suspend, 20_000);
    expect([code, suspensions()], said).toEqual([0, [expect.stringContaining('a migration')]]);
  });

  test('a resume stands', async () => {
    await twoVersions();
    expect((await scene.world.flycd(['rollback', 'shop'])).code).toBe(0);
    const text = shop('nginx:2')['shop/app.yaml'] ?? '';
    scene.world.write({ 'shop/app.yaml': `${text}network: { ips: [] }\n` });
    const [machine] = seen()?.machines ?? [];
    const config = { ...machine?.config, env: { ...machine?.config.env, DRIFT: 'by hand' } };
    await scene.world.asPerson('POST', `/apps/shop/machines/${machine?.id ?? ''}`, { config });
    await scene.world.clock.sleep(5_000);
    const { code, said } = await saidMeanwhile(['resume', 'shop'], 20_000);
    expect(code, said).toBe(0);
    await scene.world.flycd(once, 'third');
    expect(images(), said).toEqual(['nginx:2']);
  });

  test('a rollback stands, and is carried out', async () => {
    await twoVersions();
    scene.world.write(shop('nginx:3'));
    const { code, said } = await saidMeanwhile(['rollback', 'shop'], 20_000);
    expect([code, stamps('flycd_hold')], said).toEqual([0, [expect.stringContaining('alice')]]);
    await scene.world.flycd(once, 'third');
    expect(images()).toEqual(['nginx:2']);
  });

  test.each([1_500, 20_000])(
    'a suspension stands where its host has no room, and another machine takes its place in %d ms',
    async (latencyMs) => {
      await twoVersions();
      scene.world.write(shop('nginx:3'));
      const made = 'POST /apps/{app}/machines';
      faults().add({ template: updated, app: 'shop', fault: 'capacity' });
      faults().add({ template: made, app: 'shop', fault: { latencyMs } });
      const pass = scene.world.flycd(once);
      await begun(made);
      const { code, stdout, stderr } = await scene.world.flycd(suspend, 'laptop');
      await pass;
      expect(code, stderr + stdout).toBe(0);
      expect(suspensions().join(), stderr + stdout).toContain('a migration');
    },
  );

  test('a suspension stands, though lists lag', async () => {
    await twoVersions();
    scene.world.write(shop('nginx:3'));
    scene.world.simulator.world.lag.set({ listMs: 8_000 });
    const { code, said } = await saidMeanwhile(suspend, 20_000);
    expect([code, suspensions()], said).toEqual([0, [expect.stringContaining('a migration')]]);
  });
});

describe('of an app with one machine that Fly does not show for a moment, while an update of it is under way', () => {
  const byId = 'GET /apps/{app}/machines/{machine}';
  const unshown = { status: 404, body: { error: 'machine not found' } };
  const patched = 'PATCH /apps/{app}/machines/{machine}/metadata';

  /** Said once the update is under way, and from then on so many looks by its id show nothing. */
  async function saidUnseen(
    argv: readonly string[],
    {
      nth,
      times,
      fault = unshown,
    }: { readonly nth: number; readonly times: number; readonly fault?: FaultRule['fault'] },
  ) {
    await twoVersions();
    scene.world.write(shop('nginx:3'));
    faults().add({ template: updated, app: 'shop', fault: { latencyMs: 15_000 } });
    const pass = scene.world.flycd(once);
    await begun(updated);
    await scene.world.clock.sleep(500);
    const saying = scene.world.flycd(argv, 'laptop');
    await begun(patched);
    faults().add({ template: byId, app: 'shop', nth, times, fault });
    const { code, stdout, stderr } = await saying;
    faults().clear();
    await pass;
    return { code, said: stdout + stderr };
  }

  describe.each([
    ['a suspension', suspend, 'flycd_suspend'],
    ['a rollback', ['rollback', 'shop'], 'flycd_hold'],
  ])('%s stands', (_word, argv, key) => {
    test.each([
      [1, 1],
      [2, 1],
      [3, 1],
      [5, 1],
      [1, 2],
      [2, 3],
    ])('from look %d on, %d of them', async (nth, times) => {
      const { code, said } = await saidUnseen(argv, { nth, times });
      expect([code, stamps(key)], said).toEqual([0, [expect.stringContaining('alice')]]);
      expect(said.match(/waiting until .* it is said/g) ?? [], said).toHaveLength(1);
    });
  });

  test('one that it does not show for minutes, and lists, is not called destroyed', async () => {
    const { code, said } = await saidUnseen(suspend, { nth: 1, times: 999 });
    expect(code, said).toBe(1);
    expect(said).toContain('could not be seen');
    expect(said).not.toContain('destroyed at that moment');
  });

  test('one of which no look is answered for minutes is not called destroyed either', async () => {
    const fault = { status: 500, body: { error: 'internal server error' } };
    const { code, said } = await saidUnseen(suspend, { nth: 1, times: 999, fault });
    expect(code, said).toBe(1);
    expect(said).toContain('could not be seen');
    expect(said).not.toContain('destroyed at that moment');
  });
});

describe('a suspension that was said before an update is sent stands, though Fly does not show the machine to who sends it', () => {
  test.each([1, 2, 3, 4])('at look %d by its id', async (nth) => {
    await twoVersions();
    scene.world.write(shop('nginx:3'));
    const lease = 'POST /apps/{app}/machines/{machine}/lease';
    const unshown = { status: 404, body: { error: 'machine not found' } };
    faults().add({ template: lease, app: 'shop', fault: { latencyMs: 8_000 } });
    const pass = scene.world.flycd(once);
    await begun(lease);
    await done(suspend, 'laptop');
    faults().add({ template: 'GET /apps/{app}/machines/{machine}', app: 'shop', nth, fault: unshown });
    const { stdout, stderr } = await pass;
    faults().clear();
    expect([images(), suspensions()], stderr + stdout).toEqual([['nginx:2'], [expect.stringContaining('a migration')]]);
  });
});

/** An update that was sent under a lease as FlyCD takes it, by a process that is killed at this moment: when it is done. */
async function leftUnderway(latencyMs: number): Promise<{ readonly landed: Promise<unknown> }> {
  const [machine] = seen()?.machines ?? [];
  const path = `/apps/shop/machines/${machine?.id ?? ''}`;
  await scene.world.asPerson('POST', `${path}/lease`, { ttl: 30, description: 'flycd:words:killed' });
  faults().add({ template: updated, app: 'shop', fault: { latencyMs } });
  const config = { ...machine?.config, image: 'nginx:3' };
  const landed = scene.world.asPerson('POST', path, { config });
  await scene.world.clock.sleep(500);
  return { landed };
}

test('a suspension stands where who sent the update was killed, and its lease has run out before the update is done', async () => {
  await twoVersions();
  const { landed } = await leftUnderway(40_000);
  const { code, stderr, stdout } = await scene.world.flycd(suspend, 'laptop');
  await landed;
  expect([code, suspensions()], stderr + stdout).toEqual([0, [expect.stringContaining('a migration')]]);
});

test('a suspension goes on to the machine that comes in the place of the one that was held meanwhile', async () => {
  await twoVersions();
  await scene.world.clock.sleep(60_000);
  const { world } = scene.world.simulator;
  const [held] = world.apps.get('shop')?.machines.values() ?? [];
  if (held === undefined) throw new Error('no machine');
  const config = structuredClone(held.config);
  foreignLease(world, held, { ttlSeconds: 600, description: 'flycd:words:another' });
  const saying = scene.world.flycd(suspend, 'laptop');
  await scene.world.clock.sleep(5000);
  expect(suspensions().join()).toContain('a migration');
  await scene.world.asPerson('POST', '/apps/shop/machines', { name: 'app-arn-1-g2', region: 'arn', config });
  destroy(world, held, 'user');
  const { code, stderr, stdout } = await saying;
  expect([code, suspensions().slice(-1)], stderr + stdout).toEqual([0, [expect.stringContaining('a migration')]]);
});

describe('of an app with several machines', () => {
  test('a suspension stands, and is not waited for where a machine that nobody holds has it', async () => {
    scene.world.write({ ...fleet, ...shop('nginx:1', 3) });
    await done(once);
    scene.world.write(shop('nginx:3', 3));
    const { code, said, tookMs } = await saidMeanwhile(suspend, 30_000);
    expect(code, said).toBe(0);
    expect(suspensions().join()).toContain('a migration');
    expect(tookMs).toBeLessThan(10_000);
  });
});

describe('somebody else holds it', () => {
  test.each([1, 2])('for longer than it is waited for: the command says so (%d machines)', async (count) => {
    scene.world.write({ ...fleet, ...shop('nginx:1', count) });
    await done(once);
    const { world } = scene.world.simulator;
    for (const machine of world.apps.get('shop')?.machines.values() ?? [])
      foreignLease(world, machine, { ttlSeconds: 600 });
    const { code, stderr } = await scene.world.flycd(suspend);
    expect(code, stderr).toBe(1);
    for (const words of ['may write over', 'run the command again']) expect(stderr).toContain(words);
    expect(suspensions().join()).toContain('a migration');
  });
});

test('a FlyCD that holds it for longer than an update takes looks before the next one: the word stands', async () => {
  await twoVersions();
  const { world } = scene.world.simulator;
  for (const machine of world.apps.get('shop')?.machines.values() ?? [])
    foreignLease(world, machine, { ttlSeconds: 600, description: 'flycd:words:another' });
  const at = scene.world.clock.now();
  expect(await done(suspend)).toContain('is at work on machine');
  expect(scene.world.clock.now() - at).toBeLessThan(85_000);
  expect(suspensions().join()).toContain('a migration');
});

test.each([1, 2, 3, 12])(
  'where nobody is at work nobody waits, and one look at each of a few is enough (%d machines)',
  async (count) => {
    scene.world.write({ ...fleet, ...shop('nginx:1', count) });
    await done(once);
    await scene.world.clock.sleep(60_000);
    const [first, at] = [requests().length, scene.world.clock.now()];
    await done(suspend);
    expect(scene.world.clock.now() - at).toBe(0);
    const sent = requests().slice(first);
    const after = sent.slice(sent.findLastIndex(({ method }) => method === 'PATCH') + 1);
    expect(after.filter(({ template }) => template.startsWith('GET /apps/{app}/machines/'))).toHaveLength(
      Math.min(count, 8),
    );
  },
);

describe('while an update is under way that no lease tells of, and that Fly takes back with all that was written since', () => {
  const missing = 'docker.io/library/missing-image:1';

  test('a suspension stands: by the FlyCD that makes the app', async () => {
    scene.world.write({ ...fleet, ...shop(missing) });
    const pass = scene.world.flycd(once);
    await begun(updated);
    const { code, stdout, stderr } = await scene.world.flycd(suspend, 'laptop');
    await pass;
    expect([code, suspensions()], stderr + stdout).toEqual([0, [expect.stringContaining('a migration')]]);
    scene.world.write(shop('nginx:4'));
    await scene.world.flycd(once);
    expect(images()).toEqual([missing]);
  });

  /** By hand, as `curl` does it. */
  async function updateByHand(): Promise<void> {
    const [machine] = seen()?.machines ?? [];
    const config = { ...machine?.config, image: missing };
    await scene.world.asPerson('POST', `/apps/shop/machines/${machine?.id ?? ''}`, { config });
  }

  test('a suspension stands: by hand', async () => {
    await twoVersions();
    await updateByHand();
    const { code, stdout, stderr } = await scene.world.flycd(suspend, 'laptop');
    await scene.world.clock.sleep(120_000);
    expect([code, suspensions()], stderr + stdout).toEqual([0, [expect.stringContaining('a migration')]]);
  });

  test('what lifts one stands: by hand', async () => {
    await twoVersions();
    await done(suspend, 'laptop');
    await updateByHand();
    const { code, stdout, stderr } = await scene.world.flycd(['resume', 'shop'], 'laptop');
    await scene.world.clock.sleep(120_000);
    expect(code, stderr + stdout).toBe(0);
    expect(suspensions()).toEqual([expect.not.stringContaining('a migration')]);
  });

  test.each([
    [1500, 2000],
    [1500, 5000],
    [3000, 5000],
  ])('a suspension stands: under a lease, where it lands in %i ms and the word in %i', async (updateMs, patchMs) => {
    await twoVersions();
    scene.world.write(shop(missing));
    faults().add({ template: updated, app: 'shop', fault: { latencyMs: updateMs } });
    faults().add({
      template: 'PATCH /apps/{app}/machines/{machine}/metadata',
      app: 'shop',
      nth: 1,
      times: 1,
      fault: { latencyMs: patchMs },
    });
    const pass = scene.world.flycd(once);
    await begun(updated);
    const { code, stdout, stderr } = await scene.world.flycd(suspend, 'laptop');
    await pass;
    await scene.world.clock.sleep(120_000);
    expect([code, suspensions()], stderr + stdout).toEqual([0, [expect.stringContaining('a migration')]]);
  });

  const took = async (): Promise<number> => {
    const began = scene.world.clock.now();
    await done(suspend, 'laptop');
    expect(suspensions()).toEqual([expect.stringContaining('a migration')]);
    return scene.world.clock.now() - began;
  };

  test('one that takes its time to stop is waited for no longer than a call may take', async () => {
    const draining = (shop('nginx:1')['shop/app.yaml'] ?? '').replace('nginx:1', 'docker.io/library/slow-stop:1');
    scene.world.write({ ...fleet, 'shop/app.yaml': `${draining}kill_timeout: 300s\n` });
    await done(once);
    const [machine] = seen()?.machines ?? [];
    const path = `/apps/shop/machines/${machine?.id ?? ''}`;
    await scene.world.asPerson('POST', path, { config: { ...machine?.config, env: { A: '1' } } });
    expect(seen()?.machines.map(({ state }) => state)).toEqual(['replacing']);
    expect(await took()).toBeLessThan(80_000);
  });

  test('one that is stopped is not waited for', async () => {
    await twoVersions();
    const [machine] = seen()?.machines ?? [];
    await scene.world.asPerson('POST', `/apps/shop/machines/${machine?.id ?? ''}/stop`);
    await scene.world.clock.sleep(10_000);
    expect(seen()?.machines.map(({ state }) => state)).toEqual(['stopped']);
    expect(await took()).toBeLessThan(3000);
  });
});
