/** A person's word that was left on one machine: what was lifted stays lifted, wherever an older word stands. */
import { hash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { stampKeys } from '../../../src/model/stamps/keys.ts';
import { arena, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

function shop(greeting: string) {
  return {
    'flycd.yaml': 'fleet: holding\n',
    'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: docker.io/library/shop:1@sha256:${hash('sha256', 'shop:1')}
env:
  GREETING: ${greeting}
machines:
  count: 3
`,
  };
}

async function flycd(...argv: string[]): Promise<{ readonly code: number; readonly said: string }> {
  const { code, stdout, stderr } = await world.flycd(argv);
  return { code, said: stderr + stdout };
}

async function done(...argv: string[]): Promise<void> {
  const { code, said } = await flycd(...argv);
  expect(code, said).toBe(0);
}

const machines = () =>
  (world.simulator.world.snapshot().find((app) => app.name === 'shop')?.machines ?? []).filter(
    ({ state }) => state !== 'destroying' && state !== 'destroyed',
  );
const greetings = () => machines().map(({ config }) => config.env?.['GREETING']);
const stamped = (key: string) => machines().map(({ config }) => config.metadata?.[key]);

/** Puts a stamp back on a machine, as one whose host was down has kept it. */
async function leave(key: string, text: string, index = 1): Promise<void> {
  const { id = '' } = machines()[index] ?? {};
  await world.asPerson('POST', `/apps/shop/machines/${id}/metadata/${key}`, { value: text });
}

describe.each([
  ['a suspension', stampKeys.suspend, ['suspend', 'shop', '--reason', 'x']],
  ['a rollback', stampKeys.hold, ['rollback', 'shop']],
])('%s left on one machine', (_what, key, word) => {
  async function leftBehind(): Promise<void> {
    world = await arena();
    for (const greeting of ['one', 'two']) {
      world.write(shop(greeting));
      await done('sync', '--once');
    }
    await done(...word);
    const [, text = ''] = stamped(key);
    expect(text).toContain('alice');
    await done('resume', 'shop');
    await flycd('sync', '--once');
    await leave(key, text);
  }

  test('a new commit reaches that machine, too', async () => {
    await leftBehind();
    world.write(shop('three'));
    await done('sync', '--once');
    expect(greetings()).toEqual(['three', 'three', 'three']);
    expect(new Set(stamped(key)).size).toBe(1);
    expect((await flycd('diff')).code).toBe(0);
  });

  test('a second resume writes over it', async () => {
    await leftBehind();
    await done('resume', 'shop');
    expect(new Set(stamped(key)).size).toBe(1);
  });

  test('one said later by somebody whose clock is behind counts all the same', async () => {
    await leftBehind();
    const [lifted = ''] = stamped(key);
    // An hour ahead: all that is said here from now on is older by the clock.
    const ahead = JSON.stringify({ ...(JSON.parse(lifted) as object), at: world.clock.now() + 3_600_000 });
    for (const index of [0, 1, 2]) await leave(key, ahead, index);
    world.forget();
    world.write(shop('three'));
    await flycd(...word);
    await leave(key, ahead);
    expect((await flycd('status')).said).toMatch(/shop +(suspended|held)/);
    await done('resume', 'shop');
    await done('sync', '--once');
    expect(greetings()).toEqual(['three', 'three', 'three']);
  });
});
