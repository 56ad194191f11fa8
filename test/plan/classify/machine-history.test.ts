/** What a machine's events tell, in whatever order Fly lists them. */
import { describe, expect, test } from 'vitest';
import type { MachineEvent } from '../../../schemas/fly/machine.ts';
import { eventWords } from '../../../src/plan/classify/exit.ts';
import {
  bootedAt,
  endedByItself,
  hasGivenUp,
  isNobodysStop,
  stateSince,
  wasStartedOnce,
  wasStoppedByHand,
} from '../../../src/plan/classify/machine-history.ts';
import { now, ulidAt } from '../builders.ts';

const event = (type: string, seconds?: number, more: Partial<MachineEvent> = {}): MachineEvent => ({
  type,
  source: 'flyd',
  ...(seconds === undefined ? {} : { timestamp: now + seconds * 1000 }),
  ...more,
});
const exit = (code: number, seconds?: number, restarting = false, requested = false): MachineEvent =>
  event('exit', seconds, { request: { exit_event: { exit_code: code, requested_stop: requested, restarting } } });
const user = { source: 'user' };
const started = { status: 'started' };

const machineWith = (events: readonly MachineEvent[], state = 'stopped') => {
  return { id: 'm', name: 'm', region: 'arn', state, instance_id: ulidAt(now), config: {}, events: [...events] };
};

test('the newest five events are told, the oldest of them first, without the one that took it away', () => {
  const events = [event('destroy'), event('exit', 5), event('stop', 4, user), event('start', 3, started)];
  expect(eventWords(events)).toBe(' (start started, stop, exit)');
  const many = Array.from({ length: 7 }, (_none, index) => event(`e${index}`));
  expect(eventWords(many)).toBe(' (e4, e3, e2, e1, e0)');
  expect(eventWords([])).toBe('');
  expect(eventWords([event('destroy')])).toBe('');
});

describe('the newest exit', () => {
  test.each<[string, readonly MachineEvent[], boolean, boolean]>([
    ['by a crash', [exit(1, 9)], true, true],
    ['with 0', [exit(0, 9)], true, false],
    ['by a crash that Fly starts again after', [exit(1, 9, true)], false, false],
    ['that somebody asked for', [exit(1, 9, false, true)], false, false],
    ['by its time, not by its place', [exit(1, 1), exit(0, 9)], true, false],
    ['by its place, where none has a time', [exit(0), exit(1)], true, false],
    ['one with a time before one without', [exit(1), exit(0, 9)], true, false],
    ['one with a time also where it stands first', [exit(0, 9), exit(1)], true, false],
    ['none', [event('start', 9)], false, false],
    ['of the version before', [exit(1, -1)], false, false],
    ['at the very moment that the version was made', [exit(1, 0)], true, true],
    ['before a start', [event('start', 9), exit(1, 8)], false, false],
    ['before it resumed', [event('resume', 9), exit(1, 8)], false, false],
    ['before a stop that changed nothing', [event('stop', 9, user), exit(1, 8)], true, true],
  ])('%s', (_what, events, isByItself, isGivenUp) => {
    expect([endedByItself(machineWith(events)), hasGivenUp(machineWith(events))]).toEqual([isByItself, isGivenUp]);
  });

  test.each([null, undefined])('is none where Fly tells no events: %s', (events) => {
    const machine = { ...machineWith([]), events };
    expect([endedByItself(machine), hasGivenUp(machine)]).toEqual([false, false]);
  });
});

describe('stopped by hand', () => {
  test.each<[string, readonly MachineEvent[], boolean]>([
    ['by stop', [event('stop', 9, user)], true],
    ['by suspend', [event('suspend', 9, user)], true],
    ['not by the proxy', [event('stop', 9)], false],
    ['not where it was started since', [event('start', 10), event('stop', 9, user)], false],
    ['not where it resumed since', [event('resume', 10), event('stop', 9, user)], false],
    ['also where the proxy stopped it once more', [event('stop', 10), event('stop', 9, user)], true],
    ['not where a person started it', [event('start', 9, user)], false],
    ['not where nothing happened', [], false],
  ])('%s', (_what, events, isByHand) => {
    expect(wasStoppedByHand(machineWith(events))).toBe(isByHand);
  });
});

describe('a stop of nobody’s', () => {
  test.each<[string, readonly MachineEvent[], boolean]>([
    ['a crash', [exit(1, 9), event('start', 8)], true],
    ['an end in good order', [exit(0, 9)], true],
    ['also in the version before', [exit(1, -9)], true],
    ['not one that Fly starts again after', [exit(1, 9, true)], false],
    ['not one that somebody asked for', [exit(0, 9, false, true), event('stop', 8)], false],
    ['not where somebody has stopped it besides', [event('stop', 9, user), exit(1, 8)], false],
    ['not where it was suspended since', [event('suspend', 9), event('start', 8), exit(1, 7)], false],
    ['not where it runs again', [event('resume', 9), exit(1, 8)], false],
    ['not where nothing happened', [], false],
  ])('%s', (_what, events, isNobodys) => {
    expect(isNobodysStop(machineWith(events))).toBe(isNobodys);
  });
});

describe('a version that had its start', () => {
  test.each<[string, readonly MachineEvent[], boolean]>([
    ['asked for by somebody', [event('start', 1, user)], true],
    ['asked for as a resume', [event('resume', 1, user)], true],
    ['at the very moment that it was made', [event('start', 0, user)], true],
    ['not where that was the version before', [event('start', -1, user)], false],
    ['that ended by itself', [exit(0, 5), event('start', 1)], true],
    ['not where Fly started it and it was stopped', [exit(0, 5, false, true), event('start', 1)], false],
    ['not where it never ran', [], false],
  ])('%s', (_what, events, wasStarted) => {
    expect(wasStartedOnce(machineWith(events))).toBe(wasStarted);
  });
});

test('it is in its state since the newest event that brings it there', () => {
  const at = (seconds: number) => now + seconds * 1000;
  expect(stateSince(machineWith([event('exit', 9), event('stop', 8)]))).toBe(at(9));
  expect(stateSince(machineWith([event('start', 7, started), event('start', 6)], 'started'))).toBe(at(7));
  expect(stateSince(machineWith([event('update', 9), event('resume', 7)], 'started'))).toBe(at(7));
  // Nothing says how it came to run: since its version was made.
  expect(stateSince(machineWith([event('update', 9)], 'started'))).toBe(now);
});

test('it booted after what came before the start that succeeded, or when its version was made', () => {
  const at = (seconds: number) => now + seconds * 1000;
  expect(bootedAt(machineWith([event('start', 9, started), event('start', 5)]))).toBe(at(5));
  expect(bootedAt(machineWith([event('start', 5), event('start', 9, started)]))).toBe(at(5));
  expect(bootedAt(machineWith([event('start', 9, started)]))).toBe(at(9));
  expect(bootedAt(machineWith([event('start', -9)]))).toBe(now);
  expect(bootedAt({ ...machineWith([]), instance_id: '01not-an-id' })).toBeUndefined();
});
