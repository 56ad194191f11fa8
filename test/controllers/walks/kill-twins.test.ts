import { expect, test } from 'vitest';
import { prepared, type Arena, type Files } from '../arena.ts';

const once = ['sync', '--once'];
const shop = (rest: string): Files => ({
  'flycd.yaml': 'fleet: twins\n',
  'shop/app.yaml': `app: shop\nprimary_region: arn\nbuild:\n  image: nginx:1\nmachines: { count: 1 }\n${rest}`,
});
const listing = (count: number, more = ''): Files =>
  shop(`network:\n  auto_prune_ips: true\n  ips: [${Array(count).fill('{v: v4}').join(', ')}]\n${more}`);
const spare = (group: string): Files => listing(0, `volumes: [{ name: data, size_gb: 1, count: 2 }]\n${group}`);
const mounts = 'mounts: [{ source: data, destination: /data }]\n';

interface Twin {
  /** Synced before a person makes theirs. */
  readonly before: Files;
  /** What the person makes, which is older than what FlyCD makes. */
  readonly byHand: readonly [path: string, body: object];
  /** The pass that is killed makes one more. */
  readonly more: Files;
  /** Of the two one is enough. */
  readonly fewer: Files;
  ids(world: Arena): readonly string[];
  /** The one that is kept, or used. */
  kept(world: Arena): readonly string[];
}

const twins: Readonly<Record<string, Twin>> = {
  address: {
    before: listing(0),
    byHand: ['/apps/shop/ip_assignments', { type: 'v4' }],
    more: listing(2),
    fewer: listing(1),
    ids: addresses,
    kept: addresses,
  },
  volume: {
    before: listing(0),
    byHand: ['/apps/shop/volumes', { name: 'data', region: 'arn', size_gb: 1 }],
    more: spare(''),
    fewer: spare(mounts),
    ids: (world) => [...(world.simulator.world.apps.get('shop')?.volumes.keys() ?? [])],
    kept: (world) =>
      [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])].flatMap((machine) =>
        (machine.config.mounts ?? []).flatMap(({ volume }) => volume ?? []),
      ),
  },
};

function addresses(world: Arena): readonly string[] {
  return [...(world.simulator.world.apps.get('shop')?.addresses.keys() ?? [])];
}

async function begun(twin: Twin) {
  const { before, byHand, more } = twin;
  const [path, body] = byHand;
  const world = await prepared([before], before);
  await world.clock.sleep(200_000);
  await world.asPerson('POST', path, body);
  const theirs = twin.ids(world);
  expect(theirs).toHaveLength(1);
  await world.clock.sleep(200_000);
  world.write(more);
  return { world, theirs };
}

/** `heir`: the data directory of who goes on. */
async function walk(twin: Twin, heir: string, passes: number): Promise<void> {
  const whole = await begun(twin);
  const { calls } = await whole.world.mortalFlycd(once);
  await whole.world.close();
  for (let call = 1; call <= calls; call += 1) {
    for (const when of ['before', 'after'] as const) {
      const where = `killed ${when} call ${call} of ${calls}`;
      const { world, theirs } = await begun(twin);
      try {
        await world.mortalFlycd(once, { call, when });
        const made = twin.ids(world).length > 1;
        if (!made) continue;
        for (let pass = 0; pass < passes; pass += 1) expect((await world.flycd(once, heir)).code, where).toBe(0);
        expect(twin.ids(world), where).toHaveLength(2);
        world.write(twin.fewer);
        const { code, stdout } = await world.flycd([...once, '--accept'], heir);
        expect(code, `${where}\n${stdout}`).toBe(0);
        const ours = twin.ids(world).filter((id) => !theirs.includes(id));
        expect(twin.kept(world), `${where}\n${stdout}`).toEqual(ours);
      } finally {
        await world.close();
      }
    }
  }
}

test.each(Object.keys(twins))(
  'kill -9 at each API call of a pass that makes one more %s than a person did: the one that FlyCD made stays its own',
  async (kind) => {
    const twin = twins[kind];
    if (twin === undefined) throw new Error(kind);
    await walk(twin, 'state', 1);
    await walk(twin, 'state', 0);
    await walk(twin, 'another-state', 0);
  },
  120_000,
);
