import { describe, expect, test } from 'vitest';
import type { Machine } from '../../../schemas/fly/machine.ts';
import type { Step } from '../../../src/model/plan.ts';
import { readHash } from '../../../src/flyconfig/live/version.ts';
import { formatRead } from '../../../src/model/stamps/stamps.ts';
import { stampKeys } from '../../../src/model/stamps/keys.ts';
import {
  absent,
  brief,
  desiredApp,
  flyctlMachine,
  group,
  machine,
  observed,
  only,
  plan,
  now,
  webService,
  writes,
} from '../builders.ts';

const worker = { config: { env: { COLOR: 'red' } } };
const free = desiredApp({ groups: [group({ ...worker, counts: undefined })] });
/** As FlyCD left it: read back with what it stands in for. */
function standbyOf(...standbys: string[]) {
  const made = machine(free, { id: 'standby', number: 2, state: 'stopped', config: { standbys } });
  const metadata = { ...made.config?.metadata, [stampKeys.read]: formatRead(readHash(made.config ?? {})) };
  return { ...made, config: { ...made.config, metadata } };
}

describe('a group without services and without a count', () => {
  test('gets a standby that is never launched and waits for the machine it stands in for', () => {
    const [first, standby] = only(plan(free, absent).steps, 'release').machines;
    expect(first).toMatchObject({ kind: 'machine.create', skipLaunch: false });
    expect(first?.standsInFor).toBeUndefined();
    expect(standby).toMatchObject({
      kind: 'machine.create',
      target: 'shop/web/arn/2',
      because: 'takes the place of web/arn/1 when its host fails',
      skipLaunch: true,
      standsInFor: { slot: { group: 'web', region: 'arn', number: 1 }, machineId: undefined },
    });
    expect(standby?.changes).toContainEqual({ path: 'standbys', from: undefined, to: ['web/arn/1'] });
  });

  test('a first release that was cut short before the standby is completed, for the machine that is there', () => {
    const first = machine(free, { id: 'one', metadata: { [stampKeys.first]: '2' } });
    const create = only(plan(free, observed({ machines: [first] })).steps, 'machine.create');
    expect(create).toMatchObject({ target: 'shop/web/arn/2', standsInFor: { machineId: 'one' } });
    const both = plan(free, observed({ machines: [first, standbyOf('one')] }));
    expect(only(writes(both), 'machine.label').metadata).toEqual({ [stampKeys.first]: null });
  });

  test('one that is there rests: it is neither counted, started nor a difference', () => {
    const machines = [machine(free, { id: 'one' }), standbyOf('one')];
    expect(plan(free, observed({ machines })).steps).toEqual([]);
    expect(plan(free, observed({ machines })).status).toBe('synced');
  });

  test('one that somebody took away is not made again', () => {
    expect(plan(free, observed({ machines: [machine(free, { id: 'one' })] })).steps).toEqual([]);
  });

  test('it is updated with its group and stays stopped', () => {
    const next = desiredApp({
      groups: [group({ config: { env: { COLOR: 'blue' } }, counts: undefined })],
      inputs: 'j',
    });
    const { machines } = only(
      plan(next, observed({ machines: [machine(free, { id: 'one' }), standbyOf('one')] })).steps,
      'release',
    );
    expect(machines.map((step) => [step.target, step.skipLaunch])).toEqual([
      ['shop/web/arn/1', false],
      ['shop/web/arn/2', true],
    ]);
    expect(machines[1]?.config.standbys).toEqual(['one']);
  });

  test.each([
    ['and comes to rest stays so', {}, true],
    ['and boots after it is booted again', { [stampKeys.unproven]: '1' }, false],
  ])('one that is still being replaced %s', (_words, stamps, skipLaunch) => {
    const next = desiredApp({
      groups: [group({ config: { env: { COLOR: 'blue' } }, counts: undefined })],
      inputs: 'j',
    });
    const standby = standbyOf('one');
    const metadata = { ...standby.config?.metadata, ...stamps };
    const replacing = { ...standby, state: 'replacing', config: { ...standby.config, metadata } };
    const { steps } = plan(next, observed({ machines: [machine(free, { id: 'one' }), replacing] }));
    expect(only(steps, 'release').machines.find(({ target }) => target === 'shop/web/arn/2')?.skipLaunch).toBe(
      skipLaunch,
    );
  });

  test.each([
    ['beside a machine that is there stays down', {}, true],
    ['whose machine is on a host that does not answer is started', { host_status: 'unreachable', config: null }, false],
  ])('one that is failed, %s', (_words, host, skipLaunch) => {
    const next = desiredApp({
      groups: [group({ config: { env: { COLOR: 'blue' } }, counts: undefined })],
      inputs: 'j',
    });
    const one = machine(free, { id: 'one' });
    const primary = { ...one, ...host, incomplete_config: one.config ?? null };
    const { steps } = plan(next, observed({ machines: [primary, { ...standbyOf('one'), state: 'failed' }] }));
    const sent = steps.flatMap((step): readonly Step[] => (step.kind === 'release' ? step.machines : [step]));
    expect(sent.find(({ target }) => target === 'shop/web/arn/2')).toMatchObject({ skipLaunch });
  });

  test('one that runs because a host failed is not stopped by an update', () => {
    const next = desiredApp({
      groups: [group({ config: { env: { COLOR: 'blue' } }, counts: undefined })],
      inputs: 'j',
    });
    const running = { ...standbyOf('one'), state: 'started' };
    const release = only(plan(next, observed({ machines: [machine(free, { id: 'one' }), running] })).steps, 'release');
    expect(release.machines.find((step) => step.target === 'shop/web/arn/2')?.skipLaunch).toBe(false);
  });
});

