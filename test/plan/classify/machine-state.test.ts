import { describe, expect, test } from 'vitest';
import type { Machine } from '../../../schemas/fly/machine.ts';
import { hashOf } from '../../../src/model/base/json.ts';
import type { DesiredApp } from '../../../src/model/desired.ts';
import { formatSent } from '../../../src/model/stamps/stamps.ts';
import { stampKeys } from '../../../src/model/stamps/keys.ts';
import { updatesOf } from '../../../src/plan/steps/select.ts';
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

  describe.each(['heal', 'report', 'off'] as const)(
    'a create that was killed before it started its machine, drift: %s',
    (drift) => {
      const policy = { ...one.policy, drift };
      const created = { type: 'launch', source: 'user', status: 'created', timestamp: now - 60_000 };
      const sent = formatSent({ config: group().configVersion, image: hashOf('nginx:1') });
      const half = machine(one, {
        state: 'created',
        config: { image: 'nginx:1' },
        metadata: { [stampKeys.sent]: sent, [stampKeys.machine]: undefined, [stampKeys.unproven]: '1' },
        events: [created],
      });
      const next = { kind: 'reference', ref: 'nginx:2', digest: `sha256:${'2'.repeat(64)}` } as const;
      const updates = (desired: DesiredApp, ...machines: readonly Machine[]) =>
        updatesOf(plan({ ...desired, policy }, observed({ machines })).steps).filter(
          ({ machineId }) => machineId === half.id,
        );

      test.each<[string, DesiredApp]>([
        ['git as it was', one],
        ['git with another image by now', { ...one, image: next }],
        ['git with another config by now', desiredApp({ groups: [autostop] })],
      ])('is gone on with: %s', (_what, desired) => {
        expect(updates(desired, half)).toMatchObject([{ reason: 'change', skipLaunch: false }]);
        // As somebody who updates it by hand meanwhile leaves it.
        const updated = {
          ...half,
          state: 'stopped',
          events: [{ ...created, type: 'update', status: 'replacing' }, created],
        };
        expect(updates(desired, updated)).toMatchObject([{ reason: 'change', skipLaunch: false }]);
      });

      test('does not start a standby, nor what ran since and was stopped by hand', () => {
        const standby = { ...half, config: { ...half.config, services: [], standbys: ['another'] } };
        const desired = desiredApp({ groups: [group({ counts: undefined, config: { env: {} } })], image: next });
        expect(updates(desired, machine(desired, { id: 'another' }), standby)).toMatchObject([{ skipLaunch: true }]);
        const ran = { ...half, state: 'stopped', events: [{ ...created, type: 'start', status: 'started' }, created] };
        expect(updates({ ...one, image: next }, ran)).toMatchObject([{ skipLaunch: drift !== 'heal' }]);
      });
    },
  );

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

  test('the group of one that an early flyctl made stands under its old key, which a newer one overrules', () => {
    const made = (metadata: Readonly<Record<string, string | undefined>>) =>
      plan(one, observed({ machines: [machine(one), flyctlMachine(one, { id: 'old', metadata })] }));
    const cron = ['left alone: 1 × machine of flyctl in a group that git does not name'];
    // Of the group that git names, and one too many.
    const web = ['machine.destroy shop/web/arn/2'];
    const old = (group: string) => ({ fly_process_group: undefined, process_group: group });
    expect(brief(made(old('web')).steps)).toEqual(web);
    expect(made(old('cron')).notes).toEqual(cron);
    expect(made({ fly_process_group: 'cron', process_group: 'web' }).notes).toEqual(cron);
    expect(brief(made({ fly_process_group: 'web', process_group: 'cron' }).steps)).toEqual(web);
  });

  test('gone ones are not there', () => {
    const machines = [machine(one), machine(one, { number: 2, state: 'destroying' })];
    expect(plan(one, observed({ machines })).steps).toEqual([]);
  });
});
