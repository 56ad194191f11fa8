import { afterEach, describe, expect, test } from 'vitest';
import { arena, changedFleet, walkFleet, type Arena, type Files } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

interface PlanJson {
  readonly planId: string;
  readonly summary: Readonly<Record<string, number>>;
  readonly apps: readonly {
    readonly app: string;
    readonly status: string;
    readonly notes?: readonly string[];
    readonly steps: readonly {
      readonly kind: string;
      readonly target: string;
      readonly changes: readonly { readonly path: string }[];
    }[];
    readonly holds: readonly { readonly reason: string }[];
  }[];
}

async function diff(state?: string): Promise<PlanJson & { readonly code: number }> {
  const { code, stdout, stderr } = await world.flycd(['diff', '--output', 'json'], state);
  expect(stderr.split('\n').filter((line) => !line.startsWith('warning: ') && line !== '')).toEqual([]);
  return { code, ...(JSON.parse(stdout) as PlanJson) };
}

async function sync(state?: string): Promise<string> {
  const { code, stdout, stderr } = await world.flycd(['sync', '--once'], state);
  expect(code, stderr + stdout).toBe(0);
  return stderr;
}

const updates = (): number =>
  world.simulator.world.writes((request) => request.template === 'POST /apps/{app}/machines/{machine}').length;

describe('what is in sync stays in sync', () => {
  test('a second sync makes no writing call', async () => {
    world = await arena();
    world.write(walkFleet);
    await sync();
    const before = world.simulator.world.writes().length;
    await sync();
    expect(world.simulator.world.writes().length).toBe(before);
  });

  test('a second FlyCD with an empty database plans nothing', async () => {
    world = await arena();
    world.write(walkFleet);
    await sync();
    const plan = await diff('another-state');
    expect([plan.code, plan.apps.map((app) => [app.status, app.steps, app.holds])]).toEqual([0, [['synced', [], []]]]);
  });

  test('comments, order and a README change nothing', async () => {
    world = await arena();
    world.write(walkFleet);
    await sync();
    const [first = '', ...rest] = (walkFleet['shop/app.yaml'] ?? '').split('\n');
    world.write({ 'shop/app.yaml': ['# a comment', ...rest, first].join('\n'), 'shop/README.md': 'words' });
    expect((await diff()).code).toBe(0);
  });
});

describe('what only FlyCD reads', () => {
  // No registry is there to say what a tag is, without which nobody knows what git says.
  const yaml = (walkFleet['shop/app.yaml'] ?? '').replace('caddy:2.10.2', `caddy:2.10.2@sha256:${'7'.repeat(64)}`);
  const waits = `${yaml}deploy:\n  wait_timeout: 7m\n`;
  const adopted = 'adopted without a restart';

  test.each([
    ['git says something that no machine has', () => Promise.resolve(world.write({ 'shop/app.yaml': waits }))],
    [
      'an earlier FlyCD wrote down what git said in another way',
      async () => {
        for (const id of machines()) await patch(id, { flycd_inputs: 'i'.repeat(32) });
      },
    ],
    [
      'a FlyCD was killed before it read back what it had sent',
      async () => {
        for (const id of machines()) await patch(id, { flycd_machine: null, flycd_read: null });
      },
    ],
  ])('is told of nobody: %s', async (_what, befalls) => {
    world = await arena();
    world.write({ ...walkFleet, 'shop/app.yaml': yaml });
    await sync();
    await befalls();
    for (const argv of [['diff'], ['sync', '--once']]) {
      const { code, stdout, stderr } = await world.flycd(argv);
      expect([code, stdout.includes(adopted), stderr.includes(adopted)], stdout).toEqual([0, false, false]);
    }
  });

  test('is told where somebody else made the machine', async () => {
    world = await arena();
    world.write({ 'shop/app.yaml': "app: shop\nprimary_region: arn\nbuild: { image: 'nginx:1' }\n" });
    await sync();
    const [first] = world.simulator.world.snapshot()[0]?.machines ?? [];
    await world.asPerson('POST', '/apps/shop/machines', { region: 'arn', config: first?.config });
    expect((await world.flycd(['diff'])).stdout).toContain(`${adopted}: shop`);
  });

  const machines = (): readonly string[] =>
    world.simulator.world.snapshot().flatMap((app) => app.machines.map(({ id }) => id));
  const patch = (id: string, metadata: Readonly<Record<string, string | null>>) =>
    world.asPerson('PATCH', `/apps/shop/machines/${id}/metadata`, { metadata });
});

describe('policy is none of what runs', () => {
  const app = (name: string, more = ''): Files => ({
    [`${name}/app.yaml`]: `app: ${name}\nprimary_region: arn\nbuild: { image: 'nginx:1' }\nmachines: { count: 1 }\n${more}`,
  });
  const project = (common: string): Files => ({
    'project.yaml': `project: shops\nsource: { type: local }\ncommon: ${common}\n`,
  });

  test.each([
    ['sync of the app', app('web', 'sync: { drift: report, max_deletes: 1 }\n')],
    ['depends_on', app('web', 'depends_on: [db]\n')],
    ['sync in a default of the project', project('{ app_defaults: { env: { A: "1" }, sync: { interval: 1h } } }')],
    ['depends_on in an override', project('{ app_defaults: { env: { A: "1" } }, app_overrides: { depends_on: [] } }')],
    ['sync of flycd.yaml', { 'flycd.yaml': 'sync: { on_failure: stop }\n' }],
  ])('%s plans nothing and writes nothing', async (_what, edit) => {
    world = await arena();
    world.write({ ...project('{ app_defaults: { env: { A: "1" } } }'), ...app('web'), ...app('db') });
    await sync();
    const before = world.simulator.world.writes().length;
    world.write(edit);
    const plan = await diff();
    expect([plan.code, plan.apps.map(({ status, steps }) => [status, steps])]).toEqual([
      0,
      [
        ['synced', []],
        ['synced', []],
      ],
    ]);
    await sync();
    expect(world.simulator.world.writes()).toHaveLength(before);
  });
});