describe('a standby whose machine is gone', () => {
  test('stands in for the one that is made in its place', () => {
    const app = plan(free, observed({ machines: [standbyOf('gone')] }));
    const steps = app.steps.flatMap((step): readonly Step[] => (step.kind === 'release' ? step.machines : [step]));
    expect(brief(steps)).toEqual(['machine.create shop/web/arn/1', 'machine.update shop/web/arn/2']);
    expect(steps[1]).toMatchObject({
      because: 'the machine it stood in for is gone',
      changes: [{ path: 'standbys', from: ['gone'], to: ['web/arn/1'] }],
      risk: 'safe',
      skipLaunch: true,
      standsInFor: { machineId: undefined },
    });
  });

  test('stands in for another one of its group that is there', () => {
    const machines = [machine(free, { id: 'other', number: 3 }), standbyOf('gone')];
    expect(only(plan(free, observed({ machines })).steps, 'machine.update')).toMatchObject({
      standsInFor: { slot: { group: 'web', region: 'arn', number: 3 }, machineId: 'other' },
    });
  });
});

describe('a standby that Fly did not start, or did not stop', () => {
  const silent = (parts: Parameters<typeof machine>[1] = {}) => {
    const one = machine(free, { id: 'one', ...parts });
    return { ...one, host_status: 'unreachable', config: null, incomplete_config: one.config ?? null };
  };
  const other = machine(free, { id: 'other', number: 3 });
  const running = { ...standbyOf('one'), state: 'started' };
  const exited = (code: number) => ({
    type: 'exit',
    timestamp: now - 10_000,
    request: { exit_event: { exit_code: code, requested_stop: false, restarting: false } },
  });
  const notesOf = (machines: readonly Machine[]) => {
    const app = plan(free, observed({ machines }));
    expect(writes(app)).toEqual([]);
    return app.notes.filter((note) => note.startsWith('web/arn/2'));
  };
  const down =
    'web/arn/2 does not run, and the host of the machine it stands in for (one) does not answer; ' +
    'fly machine start standby --app shop starts it';
  const beside =
    'web/arn/2 runs beside the machine it stands in for (one); fly machine stop standby --app shop stops it';

  test.each<readonly [string, readonly Machine[], string]>([
    ['at rest, and its machine’s host is silent', [silent(), standbyOf('one')], down],
    ['suspended, and its machine’s host is silent', [silent(), { ...standbyOf('one'), state: 'suspended' }], down],
    ['at rest, and one of two hosts is silent', [silent(), other, standbyOf('one', 'other')], down],
    ['crashed until its restarts ran out', [silent(), { ...standbyOf('one'), events: [exited(1)] }], down],
    [
      'at rest, and only one of two on silent hosts rested before',
      [silent({ id: 'other', number: 3, state: 'stopped' }), silent(), standbyOf('other', 'one')],
      down,
    ],
    ['running beside its machine', [machine(free, { id: 'one' }), running], beside],
    [
      'running beside both of its machines',
      [machine(free, { id: 'one' }), other, { ...standbyOf('one', 'other'), state: 'started' }],
      beside,
    ],
  ])('is named where it is %s', (_words, machines, note) => {
    expect(notesOf(machines)).toEqual([note]);
  });

  test.each<readonly [string, readonly Machine[]]>([
    ['at rest beside its machine', [machine(free, { id: 'one' }), standbyOf('one')]],
    ['at rest, and so was its machine when its host failed', [silent({ state: 'stopped' }), standbyOf('one')]],
    [
      'at rest, and another machine’s host is silent',
      [silent({ id: 'other', number: 3 }), machine(free, { id: 'one' }), standbyOf('one')],
    ],
    ['running while the host of its machine is silent', [silent(), running]],
    ['running while one of two hosts is silent', [silent(), other, { ...standbyOf('one', 'other'), state: 'started' }]],
    ['running, and its machine is not', [machine(free, { id: 'one', state: 'starting' }), running]],
    ['at rest, and its machine had failed before its host did', [silent({ state: 'failed' }), standbyOf('one')]],
    ['at rest, and has done its work', [silent(), { ...standbyOf('one'), events: [exited(0)] }]],
    ['said to stand in for itself', [{ ...standbyOf('standby'), state: 'started' }, machine(free, { id: 'one' })]],
    ['on its way to rest', [machine(free, { id: 'one' }), { ...running, state: 'stopping' }]],
  ])('is not named where it is %s', (_words, machines) => {
    expect(notesOf(machines)).toEqual([]);
  });
});

