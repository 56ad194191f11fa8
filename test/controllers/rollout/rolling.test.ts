import { hash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { start } from '../../../simulator/machines/lifecycle.ts';
import { arena, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const digestOf = (image: string): string => `sha256:${hash('sha256', image)}`;

interface Shop {
  readonly image?: string;
  readonly greeting?: string;
  readonly count?: number;
  readonly strategy?: string;
  readonly secret?: string;
  readonly autostop?: string;
}

function shop({ image = 'shop:1', greeting = 'hello', count = 3, strategy, secret, autostop }: Shop = {}) {
  return {
    'flycd.yaml': 'fleet: rolls\n',
    'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: docker.io/library/${image}@${digestOf(image)}
env:
  GREETING: ${greeting}
deploy:
  strategy: ${strategy ?? 'rolling'}
  wait_timeout: 60s
http_service:
  internal_port: 8080
${autostop === undefined ? '' : `  auto_stop_machines: ${autostop}\n`}  checks:
    - path: /health
      interval: 5s
      timeout: 2s
machines:
  count: ${count}
${secret === undefined ? '' : `secrets:\n  - name: PASSWORD\n    type: raw\n    raw: ${secret}\n`}`,
  };
}

async function sync(...flags: string[]): Promise<{ readonly code: number; readonly said: string }> {
  const { code, stdout, stderr } = await world.flycd(['sync', '--once', ...flags]);
  return { code, said: stderr + stdout };
}

async function synced(files: ReturnType<typeof shop>): Promise<void> {
  world.write(files);
  const { code, said } = await sync();
  expect(code, said).toBe(0);
}

const machines = () => world.simulator.world.snapshot().find((app) => app.name === 'shop')?.machines ?? [];
const machine = (name: string) => {
  const found = machines().find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
};
const versions = (): Record<string, string> =>
  Object.fromEntries(machines().map(({ name, version }) => [name, version]));

describe('a version that fails on the first of three machines reaches no other', () => {
  async function staysOnOne(before: Shop, after: Shop): Promise<string> {
    world = await arena();
    await synced(shop(before));
    const old = versions();
    world.write(shop(after));
    let said = '';
    for (let pass = 0; pass < 3; pass += 1) {
      const ran = await sync();
      expect(ran.code, ran.said).toBe(pass === 0 ? 1 : 4);
      said ||= ran.said;
      const changed = Object.entries(versions()).filter(([name, version]) => old[name] !== version);
      expect(
        changed.map(([name]) => name),
        `pass ${pass + 1}\n${ran.said}`,
      ).toEqual(['app-arn-1-g1']);
      await world.clock.sleep(600_000);
    }
    expect(machines().map(({ name }) => name)).toEqual(['app-arn-1-g1', 'app-arn-2-g1', 'app-arn-3-g1']);
    return said;
  }

  test('checks that never pass: the error names machine, check and output', async () => {
    const said = await staysOnOne({}, { image: 'failing-check:2' });
    expect(said).toContain('app-arn-1-g1');
    expect(said).toContain('servicecheck-00-http-8080 is critical ("connect: connection refused")');
    expect(said).toContain('fly logs -a shop --machine');
  });

  test('a crash loop, also when its restarts have run out', async () => {
    expect(await staysOnOne({}, { image: 'crash-loop:2' })).toContain('exit code 1');
    expect(machine('app-arn-1-g1').state).toBe('started');
  });

  test('with a fix in git, all three go on', async () => {
    await staysOnOne({}, { image: 'failing-check:2' });
    await synced(shop({ image: 'shop:3' }));
    expect(machines().every(({ config }) => config.image?.includes('shop:3'))).toBe(true);
  });
});

describe('somebody else at work', () => {
  test('a foreign lease in the middle of a roll: what is done stays, the rest waits, exit 4, and the next pass goes on', async () => {
    world = await arena();
    await synced(shop());
    const second = machine('app-arn-2-g1');
    world.write(shop({ greeting: 'bye' }));
    let leased = false;
    world.simulator.world.onRequest = ({ phase, request }) => {
      if (leased || phase !== 'after' || request.template !== 'POST /apps/{app}/machines/{machine}') return;
      leased = true;
      const live = world.simulator.world.apps.get('shop')?.machines.get(second.id);
      if (live !== undefined)
        live.lease = {
          nonce: 'bobs',
          owner: 'bob@example.com',
          description: 'fly deploy',
          expiresAt: world.clock.now() + 120_000,
        };
    };
    const ran = await sync();
    expect(ran.said).toContain('bob@example.com is working on the machine');
    expect(ran.code, ran.said).toBe(4);
    const greetings = (): unknown[] => machines().map(({ config }) => config.env?.['GREETING']);
    expect(greetings()).toEqual(['bye', 'hello', 'hello']);
    const again = await sync();
    expect(again.code, again.said).toBe(4);
    expect(greetings()).toEqual(['bye', 'hello', 'hello']);
    await world.clock.sleep(120_000);
    const last = await sync();
    expect(last.code, last.said).toBe(0);
    expect(greetings()).toEqual(['bye', 'bye', 'bye']);
  });

  test('a machine that a person updates in the middle of a roll: never overwritten blindly, healed once it is planned again', async () => {
    world = await arena();
    await synced(shop());
    const second = machine('app-arn-2-g1');
    world.write(shop({ greeting: 'bye' }));
    let meddled: Promise<unknown> | undefined;
    world.simulator.world.onRequest = ({ phase, request }) => {
      if (phase !== 'after' || request.template !== 'POST /apps/{app}/machines/{machine}') return;
      const env = { ...second.config.env, BY_HAND: 'yes' };
      meddled ??= world.asPerson('POST', `/apps/shop/machines/${second.id}`, { config: { ...second.config, env } });
    };
    const ran = await sync();
    await meddled;
    expect(ran.said).toContain('was updated meanwhile');
    expect(ran.code, ran.said).toBe(0);
    // By hand, and healed: the update that was planned before is not sent at all.
    const sent = world.simulator.world.requests.filter(
      ({ method, path }) => method === 'POST' && path.endsWith(`/machines/${second.id}`),
    );
    expect(sent.map(({ status }) => status)).toEqual([200, 200]);
    expect(machines().map(({ config }) => config.env?.['GREETING'])).toEqual(['bye', 'bye', 'bye']);
    expect(machine('app-arn-2-g1').config.env?.['BY_HAND']).toBeUndefined();
  });

  test('what a person writes while FlyCD waits for health is never taken for what Fly made of ours', async () => {
    world = await arena();
    await synced(shop({ count: 1 }));
    const { id } = machine('app-arn-1-g1');
    world.write(shop({ count: 1, greeting: 'bye' }));
    let meddled: Promise<unknown> | undefined;
    world.simulator.world.onRequest = ({ phase, request }) => {
      const waiting = request.template === 'GET /apps/{app}/machines/{machine}/wait';
      if (phase !== 'after' || !waiting || meddled !== undefined) return;
      const config = structuredClone(machine('app-arn-1-g1').config);
      meddled = world.asPerson('POST', `/apps/shop/machines/${id}?`, {
        config: { ...config, env: { GREETING: 'mischief' } },
      });
    };
    // Nobody holds them off: the lease of the update ended early.
    world.simulator.world.onStateChange = (changed) => {
      changed.lease = undefined;
    };
    // It gives way and plans again: what it finds then is drift, as it would be for the next pass.
    const { code, said } = await sync();
    await meddled;
    world.simulator.world.onRequest = undefined;
    expect(code, said).toBe(0);
    expect(meddled).toBeDefined();
    expect(machine('app-arn-1-g1').config.env?.['GREETING']).toBe('bye');
  });
});

describe('strategies and states', () => {
  test('immediate: all are sent before the first is healthy', async () => {
    world = await arena();
    await synced(shop({ count: 10 }));
    world.write(shop({ count: 10, greeting: 'bye', image: 'slow-start:1', strategy: 'immediate' }));
    const times: number[] = [];
    world.simulator.world.onRequest = ({ phase, request }) => {
      if (phase === 'after' && request.template === 'POST /apps/{app}/machines/{machine}') times.push(request.at);
    };
    const ran = await sync();
    expect(ran.code, ran.said).toBe(0);
    expect(times.length).toBe(10);
    expect(Math.max(...times) - Math.min(...times)).toBeLessThan(20_000);
  });

  test('rolling: never more than max_unavailable of those that ran are down', async () => {
    world = await arena();
    await synced(shop({ count: 6 }));
    world.write(shop({ count: 6, greeting: 'bye' }));
    let fewest = 6;
    world.simulator.world.onStateChange = () => {
      fewest = Math.min(fewest, machines().filter(({ state }) => state === 'started').length);
    };
    const ran = await sync();
    expect(ran.code, ran.said).toBe(0);
    expect(fewest).toBe(4);
  });

  test('machines stopped by autostop are updated without being started, and one that the proxy wakes stays awake', async () => {
    world = await arena();
    await synced(shop({ autostop: 'stop' }));
    for (const { id } of machines()) await world.asPerson('POST', `/apps/shop/machines/${id}/stop`);
    await world.clock.sleep(10_000);
    world.write(shop({ autostop: 'stop', greeting: 'bye' }));
    const platform = world.simulator.world;
    const { id } = machine('app-arn-2-g1');
    let woken = false;
    platform.onRequest = ({ phase, request }) => {
      const sleeper = platform.apps.get('shop')?.machines.get(id);
      if (woken || phase !== 'before' || !request.template.endsWith('/lease') || sleeper === undefined) return;
      // In the same moment: over the wire it would race with the lease on this machine.
      woken = true;
      start(platform, sleeper, 'flyd');
    };
    const ran = await sync();
    expect(woken).toBe(true);
    expect(ran.code, ran.said).toBe(0);
    expect(machines().map(({ state, config }) => [state, config.env?.['GREETING']])).toEqual([
      ['stopped', 'bye'],
      ['started', 'bye'],
      ['stopped', 'bye'],
    ]);
  });
});

describe('secrets', () => {
  test('a rotation rolls what runs and leaves what is stopped; a missing env secret holds all of it, exit 4', async () => {
    world = await arena();
    await synced(shop({ autostop: 'stop', secret: 'one' }));
    await world.asPerson('POST', `/apps/shop/machines/${machine('app-arn-3-g1').id}/stop`);
    await world.clock.sleep(10_000);
    const old = versions();
    await synced(shop({ autostop: 'stop', secret: 'two' }));
    expect(machines().map(({ name, state, version, secrets }) => [state, version === old[name], secrets])).toEqual([
      ['started', false, { PASSWORD: 'two' }],
      ['started', false, { PASSWORD: 'two' }],
      ['stopped', true, { PASSWORD: 'one' }],
    ]);
    const before = world.simulator.world.writes().length;
    expect((await sync()).code).toBe(0);
    expect(world.simulator.world.writes().length).toBe(before);
  });

  test('no value here and none on Fly: nothing is made or changed, exit 4, and the variable is named', async () => {
    world = await arena();
    const files = shop();
    const text = `${files['shop/app.yaml']}secrets:\n  - name: TOKEN\n    type: env\n    env: SHOP_TOKEN\n`;
    world.write({ ...files, 'shop/app.yaml': text });
    const ran = await sync();
    expect(ran.code, ran.said).toBe(4);
    expect(ran.said).toContain('env SHOP_TOKEN is not set');
    expect(machines()).toEqual([]);
  });

  test('a value that breaks the first machine reaches no other, also by the next passes', async () => {
    world = await arena();
    await synced(shop({ secret: 'one' }));
    world.write(shop({ secret: 'bad' }));
    const first = machine('app-arn-1-g1').id;
    // The app reads the secret and dies.
    world.simulator.world.onStateChange = (changed) => {
      if (changed.id === first && changed.booted?.secrets['PASSWORD'] === 'bad')
        changed.config.image = 'failing-check:1';
    };
    for (let pass = 0; pass < 3; pass += 1) {
      const ran = await sync();
      expect(ran.code, ran.said).toBe(1);
      expect(
        machines().map(({ secrets }) => secrets['PASSWORD']),
        ran.said,
      ).toEqual(['bad', 'one', 'one']);
    }
  });
});
