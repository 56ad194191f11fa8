/** What git no longer names while its release is held: the version that stays may need it. */
import { hash } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { byText } from '../../../src/model/base/text.ts';
import { arena, type Arena, type Files } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

interface Shop {
  readonly image?: string;
  readonly secret?: string;
  readonly ips?: readonly string[];
  readonly groups?: readonly string[];
  readonly policy?: string;
}

function shop({ image = 'shop:1', secret = 'OLD', ips = ['v6', 'v4'], groups = ['web', 'cron'], policy }: Shop): Files {
  return {
    'flycd.yaml': 'fleet: kept\n',
    'shop/app.yaml': `app: shop
primary_region: arn
build: { image: docker.io/acme/${image}@sha256:${hash('sha256', image)} }
deploy: { wait_timeout: 60s }
processes: { ${groups.map((name) => `${name}: run-${name}`).join(', ')} }
machines: { groups: { ${groups.map((name) => `${name}: { count: 1 }`).join(', ')} } }
network: { ips: [${ips.map((version) => `{ v: ${version} }`).join(', ')}] }
secrets: [{ name: ${secret}, type: raw, raw: hunter }]
sync: { prune: [addresses, secrets]${policy === undefined ? '' : `, ${policy}`} }
`,
  };
}

async function syncing(parts: Shop): Promise<number> {
  world.write(shop(parts));
  return (await world.flycd(['sync', '--once'])).code;
}

function there() {
  const app = world.simulator.world.snapshot().find(({ name }) => name === 'shop');
  const machines = (app?.machines ?? []).filter(({ state }) => !state.startsWith('destroy'));
  return {
    secrets: Object.keys(app?.secrets ?? {}),
    addresses: app?.addresses.length,
    groups: machines.map(({ name }) => name.split('-')[0] ?? '').toSorted(byText),
  };
}

/** A secret has another name, an address and a group go. */
const less: Shop = { image: 'crash-loop:2', secret: 'NEW', ips: ['v6'], groups: ['web'] };

test.each(['on_failure: rollback', 'on_failure: stop'])(
  'a commit whose release fails takes nothing away until one succeeds (%s)',
  async (policy) => {
    world = await arena();
    expect(await syncing({ policy })).toBe(0);
    const before = { secrets: ['NEW', 'OLD'], addresses: 2, groups: ['cron', 'web'] };
    const kept = expect.objectContaining({ secrets: expect.arrayContaining(before.secrets), addresses: 2 });
    expect(await syncing({ ...less, policy })).toBe(1);
    expect(there()).toEqual(kept);
    expect(there().groups).toEqual(before.groups);
    // Nor later, while git says the same but for what no version covers.
    expect(await syncing({ ...less, policy: `${policy}, max_deletes: 5` })).toBe(4);
    expect(there()).toEqual(kept);
    expect(there().groups).toEqual(before.groups);
    const { stdout } = await world.flycd(['diff']);
    expect(stdout).toContain('as long stays what git no longer names: ');
    expect(stdout).toContain('secret.unset shop/OLD');

    expect(await syncing({ ...less, image: 'shop:3', policy })).toBe(0);
    expect(there()).toEqual({ secrets: ['NEW'], addresses: 1, groups: ['web'] });
  },
);

test('nor does a commit that comes while a person has the app at an earlier version, until it is resumed', async () => {
  world = await arena();
  expect(await syncing({})).toBe(0);
  expect(await syncing({ image: 'shop:2' })).toBe(0);
  await world.flycd(['rollback', 'shop']);
  expect((await world.flycd(['sync', '--once'])).code).toBe(4);
  expect(await syncing({ ...less, image: 'shop:3' })).toBe(4);
  expect(there()).toEqual({ secrets: expect.arrayContaining(['OLD', 'NEW']), addresses: 2, groups: ['cron', 'web'] });
  await world.flycd(['resume', 'shop']);
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  expect(there()).toEqual({ secrets: ['NEW'], addresses: 1, groups: ['web'] });
});

test('nor where what the release needs could not be made', async () => {
  world = await arena();
  expect(await syncing({})).toBe(0);
  world.simulator.world.faults.add({
    template: 'POST /apps/{app}/secrets',
    times: 99,
    fault: { status: 422, body: { error: 'invalid_argument' } },
  });
  expect(await syncing({ ...less, image: 'shop:2' })).toBe(1);
  expect(there()).toEqual({ secrets: ['OLD'], addresses: 2, groups: ['cron', 'web'] });
});
