/** FlyCD on a machine whose clock is wrong: what Fly dates is compared with Fly's clock. */
import { hash } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { ruleChecks } from '../../../simulator/machines/lifecycle.ts';
import { fetchFrom, run } from '../../cli/terminal.ts';
import { prepared, type Arena, type Files } from '../arena.ts';
import { callOf } from '../calls.ts';
import { mortal, type Death } from '../mortal.ts';
import { OwnClock } from '../own-clock.ts';

let world: Arena;
afterEach(() => world.close());

const minute = 60_000;
/** Minutes that FlyCD's clock is ahead of Fly's. */
const offsets = [6, 10, 45, 24 * 60, -6, -10, -45, -24 * 60];

function shop({ image = 'shop:1', count = 2, more = '' } = {}): Files {
  return {
    'flycd.yaml': 'fleet: clocks\n',
    'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: docker.io/acme/${image}@sha256:${hash('sha256', image)}
machines: { groups: { app: { count: ${count} } } }
http_service:
  internal_port: 8080
  checks: [{ path: /health, interval: 5s, timeout: 2s, grace_period: 1s }]
${more}`,
  };
}

const fly = () => world.simulator.world;
const there = () => [...(fly().apps.get('shop')?.machines.values() ?? [])].filter(({ state }) => state !== 'destroyed');
const images = () => there().map(({ config }) => /acme\/([^@]+)/.exec(config.image ?? '')?.[1]);

/** A command on a clock that is off by so many minutes; `state` names its database. undefined: it died. */
async function off(minutes: number, argv: readonly string[] = ['sync', '--once'], state = 'state', death?: Death) {
  const wrong = new OwnClock(world.clock, minutes * minute);
  const process = mortal({ clock: wrong, fetch: fetchFrom(world.simulator.url), fly: world.simulator.url }, death);
  const ended = run([...argv, world.folder], {
    env: {
      ...world.simulator.environment,
      FLYCD_EVIDENCE_KEY: 'the same key for every FlyCD of this test',
      XDG_STATE_HOME: join(world.folder, '..', state),
      USER: 'alice',
    },
    cwd: join(world.folder, '..'),
    clock: process.clock,
    fetch: process.fetch,
  });
  const ran = await Promise.race([ended, process.died.then(() => undefined)]);
  return { code: ran?.code, said: ran === undefined ? '' : ran.stderr + ran.stdout };
}

describe.each(offsets)('a clock that is %i minutes ahead', (minutes) => {
  test('goes on from where another FlyCD was killed, and gives a version its whole time', async () => {
    const [before, files] = [shop(), shop({ image: 'shop:2' })];
    const call = await callOf('POST /apps/{app}/machines/{machine}', 1, { before: [before], files });
    world = await prepared([before], files, { orderly: true });
    fly().onStateChange = (machine) => {
      if (machine.config.image?.includes('shop:2') !== true || machine.checkRule !== undefined) return;
      machine.checkRule = 'fail';
      world.clock.timer(30_000, () => ruleChecks(fly(), machine, 'pass'));
    };
    await world.mortalFlycd(['sync', '--once'], { call, when: 'after' });
    await world.clock.sleep(5000);
    const begun = world.clock.now();
    const { code, said } = await off(minutes);
    expect(code, said).toBe(0);
    expect(images()).toEqual(['shop:2', 'shop:2']);
    expect(world.clock.now() - begun).toBeLessThan(3 * minute);
    expect(said.split('of this machine is ').length - 1, said).toBe(1);
  });

  test('does not go over a release of somebody else’s that began a minute ago', async () => {
    world = await prepared([shop()], shop({ image: 'shop:2' }));
    void world.simulator.flyctl.deploy('shop', { image: 'shop:9', stops: 'killed' });
    await world.clock.sleep(minute);
    const { code, said } = await off(minutes);
    expect(code, said).toBe(4);
    expect(said).toContain('runs release v');
    expect(images()).toEqual(['shop:1', 'shop:1']);
  });

  test('waits for nobody whose release began half an hour ago, and sees a live lease', async () => {
    world = await prepared([shop()], shop({ image: 'shop:2' }));
    void world.simulator.flyctl.deploy('shop', { image: 'shop:9', stops: 'killed' });
    await world.clock.sleep(31 * minute);
    const [machine] = there();
    await world.asPerson('POST', `/apps/shop/machines/${machine?.id ?? ''}/lease`, { ttl: 120, description: 'scale' });
    const busy = await off(minutes, ['diff']);
    expect(busy.code, busy.said).toBe(4);
    expect(busy.said).toContain('holds a lease on a machine');
    await world.clock.sleep(2 * minute);
    const { code, said } = await off(minutes);
    expect(code, said).toBe(0);
    expect(images()).toEqual(['shop:2', 'shop:2']);
  });

  test('waits out the lease of a killed FlyCD, and says so once', async () => {
    const [before, files] = [shop(), shop({ image: 'shop:2' })];
    const call = await callOf('POST /apps/{app}/machines/{machine}/lease', 1, { before: [before], files });
    world = await prepared([before], files, { orderly: true });
    await world.mortalFlycd(['sync', '--once'], { call, when: 'after' });
    const { code, said } = await off(minutes);
    expect(code, said).toBe(0);
    expect(said.split('waiting').length - 1, said).toBe(1);
  });

  test('ends a suspension when the person meant who said it there', async () => {
    world = await prepared([shop()], shop({ image: 'shop:2' }));
    await off(minutes, ['suspend', 'shop', '--reason', 'incident', '--for', '30m'], 'b');
    await world.clock.sleep(29 * minute);
    expect((await world.flycd(['sync', '--once'])).code).toBe(4);
    await world.clock.sleep(2 * minute);
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  });

  test('knows what a commit that came before a deploy by hand does not undo', async () => {
    world = await prepared([shop()], shop({ image: 'shop:2' }));
    expect((await off(minutes, ['sync', '--once'], 'b')).code).toBe(0);
    await world.clock.sleep(minute);
    expect(await world.simulator.flyctl.deploy('shop', { image: 'shop:9' })).toEqual({ ok: true });
    await world.clock.sleep(minute);
    const { code, said } = await off(minutes, ['sync', '--once'], 'b');
    expect(code, said).toBe(4);
    world.write(shop({ image: 'shop:3' }));
    const after = await off(minutes, ['sync', '--once'], 'b');
    expect(after.code, after.said).toBe(0);
  });
});

describe.each([24 * 60, -24 * 60])(
  'what became of a version, as a clock that is %i minutes ahead saw it',
  (minutes) => {
    const stampedAt = (key: string) =>
      there().flatMap(({ config }) => {
        const at = /[:"]at"?:(\d{13})|(\d{13})$/.exec(config.metadata?.[key] ?? '');
        return at === null ? [] : [Number(at[1] ?? at[2])];
      });

    test.each([
      ['good and fulfilled', 'shop:2', ['flycd_good', 'flycd_fulfilled'], 0],
      ['failed', 'failing-check:2', ['flycd_failed'], 1],
    ])('%s are dated by Fly’s', async (_what, image, keys, ended) => {
      world = await prepared([], shop({ image }));
      const began = world.clock.now();
      const { code, said } = await off(minutes);
      expect(code, said).toBe(ended);
      for (const key of keys) {
        const times = stampedAt(key);
        expect(times.length, key).toBeGreaterThan(0);
        for (const at of times) {
          expect(at, key).toBeGreaterThanOrEqual(began - 1000);
          expect(at, key).toBeLessThanOrEqual(world.clock.now() + 1000);
        }
      }
    });

    test('since when it is held is told by that clock', async () => {
      world = await prepared([], shop());
      expect((await off(minutes)).code).toBe(0);
      world.write(shop({ image: 'failing-check:2' }));
      expect((await off(minutes)).code).toBe(1);
      await world.clock.sleep(10 * minute);
      const { said } = await off(minutes, ['why', 'shop']);
      expect(said).toMatch(/the release of what git says failed; .* \(for 1\d min\)/);
    });

    test('a group that a person empties after a failed release was resumed stays empty', async () => {
      const counted = (image: string): Files => ({
        'shop/app.yaml': `app: shop
primary_region: arn
build: { image: "docker.io/acme/${image}@sha256:${hash('sha256', image)}" }
processes: { web: run, worker: work }
http_service:
  internal_port: 8080
  processes: [web]
  checks: [{ path: /health, interval: 5s, timeout: 2s, grace_period: 1s }]
`,
      });
      world = await prepared([counted('shop:1')], counted('shop:2'));
      let isBroken = true;
      fly().onStateChange = (machine) => {
        if (machine.config.image?.includes('shop:2') === true) machine.checkRule = isBroken ? 'fail' : 'pass';
      };
      expect((await off(minutes)).code).toBe(1);
      isBroken = false;
      expect((await world.flycd(['resume', 'shop'])).code).toBe(0);
      const mended = await world.flycd(['sync', '--once']);
      expect(mended.code, mended.stdout).toBe(0);
      await world.clock.sleep(minute);
      for (const { id, name } of there())
        if (name.startsWith('worker')) await world.asPerson('DELETE', `/apps/shop/machines/${id}?force=true`);
      await world.clock.sleep(minute);
      const { code, stdout } = await world.flycd(['sync', '--once']);
      expect(code, stdout).toBe(4);
      expect(there().every(({ name }) => !name.startsWith('worker'))).toBe(true);
    });
  },
);

test.each([10, 45, -10, -45])(
  'a volume that another FlyCD, whose clock is %i minutes ahead, has just made',
  async (minutes) => {
    const [before, files] = [shop(), shop({ more: 'volumes: [{ name: spare, count: 1 }]\n' })];
    const call = await callOf('POST /apps/{app}/volumes', 1, { before: [before], files });
    world = await prepared([before], files, { orderly: true });
    // It is made, and no list shows it for a while.
    fly().lag.set({ listMs: 50_000 });
    await off(minutes, ['sync', '--once'], 'b', { call, when: 'after' });
    const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
    expect(code, stderr + stdout).toBe(0);
    expect(fly().apps.get('shop')?.volumes.size).toBe(1);
  },
);

test('a lease for centuries names its machine, its holder, its end and the way out', async () => {
  world = await prepared([shop()], shop({ image: 'shop:2' }));
  const id = there()[0]?.id ?? '';
  await world.asPerson('POST', `/apps/shop/machines/${id}/lease`, { ttl: 13e9, description: 'scale' });
  const { stdout } = await world.flycd(['diff']);
  expect(stdout).toContain(`(scale) holds a lease on machine ${id} until 2437-`);
  expect(stdout).toContain(`fly machine leases clear ${id}`);
});

describe('a suspension for an hour counts by Fly’s clock', () => {
  test.each([180, -180])('of an app that is not there, %i minutes ahead', async (minutes) => {
    world = await prepared([], {
      ...shop(),
      'cart/app.yaml': 'app: cart\nprimary_region: arn\nbuild: { image: cart:1 }\n',
    });
    await off(minutes, ['suspend', 'shop', '--reason', 'x', '--for', '1h']);
    await off(minutes);
    expect([fly().apps.has('cart'), fly().apps.has('shop')]).toEqual([true, false]);
    await world.clock.sleep(90 * minute);
    await off(minutes);
    expect(fly().apps.has('shop')).toBe(true);
  });

  test('of an app that git no longer names, and that nothing prunes, either', async () => {
    world = await prepared(
      [{ ...shop(), 'cart/app.yaml': 'app: cart\nprimary_region: arn\nbuild: { image: cart:1 }\n' }],
      {},
    );
    await off(180, ['suspend', 'shop', '--reason', 'x', '--for', '1h']);
    world.remove('shop');
    expect((await off(180, ['diff'])).said).toContain('suspended by alice');
    await world.clock.sleep(90 * minute);
    expect((await off(180, ['diff'])).said).not.toContain('suspended by alice');
  });
});
