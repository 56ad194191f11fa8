/** An app that somebody else made under a name that git has: nothing in it is taken or disturbed for what is remembered of another. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { arena, type Arena, type Files } from '../../controllers/arena.ts';

const once = ['sync', '--once'];
let world: Arena;
beforeEach(async () => {
  world = await arena({ repository: true });
});
afterEach(() => world.close());

const shop = (image = 'nginx:1', rest = ''): Files => ({
  'shop/app.yaml': `app: shop\nprimary_region: arn\nbuild: { image: ${image} }\nmachines: { count: 1 }\ndeploy: { wait_timeout: 20s }\n${rest}`,
});
const fleet: Files = {
  'flycd.yaml': 'fleet: lives\nsync:\n  prune: [app, secrets]\n',
  'other/app.yaml': 'app: other\nprimary_region: arn\nbuild: { image: nginx:1 }\nmachines: { count: 1 }\n',
};
const pruned = 'network: { ips: [{ v: v6 }], auto_prune_ips: true }\n';
const secret = 'secrets: [{ name: TOKEN, type: raw, raw: correct-horse }]\n';

async function done(...argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await world.flycd(argv);
  expect(code, stdout + stderr).toBe(0);
  return stderr + stdout;
}

/** Of the app, in the simulated world. */
const seen = () => world.simulator.world.snapshot().find(({ name }) => name === 'shop');
const kinds = () => seen()?.addresses.map(({ kind }) => kind);
const secrets = () => [...(world.simulator.world.apps.get('shop')?.secrets.byName.keys() ?? [])];

/** As a database is that an earlier FlyCD has left: nobody wrote down which apps it is about. */
function withoutIds(): void {
  const database = new Database(join(world.stateFolder, 'flycd', 'flycd.db'));
  for (const table of ['app_memory', 'standing']) database.exec(`UPDATE ${table} SET app_id = NULL`);
  database.close();
}

interface Stranger {
  readonly machine?: boolean;
  readonly address?: string;
  readonly secret?: boolean;
}

async function stranger({ machine = false, address, secret: isSecret = false }: Stranger): Promise<void> {
  await world.asPerson('POST', '/apps', { app_name: 'shop', org_slug: 'personal' });
  if (address !== undefined) await world.asPerson('POST', '/apps/shop/ip_assignments', { type: address });
  if (isSecret) await world.asPerson('POST', '/apps/shop/secrets/TOKEN', { value: 'theirs' });
  const config = { image: 'someone/else:1', metadata: { fly_platform_version: 'v2', fly_process_group: 'app' } };
  if (machine) await world.asPerson('POST', '/apps/shop/machines', { region: 'arn', config });
  await world.clock.sleep(10_000);
}

/** Nothing of it is changed by two passes, and each says so. */
async function isHeld(...argv: readonly string[]): Promise<void> {
  const before = [seen(), secrets()];
  expect((await world.flycd(['diff', ...argv])).stdout).toContain('held (adoption)');
  for (let pass = 0; pass < 2; pass += 1) {
    const { code, stdout } = await world.flycd(once);
    expect(code, stdout).toBe(4);
    expect([seen(), secrets()]).toEqual(before);
  }
}

describe.each([
  ['a database that knows it as another', false],
  ['a database of before the ids', true],
])('an app that somebody made anew, to %s', (_what, isOld) => {
  test.each([
    ['with a machine', { machine: true }, '', [] as string[]],
    ['with a machine, where the earlier one was rolled back', { machine: true }, '', ['rollback', 'shop']],
    ['with a dedicated address that git does not list', { address: 'v4' }, pruned, []],
    ['with a shared address that git does not list', { address: 'shared_v4' }, pruned, []],
    ['with a machine and a secret', { machine: true, secret: true }, '', []],
  ] as const)('%s is held until somebody adopts it', async (_with, made, rest, said) => {
    world.write({ ...fleet, ...shop('nginx:1', rest + secret) });
    await done(...once);
    world.write(shop('nginx:2', rest + secret));
    await done(...once);
    if (said.length > 0) await world.flycd(said);
    await world.asPerson('DELETE', '/apps/shop?force=true');
    if (isOld) withoutIds();
    await stranger(made);
    world.write(shop('nginx:3', rest));
    await isHeld();
    if (said.length > 0) await world.flycd(['resume', 'shop']);
    await done('adopt', 'shop');
    await done(...once);
    expect(seen()?.machines.map(({ config }) => config.image)).toEqual([expect.stringContaining('nginx:3')]);
    if (rest !== '') expect(kinds()).toEqual(['v6']);
  });

  test('stands where git has dropped it', async () => {
    world.write({ ...fleet, ...shop() });
    await done(...once);
    await world.asPerson('DELETE', '/apps/shop?force=true');
    if (isOld) withoutIds();
    await stranger({ machine: true });
    const before = seen();
    world.remove('shop');
    await world.flycd(once);
    await world.flycd([...once, '--accept-only', 'shop']);
    expect(seen()).toEqual(before);
  });
});

test('an app of before the ids is its fleet’s by its machines', async () => {
  world.write({ ...fleet, ...shop('nginx:1', pruned) });
  await done(...once);
  await world.asPerson('POST', '/apps/shop/ip_assignments', { type: 'v4' });
  withoutIds();
  await done(...once);
  expect(kinds()).toEqual(['v6']);
  expect(await done('diff')).toContain('0 to change');
});

test('an app that somebody made, from which nothing would be taken, is taken up', async () => {
  world.write({ ...fleet, ...shop('nginx:1', pruned) });
  await stranger({ address: 'v6' });
  await done(...once);
  expect(seen()?.machines).toHaveLength(1);
  await world.asPerson('POST', '/apps/shop/ip_assignments', { type: 'v4' });
  await done(...once);
  expect(kinds()).toEqual(['v6']);
});

describe('an app that a stranger makes at the moment of a create that is not answered', () => {
  async function unanswered(made: Stranger): Promise<void> {
    world.write(fleet);
    await done(...once);
    await stranger(made);
    const { faults } = world.simulator.world;
    const fault = { status: 404, body: { error: 'not found' } };
    for (const what of ['', '/machines', '/volumes', '/secrets', '/ip_assignments'])
      faults.add({ template: `GET /apps/{app}${what}`, app: 'shop', fault });
    faults.add({ template: 'POST /apps', fault: { status: 503, body: { error: 'unavailable' } } });
    world.write(shop('nginx:1', pruned));
  }

  test.each([
    ['a machine', { machine: true }],
    ['an address', { address: 'v4' }],
    ['a secret and an address', { secret: true, address: 'shared_v4' }],
  ])('is left alone with %s in it', async (_what, made) => {
    await unanswered(made);
    const before = [seen(), secrets()];
    await world.flycd(once);
    expect([seen(), secrets()]).toEqual(before);
    await isHeld();
  });

  test('is made use of while it is empty, and is no more known as FlyCD’s than any other', async () => {
    await unanswered({});
    world.simulator.world.faults.add({ template: 'POST /apps/{app}/machines', times: 99, fault: '500' });
    await world.flycd(once);
    world.simulator.world.faults.clear();
    expect(kinds()).toEqual(['v6']);
    await world.asPerson('POST', '/apps/shop/ip_assignments', { type: 'v4' });
    await isHeld();
  });
});
