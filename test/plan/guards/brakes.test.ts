import { describe, expect, test } from 'vitest';
import type { DesiredApp } from '../../../src/model/desired.ts';
import { brakeFleet } from '../../../src/plan/guards/brakes.ts';
import type { OrphanedApp } from '../../../src/model/observed.ts';
import type { AppPlan, Hold, Step } from '../../../src/model/plan.ts';
import { defaultPolicy } from '../../../src/model/base/policy.ts';
import { holdOf } from '../../../src/plan/steps/hold.ts';
import { withSteps } from '../../../src/plan/steps/status.ts';
import { fleetOf } from '../../controllers/reconcilers.ts';
import { absent, desiredApp, group, holdsOf, machine, now, observed, plan } from '../builders.ts';
import { fleetPlan, gone } from '../fleets.ts';

type Prune = DesiredApp['policy']['prune'];

const shop = (name: string, autoPruneIps: boolean, policy: Partial<DesiredApp['policy']> = {}) =>
  desiredApp({ name, groups: [group({ counts: { arn: 0 } })], network: { ips: [], autoPruneIps }, policy });

const v6 = (count: number) => Array.from({ length: count }, (_unused, index) => ({ ip: `2a09::${index + 1}` }));

/** Reasons of holds and number of steps, of apps that have so many addresses and list none. */
function braked(...apps: readonly (readonly [DesiredApp, number])[]) {
  const worlds = apps.map(([desired, addresses]) => ({ desired, world: observed({ addresses: v6(addresses) }) }));
  const plans = brakeFleet({
    fleet: fleetOf({ apps: worlds.map(({ desired }) => desired) }),
    plans: worlds.map(({ desired, world }) => plan(desired, world, { memory: { known: true } })),
    observed: worlds.map(({ desired, world }) => ({ ...world, name: desired.name })),
    orphans: [],
    unread: [],
    selected: [],
  });
  return plans.map((app) => [...holdsOf(app), app.steps.length]);
}

const prune: Prune = ['addresses'];

test('auto_prune_ips asks for exactly this, as in the Go version: it is neither held nor counted', () => {
  expect(braked([shop('alpha', true), 9])).toEqual([[9]]);
  expect(braked([shop('alpha', true), 9], [shop('beta', false, { prune }), 1])).toEqual([[9], [1]]);
  expect(braked([shop('alpha', true, { prune }), 9])).toEqual([[9]]);
});

test('removals by prune beside it are held as before', () => {
  expect(braked([shop('alpha', true), 9], [shop('beta', false, { prune }), 4])).toEqual([[9], ['brake', 0]]);
});

test('max_deletes: 0 is said of FlyCD itself, and holds it all the same', () => {
  expect(braked([shop('alpha', true, { maxDeletes: 0 }), 1])).toEqual([['brake', 0]]);
});

describe('what waits for a moment is weighed with what would be done now', () => {
  const later = now + 60_000;
  const two = () => [shop('alpha', false, { prune }), shop('beta', false, { prune })] as const;

  /** Two apps that remove an address each, the second one's held so. */
  function besideHeld(parts: Omit<Parameters<typeof holdOf>[1], 'because' | 'next' | 'steps'>): readonly AppPlan[] {
    const apps = two();
    const world = observed({ addresses: v6(1) });
    const [first, second] = apps.map((desired) => plan(desired, world, { memory: { known: true } })) as [
      AppPlan,
      AppPlan,
    ];
    const hold: Hold = holdOf('beta', { because: '', next: '', ...parts, steps: second.steps });
    return brakeFleet({
      fleet: fleetOf({ apps }),
      plans: [first, withSteps(second, { steps: [], holds: [hold] })],
      observed: apps.map(({ name }) => ({ ...world, name })),
      orphans: [],
      unread: [],
      selected: [],
    });
  }

  test.each<Parameters<typeof besideHeld>[0]>([
    { reason: 'busy', retryAt: later },
    { reason: 'unread' },
    { reason: 'suspended', retryAt: later },
    { reason: 'suspended' },
    { reason: 'window', retryAt: later },
    { reason: 'window' },
    { reason: 'dependency', retryAt: later },
    { reason: 'destructive', retryAt: later },
    { reason: 'intent', retryAt: later },
    { reason: 'drift', retryAt: later },
  ])('held as $reason until $retryAt', (parts) => {
    const [first, second] = besideHeld(parts);
    expect(first && [...holdsOf(first), first.steps.length]).toEqual(['brake', 0]);
    // What is held for another reason stays so.
    expect(second && holdsOf(second)).toEqual([parts.reason]);
  });

  test.each<Parameters<typeof besideHeld>[0]>([
    { reason: 'volume', byName: true },
    { reason: 'destructive', byName: true },
    { reason: 'destructive' },
    { reason: 'owner' },
    { reason: 'manual' },
  ])('not what a person or git has to decide on: $reason', (parts) => {
    expect(besideHeld(parts).map((app) => holdsOf(app))).toEqual([[], [parts.reason]]);
  });

  const other: OrphanedApp = { ...gone, name: 'other' };
  const unread = { status: 'unread', reason: '503' } as const;
  const contents = gone.contents;
  test.each<[string, OrphanedApp, string]>([
    ['could not be looked at again', { ...other, unread: '503' }, 'unread'],
    [
      'has volumes that could not be read',
      { ...other, contents: contents && { ...contents, volumes: unread } },
      'volume',
    ],
    [
      'was removed by a history that could not be read',
      { ...other, history: { state: 'unread', reason: '503', next: undefined } },
      'destructive',
    ],
  ])('an app that git no longer names and that %s', (_what, orphan, reason) => {
    const policy = { ...defaultPolicy, prune: ['app' as const] };
    const destroys = ({ steps }: { readonly steps: readonly Step[] }) => steps.map(({ kind }) => kind);
    const { apps } = fleetPlan([], { fleet: fleetOf({ apps: [], policy }), orphans: [gone, orphan] });
    expect(apps.map((app) => [app.app, destroys(app), holdsOf(app)])).toEqual([
      ['gone', [], ['brake']],
      ['other', [], [reason]],
    ]);
  });
});

