/** What Fly did not tell holds what needs it, and shows it. */
import { describe, expect, test } from 'vitest';
import type { Reading } from '../../../src/model/observed.ts';
import { desiredApp, group, machine, observed, plan } from '../builders.ts';

const desired = desiredApp({ groups: [group({ counts: { arn: 1 } })] });
const drifted = observed({ machines: [machine(desired, { config: { env: { COLOR: 'blue' } } })] });
const policy = (parts: Partial<typeof desired.policy>) => ({ ...desired, policy: { ...desired.policy, ...parts } });

describe('unread', () => {
  const unread: Reading<never> = { status: 'unread', reason: 'Fly answered 503' };
  const base = observed({ machines: [machine(desired)] });

  test.each(['app', 'machines'] as const)('without the %s nothing is planned', (kind) => {
    const app = plan(desired, { ...base, [kind]: unread });
    expect(app).toMatchObject({ steps: [], status: 'pending', holds: [{ reason: 'unread', steps: [] }] });
    expect(app.holds[0]?.because).toContain('Fly answered 503');
  });

  test.each(['volumes', 'secrets', 'addresses'] as const)('unread %s make the app pending, never synced', (kind) => {
    expect(plan(desired, { ...base, [kind]: unread })).toMatchObject({ steps: [], status: 'pending' });
  });

  test('no machine is made that needs a volume, none changed that needs a secret', () => {
    const mounted = desiredApp({
      groups: [
        group({ mount: { volume: 'data', path: '/d' }, counts: { arn: 1 } }),
        group({ name: 'api', counts: { arn: 1 } }),
      ],
    });
    const made = plan(mounted, { ...observed(), volumes: unread });
    expect(made.steps).toMatchObject([{ kind: 'release', machines: [{ target: 'shop/api/arn/1' }] }]);
    expect(made.holds).toMatchObject([
      { reason: 'unread', steps: [{ kind: 'release', machines: [{ target: 'shop/web/arn/1' }] }] },
    ]);
    const secret = { ...desired, secrets: [{ name: 'A', origin: { type: 'raw' } as const }] };
    const held = plan(secret, { ...drifted, secrets: unread });
    expect(held).toMatchObject({
      steps: [],
      holds: [{ reason: 'unread', steps: [{ kind: 'machine.update', target: 'shop/web/arn/1' }] }],
    });
    expect(plan(desired, { ...drifted, secrets: unread }).steps).toHaveLength(1);
  });

  test('what git no longer names stays while a secret may bring a release, which a calm pass makes first', () => {
    const pruning = { ...policy({ prune: ['addresses'] }), network: { ips: [], autoPruneIps: false } };
    const given = { ...base, addresses: { status: 'read', value: [{ ip: '2a09::1' }] } } as const;
    const secret = { ...pruning, secrets: [{ name: 'A', origin: { type: 'raw' } as const }] };
    const release = [{ kind: 'address.release' }];
    expect(plan(secret, { ...given, secrets: unread })).toMatchObject({
      steps: [],
      holds: [{ reason: 'unread', steps: release }],
    });
    // It has none that could.
    expect(plan(pruning, { ...given, secrets: unread })).toMatchObject({ steps: release });
  });
});
