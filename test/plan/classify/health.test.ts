import { describe, expect, test } from 'vitest';
import type { Machine, MachineEvent } from '../../../schemas/fly/machine.ts';
import { degradedMachines, judge } from '../../../src/plan/classify/health.ts';

const start: MachineEvent = { type: 'start', status: 'started', source: 'flyd' };
const update: MachineEvent = { type: 'update', status: 'replacing', source: 'user' };

interface ExitParts {
  readonly code?: number;
  readonly requested?: boolean;
  readonly restarting?: boolean;
  readonly restarts?: number;
}

function exit({ code = 0, requested = false, restarting = false, restarts = 0 }: ExitParts): MachineEvent {
  const details = { exit_code: code, requested_stop: requested, restarting };
  return { type: 'exit', status: 'stopped', source: 'flyd', request: { exit_event: details, restart_count: restarts } };
}

type Moment = readonly [event: MachineEvent, seconds: number];

/** Newest first, each so many seconds after the one before it; the first at 0. */
function told(...oldestFirst: readonly Moment[]): MachineEvent[] {
  let at = 0;
  return oldestFirst.map(([event, seconds]) => ({ ...event, timestamp: (at += seconds * 1000) })).toReversed();
}

function machineIn(state: string, more: Partial<Machine> = {}): Machine {
  return { id: 'm', name: 'app-arn-1-g1', state, region: 'arn', config: {}, events: [], ...more };
}

const checked = { config: { services: [{ checks: [{ type: 'tcp' }] }] } };
const passing = { checks: [{ name: 'a', status: 'passing' }] };
const failing = { checks: [{ name: 'a', status: 'critical', output: 'refused\nby all' }] };

describe('one look at a machine', () => {
  test.each<readonly [string, Machine, object]>([
    [
      'its host does not answer',
      machineIn('started', { host_status: 'unreachable', config: null }),
      { state: 'silent' },
    ],
    ['its host does not answer, whatever it was', machineIn('failed', { host_status: 'unknown' }), { state: 'silent' }],
    ['failed', machineIn('failed'), { state: 'failed', why: 'it is failed' }],
    ['starting', machineIn('starting'), { state: 'waiting', passing: 0, why: 'it is starting' }],
    ['runs without checks', machineIn('started'), { state: 'smoke', passing: 0 }],
    ['runs, and its checks pass', machineIn('started', { ...checked, ...passing }), { state: 'smoke', passing: 1 }],
    [
      'runs, and a check fails',
      machineIn('started', { ...checked, ...failing }),
      { state: 'waiting', passing: 0, why: 'check a is critical ("refused by all")' },
    ],
    [
      'runs, and no check has answered',
      machineIn('started', checked),
      { state: 'waiting', passing: 0, why: 'no check has answered yet' },
    ],
    ['at rest since its update', machineIn('stopped', { ...checked, events: told([update, 0]) }), { state: 'done' }],
    [
      'stopped by the proxy, with checks',
      machineIn('stopped', { ...checked, events: told([update, 0], [start, 1], [exit({ requested: true }), 5]) }),
      { state: 'rests', why: 'it was stopped before its checks passed' },
    ],
    [
      'suspended by the proxy, with checks',
      machineIn('suspended', { ...checked, events: told([update, 0], [start, 1]) }),
      { state: 'rests', why: 'it was stopped before its checks passed' },
    ],
    [
      'stopped by the proxy, without checks',
      machineIn('stopped', { events: told([update, 0], [start, 1], [exit({ requested: true }), 5]) }),
      { state: 'done' },
    ],
    [
      'stopped by a person',
      machineIn('stopped', {
        ...checked,
        events: told([update, 0], [start, 1], [{ type: 'stop', source: 'user' }, 5], [exit({ requested: true }), 1]),
      }),
      { state: 'done' },
    ],
    [
      'ended with 0, and serves nobody',
      machineIn('stopped', { events: told([update, 0], [start, 1], [exit({}), 5]) }),
      { state: 'done' },
    ],
    [
      'ended with 0, and serves somebody',
      machineIn('stopped', { ...checked, events: told([update, 0], [start, 1], [exit({}), 5]) }),
      { state: 'failed', why: 'it exited with code 0 and stays stopped' },
    ],
  ])('%s', (_what, machine, verdict) => {
    expect(judge(machine)).toEqual(verdict);
  });
});

