/** What git no longer names goes last, and not on half the truth. */
import { describe, expect, test } from 'vitest';
import type { DesiredApp, InvalidApp } from '../../../src/model/desired.ts';
import type { ObservedApp } from '../../../src/model/observed.ts';
import type { AppPlan, Hold } from '../../../src/model/plan.ts';
import { defaultPolicy } from '../../../src/model/base/policy.ts';
import { planFleet, type PlanFleetInput } from '../../../src/plan/fleet.ts';
import { goesLast } from '../../../src/plan/guards/removal-order.ts';
import {
  absent,
  brief,
  desiredApp,
  digest,
  group,
  machine,
  now,
  observed,
  plan,
  secretOf,
  volume,
} from '../builders.ts';
import { fleetOf, gone, type One } from '../fleets.ts';

const gaps = [{ org: 'personal', reason: 'region ams did not answer' }];
const one = group({ counts: { arn: 1 } });
const none = group({ counts: { arn: 0 } });
const policy = { ...defaultPolicy, prune: ['app', 'addresses'] as const };

interface Parts extends Partial<PlanFleetInput> {
  readonly invalid?: readonly InvalidApp[];
}

function whole(ones: readonly One[], { invalid = [], ...parts }: Parts = {}) {
  return planFleet({
    fleet: fleetOf(
      ones.map(({ desired }) => desired),
      { policy, invalid },
    ),
    plans: ones.map(({ desired, world }): AppPlan => plan(desired, world, { memory: { known: true } })),
    observed: ones.map(({ desired, world }) => ({ ...world, name: desired.name })),
    orphans: [gone],
    unread: [],
    now,
    accept: false,
    acceptOnly: [],
    failed: [],
    selected: [],
    ...parts,
  });
}

const app = (name: string, parts: Partial<DesiredApp> = {}): DesiredApp =>
  desiredApp({ name, groups: [one], ...parts });
const healthy = (name: string): One => {
  const desired = app(name);
  return { desired, world: observed({ machines: [machine(desired)] }) };
};
const ofGone = ({ apps }: { readonly apps: readonly AppPlan[] }) => {
  const found = apps.find((plan) => plan.app === 'gone');
  return { steps: brief(found?.steps ?? []), holds: found?.holds ?? [] };
};

describe('an app that git no longer names goes last', () => {
  test('at once where all that git names runs as git says', () => {
    expect(ofGone(whole([healthy('shop')])).steps).toEqual(['app.destroy gone']);
  });

  const fresh = app('shop-v2');
  const crashed = machine(fresh, {
    state: 'stopped',
    events: [{ type: 'exit', request: { restart_count: 10, exit_event: { exit_code: 1, requested_stop: false } } }],
  });
  const unwell = machine(fresh, { checks: [{ name: 'web', status: 'critical' }] } as never);
  test.each<[string, One]>([
    ['is still to be made', { desired: fresh, world: absent }],
    ['has no machine yet', { desired: fresh, world: observed() }],
    [
      'runs the version before',
      {
        desired: app('shop', { groups: [group({ counts: { arn: 1 }, config: { env: { COLOR: 'blue' } } })] }),
        world: observed({ machines: [machine(app('shop'))] }),
      },
    ],
    ['is not healthy', { desired: fresh, world: observed({ machines: [unwell] }) }],
    ['crashed until its restarts ran out', { desired: fresh, world: observed({ machines: [crashed] }) }],
    [
      'is another organization’s',
      { desired: fresh, world: { ...observed(), app: { status: 'read', value: { state: 'taken' } } } },
    ],
    ['could not be read', { desired: fresh, world: { ...observed(), machines: { status: 'unread', reason: '503' } } }],
  ])('not while an app of the fleet %s', (_what, other) => {
    const { steps, holds } = ofGone(whole([healthy('rest'), other]));
    expect(steps).toEqual([]);
    expect(holds).toMatchObject([{ reason: 'destructive', retryAt: now + 15_000 }]);
    expect(holds[0]?.because).toContain(
      `FlyCD destroys it only after every other app runs what git says: ${other.desired.name} `,
    );
    expect(holds[0]?.steps).toHaveLength(1);
  });

  const settled = machine(app('shop'));
  test.each<[string, Partial<DesiredApp>, Partial<ObservedApp>]>([
    [
      'lacks an address',
      { network: { ips: undefined, autoPruneIps: false } },
      {
        app: { status: 'read', value: { state: 'present', app: { name: 'shop', status: 'pending' } } },
        machines: { status: 'read', value: [] },
      },
    ],
    ['lacks a volume', { volumes: [{ name: 'data', region: 'arn', sizeGb: 1, count: 1 } as never] }, {}],
    [
      'is suspended or held by flyctl',
      {},
      {
        machines: {
          status: 'read',
          value: [
            machine(app('shop'), {
              config: { env: { COLOR: 'green' } },
              metadata: { fly_release_id: 'r2', fly_release_version: '12', flycd_release: 'r1' },
            }),
          ],
        },
      },
    ],
  ])('not while an app of the fleet %s', (_what, parts, seen) => {
    const desired = app('shop', parts);
    const { steps, holds } = ofGone(whole([{ desired, world: { ...observed({ machines: [settled] }), ...seen } }]));
    expect(steps).toEqual([]);
    expect(holds[0]?.because).toContain('shop is');
  });

  test('labels alone, and drift that is only reported, keep nobody waiting', () => {
    const unstamped = machine(app('shop'), { metadata: { flycd_machine: undefined } });
    expect(ofGone(whole([{ desired: app('shop'), world: observed({ machines: [unstamped] }) }])).steps).toHaveLength(1);
    const reported = app('shop', { policy: { ...defaultPolicy, drift: 'report' } });
    const drifted = machine(app('shop'), { config: { env: { COLOR: 'green' } } });
    expect(ofGone(whole([{ desired: reported, world: observed({ machines: [drifted] }) }])).steps).toHaveLength(1);
  });

  test('not while an app is invalid: it may be what takes its place', () => {
    const { steps, holds } = ofGone(
      whole([healthy('rest')], { invalid: [{ name: 'shop-v2', file: 'shop/app.yaml' }] }),
    );
    expect(steps).toEqual([]);
    expect(holds[0]?.because).toContain(
      'FlyCD destroys it only after every other app runs what git says: shop-v2 is invalid',
    );
  });

  test.each(['gone', 'app:gone'])('a person who names it with --accept-only %s does not wait', (word) => {
    const { steps } = ofGone(whole([{ desired: fresh, world: absent }], { acceptOnly: [word] }));
    expect(steps).toEqual(['app.destroy gone']);
  });

  test('never while an app names it in depends_on, whatever is accepted', () => {
    const invalid = [{ name: 'web', file: 'web/app.yaml', dependsOn: ['gone'] }];
    for (const more of [{}, { accept: true }, { acceptOnly: ['gone'] }]) {
      const { steps, holds } = ofGone(whole([healthy('rest')], { invalid, ...more }));
      expect(steps).toEqual([]);
      expect(holds).toMatchObject([{ reason: 'dependency' }]);
      expect(holds[0]?.because).toBe('web (web/app.yaml) names it in depends_on');
    }
  });
});

