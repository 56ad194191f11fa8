import { describe, expect, test } from 'vitest';
import type { DesiredApp } from '../../../src/model/desired.ts';
import type { Intent } from '../../../src/model/stamps/calls-stamp.ts';
import { beforeGrowth, growthOf } from '../../../src/plan/kinds/volume-growth.ts';
import {
  brief,
  desiredApp,
  flyctlMachine,
  group,
  holdsOf,
  machine,
  now,
  observed,
  only,
  plan,
  ulidAt,
  volume,
  webService,
  type MachineParts,
} from '../builders.ts';

const data = {
  name: 'data',
  sizeGb: 2,
  count: 0,
  group: 'web',
  snapshotRetentionDays: undefined,
  scheduledSnapshots: undefined,
};
const mount = { volume: 'data', path: '/data' };

function mounted(parts: Parameters<typeof group>[0] = {}, app: Parameters<typeof desiredApp>[0] = {}): DesiredApp {
  const config = { ...parts.config, mounts: [{ name: 'data', path: '/data' }] };
  return desiredApp({ groups: [group({ counts: { arn: 1 }, ...parts, config, mount })], volumes: [data], ...app });
}

const desired = mounted();
const small = volume('vol_1', { attached_machine_id: 'webarn1' });
const large = { ...small, size_gb: 2 };
const on = (app: DesiredApp, parts: MachineParts = {}) =>
  machine(app, { ...parts, config: { mounts: [{ volume: 'vol_1', name: 'data', path: '/data' }], ...parts.config } });
const booted = (at: number) => ({ type: 'start', source: 'flyd', status: 'started', timestamp: at });

/** Written a minute ago, when the machine had last booted with its version. */
const intent: Intent = {
  id: 1,
  kind: 'volume.extend',
  target: 'vol_1',
  createdAt: now - 30_000,
  before: beforeGrowth(small, on(desired), now),
};

describe('a volume that grows', () => {
  const world = (parts: MachineParts = {}) => observed({ machines: [on(desired, parts)], volumes: [small] });

  test.each(['started', 'starting'])('restarts its machine that is %s', (state) => {
    const step = only(plan(desired, world({ state })).steps, 'machine.restart');
    expect(step).toMatchObject({ target: 'shop/web/arn/1', risk: 'restart', machineId: 'webarn1', volumeId: 'vol_1' });
    expect(step.because).toBe('so that its filesystem grows to 2 GB, where Fly needs a restart for that');
  });

  test.each(['stopped', 'suspended', 'stopping', 'failed', 'replacing'])('leaves one that is %s', (state) => {
    const { steps } = plan(desired, world({ state }));
    expect(brief(steps)).toContain('volume.extend shop/data/arn');
    expect(steps.map(({ kind }) => kind)).not.toContain('machine.restart');
  });

  test('on a host that does not answer, restarts nothing', () => {
    const dark = { ...on(desired), host_status: 'unreachable' };
    const { steps } = plan(desired, observed({ machines: [dark], volumes: [small] }));
    expect(steps.map(({ kind }) => kind)).not.toContain('machine.restart');
  });

  test('restarts nothing that is updated or destroyed by the same plan', () => {
    const moved = mounted({ config: { env: { COLOR: 'blue' } } });
    expect(brief(plan(moved, world()).steps)).toEqual(['volume.extend shop/data/arn', 'release shop']);
    const fewer = mounted({ counts: { arn: 0 } });
    expect(plan(fewer, world()).steps.map(({ kind }) => kind)).toEqual(['machine.destroy']);
  });

  test('restarts what an update would have restarted, where that update is held', () => {
    const changed = { env: { COLOR: 'pink' }, mounts: [{ volume: 'vol_1', name: 'data', path: '/data' }] };
    const reported = mounted({}, { policy: { drift: 'report' } });
    const app = plan(reported, observed({ machines: [on(reported, { config: changed })], volumes: [small] }));
    expect(holdsOf(app)).toEqual(['drift']);
    expect(brief(app.steps)).toEqual(['volume.extend shop/data/arn', 'machine.restart shop/web/arn/1']);
  });

  test('of an app that FlyCD did not make is held with its restart until the app is adopted', () => {
    const config = { mounts: [{ volume: 'vol_1', name: 'data', path: '/data' }] };
    const theirs = observed({ machines: [flyctlMachine(desired, { config })], volumes: [small] });
    const held = plan(desired, theirs);
    expect([held.steps, holdsOf(held)]).toEqual([[], ['adoption']]);
    expect(brief(held.holds[0]?.steps ?? [])).toContain('machine.restart shop/web/arn/1');
  });

  test('is the same plan while its machine stops and starts by itself, and another one where nothing does that', () => {
    const service = { ...webService, autostop: 'stop' };
    const idOf = (service: typeof webService, state: string): string => {
      const app = mounted({ config: { services: [service] } });
      return plan(app, observed({ machines: [on(app, { state })], volumes: [small] })).planId;
    };
    expect(idOf(service, 'started')).toBe(idOf(service, 'stopped'));
    expect(idOf(webService, 'started')).not.toBe(idOf(webService, 'stopping'));
  });
});