describe('a newer FlyCD', () => {
  const names = ['a', 'b', 'c', 'd'];
  const fleet = (color: string): Files =>
    Object.fromEntries(
      names.map((name) => [
        `${name}/app.yaml`,
        `app: ${name}\nprimary_region: arn\nbuild: { image: 'nginx:1' }\nmachines: { count: 1 }\nenv: { COLOR: ${color} }\n`,
      ]),
    );
  /** As an older FlyCD hashed what git said. */
  const stampedBefore = (): void => {
    for (const { machines } of world.simulator.world.apps.values()) {
      for (const machine of machines.values()) {
        const metadata = { ...(machine.config['metadata'] as object), flycd_inputs: 'd'.repeat(32) };
        machine.config = { ...machine.config, metadata };
      }
    }
  };

  test('that maps otherwise and stamps otherwise at once holds all; a commit after it holds nothing', async () => {
    world = await arena();
    world.write(fleet('red'));
    await sync();
    stampedBefore();
    // What it makes of the same files is another machine.
    world.write(fleet('blue'));
    const before = world.simulator.world.writes().length;
    expect((await diff()).apps.map(({ steps, holds }) => [steps, holds.map(({ reason }) => reason)])).toEqual(
      names.map(() => [[], ['brake']]),
    );
    expect((await world.flycd(['sync', '--once'])).code).toBe(4);
    expect(world.simulator.world.writes()).toHaveLength(before);
    world.write(fleet('red'));
    await sync();
    world.write(fleet('green'));
    await sync();
    expect((await diff()).code).toBe(0);
  });
});

describe('what the platform keeps its own way', () => {
  test('a field that no table of ours knows: one update, one note, never a second update', async () => {
    world = await arena();
    world.write(walkFleet);
    await sync();
    world.simulator.world.rewrites.add({ path: 'services.0.checks.0.interval', value: '17s' });
    world.write(changedFleet('GREETING: hello', 'GREETING: goodbye'));
    const told = await sync();
    const done = updates();
    expect(told.match(/the platform keeps services\[tcp\/8080\]/g)?.length).toBeGreaterThanOrEqual(1);
    const plan = await diff();
    expect(plan.apps.flatMap((app) => app.steps)).toEqual([]);
    expect(plan.code).toBe(0);
    await sync();
    await sync('another-state');
    expect(updates()).toBe(done);
  });
});

describe('changes behind the back', () => {
  /** The launch id says which create made a machine, the calls what was made of late: nothing that runs depends on them. */
  const passing = new Set(['flycd_launch', 'flycd_calls']);
  const stateNow = (): unknown =>
    JSON.parse(JSON.stringify(world.simulator.world.endState()), (key, value: unknown) =>
      passing.has(key) ? undefined : value,
    );

  test('a machine resized, an env changed and an IP released are three changes with field paths, and healed', async () => {
    world = await arena();
    world.write(changedFleet('machines:\n', 'vm:\n  - size: shared-cpu-1x\n    memory: 256mb\nmachines:\n'));
    await sync();
    const endState = stateNow();
    const [shop] = world.simulator.world.snapshot();
    const [store, web] = shop?.machines ?? [];
    const dedicated = shop?.addresses.find((address) => address.kind === 'v4');
    if (store === undefined || web === undefined || dedicated === undefined) throw new Error('the fleet is not there');
    const guest = { cpu_kind: 'shared', cpus: 2, memory_mb: 1024 };
    await world.asPerson('POST', `/apps/shop/machines/${store.id}`, { config: { ...store.config, guest } });
    const env = { ...(web.config['env'] as Record<string, string>), GREETING: 'mischief' };
    await world.asPerson('POST', `/apps/shop/machines/${web.id}`, { config: { ...web.config, env } });
    await world.asPerson('DELETE', `/apps/shop/ip_assignments/${dedicated.ip}`);
    await world.clock.sleep(10_000);
    const plan = await diff();
    expect(plan.code).toBe(2);
    const changes = plan.apps.flatMap((app) =>
      app.steps.map((step) => [step.kind, step.target, step.changes.map((change) => change.path)]),
    );
    expect(changes).toEqual([
      ['address.allocate', 'shop/v4', ['type']],
      ['machine.update', 'shop/store/arn/1', ['guest.cpus', 'guest.memory_mb']],
      ['machine.update', 'shop/web/arn/1', ['env.GREETING']],
    ]);
    await sync();
    expect((await diff()).code).toBe(0);
    await world.clock.sleep(60_000);
    expect(stateNow()).toEqual(endState);
  });
});