describe('what ends and is started again by Fly', () => {
  const again = (code: number, restarts = 0): MachineEvent => exit({ code, restarting: true, restarts });
  const runs = (...events: readonly Moment[]): Machine =>
    machineIn('started', { events: told([update, 0], ...events) });
  const loop = (code: number) => ({
    state: 'failed',
    why: `it ends again and again, and is restarted: exit code ${code}`,
  });
  const crashes = { state: 'failed', why: 'it crashes again and again: exit code 1' };

  test.each<readonly [string, Machine, object]>([
    ['twice with 0, shortly', runs([start, 0], [again(0), 9.9], [start, 1], [again(0), 9.9]), loop(0)],
    [
      'twice with 0, after ten seconds',
      runs([start, 0], [again(0), 10], [start, 1], [again(0), 10]),
      { state: 'smoke', passing: 0 },
    ],
    [
      'the last time after ten seconds',
      runs([start, 0], [again(0), 1], [start, 1], [again(0), 10]),
      { state: 'smoke', passing: 0 },
    ],
    [
      'once with 0, where Fly tells of a start twice',
      runs([start, 0], [start, 1], [again(0), 1], [start, 1]),
      { state: 'smoke', passing: 0 },
    ],
    ['once with 0', runs([start, 0], [again(0), 1], [start, 1]), { state: 'smoke', passing: 0 }],
    ['twice by a crash that no count is told of', runs([start, 0], [again(1), 1], [start, 1], [again(1), 1]), loop(1)],
    ['by a crash, by its count', runs([start, 0], [again(1, 2), 60], [start, 1]), crashes],
    ['by a crash, once', runs([start, 0], [again(1, 1), 1], [start, 1]), { state: 'smoke', passing: 0 }],
    [
      'before somebody asked for another start',
      runs([start, 0], [again(0), 1], [start, 1], [again(0), 1], [{ type: 'restart', source: 'user' }, 1], [start, 1]),
      { state: 'smoke', passing: 0 },
    ],
    [
      'before its update',
      machineIn('started', {
        events: told([start, 0], [again(0), 1], [start, 1], [again(0), 1], [update, 1], [start, 1]),
      }),
      { state: 'smoke', passing: 0 },
    ],
    [
      'and has yet to begin',
      machineIn('restarting', { events: told([update, 0], [start, 0], [again(0), 1]) }),
      { state: 'waiting', passing: 0, why: 'it is restarting after exit code 0' },
    ],
  ])('%s', (_what, machine, verdict) => {
    expect(judge(machine)).toEqual(verdict);
  });
});

describe('machines that ended for good', () => {
  const slot = { flycd_fleet: 'acme', flycd_slot: 'web/arn/1' };
  const crashed = { events: told([update, 0], [start, 0], [exit({ code: 1 }), 1]) };
  const ended = { events: told([update, 0], [start, 0], [exit({ code: 0 }), 1]) };
  const stops = { ports: [], autostop: 'stop' };
  const serving = { services: [{ checks: [] }] };

  interface Parts {
    readonly state?: string;
    readonly config?: Machine['config'];
    readonly metadata?: Record<string, string>;
    readonly more: Partial<Machine>;
  }
  const gaveUp = 'web/arn/1 crashed until its restarts ran out; flyctl logs says why';

  test.each<[string, Parts, string | undefined]>([
    ['crashed', { more: crashed }, gaveUp],
    ['failed', { state: 'failed', more: {} }, 'web/arn/1 is failed; flyctl logs says why'],
    ['never came up', { state: 'launch_failed', more: {} }, 'web/arn/1 is launch_failed; flyctl logs says why'],
    ['not one that Fly starts again', { state: 'started', more: crashed }, undefined],
    ['not one that a schedule starts', { config: { schedule: 'hourly' }, more: crashed }, undefined],
    ['not a standby', { config: { standbys: ['m0'] }, more: crashed }, undefined],
    ['one with an empty list of standbys', { config: { standbys: [] }, more: crashed }, gaveUp],
    ['not one that the proxy may stop', { config: { services: [stops] }, more: crashed }, undefined],
    ['not a job that is done', { more: ended }, undefined],
    [
      'what was to serve somebody',
      { config: serving, more: ended },
      'web/arn/1 ended by itself, and serves nobody; flyctl logs says why',
    ],
    [
      'what was to answer checks',
      { config: { checks: { up: { type: 'tcp' } } }, more: ended },
      'web/arn/1 ended by itself, and serves nobody; flyctl logs says why',
    ],
    [
      'not what was told to stop',
      { config: serving, more: { events: told([exit({ requested: true }), 0]) } },
      undefined,
    ],
    ['not what somebody ran beside it', { metadata: { flycd_fleet: 'acme' }, more: crashed }, undefined],
    ["not another fleet's", { metadata: { ...slot, flycd_fleet: 'other' }, more: crashed }, undefined],
    ['not on a host that does not answer', { more: { ...crashed, host_status: 'unreachable' } }, undefined],
  ])('%s', (_what, { state = 'stopped', config = {}, metadata = slot, more }, words) => {
    const machine = machineIn(state, { ...more, config: { ...config, metadata } });
    expect(degradedMachines([machine], { name: 'acme' })).toEqual(words === undefined ? [] : [{ id: 'm', words }]);
  });

  test.each(['ok', null])('by its stamps, where Fly shows no whole config and its host is called %s', (host) => {
    const partial = { config: null, incomplete_config: { metadata: slot }, host_status: host };
    const machine = machineIn('stopped', { ...crashed, ...partial });
    expect(degradedMachines([machine], { name: 'acme' })).toEqual([{ id: 'm', words: gaveUp }]);
  });
});
