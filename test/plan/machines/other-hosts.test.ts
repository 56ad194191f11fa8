import { describe, expect, test } from 'vitest';
import type { DesiredApp } from '../../../src/model/desired.ts';
import { brief, desiredApp, group, holdsOf, machine, observed, only, plan, webService } from '../builders.ts';

const size = { cpu_kind: 'shared', cpus: 1, memory_mb: 256 };
const wanted = (host: string | undefined, counts?: Record<string, number>): DesiredApp =>
  desiredApp({
    groups: [
      group({
        config: { services: [webService], ...(host === undefined ? {} : { guest: { host_dedication_id: host } }) },
        counts,
      }),
    ],
  });

describe('a dedicated host', () => {
  test('a new machine gets it under Fly’s own size', () => {
    const app = plan(wanted('one', { arn: 1 }), observed({ machines: [] }));
    const [create] = only(app.steps, 'release').machines;
    expect(create?.config.guest).toEqual({ ...size, host_dedication_id: 'one' });
  });

  test('machines on another host are made anew there, and only then destroyed', () => {
    const live = machine(wanted(undefined, { arn: 1 }), { config: { guest: size } });
    const app = plan(wanted('one', { arn: 1 }), observed({ machines: [live] }));
    expect(brief(only(app.steps, 'release').machines)).toEqual(['machine.create shop/web/arn/2']);
    expect(brief(app.steps)).toEqual(['release shop', 'machine.destroy shop/web/arn/1']);
  });

  test('one of two that go is made anew where git wants one', () => {
    const two = [1, 2].map((number) => machine(wanted(undefined, { arn: 2 }), { number, config: { guest: size } }));
    const app = plan(wanted('one', { arn: 1 }), observed({ machines: two }));
    expect(brief(only(app.steps, 'release').machines)).toEqual(['machine.create shop/web/arn/3']);
    expect(brief(app.steps)).toEqual([
      'release shop',
      'machine.destroy shop/web/arn/1',
      'machine.destroy shop/web/arn/2',
    ]);
  });

  test('where no number is given a person decides', () => {
    const live = machine(wanted(undefined), { config: { guest: size } });
    const app = plan(wanted('one'), observed({ machines: [live] }));
    expect(brief(app.steps)).toEqual([]);
    expect(holdsOf(app)).toEqual(['volume']);
  });

  test('a volume cannot move, so nothing does', () => {
    const mounted = (host: string | undefined): DesiredApp => {
      const app = wanted(host, { arn: 1 });
      const mount = { volume: 'data', path: '/data' };
      return { ...app, groups: app.groups.map((one) => ({ ...one, mount })) };
    };
    const mounts = [{ volume: 'vol_1', name: 'data', path: '/data' }];
    const live = machine(mounted(undefined), { config: { guest: size, mounts } });
    const app = plan(mounted('one'), observed({ machines: [live] }));
    expect(brief(app.steps)).not.toContain('machine.destroy shop/web/arn/1');
    expect(app.holds[0]).toMatchObject({ reason: 'volume', next: expect.stringContaining('fly volume fork') });
  });

  test('a machine there is in sync; one whose host git does not name stays where it is', () => {
    const live = machine(wanted('one', { arn: 1 }), { config: { guest: { ...size, host_dedication_id: 'one' } } });
    expect(plan(wanted('one', { arn: 1 }), observed({ machines: [live] })).steps).toEqual([]);
    const unnamed = plan(wanted(undefined, { arn: 1 }), observed({ machines: [live] }));
    expect(unnamed.steps.map(({ kind }) => kind)).not.toContain('machine.destroy');
  });
});
