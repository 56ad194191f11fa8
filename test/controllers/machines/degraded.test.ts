import { afterEach, describe, expect, test } from 'vitest';
import { signal } from '../../../simulator/machines/lifecycle.ts';
import { prepared, type Arena, type Files } from '../arena.ts';
import { imagesOf, machinesOf, shop, stampsOf, sync } from './shop.ts';

let world: Arena;
afterEach(() => world.close());

const fly = () => world.simulator.world;

/** The first machine's process ends so each time that it is begun again, until Fly gives it up. */
async function endsForGood(how: 'KILL' | 'TERM' = 'KILL'): Promise<void> {
  const [machine] = machinesOf(world);
  if (machine === undefined) throw new Error('the app has no machine');
  const end = (): void => {
    if (machine.state === 'started') signal(fly(), machine, how);
  };
  fly().onStateChange = (changed) => {
    if (changed === machine && changed.state === 'started') world.clock.timer(1000, end);
  };
  end();
  await world.clock.sleep(600_000);
  expect(machine.state).toBe('stopped');
}

interface Shown {
  readonly apps: readonly { readonly status: string; readonly health: string | null; readonly why?: string }[];
}

async function shown(command: string) {
  const { stdout, code } = await world.flycd([command, '--output', 'json']);
  return { app: (JSON.parse(stdout) as Shown).apps[0], code };
}

describe('a machine that ends for good after its release was called good', () => {
  test('is shown beside the status, and neither fails a sync nor is begun again', async () => {
    world = await prepared([shop()], {});
    await endsForGood();
    const starts = fly().requests.filter(({ template }) => template.endsWith('/start')).length;
    for (let pass = 0; pass < 2; pass += 1) {
      const { code, said } = await sync(world);
      expect(code, said).toBe(0);
      expect(said).toMatch(/shop +no-change +synced +degraded .*app\/arn\/1 crashed until its restarts ran out/);
      expect(said).toContain('1 app: 1 synced, 1 degraded.');
    }
    expect(fly().requests.filter(({ template }) => template.endsWith('/start'))).toHaveLength(starts);
    const status = await world.flycd(['status']);
    expect(status.code).toBe(0);
    expect(status.stdout).toMatch(/shop +synced +degraded .*app\/arn\/1 crashed until its restarts ran out/);
    expect(status.stdout).toContain('1 synced, 1 degraded');
    expect((await shown('status')).app).toMatchObject({ status: 'synced', health: 'degraded' });
    expect(await shown('diff')).toMatchObject({ code: 0, app: { status: 'synced', health: 'degraded' } });
    expect((await world.flycd(['why', 'shop'])).stdout).toContain('shop: synced, degraded');
  });

  test('gets back the stamps that it has lost, and is not waited for', async () => {
    world = await prepared([shop({ count: 1 })], {});
    await endsForGood();
    const [machine] = machinesOf(world);
    const { flycd_sent: sent, ...others } = machine?.config.metadata ?? {};
    if (machine !== undefined) machine.config.metadata = others;
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    expect(said).toContain('degraded');
    expect(stampsOf(world, 'flycd_sent')).toEqual([sent]);
  });

  test('keeps no other one from being made beside it, for more of them may be how it gets better', async () => {
    world = await prepared([shop({ count: 1 })], shop({ count: 2 }));
    await endsForGood();
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    expect(machinesOf(world).map(({ name, state }) => [name, state])).toEqual([
      ['app-arn-1-g1', 'stopped'],
      ['app-arn-2-g1', 'started'],
    ]);
  });

  test('and no more once a person has started it, or git brings something new', async () => {
    world = await prepared([shop({ count: 1 })], {});
    await endsForGood();
    await sync(world);
    expect((await shown('status')).app?.health).toBe('degraded');
    fly().onStateChange = undefined;
    world.write(shop({ count: 1, image: 'shop:2' }));
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    expect(said).not.toContain('degraded');
    expect((await shown('status')).app).toMatchObject({ status: 'synced', health: null });
  });
});

const secretOf = (value: string): string => `secrets:\n  - name: PASSWORD\n    type: raw\n    raw: ${value}\n`;

