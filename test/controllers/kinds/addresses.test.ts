import { afterEach, describe, expect, test } from 'vitest';
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
