/** A word to adopt that is held with the rest is written nowhere: what to do next has to name it. */
import { describe, expect, test } from 'vitest';
import type { FleetOwner } from '../../../src/model/stamps/owner.ts';
import { planApp } from '../../../src/plan/app.ts';
import { suspendedPlan } from '../../../src/plan/target/suspension.ts';
import { absent, desiredApp, flyctlMachine, group, input, machine, now, observed, plan } from '../builders.ts';

const desired = desiredApp({ groups: [group({ counts: { arn: 1 } })] });
const adopt = { options: { adopt: true } };
const lease = { nonce: '', owner: 'joe', version: '', description: 'flyctl', expires_at: now / 1000 + 60 };
const differing = { config: { env: { COLOR: 'theirs' } } };
const nexts = ({ holds }: ReturnType<typeof plan>) => holds.map(({ reason, next }) => `${reason}: ${next}`);

describe('while somebody is at work', () => {
  test.each([
    ['its machines are of git’s group', { ...differing }],
    ['they are of a group that git does not name', { metadata: { fly_process_group: 'worker' } }],
    ['they are another fleet’s', { metadata: { flycd_fleet: 'theirs' } }],
  ])('%s', (_what, parts) => {
    const machines = [flyctlMachine(desired, { ...parts, lease })];
    expect(nexts(plan(desired, observed({ machines }), adopt))).toEqual([
      'busy: flycd adopt shop again when they are done',
    ]);
  });

  test('for hours, which a person ends', () => {
    const endless = { ...lease, expires_at: now / 1000 + 7200 };
    const machines = [flyctlMachine(desired, { ...differing, lease: endless })];
    const [next] = nexts(plan(desired, observed({ machines }), adopt));
    expect(next).toMatch(
      /^busy: nobody deploys for so long.*fly machine leases clear \S+; then flycd adopt shop again$/,
    );
  });

  test('on an app that is ours already: that goes on by itself', () => {
    const world = observed({ machines: [machine(desired, { ...differing, lease })] });
    const byItself = ['busy: FlyCD goes on by itself when they are done'];
    expect(nexts(plan(desired, world, adopt))).toEqual(byItself);
    const known = { ...adopt, memory: { known: true } };
    const theirs = observed({ machines: [flyctlMachine(desired, { ...differing, lease })] });
    expect(nexts(plan(desired, theirs, known))).toEqual(byItself);
  });

  describe.each([
    ['one app', { apps: ['shop'] }, 'flycd adopt shop --from OLD'],
    ['all of them', {}, 'flycd adopt --all --from OLD'],
  ])('on what is taken from an earlier owner: %s', (_what, options, command) => {
    const from: FleetOwner = { name: 'acme', from: { text: 'OLD', name: 'OLD', digits: undefined } };
    test.each([
      ['where that owner is destroying the app', 'flycd:OLD:x:destroy'],
      ['where it is at work', 'flycd:OLD:x'],
    ])('and is labelled already, %s', (_when, description) => {
      const machines = [machine(desired, { lease: { ...lease, description } })];
      const taken = planApp(input(desired, observed({ machines }), { fleet: from, options }));
      expect(nexts(taken)).toEqual([`busy: ${command} again when they are done`]);
    });
  });
});

describe('of a suspended app both commands are named, in their order', () => {
  const standing = (until: number | undefined) => ({
    good: undefined,
    fulfilled: undefined,
    failed: undefined,
    hold: undefined,
    suspension: { reason: 'why', by: 'alice', at: 1, until, count: 1 },
    texts: {},
  });
  const moment = { now, aheadMs: 0 };
  const world = observed({ machines: [flyctlMachine(desired, differing)] });
  const same = observed({ machines: [flyctlMachine(desired)] });

  test.each([
    ['for good', undefined, 'suspended: flycd resume shop; then flycd adopt shop again'],
    [
      'for a while',
      now + 60_000,
      'suspended: FlyCD follows git again by itself, or at once with flycd resume shop; then flycd adopt shop again',
    ],
  ])('%s', (_what, until, next) => {
    for (const seen of [world, same])
      expect(nexts(suspendedPlan(plan(desired, seen, adopt), standing(until), { ...moment, adopts: true }))).toEqual([
        next,
      ]);
  });

  test('but not where nobody adopts it, or it is ours', () => {
    const plain = suspendedPlan(plan(desired, world), standing(undefined), { ...moment, adopts: false });
    expect(nexts(plain)).toContain('suspended: flycd resume shop');
    const own = observed({ machines: [machine(desired, differing)] });
    const ours = suspendedPlan(plan(desired, own, adopt), standing(undefined), { ...moment, adopts: true });
    expect(nexts(ours)).toEqual(['suspended: flycd resume shop']);
    const made = suspendedPlan(plan(desired, absent, adopt), standing(undefined), { ...moment, adopts: true });
    expect(nexts(made)).toEqual(['suspended: flycd resume shop']);
  });
});

test.each(['app', 'machines'] as const)('where Fly does not show the %s', (kind) => {
  const seen = { ...observed(), [kind]: { status: 'unread', reason: 'HTTP 503' } as const };
  const next = /^unread: FlyCD tries again.*; then flycd adopt shop again$/;
  expect(nexts(plan(desired, seen, adopt))).toEqual([expect.stringMatching(next)]);
  expect(nexts(plan(desired, seen))).toEqual([expect.not.stringContaining('adopt')]);
});
