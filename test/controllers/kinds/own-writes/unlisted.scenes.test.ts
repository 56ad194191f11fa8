/** What Fly has and its lists do not show, seconds later or on a bad day for an hour: it is kept as git says, and nothing is made twice. */
import { afterEach, describe, expect, test } from 'vitest';
import type { MachineConfig } from '../../../../schemas/fly/machine.ts';
import { arena, type Arena, type Files } from '../../arena.ts';
import { groupOf, machinesOf, pinned } from '../../flyctl/groups.ts';

let world: Arena;
afterEach(() => world.close());

interface Parts {
  readonly greeting?: string;
  readonly group?: 'web' | 'worker';
  readonly counts?: Readonly<Record<string, number>>;
  readonly more?: string;
}

function shop({ greeting = 'hello', group = 'worker', counts, more = '' }: Parts = {}): Files {
  const service = group === 'web' ? 'http_service: { internal_port: 8080, processes: [web] }\n' : '';
  const regions = Object.entries(counts ?? {}).map(([region, count]) => `${region}: ${count}`);
  return {
    'flycd.yaml': 'fleet: kept\n',
    'shop/app.yaml': `app: shop
primary_region: arn
build: { image: "${pinned('shop:1')}" }
env: { GREETING: ${greeting} }
processes: { ${group}: run ${group} }
${service}deploy: { wait_timeout: 15s }
network: { ips: [] }
${counts === undefined ? '' : `machines: { groups: { ${group}: { count_per_region: { ${regions.join(', ')} } } } }\n`}${more}`,
  };
}

const sync = async (...flags: readonly string[]) => {
  const { code, stdout, stderr } = await world.flycd(['sync', '--once', ...flags]);
  return { code, said: stdout + stderr };
};
const machines = () => machinesOf(world);
const greetings = () => machines().map(({ config }) => config.env?.['GREETING']);
const list = 'GET /apps/{app}/machines';

/** From now on Fly answers every list of this kind so. */
const answers = (template: string, body: unknown): void =>
  world.simulator.world.faults.add({ template, times: 10_000, fault: { status: 200, body } });
/** As Fly shows those now. */
const listed = async (isShown: (name: string) => boolean): Promise<unknown> =>
  ((await world.asPerson('GET', '/apps/shop/machines')) as { name: string }[]).filter(({ name }) => isShown(name));

describe('a commit right after another one, while lists lag', () => {
  test.each(
    [2_000, 5_000, 12_000, 60_000].flatMap((listMs): { listMs: number; parts: Parts; what: string }[] => [
      { listMs, parts: {}, what: 'a standby' },
      { listMs, parts: { group: 'web', counts: { arn: 3 } }, what: 'three machines' },
    ]),
  )('reaches $what with lists $listMs ms late, and is called synced then', async ({ listMs, parts }) => {
    world = await arena();
    world.simulator.world.lag.set({ listMs, organizationMs: listMs });
    world.write(shop(parts));
    expect((await sync()).code).toBe(0);
    world.write(shop({ ...parts, greeting: 'two' }));
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(new Set(greetings()), said).toEqual(new Set(['two']));
    expect(machines()).toHaveLength(parts.counts === undefined ? 2 : 3);
    await world.clock.sleep(180_000);
    expect((await world.flycd(['diff'])).code).toBe(0);
  });

  test('it reaches a machine that was made for the count before', async () => {
    world = await arena();
    world.write(shop({ group: 'web', counts: { arn: 2 } }));
    expect((await sync()).code).toBe(0);
    await world.clock.sleep(120_000);
    world.simulator.world.lag.set({ listMs: 30_000, organizationMs: 30_000 });
    world.write(shop({ group: 'web', counts: { arn: 4 } }));
    expect((await sync()).code).toBe(0);
    world.write(shop({ group: 'web', counts: { arn: 4 }, greeting: 'two' }));
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(greetings(), said).toEqual(['two', 'two', 'two', 'two']);
  });
});

test('a commit reaches a region that the list lacks', async () => {
  const two: Parts = { group: 'web', counts: { arn: 1, ams: 1 }, more: 'extra_regions: [ams]\n' };
  world = await arena();
  world.write(shop(two));
  expect((await sync()).code).toBe(0);
  expect(machines()).toHaveLength(2);
  answers(list, await listed((name) => name.includes('arn')));
  world.write(shop({ ...two, greeting: 'two' }));
  const { said } = await sync();
  expect(greetings(), said).toEqual(['two', 'two']);
});

/** Made by flyctl, with names that tell no slot, and taken over with a count in git. */
async function adopted(count: number): Promise<void> {
  world = await arena();
  await world.asPerson('POST', '/apps', { name: 'shop', org_slug: 'personal' });
  const config: MachineConfig = {
    image: pinned('shop:1'),
    env: { GREETING: 'hello' },
    guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 256 },
    init: { cmd: ['run', 'worker'] },
  };
  const human = world.simulator.flyctl;
  await human.deploy('shop', { configs: { worker: config }, highAvailability: false, primaryRegion: 'arn' });
  if (count > 1) await human.scaleCount('shop', { count });
  await world.clock.sleep(60_000);
  world.write(shop({ counts: { arn: count } }));
  expect((await world.flycd(['adopt', 'shop'])).code).toBe(0);
  expect((await sync()).code).toBe(0);
  await world.clock.sleep(120_000);
}