describe('a fleet of twenty process groups', () => {
  const names = Array.from({ length: 20 }, (_none, index) => `g${index}`);
  const before = desiredApp({ name: 'alpha', groups: names.map((name) => group({ name, counts: { arn: 1 } })) });
  const machines = names.map((name) => machine(before, { group: name }));

  /** Reasons of holds where so many of the groups are no longer git's. */
  function without(removed: number, world = observed({ machines })): readonly string[] {
    const desired = { ...before, groups: before.groups.slice(removed), policy: { ...before.policy, maxDeletes: 10 } };
    const steps = names.slice(0, removed).map((name): Step => {
      const target = `alpha/${name}/arn/1`;
      const step = { app: 'alpha', target, because: '', risk: 'safe', changes: [], group: name } as const;
      return { ...step, kind: 'machine.destroy', machineId: `${name}arn1` };
    });
    const plans = [withSteps(plan(desired, observed({ machines })), { steps, holds: [] })];
    const fleet = fleetOf({ apps: [desired] });
    const [braked] = brakeFleet({
      fleet,
      plans,
      observed: [{ ...world, name: 'alpha' }],
      orphans: [],
      unread: [],
      selected: [],
    });
    return braked === undefined ? [] : holdsOf(braked);
  }

  test('may lose a tenth of them at once, and no more', () => {
    expect(without(2)).toEqual([]);
    expect(without(3)).toEqual(['brake']);
  });

  test('loses none while nobody sees how many there are', () => {
    const unread = { status: 'unread', reason: '503' } as const;
    expect(without(1, { ...observed(), machines: unread })).toEqual(['brake']);
  });
});

describe('of twenty apps one in ten may go', () => {
  const two = ['gone', 'other'].map((name): OrphanedApp => ({ ...gone, name }));

  /** Reasons of holds of the two that git names no more, beside so many that Fly has, has not, and does not tell of. */
  function beside(present: number, lacking: number, untold = 0): readonly (readonly string[])[] {
    const unread = { status: 'unread', reason: '503' } as const;
    const worlds = [
      ...Array.from({ length: present }, () => observed()),
      ...Array.from({ length: lacking }, () => absent),
      ...Array.from({ length: untold }, () => ({ ...observed(), app: unread })),
    ].map((world, index) => ({ ...world, name: `shop${index}` }));
    const plans = two.map(({ name }): AppPlan => {
      const step = { app: name, target: name, because: '', risk: 'destructive', changes: [] } as const;
      const destroy: Step = { ...step, kind: 'app.destroy' };
      return withSteps({ ...plan(desiredApp({ name }), absent), status: 'orphaned' }, { steps: [destroy], holds: [] });
    });
    const policy = { ...defaultPolicy, prune: ['app' as const] };
    const apps = worlds.map(({ name }) => shop(name, false));
    const fleet = fleetOf({ apps, policy });
    const all = [...apps.map((desired) => plan(desired, absent)), ...plans];
    const input = { fleet, plans: all, observed: worlds, orphans: two, unread: [], selected: [] };
    return brakeFleet(input)
      .slice(-2)
      .map((app) => holdsOf(app));
  }

  test('and those that Fly does not have are none of them', () => {
    expect(beside(18, 0)).toEqual([[], []]);
    expect(beside(17, 5)).toEqual([['brake'], ['brake']]);
    expect(beside(17, 0, 5)).toEqual([['brake'], ['brake']]);
  });
});

