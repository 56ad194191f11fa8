/** A group without a count that somebody emptied stays so until git changes what the app is; one that FlyCD emptied, or that is new, is made. */
import { afterEach, describe, expect, test } from 'vitest';
import { arena, type Arena, type Files } from '../arena.ts';
import { groupOf, machinesOf, pinned } from './groups.ts';

let world: Arena;
afterEach(() => world.close());

const service = `http_service:
  internal_port: 8080
  processes: [web]
  checks: [{ path: /health, interval: 5s, timeout: 2s }]
`;

interface Parts {
  readonly greeting?: string;
  readonly groups?: readonly string[];
  /** Of worker; not given: none. */
  readonly count?: number;
  readonly comment?: string;
  readonly image?: string;
  readonly sync?: string;
}

function shop({
  greeting = 'hello',
  groups = ['web', 'worker'],
  count,
  comment = '',
  image = 'shop:1',
  sync,
}: Parts): Files {
  const named = groups.map((group) => `  ${group}: run ${group}\n`).join('');
  return {
    'flycd.yaml': `fleet: kept\n${sync === undefined ? '' : `sync: { ${sync} }\n`}`,
    'shop/app.yaml': `# ${comment}
app: shop
primary_region: arn
build: { image: "${pinned(image)}" }
env: { GREETING: ${greeting} }
processes:
${named}${groups.includes('web') ? service : ''}deploy: { wait_timeout: 15s }
network: { ips: [] }
${count === undefined ? '' : `machines: { groups: { worker: { count: ${count} } } }\n`}`,
  };
}

const human = () => world.simulator.flyctl;
const machines = () => machinesOf(world);
const groups = () => machines().map(groupOf).toSorted();
const workers = () => groups().filter((group) => group === 'worker').length;

async function pass(state?: string, ...flags: readonly string[]) {
  const { code, stdout, stderr } = await world.flycd(['sync', '--once', ...flags], state);
  await world.clock.sleep(60_000);
  return { code, said: stderr + stdout };
}

/** Synced at an earlier commit and at this one, so that it is known when it came. */
async function start(parts: Parts = {}): Promise<void> {
  world = await arena();
  for (const comment of ['before', '']) {
    world.write(shop({ ...parts, comment }));
    const { code, said } = await pass();
    expect(code, said).toBe(0);
  }
}

async function emptied(group = 'worker'): Promise<void> {
  expect(await human().scaleCount('shop', { count: 0, group })).toEqual({ ok: true });
  await world.clock.sleep(60_000);
}

const why = 'somebody scaled it to 0';

async function stays(said: string): Promise<void> {
  for (let again = 0; again < 2; again += 1) {
    const heard = await pass();
    expect(heard.code, heard.said).toBe(4);
    expect(heard.said).toContain(said);
    expect(workers()).toBe(0);
  }
}

const secret = (values: Readonly<Record<string, string | null>>) => human().setSecrets('shop', { values });

describe.each<readonly [string, () => Promise<unknown>]>([
  ['fly secrets set', () => secret({ TOKEN: 'x' })],
  ['fly secrets unset', () => secret({ NONE: null })],
  ['fly secrets set --stage', () => human().setSecrets('shop', { values: { TOKEN: 'x' }, stage: true })],
  [
    'fly machine update',
    () => human().update('shop', { machine: machines()[0]?.id ?? '', config: { metadata: { team: 'a' } } }),
  ],
  ['fly deploy --image', () => human().deploy('shop', { image: pinned('shop:1') })],
  ['fly scale memory', () => human().scaleMemory('shop', { memoryMb: 512 })],
])('a group that was scaled to 0, after %s', (_what, does) => {
  test.each([
    ['a pass in between', true],
    ['none', false],
  ])('with %s: stays empty over a commit that changes a comment, until one changes the app', async (_when, looks) => {
    await start();
    await emptied();
    if (looks) await stays(why);
    expect(await does()).toEqual({ ok: true });
    await world.clock.sleep(60_000);
    if (looks) await stays('worker has no machine');
    world.write(shop({ comment: 'after' }));
    await stays(why);
    world.write(shop({ greeting: 'bye' }));
    const { code, said } = await pass();
    expect(code, said).toBe(0);
    expect(workers()).toBeGreaterThan(0);
  });
});

test('a group with a count that was scaled to 0 is put right after fly secrets set as well', async () => {
  await start({ count: 1 });
  await emptied();
  expect(await secret({ TOKEN: 'x' })).toEqual({ ok: true });
  await world.clock.sleep(60_000);
  const { code, said } = await pass();
  expect(code, said).toBe(0);
  expect(workers()).toBe(1);
});

