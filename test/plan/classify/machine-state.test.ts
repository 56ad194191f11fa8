import { describe, expect, test } from 'vitest';
import type { Machine } from '../../../schemas/fly/machine.ts';
import { hashOf } from '../../../src/model/base/json.ts';
import { formatSent } from '../../../src/model/stamps/stamps.ts';
import { stampKeys } from '../../../src/model/stamps/keys.ts';
import {
  brief,
  desiredApp,
  flyctlMachine,
  group,
  machine,
  now,
  observed,
  only,
  plan,
  secretOf,
  ulidAt,
  webService,
} from '../builders.ts';

const one = desiredApp({ groups: [group({ counts: { arn: 1 } })] });
const autostop = group({ config: { services: [{ ...webService, autostop: 'stop' }] }, counts: { arn: 1 } });

describe('states', () => {
  const exit = (details: object, at = now) => ({ type: 'exit', timestamp: at, request: { exit_event: details } });
  const crash = { exit_code: 1, requested_stop: false, restarting: false };

  test('stopped without autostop, schedule or standby is started, once per version', () => {
    const stopped = machine(one, { state: 'stopped', events: [exit({ exit_code: 0, requested_stop: true })] });
    const app = plan(one, observed({ machines: [stopped] }));
    expect(brief(app.steps)).toEqual(['machine.start shop/web/arn/1']);
    expect(app.status).toBe('drifted');
    const started = { type: 'start', source: 'user', status: 'starting', timestamp: now - 1000 };
    const again = { ...stopped, events: [...(stopped.events ?? []), started] };
    const stays = plan(one, observed({ machines: [again] }));
    expect(stays.steps).toEqual([]);
    expect(stays.notes).toEqual([
      'web/arn/1 was stopped again after its version had been started; it stays so until git changes or somebody starts it',
    ]);
    expect(brief(plan(one, observed({ machines: [{ ...again, instance_id: ulidAt(now) }] })).steps)).toHaveLength(1);
  });

  test.each([
    ['autostop', autostop, 'stopped'],
    ['a schedule', group({ config: { schedule: 'daily' }, counts: { arn: 1 } }), 'stopped'],
    [
      'suspend',
      group({ config: { services: [{ ...webService, autostop: 'suspend' }] }, counts: { arn: 1 } }),
      'suspended',
    ],
    ['a transient state', group({ counts: { arn: 1 } }), 'replacing'],
    ['starting', group({ counts: { arn: 1 } }), 'starting'],
    ['created and not yet asked to start', group({ counts: { arn: 1 } }), 'created'],
  ])('%s is no drift', (_name, wanted, state) => {
    const desired = desiredApp({ groups: [wanted] });
    expect(plan(desired, observed({ machines: [machine(desired, { state })] })).steps).toEqual([]);
  });

  test('not started after its restarts ran out, nor when its process ended by itself', () => {
    const crashed = plan(one, observed({ machines: [machine(one, { state: 'stopped', events: [exit(crash)] })] }));
    expect(crashed.steps).toEqual([]);
    expect(crashed.notes).toEqual(['web/arn/1 crashed until its restarts ran out; flyctl logs says why']);
    const ran = { type: 'start', source: 'flyd', status: 'started', timestamp: now - 1000 };
    const done = exit({ exit_code: 0, requested_stop: false, restarting: false });
    expect(plan(one, observed({ machines: [machine(one, { state: 'stopped', events: [done, ran] })] })).steps).toEqual(
      [],
    );
  });

  test('started where Fly meant to start it again, as after its host failed, and somebody stopped it meanwhile', () => {
    const ran = { type: 'start', source: 'flyd', status: 'started', timestamp: now - 1000 };
    const killed = exit({ exit_code: 137, requested_stop: false, restarting: true });
    const app = plan(one, observed({ machines: [machine(one, { state: 'stopped', events: [killed, ran] })] }));
    expect(brief(app.steps)).toEqual(['machine.start shop/web/arn/1']);
  });

  test('an update leaves at rest what rests by design, and starts what should run', () => {
    const changed = { config: { env: { COLOR: 'x' } }, state: 'stopped' };
    const woken = only(plan(one, observed({ machines: [machine(one, changed)] })).steps, 'machine.update');
    expect(woken).toMatchObject({ skipLaunch: false, risk: 'safe' });
    const desired = desiredApp({ groups: [autostop] });
    const asleep = only(plan(desired, observed({ machines: [machine(desired, changed)] })).steps, 'machine.update');
    expect(asleep).toMatchObject({ skipLaunch: true, risk: 'safe' });
  });

  test('a suspended machine that should run resumes with old secrets: it is updated where they are newer', () => {
    const desired = { ...one, secrets: [{ name: 'A', origin: { type: 'raw' } as const }] };
    const world = (at: number) =>
      observed({
        machines: [machine(desired, { state: 'suspended' })],
        secrets: [secretOf('A', { updated_at: new Date(at).toISOString() })],
      });
    expect(brief(plan(desired, world(now - 3_600_000)).steps)).toEqual(['machine.start shop/web/arn/1']);
    expect(only(plan(desired, world(now)).steps, 'machine.update')).toMatchObject({
      reason: 'secrets',
      skipLaunch: false,
    });
  });

  test('a machine that crashed until its restarts ran out is tried again with newer secrets, and only then', () => {
    const desired = { ...one, secrets: [{ name: 'A', origin: { type: 'raw' } as const }] };
    const world = (at: number) =>
      observed({
        machines: [machine(desired, { state: 'stopped', events: [exit(crash)] })],
        secrets: [secretOf('A', { updated_at: new Date(at).toISOString() })],
      });
    expect(plan(desired, world(now - 3_600_000)).steps).toEqual([]);
    expect(only(plan(desired, world(now)).steps, 'machine.update')).toMatchObject({
      reason: 'secrets',
      skipLaunch: false,
      risk: 'safe',
    });
  });

  test('a machine on a host that does not answer counts and is not compared', () => {
    const dark = { ...machine(one), host_status: 'unreachable', config: null, incomplete_config: machine(one).config };
    const app = plan(one, observed({ machines: [dark] }));
    expect(app.steps).toEqual([]);
    expect(app.notes).toEqual(['web/arn/1 counts, and is not compared while its host does not answer']);
  });

  test('one that runs the image before, its config unchanged, does not stand for the release of the next image', () => {
    const two = desiredApp();
    const next = desiredApp({ image: { kind: 'reference', ref: 'nginx:2', digest: `sha256:${'2'.repeat(64)}` } });
    const world = (dark: Machine) =>
      observed({ machines: [{ ...dark, host_status: 'unreachable' }, machine(two, { number: 2 })] });
    expect(brief(plan(next, world(machine(two))).steps)).toEqual(['release shop']);
    const sent = formatSent({ config: group().configVersion, image: hashOf(`nginx:2@sha256:${'2'.repeat(64)}`) });
    const reached = machine(two, { metadata: { [stampKeys.sent]: sent } });
    expect(brief(plan(next, world(reached)).steps)).toEqual(['machine.update shop/web/arn/2']);
  });

  test('nothing is made or removed where a machine cannot be read at all', () => {
    const dark = { ...machine(one), host_status: 'unreachable', config: null };
    const app = plan(desiredApp(), observed({ machines: [dark, machine(one, { number: 2 })] }));
    expect(app.steps).toEqual([]);
    expect(app.notes).toHaveLength(2);
  });

  test('nobody is removed beside a machine whose host does not answer', () => {
    const dark = { ...machine(one), host_status: 'unreachable' };
    expect(plan(one, observed({ machines: [dark, machine(one, { number: 2 })] })).steps).toEqual([]);
  });
});

describe('machines of others', () => {
  test('are left alone and counted in a note', () => {
    const stranger = machine(one, {
      id: 's',
      metadata: Object.fromEntries(Object.keys(machine(one).config?.metadata ?? {}).map((key) => [key, undefined])),
    });
    const console1 = flyctlMachine(one, { id: 'c', metadata: { fly_process_group: 'fly_app_console' } });
    const other = flyctlMachine(one, { id: 'o', metadata: { fly_process_group: 'cron' } });
    const app = plan(one, observed({ machines: [machine(one), stranger, console1, other] }));
    expect(app.steps).toEqual([]);
    expect(app.notes).toEqual([
      'left alone: 1 × machine of flyctl in a group that git does not name',
      'left alone: 1 × machine that neither FlyCD nor flyctl manages',
      'left alone: 1 × release, test or console machine',
    ]);
  });

  test('gone ones are not there', () => {
    const machines = [machine(one), machine(one, { number: 2, state: 'destroying' })];
    expect(plan(one, observed({ machines })).steps).toEqual([]);
  });
});
