import { hash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { arena, prepared, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const image = (name: string): string => `docker.io/library/${name}@sha256:${hash('sha256', name)}`;

function app(name: string, more = '', run = `${name}:1`): Record<string, string> {
  return {
    'flycd.yaml': 'fleet: applies\n',
    [`${name}/app.yaml`]: `app: ${name}\nprimary_region: arn\nbuild:\n  image: ${image(run)}\n${more}`,
  };
}

async function sync(flags: readonly string[] = [], state?: string, signal?: AbortSignal) {
  const { code, stdout, stderr } = await world.flycd(['sync', '--once', ...flags], state, signal);
  return { code, said: stderr + stdout };
}

async function synced(files: Record<string, string>): Promise<void> {
  world.write(files);
  const { code, said } = await sync();
  expect(code, said).toBe(0);
}

const appOf = (name: string) => world.simulator.world.snapshot().find((one) => one.name === name);
/** Without those on their way out. */
const namesIn = (name: string): string[] =>
  (appOf(name)?.machines ?? []).filter(({ state }) => state !== 'destroying').map((machine) => machine.name);

const twoGroups = `processes:
  web: web
  store: store
mounts:
  - source: data
    destination: /data
    processes: [store]
machines:
  groups:
    web: { count: 2 }
    store: { count: 2 }
`;

describe('what fails stops what depends on it and nothing else', () => {
  test('a volume that cannot be made: the other group goes on, exit 4, and the next pass makes the rest', async () => {
    world = await arena();
    const { faults } = world.simulator.world;
    faults.add({ template: 'POST /apps/{app}/volumes', times: 99, fault: 'capacity' });
    world.write(app('shop', twoGroups));
    const ran = await sync();
    expect(ran.code, ran.said).toBe(4);
    expect(ran.said).toContain('Fly has no room to create a volume data in arn');
    expect(namesIn('shop')).toEqual(['web-arn-1-g1', 'web-arn-2-g1']);
    faults.clear();
    expect((await sync()).code).toBe(0);
    expect(namesIn('shop')).toEqual(['store-arn-1-g1', 'store-arn-2-g1', 'web-arn-1-g1', 'web-arn-2-g1']);
  });

  test("a name that another organization owns: that app is blocked, the others go on, and its name's owner is left alone", async () => {
    world = await arena();
    world.simulator.world.addOrganization('strangers');
    world.simulator.world.grantToken('theirs', { organizations: ['strangers'] });
    const { clock, simulator } = world;
    await clock.busy(async () => {
      await fetch(`${simulator.url}/v1/apps`, {
        method: 'POST',
        headers: { authorization: 'Bearer theirs' },
        body: JSON.stringify({ name: 'shop', org_slug: 'strangers' }),
      });
    });
    world.write({ ...app('shop'), ...app('blog') });
    const ran = await sync();
    expect(ran.code, ran.said).toBe(4);
    expect(ran.said).toContain('belongs to an organization that the token does not reach');
    expect([namesIn('shop'), namesIn('blog').length]).toEqual([[], 2]);
  });

  test('a name taken between plan and create: nothing else of the app is tried, and the error says what to do', async () => {
    world = await arena();
    world.simulator.world.faults.add({
      template: 'POST /apps',
      fault: { status: 422, body: { error: 'Validation failed: Name has already been taken', status: 'name_taken' } },
    });
    world.write({ ...app('shop', twoGroups) });
    const ran = await sync();
    expect(ran.code, ran.said).toBe(1);
    expect(ran.said).toContain('Choose another name');
    expect(world.simulator.world.writes((request) => request.template !== 'POST /apps')).toEqual([]);
  });

  test("one app's failure never stops another's, and 429s and 500s in crowds are sat out", async () => {
    world = await arena();
    const { faults } = world.simulator.world;
    faults.add({ app: 'shop', template: 'POST /apps/{app}/machines', times: 99, fault: '500' });
    faults.add({ app: 'blog', times: 99, nth: 4, fault: '429' });
    world.write({ ...app('shop', twoGroups), ...app('blog', twoGroups), ...app('wiki', twoGroups) });
    const ran = await sync();
    expect(ran.code, ran.said).toBe(1);
    expect(namesIn('wiki').length).toBe(4);
    expect(namesIn('shop')).toEqual([]);
    faults.clear();
    for (let pass = 0; pass < 2; pass += 1) await sync();
    expect((await sync()).code).toBe(0);
    expect([namesIn('shop').length, namesIn('blog').length]).toEqual([4, 4]);
    expect(appOf('shop')?.volumes.length).toBe(2);
  });

  test('an address that cannot be had keeps the one it would replace', async () => {
    world = await arena();
    await synced(app('shop', 'network:\n  ips:\n    - v: v4\n      shared: true\n'));
    world.simulator.world.faults.add({ template: 'POST /apps/{app}/ip_assignments', times: 99, fault: '500' });
    world.write(app('shop', 'network:\n  auto_prune_ips: true\n  ips:\n    - v: v6\n'));
    const ran = await sync();
    expect(ran.code, ran.said).toBe(1);
    expect(appOf('shop')?.addresses.map(({ kind }) => kind)).toEqual(['shared_v4']);
    world.simulator.world.faults.clear();
    expect((await sync()).code).toBe(0);
    expect(appOf('shop')?.addresses.map(({ kind }) => kind)).toEqual(['v6']);
  });
});

describe('a stop in the middle', () => {
  test('the step under way finishes, the rest is skipped, the run is interrupted, and the next one goes on', async () => {
    world = await arena();
    world.write(app('shop', twoGroups));
    const stop = new AbortController();
    world.simulator.world.onRequest = ({ phase, request }) => {
      if (phase === 'after' && request.template === 'POST /apps/{app}/volumes') stop.abort();
    };
    const ran = await sync([], undefined, stop.signal);
    world.simulator.world.onRequest = undefined;
    expect(ran.said).toContain('FlyCD was asked to stop');
    expect(ran.code, ran.said).toBe(130);
    expect([appOf('shop')?.volumes.length, namesIn('shop')]).toEqual([1, []]);
    expect(ran.said).toMatch(/shop +interrupted +pending/);
    expect((await sync()).code).toBe(0);
    expect([appOf('shop')?.volumes.length, namesIn('shop').length]).toEqual([2, 4]);
  });
});

describe('a stop while FlyCD waits for certainty', () => {
  test('ends the wait at once, and the next sync settles what it left open without making two', async () => {
    world = await arena();
    world.write(app('shop', 'network:\n  ips:\n    - v: v4\n'));
    world.simulator.world.faults.add({ template: 'POST /apps/{app}/ip_assignments', fault: 'reset-before' });
    const stop = new AbortController();
    world.clock.timer(5000, () => stop.abort());
    const startedAt = world.clock.now();
    const ran = await sync([], undefined, stop.signal);
    expect(ran.code, ran.said).toBe(130);
    expect(world.clock.now() - startedAt).toBeLessThan(10_000);
    expect((await sync()).code).toBe(0);
    expect(appOf('shop')?.addresses.map(({ kind }) => kind)).toEqual(['v4']);
  });

  test('for a lease that a FlyCD before it left behind', async () => {
    world = await arena();
    const ips = (list: string): Record<string, string> => app('shop', `network:\n  ips:\n${list}`);
    await synced(ips('    - v: v6\n'));
    for (const machine of world.simulator.world.apps.get('shop')?.machines.values() ?? []) {
      const expiresAt = world.clock.now() + 30_000;
      machine.lease = { nonce: 'gone', owner: 'x', description: 'flycd:applies:dead', expiresAt };
    }
    world.write(ips('    - v: v6\n    - v: v4\n'));
    const stop = new AbortController();
    world.clock.timer(5000, () => stop.abort());
    const startedAt = world.clock.now();
    const ran = await sync([], undefined, stop.signal);
    expect(ran.code, ran.said).toBe(130);
    expect(world.clock.now() - startedAt).toBeLessThan(10_000);
    const next = await sync();
    expect(next.code, next.said).toBe(0);
    expect(next.said).toContain('an earlier FlyCD still holds machine');
    expect(appOf('shop')?.addresses.map(({ kind }) => kind)).toEqual(['v4', 'v6']);
  });
});

describe('counts', () => {
  const counted = (counts: string, run?: string): Record<string, string> =>
    app('shop', `extra_regions: [ams]\nmachines:\n  count_per_region:\n${counts}`, run);

  test('a count for each region; scaling down takes the highest slot, scaling up fills the lowest', async () => {
    world = await arena();
    await synced(counted('    arn: 3\n    ams: 1\n'));
    expect(namesIn('shop')).toEqual(['app-ams-1-g1', 'app-arn-1-g1', 'app-arn-2-g1', 'app-arn-3-g1']);
    await synced(counted('    arn: 1\n    ams: 1\n'));
    expect(namesIn('shop')).toEqual(['app-ams-1-g1', 'app-arn-1-g1']);
    await synced(counted('    arn: 2\n    ams: 2\n'));
    expect(namesIn('shop')).toEqual(['app-ams-1-g1', 'app-ams-2-g1', 'app-arn-1-g1', 'app-arn-2-g2']);
  });

  const of = (count: number) => app('shop', `machines: { count: ${count} }\n`);

  test.each(['reset-before', 'reset-after'] as const)(
    'a create whose answer was lost is asked about by its name, and made in the same pass, once: %s',
    async (fault) => {
      world = await prepared([of(1)], of(2));
      world.simulator.world.faults.add({ template: 'POST /apps/{app}/machines', times: 1, fault });
      const { code, said } = await sync();
      expect(code, said).toBe(0);
      expect(namesIn('shop')).toEqual(['app-arn-1-g1', 'app-arn-2-g1']);
    },
  );

  test('a name that somebody else has given a machine is passed over', async () => {
    world = await prepared([of(1)], of(2));
    const body = { name: 'app-arn-2-g1', region: 'arn', config: { image: image('other') } };
    await world.asPerson('POST', '/apps/shop/machines', body);
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(namesIn('shop')).toEqual(['app-arn-1-g1', 'app-arn-2-g1', 'app-arn-2-g2']);
  });

  test('new machines are there and well before old ones go', async () => {
    world = await arena();
    await synced(counted('    arn: 2\n    ams: 0\n'));
    world.simulator.world.faults.add({ template: 'POST /apps/{app}/machines', fault: 'capacity' });
    world.write(counted('    arn: 0\n    ams: 2\n'));
    const ran = await sync();
    expect(ran.code, ran.said).toBe(4);
    expect(namesIn('shop')).toEqual(['app-arn-1-g1', 'app-arn-2-g1']);
    expect((await sync()).code).toBe(0);
    expect(namesIn('shop')).toEqual(['app-ams-1-g1', 'app-ams-2-g1']);
  });

  test('a region without room keeps no other region waiting, also not for the first machines of an app', async () => {
    world = await arena();
    const { capacity } = world.simulator.world;
    const regions = 'extra_regions: [ams]\nprocesses: { web: serve, worker: work }\n';
    world.write(app('shop', `${regions}http_service: { internal_port: 8080, processes: [web] }\n`));
    capacity.set('ams', 0);
    const ran = await sync();
    expect(ran.code, ran.said).toBe(4);
    const inPrimary = ['web-arn-1-g1', 'web-arn-2-g1', 'worker-arn-1-g1', 'worker-arn-2-g1'];
    expect(namesIn('shop')).toEqual(inPrimary);
    capacity.clear();
    expect((await sync()).code).toBe(0);
    expect(namesIn('shop')).toEqual([
      'web-ams-1-g1',
      ...inPrimary.slice(0, 2),
      'worker-ams-1-g1',
      ...inPrimary.slice(2),
    ]);
  });

  test('a region without room shows nothing of a version: elsewhere one machine is still the first', async () => {
    world = await arena();
    world.simulator.world.capacity.set('ams', 0);
    world.write(counted('    ams: 1\n    arn: 3\n', 'crash-loop:1'));
    const ran = await sync();
    expect(ran.code, ran.said).toBe(1);
    expect(namesIn('shop')).toEqual(['app-arn-1-g1']);
  });

  test('without room in the primary region its standby waits for the machine it stands in for', async () => {
    world = await arena();
    const { capacity } = world.simulator.world;
    world.write(app('shop', 'extra_regions: [ams]\n'));
    capacity.set('arn', 0);
    const ran = await sync();
    expect(ran.code, ran.said).toBe(4);
    expect(namesIn('shop')).toEqual(['app-ams-1-g1']);
    capacity.clear();
    expect((await sync()).code).toBe(0);
    expect(namesIn('shop')).toEqual(['app-ams-1-g1', 'app-arn-1-g1', 'app-arn-2-g1']);
  });

  test('a group that git names no longer: held where it serves, gone where it does not', async () => {
    world = await arena();
    const groups = 'processes:\n  web: web\n  worker: worker\n';
    const serves = 'http_service:\n  internal_port: 8080\n  processes: [web]\n';
    await synced(app('shop', `${groups}${serves}`));
    expect(namesIn('shop')).toEqual(['web-arn-1-g1', 'web-arn-2-g1', 'worker-arn-1-g1', 'worker-arn-2-g1']);
    await synced(app('shop', `processes:\n  web: web\n${serves}`));
    expect(namesIn('shop')).toEqual(['web-arn-1-g1', 'web-arn-2-g1']);
    world.write(app('shop', 'processes:\n  worker: worker\n'));
    const ran = await sync();
    expect(ran.code, ran.said).toBe(4);
    expect(namesIn('shop')).toEqual(['web-arn-1-g1', 'web-arn-2-g1', 'worker-arn-1-g2', 'worker-arn-2-g2']);
    expect((await sync(['--accept'])).code).toBe(0);
    expect(namesIn('shop')).toEqual(['worker-arn-1-g2', 'worker-arn-2-g2']);
  });
});

describe('images', () => {
  test('a tag that no registry resolves: the first machine says what it means, and all are pinned to it', async () => {
    world = await arena();
    const files = app('shop', 'machines:\n  count: 3\n');
    await synced({ ...files, 'shop/app.yaml': (files['shop/app.yaml'] ?? '').replace(/@sha256:[0-9a-f]+/, '') });
    const images = (appOf('shop')?.machines ?? []).map(({ config }) => config.image ?? '');
    const digest = hash('sha256', 'docker.io/library/shop:1');
    expect(images).toEqual(Array.from({ length: 3 }, () => `docker.io/library/shop:1@sha256:${digest}`));
    const writes = world.simulator.world.writes().length;
    expect((await sync()).code).toBe(0);
    expect(world.simulator.world.writes().length).toBe(writes);
  });
});

describe('volumes', () => {
  test('those that grow restart their machines one by one, each well before the next', async () => {
    world = await arena();
    const sized = (gb: number): Record<string, string> =>
      app(
        'shop',
        `mounts:\n  - source: data\n    destination: /data\n    initial_size: ${gb}GB\nmachines:\n  count: 3\n`,
      );
    await synced(sized(1));
    let fewest = 3;
    let restarts = 0;
    world.simulator.world.onStateChange = (machine) => {
      const running = (appOf('shop')?.machines ?? []).filter(({ state }) => state === 'started').length;
      fewest = Math.min(fewest, running);
      if (machine.state === 'restarting') restarts += 1;
    };
    await synced(sized(2));
    expect([fewest, restarts]).toEqual([2, 3]);
    expect(appOf('shop')?.volumes.map(({ sizeGb }) => sizeGb)).toEqual([2, 2, 2]);
    expect(appOf('shop')?.volumes.map(({ filesystemGb }) => filesystemGb)).toEqual([2, 2, 2]);
    expect(appOf('shop')?.machines.every(({ leased, state }) => !leased && state === 'started')).toBe(true);
  });
});

describe('a volume on a host that does not answer', () => {
  test('is waited for, never replaced by an empty one', async () => {
    world = await arena();
    await world.asPerson('POST', '/apps', { name: 'shop', org_slug: 'personal' });
    const volume = await world.asPerson('POST', '/apps/shop/volumes', { name: 'data', region: 'arn', size_gb: 1 });
    const dark = { ...(volume as object), host_status: 'unreachable' };
    world.simulator.world.faults.add({
      template: 'GET /apps/{app}/volumes',
      times: 99,
      fault: { status: 200, body: [dark] },
    });
    world.write(app('shop', 'mounts:\n  - source: data\n    destination: /data\n'));
    const ran = await sync();
    expect(ran.code, ran.said).toBe(4);
    expect(ran.said).toMatch(/no free volume data in arn: the host of vol_\w+ does not answer/);
    expect([namesIn('shop'), appOf('shop')?.volumes.length]).toEqual([[], 1]);
    world.simulator.world.faults.clear();
    expect((await sync()).code).toBe(0);
    expect([namesIn('shop').length, appOf('shop')?.volumes.length]).toEqual([1, 1]);
  });
});

describe('two FlyCDs at the same moment', () => {
  test('of the same fleet: nothing doubled, nothing missing, and both are content in the end', async () => {
    world = await arena({ orderly: true });
    world.write(app('shop', `${twoGroups}network:\n  ips:\n    - v: v4\n    - v: v6\n`));
    const first = await Promise.all([sync([], 'one'), sync([], 'two')]);
    expect(first.map(({ code }) => code).toSorted((a, b) => a - b)).toEqual([0, 4]);
    expect(first.map(({ said }) => said).join('')).toContain('somebody else created app shop at this moment');
    await Promise.all([sync([], 'one'), sync([], 'two')]);
    const shop = appOf('shop');
    expect(namesIn('shop')).toEqual(['store-arn-1-g1', 'store-arn-2-g1', 'web-arn-1-g1', 'web-arn-2-g1']);
    expect(shop?.volumes.length).toBe(2);
    expect(shop?.addresses.map(({ kind }) => kind)).toEqual(['v4', 'v6']);
    expect((await sync([], 'one')).code).toBe(0);
    expect((await sync([], 'two')).code).toBe(0);
    world.write(app('shop', `${twoGroups}env:\n  A: b\nnetwork:\n  ips:\n    - v: v4\n    - v: v6\n`));
    const times = new Map<string, number>();
    world.simulator.world.onRequest = ({ phase, request }) => {
      const update = request.template === 'POST /apps/{app}/machines/{machine}' && request.status === 200;
      if (phase === 'after' && update) times.set(request.path, (times.get(request.path) ?? 0) + 1);
    };
    for (let pass = 0; pass < 2; pass += 1) await Promise.all([sync([], 'one'), sync([], 'two')]);
    expect([...times.values()]).toEqual([1, 1, 1, 1]);
    expect((await sync([], 'two')).code).toBe(0);
  });

  test('more machines with volumes of an app that is there: the lock lets one after the other count', async () => {
    world = await arena();
    const wanted = (count: number, ips: string): Record<string, string> =>
      app(
        'shop',
        `mounts:\n  - source: data\n    destination: /data\nmachines:\n  count: ${count}\nnetwork:\n  ips:\n${ips}`,
      );
    await synced(wanted(1, '    - v: v6\n'));
    world.write(wanted(3, '    - v: v6\n    - v: v4\n'));
    await Promise.all([sync([], 'one'), sync([], 'two')]);
    const shop = appOf('shop');
    expect(namesIn('shop')).toEqual(['app-arn-1-g1', 'app-arn-2-g1', 'app-arn-3-g1']);
    expect(shop?.volumes.length).toBe(3);
    expect(shop?.addresses.map(({ kind }) => kind)).toEqual(['v4', 'v6']);
    expect((await sync([], 'one')).code).toBe(0);
    expect((await sync([], 'two')).code).toBe(0);
    expect(shop?.machines.every(({ leased }) => !leased)).toBe(true);
  });
});
