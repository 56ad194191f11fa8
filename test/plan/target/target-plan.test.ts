/** Plans of an app that is held at an earlier version, or where it is. */
import { describe, expect, test } from 'vitest';
import type { AppPlan } from '../../../src/model/plan.ts';
import type { TargetHold } from '../../../src/plan/target/resolve-target.ts';
import { heldPlan, stoppedPlan } from '../../../src/plan/target/target-plan.ts';
import { brief, desiredApp, group, holdsOf, machine, now, observed, only, plan } from '../builders.ts';

const desired = desiredApp({ policy: { prune: ['secrets'] } });
const newer = { ...desired, groups: [group({ config: { env: { COLOR: 'blue' } } })] };
const hold: TargetHold = { reason: 'failed', because: 'the release failed', next: 'mend it', since: now };
const held = { hold, app: desired };
const both = [machine(desired), machine(desired, { number: 2 })];
const planOf = (app: typeof desired, machines = both): AppPlan =>
  plan(app, observed({ machines, secrets: [{ name: 'OLD', digest: 'x' }] }), { memory: { known: true } });

describe('held at a version', () => {
  test('git’s release and what git removes wait within the hold', () => {
    const plans = heldPlan(planOf(desired), planOf(newer), held);
    expect(plans.steps).toEqual([]);
    expect(plans.holds).toHaveLength(1);
    expect(plans.holds[0]).toMatchObject({ ...hold, because: expect.stringContaining('the release failed') });
    expect(brief(plans.holds[0]?.steps ?? [])).toContain('release shop');
    expect(plans.status).toBe('held');
  });

  test('going back is nobody’s own idea: no brake on what a new FlyCD maps otherwise counts it', () => {
    const remapped = (app: AppPlan): AppPlan => ({
      ...app,
      steps: app.steps.map((step) => {
        if (step.kind === 'machine.update') return { ...step, remapped: true };
        if (step.kind !== 'release') return step;
        return { ...step, machines: step.machines.map((one) => ({ ...one, remapped: true })) };
      }),
    });
    const back = remapped(planOf(newer));
    const release = only(heldPlan(back, planOf(desired), held).steps, 'release');
    expect(release.because).toBe('going back');
    expect(release.machines.map((one) => (one.kind === 'machine.update' ? one.remapped : 'made'))).toEqual([
      undefined,
      undefined,
    ]);
    const healed = remapped(planOf(desired, [machine(desired, { config: { env: { COLOR: 'x' } } }), ...both.slice(1)]));
    const update = only(heldPlan(healed, planOf(desired), held).steps, 'machine.update');
    expect([update.remapped, update.reason]).toEqual([undefined, 'drift']);
  });

  test('what keeps it there beside that is kept', () => {
    const towards = {
      ...planOf(desired),
      holds: [{ app: 'shop', reason: 'busy', because: 'b', next: 'n', steps: [] }],
    } as const;
    expect(holdsOf(heldPlan(towards, planOf(desired), held))).toEqual(['failed', 'busy']);
  });
});

describe('held where it is', () => {
  test('nothing is rolled out or started, and it says what waits', () => {
    const stopped = machine(newer, { number: 2, state: 'stopped' });
    const git = planOf(newer, [machine(newer), stopped]);
    expect(brief(git.steps)).toContain('machine.start shop/web/arn/2');
    const plans = stoppedPlan(git, held);
    expect(brief(plans.steps)).not.toContain('machine.start shop/web/arn/2');
    expect(brief(plans.holds[0]?.steps ?? [])).toContain('machine.start shop/web/arn/2');
    const rolls = stoppedPlan(planOf(newer), held);
    expect(brief(rolls.steps)).toEqual([]);
    expect(brief(rolls.holds[0]?.steps ?? [])).toContain('release shop');
  });
});