describe('an extend that was cut short', () => {
  const world = (parts: MachineParts = {}) => observed({ machines: [on(desired, parts)], volumes: [large] });
  const memory = { intents: [intent] };

  test('leaves a restart to be done, and the app is pending', () => {
    const app = plan(desired, world(), { memory });
    expect(brief(app.steps)).toEqual(['machine.restart shop/web/arn/1']);
    expect(app.status).toBe('pending');
    expect(app.steps[0]?.because).toBe('its volume grew to 2 GB, and its filesystem follows with a restart');
    expect(plan(desired, world()).steps).toEqual([]);
  });

  test.each([
    ['booted since', { events: [booted(now - 20_000)] }],
    ['has a newer version', { instance_id: ulidAt(now - 20_000) }],
    ['is stopped by the proxy', { state: 'suspended', events: [booted(now - 90_000), booted(now - 20_000)] }],
  ])('leaves nothing where the machine %s', (_case, parts) => {
    const steps = plan(desired, world(parts), { memory }).steps.map(({ kind }) => kind);
    expect(steps).not.toContain('machine.restart');
  });

  test('is owed by the machine the volume is on, and by no other', () => {
    const other = { ...large, attached_machine_id: 'webarn2' };
    const machines = [on(desired), on(desired, { number: 2 })];
    const two = mounted({ counts: { arn: 2 } });
    const app = plan(two, observed({ machines, volumes: [{ ...large, id: 'vol_2' }, other] }), {
      memory: { intents: [{ ...intent, target: 'vol_2' }] },
    });
    expect(brief(app.steps)).toEqual(['machine.restart shop/web/arn/1']);
  });

  test.each([
    ['owed', on(desired), large],
    ['open', on(desired), small],
    ['open', on(desired, { state: 'stopped' }), large],
    ['open', on(desired, { state: 'restarting' }), large],
    ['over', on(desired, { events: [booted(now)] }), large],
    ['over', on(desired, { state: 'destroyed' }), large],
    ['over', on(desired, { id: 'another' }), large],
    ['over', undefined, large],
    ['over', on(desired), undefined],
  ] as const)('is %s', (verdict, seen, of) => {
    expect(growthOf(intent, of, seen)).toBe(verdict);
  });

  test('of a machine that says nothing of its boots counts from the call', () => {
    const silent = on(desired, { instance_id: 'unknown' });
    const before = beforeGrowth(small, silent, now);
    expect(growthOf({ before }, large, silent)).toBe('owed');
    expect(growthOf({ before }, large, { ...silent, events: [booted(now + 1)] })).toBe('over');
  });
});