describe('removals on half the truth', () => {
  test('no app goes while Fly’s machine list of personal is incomplete', () => {
    const { steps, holds } = ofGone(whole([healthy('shop')], { unread: gaps }));
    expect(steps).toEqual([]);
    expect(holds).toMatchObject([
      {
        reason: 'brake',
        because: 'Fly’s machine list of personal is incomplete, so FlyCD cannot count the removals',
        next: 'read the plan, then flycd sync --once --accept-only brake. FlyCD tries again in the next pass',
      },
    ]);
    expect(ofGone(whole([healthy('shop')], { unread: gaps, accept: true })).steps).toEqual(['app.destroy gone']);
  });

  const twin = observed({ addresses: [{ ip: '2a09::1' }] });
  const pruning = desiredApp({
    name: 'alpha',
    groups: [none],
    network: { ips: [], autoPruneIps: false },
    policy: { prune: ['addresses'] },
  });
  const other = (world: ObservedApp): One => ({ desired: { ...pruning, name: 'beta' }, world });
  const unread = { status: 'unread', reason: '503' } as const;

  test.each<[string, One, boolean]>([
    ['another app’s addresses were read', other(observed()), false],
    ['another app’s addresses were not read', other({ ...observed(), addresses: unread }), true],
    ['another app was not read at all', other({ ...observed(), app: unread }), true],
    ['another app’s secrets were not read', other({ ...observed(), secrets: unread }), false],
  ])('addresses, where %s', (_what, rest, held) => {
    const plans = whole([{ desired: pruning, world: twin }, rest], { orphans: [] }).apps;
    const alpha = plans.find((plan) => plan.app === 'alpha');
    expect(brief(alpha?.steps ?? [])).toEqual(held ? [] : ['address.release alpha/2a09::1']);
    if (held) expect(alpha?.holds[0]?.because).toContain('beta could not be read, and may have more to remove');
  });

  test('an app that has no plan yet may have more to remove', () => {
    const ones = [{ desired: pruning, world: twin }, other(observed())];
    const all = whole(ones, { orphans: [] });
    const [first] = ones.map(({ desired, world }) => plan(desired, world, { memory: { known: true } }));
    expect(all.apps.find(({ app: name }) => name === 'alpha')?.holds).toEqual([]);
    const partial = whole(ones, { orphans: [], plans: first === undefined ? [] : [first] });
    expect(partial.apps.find(({ app: name }) => name === 'alpha')?.holds).toMatchObject([{ reason: 'brake' }]);
    const chosen = whole(ones, { orphans: [], plans: first === undefined ? [] : [first], selected: ['alpha'] });
    expect(chosen.apps.find(({ app: name }) => name === 'alpha')?.holds).toEqual([]);
  });
});

