/** Fly asks to be left alone for five minutes: a read that it puts off is unread, anything else waits; the next sync does it all. */
import { afterEach, expect, test } from 'vitest';
import { arena, changedFleet, walkFleet, type Arena } from '../controllers/arena.ts';

let world: Arena;
afterEach(() => world.close());

const later = { status: 429, body: { error: 'later' }, headers: { 'retry-after': '300' } };
const greetings = () =>
  [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])]
    .filter(({ config, state }) => state !== 'destroyed' && config.metadata?.['fly_process_group'] === 'web')
    .map(({ config }) => config.env?.['GREETING']);

test.each([
  ['GET /tokens/current', 4],
  ['GET /apps/{app}', 1],
  ['GET /apps/{app}/machines', 1],
  ['GET /apps/{app}/volumes', 1],
  ['GET /apps/{app}/secrets', 1],
  ['GET /apps/{app}/ip_assignments', 1],
  ['POST /apps/{app}/machines/{machine}', 4],
])('%s: code %i', async (template, exit) => {
  world = await arena({ seed: 3 });
  world.write(walkFleet);
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  await world.clock.sleep(90_000);
  world.write(changedFleet('hello', 'bye'));
  const { faults } = world.simulator.world;
  faults.add({ template, times: 1, fault: later });
  const held = await world.flycd(['sync', '--once']);
  expect([held.code, faults.list()[0]?.hit], held.stdout + held.stderr).toEqual([exit, 1]);
  await world.clock.sleep(300_000);
  const { code, stdout } = await world.flycd(['sync', '--once']);
  expect([code, new Set(greetings())], stdout).toEqual([0, new Set(['bye'])]);
});

test('while secrets are unread an address that git names no more stays, for a secret may bring a release that comes first', async () => {
  world = await arena({ seed: 3 });
  const text = `${walkFleet['shop/app.yaml'] ?? ''}sync: { prune: [addresses] }\n`;
  const ips = () =>
    [...(world.simulator.world.apps.get('shop')?.addresses.keys() ?? [])].filter((ip) => !ip.includes(':')).length;
  world.write({ ...walkFleet, 'shop/app.yaml': text });
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  await world.clock.sleep(90_000);
  const changed = text.replace('correct-horse', 'battery').replace('    - v: v4\n', '');
  expect(changed).not.toContain('v: v4');
  world.write({ ...walkFleet, 'shop/app.yaml': changed });
  const { faults } = world.simulator.world;
  faults.add({ template: 'GET /apps/{app}/secrets', times: 1, fault: later });
  expect([(await world.flycd(['sync', '--once'])).code, ips()]).toEqual([1, 1]);
  await world.clock.sleep(300_000);
  expect([(await world.flycd(['sync', '--once'])).code, ips()]).toEqual([0, 0]);
});
