/** What a run tells that another one has told. */
import { describe, expect, test } from 'vitest';
import { findingOf, isQuiet } from '../../../controllers/app/telling.ts';
import type { Run } from '../../../src/model/run.ts';
import { holdOf } from '../../../src/plan/steps/hold.ts';
import { planOf } from '../../record/stores.ts';

const run = (parts: Partial<Run> = {}): Run => ({
  id: 1,
  fleet: 'acme',
  app: 'shop',
  trigger: 'timer',
  actor: 'flycd',
  revision: 'c0ffee',
  startedAt: 1,
  finishedAt: 2,
  outcome: 'no-change',
  status: 'synced',
  plan: planOf('shop'),
  results: [],
  nextWakeAt: undefined,
  ...parts,
});
const step = {
  kind: 'machine.update',
  target: 'shop/web/arn/1',
  message: undefined,
  next: undefined,
  startedAt: 1,
  finishedAt: 2,
} as const;
const hold = (because: string, next = 'say so', since?: number) => ({
  ...holdOf('shop', { reason: 'window', because, next }),
  since,
});
const holding = (...holds: ReturnType<typeof hold>[]) => run({ outcome: 'held', plan: planOf('shop', { holds }) });

describe('a run is quiet', () => {
  test.each<[string, boolean, Partial<Run>]>([
    ['where there was nothing to do', true, {}],
    ['where all of it is held', true, { outcome: 'held', status: 'held' }],
    ['not where a step changed nothing', false, { results: [{ ...step, outcome: 'unchanged' }] }],
    ['not where a step waits', false, { outcome: 'held', results: [{ ...step, outcome: 'skipped' }] }],
    ['not where it failed', false, { outcome: 'failed', status: 'failed' }],
    ['not where it was cut short', false, { outcome: 'interrupted' }],
    ['not where it goes on', false, { outcome: undefined }],
    ['not where the app is gone', false, { outcome: 'deleted' }],
    ['not where it is a suspension', false, { outcome: 'held', trigger: 'suspend' }],
    ['not where it lifts what did not stand', false, { trigger: 'resume' }],
    ['not where a person went back', false, { trigger: 'rollback' }],
  ])('%s', (_what, expected, parts) => {
    expect(isQuiet(run(parts))).toBe(expected);
  });
});

describe('a finding', () => {
  test.each<[string, Run, Run]>([
    [
      'commit',
      run(),
      run({ id: 2, revision: 'beef', trigger: 'webhook', actor: 'alice', startedAt: 9, nextWakeAt: 5 }),
    ],
    ['time in a hold', holding(hold('until 2026-01-01 00:00:00Z')), holding(hold('until 2026-01-02 00:00:00Z'))],
    [
      'time in what lifts it',
      holding(hold('a', 'at 2026-01-01 00:00:00Z')),
      holding(hold('a', 'at 2026-02-01 00:00:00Z')),
    ],
  ])('is the same with another %s', (_what, one, other) => {
    expect(findingOf(other)).toBe(findingOf(one));
  });

  test.each<[string, Run, Run]>([
    ['plan', run(), run({ plan: planOf('shop', { planId: '1'.repeat(32) }) })],
    ['status', run(), run({ status: 'drifted' })],
    ['outcome', run(), run({ outcome: 'held' })],
    ['health', run(), run({ plan: planOf('shop', { degraded: ['machine 1 ended'] }) })],
    ['note', run(), run({ plan: planOf('shop', { notes: ['kept by Fly'] }) })],
    ['hold', holding(hold('a')), holding(hold('a'), hold('b'))],
    ['reason of a hold', holding(hold('alice is at work')), holding(hold('bob is at work'))],
    ['way out of a hold', holding(hold('a', 'do this')), holding(hold('a', 'do that'))],
    ['moment since which it holds', holding(hold('a', 'b', 1)), holding(hold('a', 'b', 2))],
    [
      'problem',
      run(),
      run({ plan: planOf('shop', { problems: [{ severity: 'warning', message: 'odd', at: undefined }] as never }) }),
    ],
  ])('is another one with another %s', (_what, one, other) => {
    expect(findingOf(other)).not.toBe(findingOf(one));
  });
});
