/** Labels of a repo that takes over from another one, neither of which has a name; an update of the earlier one lands behind them. */
import { afterEach, describe, expect, test } from 'vitest';
import { makeClone, makeCopy } from '../../acceptance/clones.ts';
import { arena, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const app = (image: string) => ({
  'shop/app.yaml': `app: shop
primary_region: arn
build: { image: "${image}" }
machines: { count: 2 }
deploy: { wait_timeout: 20s }
`,
});
const machines = () => world.simulator.world.snapshot().find(({ name }) => name === 'shop')?.machines ?? [];
const owners = () => machines().map(({ metadata }) => [metadata['flycd_fleet'], metadata['flycd_origin']]);
const update = 'POST /apps/{app}/machines/{machine}';
const updates = () => world.simulator.world.requests.filter(({ template }) => template === update).length;

/** As an earlier FlyCD, or another clone, wrote the origin. */
async function stampAs(origin: string | null): Promise<void> {
  for (const { id } of machines())
    await world.asPerson('PATCH', `/apps/shop/machines/${id}/metadata`, { metadata: { flycd_origin: origin } });
}

interface Row {
  /** What stands on the machines before, of the address and the first commit that are known. */
  readonly stamped?: (address: string, root: string) => string | null;
  /** Files that the earlier repo has with the update. */
  readonly more?: Readonly<Record<string, string>>;
}

describe.each<readonly [string, Row]>([
  ['as it was', {}],
  ['with its first commit, which it lacked', { stamped: (address) => `o1:${address}:` }],
  ['with its address, which it lacked', { stamped: (_address, root) => `o1::${root}` }],
  ['with an origin, which it lacked', { stamped: () => null }],
  ['with the name that the fleet has since', { more: { 'flycd.yaml': 'fleet: acme\n' } }],
])('the update stamps the earlier owner %s', (_how, { stamped, more = {} }) => {
  test.each(['--all', 'shop'])('adopt %s ends with 0 once all machines are the new owner’s for good', async (what) => {
    world = await arena();
    const [ours, theirs] = [makeClone(world, 'ours', app('nginx:1')), makeClone(world, 'theirs', app('nginx:2'))];
    ours.remote('origin', 'https://example.com/ours');
    theirs.remote('origin', 'https://example.com/theirs');
    await ours.flycd(['sync', '--once']);
    await world.clock.sleep(600_000);
    const [, address = '', root = ''] = (machines()[0]?.metadata['flycd_origin'] ?? '').split(':');
    const before = stamped?.(address, root);
    if (before !== undefined) await stampAs(before);
    const from = (before?.startsWith('o1::') === true ? root : address).slice(0, 12);
    const named = before !== null ? ['--from', from] : what === 'shop' ? [] : ['--from', 'flycd'];
    ours.commit({ ...app('nginx:3'), ...more });
    // It was sent before the labels, and lands on one of them while the other is written.
    const { faults } = world.simulator.world;
    faults.add({ template: update, app: 'shop', nth: 1, times: 1, fault: { latencyMs: 3000 } });
    const patch = 'PATCH /apps/{app}/machines/{machine}/metadata';
    faults.add({ template: patch, app: 'shop', nth: 2, times: 1, fault: { latencyMs: 6000 } });
    const sent = updates();
    const passing = ours.flycd(['sync', '--once']);
    while (updates() === sent) await world.clock.sleep(20);
    const { code, stdout, stderr } = await theirs.flycd(['adopt', what, ...named]);
    const [first] = owners();
    expect(code, stdout + stderr).toBe(0);
    expect(owners()).toEqual([first, first]);
    expect(first).toEqual(['flycd', expect.stringMatching(/^o1:[0-9a-f]{32}:/)]);
    expect(first?.[1]).not.toContain(address);
    await passing;
    expect(owners()).toEqual([first, first]);
  });
});

test.each([[['adopt', 'shop']], [['adopt', 'shop', '--from', 'acme']]])(
  '%j: a folder outside of git that takes over from a fleet with a name has it from then on',
  async (adopt) => {
    world = await arena();
    const ours = makeCopy(world, 'ours', { 'flycd.yaml': 'fleet: acme\n', ...app('nginx:1') });
    const theirs = makeCopy(world, 'theirs', app('nginx:1'));
    await ours.flycd(['sync', '--once']);
    await world.clock.sleep(600_000);
    const { code, stdout, stderr } = await theirs.flycd(adopt);
    expect(code, stdout + stderr).toBe(0);
    expect((await theirs.flycd(['sync', '--once'])).code).toBe(0);
    expect((await theirs.flycd(['diff'])).code).toBe(0);
    expect(owners()).toEqual([
      ['flycd', undefined],
      ['flycd', undefined],
    ]);
  },
);