describe('nothing is made beside a machine that the list lacks', () => {
  test.each([
    [1, 'none'],
    [2, 'the first'],
    [45, 'the first'],
  ])('of %i, where it shows %s', async (count, shows) => {
    await adopted(count);
    const [first] = machines();
    answers(list, await listed((name) => shows === 'the first' && name === first?.name));
    for (let pass = 0; pass < 4; pass += 1) {
      const { said } = await sync();
      expect(machines(), said).toHaveLength(count);
      await world.clock.sleep(600_000);
    }
    world.simulator.world.faults.clear();
    expect((await sync()).code).toBe(0);
    expect(machines()).toHaveLength(count);
  });

  test.each([
    [1, 'none'],
    [2, 'the first'],
  ])('of %i, where it shows %s, a commit comes and the database is lost', async (count, shows) => {
    await adopted(count);
    const [first] = machines();
    answers(list, await listed((name) => shows === 'the first' && name === first?.name));
    world.write(shop({ counts: { arn: count }, greeting: 'two' }));
    const { code, stdout, stderr } = await world.flycd(['sync', '--once'], 'another');
    expect(code, stdout + stderr).toBe(0);
    expect(greetings(), stdout + stderr).toEqual(Array.from({ length: count }, () => 'two'));
  });

  test('and the loop brings a commit to all of an app, whatever the list lacks', async () => {
    world = await arena();
    const of = (greeting: string): Files => {
      const files = shop({ greeting, group: 'web' });
      const text = files['shop/app.yaml'] ?? '';
      return { ...files, 'shop/app.yaml': text.replace('{ web: run web }', '{ web: run web, worker: run worker }') };
    };
    world.write(of('hello'));
    expect((await sync()).code).toBe(0);
    await world.clock.sleep(120_000);
    const before = machines().map(({ id }) => id);
    answers(list, await listed((name) => name.includes('web')));
    world.write(of('two'));
    const stop = new AbortController();
    const loop = world.flycd(['sync'], undefined, stop.signal);
    await world.clock.sleep(600_000);
    stop.abort();
    await loop;
    expect(new Set(greetings())).toEqual(new Set(['two']));
    expect(machines().map(({ id }) => id)).toEqual(before);
  });

  test('apps of one pass share the list of the organization', async () => {
    world = await arena();
    const apps = Array.from({ length: 5 }, (_, number) => `shop-${number}`);
    const files = shop({ counts: { arn: 1 } });
    const of = (greeting: string): Files =>
      Object.fromEntries([
        ['flycd.yaml', files['flycd.yaml'] ?? ''],
        ...apps.map((name) => [
          `${name}/app.yaml`,
          (shop({ counts: { arn: 1 }, greeting })['shop/app.yaml'] ?? '').replace('app: shop', `app: ${name}`),
        ]),
      ]);
    world.write(of('hello'));
    expect((await sync()).code).toBe(0);
    await world.clock.sleep(120_000);
    answers(list, []);
    world.write(of('two'));
    let asked = 0;
    world.simulator.world.onRequest = ({ phase, request }) => {
      if (phase === 'before' && request.template === 'GET /orgs/{org}/machines') asked += 1;
    };
    await sync();
    // One looks for apps that git no longer names.
    expect(asked).toBeLessThanOrEqual(2);
  });

  test('but where it is gone by its id, whatever the list of the organization says', async () => {
    await adopted(2);
    const [gone] = machines();
    world.simulator.world.lag.set({ organizationMs: 3_600_000 });
    await world.asPerson('DELETE', `/apps/shop/machines/${gone?.id}?force=true`);
    await world.clock.sleep(10_000);
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(machines().map(groupOf), said).toEqual(['worker', 'worker']);
  });

  describe('nor beside one that cannot be looked at by its id', () => {
    const dark = (id: string | undefined, status: number): void => {
      world.simulator.world.onRequest = ({ phase, request: { template, path } }) => {
        if (phase !== 'before' || template !== 'GET /apps/{app}/machines/{machine}' || !path.endsWith(`/${id}`)) return;
        world.simulator.world.faults.add({
          template,
          nth: 1,
          times: 1,
          fault: { status, body: { error: 'unavailable' } },
        });
      };
    };

    test.each([500, 503, 408])('with %i, and the command says so', async (status) => {
      await adopted(2);
      const [first, hidden] = machines();
      answers(list, await listed((name) => name === first?.name));
      dark(hidden?.id, status);
      const { code, said } = await sync();
      expect(machines(), said).toHaveLength(2);
      expect(code, said).not.toBe(0);
      expect(said).toContain(`lacks machine ${hidden?.id}, and nobody can tell whether it is there`);
      world.simulator.world.onRequest = undefined;
      world.simulator.world.faults.clear();
      expect((await sync()).code).toBe(0);
      expect(machines()).toHaveLength(2);
    });

    test('nor does the loop, which does not ask without an end either', async () => {
      await adopted(2);
      const [first, hidden] = machines();
      answers(list, await listed((name) => name === first?.name));
      dark(hidden?.id, 503);
      const before = world.simulator.world.requests.length;
      const stop = new AbortController();
      const loop = world.flycd(['sync'], undefined, stop.signal);
      await world.clock.sleep(600_000);
      stop.abort();
      await loop;
      expect(machines()).toHaveLength(2);
      expect(world.simulator.world.requests.length - before).toBeLessThan(500);
    });

    test('nor is a volume bought', async () => {
      const parts = {
        counts: { arn: 1, ams: 1 },
        more: 'extra_regions: [ams]\nmounts: [{ source: data, destination: /data }]\n',
      };
      world = await arena();
      world.write(shop(parts));
      expect((await sync()).code).toBe(0);
      await world.clock.sleep(300_000);
      const hidden = machines().find(({ name }) => name.includes('ams'));
      answers(list, await listed((name) => name.includes('arn')));
      const all = (await world.asPerson('GET', '/apps/shop/volumes')) as { region: string }[];
      answers(
        'GET /apps/{app}/volumes',
        all.filter(({ region }) => region === 'arn'),
      );
      dark(hidden?.id, 503);
      for (let pass = 0; pass < 3; pass += 1) {
        const { said } = await sync();
        expect(world.simulator.world.apps.get('shop')?.volumes.size, said).toBe(2);
      }
    });
  });

  test('nor where forty that are gone stand before it in the list of the organization', async () => {
    await adopted(45);
    const order = (await world.asPerson('GET', '/orgs/personal/machines')) as { machines: { id: string }[] };
    const ids = order.machines.map(({ id }) => id);
    const kept = new Set(ids.slice(-3));
    world.simulator.world.lag.set({ organizationMs: 3_600_000 });
    for (const id of ids) if (!kept.has(id)) await world.asPerson('DELETE', `/apps/shop/machines/${id}?force=true`);
    await world.clock.sleep(60_000);
    const hidden = machines().find(({ id }) => id === ids.at(-1))?.name;
    answers(list, await listed((name) => name !== hidden));
    world.write(shop({ counts: { arn: 3 } }));
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(machines(), said).toHaveLength(3);
  });

  test('nor where the list of the organization cannot be read', async () => {
    await adopted(2);
    await world.asPerson('DELETE', `/apps/shop/machines/${machines()[0]?.id}?force=true`);
    await world.clock.sleep(10_000);
    world.simulator.world.faults.add({
      template: 'GET /orgs/{org}/machines',
      times: 99,
      fault: { status: 500, body: {} },
    });
    await sync();
    expect(machines()).toHaveLength(2);
  });
});

