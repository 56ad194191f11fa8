/** A token that Fly refuses is one error of the pass, not one of each app. */
import { afterEach, describe, expect, test } from 'vitest';
import { arena, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const app = (name: string, greeting: string): string =>
  `app: ${name}\norg: personal\nprimary_region: arn\nbuild: { image: nginx:1 }\nmachines: { count: 1 }\nenv: { GREETING: ${greeting} }\n`;
const pruning = 'fleet: many\nsync:\n  prune: [app]\n';
const files = (count: number, greeting = 'hello', settings = pruning) => ({
  'flycd.yaml': settings,
  ...Object.fromEntries(
    Array.from({ length: count }, (_none, number) => [`shop-${number}/app.yaml`, app(`shop-${number}`, greeting)]),
  ),
});
const wrong = { FLY_API_TOKEN: 'fm2_wrong' };

describe('a token that Fly refuses', () => {
  test.each([
    ['a fleet', 'diff', pruning],
    ['a fleet', 'sync', pruning],
    // Nobody looks for its orphans.
    ['a config that names no fleet', 'diff', 'sync: { drift: heal }\n'],
  ])('ends for %s a %s of 200 apps with one error', async (_whose, command, settings) => {
    const argv = command === 'diff' ? ['diff'] : ['sync', '--once'];
    world = await arena();
    world.write(files(200, 'hello', settings));
    const { requests } = world.simulator.world;
    const before = requests.length;
    const { code, stdout, stderr } = await world.flycd(argv, 'state', undefined, wrong);
    expect(code).toBe(1);
    expect((stdout + stderr).match(/Fly refused the token/g)).toHaveLength(1);
    expect(stdout + stderr).toContain('fly tokens create org');
    expect(requests.length - before).toBeLessThan(20);
    expect(world.simulator.world.snapshot()).toEqual([]);
  });

  test('in the middle of a sync ends it for the apps that had not had their turn', async () => {
    world = await arena();
    world.write(files(30));
    const { world: fly } = world.simulator;
    await world.flycd(['sync', '--once']);
    world.write(files(30, 'goodbye'));
    fly.faults.add({
      template: 'POST /apps/{app}/machines/{machine}',
      times: 1000,
      fault: { status: 401, body: { error: 'unauthorized' } },
    });
    fly.faults.add({
      template: 'GET /tokens/current',
      times: 1000,
      fault: { status: 401, body: { error: 'unauthorized' } },
    });
    const before = fly.requests.length;
    const { code, stdout } = await world.flycd(['sync', '--once']);
    expect(code).toBe(1);
    const updates = fly.requests
      .slice(before)
      .filter(({ template }) => template === 'POST /apps/{app}/machines/{machine}');
    expect(updates.length).toBeLessThan(20);
    expect((stdout.match(/Fly refused the token/g) ?? []).length).toBeLessThan(20);
    fly.faults.clear();
    expect((await world.flycd(['sync', '--once'], 'later')).code).toBe(0);
  });
});
