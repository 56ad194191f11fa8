import { describe, expect, test } from 'vitest';
import type { AppPlan, Step } from '../../../src/model/plan.ts';
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
  now,
  observed,
  only,
  plan,
  secretOf,
  webService,
  writes,
} from '../builders.ts';

const worker = { config: { env: { COLOR: 'red' } } };
const free = desiredApp({ groups: [group({ ...worker, counts: undefined })] });
/** As FlyCD left it: read back with what it stands in for. */
function standbyOf(id: string, number = 2) {
  const made = machine(free, { id: 'standby', number, state: 'stopped', config: { standbys: [id] } });
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

describe('while the host of its machine does not answer', () => {
  const blue = desiredApp({ groups: [group({ config: { env: { COLOR: 'blue' } }, counts: undefined })], inputs: 'j' });
  const silent = (parts: Parameters<typeof machine>[1] = {}) => {
    const one = machine(free, { id: 'one', ...parts });
    return { ...one, host_status: 'unreachable', config: null, incomplete_config: one.config ?? null };
  };
  const sentTo = (app: AppPlan) =>
    app.steps
      .flatMap((step): readonly Step[] => (step.kind === 'release' ? step.machines : [step]))
      .find((step) => 'machineId' in step && step.machineId === 'standby');
  const turn = (type: string, source: string, secondsAgo: number) => ({
    type,
    source,
    status: type === 'start' ? 'started' : 'stopping',
    timestamp: now - secondsAgo * 1000,
  });

  test('one at rest is started, and the app is not synced before', () => {
    const app = plan(free, observed({ machines: [silent(), standbyOf('one')] }));
    expect(only(app.steps, 'machine.start')).toMatchObject({
      target: 'shop/web/arn/2',
      machineId: 'standby',
      because: 'it stands in for web/arn/1, whose host does not answer',
      risk: 'safe',
    });
    expect(app.status).toBe('drifted');
  });

  test('one that stands in for several is started for any of them', () => {
    const standby = standbyOf('one');
    const both = { ...standby, config: { ...standby.config, standbys: ['other', 'one'] } };
    const machines = [silent(), machine(free, { id: 'other', number: 3 }), both];
    expect(brief(plan(free, observed({ machines })).steps)).toContain('machine.start shop/web/arn/2');
  });

  test('one that git itself names so is started, too', () => {
    const config = { ...worker.config, standbys: ['one'] };
    const named = desiredApp({
      groups: [group({ ...worker, counts: { arn: 1 } }), group({ name: 'spare', config, counts: { arn: 1 } })],
    });
    const spare = machine(named, { id: 'standby', group: 'spare', state: 'stopped' });
    const { steps } = plan(named, observed({ machines: [silent({ number: 2 }), spare] }));
    expect(steps).toMatchObject([
      {
        kind: 'machine.start',
        target: 'shop/spare/arn/1',
        because: expect.stringContaining('in for web/arn/2, whose'),
      },
    ]);
    const there = machine(free, { id: 'one' });
    expect(plan(named, observed({ machines: [there, spare] })).steps).toEqual([]);
  });

  test.each([
    ['its machine rested before', [silent({ state: 'stopped' }), standbyOf('one')]],
    ['it is another machine’s', [machine(free, { id: 'one' }), silent({ id: 'other', number: 3 }), standbyOf('one')]],
    ['it was never there as it should be', [silent(), { ...standbyOf('one'), state: 'created' }]],
    ['it runs', [silent(), { ...standbyOf('one'), state: 'started' }]],
    ['it is failed, and git has nothing new for it', [silent(), { ...standbyOf('one'), state: 'failed' }]],
    [
      'another machine has taken that one’s place',
      [silent(), machine(free, { id: 'two', metadata: { [stampKeys.replaces]: 'one' } }), standbyOf('one')],
    ],
  ])('none is started where %s', (_words, machines) => {
    expect(plan(free, observed({ machines })).steps).toEqual([]);
  });

  test('nor where one is made in another group, whose rule for that counts', () => {
    const config = { ...worker.config, standbys: ['one'] };
    const startsBeside = (autoscaled: boolean) => {
      const groups = [
        group({ ...worker, counts: autoscaled ? undefined : { arn: 1 }, autoscaled }),
        group({ name: 'spare', config, counts: { arn: 1 } }),
      ];
      const app = desiredApp({ groups, policy: { replaceUnreachable: true } });
      const spare = machine(app, { id: 'standby', group: 'spare', state: 'stopped' });
      const memory = { unreachable: { one: now - 16 * 60_000 } };
      return brief(plan(app, observed({ machines: [silent(), spare] }), { memory }).steps);
    };
    expect(startsBeside(false)).toEqual(['release shop']);
    expect(startsBeside(true)).toEqual(['machine.start shop/spare/arn/1']);
  });

  test('none is started where another machine is made in that one’s place', () => {
    const replacing = desiredApp({ groups: free.groups, policy: { replaceUnreachable: true } });
    const world = observed({ machines: [silent(), standbyOf('one')] });
    const [early, late] = [60_000, 16 * 60_000].map((agoMs) =>
      brief(plan(replacing, world, { memory: { unreachable: { one: now - agoMs } } }).steps),
    );
    expect(early).toEqual(['machine.start shop/web/arn/2']);
    expect(late).toEqual(['machine.create shop/web/arn/1']);
  });

  test.each([
    ['a person stopped since stays so', [turn('stop', 'user', 10), turn('start', 'flyd', 20)], false],
    ['Fly stopped when the host was back last is started', [turn('stop', 'flyd', 10), turn('start', 'user', 20)], true],
    ['a person stopped in an older version is started', [turn('stop', 'user', 80), turn('start', 'flyd', 90)], true],
  ])('one that %s', (_words, events, isStarted) => {
    const app = plan(free, observed({ machines: [silent(), { ...standbyOf('one'), events }] }));
    expect(brief(app.steps)).toEqual(isStarted ? ['machine.start shop/web/arn/2'] : []);
    const note = expect.stringMatching(/^web\/arn\/2 was stopped again after .* it stays so until/);
    if (!isStarted) expect(app.notes).toContainEqual(note);
  });

  test('one that ended by itself is not started once more', () => {
    const ends = [0, 1].map((code) => ({
      type: 'exit',
      timestamp: now - 10_000,
      request: { exit_event: { exit_code: code, requested_stop: false, restarting: false } },
    }));
    const notes = ends.map((end) => {
      const events = [end, turn('start', 'flyd', 20)];
      const app = plan(free, observed({ machines: [silent(), { ...standbyOf('one'), events }] }));
      expect(app.steps).toEqual([]);
      return app.notes.filter((note) => note.startsWith('web/arn/2'));
    });
    expect(notes).toEqual([[], ['web/arn/2 crashed until its restarts ran out; flyctl logs says why']]);
  });

  test('drift that is only reported is held, drift that is left alone a note', () => {
    const world = observed({ machines: [silent(), standbyOf('one')] });
    const [report, off] = (['report', 'off'] as const).map((drift) =>
      plan(desiredApp({ groups: free.groups, policy: { drift } }), world),
    );
    expect(report?.steps).toEqual([]);
    expect(report?.holds.map(({ reason, steps }) => [reason, brief(steps)])).toEqual([
      ['drift', ['machine.start shop/web/arn/2']],
    ]);
    expect(off?.steps).toEqual([]);
    expect(off?.notes).toContainEqual(
      expect.stringMatching(/^web\/arn\/2 is stopped, and stands in for web\/arn\/1, whose host does not answer; /),
    );
  });

  test.each(['stopped', 'failed'])('one that is %s is booted by a commit', (state) => {
    const app = plan(blue, observed({ machines: [silent(), { ...standbyOf('one'), state }] }));
    expect(sentTo(app)).toMatchObject({ kind: 'machine.update', skipLaunch: false });
  });

  test.each([
    ['stopped', [], true],
    ['failed', [], false],
    ['stopped', [turn('stop', 'user', 10), turn('start', 'flyd', 20)], true],
  ] as const)(
    'under drift: off a commit boots none that is stopped, and one that is failed: %s',
    (state, events, rests) => {
      const off = { ...blue, policy: { ...blue.policy, drift: 'off' as const } };
      const standby = { ...standbyOf('one'), state, events: [...events] };
      expect(sentTo(plan(off, observed({ machines: [silent(), standby] })))).toMatchObject({ skipLaunch: rests });
    },
  );

  test.each(['stopped', 'failed'])('one that is %s is booted by the update that points it there', (state) => {
    const machines = [silent({ id: 'other', number: 3 }), { ...standbyOf('gone'), state }];
    expect(sentTo(plan(free, observed({ machines })))).toMatchObject({
      kind: 'machine.update',
      standsInFor: { machineId: 'other' },
      skipLaunch: false,
    });
  });

  test('one that is failed gets a newer secret, which may well be what it lacked', () => {
    const secrets = [secretOf('PASSWORD', { updated_at: new Date(now).toISOString() })];
    const app = desiredApp({ groups: free.groups, secrets: [{ name: 'PASSWORD', origin: 'environment' }] as never });
    const failed = { ...standbyOf('one'), state: 'failed' };
    const sent = [silent(), machine(free, { id: 'one' })].map((one) =>
      sentTo(plan(app, observed({ machines: [one, failed], secrets }))),
    );
    expect(sent).toEqual([expect.objectContaining({ reason: 'secrets', skipLaunch: false }), undefined]);
  });
});

describe('one that is failed', () => {
  const blue = desiredApp({ groups: [group({ config: { env: { COLOR: 'blue' } }, counts: undefined })], inputs: 'j' });
  const updateOf = (id: string, machines: Parameters<typeof observed>[0]) =>
    plan(blue, observed(machines))
      .steps.flatMap((step): readonly Step[] => (step.kind === 'release' ? step.machines : [step]))
      .find((step) => step.kind === 'machine.update' && step.machineId === id);

  test('stays down while a host fails on which none of its machines is', () => {
    const other = machine(free, { id: 'other', number: 3 });
    const silent = { ...other, host_status: 'unreachable', config: null, incomplete_config: other.config ?? null };
    const machines = [machine(free, { id: 'one' }), silent, { ...standbyOf('one'), state: 'failed' }];
    expect(updateOf('standby', { machines })).toMatchObject({ skipLaunch: true });
  });

  test('and stands in for nobody is booted by what git mends', () => {
    const machines = [machine(free, { id: 'one', state: 'failed' }), standbyOf('one')];
    expect(updateOf('one', { machines })).toMatchObject({ skipLaunch: false });
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
