import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Redactor } from '../../../../src/model/base/secret-value.ts';
import { openStore } from '../../../../src/record/database.ts';
import { arena, type Arena, type Files } from '../../arena.ts';

let world: Arena;
afterEach(() => world.close());

const shop = (color: string): Files => ({
  'flycd.yaml': 'fleet: shown\n',
  'shop/app.yaml': `app: shop\nprimary_region: arn\nbuild: { image: 'nginx:1' }\nenv: { COLOR: '${color}' }\nmachines: { count: 2 }\n`,
});

interface Status {
  readonly apps: readonly {
    readonly status: string;
    readonly why: string;
    readonly run: { readonly outcome: string | null };
  }[];
  readonly deliveries: readonly { readonly ref: string }[];
  readonly due: readonly string[];
}

const status = async (state?: string): Promise<Status> =>
  JSON.parse((await world.flycd(['status', '--output', 'json'], state)).stdout) as Status;
const words = async (state?: string) => (await status(state)).apps.map((one) => `${one.run.outcome} ${one.status}`);

async function twoCommits(): Promise<void> {
  world = await arena({ repository: true });
  for (const color of ['red', 'blue']) {
    world.write(shop(color));
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  }
}

test('a run that goes on is told so, and one whose FlyCD was killed as that, until somebody syncs', async () => {
  world = await arena();
  world.write(shop('red'));
  const running = world.mortalFlycd(['sync', '--once'], { call: 16, when: 'after' });
  await world.clock.sleep(300);
  expect(await words()).toEqual(['null applying']);
  expect((await status()).apps[0]?.why).toMatch(/^began .* ago/);
  await running;
  expect(await words()).toEqual(['interrupted pending']);
  expect((await status()).apps[0]?.why).toContain('flycd sync --once goes on from there');
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  expect(await words()).toEqual(['updated synced']);
});

test('a delivery is told until it is finished, then the apps that it concerns until their pass begins', async () => {
  world = await arena();
  world.write(shop('red'));
  await world.flycd(['sync', '--once']);
  expect(await status()).toMatchObject({ deliveries: [], due: [] });
  const path = join(world.stateFolder, 'flycd', 'flycd.db');
  const store = openStore({ path, fleet: 'shown', clock: world.clock, redactor: new Redactor() });
  await store.storeDelivery({ id: '1', repo: 'https://example.com/c', ref: 'refs/heads/main', receivedAt: 0 });
  expect(await status()).toMatchObject({ deliveries: [{ ref: 'refs/heads/main' }], due: [] });
  await store.finishDeliveries(['1'], ['shop', 'other']);
  expect(await status()).toMatchObject({ deliveries: [], due: ['other', 'shop'] });
  const { stdout } = await world.flycd(['status', '--app', 'shop']);
  expect(stdout).toContain('A pass is due: shop.\n');
  for (const { app, generation } of await store.dirtyApps()) await store.clearDirty(app, generation);
  await store.close();
  expect(await status()).toMatchObject({ deliveries: [], due: [] });
});

describe('what a person said by another FlyCD', () => {
  test.each([
    ['rollback', ['rollback', 'shop'], 'held', 'rolled back to'],
    ['suspend', ['suspend', 'shop', '--reason', 'a look at it'], 'suspended', 'a look at it'],
  ])('is what status says after a pass, and after resume: %s', async (_what, argv, word, why) => {
    await twoCommits();
    expect((await world.flycd(['sync', '--once'], 'other')).code).toBe(0);
    await world.flycd(argv, 'other');
    expect((await world.flycd(['sync', '--once'])).code).toBe(4);
    expect(await words()).toEqual([`held ${word}`]);
    expect((await status()).apps[0]?.why).toContain(why);
    await world.flycd(['resume', 'shop'], 'other');
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
    expect((await status()).apps[0]?.status).toBe('synced');
  });

  test.each([
    ['rollback', ['rollback', 'shop'], 'held', 'rolled back to'],
    ['suspend', ['suspend', 'shop', '--reason', 'a look at it'], 'suspended', 'a look at it'],
  ])('is what status says of a release that it ended: %s', async (_what, argv, word, why) => {
    await twoCommits();
    expect((await world.flycd(['sync', '--once'], 'other')).code).toBe(0);
    world.write(shop('green'));
    let said: Promise<unknown> | undefined;
    world.simulator.world.onRequest = ({ phase, request }) => {
      if (phase !== 'before' || request.template !== 'POST /apps/{app}/machines/{machine}') return;
      said ??= world.flycd(argv, 'other');
    };
    const { stderr } = await world.flycd(['sync', '--once']);
    await said;
    expect(stderr).toContain('suspended or rolled back in the middle of this');
    // Which of the two takes it back is a matter of who is first.
    expect(await words()).toEqual([expect.stringMatching(` ${word}$`)]);
    expect((await status()).apps[0]?.why).toContain(why);
  });
});
