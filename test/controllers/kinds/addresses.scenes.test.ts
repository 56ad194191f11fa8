import { afterEach, describe, expect, test } from 'vitest';
import type { FaultRule } from '../../../simulator/world/faults.ts';
import { arena, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const shop =
  'app: shop\nprimary_region: arn\nbuild:\n  image: nginx:1\nnetwork:\n  ips:\n    - v: v4\n  auto_prune_ips: true\n';
const addresses = (): readonly string[] => [...(world.simulator.world.apps.get('shop')?.addresses.keys() ?? [])];

/** A twin made by hand, again and again, until its text comes before the one that FlyCD made. */
async function twinBefore(ours: string): Promise<void> {
  for (;;) {
    await world.clock.sleep(1000);
    await world.asPerson('POST', '/apps/shop/ip_assignments', { type: 'v4' });
    const twin = addresses().find((ip) => ip !== ours) ?? '';
    if (twin < ours) return;
    await world.asPerson('DELETE', `/apps/shop/ip_assignments/${twin}`, undefined);
  }
}

describe('a twin of an address, made by hand', () => {
  test.each([
    ['goes, and the one that FlyCD made stays', false],
    ['goes where no database remembers who made which: it is the younger', true],
  ])('%s', async (_what, isForgotten) => {
    world = await arena();
    world.write({ 'flycd.yaml': 'fleet: twins\n', 'shop/app.yaml': shop });
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
    const [ours = ''] = addresses();
    await twinBefore(ours);
    if (isForgotten) world.forget();
    const { code, stdout } = await world.flycd(['sync', '--once']);
    expect(code, stdout).toBe(0);
    expect(addresses()).toEqual([ours]);
  });
});

const served =
  'app: shop\nprimary_region: arn\nbuild: { image: "nginx:1" }\nhttp_service: { internal_port: 8080 }\nmachines: { count: 1 }\n';
const kinds = (): readonly string[] =>
  (world.simulator.world.snapshot().find(({ name }) => name === 'shop')?.addresses ?? [])
    .map(({ kind }) => kind)
    .toSorted();

describe('default addresses of a new app', () => {
  test('stay owed through a pass that did nothing of what git listed meanwhile', async () => {
    world = await arena();
    world.write({ 'flycd.yaml': 'fleet: first\n', 'shop/app.yaml': served });
    const { faults } = world.simulator.world;
    faults.add({ fault: '503', probability: 1, template: 'POST /apps/{app}/ip_assignments' });
    await world.flycd(['sync', '--once']);
    faults.clear();
    await world.flycd(['suspend', 'shop', '--reason', 'a migration']);
    world.write({ 'shop/app.yaml': `${served}network: { ips: [{ v: v6 }] }\n` });
    await world.flycd(['sync', '--once']);
    world.write({ 'shop/app.yaml': served });
    await world.flycd(['resume', 'shop']);
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
    expect(kinds()).toEqual(['shared_v4', 'v6']);
  });

  test.each([
    [
      'of a service of its own, which would cost money',
      'services: [{ internal_port: 5432, ports: [{ port: 5432 }] }]\n',
      'v6',
    ],
    ['of the proxy', 'http_service: { internal_port: 8080 }\n', 'v4'],
  ])('are owed no more once git has listed others: %s', async (_what, service, listed) => {
    world = await arena();
    const text = (more = ''): string =>
      `app: shop\nprimary_region: arn\nbuild: { image: "nginx:1" }\nmachines: { count: 1 }\n${service}${more}`;
    world.write({ 'flycd.yaml': 'fleet: first\n', 'shop/app.yaml': text() });
    const { faults } = world.simulator.world;
    faults.add({ fault: '503', probability: 1, template: 'POST /apps/{app}/ip_assignments' });
    await world.flycd(['sync', '--once']);
    faults.clear();
    world.write({ 'shop/app.yaml': text(`network: { ips: [{ v: ${listed} }] }\n`) });
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
    const before = kinds();
    world.write({ 'shop/app.yaml': text() });
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
    expect(kinds()).toEqual(before);
  });

  test.each<[string, FaultRule]>([
    ['all of them', { fault: '500', probability: 1 }],
    ['the second, which Fly refused', { fault: '429', nth: 2 }],
    ['the first, of which nobody could be sure', { fault: 'reset-before', probability: 1, times: 2 }],
  ])(
    'that could not all be made are made by the next pass, though the app has machines by then: %s',
    async (_what, rule) => {
      world = await arena();
      world.write({ 'flycd.yaml': 'fleet: first\n', 'shop/app.yaml': served });
      const { faults } = world.simulator.world;
      faults.add({ ...rule, template: 'POST /apps/{app}/ip_assignments' });
      await world.flycd(['sync', '--once']);
      faults.clear();
      await world.clock.sleep(120_000);
      const { code, stdout } = await world.flycd(['sync', '--once']);
      expect(code, stdout).toBe(0);
      expect(kinds()).toEqual(['shared_v4', 'v6']);
      // One that somebody takes away once all were there stays away.
      await world.asPerson('DELETE', `/apps/shop/ip_assignments/${addresses()[0] ?? ''}`);
      expect((await world.flycd(['sync', '--once'])).code).toBe(0);
      expect(kinds()).toHaveLength(1);
    },
  );

  test('are owed no longer where a pass was killed once all were there', async () => {
    let isOver = false;
    for (let call = 33; !isOver; call += 1) {
      world = await arena();
      world.write({ 'flycd.yaml': 'fleet: first\n', 'shop/app.yaml': served });
      isOver = (await world.mortalFlycd(['sync', '--once'], { call, when: 'after' })).ran !== undefined;
      for (let pass = 0; pass < 2; pass += 1) {
        await world.clock.sleep(600_000);
        await world.flycd(['sync', '--once']);
      }
      expect(kinds()).toEqual(['shared_v4', 'v6']);
      await world.asPerson('DELETE', `/apps/shop/ip_assignments/${addresses()[0] ?? ''}`);
      await world.flycd(['sync', '--once']);
      expect(kinds(), `killed after call ${call}`).toHaveLength(1);
      if (!isOver) await world.close();
    }
  });

  test.each<[string, FaultRule]>([
    ['none', { fault: '500', probability: 1 }],
    ['one', { fault: '429', nth: 2 }],
  ])('stay owed where %s was there when nothing asked for them', async (_what, rule) => {
    world = await arena();
    world.write({ 'flycd.yaml': 'fleet: first\n', 'shop/app.yaml': served });
    world.simulator.world.faults.add({ ...rule, template: 'POST /apps/{app}/ip_assignments' });
    await world.flycd(['sync', '--once']);
    world.simulator.world.faults.clear();
    world.write({ 'shop/app.yaml': served.replace(/http_service.*\n/, '') });
    await world.clock.sleep(120_000);
    await world.flycd(['sync', '--once']);
    world.write({ 'shop/app.yaml': served });
    await world.flycd(['sync', '--once']);
    expect(kinds()).toEqual(['shared_v4', 'v6']);
  });

  test('are owed to nobody whose app had machines before', async () => {
    world = await arena();
    world.write({ 'flycd.yaml': 'fleet: first\n', 'shop/app.yaml': served });
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
    for (const ip of addresses()) await world.asPerson('DELETE', `/apps/shop/ip_assignments/${ip}`);
    world.forget();
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
    expect(kinds()).toEqual([]);
  });
});
