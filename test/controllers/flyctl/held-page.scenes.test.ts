/** Rows of docs/held.md, "By hand": what a command does to an app that has all that git says, and what FlyCD makes of it. */
import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { arena, type Arena, type Files } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const shop = (counts: boolean): Files => ({
  'flycd.yaml': 'fleet: rows\n',
  'shop/app.yaml': `app: shop
primary_region: arn
build: { image: "docker.io/acme/shop:1@sha256:${'5'.repeat(64)}" }
http_service:
  internal_port: 8080
network: { ips: [] }
${counts ? 'machines: { count: 2 }\n' : ''}`,
});

const human = () => world.simulator.flyctl;
const app = () => world.simulator.world.apps.get('shop');
const machines = () => [...(app()?.machines.values() ?? [])].filter(({ state }) => state !== 'destroyed');
const first = () => machines()[0]?.id ?? '';

interface Row {
  readonly command: string;
  readonly counts: boolean;
  readonly does: () => Promise<unknown>;
  /** What the next diff says of it. */
  readonly says: string;
  /** Machines that are there after two syncs. */
  readonly left: number;
}

const rows: readonly Row[] = [
  ...[true, false].map((counts) => ({
    command: 'fly machine stop',
    counts,
    does: () => world.asPerson('POST', `/apps/shop/machines/${first()}/stop`),
    says: 'machine.start shop/app/arn/1: stopped, and nothing in its config lets it be',
    left: 2,
  })),
  {
    command: 'fly machine clone',
    counts: true,
    does: () => human().clone('shop', { machine: first() }),
    says: 'machine.destroy shop/app/arn/3: git wants 2 in arn, Fly has 3',
    left: 2,
  },
  {
    command: 'fly machine clone',
    counts: false,
    does: () => human().clone('shop', { machine: first() }),
    says: 'is a copy that somebody made by hand: from now on it is updated with its group',
    left: 3,
  },
  {
    command: 'fly machine destroy',
    counts: true,
    does: () => human().destroy('shop', { machine: first() }),
    says: 'machine.create shop/app/arn/1: git wants 2 in arn, Fly has 1',
    left: 2,
  },
  {
    command: 'fly machine destroy',
    counts: false,
    does: () => human().destroy('shop', { machine: first() }),
    says: '1 synced',
    left: 1,
  },
  {
    command: 'fly machine update --metadata',
    counts: true,
    does: () => human().update('shop', { machine: first(), config: { metadata: { team: 'a' } } }),
    says: 'app/arn/1 changed on Fly in what git does not name',
    left: 2,
  },
  {
    command: 'fly ips allocate',
    counts: true,
    does: () => human().allocateAddress('shop', { type: 'v6' }),
    says: 'git does not list 2a09:',
    left: 2,
  },
  {
    command: 'fly volumes create',
    counts: true,
    does: () => human().createVolume('shop', { name: 'data', region: 'arn', sizeGb: 1 }),
    says: '1 volume data in arn is used by no machine; FlyCD deletes no volume',
    left: 2,
  },
];

const page = readFileSync(new URL('../../../docs/held.md', import.meta.url), 'utf8');

test.each(rows)('$command, with a count in git: $counts', async ({ command, counts, does, says, left }) => {
  expect(page).toContain(`| \`${command}\``);
  world = await arena();
  world.write(shop(counts));
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  await world.clock.sleep(60_000);
  await does();
  await world.clock.sleep(60_000);
  const there = { addresses: app()?.addresses.size, volumes: app()?.volumes.size };
  const diff = await world.flycd(['diff']);
  expect(diff.stdout).toContain(says);
  for (let pass = 0; pass < 2; pass += 1) {
    const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
    expect(code, stderr + stdout).toBe(0);
    await world.clock.sleep(60_000);
  }
  expect(machines()).toHaveLength(left);
  expect({ addresses: app()?.addresses.size, volumes: app()?.volumes.size }).toEqual(there);
  expect(machines().every(({ state }) => state === 'started')).toBe(true);
  expect((await world.flycd(['diff'])).code).toBe(0);
});

test('fly machine stop, once more in the same version: it stays so, and a note says it', async () => {
  world = await arena();
  world.write(shop(true));
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  for (let stops = 0; stops < 2; stops += 1) {
    await world.asPerson('POST', `/apps/shop/machines/${first()}/stop`);
    await world.clock.sleep(60_000);
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  }
  expect(machines()[0]?.state).toBe('stopped');
  expect((await world.flycd(['diff'])).stdout).toContain(
    'stopped again after its version had been started; it stays so',
  );
});
