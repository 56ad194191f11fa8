import { afterEach, describe, expect, test } from 'vitest';
import type { Arena } from '../../arena.ts';
import { prepared } from '../../arena.ts';

let world: Arena;

afterEach(() => world.close());

const shop = (image: string, count = 2): Readonly<Record<string, string>> => ({
  'flycd.yaml': 'fleet: shown\n',
  'app.yaml': [
    'app: shop',
    'primary_region: arn',
    `build: { image: "docker.io/library/shop:${image}" }`,
    'http_service: { internal_port: 8080 }',
    `machines: { count: ${count} }`,
    '',
  ].join('\n'),
});

const cases = [
  ['an update', [shop('1')], shop('2')],
  ['an app made', [], shop('1')],
  ['more machines', [shop('1')], shop('1', 4)],
] as const;

const when = [0, 100, 1000, 3000, 8000];

describe('two FlyCDs on one database', () => {
  test.each(cases.flatMap((one) => when.map((ms) => [...one, ms] as const)))(
    '%s: the one that comes later leaves it to the other',
    async (_what, before, files, ms) => {
      world = await prepared(before, files);
      const first = world.flycd(['sync', '--once']);
      await world.clock.sleep(ms);
      const [one, two] = await Promise.all([first, world.flycd(['sync', '--once'])]);
      // Who is a moment later may have its run begun first.
      const [winner, loser] = one.code === 0 ? [one, two] : [two, one];
      expect(winner.code, winner.stderr).toBe(0);
      expect(loser.stdout + loser.stderr).toMatch(
        /another FlyCD on this database is at work on shop: host-\w+ began at /,
      );
      expect(loser.stdout).toMatch(/shop +held +blocked/);
      expect(loser.code).toBe(4);
      // Nothing is left of it: the app is as the other one made it, and nobody has anything to do.
      const { stdout } = await world.flycd(['status', '--output', 'json']);
      expect(JSON.parse(stdout)).toMatchObject({ apps: [{ app: 'shop', status: 'synced' }] });
      expect((await world.flycd(['diff'])).code).toBe(0);
    },
  );

  test('a FlyCD that was killed keeps nobody waiting', async () => {
    world = await prepared([shop('1')], shop('2'));
    await world.mortalFlycd(['sync', '--once'], { call: 16, when: 'after' });
    const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
    expect(code, stdout + stderr).toBe(0);
  });

  test('a command beside the loop leaves its run, and the loop ends it', async () => {
    world = await prepared([shop('1')], shop('2'));
    const stop = new AbortController();
    const loop = world.flycd(['sync'], undefined, stop.signal);
    await world.clock.sleep(5000);
    const { code, stdout } = await world.flycd(['sync', '--once']);
    expect(stdout).toMatch(/shop +held +blocked/);
    expect(code).toBe(4);
    await world.clock.sleep(60_000);
    const history = await world.flycd(['history', '--fleet', 'shown', '--output', 'json']);
    const { runs } = JSON.parse(history.stdout) as { readonly runs: readonly { readonly outcome: string }[] };
    expect(runs.map(({ outcome }) => outcome)).toEqual(['held', 'updated', 'created']);
    stop.abort();
    await loop;
  });

  test('the loop comes back to an app that a command was at', async () => {
    world = await prepared([shop('1')], shop('2'));
    const command = world.flycd(['sync', '--once']);
    await world.clock.sleep(2000);
    const stop = new AbortController();
    const loop = world.flycd(['sync'], undefined, stop.signal);
    expect((await command).code).toBe(0);
    await world.clock.sleep(60_000);
    const { stdout } = await world.flycd(['status', '--output', 'json']);
    expect(JSON.parse(stdout)).toMatchObject({ apps: [{ app: 'shop', status: 'synced' }] });
    stop.abort();
    await loop;
  });
});
