import { describe, expect, test } from 'vitest';
import type { Machine } from '../../../schemas/fly/machine.ts';
import type { DesiredApp } from '../../../src/model/desired.ts';
import type { AppPlan, Step } from '../../../src/model/plan.ts';
import { emptyMemory } from '../../../src/model/standing/memory.ts';
import { stampKeys } from '../../../src/model/stamps/keys.ts';
import { createsOf } from '../../../src/plan/steps/select.ts';
import {
  brief,
  desiredApp,
  flyctlMachine,
  group,
  machine,
  now,
  observed,
  only,
  plan,
  volume,
  writes,
} from '../builders.ts';
import { applyAll, type State } from '../world.ts';

const plainGroup = group({ config: { env: {} }, counts: { arn: 2 } });
const plain = desiredApp({ groups: [plainGroup], inputs: 'before' });
const mounting = (name: string): DesiredApp =>
  desiredApp({
    groups: [
      group({
        config: { env: {}, mounts: [{ name, path: '/data' }] },
        mount: { volume: name, path: '/data' },
        counts: { arn: 2 },
      }),
    ],
  });
const mounted = mounting('data');

const two = (desired: DesiredApp, parts: (number: number) => Parameters<typeof machine>[1] = () => ({})) =>
  [1, 2].map((number) => machine(desired, { number, ...parts(number) }));
const withVolumes = (desired: DesiredApp, name = 'data') => ({
  machines: two(desired, (number) => ({ config: { mounts: [{ volume: `v${number}`, name, path: '/data' }] } })),
  volumes: [1, 2].map((number) => volume(`v${number}`, { name, attached_machine_id: `webarn${number}` })),
});

function held(app: AppPlan) {
  return app.holds.map((hold) => [hold.reason, brief(hold.steps)]);
}

describe('a mount more', () => {
  test('makes each machine anew in its slot, as one release; nobody is asked', () => {
    const app = plan(mounted, observed({ machines: two(plain) }));
    expect(brief(app.steps)).toEqual([
      'volume.create shop/data/arn',
      'volume.create shop/data/arn#2',
      'release shop',
      'machine.destroy shop/web/arn/1',
      'machine.destroy shop/web/arn/2',
    ]);
    expect(app).toMatchObject({ holds: [], status: 'pending' });
    const release = only(app.steps, 'release');
    expect(release).toMatchObject({ risk: 'restart', because: 'the config is new' });
    expect(release.machines).toMatchObject([
      {
        kind: 'machine.create',
        target: 'shop/web/arn/1',
        because: 'it has no volume, and should mount data',
        mount: { volume: 'data' },
        replaces: ['webarn1'],
        config: { metadata: { [stampKeys.replaces]: 'webarn1' } },
        skipLaunch: false,
      },
      { target: 'shop/web/arn/2', replaces: ['webarn2'] },
    ]);
    expect(app.steps.filter((step) => step.kind === 'machine.destroy')).toMatchObject([
      { onceHealthy: true, successor: { slot: { number: 1 } }, risk: 'safe' },
      { onceHealthy: true, successor: { slot: { number: 2 } } },
    ]);
  });

  test('takes free volumes of the name, and keeps what git does not name', () => {
    const machines = two(plain, () => ({
      config: { guest: { cpu_kind: 'shared', cpus: 4, memory_mb: 1024 }, dns: { skip_registration: true } },
    }));
    const app = plan(mounted, observed({ machines, volumes: [volume('free')] }));
    expect(brief(app.steps).filter((step) => step.startsWith('volume'))).toEqual(['volume.create shop/data/arn#2']);
    expect(createsOf(app.steps)[0]?.config).toMatchObject({ guest: { cpus: 4 }, dns: { skip_registration: true } });
    expect(createsOf(app.steps)[0]?.config.metadata).not.toHaveProperty(stampKeys.read);
  });

  test('leaves a machine that is stopped so', () => {
    const rests = group({
      config: {
        services: [{ protocol: 'tcp', internal_port: 80, autostop: 'stop' }],
        mounts: [{ name: 'data', path: '/data' }],
      },
      mount: { volume: 'data', path: '/data' },
      counts: { arn: 2 },
    });
    const machines = two(plain, (number) => ({ state: number === 1 ? 'stopped' : 'started' }));
    const app = plan(desiredApp({ groups: [rests] }), observed({ machines }));
    expect(createsOf(app.steps).map(({ skipLaunch, risk }) => [skipLaunch, risk])).toEqual([
      [true, 'safe'],
      [false, 'restart'],
    ]);
  });

  test('the rest of one that was cut short follows by itself; whose place is taken goes once the new one is healthy', () => {
    const first = machine(mounted, {
      id: 'new',
      metadata: { [stampKeys.replaces]: 'webarn1', [stampKeys.unproven]: '1' },
      config: {},
    });
    const made = withMount(first, 'v1');
    const volumes = [volume('v1', { attached_machine_id: 'new' }), volume('v2')];
    const app = plan(mounted, observed({ machines: [...two(plain), made], volumes }));
    expect(brief(writes(app))).toEqual([
      'machine.label shop/web/arn/1',
      'machine.create shop/web/arn/2',
      'machine.destroy shop/web/arn/1',
      'machine.destroy shop/web/arn/2',
    ]);
    expect(app.steps.filter((step) => step.kind === 'machine.destroy')).toMatchObject([
      { machineId: 'webarn1', successor: { machineId: 'new' } },
      { machineId: 'webarn2', successor: { machineId: undefined } },
    ]);
  });

  test('one that the list of machines does not show yet has its volume: no other is made', () => {
    const volumes = [volume('v1', { attached_machine_id: 'not listed yet' }), volume('v2')];
    const app = plan(mounted, observed({ machines: two(plain), volumes }));
    expect(brief(app.steps)).toEqual(['release shop', 'machine.destroy shop/web/arn/2']);
    expect(app.holds).toMatchObject([{ reason: 'busy', retryAt: now + 10_000 }]);
  });

  test.each(['volumes', 'secrets'] as const)('with %s unread nothing of it is done', (kind) => {
    const secrets = [{ name: 'A', origin: { type: 'raw' } }] as const;
    const world = observed({ machines: two(plain) });
    const app = plan({ ...mounted, secrets }, { ...world, [kind]: { status: 'unread', reason: '?' } });
    expect(brief(app.steps).filter((step) => step.startsWith('machine') || step.startsWith('release'))).toEqual([]);
  });

  test('what holds the release holds the machines that it is to replace', () => {
    const secrets = [{ name: 'A', origin: { type: 'env', variable: 'A' } }] as const;
    const app = plan({ ...mounted, secrets }, observed({ machines: two(plain) }));
    expect(app.steps).toEqual([]);
    expect(held(app)).toEqual([
      [
        'secret',
        [
          'volume.create shop/data/arn',
          'volume.create shop/data/arn#2',
          'secret.set shop/A',
          'release shop',
          'machine.destroy shop/web/arn/1',
          'machine.destroy shop/web/arn/2',
        ],
      ],
    ]);
  });

  test('of an app that somebody else made is held for adoption', () => {
    const app = plan(mounted, observed({ machines: [1, 2].map((number) => flyctlMachine(plain, { number })) }));
    expect(app.steps).toEqual([]);
    expect(held(app)[0]?.[0]).toBe('adoption');
  });

  test.each([
    ['report', ['drift']],
    ['off', []],
  ] as const)('by hand, with drift: %s, it is not made anew', (drift, reasons) => {
    const machines = two(mounted, () => ({ config: { mounts: undefined } }));
    const wanted = { ...mounted, policy: { ...mounted.policy, drift } };
    const app = plan(wanted, observed({ machines }), { memory: { known: true } });
    expect(app.steps.filter((step) => step.kind !== 'machine.label')).toEqual([]);
    expect([...new Set(app.holds.map(({ reason }) => reason))]).toEqual(reasons);
  });
});

