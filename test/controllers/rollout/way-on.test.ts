import { afterEach, describe, expect, test } from 'vitest';
import { ruleChecks } from '../../../simulator/machines/lifecycle.ts';
import { arena, prepared, type Arena } from '../arena.ts';
import { imagesOf, machinesOf, shop, sync } from '../machines/shop.ts';

let world: Arena;
afterEach(() => world.close());

/** From now on this version's checks pass no more, though they did. */
function breaks(image: string): void {
  const { world: fly } = world.simulator;
  fly.onStateChange = (machine) => {
    if (machine.state !== 'started') return;
    const rule = machine.config.image?.includes(image) === true ? 'fail' : undefined;
    queueMicrotask(() => ruleChecks(fly, machine, rule));
  };
}

interface Shown {
  readonly apps: readonly { readonly status: string; readonly next: readonly string[] }[];
}

/** Whatever a person looks at, it names the way on. */
async function everywhere(words: string): Promise<void> {
  for (const argv of [['status'], ['status', '--output', 'markdown'], ['diff'], ['why', 'shop']]) {
    const { stdout } = await world.flycd(argv);
    expect(stdout, argv.join(' ')).toContain(words);
  }
  const { stdout } = await world.flycd(['status', '--output', 'json']);
  const [app] = (JSON.parse(stdout) as Shown).apps;
  expect(app?.next.join()).toContain(words);
}

const resume = 'flycd resume shop';

describe('a rollback names the command that ends it', () => {
  test('it went well', async () => {
    world = await prepared([shop(), shop({ image: 'shop:2' })], {}, { repository: true });
    const { code, stdout } = await world.flycd(['rollback', 'shop']);
    expect(code).toBe(0);
    expect(stdout).toContain(resume);
    await everywhere(resume);
  });

  test('the version does not run any more, and git moves on', async () => {
    world = await prepared([shop(), shop({ image: 'shop:2' })], {}, { repository: true });
    breaks('shop:1');
    const back = await world.flycd(['rollback', 'shop']);
    expect(back.code).toBe(1);
    expect(back.stdout).toMatch(/shop +failed .*fly logs .*; or flycd resume shop/);
    world.write(shop({ image: 'shop:3' }));
    const { code, said } = await sync(world);
    expect(code).toBe(1);
    expect(said).toContain(resume);
    await everywhere(resume);
    expect((await world.flycd(['resume', 'shop'])).code).toBe(0);
    const on = await sync(world);
    expect(on.code, on.said).toBe(0);
    expect(imagesOf(world)).toEqual(['shop:3', 'shop:3']);
  });

  test('its machines are gone, and nobody remembers the version', async () => {
    world = await prepared([shop(), shop({ image: 'shop:2' })], {});
    expect((await world.flycd(['rollback', 'shop'])).code).toBe(0);
    for (const { id } of machinesOf(world)) await world.asPerson('DELETE', `/apps/shop/machines/${id}?force=true`);
    await world.clock.sleep(60_000);
    const { code, said } = await sync(world);
    expect(code, said).toBe(4);
    expect(said).toContain(resume);
    await everywhere(resume);
  });

  test('a call that has nothing to do with it names what mends that, and no more', async () => {
    world = await prepared([shop(), shop({ image: 'shop:2' })], {}, { repository: true });
    expect((await world.flycd(['rollback', 'shop'])).code).toBe(0);
    world.write(shop({ image: 'shop:2', more: 'secrets:\n  - name: TOKEN\n    type: raw\n    raw: correct-horse\n' }));
    world.simulator.world.faults.add({ template: 'POST /apps/{app}/secrets', fault: '503', times: 20 });
    const { code, said } = await sync(world);
    expect(code).toBe(1);
    expect(said).toMatch(/secret\.set/);
    expect(said).not.toContain('; or flycd resume');
  });
});

describe('so does a release that failed', () => {
  test('what it goes back to does not run any more', async () => {
    world = await prepared([shop()], shop({ image: 'failing-check:2' }));
    breaks('acme/');
    const { code, said } = await sync(world);
    expect(code).toBe(1);
    expect(said).toMatch(/fly logs .*; or commit what mends it, or flycd resume shop/);
    await everywhere(resume);
  });

  test('sync.on_failure: stop', async () => {
    world = await arena();
    world.write({ ...shop({ image: 'failing-check:1', more: 'sync:\n  on_failure: stop\n' }) });
    expect((await sync(world)).code).toBe(1);
    expect((await sync(world)).code).toBe(4);
    await everywhere(resume);
  });
});
