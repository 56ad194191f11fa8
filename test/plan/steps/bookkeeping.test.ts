import { describe, expect, test } from 'vitest';
import { stampKeys } from '../../../src/model/stamps/keys.ts';
import { suspendedPlan } from '../../../src/plan/target/suspension.ts';
import { brief, desiredApp, group, holdsOf, machine, now, observed, plan, writes } from '../builders.ts';

const desired = desiredApp({ groups: [group({ counts: { arn: 1 } })] });

describe('stamps alone', () => {
  const leased = { lease: { nonce: 'n', expires_at: now / 1000 + 30, owner: 'alice@example.com' } };
  const behind = { [stampKeys.inputs]: 'older' };

  test('are written beside the steps, and change neither the plan’s id nor its status', () => {
    const before = plan(desired, observed({ machines: [machine(desired)] }));
    const app = plan(desired, observed({ machines: [machine(desired, { metadata: behind })] }));
    expect([app.steps, app.status, brief(app.bookkeeping ?? [])]).toEqual([
      [],
      'synced',
      ['machine.label shop/web/arn/1'],
    ]);
    expect(app.planId).toBe(before.planId);
    expect(before).not.toHaveProperty('bookkeeping');
  });

  test('wait for somebody at work without a word, and go with what waits', () => {
    const quiet = plan(desired, observed({ machines: [machine(desired, { metadata: behind, ...leased })] }));
    expect([writes(quiet), quiet.holds, quiet.status]).toEqual([[], [], 'synced']);
    const two = desiredApp({ groups: [group({ counts: { arn: 2 } })] });
    const waiting = plan(two, observed({ machines: [machine(two, { metadata: behind, ...leased })] }));
    expect(holdsOf(waiting)).toEqual(['busy']);
    expect([writes(waiting), brief(waiting.holds[0]?.steps ?? [])]).toEqual([[], ['machine.create shop/web/arn/2']]);
  });

  test('are none where git names the metadata, or the machine has yet to be seen healthy', () => {
    const named = desiredApp({ groups: [group({ counts: { arn: 1 }, config: { metadata: { team: 'red' } } })] });
    const live = machine(named);
    const gone = { ...live, config: { ...live.config, metadata: { ...live.config?.metadata, team: 'blue' } } };
    expect(brief(plan(named, observed({ machines: [gone] })).steps)).toEqual(['machine.label shop/web/arn/1']);
    const unproven = { [stampKeys.unproven]: '1' };
    const proving = plan(desired, observed({ machines: [machine(desired, { metadata: unproven })] }));
    expect([brief(proving.steps), proving.bookkeeping]).toEqual([['machine.label shop/web/arn/1'], undefined]);
  });

  test('of a suspended app, or one that is another’s, are not written', () => {
    const world = observed({ machines: [machine(desired, { metadata: behind })] });
    const suspension = { reason: 'why', by: 'alice', at: 1, until: undefined, count: 1 };
    const standing = {
      good: undefined,
      fulfilled: undefined,
      failed: undefined,
      hold: undefined,
      suspension,
      texts: {},
    };
    expect(writes(suspendedPlan(plan(desired, world), standing, { now, aheadMs: 0, adopts: false }))).toEqual([]);
    const other = observed({ machines: [machine(desired, { metadata: { ...behind, [stampKeys.fleet]: 'other' } })] });
    expect(writes(plan(desired, other))).toEqual([]);
  });
});