test.each(['off', 'report', 'heal'] as const)(
  'such a standby is named also where it differs from git, under drift: %s',
  (drift) => {
    const one = machine(free, { id: 'one' });
    const standby = standbyOf('one');
    const differs = { ...standby, state: 'started', config: { ...standby.config, env: { COLOR: 'by hand' } } };
    const app = plan(desiredApp({ groups: free.groups, policy: { drift } }), observed({ machines: [one, differs] }));
    expect(app.notes).toContainEqual(
      expect.stringMatching(/^web\/arn\/2 runs beside the machine it stands in for \(one\);/),
    );
  },
);

describe('a standby whose machine has a successor', () => {
  const dark = (parts: Parameters<typeof machine>[1] = {}) => {
    const one = machine(free, { id: 'one', ...parts });
    return { ...one, host_status: 'unreachable', config: null, incomplete_config: one.config ?? null };
  };
  const successor = (stamps: Readonly<Record<string, string>> = {}) =>
    machine(free, { id: 'two', metadata: { [stampKeys.replaces]: 'one', ...stamps } });

  test('stands in for that one, once it was seen healthy', () => {
    const { steps } = plan(free, observed({ machines: [dark(), successor(), standbyOf('one')] }));
    expect(only(steps, 'machine.update')).toMatchObject({
      because: 'the machine it stood in for has a successor',
      standsInFor: { machineId: 'two' },
    });
  });

  test('stands in for its machine beside one of nobody’s that carries the stamp', () => {
    const byHand = flyctlMachine(free, { id: 'two', number: 3, metadata: { [stampKeys.replaces]: 'one' } });
    const machines = [machine(free, { id: 'one' }), byHand, standbyOf('one')];
    expect(brief(plan(free, observed({ machines })).steps)).not.toContain('machine.update shop/web/arn/2');
  });

  test('stands in for its machine before that', () => {
    const { steps } = plan(
      free,
      observed({ machines: [dark(), successor({ [stampKeys.unproven]: '1' }), standbyOf('one')] }),
    );
    expect(brief(steps)).not.toContain('machine.update shop/web/arn/2');
  });

  test('and another one of its machines has none', () => {
    const other = machine(free, { id: 'other', number: 3 });
    const { steps } = plan(free, observed({ machines: [dark(), successor(), other, standbyOf('one', 'other')] }));
    expect(steps).toEqual([]);
  });
});