test('a group that a deployment by hand took is made again by a commit that comes after it', async () => {
  await start();
  const config = machines().find((one) => one.config.metadata?.['fly_process_group'] === 'web')?.config ?? {};
  expect(await human().deploy('shop', { configs: { web: { ...config, metadata: {} } } })).toEqual({ ok: true });
  await world.clock.sleep(60_000);
  await stays('changed by flyctl (release v2): worker has no machine');
  world.write(shop({ comment: 'after' }));
  const { code, said } = await pass();
  expect(code, said).toBe(0);
  expect(workers()).toBeGreaterThan(0);
});

describe('a group that git names newly is made, though somebody set a secret by hand meanwhile', () => {
  test.each([
    ['with its database', false],
    ['where the database was lost', true],
  ])('%s', async (_what, isLost) => {
    await start({ groups: ['web'] });
    expect(await secret({ TOKEN: 'x' })).toEqual({ ok: true });
    await world.clock.sleep(60_000);
    if (isLost) world.forget();
    world.write(shop({}));
    const { code, said } = await pass();
    expect(code, said).toBe(0);
    expect(workers()).toBeGreaterThan(0);
  });
});

describe('a group that another database’s FlyCD emptied as git said is made where git comes back to what it was', () => {
  test.each<readonly [string, Parts]>([
    ['given a count of 0', { count: 0 }],
    ['named no longer', { groups: ['web'] }],
  ])('%s', async (_what, between) => {
    await start();
    world.write(shop(between));
    expect((await pass('another')).code).toBe(0);
    expect(workers()).toBe(0);
    world.write(shop({}));
    const { code, said } = await pass();
    expect(code, said).toBe(0);
    expect(workers()).toBeGreaterThan(0);
    await emptied();
    await stays(why);
  });

  test('and so is an app of one group, of which no machine is left', async () => {
    await start({ groups: ['worker'] });
    world.write(shop({ groups: ['worker'], count: 0 }));
    expect((await pass('another')).code).toBe(0);
    expect(groups()).toEqual([]);
    world.write(shop({ groups: ['worker'] }));
    const { code, said } = await pass();
    expect(code, said).toBe(0);
    expect(workers()).toBeGreaterThan(0);
  });
});

describe('after a release that failed and was left as it was', () => {
  test.each([
    ['the same FlyCD', undefined],
    ['another one', 'another'],
  ])(
    'a person resumes it by %s, and that lifts what was emptied until then, not what is emptied after it',
    async (_who, state) => {
      const sync = 'on_failure: stop';
      await start({ sync });
      world.write(shop({ sync, image: 'failing-check:1' }));
      expect((await pass()).code).toBe(1);
      await emptied();
      await pass();
      const resumed = await world.flycd(['resume', 'shop'], state);
      expect(resumed.code, resumed.stderr).toBe(0);
      await world.clock.sleep(60_000);
      const diff = await world.flycd(['diff']);
      expect(diff.stdout).toContain('machine.create shop/worker/arn/1');
      expect(diff.stdout).not.toContain(why);
      for (const { id } of machines()) await human().destroy('shop', { machine: id });
      await world.clock.sleep(60_000);
      expect((await world.flycd(['diff'])).stdout).toContain('web has no machine: somebody scaled it to 0');
    },
  );
});

describe('right after a pass that took away only what a deployment by hand had left', () => {
  const failing = { image: pinned('failing-check:7'), highAvailability: false };
  test.each([
    ['a canary, by --now', { ...failing, strategy: 'canary' } as const, ['--now']],
    ['a canary, by a commit', { ...failing, strategy: 'canary' } as const, []],
    [
      'half of a bluegreen, by --now',
      { image: pinned('shop:9'), strategy: 'bluegreen', highAvailability: false, stops: 'killed' } as const,
      ['--now'],
    ],
  ])('a group that somebody empties stays empty: %s', async (_, deployment, flags) => {
    await start();
    await human().deploy('shop', deployment);
    await world.clock.sleep(31 * 60_000);
    const greeting = flags.length === 0 ? 'two' : 'hello';
    world.write(shop({ greeting }));
    expect((await pass(undefined, ...flags)).code).toBe(0);
    expect(groups().filter((group) => group === 'web')).toHaveLength(2);
    await emptied('web');
    const { code, said } = await pass();
    expect(code, said).toBe(4);
    expect(groups(), said).not.toContain('web');
  });
});

test('a standby stands in for a machine that is there, right after the half of a bluegreen went that it stood in for', async () => {
  await start();
  const dead = { strategy: 'bluegreen', highAvailability: false, stops: 'killed', stopsAt: 'replacing' } as const;
  await human().deploy('shop', { image: pinned('shop:9'), ...dead });
  await world.clock.sleep(31 * 60_000);
  const { code, said } = await pass(undefined, '--now');
  expect(code, said).toBe(0);
  const ids = machines().map(({ id }) => id);
  const standbys = machines().flatMap(({ config }) => config.standbys ?? []);
  expect(standbys.length, said).toBeGreaterThan(0);
  expect(ids, said).toEqual(expect.arrayContaining(standbys));
  expect((await world.flycd(['diff'])).code).toBe(0);
});
