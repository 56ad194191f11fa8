/** What a pass comes to: one outcome, one status word, when it is looked at next. */
import { describe, expect, test } from 'vitest';
import { conclude, healedPaths, nextWake } from '../../../controllers/app/outcome.ts';
import { Fault } from '../../../src/model/base/fault.ts';
import type { HoldReason } from '../../../src/model/plan.ts';
import type { StepResult } from '../../../src/model/run.ts';
import { holdOf } from '../../../src/plan/steps/hold.ts';
import { withSteps } from '../../../src/plan/steps/status.ts';
import { desiredApp, machine, now, observed, plan } from '../../plan/builders.ts';

const desired = desiredApp();
const inSync = plan(desired, observed({ machines: [machine(desired), machine(desired, { number: 2 })] }));
const rolls = plan(desired, observed());
const held = (reason: HoldReason, of = inSync) =>
  withSteps(of, { steps: of.steps, holds: [holdOf('shop', { reason, because: 'so it is', next: 'say so' })] });

function result(outcome: StepResult['outcome'], kind: StepResult['kind'] = 'machine.update'): StepResult {
  const message = undefined;
  return { kind, target: 'shop/web/arn/1', outcome, message, next: undefined, startedAt: now, finishedAt: now };
}

const waitingUntil = (retryAt: number) => new Fault({ kind: 'waiting', what: 'somebody is at work', retryAt });
const waiting = waitingUntil(now);
const transient = new Fault({ kind: 'transient', what: 'Fly did not answer' });
const stalled = new Fault({ kind: 'stalled', what: 'Fly refused it', scope: 'app' });
const heldFault = new Fault({ kind: 'held', what: 'another owner came first' });
const how = { faults: [], stopped: false };

describe('what a pass comes to', () => {
  test.each<[string, ReturnType<typeof conclude>, Parameters<typeof conclude>]>([
    ['nothing was to be done', { outcome: 'no-change', status: 'synced' }, [inSync, [], how]],
    ['nothing had to be changed', { outcome: 'no-change', status: 'synced' }, [rolls, [result('unchanged')], how]],
    [
      'one of its steps changed something',
      { outcome: 'updated', status: 'synced' },
      [rolls, [result('unchanged'), result('updated')], how],
    ],
    [
      'the app was made',
      { outcome: 'created', status: 'synced' },
      [rolls, [result('created', 'app.create'), result('created')], how],
    ],
    [
      'the app was there already',
      { outcome: 'updated', status: 'synced' },
      [rolls, [result('unchanged', 'app.create'), result('created')], how],
    ],
    ['a machine was made', { outcome: 'updated', status: 'synced' }, [rolls, [result('created')], how]],
    ['all of it is held', { outcome: 'held', status: 'held' }, [held('flyctl'), [], how]],
    ['one of its holds blocks', { outcome: 'held', status: 'blocked' }, [held('owner'), [], how]],
    ['part of it is held', { outcome: 'updated', status: 'held' }, [held('flyctl'), [result('updated')], how]],
    [
      'a step failed',
      { outcome: 'failed', status: 'failed' },
      [rolls, [result('failed')], { ...how, faults: [transient] }],
    ],
    [
      'a step failed and another one waits',
      { outcome: 'failed', status: 'failed' },
      [rolls, [], { ...how, faults: [waiting, stalled] }],
    ],
    ['somebody is at work', { outcome: 'held', status: 'pending' }, [rolls, [], { ...how, faults: [waiting] }]],
    ['a person has to act', { outcome: 'held', status: 'held' }, [rolls, [], { ...how, faults: [waiting, heldFault] }]],
    [
      'another owner came first',
      { outcome: 'held', status: 'blocked' },
      [rolls, [], { ...how, faults: [heldFault], lost: held('owner').holds[0] }],
    ],
    [
      'a release failed, whatever came of the rest',
      { outcome: 'failed', status: 'held' },
      [rolls, [result('updated')], { faults: [waiting], stopped: true, held: held('failed') }],
    ],
    [
      'it was stopped before a step',
      { outcome: 'interrupted', status: 'pending' },
      [rolls, [result('updated'), result('skipped')], { ...how, stopped: true }],
    ],
    [
      'it was stopped in a step, and that says so',
      { outcome: 'interrupted', status: 'pending' },
      [rolls, [result('interrupted')], { faults: [waiting], stopped: true }],
    ],
    [
      'it was stopped with steps of which nothing is told',
      { outcome: 'interrupted', status: 'pending' },
      [rolls, [], { ...how, stopped: true }],
    ],
    [
      'the stop came when all was done',
      { outcome: 'updated', status: 'synced' },
      [rolls, rolls.steps.map(() => result('updated')), { ...how, stopped: true }],
    ],
  ])('%s', (_what, said, [of, results, parts]) => {
    expect(conclude(of, results, parts)).toEqual(said);
  });
});

test('only what was healed counts as healed: no change of git, no step that was not done', () => {
  const differs = (number: number) => machine(desired, { number, config: { env: { COLOR: 'blue' } } });
  const heals = plan(desired, observed({ machines: [differs(1), differs(2)] }));
  expect(heals.steps.map(({ kind }) => kind)).toEqual(['machine.update', 'machine.update']);
  expect(healedPaths(heals, [result('updated')])).toEqual(['shop/web/arn/1 env.COLOR']);
  expect(healedPaths(heals, [result('failed')])).toEqual([]);
  const isGits = heals.steps.map((step) =>
    step.kind === 'machine.update' ? { ...step, reason: 'change' as const } : step,
  );
  expect(healedPaths({ ...heals, steps: isGits }, [result('updated')])).toEqual([]);
});

test('it is looked at again at the earliest time that lifts a hold or a wait', () => {
  const holds = [
    holdOf('shop', { reason: 'busy', because: 'so it is', next: 'wait', retryAt: now + 60_000 }),
    holdOf('shop', { reason: 'flyctl', because: 'so it is', next: 'say so' }),
  ];
  expect(nextWake({ holds }, [], now)).toBe(now + 60_000);
  expect(nextWake({ holds }, [waitingUntil(now + 30_000)], now)).toBe(now + 30_000);
  expect(nextWake({ holds }, [waitingUntil(now + 90_000)], now)).toBe(now + 60_000);
  expect(nextWake({ holds: holds.slice(1) }, [], now)).toBeUndefined();
});
