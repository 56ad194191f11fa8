/** What is asked right before a call is sent is neither an answer to it nor a reason to leave half-made things behind. */
import { hash } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { arena, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const app = (image: string, more: string) => ({
  'flycd.yaml': 'fleet: growth\n',
  'shop/app.yaml': `app: shop\nprimary_region: arn\nbuild: { image: "docker.io/library/${image}@sha256:${hash('sha256', image)}" }\n${more}`,
});
const requests = (template: string) =>
  world.simulator.world.requests.filter((request) => request.template === template);

/** Resolves when Fly has been asked so once more. */
async function untilAsked(template: string, stepMs: number): Promise<void> {
  const before = requests(template).length;
  while (requests(template).length === before) await world.clock.sleep(stepMs);
}

test('a list that is not found says nothing of the address that is to be released', async () => {
  const more = (ips: string) => `machines: { count: 1 }\nnetwork: { ips: [${ips}] }\nsync: { prune: [addresses] }\n`;
  world = await arena();
  world.write(app('shop:1', more('{ v: v6 }, { v: v4 }')));
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  world.write(app('shop:2', more('{ v: v6 }')));
  const pass = world.flycd(['sync', '--once']);
  await untilAsked('POST /apps/{app}/machines/{machine}', 50);
  await world.clock.sleep(4000);
  const fault = { status: 404, body: { error: 'app not found' } };
  world.simulator.world.faults.add({ template: 'GET /apps/{app}/machines', app: 'shop', times: 1, fault });
  const { code, stdout, stderr } = await pass;
  const isReleased = world.simulator.world.apps.get('shop')?.addresses.size === 1;
  expect(isReleased, stdout + stderr).toBe(code === 0);
});

test('a release command that hangs is taken away, whatever a person said meanwhile', async () => {
  const deploy = 'machines: { count: 1 }\ndeploy: { release_command: migrate, release_command_timeout: 10s }\n';
  world = await arena();
  world.write(app('shop:1', deploy));
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  await world.clock.sleep(60_000);
  world.write(app('long-job:2', deploy));
  const pass = world.flycd(['sync', '--once']);
  await world.clock.sleep(5000);
  expect((await world.flycd(['suspend', 'shop', '--reason', 'incident'])).code).toBe(0);
  await pass;
  const machines = [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])];
  const commands = machines.filter(
    ({ config }) => config.metadata?.['fly_process_group'] === 'fly_app_release_command',
  );
  expect(commands.length).toBeGreaterThan(0);
  expect(commands.map(({ state }) => state).filter((state) => !state.startsWith('destroy'))).toEqual([]);
});

test('a volume that this pass made is not taken for one that somebody else made meanwhile', async () => {
  world = await arena();
  const { lag, faults, apps } = world.simulator.world;
  world.write(
    app('shop:1', 'machines: { count: 2 }\nmounts: [{ source: data, destination: /data, initial_size: 1gb }]\n'),
  );
  lag.set({ listMs: 2000 });
  const fault = { status: 429, body: { error: 'slow down' }, headers: { 'retry-after': '8' } };
  faults.add({ template: 'POST /apps/{app}/volumes', app: 'shop', nth: 2, times: 1, fault });
  const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
  expect(code, stderr + stdout).toBe(0);
  expect(apps.get('shop')?.volumes.size).toBe(2);
});
