/** What a plan counts on are its own machines: those of others come and go beside it. */
import { afterEach, expect, test } from 'vitest';
import { destroy } from '../../../simulator/machines/lifecycle.ts';
import type { Machine } from '../../../simulator/world/records.ts';
import { arena, type Arena } from '../arena.ts';
import { machinesOf, shop, sync } from '../machines/shop.ts';

let world: Arena;
afterEach(() => world.close());

const destroyed = 'DELETE /apps/{app}/machines/{machine}';
const volumes = 'GET /apps/{app}/volumes';
const here = (): readonly Machine[] => machinesOf(world).filter(({ state }) => !state.startsWith('destroy'));
const ours = (): readonly Machine[] => here().filter(({ config }) => config.metadata?.['flycd_fleet'] === 'field');

type Metadata = Readonly<Record<string, string>>;

const strangers: readonly (readonly [string, Metadata])[] = [
  ['nobody’s', {}],
  ['a copy of another owner’s', { flycd_fleet: 'theirs', flycd_machine: 'another', fly_platform_version: 'v2' }],
  ['flyctl’s console', { fly_process_group: 'fly_app_console', fly_platform_version: 'v2' }],
  ['flyctl’s in a group that git does not name', { fly_process_group: 'jobs', fly_platform_version: 'v2' }],
];
/** What says that somebody is at work on the app itself, or counts in its groups. */
const counted: readonly (readonly [string, Metadata])[] = [
  ['flyctl’s in a group of ours', { fly_process_group: 'app', fly_platform_version: 'v2' }],
  ['a release command of flyctl’s', { fly_process_group: 'fly_app_release_command', fly_platform_version: 'v2' }],
  ['another owner’s, which has the app too', { flycd_fleet: 'theirs', fly_platform_version: 'v2' }],
  ['a canary of flyctl’s', { fly_process_group: 'app', fly_platform_version: 'v2', fly_canary: 'true' }],
];

async function synced(count: number): Promise<void> {
  world.write(shop({ count, service: '' }));
  const { code, said } = await sync(world);
  expect(code, said).toBe(0);
}

function make(metadata: Metadata): Promise<unknown> {
  const config = { image: 'nginx', metadata };
  return world.asPerson('POST', '/apps/shop/machines', { name: 'visitor', region: 'arn', config });
}

/** How many destroys of ours were sent before the app was planned again, where this happens after the first of them. */
async function destroysOf(to: number, act: () => unknown): Promise<number> {
  await world.clock.sleep(60_000);
  const { world: fly } = world.simulator;
  let from = -1;
  fly.onRequest = ({ phase, request }) => {
    if (from !== -1 || phase !== 'after' || request.template !== destroyed) return;
    from = fly.requests.length - 1;
    void act();
  };
  // Each takes longer than a look counts.
  fly.faults.add({ template: destroyed, app: 'shop', times: 99, fault: { latencyMs: 1500 } });
  world.write(shop({ count: to, service: '' }));
  await sync(world);
  const since = fly.requests.slice(from);
  const planned = since.findIndex(({ template }) => template === volumes);
  const sent = (planned === -1 ? since : since.slice(0, planned)).filter(({ template }) => template === destroyed);
  return sent.length;
}

test.each(strangers)('a machine that came meanwhile holds no destroy up: %s', async (_whose, metadata) => {
  world = await arena();
  await synced(4);
  expect(await destroysOf(1, () => make(metadata))).toBe(3);
  expect(here()).toHaveLength(2);
});

test.each(strangers)('nor does one that went: %s', async (_whose, metadata) => {
  world = await arena();
  await synced(4);
  await make(metadata);
  const gone = (): void => {
    for (const machine of here()) if (machine.name === 'visitor') destroy(world.simulator.world, machine, 'user');
  };
  expect(await destroysOf(1, gone)).toBe(3);
  expect(here()).toHaveLength(1);
});

test.each(counted)('one that counts, or tells of a deployment, does: %s', async (_what, metadata) => {
  world = await arena();
  await synced(4);
  expect(await destroysOf(1, () => make(metadata))).toBe(1);
});

test('one that became another owner’s is not one that stays', async () => {
  world = await arena();
  await synced(4);
  const give = (): void => {
    const staying = ours().find(({ name }) => name.includes('-1-g'));
    Object.assign(staying?.config.metadata ?? {}, { flycd_fleet: 'theirs' });
  };
  expect(await destroysOf(1, give)).toBe(1);
});

test('nor is a stranger’s the one that takes over from ours', async () => {
  world = await arena();
  await synced(3);
  await make({});
  const gone = (): void => {
    for (const machine of ours()) if (machine.name.includes('-1-g')) destroy(world.simulator.world, machine, 'user');
  };
  expect(await destroysOf(1, gone)).toBe(1);
  expect(ours()).toHaveLength(1);
});

test.each(strangers)(
  'what is made under the app’s lock waits for no stranger’s either: %s',
  async (_whose, metadata) => {
    world = await arena();
    await synced(1);
    const { world: fly } = world.simulator;
    const asked = (template: string) => fly.requests.filter((request) => request.template === template).length;
    const observed = asked(volumes);
    let isMade = false;
    fly.onRequest = ({ phase, request }) => {
      if (isMade || phase !== 'after' || !request.template.endsWith('/{machine}/lease')) return;
      isMade = true;
      void make(metadata);
    };
    // The lock is waited for, and the app looked at again.
    const fault = { status: 503, body: { error: 'later' }, headers: { 'retry-after': '3' } };
    fly.faults.add({ template: 'POST /apps/{app}/machines/{machine}/lease', app: 'shop', times: 1, fault });
    world.write(shop({ count: 2, service: '' }));
    expect((await sync(world)).code).toBe(0);
    expect(isMade).toBe(true);
    expect(asked(volumes) - observed).toBe(2);
    expect(ours()).toHaveLength(2);
  },
);