describe.each(['heal', 'report', 'off'])('nobody stopped it, so that drift: %s keeps it from nothing', (drift) => {
  const policy = `sync: { drift: ${drift} }\n`;
  const brings: readonly (readonly [string, Files])[] = [
    ['another image', shop({ image: 'shop:2', more: policy + secretOf('one') })],
    ['another config', shop({ more: `${policy}${secretOf('one')}env: { COLOR: blue }\n` })],
    ['another value of a secret', shop({ more: policy + secretOf('two') })],
  ];

  test.each(brings)('that git brings: %s', async (_what, files) => {
    world = await prepared([shop({ more: policy + secretOf('one') })], {});
    await endsForGood();
    await sync(world);
    fly().onStateChange = undefined;
    world.write(files);
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    expect(machinesOf(world).map(({ state }) => state)).toEqual(['started', 'started']);
    expect((await shown('status')).app).toMatchObject({ status: 'synced', health: null });
  });

  test('but where a person started it, and stopped it then', async () => {
    world = await prepared([shop({ more: policy })], {});
    await endsForGood();
    fly().onStateChange = undefined;
    const [machine] = machinesOf(world);
    for (const what of ['start', 'stop']) {
      await world.asPerson('POST', `/apps/shop/machines/${machine?.id}/${what}`);
      await world.clock.sleep(60_000);
    }
    world.write(shop({ image: 'shop:2', more: policy }));
    await sync(world);
    expect(imagesOf(world)).toEqual(['shop:2', 'shop:2']);
    expect(machine?.state).toBe(drift === 'heal' ? 'started' : 'stopped');
  });
});

describe('what ended is the version that ran, and only while it rests since', () => {
  const actOn = async (what: 'start' | 'suspend'): Promise<void> => {
    await world.asPerson('POST', `/apps/shop/machines/${machinesOf(world)[0]?.id}/${what}`);
    await world.clock.sleep(60_000);
  };
  const crashed = async (): Promise<void> => {
    world = await prepared([shop()], {});
    await endsForGood();
    fly().onStateChange = undefined;
  };

  test('of another one, which has run since, nothing is said, and it is started once', async () => {
    await crashed();
    world.write(shop({ image: 'shop:2' }));
    await sync(world);
    await actOn('suspend');
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    expect(said).not.toContain('ran out');
    expect(machinesOf(world)[0]?.state).toBe('started');
  });

  test('once somebody has started it, it rests as that one left it', async () => {
    await crashed();
    await actOn('start');
    await actOn('suspend');
    const { said } = await sync(world);
    expect(said).not.toContain('ran out');
    expect((await world.flycd(['diff'])).stdout).toContain('was suspended again after its version had been started');
  });

  test('a deploy by hand leaves it at rest in a version that never ran', async () => {
    await crashed();
    expect(await world.simulator.flyctl.deploy('shop', { image: 'docker.io/acme/shop:9' })).toEqual({ ok: true });
    await world.clock.sleep(60_000);
    expect(await shown('diff')).toMatchObject({ app: { status: 'held', health: null } });
    world.write(shop({ image: 'shop:2' }));
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    expect(machinesOf(world).map(({ state }) => state)).toEqual(['started', 'started']);
  });
});

test('a machine that is to serve and ended with code 0 serves nobody', async () => {
  world = await prepared([shop({ more: 'restart:\n  - policy: never\n' })], {});
  await endsForGood('TERM');
  expect((await sync(world)).said).toMatch(/synced +degraded .*app\/arn\/1 ended by itself, and serves nobody/);
});

const job = 'restart:\n  - policy: never\n';

describe('what rests as it should is not degraded', () => {
  const rests: readonly (readonly [string, Files, () => Promise<void>])[] = [
    [
      'the proxy stopped it',
      shop({ more: '', service: 'http_service:\n  internal_port: 8080\n  auto_stop_machines: stop\n' }),
      async () => {
        for (const { id } of machinesOf(world)) await world.asPerson('POST', `/apps/shop/machines/${id}/stop`);
      },
    ],
    [
      'a person stopped it',
      shop(),
      async () => {
        for (const { id } of machinesOf(world)) await world.asPerson('POST', `/apps/shop/machines/${id}/stop`);
      },
    ],
    ['a job that is done', shop({ image: 'one-shot:1', service: '', more: job }), () => Promise.resolve()],
    [
      'a schedule begins it',
      shop({ image: 'one-shot:1', service: '', count: 1, more: `${job}machine:\n  schedule: daily\n` }),
      () => Promise.resolve(),
    ],
  ];
  test.each(rests)('%s', async (_what, files, befalls) => {
    world = await prepared([files], {});
    await befalls();
    await world.clock.sleep(60_000);
    await sync(world);
    expect((await world.flycd(['status'])).stdout).not.toContain('degraded');
    expect((await shown('diff')).app?.health).toBe(null);
  });
});