describe('a mount less, or of another volume', () => {
  const other = mounting('other');
  const anew = (...volumes: readonly string[]) => [
    ...volumes,
    'machine.create shop/web/arn/1',
    'machine.create shop/web/arn/2',
    'machine.destroy shop/web/arn/1',
    'machine.destroy shop/web/arn/2',
  ];

  test('is held, with what would be done', () => {
    const less = plan(plain, observed(withVolumes(mounted)));
    expect(less).toMatchObject({ steps: [], status: 'held' });
    expect(held(less)).toEqual([['volume', anew()]]);
    expect(less.holds[0]).toMatchObject({
      because: 'web/arn/1, web/arn/2 have the volume data, and should mount none',
      next: expect.stringContaining('flycd sync --once --accept-only shop'),
    });
    const another = plan(other, observed(withVolumes(mounted)));
    expect(another).toMatchObject({ steps: [], status: 'held' });
    expect(held(another)).toEqual([['volume', anew('volume.create shop/other/arn', 'volume.create shop/other/arn#2')]]);
    const spare = {
      ...withVolumes(mounted),
      volumes: [...withVolumes(mounted).volumes, volume('o', { name: 'other' })],
    };
    expect(brief(plan(other, observed(spare)).holds[0]?.steps ?? [])).toContain('volume.create shop/other/arn#2');
    expect(plan(other, observed(spare)).notes).toEqual([]);
  });

  test('is done, as one release, when a person accepts it', () => {
    const less = plan(plain, observed(withVolumes(mounted)), { options: { accept: true } });
    expect(brief(less.steps)).toEqual([
      'release shop',
      'machine.destroy shop/web/arn/1',
      'machine.destroy shop/web/arn/2',
    ]);
    expect(createsOf(less.steps)[0]).toMatchObject({ mount: undefined, replaces: ['webarn1'] });
    expect(createsOf(less.steps)[0]?.config.mounts).toBeUndefined();
    const another = plan(other, observed(withVolumes(mounted)), { options: { accept: true } });
    expect(brief(another.steps)).toEqual([
      'volume.create shop/other/arn',
      'volume.create shop/other/arn#2',
      'release shop',
      'machine.destroy shop/web/arn/1',
      'machine.destroy shop/web/arn/2',
    ]);
    expect(createsOf(another.steps)[0]?.config.mounts).toEqual([{ name: 'other', path: '/data' }]);
  });

  test('a volume known by its id alone is not taken along', () => {
    const machines = two(mounted, (number) => ({ config: { mounts: [{ volume: `v${number}`, path: '/data' }] } }));
    const volumes = [1, 2].map((number) =>
      volume(`v${number}`, { name: 'old', attached_machine_id: `webarn${number}` }),
    );
    const app = plan(mounted, observed({ machines, volumes }), { options: { accept: true } });
    expect(createsOf(app.steps).map(({ config }) => config.mounts)).toEqual([
      [{ name: 'data', path: '/data' }],
      [{ name: 'data', path: '/data' }],
    ]);
  });

  test('buys no volume for an entry that git keeps, and one for an entry of another group', () => {
    const entry = (group: string | undefined) => ({
      name: 'data',
      sizeGb: 1,
      count: 2,
      group,
      snapshotRetentionDays: undefined,
      scheduledSnapshots: undefined,
    });
    const kept = { ...plain, volumes: [entry(undefined)] };
    expect(plan(kept, observed(withVolumes(mounted))).steps).toEqual([]);
    const others = { ...mounted, volumes: [entry('worker')] };
    expect(brief(plan(others, observed(withVolumes(mounted))).steps)).toEqual([
      'volume.create shop/data/arn#3',
      'volume.create shop/data/arn#4',
    ]);
  });

  test('another group of the app goes on meanwhile', () => {
    const worker = (color: string) => group({ name: 'worker', config: { env: { COLOR: color } }, counts: { arn: 1 } });
    const before = { ...mounted, groups: [...mounted.groups, worker('red')] };
    const after = { ...plain, groups: [plainGroup, worker('blue')], inputs: 'after' };
    const { machines, volumes } = withVolumes(before);
    const app = plan(after, observed({ machines: [...machines, machine(before, { group: 'worker' })], volumes }));
    expect(brief(app.steps)).toEqual(['release shop']);
    expect(only(app.steps, 'release').machines.map(({ target }) => target)).toEqual(['shop/worker/arn/1']);
    expect(held(app)[0]?.[0]).toBe('volume');
  });
});

