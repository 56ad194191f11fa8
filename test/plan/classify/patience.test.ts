import { describe, expect, test } from 'vitest';
import type { MachineConfig, MachineEvent } from '../../../schemas/fly/machine.ts';
import { isArriving, isLeaving, patienceFor } from '../../../src/plan/classify/patience.ts';

const machineIn = (state: string, config: MachineConfig = {}) => ({
  id: '1',
  name: 'one',
  region: 'arn',
  state,
  config,
});
const stops = (timeout: unknown): MachineConfig => ({ stop_config: { timeout } });

interface Row {
  readonly state: string;
  readonly config?: MachineConfig;
  readonly before?: readonly MachineConfig[] | undefined;
  readonly wait?: number;
}

function patience({ state, config, before = [], wait = 60 }: Row): number {
  return patienceFor(machineIn(state, config), { waitTimeoutSeconds: wait, before }) / 1000;
}

describe('seconds that a machine may stay in its state', () => {
  test.each<readonly [string, Row, number]>([
    ['replacing, by default', { state: 'replacing' }, 65],
    ['replacing, with an old kill_timeout', { state: 'replacing', before: [stops('25s')] }, 85],
    ['replacing, of whole nanoseconds', { state: 'replacing', before: [stops(40_000_000_000)] }, 100],
    ['replacing: the longest of several counts', { state: 'replacing', before: [stops('1s'), stops('2m')] }, 180],
    ['replacing: the new kill_timeout is not asked', { state: 'replacing', config: stops('5m') }, 65],
    ['replacing: less than Fly gives by itself is not less', { state: 'replacing', before: [stops('1s')] }, 65],
    ['replacing, at most ten minutes', { state: 'replacing', before: [stops('1h')] }, 600],
    ['updating', { state: 'updating', before: [stops('25s')] }, 85],
    ['restarting: its own kill_timeout', { state: 'restarting', config: stops('90s'), before: [stops('5m')] }, 150],
    ['stopping', { state: 'stopping', config: stops('90s') }, 150],
    ['created', { state: 'created', wait: 6 }, 300],
    ['starting', { state: 'starting', wait: 6 }, 300],
    ['starting, where wait_timeout is longer', { state: 'starting', wait: 900 }, 900],
    ['started', { state: 'started' }, 60],
    ['started, a check has grace', { state: 'started', config: { checks: { up: { grace_period: '30s' } } } }, 90],
    [
      'started: of many checks the largest grace',
      {
        state: 'started',
        config: {
          checks: { up: { grace_period: '10s' }, other: {} },
          services: [{ checks: [{ grace_period: 40_000_000_000 }] }, { checks: null }, {}],
        },
      },
      100,
    ],
    [
      'started: a grace that is no time',
      { state: 'started', config: { checks: { up: { grace_period: 'soon' } } } },
      60,
    ],
  ])('%s', (_what, row, seconds) => {
    expect(patience(row)).toBe(seconds);
  });

  test('what it was sent before cannot be read: the longest that Fly lets anything take to stop', () => {
    expect(patienceFor(machineIn('replacing'), { waitTimeoutSeconds: 6, before: undefined })).toBe(360_000);
  });
});

test.each([
  ['replacing', true],
  ['restarting', true],
  ['created', false],
  ['starting', false],
  ['started', false],
])('%s is on its way out: %s', (state, leaves) => {
  expect(isLeaving(machineIn(state))).toBe(leaves);
});

describe('one that restarts', () => {
  const exit = (requested: boolean): MachineEvent => ({
    type: 'exit',
    request: { exit_event: { exit_code: 0, requested_stop: requested } },
  });
  const restart: MachineEvent = { type: 'restart', source: 'user' };
  test.each<readonly [string, readonly MachineEvent[], boolean]>([
    ['its process ended by itself', [exit(false)], false],
    ['somebody asked for it', [exit(true), restart], true],
    ['somebody asked for it, and it has ended by itself before', [restart, exit(false)], true],
    ['nobody says why', [], true],
  ])('%s', (_what, events, leaves) => {
    const machine = { ...machineIn('restarting', stops('90s')), events: [...events] };
    expect(isLeaving(machine)).toBe(leaves);
    // What has run has the time of what runs.
    expect(patienceFor(machine, { waitTimeoutSeconds: 20, before: [] })).toBe(leaves ? 150_000 : 20_000);
  });
});

test.each([
  ['created', true],
  ['starting', true],
  ['replacing', false],
  ['started', false],
])('an image may be on its way to one that is %s: %s', (state, isSo) => {
  expect(isArriving(machineIn(state))).toBe(isSo);
});
