import { describe, expect, test } from 'vitest';
import { brief, desiredApp, group, holdsOf, machine, observed, only, plan } from '../builders.ts';

const one = desiredApp({ groups: [group({ counts: { arn: 1 } })] });

describe('a group that git no longer names', () => {
  const worker = group({ name: 'worker', config: { env: {} }, counts: { arn: 1 } });
  const www = group({ name: 'www', counts: { arn: 1 } });
  const before = desiredApp({ groups: [group({ counts: { arn: 1 } }), worker] });
  const machines = [machine(before), machine(before, { group: 'worker' })];

  test('goes where it serves nobody', () => {
    expect(brief(plan(one, observed({ machines })).steps)).toEqual(['machine.destroy shop/worker/arn/1']);
  });

  test('is held where it was the last one with services', () => {
    const app = plan(
      desiredApp({ groups: [worker] }),
      observed({ machines: [...machines, machine(before, { number: 2 })] }),
    );
    expect(app.steps).toEqual([]);
    expect(app.status).toBe('held');
    expect(app.holds).toMatchObject([{ reason: 'destructive', steps: [{ risk: 'safe' }, { risk: 'destructive' }] }]);
  });

  test('goes where another one serves, once that is healthy', () => {
    const app = plan(desiredApp({ groups: [www] }), observed({ machines: [machine(before)] }));
    expect(brief(app.steps)).toEqual(['release shop', 'machine.destroy shop/web/arn/1']);
    expect(only(app.steps, 'machine.destroy')).toMatchObject({ risk: 'safe', onceHealthy: true });
    expect(app.holds).toEqual([]);
  });

  test('is held where the others with services get no machine', () => {
    const none = desiredApp({ groups: [{ ...www, counts: { arn: 0 } }] });
    expect(holdsOf(plan(none, observed({ machines: [machine(before)] })))).toEqual(['destructive']);
  });

  test('waits with the release that brings what takes over', () => {
    const secrets = [{ name: 'A', origin: { type: 'env', variable: 'A' } }] as const;
    const wanted = desiredApp({ groups: [www], secrets });
    const held = plan(wanted, observed({ machines: [machine(before)] }));
    expect(held.steps).toEqual([]);
    expect(held.holds.map((hold) => [hold.reason, brief(hold.steps)])).toEqual([
      ['secret', ['secret.set shop/A', 'release shop', 'machine.destroy shop/web/arn/1']],
    ]);
    const unread = {
      ...observed({ machines: [machine(before)] }),
      secrets: { status: 'unread', reason: '?' },
    } as const;
    expect(brief(plan(wanted, unread).steps)).toEqual([]);
  });

  test('is held where it has volumes, whoever serves', () => {
    const mounts = [{ volume: 'v1', name: 'data', path: '/data' }];
    const app = plan(desiredApp({ groups: [www] }), observed({ machines: [machine(before, { config: { mounts } })] }));
    expect(brief(app.steps)).toEqual(['release shop']);
    expect(app.holds).toMatchObject([{ reason: 'volume', steps: [{ risk: 'safe' }] }]);
  });
});
