/** Of another owner's app nothing goes that no plan has shown, whatever comes between: an adoption by its labels, and what follows it. */
import { afterEach, describe, expect, test } from 'vitest';
import { foreignLease } from '../../../../simulator/api/machine-leases.ts';
import { makeCopy, type Copy } from '../../../acceptance/clones.ts';
import { arena, type Arena } from '../../arena.ts';

let world: Arena;
afterEach(() => world.close());

const adopt = ['adopt', 'shop'];
const fly = () => world.simulator.world;
const machines = () =>
  fly()
    .snapshot()
    .find(({ name }) => name === 'shop')?.machines ?? [];
const ids = () => machines().map(({ id }) => id);
const owners = () => [...new Set(machines().map(({ metadata }) => metadata['flycd_fleet']))];
const addresses = () => [...(fly().apps.get('shop')?.addresses.keys() ?? [])];

const shop = (count: number, more = '', env = 'words') => `app: shop
primary_region: arn
build: { image: "nginx:1" }
env: { BY: ${env} }
machines: { count: ${count} }
${more}`;
const copyOf = (fleet: string, text: string): Copy =>
  makeCopy(world, fleet, { 'flycd.yaml': `fleet: ${fleet}\n`, 'shop/app.yaml': text });

/** Fleet words has run it for a while; fleet aaa wants one machine of its two. */
async function owned(wanted = shop(1), before = shop(2)): Promise<Copy> {
  world = await arena({ orderly: true });
  const words = copyOf('words', before);
  expect((await words.flycd(['sync', '--once'])).code).toBe(0);
  await world.clock.sleep(600_000);
  return copyOf('aaa', wanted);
}

/** The rest is what the diff shows, and a sync does it. */
async function shownAndDone(aaa: Copy): Promise<void> {
  const shown = await aaa.flycd(['diff']);
  expect(shown.code, shown.stdout).toBe(2);
  expect(shown.stdout).toContain('machine.destroy');
  expect((await aaa.flycd(['sync', '--once'])).code).toBe(0);
  expect(machines()).toHaveLength(1);
  await world.clock.sleep(60_000);
  expect((await aaa.flycd(['diff'])).code).toBe(0);
}

test('said twice', async () => {
  const aaa = await owned();
  const before = ids();
  for (const _time of [1, 2, 3]) {
    const { code, stdout } = await aaa.flycd(adopt);
    expect(code, stdout).toBe(4);
    expect([ids(), owners()]).toEqual([before, ['aaa']]);
    await world.clock.sleep(60_000);
  }
  await shownAndDone(aaa);
});

test('killed at each of its calls, and said again', async () => {
  const calls = await (async () => {
    const aaa = await owned();
    return (await world.mortalFlycd(adopt, undefined, 'aaa', { path: aaa.folder, env: {} })).calls;
  })();
  expect(calls).toBeGreaterThan(8);
  for (let call = 1; call <= calls; call += 1) {
    await world.close();
    const aaa = await owned();
    const before = ids();
    await world.mortalFlycd(adopt, { call, when: 'after' }, 'aaa', { path: aaa.folder, env: {} });
    await world.clock.sleep(120_000);
    const { code, stdout } = await aaa.flycd(adopt);
    expect([code, ids(), owners()], `killed at ${call}: ${stdout}`).toEqual([4, before, ['aaa']]);
    await world.clock.sleep(60_000);
    await shownAndDone(aaa);
  }
}, 120_000);

test('said again after somebody else was at work', async () => {
  const aaa = await owned();
  const before = ids();
  let lists = 0;
  fly().onRequest = ({ phase, request }) => {
    if (phase !== 'before' || request.template !== 'GET /apps/{app}/machines') return;
    lists += 1;
    // Behind the plan.
    if (lists === 2)
      for (const machine of fly().apps.get('shop')?.machines.values() ?? [])
        foreignLease(fly(), machine, { ttlSeconds: 900 });
  };
  const first = await aaa.flycd(adopt);
  expect(first.code, first.stdout + first.stderr).toBe(1);
  await world.clock.sleep(900_000);
  const { code, stdout } = await aaa.flycd(adopt);
  expect([code, ids()], stdout).toEqual([4, before]);
  await shownAndDone(aaa);
});

describe('planned again, since somebody changed a machine meanwhile', () => {
  const byHand = async (id: string): Promise<void> => {
    const path = `/apps/shop/machines/${id}`;
    const { config } = (await world.asPerson('GET', path)) as { readonly config: { readonly env?: object } };
    await world.asPerson('POST', path, { config: { ...config, env: { ...config.env, HAND: '1' } } });
  };

  test.each([4, 5, 6])('an address that %i looks did not show', async (times) => {
    const v6 = 'network: { ips: [{ v: v6 }] }\n';
    const none = 'network: { ips: [], auto_prune_ips: true }\ndeploy: { wait_timeout: 30s }\n';
    const aaa = await owned(shop(2, none, 'aaa'), shop(2, v6));
    const before = addresses();
    expect(before).toHaveLength(1);
    fly().faults.add({
      template: 'GET /apps/{app}/ip_assignments',
      app: 'shop',
      nth: 1,
      times,
      fault: { status: 500, body: { error: 'later' } },
    });
    const changes: Promise<void>[] = [];
    fly().onRequest = ({ phase, request }) => {
      const updated = /\/machines\/([^/]+)$/.exec(request.path)?.[1];
      if (changes.length > 0 || phase !== 'before' || request.method !== 'POST' || updated === undefined) return;
      const other = ids().find((id) => id !== updated);
      if (other !== undefined) changes.push(byHand(other));
    };
    const { code, stdout, stderr } = await aaa.flycd(adopt);
    await Promise.all(changes);
    expect(addresses(), stdout + stderr).toEqual(before);
    expect(code).not.toBe(0);
    fly().onRequest = undefined;
    await world.clock.sleep(60_000);
    const shown = await aaa.flycd(['diff']);
    expect(shown.stdout).toContain('address.release');
  });
});

test('labels stand that are written while Fly is about to take an update back', async () => {
  const aaa = await owned(shop(2));
  const [first] = ids();
  const path = `/apps/shop/machines/${first ?? ''}`;
  const { config } = (await world.asPerson('GET', path)) as { readonly config: object };
  await world.asPerson('POST', path, { config: { ...config, image: 'docker.io/library/missing-image:1' } });
  const { code, stdout, stderr } = await aaa.flycd(adopt);
  await world.clock.sleep(120_000);
  expect(owners(), stdout + stderr).toEqual(['aaa']);
  expect([0, 4]).toContain(code);
});