test('no volume is bought beside one that an unlisted machine mounts', async () => {
  world = await arena();
  const parts = {
    counts: { arn: 1, ams: 1 },
    more: 'extra_regions: [ams]\nmounts: [{ source: data, destination: /data }]\n',
  };
  world.write(shop(parts));
  expect((await sync()).code).toBe(0);
  await world.clock.sleep(300_000);
  answers(list, await listed((name) => name.includes('arn')));
  const all = (await world.asPerson('GET', '/apps/shop/volumes')) as { region: string }[];
  answers(
    'GET /apps/{app}/volumes',
    all.filter(({ region }) => region === 'arn'),
  );
  world.write(shop({ ...parts, greeting: 'two' }));
  const { code, said } = await sync();
  expect(code, said).toBe(0);
  expect(greetings(), said).toEqual(['two', 'two']);
  expect(world.simulator.world.apps.get('shop')?.volumes.size, said).toBe(2);
});

describe('a volume that a machine mounts', () => {
  const mounted = {
    counts: { arn: 1 },
    more: 'mounts: [{ source: data, destination: /data }]\n',
  };
  const volumes = () => [...(world.simulator.world.apps.get('shop')?.volumes.values() ?? [])];

  test('is bought once, though Fly lists none', async () => {
    world = await arena();
    world.write(shop(mounted));
    expect((await sync()).code).toBe(0);
    answers('GET /apps/{app}/volumes', []);
    for (let pass = 0; pass < 3; pass += 1) {
      await world.clock.sleep(300_000);
      const { code, said } = await sync();
      expect(code, said).toBe(0);
    }
    expect(volumes()).toHaveLength(1);
  });

  test('is not replaced where it cannot be read by its id either', async () => {
    world = await arena();
    world.write(shop(mounted));
    expect((await sync()).code).toBe(0);
    await world.clock.sleep(300_000);
    answers('GET /apps/{app}/volumes', []);
    world.simulator.world.faults.add({
      template: 'GET /apps/{app}/volumes/{volume}',
      times: 10_000,
      fault: { status: 500, body: {} },
    });
    const { code, said } = await sync();
    expect(code, said).not.toBe(0);
    expect(volumes()).toHaveLength(1);
  });
});
