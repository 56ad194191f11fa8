import { describe, expect, test } from 'vitest';
import type { SyncWindow } from '../../../src/model/base/policy.ts';
import { isOpen, nextOpening } from '../../../src/plan/guards/windows.ts';
import { desiredApp, group, machine, observed, plan } from '../builders.ts';

const at = (text: string): number => Date.parse(`${text}Z`);
const hours = (count: number): number => count * 3600;

function window(schedule: string, durationSeconds: number, more: Partial<SyncWindow> = {}): SyncWindow {
  return { kind: 'allow', schedule, durationSeconds, timezone: 'UTC', ...more };
}

const office = window('0 9 * * 1-5', hours(8), { timezone: 'Europe/Stockholm' });
const nights = window('0 22 * * *', hours(4));
const christmas = window('0 0 24 12 *', hours(72), { kind: 'deny' });

describe('a window', () => {
  test.each<[string, readonly SyncWindow[], string, boolean]>([
    ['none: always', [], '2026-03-01T12:00', true],
    ['on a Monday morning', [office], '2026-03-02T08:00', true],
    ['a second before', [office], '2026-03-02T07:59:59', false],
    ['in its last second', [office], '2026-03-02T15:59:59', true],
    ['at its end', [office], '2026-03-02T16:00', false],
    ['on a Sunday', [office], '2026-03-01T12:00', false],
    ['in summer, when Stockholm is two hours ahead', [office], '2026-07-06T07:00', true],
    ['over midnight', [nights], '2026-03-02T01:30', true],
    ['any of several', [office, nights], '2026-03-01T23:00', true],
    ['one that denies beats those that allow', [office, christmas], '2026-12-24T10:00', false],
    ['only one that denies: open otherwise', [christmas], '2026-12-23T23:59', true],
  ])('%s', (_what, windows, time, open) => {
    expect(isOpen(windows, at(time))).toBe(open);
  });

  test.each<[string, readonly SyncWindow[], string, string]>([
    ['the next day', [office], '2026-03-02T16:00', '2026-03-03T08:00'],
    ['after the weekend', [office], '2026-03-06T20:00', '2026-03-09T08:00'],
    ['after a freeze, in office hours', [office, christmas], '2026-12-24T10:00', '2026-12-28T08:00'],
    ['at the end of a freeze', [christmas], '2026-12-24T10:00', '2026-12-27T00:00'],
  ])('opens %s', (_what, windows, time, opens) => {
    expect(nextOpening(windows, at(time))).toEqual({ opens: true, at: at(opens) });
  });

  const always = window('0 0 * * *', hours(24), { kind: 'deny' });
  test.each<[string, readonly SyncWindow[], string]>([
    // Three changes a day are looked at: nine, ten and midnight.
    ['that never opens', [window('0 9 * * *', hours(1)), always], '2026-04-04T00:00'],
    ['whose schedule has no day at all', [window('0 0 31 2 *', hours(1))], '2026-03-02T12:00'],
    [
      'that opens in leap years alone, behind many changes',
      [window('0 0 29 2 *', hours(1)), always],
      '2026-06-09T00:00',
    ],
  ])('one %s says when to look again', (_what, windows, lookAgain) => {
    expect(nextOpening(windows, at('2026-03-01T12:00'))).toEqual({ opens: false, at: at(lookAgain) });
  });
});

describe('outside of its windows', () => {
  // builders.ts: a Sunday noon.
  const before = desiredApp();
  const desired = desiredApp({
    groups: [group({ config: { env: { COLOR: 'blue' } } })],
    policy: { windows: [office] },
  });
  const world = observed({ machines: [machine(before), machine(before, { number: 2 })] });

  test('a release waits, and says until when', () => {
    const app = plan(desired, world);
    expect([app.status, app.steps.filter(({ kind }) => kind === 'release')]).toEqual(['pending', []]);
    expect(app.holds).toMatchObject([
      {
        reason: 'window',
        because: 'outside of its windows for releases (sync.windows): the next one opens at 2026-03-02 08:00:00Z',
        retryAt: at('2026-03-02T08:00'),
      },
    ]);
  });

  test('one that never opens is looked at again all the same', () => {
    const never = [window('0 9 * * *', hours(1)), window('0 0 * * *', hours(24), { kind: 'deny' })];
    const app = plan({ ...desired, policy: { ...desired.policy, windows: never } }, world);
    expect(app.holds[0]?.because).toContain('none opens before 2026-');
    expect(app.holds[0]?.retryAt).toBeGreaterThan(at('2026-03-02T00:00'));
  });

  test('a person who insists is not kept waiting', () => {
    const app = plan(desired, world, { options: { now: true } });
    expect(app.steps.map(({ kind }) => kind)).toContain('release');
  });

  test('a heal goes on', () => {
    const drifted = observed({
      machines: [machine(before), machine(before, { number: 2, config: { env: { COLOR: 'changed by hand' } } })],
    });
    const app = plan(desiredApp({ policy: { windows: [office] } }), drifted);
    expect(app.holds).toEqual([]);
    expect(app.steps.map(({ kind }) => kind)).toContain('machine.update');
  });
});
