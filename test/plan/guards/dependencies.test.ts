import { describe, expect, test } from 'vitest';
import type { AppPlan, HoldReason } from '../../../src/model/plan.ts';
import { gateReleases } from '../../../src/plan/guards/dependencies.ts';
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