describe('taken back before the new machine was healthy', () => {
  const replaced = (metadata: Readonly<Record<string, string>>): readonly Machine[] => [
    machine(plain),
    withMount(machine(mounted, { id: 'new', metadata: { [stampKeys.replaces]: 'webarn1', ...metadata } }), 'v1'),
    machine(plain, { number: 2 }),
  ];
  const volumes = [volume('v1', { attached_machine_id: 'new' })];

  test('the machine before it stays, and the new one goes', () => {
    const app = plan(plain, observed({ machines: replaced({ [stampKeys.unproven]: '1' }), volumes }));
    expect(brief(app.steps)).toEqual(['machine.destroy shop/web/arn/1']);
    expect(only(app.steps, 'machine.destroy')).toMatchObject({
      machineId: 'new',
      because: 'web/arn/1 stays, as git wants it again',
    });
    expect(app.holds).toEqual([]);
  });

  test('one that was healthy may hold data: it is held as any other', () => {
    const app = plan(plain, observed({ machines: replaced({}), volumes }));
    expect(brief(app.steps)).toEqual(['machine.destroy shop/web/arn/1']);
    expect(only(app.steps, 'machine.destroy').machineId).toBe('webarn1');
    expect(held(app)).toEqual([['volume', ['machine.create shop/web/arn/1', 'machine.destroy shop/web/arn/1']]]);
  });
});

test('to and fro, accepted each time: machines and volumes are as at first', () => {
  const steps = (desired: DesiredApp, state: State): readonly Step[] =>
    plan(desired, observed({ machines: state.machines, volumes: state.volumes }), { options: { accept: true } }).steps;
  const wishes = [mounted, plain, mounting('other'), mounted];
  const { machines } = { machines: two(plain) };
  let state: State = {
    present: true,
    released: true,
    machines,
    volumes: [],
    secrets: {},
    addresses: [],
    memory: { ...emptyMemory, keyId: 'key' },
    clock: now,
  };
  for (const wish of wishes) {
    state = applyAll(state, steps(wish, state));
    expect(brief(steps(wish, state))).toEqual([]);
  }
  expect(state.machines).toHaveLength(2);
  expect(state.volumes.map(({ name }) => name).toSorted()).toEqual(['data', 'data', 'other', 'other']);
});

function withMount(made: Machine, id: string): Machine {
  return { ...made, config: { ...made.config, mounts: [{ volume: id, name: 'data', path: '/data' }] } };
}