describe('given counts', () => {
  const exact = desiredApp({ groups: [group({ ...worker, counts: { arn: 1 } })] });

  test('make no standby, and leave one that is there', () => {
    const only1 = machine(exact, { id: 'one' });
    expect(plan(exact, observed({ machines: [only1] })).steps).toEqual([]);
    expect(plan(exact, observed({ machines: [only1, standbyOf('one')] })).steps).toEqual([]);
  });

  test('more machines come beside it', () => {
    const two = desiredApp({ groups: [group({ ...worker, counts: { arn: 2 } })] });
    const machines = [machine(two, { id: 'one' }), standbyOf('one')];
    expect(brief(plan(two, observed({ machines })).steps)).toEqual(['machine.create shop/web/arn/3']);
  });

  test('none at all: it goes too', () => {
    const none = desiredApp({ groups: [group({ ...worker, counts: { arn: 0 } })] });
    const machines = [machine(none, { id: 'one' }), standbyOf('one')];
    expect(brief(plan(none, observed({ machines })).steps)).toEqual([
      'machine.destroy shop/web/arn/1',
      'machine.destroy shop/web/arn/2',
    ]);
  });
});

test('a group that gets services has a machine more, and the surplus one is not the one that serves', () => {
  const config = { env: { COLOR: 'red' }, services: [webService] };
  const machines = [machine(free, { id: 'one' }), standbyOf('one')];
  const both = desiredApp({ groups: [group({ config, counts: undefined })], inputs: 'j' });
  const release = only(plan(both, observed({ machines })).steps, 'release');
  expect(release.machines.map((step) => [step.target, step.skipLaunch, step.config.standbys])).toEqual([
    ['shop/web/arn/1', false, undefined],
    ['shop/web/arn/2', false, undefined],
  ]);
  const alone = desiredApp({ groups: [group({ config, counts: { arn: 1 } })], inputs: 'j' });
  expect(only(plan(alone, observed({ machines })).steps, 'machine.destroy').machineId).toBe('standby');
});

test('a group that gets a volume loses its standby, which could not mount it', () => {
  const mounted = desiredApp({
    groups: [group({ ...worker, mount: { volume: 'data', path: '/d' }, counts: undefined })],
  });
  const machines = [machine(free, { id: 'one' }), standbyOf('one')];
  expect(brief(plan(mounted, observed({ machines })).steps)).toEqual([
    'volume.create shop/data/arn',
    'release shop',
    'machine.destroy shop/web/arn/1',
    'machine.destroy shop/web/arn/2',
  ]);
});

test('a group that gets a schedule loses its standby, which Fly would start by it for the same work', () => {
  const next = desiredApp({
    groups: [group({ config: { ...worker.config, schedule: 'daily' }, counts: undefined })],
    inputs: 'j',
  });
  const machines = [machine(free, { id: 'one' }), standbyOf('one')];
  const { steps } = plan(next, observed({ machines }));
  expect(only(steps, 'machine.destroy')).toMatchObject({
    machineId: 'standby',
    because: 'a job that ends has nobody to stand in for it',
  });
  expect(only(steps, 'release').machines.map(({ target }) => target)).toEqual(['shop/web/arn/1']);
});

test('what flyctl made is taken over as it is', () => {
  const machines = [
    flyctlMachine(free, { id: 'one' }),
    flyctlMachine(free, { id: 'two', state: 'stopped', config: { standbys: ['one'] } }),
  ];
  const app = plan(free, observed({ machines }));
  expect(app.holds).toEqual([]);
  expect(brief(writes(app))).toEqual([
    'app.adopt shop',
    'machine.label shop/web/arn/1',
    'machine.label shop/web/arn/2',
  ]);
});