describe('a word for many things reaches no app with its volumes', () => {
  const withVolumes = {
    ...gone,
    contents: { ...gone.contents, volumes: { status: 'read', value: [volume('vol_1')] } },
  } as typeof gone;

  test.each<[string, Partial<PlanFleetInput>, boolean]>([
    ['--accept-only volume', { acceptOnly: ['volume'] }, false],
    ['--accept-only volume and another app', { acceptOnly: ['volume', 'shop'] }, false],
    ['--accept', { accept: true }, false],
    ['its name', { acceptOnly: ['gone'] }, true],
  ])('%s', (_what, more, destroyed) => {
    const { steps } = ofGone(whole([healthy('shop')], { orphans: [withVolumes], ...more }));
    expect(steps).toEqual(destroyed ? ['app.destroy gone'] : []);
  });
});

describe('time may lift a hold within the same pass', () => {
  const destroy = {
    kind: 'app.destroy',
    app: 'gone',
    target: 'gone',
    because: '',
    risk: 'destructive',
    changes: [],
  } as const;
  const release = { ...destroy, kind: 'address.release', address: '2a09::1', staying: [] } as const;
  const hold = { app: 'gone', reason: 'destructive', because: '', next: '', steps: [destroy], retryAt: now } as const;

  test.each<[string, Hold, boolean]>([
    ['of an app that waits for others', hold, true],
    ['not where a person has to name it', { ...hold, byName: true }, false],
    ['not where nothing says when', { ...hold, retryAt: undefined }, false],
    ['not for another reason', { ...hold, reason: 'volume' }, false],
    ['not of an app that git names', { ...hold, steps: [release] }, false],
    ['not where there is nothing to do', { ...hold, steps: [] }, false],
  ])('%s', (_what, one, isSo) => {
    expect(goesLast(one)).toBe(isSo);
  });
});

describe('what git no longer names stays with the version that may need it', () => {
  const base = {
    groups: [one],
    policy: { prune: ['addresses', 'secrets'] as const },
    network: { ips: [], autoPruneIps: false },
  };
  const wanted = desiredApp({ ...base, groups: [group({ counts: { arn: 1 }, config: { env: { COLOR: 'blue' } } })] });
  const runs = desiredApp({ ...base, groups: [one, group({ name: 'cron', counts: { arn: 1 }, config: {} })] });
  const world = observed({
    machines: [machine(runs), machine(runs, { group: 'cron' })],
    secrets: [secretOf('OLD')],
    addresses: [{ ip: '2a09::1', region: 'global', service_name: '', shared: false, created_at: '' }],
  });
  const evidence = { OLD: { mark: 'mark', keyId: 'key', digest: secretOf('OLD').digest ?? '' } };
  const memory = { known: true, evidence };
  const removals = ['secret.unset shop/OLD', 'machine.destroy shop/cron/arn/1', 'address.release shop/2a09::1'];
  const planned = (desired: DesiredApp, seen: ObservedApp) => {
    const { steps, holds } = plan(desired, seen, { memory });
    const held = holds.map((hold) => [hold.reason, brief(hold.steps).filter((step) => removals.includes(step))]);
    return { goes: brief(steps).filter((step) => removals.includes(step)), held };
  };

  test('goes after a release that may begin', () => {
    expect(planned(wanted, world)).toEqual({ goes: removals, held: [] });
  });

  const secrets = [{ name: 'NEW', origin: { type: 'env', variable: 'NEW' } as const }];
  const source = { type: 'local', path: '' } as const;
  const build = { key: 'a'.repeat(32), settings: {} };
  const reference = wanted.image.kind === 'reference' ? wanted.image.ref : '';
  const volumes = { status: 'unread', reason: 'Fly answered 503' } as const;
  const store = group({ name: 'store', counts: { arn: 1 }, mount: { volume: 'data', path: '/d' } });
  test.each<[string, DesiredApp, ObservedApp]>([
    ['secret', { ...wanted, secrets }, world],
    ['image', wanted, { ...world, unpullable: [{ ref: `${reference}@${digest}`, why: 'it is private' }] }],
    ['build', { ...wanted, source, image: { kind: 'build', source, build }, appVersion: 'tree:1' }, world],
    ['unread', { ...wanted, groups: [...wanted.groups, store] }, { ...world, volumes }],
  ])('waits with one that is held: %s', (reason, desired, seen) => {
    expect(planned(desired, seen)).toEqual({ goes: [], held: expect.arrayContaining([[reason, removals]]) });
  });
});
