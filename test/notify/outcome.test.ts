import * as fc from '../property.ts';
import { expect, test } from 'vitest';
import type { RunOutcome } from '../../src/model/run.ts';
import { describeOutcome, type FleetOutcome } from '../../src/notify/outcome.ts';

const none: FleetOutcome = { pending: 0, synced: 0, failed: 0, held: 0, invalid: 0, whole: true };

/** Where the outcome of one app's run counts. An interrupted one is to be run again. */
const counted: Record<RunOutcome, keyof FleetOutcome> = {
  created: 'synced',
  updated: 'synced',
  deleted: 'synced',
  left: 'synced',
  'no-change': 'synced',
  failed: 'failed',
  held: 'held',
  interrupted: 'pending',
};
const outcomes = Object.keys(counted) as RunOutcome[];

function outcomeOf(runs: readonly RunOutcome[], parts: Partial<FleetOutcome> = {}): FleetOutcome {
  const count = (key: keyof FleetOutcome): number => runs.filter((run) => counted[run] === key).length;
  const counts = { pending: count('pending'), synced: count('synced'), failed: count('failed'), held: count('held') };
  return { ...none, ...counts, ...parts };
}

test.each([
  [outcomeOf([]), 'success', 'no apps'],
  [outcomeOf(['created']), 'success', '1 app synced'],
  [outcomeOf(['created', 'updated', 'no-change']), 'success', '3 apps synced'],
  [outcomeOf(['updated', 'failed']), 'failure', '1 failed, 1 of 2 apps synced'],
  [outcomeOf(['held']), 'failure', '1 held, 0 of 1 app synced'],
  [
    outcomeOf(['failed', 'held', 'updated'], { invalid: 2 }),
    'failure',
    '1 failed, 2 invalid, 1 held, 1 of 5 apps synced',
  ],
  [outcomeOf(['updated'], { invalid: 1 }), 'failure', '1 invalid, 1 of 2 apps synced'],
  [outcomeOf(['updated'], { whole: false }), 'failure', 'part of the config could not be read, 1 of 1 app synced'],
  [outcomeOf(['interrupted', 'failed']), 'pending', 'syncing: 1 of 2 apps to go'],
] as const)('%o is %s: %s', (outcome, state, description) => {
  expect(describeOutcome(outcome)).toEqual({ state, description });
});

test('every pair of run outcomes ends in a state, and only a fleet all in sync is a success', () => {
  for (const one of outcomes) {
    for (const other of outcomes) {
      const { state, description } = describeOutcome(outcomeOf([one, other]));
      const expected = [one, other].some((outcome) => counted[outcome] === 'pending')
        ? 'pending'
        : [one, other].every((outcome) => counted[outcome] === 'synced')
          ? 'success'
          : 'failure';
      expect([one, other, state]).toEqual([one, other, expected]);
      expect(description).not.toBe('');
    }
  }
});

test('property: descriptions fit what GitHub takes, whatever the counts', () => {
  const count = fc.nat({ max: 99_999 });
  const outcome = fc.record({
    pending: count,
    synced: count,
    failed: count,
    held: count,
    invalid: count,
    whole: fc.boolean(),
  });
  fc.assert(
    fc.property(outcome, (outcome) => {
      expect(describeOutcome(outcome).description.length).toBeLessThanOrEqual(140);
    }),
  );
});
