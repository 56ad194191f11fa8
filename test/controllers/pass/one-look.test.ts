/**
 * An update looks at its machine right before it is sent: once, where nothing is waited for in between. Other writes go by what was
 * seen within seconds. Fly allows few calls a second on one machine.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { hostDown } from '../../../simulator/machines/host-failures.ts';
import type { RequestRecord } from '../../../simulator/world/requests.ts';
import { arena, prepared, type Arena, type ArenaOptions } from '../arena.ts';
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

describe('a change of the whole app looks at one of ours by its id, for lists lag', () => {
  const release = 'DELETE /apps/{app}/ip_assignments/{ip}';
  const app = (count: number, addresses: number) => ({
    'flycd.yaml': 'fleet: aaa\n',
    'shop/app.yaml': `app: shop
primary_region: arn
build: { image: "nginx:1" }
machines: { count: ${count} }
network: { ips: [{ v: v6 }${', { v: v4 }'.repeat(addresses - 1)}] }
sync: { prune: [addresses], max_deletes: 99 }
`,
  });
  const lowest = () => machinesOf(world).toSorted((a, b) => (a.id < b.id ? -1 : 1))[0];
  const addresses = () => world.simulator.world.apps.get('shop')?.addresses.size;

  let takenAt = Infinity;
  /** Another owner labels all of our machines whose host answers once the first of four addresses is released. */
  function takenOver(): void {
    const { faults, lag } = world.simulator.world;
    lag.set({ listMs: 60_000 });
    faults.add({ probability: 1, app: 'shop', template: release, fault: { latencyMs: 4000 } });
    takenAt = Infinity;
    world.simulator.world.onRequest = ({ phase, request }) => {
      if (phase !== 'after' || request.template !== release || takenAt < Infinity) return;
      takenAt = world.clock.now();
      const takes = machinesOf(world).filter(({ hostStatus }) => hostStatus === 'ok');
      for (const machine of takes.filter(({ config }) => config.metadata?.['flycd_fleet'] === 'aaa')) {
        machine.config = { ...machine.config, metadata: { ...machine.config.metadata, flycd_fleet: 'bbb' } };
        lag.noteMachine(machine);
      }
    };
  }

  async function ran() {
    const { code, stdout, stderr } = await world.flycd(['sync', '--once', '--accept']);
    return { code, said: stdout + stderr };
  }

  async function started(seed: number, options: Pick<ArenaOptions, 'others'> = {}, count = 3): Promise<void> {
    world = await arena({ seed, ...options });
    world.write(app(count, 5));
    expect((await ran()).code).toBe(0);
    await world.clock.sleep(600_000);
  }

  // Which machine has the lowest id is the seed's; those of 1, 2, 4 and 5 go.
  test.each([1, 2, 3, 4, 5, 6])('and not at one that this pass has destroyed: seed %i', async (seed) => {
    await started(seed);
    world.write(app(1, 1));
    takenOver();
    const { code, said } = await ran();
    expect(said).toContain('bbb');
    expect([code, addresses()]).toEqual([4, 3]);
    // Those that are known to be gone are not even asked.
    const asked = world.simulator.world.requests.find(({ at, template }) => template === look && at > takenAt);
    expect(asked?.path).toContain(machinesOf(world)[0]?.id);
  });

  test('nor at one whose host does not answer, and that takes no labels', async () => {
    await started(3);
    hostDown(world.simulator.world, lowest()?.host ?? '');
    expect(machinesOf(world).filter(({ hostStatus }) => hostStatus === 'ok')).not.toEqual([]);
    world.write(app(3, 1));
    takenOver();
    const { code, said } = await ran();
    expect([code, addresses()], said).toEqual([4, 3]);
  });

  test('nor at one that somebody else has made', async () => {
    await started(3);
    const made = lowest();
    if (made === undefined) throw new Error('there is no machine');
    const { flycd_fleet: _ours, ...metadata } = made.config.metadata ?? {};
    made.config = { ...made.config, metadata: { fly_process_group: metadata['fly_process_group'] ?? '' } };
    world.simulator.world.lag.noteMachine(made);
    world.write(app(2, 1));
    takenOver();
    const { code, said } = await ran();
    expect([code, addresses()], said).toEqual([4, 3]);
  });

  test.each([
    [500, 1],
    [503, 2],
  ])('one that answers %i keeps nobody from it: %i of three', async (status, bad) => {
    const silent = new Set<string>();
    let asked = 0;
    const others: ArenaOptions['others'] = (url, method) => {
      if (method !== 'GET' || !silent.has(/\/machines\/([^/]+)$/.exec(url.pathname)?.[1] ?? '')) return undefined;
      asked += 1;
      return Response.json({ error: 'internal' }, { status });
    };
    await started(3, { others });
    const ids = machinesOf(world).map(({ id }) => id);
    for (const id of ids.toSorted().slice(0, bad)) silent.add(id);
    world.write(app(3, 1));
    // Each release needs another look.
    world.simulator.world.faults.add({ probability: 1, template: release, fault: { latencyMs: 6000 } });
    const { code, said } = await ran();
    expect([code, addresses()], said).toEqual([0, 1]);
    // The client's own tries of each, once.
    expect(asked).toBeLessThanOrEqual(4 * bad);
    expect(asked).toBeGreaterThan(0);
  });

  test('where none of three answers nothing is sent', async () => {
    await started(3, {}, 5);
    world.simulator.world.faults.add({ probability: 1, template: look, fault: { status: 500, body: {} } });
    world.write(app(5, 1));
    const from = world.simulator.world.requests.length;
    const { code, said } = await ran();
    expect([code, addresses()], said).toEqual([1, 5]);
    expect(said).toContain('Fly failed to read the machine');
    // Of the first of four releases, before the next one looks at the list.
    const templates = ['GET /apps/{app}/machines', look];
    const asked = world.simulator.world.requests.slice(from).filter(({ template }) => templates.includes(template));
    const first = asked.findIndex(({ template }) => template === look);
    const inTurn = asked.slice(
      first,
      asked.findIndex(({ template }, at) => at > first && template !== look),
    );
    expect(new Set(inTurn.map(({ path }) => path)).size).toBe(3);
  });
});
