import { afterEach, describe, expect, test } from 'vitest';
import type { Machine } from '../../../simulator/world/records.ts';
import { arena, prepared, type Arena, type Files } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

interface Parts {
  readonly image?: string;
  /** Name of the volume; undefined: none. */
  readonly mount?: string;
  readonly onFailure?: 'rollback' | 'stop';
  readonly rests?: boolean;
}

const fleet = ({ image = 'shop:1', mount, onFailure = 'rollback', rests = false }: Parts = {}): Files => ({
  'flycd.yaml': 'fleet: mounts\n',
  'shop/app.yaml': `app: shop
primary_region: arn
build: { image: docker.io/acme/${image} }
deploy: { wait_timeout: 20s, release_command: migrate }
http_service:
  internal_port: 8080
  auto_stop_machines: ${rests ? 'stop' : 'off'}
  checks: [{ path: /health, interval: 5s, timeout: 2s }]
machines: { count: 3 }
network: { ips: [] }
sync: { on_failure: ${onFailure} }
${mount === undefined ? '' : `mounts: [{ source: ${mount}, destination: /data }]\nvolumes: [{ name: ${mount}, size_gb: 2 }]\n`}`,
});

const app = () => {
  const found = world.simulator.world.apps.get('shop');
  if (found === undefined) throw new Error('no app');
  return found;
};
const machines = () =>
  [...app().machines.values()]
    .filter(({ state, config }) => {
      const group = config.metadata?.['fly_process_group'];
      return state !== 'destroyed' && state !== 'destroying' && group !== 'fly_app_release_command';
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
const names = () => machines().map(({ name }) => name);
const mounts = () => machines().map(({ config }) => config.mounts?.[0]?.name);
const volumes = () =>
  [...app().volumes.values()]
    .map(({ name, attachedMachine }) => `${name} ${attachedMachine === undefined ? 'free' : 'used'}`)
    .toSorted();
const isWell = ({ state, checks }: Machine) =>
  state === 'started' && checks.every(({ status }) => status === 'passing');
const migrations = () =>
  [...app().machines.values()].filter(({ config }) => config.env?.['RELEASE_COMMAND'] !== undefined).length;

async function flycd(...argv: readonly string[]) {
  const { code, stdout, stderr } = await world.flycd(argv);
  return { code, said: stderr + stdout };
}

async function sync(...flags: readonly string[]) {
  return flycd('sync', '--once', ...flags);
}

/** What there was at least and at most while this went on: machines that were well, and machines. */
async function watched(doing: () => Promise<unknown>): Promise<{ readonly well: number; readonly machines: number }> {
  let [well, most] = [Infinity, 0];
  world.simulator.world.onRequest = () => {
    well = Math.min(well, machines().filter(isWell).length);
    most = Math.max(most, machines().length);
  };
  await doing();
  return { well, machines: most };
}

describe('a mount more', () => {
  test('makes each machine anew, the new one first, one after the other', async () => {
    world = await prepared([fleet()], fleet({ mount: 'data' }));
    const before = migrations();
    const seen = await watched(async () => {
      const { code, said } = await sync();
      expect(code, said).toBe(0);
    });
    expect(seen).toEqual({ well: 3, machines: 4 });
    expect(names()).toEqual(['app-arn-1-g2', 'app-arn-2-g2', 'app-arn-3-g2']);
    expect(mounts()).toEqual(['data', 'data', 'data']);
    expect(volumes()).toEqual(['data used', 'data used', 'data used']);
    expect(migrations()).toBe(before);
    const releases = [...app().releases.values()];
    expect(releases.map(({ status }) => status)).toEqual(['complete', 'complete']);
    expect((await flycd('diff')).code).toBe(0);
    expect(new Set(machines().map(({ config }) => config.metadata?.['flycd_good'])).size).toBe(1);
  });

  test('hands the lock of the app on, with its calls, before the machine that is the lock goes', async () => {
    world = await prepared([fleet()], fleet({ mount: 'data' }));
    const [lock] = machines().toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const locked: unknown[] = [];
    world.simulator.world.onStateChange = (machine) => {
      if (machine !== lock || machine.state !== 'destroying') return;
      const [next] = machines().toSorted((a, b) => (a.id < b.id ? -1 : 1));
      locked.push([next?.lease?.description.split(':')[0], next?.config.metadata?.['flycd_calls']]);
    };
    expect((await sync()).code).toBe(0);
    expect(locked).toEqual([['flycd', expect.stringContaining('shop/data/arn#3')]]);
    await world.clock.sleep(31_000);
    expect(machines().map(({ lease }) => lease)).toEqual([undefined, undefined, undefined]);
  });

  test('hands it on where nothing has to be told with it, too: each machine boots for longer than a renewal waits', async () => {
    world = await prepared([fleet({ mount: 'data', image: 'slow-start:1' })], fleet({ image: 'slow-start:1' }));
    const { code, said } = await sync('--accept-only', 'shop');
    expect(code, said).toBe(0);
    expect(names()).toEqual(['app-arn-1-g2', 'app-arn-2-g2', 'app-arn-3-g2']);
    expect(said).not.toContain('lease not renewed');
  });

  test('that does not get well goes back before any machine is gone, and is not tried again', async () => {
    world = await prepared([fleet()], fleet({ mount: 'data', image: 'failing-check:2' }));
    const seen = await watched(async () => {
      expect((await sync()).code).toBe(1);
      const writes = world.simulator.world.writes().length;
      for (let pass = 0; pass < 2; pass += 1) {
        await world.clock.sleep(60_000);
        const { code, said } = await sync();
        expect(code, said).toBe(4);
      }
      expect(world.simulator.world.writes()).toHaveLength(writes);
    });
    expect(seen.well).toBe(3);
    expect(names()).toEqual(['app-arn-1-g1', 'app-arn-2-g1', 'app-arn-3-g1']);
    expect(volumes()).toEqual(['data free', 'data free', 'data free']);
    world.write(fleet({ mount: 'data', image: 'shop:3' }));
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(volumes()).toEqual(['data used', 'data used', 'data used']);
    expect((await flycd('diff')).code).toBe(0);
  });

  test('that fails with the second machine: the first keeps its volume until a person says so', async () => {
    world = await prepared([fleet()], fleet({ mount: 'data' }));
    world.simulator.world.onStateChange = (machine) => {
      if (machine.name === 'app-arn-2-g2') machine.checkRule = 'fail';
    };
    expect((await sync()).code).toBe(1);
    for (let pass = 0; pass < 2; pass += 1) {
      await world.clock.sleep(60_000);
      const { code, said } = await sync();
      expect(code, said).toBe(4);
      expect((await flycd('diff')).said).toContain('app/arn/1 has the volume data, and should mount none');
    }
    expect(names()).toEqual(['app-arn-1-g2', 'app-arn-2-g1', 'app-arn-3-g1']);
    expect(mounts()).toEqual(['data', undefined, undefined]);
    const writes = world.simulator.world.writes().length;
    await sync();
    expect(world.simulator.world.writes()).toHaveLength(writes);
    const accepted = await sync('--accept');
    expect(accepted.code, accepted.said).toBe(4);
    expect(names()).toEqual(['app-arn-1-g3', 'app-arn-2-g1', 'app-arn-3-g1']);
    await world.clock.sleep(10_000);
    expect(volumes()).toEqual(['data free', 'data free', 'data free']);
  });

  test('that fails with on_failure: stop leaves both machines of the place', async () => {
    const settings = { onFailure: 'stop' } as const;
    world = await prepared([fleet(settings)], fleet({ ...settings, mount: 'data', image: 'failing-check:2' }));
    const seen = await watched(async () => {
      expect((await sync()).code).toBe(1);
      for (let pass = 0; pass < 2; pass += 1) expect((await sync()).code).toBe(4);
    });
    expect(seen.well).toBe(3);
    expect(names()).toEqual(['app-arn-1-g1', 'app-arn-1-g2', 'app-arn-2-g1', 'app-arn-3-g1']);
    world.write(fleet({ ...settings, mount: 'data' }));
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(mounts()).toEqual(['data', 'data', 'data']);
    expect(volumes()).toEqual(['data used', 'data used', 'data used']);
  });

  test('with a new image: the release command runs once, before', async () => {
    world = await prepared([fleet()], fleet({ mount: 'data', image: 'shop:2' }));
    const before = migrations();
    expect((await sync()).code).toBe(0);
    expect(migrations()).toBe(before + 1);
    expect(mounts()).toEqual(['data', 'data', 'data']);
  });

  test('leaves machines at rest so', async () => {
    world = await prepared([fleet({ rests: true })], fleet({ rests: true, mount: 'data' }));
    for (const { id } of machines()) await world.asPerson('POST', `/apps/shop/machines/${id}/stop`);
    await world.clock.sleep(30_000);
    const booted: string[] = [];
    const successors = new Set<string | undefined>();
    world.simulator.world.onStateChange = ({ id, name, state }) => {
      if (state === 'starting') booted.push(name);
      if (state !== 'destroying') return;
      successors.add(machines().find(({ config }) => config.metadata?.['flycd_replaces'] === id)?.state);
    };
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(booted).toEqual([]);
    expect([...successors], 'Fly starts none that is only created').toEqual(['stopped']);
    expect(machines().map(({ state }) => state)).toEqual(['stopped', 'stopped', 'stopped']);
    expect(mounts()).toEqual(['data', 'data', 'data']);
    expect((await flycd('diff')).code).toBe(0);
  });

  test('with a new image, one at rest is started to be seen well before the others are made anew', async () => {
    world = await prepared([fleet({ rests: true })], fleet({ rests: true, mount: 'data', image: 'failing-check:2' }));
    for (const { id } of machines()) await world.asPerson('POST', `/apps/shop/machines/${id}/stop`);
    await world.clock.sleep(30_000);
    expect((await sync()).code).toBe(1);
    expect(names()).toEqual(['app-arn-1-g1', 'app-arn-2-g1', 'app-arn-3-g1']);
  });

  test('with immediate, too, no old machine goes before its new one is well', async () => {
    const immediate = (parts: Parts): Files =>
      Object.fromEntries(
        Object.entries(fleet(parts)).map(([path, text]) => [
          path,
          text.replace('deploy: {', 'deploy: { strategy: immediate,'),
        ]),
      );
    world = await prepared([immediate({})], immediate({ mount: 'data' }));
    const seen = await watched(async () => expect((await sync()).code).toBe(0));
    expect(seen).toEqual({ well: 3, machines: 6 });
    expect(mounts()).toEqual(['data', 'data', 'data']);
  });
});

describe('a mount less, or of another volume', () => {
  test.each([
    ['less', undefined, ['data free', 'data free', 'data free']],
    ['of another volume', 'other', ['data free', 'data free', 'data free', 'other used', 'other used', 'other used']],
  ] as const)('%s: held until a person accepts it; the volumes stay', async (_what, mount, left) => {
    world = await prepared([fleet({ mount: 'data' })], fleet(mount === undefined ? {} : { mount }));
    const held = await sync();
    expect(held.code, held.said).toBe(4);
    expect(held.said).toContain('flycd sync --once --accept-only shop');
    expect(names()).toEqual(['app-arn-1-g1', 'app-arn-2-g1', 'app-arn-3-g1']);
    const seen = await watched(async () => {
      const { code, said } = await sync('--accept');
      expect(code, said).toBe(0);
    });
    expect(seen).toEqual({ well: 3, machines: 4 });
    expect(mounts()).toEqual([mount, mount, mount]);
    await world.clock.sleep(10_000);
    expect(volumes()).toEqual(left);
    const { code, said } = await flycd('diff');
    expect(code, said).toBe(0);
    expect(said).toContain('3 volumes data in arn is used by no machine');
  });

  test('by a rollback: held with the reason, done when accepted; resume mounts the volumes again', async () => {
    world = await arena({ repository: true });
    for (const commit of [fleet(), fleet({ mount: 'data' })]) {
      world.write(commit);
      expect((await sync()).code).toBe(0);
    }
    const back = await flycd('rollback', 'shop');
    expect(back.code, back.said).toBe(4);
    expect(mounts()).toEqual(['data', 'data', 'data']);
    expect((await sync()).code).toBe(4);
    expect((await flycd('diff')).said).toContain('have the volume data, and should mount none');
    const accepted = await sync('--accept');
    expect(accepted.code, accepted.said).toBe(4);
    expect(mounts()).toEqual([undefined, undefined, undefined]);
    await world.clock.sleep(10_000);
    expect(volumes()).toEqual(['data free', 'data free', 'data free']);
    expect((await flycd('resume', 'shop')).code).toBe(0);
    const resumed = await sync();
    expect(resumed.code, resumed.said).toBe(0);
    expect(mounts()).toEqual(['data', 'data', 'data']);
    expect(volumes()).toEqual(['data used', 'data used', 'data used']);
  });
});
