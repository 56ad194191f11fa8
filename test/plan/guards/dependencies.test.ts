import { describe, expect, test } from 'vitest';
import type { Machine } from '../../../schemas/fly/machine.ts';
import { stampKeys } from '../../../src/model/stamps/keys.ts';
import type { AppPlan, HoldReason, Step } from '../../../src/model/plan.ts';
import { gateReleases, lackOf } from '../../../src/plan/guards/dependencies.ts';
import { holdOf } from '../../../src/plan/steps/hold.ts';
import { withSteps } from '../../../src/plan/steps/status.ts';
import { desiredApp, machine, now, observed, plan } from '../builders.ts';

describe('an app that waits for others is looked at again', () => {
  const soon = now + 15_000;
  const apps = [
    desiredApp({ name: 'shop', dependsOn: ['db', 'cache'] }),
    desiredApp({ name: 'db' }),
    desiredApp({ name: 'cache' }),
  ];

  type How = 'rolls' | 'invalid' | readonly [HoldReason, number?];

  function made(name: string, how: How): AppPlan {
    const app = desiredApp({ name });
    const rolling = plan(app, observed());
    if (how === 'rolls') return rolling;
    if (how === 'invalid') return { ...rolling, status: 'invalid', steps: [] };
    const [reason, retryAt] = how;
    const hold = holdOf(name, { reason, because: 'so it is', next: 'say so', steps: rolling.steps, retryAt });
    return withSteps(rolling, { steps: [], holds: [hold] });
  }

  test.each<[string, How, How, number | undefined]>([
    ['soon, where both roll', 'rolls', 'rolls', soon],
    ['not before its time, where one is suspended until then', ['suspended', now + 60_000], 'rolls', now + 60_000],
    ['after the later of two times', ['suspended', now + 60_000], ['suspended', now + 90_000], now + 90_000],
    ['soon, where that time is over at once', ['suspended', now + 1], 'rolls', soon],
    ['with all others, where one is suspended until somebody says so', ['suspended'], 'rolls', undefined],
    ['with all others, where one has failed', 'rolls', ['failed'], undefined],
    ['with all others, where one was taken back', ['rollback'], ['suspended', now + 60_000], undefined],
    ['with all others, where git has to mend one', 'invalid', 'rolls', undefined],
    ['soon, where one waits for somebody at work', ['busy', now + 60_000], 'rolls', soon],
  ])('%s', (_what, db, cache, retryAt) => {
    const plans = [plan(desiredApp({ name: 'shop' }), observed()), made('db', db), made('cache', cache)];
    const [shop] = gateReleases({ apps, plans, others: [], observed: [], now });
    expect(shop?.holds).toMatchObject([{ reason: 'dependency', steps: [{ kind: 'release' }] }]);
    expect(shop?.holds[0]?.retryAt).toBe(retryAt);
  });
});

test('one that could not be read whole may be anything: what depends on it waits, though nothing of it is to be done', () => {
  const db = desiredApp({ name: 'db' });
  const shop = desiredApp({ name: 'shop', dependsOn: ['db'] });
  const machines = [machine(db), machine(db, { number: 2 })];
  const done = plan(db, observed({ machines }));
  const unread = holdOf('db', { reason: 'unread', because: 'its volumes cannot be read', next: 'wait', steps: [] });
  const shopOf = (dependency: AppPlan) =>
    gateReleases({
      apps: [shop, db],
      plans: [plan(shop, observed()), dependency],
      others: [],
      observed: [{ ...observed({ machines }), name: 'db' }],
      now,
    })[0];
  expect(shopOf(done)?.holds).toEqual([]);
  expect(shopOf(withSteps(done, { steps: done.steps, holds: [unread] }))?.holds).toMatchObject([
    { reason: 'dependency', because: expect.stringContaining('could not be read whole'), steps: [{ kind: 'release' }] },
  ]);
});

describe('what keeps others waiting for an app', () => {
  const db = desiredApp({ name: 'db' });
  const second = machine(db, { number: 2 });
  const crashed = { type: 'exit', request: { exit_event: { exit_code: 1, requested_stop: false, restarting: false } } };
  const away = { host_status: 'unreachable' as const };
  const unlabelled = machine(db, { metadata: { [stampKeys.unproven]: undefined, [stampKeys.slot]: undefined } });

  test.each<[string, readonly Machine[], string | undefined]>([
    ['nothing, where all of it runs', [machine(db)], undefined],
    ['a machine that is not started', [{ ...machine(db), state: 'starting' }], 'is not healthy yet'],
    [
      'a check that does not pass',
      [
        {
          ...machine(db),
          checks: [
            { name: 'a', status: 'passing' },
            { name: 'b', status: 'critical' },
          ],
        },
      ],
      'is not healthy yet',
    ],
    ['nothing, where its checks pass', [{ ...machine(db), checks: [{ name: 'a', status: 'passing' }] }], undefined],
    ['nothing, where one rests', [{ ...machine(db), state: 'stopped' }], undefined],
    [
      'a machine that crashed for good',
      [{ ...machine(db), state: 'stopped', events: [crashed] }],
      'is not healthy yet',
    ],
    ['not what somebody ran beside it', [{ ...unlabelled, state: 'stopped', events: [crashed] }], undefined],
    ['not what is gone', [{ ...machine(db), state: 'destroyed' }], undefined],
    ['not one of two on a host that does not answer', [machine(db), { ...second, ...away }], undefined],
    [
      'a group of which none can be seen',
      [
        { ...machine(db), ...away },
        { ...second, ...away },
      ],
      'has no machine of web on a host that answers',
    ],
    ['not what somebody ran on such a host', [machine(db), { ...unlabelled, ...away }], undefined],
  ])('%s', (_what, machines, lack) => {
    const done = plan(db, observed({ machines: [machine(db), second] }));
    const seen = machines.length === 1 ? [...machines, second] : machines;
    expect(lackOf(done, observed({ machines: seen }))).toBe(lack);
  });

  const proven = (proves: boolean): AppPlan => {
    const step = {
      kind: 'machine.label',
      target: 'db/web/arn/1',
      risk: 'safe',
      because: 'run',
      app: 'db',
      changes: [],
    } as const;
    const label: Step = { ...step, machineId: 'webarn1', metadata: {}, ...(proves ? { proves } : {}) };
    return { ...plan(db, observed({ machines: [machine(db), second] })), steps: [label] };
  };

  test('a version of which nobody has seen that it runs', () => {
    const world = observed({ machines: [machine(db), second] });
    expect(lackOf(proven(true), world)).toBe('is not healthy yet');
    expect(lackOf(proven(false), world)).toBeUndefined();
  });

  test('nothing, where its machines were not looked at and its plan has nothing to do', () => {
    const done = plan(db, observed({ machines: [machine(db), second] }));
    expect(lackOf(done, undefined)).toBeUndefined();
    expect(lackOf(done, { ...observed(), machines: { status: 'unread', reason: '503' } })).toBeUndefined();
  });

  test('one that nobody could look at, and one that fails', () => {
    expect(lackOf(undefined, undefined)).toBe('could not be looked at');
    expect(lackOf({ ...plan(db, observed()), status: 'invalid' }, undefined)).toBe('is invalid');
  });
});
