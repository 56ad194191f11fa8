/** A failed `fly deploy` by hand in an app of which no record tells when FlyCD came: its own machines do, and those that are gone. */
import { afterEach, expect, test } from 'vitest';
import { arena, type Arena } from '../arena.ts';
import { groupOf, groupsOf, machinesOf, pinned } from './groups.ts';

let world: Arena;
afterEach(() => world.close());

const shop = (greeting: string) => ({
  'flycd.yaml': 'fleet: hands\n',
  'shop/app.yaml': `app: shop
primary_region: arn
build: { image: "${pinned('shop:1')}" }
env: { GREETING: ${greeting} }
processes: { web: web, worker: work }
network: { ips: [] }
machines: { groups: { web: { count: 1 }, worker: { count: 1 } } }
`,
});

const machines = () => machinesOf(world);
const groups = () => groupsOf(world);

async function sync(...flags: readonly string[]) {
  const { code, stdout, stderr } = await world.flycd(['sync', '--once', ...flags]);
  await world.clock.sleep(60_000);
  return { code, groups: groups(), said: stderr + stdout };
}

/** What Fly does not answer: `releases` for this token, ever; `gone`, the list of machines that are, for one pass. */
interface Unanswered {
  readonly releases: boolean;
  readonly gone: boolean;
}

/** The new group never gets healthy, so that the deployment does not come to the machines that stay. */
async function deployed(stays: readonly string[], unanswered: Unanswered): Promise<void> {
  let isGoneDark = false;
  const answer = (status: number) => Response.json({ error: 'no' }, { status });
  world = await arena({
    others: (url, method) => {
      if (method === 'POST' && url.pathname.endsWith('/releases')) return answer(404);
      if (unanswered.releases && url.pathname.endsWith('/releases')) return answer(404);
      return isGoneDark && url.searchParams.get('include_deleted') === 'true' ? answer(500) : undefined;
    },
  });
  for (const greeting of ['before', 'hello']) {
    world.write(shop(greeting));
    expect(await sync()).toMatchObject({ code: 0, groups: 'web worker' });
  }
  await world.clock.sleep(600_000);
  const [web] = machines().filter((machine) => groupOf(machine) === 'web');
  const { metadata: _, ...config } = web?.config ?? {};
  const checks = { alive: { type: 'tcp', port: 8080, interval: '5s', timeout: '2s' } };
  const kept = stays.map((group) => [group, config] as const);
  const configs = { ...Object.fromEntries(kept), cron: { ...config, image: pinned('failing-check:1'), checks } };
  expect(await world.simulator.flyctl.deploy('shop', { configs })).toMatchObject({ ok: false });
  await world.clock.sleep(120_000);
  isGoneDark = unanswered.gone;
}

const answered = { releases: false, gone: false };

test.each<readonly [string, Unanswered]>([
  ['whatever Fly answers', answered],
  ['without the releases', { releases: true, gone: false }],
])('that only added a group is held, and --now undoes it, %s', async (_what, unanswered) => {
  await deployed(['web', 'worker'], unanswered);
  const held = await sync();
  expect(held).toMatchObject({ code: 4, groups: 'cron web worker' });
  expect(held.said).toContain('changed by flyctl (release v1): 1 machine of cron, which git does not name');
  expect(await sync('--now')).toMatchObject({ code: 0, groups: 'web worker' });
});

test.each<readonly [string, readonly string[], Unanswered, number]>([
  ['that added a group', ['web', 'worker'], { releases: true, gone: true }, 1],
  ['that renamed one', ['web'], { releases: true, gone: true }, 1],
  ['that renamed one, with the releases', ['web'], { releases: false, gone: true }, 4],
])('what no list tells apart stays, and nothing is made for it: %s', async (_what, stays, unanswered, code) => {
  await deployed(stays, unanswered);
  const before = groups();
  expect(await sync()).toMatchObject({ code, groups: before });
  world.write(shop('later'));
  const later = await sync();
  expect(later.groups).toContain('cron');
  if (code === 1) expect(later.said).toContain('only they tell whether 1 machine of');
  // Who insists makes what is missing, which takes a list of them, too; what may be somebody's from before stays.
  expect((await sync('--now')).groups).toContain(code === 1 ? 'cron' : 'web');
});

test.each(['state', 'another'])(
  'a group that it took away stays away after a pass that could not list destroyed machines: the database %s',
  async (state) => {
    let isDark = false;
    world = await arena({
      others: (url) =>
        isDark && url.searchParams.get('include_deleted') === 'true' ? Response.json({}, { status: 500 }) : undefined,
    });
    world.write({
      ...shop('hello'),
      'shop/app.yaml': shop('hello')['shop/app.yaml'].replace(', worker: { count: 1 }', ''),
    });
    expect(await sync()).toMatchObject({ code: 0 });
    await world.clock.sleep(600_000);
    const { metadata: _, ...config } = machines().find((machine) => groupOf(machine) === 'web')?.config ?? {};
    const configs = { web: config };
    expect(await world.simulator.flyctl.deploy('shop', { configs, highAvailability: false })).toEqual({ ok: true });
    await world.clock.sleep(120_000);
    isDark = true;
    expect(await sync()).toMatchObject({ code: 4, groups: 'web' });
    isDark = false;
    await world.clock.sleep(120_000);
    const { code, stdout } = await world.flycd(['sync', '--once'], state);
    expect([code, groups()]).toEqual([4, 'web']);
    expect(stdout).toContain('changed by flyctl (release v2): worker has no machine');
  },
);