describe('apps that restart though git has not moved', () => {
  interface Update {
    readonly remapped?: boolean;
    readonly unknownInputs?: boolean;
    readonly risk: 'restart' | 'safe';
  }

  interface Among {
    /** So many of them nobody could look at. */
    readonly unseen?: number;
    /** That of the last one is held. */
    readonly heldBy?: Hold['reason'];
  }

  /** Four apps with such an update each; the last two maybe with another. */
  function restartsOf(first: Update, last = first, { unseen = 0, heldBy }: Among = {}): readonly AppPlan[] {
    const apps = ['a', 'b', 'c', 'd'].map((name) => shop(name, false));
    const plans = apps.map((desired, index) => {
      const parts = index < 2 ? first : last;
      const { groups, name } = desired;
      const [web] = groups;
      const base = { app: name, target: `${name}/web/arn/1`, because: '', changes: [], group: 'web', machineId: 'x' };
      const slot = { group: 'web', region: 'arn', number: 1 };
      const sent = { app: '', config: '', image: '' };
      const more = { slot, sent, config: web?.config ?? {}, currentVersion: undefined, skipLaunch: false };
      const step = { ...base, ...more, ...parts, kind: 'machine.update', reason: 'change' } as const;
      if (heldBy === undefined || index < 3) return withSteps(plan(desired, observed()), { steps: [step], holds: [] });
      const hold = holdOf(name, { reason: heldBy, because: '', next: '', steps: [step] });
      return withSteps(plan(desired, observed()), { steps: [], holds: [hold] });
    });
    const fleet = fleetOf({ apps });
    const seen = plans.slice(unseen);
    return brakeFleet({ fleet, plans: seen, observed: [], orphans: [], unread: [], selected: [] });
  }

  /** Reasons of their holds. */
  const restarting = (first: Update, last = first): readonly string[] =>
    restartsOf(first, last).flatMap((app) => holdsOf(app));
  const says = (first: Update, last = first): readonly string[] => [
    ...new Set(restartsOf(first, last).flatMap(({ holds }) => holds.map(({ because }) => because))),
  ];

  test('are held where they are more than three', () => {
    expect(restarting({ remapped: true, risk: 'restart' })).toEqual(['brake', 'brake', 'brake', 'brake']);
  });

  test('are held for what is known of git, and no more', () => {
    const mapped = { remapped: true, risk: 'restart' } as const;
    expect(says(mapped)).toEqual([
      '4 apps would restart though nothing changed in git (a, b, c, d): this FlyCD maps their config differently',
    ]);
    const unknown =
      '4 apps would restart (a, b, c, d), and whether git asks for it or this FlyCD maps their config differently cannot be told: an earlier FlyCD wrote down what git said in another way';
    expect(says({ ...mapped, unknownInputs: true })).toEqual([unknown]);
    expect(says(mapped, { ...mapped, unknownInputs: true })).toEqual([unknown]);
  });

  test('are held, until they are seen, where those that nobody could look at would make them more', () => {
    const mapped = { remapped: true, risk: 'restart' } as const;
    const held = restartsOf(mapped, mapped, { unseen: 1 });
    expect(held.map(({ app, steps, holds }) => [app, steps.length, holds[0]?.because])).toEqual(
      ['b', 'c', 'd'].map((app) => [
        app,
        0,
        'a could not be read, and may restart as well though nothing changed in git, as b, c, d would',
      ]),
    );
    expect(held[0]?.holds[0]?.next).toContain('tries again in the next pass');
    expect(restartsOf({ risk: 'restart' }, { risk: 'restart' }, { unseen: 1 }).flatMap((app) => holdsOf(app))).toEqual(
      [],
    );
  });

  test.each(['busy', 'window', 'dependency', 'unread', 'intent', 'unreachable'] as const)(
    'count while they wait for what passes by itself: %s',
    (reason) => {
      const mapped = { remapped: true, risk: 'restart' } as const;
      expect(restartsOf(mapped, mapped, { heldBy: reason }).map(holdsOf)).toEqual([
        ['brake'],
        ['brake'],
        ['brake'],
        [reason],
      ]);
    },
  );

  test.each(['manual', 'failed', 'flyctl', 'build'] as const)('do not count while a person decides: %s', (reason) => {
    const mapped = { remapped: true, risk: 'restart' } as const;
    expect(restartsOf(mapped, mapped, { heldBy: reason }).map(holdsOf)).toEqual([[], [], [], [reason]]);
  });

  test('are none where git moved, or where the update restarts nothing', () => {
    expect(restarting({ risk: 'restart' })).toEqual([]);
    expect(restarting({ remapped: true, risk: 'safe' })).toEqual([]);
    expect(restarting({ remapped: true, risk: 'restart' }, { risk: 'restart' })).toEqual([]);
  });
});
