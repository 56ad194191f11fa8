/** An app that git names and that somebody is destroying: nobody says that it is as git says. */
import { describe, expect, test } from 'vitest';
import type { Machine } from '../../../schemas/fly/machine.ts';
import { stampKeys } from '../../../src/model/stamps/keys.ts';
import type { Step, StepKind } from '../../../src/model/plan.ts';
import { guardDestroyed } from '../../../src/plan/guards/busy.ts';
import { brief, desiredApp, input, machine, now, observed, plan } from '../builders.ts';

const desired = desiredApp({ policy: { prune: ['addresses'] }, network: { ips: [], autoPruneIps: false } });
const leased = (endsIn: number, description = 'flycd:other:host:destroy'): Machine['lease'] => ({
  nonce: 'x',
  owner: 'ann@example.com',
  description,
  expires_at: (now + endsIn) / 1000,
});

function planned(lease: Machine['lease'], more: Parameters<typeof observed>[0] = {}, metadata = {}) {
  const machines = [machine(desired, { lease, metadata }), machine(desired, { number: 2, lease })];
  const { holds, steps, bookkeeping } = plan(desired, observed({ machines, ...more }), { memory: { known: true } });
  return { holds: holds.map(({ reason, steps: held }) => [reason, ...brief(held)]), steps: brief(steps), bookkeeping };
}

describe('while its machines are leased for that', () => {
  test.each<[string, Parameters<typeof observed>[0], object, readonly string[]]>([
    ['nothing to do', {}, {}, []],
    ['a stamp to write', {}, { [stampKeys.read]: undefined }, []],
    ['an address to release', { addresses: [{ ip: '2a09::1' }] }, {}, ['address.release shop/2a09::1']],
    [
      'both of them',
      { addresses: [{ ip: '2a09::1' }] },
      { [stampKeys.read]: undefined },
      ['address.release shop/2a09::1'],
    ],
  ])('it is busy with %s, and none of it is done', (_what, more, metadata, held) => {
    for (const fleet of ['other', 'acme']) {
      const { holds, steps, bookkeeping } = planned(leased(60_000, `flycd:${fleet}:host:destroy`), more, metadata);
      expect(holds).toEqual([['busy', ...held]]);
      expect(steps).toEqual([]);
      expect(bookkeeping ?? []).toEqual([]);
    }
  });

  test('what needs a lease waits for it by itself', () => {
    const lease = leased(60_000, 'flycd:acme:host:destroy');
    const machines = [machine(desired, { lease, config: { env: { COLOR: 'blue' } } })];
    expect(brief(plan(desired, observed({ machines })).steps)).toContain('machine.create shop/web/arn/2');
  });
});

/** Of each kind of step, whether it is done without a lease on a machine, and so without a wait for whoever has them all. */
const kinds: Readonly<Record<StepKind, boolean>> = {
  'app.create': false,
  'app.adopt': false,
  'app.destroy': false,
  'image.build': false,
  'address.allocate': false,
  'address.release': true,
  'secret.set': true,
  'secret.unset': true,
  'volume.create': false,
  'volume.extend': true,
  'volume.configure': true,
  'machine.create': false,
  'machine.update': false,
  'machine.label': true,
  'machine.destroy': false,
  'machine.start': false,
  'machine.cordon': false,
  'machine.uncordon': true,
  'machine.restart': false,
  release: false,
  'certificate.add': false,
  'certificate.remove': false,
};

test.each(Object.entries(kinds))('a step of the kind %s alone is held: %s', (kind, isHeld) => {
  const lease = leased(60_000);
  const machines = [machine(desired, { lease }), machine(desired, { number: 2, lease })];
  const step = { kind, app: 'shop', target: 'shop', because: '', risk: 'safe', changes: [], metadata: {} };
  const draft = guardDestroyed(input(desired, observed({ machines })), { steps: [step as unknown as Step], holds: [] });
  expect([draft.steps.length, draft.holds.map(({ reason }) => reason)]).toEqual(isHeld ? [0, ['busy']] : [1, []]);
});

test.each([
  ['is over', leased(-1000)],
  ['is for something else', leased(60_000, 'flycd:acme:host')],
])('it is synced where the lease %s', (_what, lease) => {
  expect(planned(lease).holds).toEqual([]);
});
