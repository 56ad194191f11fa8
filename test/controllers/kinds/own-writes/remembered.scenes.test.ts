/** A command that ends well has remembered what ran well, however far lists lag: the next release that fails goes back there. */
import { afterEach, describe, expect, test } from 'vitest';
import { arena, type Arena } from '../../arena.ts';
import { app } from './app.ts';

let world: Arena;
afterEach(() => world.close());

const shop = (image: string) => app(image, 'machines: { count: 2 }');
const once = ['sync', '--once'];
const machines = () => world.simulator.world.snapshot().find(({ name }) => name === 'shop')?.machines ?? [];
const images = () => machines().map(({ config }) => /library\/([^@]+)/.exec(config.image ?? '')?.[1]);

async function flycd(...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await world.flycd(argv);
  return `${code}\n${stderr}${stdout}`;
}

const before: Readonly<Record<string, () => Promise<unknown>>> = {
  'a first sync': () => Promise.resolve(),
  'an update': async () => {
    world.write(shop('shop:0'));
    expect(await flycd(...once)).toMatch(/^0/);
    await world.clock.sleep(600_000);
  },
  'an app of flyctl’s that is adopted': async () => {
    await world.asPerson('POST', '/apps', { app_name: 'shop', org_slug: 'personal' });
    const metadata = { fly_process_group: 'app', fly_platform_version: 'v2' };
    const config = { image: 'docker.io/library/nginx:0', metadata };
    for (const n of [1, 2])
      await world.asPerson('POST', '/apps/shop/machines', { region: 'arn', name: `app-${n}`, config });
    await world.clock.sleep(3_600_000);
  },
};

/** Begun anew, with lists that lag from then on, and released once. */
async function released(what: string, listMs: number): Promise<void> {
  world = await arena();
  await before[what]?.();
  world.simulator.world.lag.set({ listMs });
  world.write(shop('shop:1'));
  const argv = what.endsWith('adopted') ? ['adopt', 'shop'] : once;
  expect(await flycd(...argv)).toMatch(/^0/);
  expect(images()).toEqual(['shop:1', 'shop:1']);
}

/** What each of its machines says of itself. */
const stamped = () => machines().map(({ metadata }) => Object.keys(metadata).toSorted());

describe.each(Object.keys(before))('%s', (what) => {
  test.each([200, 500, 3000, 8000, 11_000, 30_000, 55_000])(
    'while lists lag by %i ms: the machines say what they say where none lag',
    async (listMs) => {
      await released(what, 0);
      const plainly = stamped();
      expect(plainly.flat()).toContain('flycd_good');
      await world.close();
      await released(what, listMs);
      expect(stamped()).toEqual(plainly);
      expect(new Set(machines().map(({ metadata }) => metadata['flycd_good'])).size).toBe(1);
    },
  );

  test.each([500, 3000, 8000, 30_000])(
    'while lists lag by %i ms: a release that fails goes back to it, and so does a person',
    async (listMs) => {
      await released(what, listMs);
      await world.clock.sleep(600_000);
      world.write(shop('crash-loop:2'));
      const said = await flycd(...once);
      expect(said).toMatch(/^1/);
      expect(images(), said).toEqual(['shop:1', 'shop:1']);
      await world.clock.sleep(600_000);
      expect(await flycd('rollback', 'shop')).toMatch(/^0/);
      expect(images()).toEqual(['shop:1', 'shop:1']);
    },
  );
});

test.each([500, 3000, 8000, 30_000])(
  'while lists lag by %i ms: another FlyCD, without a database, goes back there too',
  async (listMs) => {
    await released('an update', listMs);
    await world.clock.sleep(600_000);
    world.forget();
    world.write(shop('crash-loop:2'));
    const said = await flycd(...once);
    expect(said).toMatch(/^1/);
    expect(images(), said).toEqual(['shop:1', 'shop:1']);
  },
);
