import { afterEach, expect, test } from 'vitest';
import { arena, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

test('the loop releases when the window opens, and sync --once says until when it waits', async () => {
  world = await arena();
  world.write({
    'shop/app.yaml': `app: shop
primary_region: arn
build: { image: "docker.io/acme/shop:1@sha256:${'5'.repeat(64)}" }
machines: { count: 1 }
sync:
  windows:
    - { schedule: "0 9 * * *", duration: 1h, timezone: Europe/Stockholm }
`,
  });
  const machines = () => [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])];
  const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
  expect(code, stderr + stdout).toBe(4);
  // Virtual time begins at midnight of the first of January, UTC.
  expect(stdout).toContain('the next one opens at 2026-01-01 08:00:00Z');
  const made = Promise.withResolvers<number>();
  world.simulator.world.onStateChange = ({ state }) => {
    if (state === 'started') made.resolve(world.clock.now());
  };
  const stop = new AbortController();
  const looping = world.flycd(['sync'], 'state', stop.signal);
  const at = await made.promise;
  expect(machines()).toHaveLength(1);
  expect(at - Date.UTC(2026, 0, 1, 8)).toBeGreaterThan(0);
  expect(at - Date.UTC(2026, 0, 1, 8)).toBeLessThan(60_000);
  stop.abort(new Error('stopped by SIGTERM'));
  expect((await looping).code).toBe(0);
});
