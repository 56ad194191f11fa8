/**
 * An update looks at its machine right before it is sent: once, where nothing is waited for in between. Other writes go by what was
 * seen within seconds. Fly allows few calls a second on one machine.
 */
import { afterEach, expect, test } from 'vitest';
import type { RequestRecord } from '../../../simulator/world/requests.ts';
import { prepared, type Arena } from '../arena.ts';
import { imagesOf, machinesOf, shop, sync } from '../machines/shop.ts';

let world: Arena;
afterEach(() => world.close());

const update = 'POST /apps/{app}/machines/{machine}';
const look = 'GET /apps/{app}/machines/{machine}';
const patch = 'PATCH /apps/{app}/machines/{machine}/metadata';
const lease = 'POST /apps/{app}/machines/{machine}/lease';

/** Looks at each machine between its lease and its update. */
function looks(requests: readonly RequestRecord[]): readonly number[] {
  const byMachine = Map.groupBy(requests, ({ path }) => /\/machines\/([^/]+)/.exec(path)?.[1] ?? '');
  return machinesOf(world).map(({ id }) => {
    const its = byMachine.get(id) ?? [];
    const sent = its.findIndex(({ template }) => template === update);
    const before = its.slice(0, sent);
    const held = before.findLastIndex(({ template }) => template === lease);
    return before.slice(held).filter(({ template }) => template === look).length;
  });
}

async function rolled(): Promise<readonly RequestRecord[]> {
  const { requests } = world.simulator.world;
  const before = requests.length;
  const { code, said } = await sync(world);
  expect(code, said).toBe(0);
  return requests.slice(before);
}

test('a roll of ten machines looks ten times', async () => {
  world = await prepared([shop({ count: 10 })], shop({ count: 10, image: 'shop:2' }));
  const requests = await rolled();
  expect(looks(requests)).toEqual(Array.from({ length: 10 }, () => 1));
  // What was read back, and once more what stands about the whole app; no word was lost that would be put back.
  expect(requests.filter(({ template }) => template === patch)).toHaveLength(20);
  expect(new Set(imagesOf(world))).toEqual(new Set(['shop:2']));
});

test('so does one of machines at rest', async () => {
  const parts = { count: 4, service: 'http_service: { internal_port: 8080, auto_stop_machines: stop }\n' };
  world = await prepared([shop(parts)], shop({ ...parts, image: 'shop:2' }));
  for (const { id } of machinesOf(world)) await world.asPerson('POST', `/apps/shop/machines/${id}/stop`, {});
  await world.clock.sleep(60_000);
  expect(machinesOf(world).map(({ state }) => state)).toEqual(['stopped', 'stopped', 'stopped', 'stopped']);
  expect(looks(await rolled())).toEqual([1, 1, 1, 1]);
  expect(new Set(imagesOf(world))).toEqual(new Set(['shop:2']));
});

test('one that goes is looked at once, also where each call takes its time', async () => {
  world = await prepared([shop({ count: 4 })], {});
  await world.clock.sleep(60_000);
  world.simulator.world.faults.add({ probability: 1, fault: { latencyMs: 100 } });
  world.write(shop({ count: 2 }));
  const requests = await rolled();
  const gone = requests.flatMap(({ template, path }) => (template === `DELETE ${look.slice(4)}` ? [path] : []));
  expect(gone).toHaveLength(2);
  for (const path of gone) expect(requests.filter((one) => one.template === look && one.path === path)).toHaveLength(1);
});
