import { describe, expect, test } from 'vitest';
import type { DesiredApp, DesiredFleet } from '../../src/model/desired.ts';
import { Fault } from '../../src/model/base/fault.ts';
import type { ObservedApp, OrphanedApp } from '../../src/model/observed.ts';
import type { AppPlan } from '../../src/model/plan.ts';
import { defaultPolicy } from '../../src/model/base/policy.ts';
import type { Problem } from '../../src/model/base/problem.ts';
import { formatSecrets } from '../../src/model/stamps/secrets-stamp.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { planFleet } from '../../src/plan/fleet.ts';
import { heldPlan } from '../../src/plan/target/target-plan.ts';
import {
  absent,
  brief,
  desiredApp,
  flyctlMachine,
  group,
  holdsOf,
  machine,
  now,
  observed,
  plan,
  secretOf,
  webService,
} from './builders.ts';
import { fleetOf, fleetPlan, gone, type One } from './fleets.ts';

const v6 = (count: number) => Array.from({ length: count }, (_unused, index) => ({ ip: `2a09::${index + 1}` }));
const pruning = (name: string, policy: Partial<DesiredApp['policy']> = {}) =>
  desiredApp({
    name,
    groups: [group({ counts: { arn: 0 } })],
    network: { ips: [], autoPruneIps: false },
    policy: { prune: ['addresses'], ...policy },
  });

describe('the brake on removals', () => {
  const world = (addresses: number): ObservedApp => observed({ addresses: v6(addresses) });

  test.each([
    ['one is always allowed', 1, 0, false],
    ['two of two are more than a tenth', 2, 0, true],
    ['three of thirty are a tenth', 3, 27, false],
    ['four are more than max_deletes', 4, 96, true],
  ])('%s', (_name, removed, others, held) => {
    const rest = {
      desired: desiredApp({ name: 'rest', groups: [group({ counts: { arn: 0 } })] }),
      world: world(others),
    };
    const whole = fleetPlan([{ desired: pruning('shop'), world: world(removed) }, rest]);
    const app = whole.apps.find((one) => one.app === 'shop');
    expect(app?.holds.length).toBe(held ? 1 : 0);
    expect(app?.steps.length).toBe(held ? 0 : removed);
    expect(app?.status).toBe(held ? 'held' : 'pending');
  });

  test('over it every removal of the sync waits, in all apps, and nothing else does', () => {
    const second = { ...pruning('beta'), groups: [group({ counts: { arn: 1 } })] };
    const whole = fleetPlan([
      { desired: pruning('alpha'), world: world(1) },
      { desired: second, world: world(1) },
    ]);
    expect(whole.apps.map(holdsOf)).toEqual([['brake'], ['brake']]);
    expect(whole.apps.map((app) => brief(app.steps))).toEqual([[], ['release beta']]);
    const accepted = fleetPlan(
      [
        { desired: pruning('alpha'), world: world(1) },
        { desired: second, world: world(1) },
      ],
      { accept: true },
    );
    expect(accepted.apps.map((app) => app.steps.length)).toEqual([1, 2]);
    expect(accepted.planId).not.toBe(whole.planId);
  });

  test('max_deletes of the strictest app counts, down to none', () => {
    const whole = fleetPlan([{ desired: pruning('shop', { maxDeletes: 0 }), world: world(1) }]);
    expect(whole.apps.map(holdsOf)).toEqual([['brake']]);
  });

  test('scaling down to a number that git names is never braked; a group that git dropped counts as one', () => {
    const before = desiredApp({
      groups: [group({ counts: { arn: 9 } }), group({ name: 'cron', config: { env: {} } })],
    });
    const web = Array.from({ length: 9 }, (_unused, index) => machine(before, { number: index + 1 }));
    const cron = Array.from({ length: 5 }, (_unused, index) => machine(before, { group: 'cron', number: index + 1 }));
    const whole = fleetPlan([
      {
        desired: desiredApp({ groups: [group({ counts: { arn: 1 } })] }),
        world: observed({ machines: [...web, ...cron] }),
      },
    ]);
    expect(whole.apps[0]?.steps).toHaveLength(8 + 5);
  });

  test('each kind is measured by its own', () => {
    const evidence = { mark: 'm', keyId: 'key', digest: 'd' };
    const desired = desiredApp({
      groups: [group({ counts: { arn: 0 } })],
      network: { ips: [], autoPruneIps: false },
      policy: { prune: ['addresses', 'secrets'] },
    });
    const full = observed({ addresses: v6(1), secrets: [secretOf('A'), secretOf('B')] });
    const one = plan(desired, full, { memory: { known: true, evidence: { A: evidence } } });
    const two = plan(desired, full, { memory: { known: true, evidence: { A: evidence, B: evidence } } });
    const whole = (app: AppPlan) => fleetPlan([{ desired, world: full }], { plans: [app] });
    expect(whole(one).apps[0]?.steps).toHaveLength(2);
    expect(whole(two).apps[0]?.steps).toHaveLength(0);
  });
});

describe('the brake on restarts', () => {
  const before = desiredApp({ groups: [group({ counts: { arn: 1 } })] });
  const after = group({
    counts: { arn: 1 },
    config: { env: { COLOR: 'red', NEW: 'mapping' }, services: [webService] },
  });
  const named = (name: string, inputs = before.inputs): One => {
    const desired = { ...before, name, groups: [after], inputs };
    return { desired, world: observed({ machines: [machine(before)] }) };
  };

  test('three apps may restart without a change in git, four may not', () => {
    expect(fleetPlan(['a', 'b', 'c'].map((name) => named(name))).summary).toMatchObject({ changed: 3, held: 0 });
    const whole = fleetPlan(['a', 'b', 'c', 'd'].map((name) => named(name)));
    expect(whole.summary).toMatchObject({ changed: 0, held: 4 });
    expect(whole.apps.map(holdsOf)).toEqual([['brake'], ['brake'], ['brake'], ['brake']]);
    expect(
      fleetPlan(
        ['a', 'b', 'c', 'd'].map((name) => named(name)),
        { accept: true },
      ).summary.changed,
    ).toBe(4);
  });

  test('an upgrade that changes scheme and mapping at once holds all', () => {
    const upgraded = ['a', 'b', 'c', 'd'].map((name) => named(name, `i2:${'j'.repeat(32)}`));
    const whole = fleetPlan(upgraded);
    expect(whole.summary).toMatchObject({ changed: 0, held: 4 });
    expect(whole.apps.map(holdsOf)).toEqual([['brake'], ['brake'], ['brake'], ['brake']]);
    const committed = ['a', 'b', 'c', 'd'].map((name): One => {
      const { desired } = named(name, `i2:${'k'.repeat(32)}`);
      const earlier = { ...before, name, inputs: `i2:${'j'.repeat(32)}` };
      return { desired, world: observed({ machines: [machine(earlier)] }) };
    });
    expect(fleetPlan(committed).summary).toMatchObject({ changed: 4, held: 0 });
  });

  test('going back to what ran well does not count, whatever the stamps say', () => {
    const hold = { reason: 'failed', because: 'its release failed', next: 'a commit' } as const;
    const ones = ['a', 'b', 'c', 'd'].map((name) => named(name));
    const plans = ones.map(({ desired, world }) => {
      const git = plan(desired, world);
      return heldPlan(git, git, { hold, app: desired });
    });
    const whole = fleetPlan(ones, { plans });
    expect(whole.apps.map(holdsOf)).toEqual([['failed'], ['failed'], ['failed'], ['failed']]);
    expect(whole.summary.changed).toBe(4);
  });

  test('a tenth of a large fleet may', () => {
    const quiet = Array.from({ length: 36 }, (_unused, index): One => {
      const desired = { ...before, name: `q${index}` };
      return { desired, world: observed({ machines: [machine(desired)] }) };
    });
    const whole = fleetPlan([...['a', 'b', 'c', 'd'].map((name) => named(name)), ...quiet]);
    expect(whole.summary).toMatchObject({ apps: 40, synced: 36, changed: 4, held: 0 });
  });

  test('commits, heals and missing stamps do not count', () => {
    const committed = ['a', 'b', 'c', 'd'].map((name) => named(name, 'new inputs'));
    expect(fleetPlan(committed).summary).toMatchObject({ changed: 4, held: 0 });
    const healing = ['a', 'b', 'c', 'd'].map((name): One => ({
      desired: { ...before, name },
      world: observed({ machines: [machine({ ...before, name }, { config: { env: { COLOR: 'x' } } })] }),
    }));
    expect(fleetPlan(healing).summary).toMatchObject({ changed: 4, held: 0 });
  });
});

describe('a person accepts', () => {
  test('what was held for being destructive', () => {
    const worker = group({ config: { env: {} } });
    const before = desiredApp({ groups: [worker, group({ name: 'old', counts: { arn: 1 } })] });
    const world = observed({
      machines: [machine(before), machine(before, { number: 2 }), machine(before, { group: 'old' })],
    });
    const one = { desired: desiredApp({ groups: [worker] }), world };
    expect(fleetPlan([one]).apps[0]).toMatchObject({ steps: [], status: 'held' });
    const accepted = fleetPlan([one], { accept: true });
    expect(accepted.apps[0]).toMatchObject({
      steps: [{ kind: 'machine.destroy', risk: 'destructive' }],
      holds: [],
      status: 'pending',
    });
  });
});

describe('apps without a plan', () => {
  const problem = (parts: Partial<Problem>): Problem => ({
    severity: 'error',
    file: 'x.yaml',
    line: 1,
    column: 1,
    path: '',
    message: 'bad',
    ...parts,
  });

  test('invalid, failed and orphaned ones are in the plan, by name', () => {
    const fault = new Fault({ kind: 'transient', what: 'Fly did not answer', next: 'FlyCD tries again' });
    const fleet = fleetOf([], {
      invalid: [
        { name: 'broken', file: 'broken/app.yaml' },
        { name: undefined, file: 'z/app.yaml' },
      ],
      problems: [
        problem({ file: 'broken/app.yaml', app: 'broken' }),
        problem({ file: 'z/app.yaml' }),
        problem({ file: 'flycd.yaml' }),
      ],
    });
    const whole = planFleet({
      fleet,
      plans: [],
      observed: [],
      orphans: [gone],
      now,
      accept: false,
      acceptOnly: [],
      unread: [],
      failed: [{ app: 'down', file: 'down/app.yaml', org: 'personal', fault }],
      selected: [],
    });
    expect(whole.apps.map((app) => [app.app, app.status, app.problems.length])).toEqual([
      ['broken', 'invalid', 1],
      ['down', 'failed', 1],
      ['gone', 'orphaned', 0],
      ['z/app.yaml', 'invalid', 1],
    ]);
    expect(whole.apps[1]?.problems[0]).toMatchObject({ message: 'Fly did not answer', hint: 'FlyCD tries again' });
    expect(whole.apps[2]?.notes[0]).toContain('2 machines of this fleet run on');
    expect(whole.problems.map((one) => one.file)).toEqual(['flycd.yaml']);
    expect(whole.summary).toEqual({ apps: 4, synced: 0, changed: 0, invalid: 2, failed: 1, held: 0 });
  });

  test('two files that claim one name are told of once each, what their project says of the name with both', () => {
    const fleet = fleetOf([], {
      invalid: [
        { name: 'twin', file: 'a/app.yaml' },
        { name: 'twin', file: 'b/app.yaml' },
      ],
      problems: ['a/app.yaml', 'b/app.yaml', 'project.yaml'].map((file) => problem({ file, app: 'twin' })),
    });
    const { apps } = planFleet({
      fleet,
      plans: [],
      observed: [],
      orphans: [],
      now,
      accept: false,
      acceptOnly: [],
      unread: [],
      failed: [],
      selected: [],
    });
    expect(apps.map((app) => app.problems.map(({ file }) => file))).toEqual([
      ['a/app.yaml', 'project.yaml'],
      ['b/app.yaml', 'project.yaml'],
    ]);
  });

  test('--app leaves out invalid apps that it does not name', () => {
    const fleet = fleetOf([], {
      invalid: [
        { name: 'web-1', file: 'a' },
        { name: 'api', file: 'b' },
        { name: undefined, file: 'c' },
      ],
    });
    const whole = planFleet({
      fleet,
      plans: [],
      observed: [],
      orphans: [],
      now,
      accept: false,
      acceptOnly: [],
      unread: [],
      failed: [],
      selected: ['web-?', 'x*'],
    });
    expect(whole.apps.map((app) => app.app)).toEqual(['c', 'web-1']);
  });

  test('an orphan is destroyed only where the policy says so, the fleet has a name and the tree is whole', () => {
    const base = {
      plans: [],
      observed: [],
      orphans: [gone],
      now,
      accept: false,
      acceptOnly: [],
      unread: [],
      failed: [],
      selected: [],
    };
    const policy = { ...defaultPolicy, prune: ['app' as const] };
    const stepsOf = (parts: Partial<DesiredFleet>) =>
      brief(planFleet({ ...base, fleet: fleetOf([], { policy, ...parts }) }).apps[0]?.steps ?? []);
    expect(stepsOf({})).toEqual(['app.destroy gone']);
    expect(stepsOf({ named: false })).toEqual([]);
    expect(stepsOf({ whole: false })).toEqual([]);
    expect(stepsOf({ policy: defaultPolicy })).toEqual([]);
  });
});

describe('an orphan that would be destroyed', () => {
  const policy = { ...defaultPolicy, prune: ['app' as const] };
  const planOf = (orphan: OrphanedApp, accept = false) => {
    const parts = {
      plans: [],
      observed: [],
      orphans: [orphan],
      now,
      accept,
      acceptOnly: [],
      unread: [],
      failed: [],
      selected: [],
    };
    const [app] = planFleet({ ...parts, fleet: fleetOf([], { policy }) }).apps;
    return { steps: brief(app?.steps ?? []), holds: app?.holds ?? [] };
  };

  test('waits for who is at work on it', () => {
    const lease = { nonce: 'x', expires_at: now / 1000 + 30, description: 'alice deploys' };
    const leased = { ...gone, machines: [machine(desiredApp(), { lease })] };
    expect(planOf(leased)).toMatchObject({ steps: [], holds: [{ reason: 'busy', retryAt: now + 30_000 }] });
    expect(planOf(leased, true).steps).toEqual([]);
    const at = new Date(now - 60_000).toISOString();
    const release = { id: 'r', version: 3, status: 'running', created_at: at, user: 'alice' };
    const releases = { status: 'read', value: [release] } as const;
    expect(planOf({ ...gone, releases }).holds[0]?.because).toContain('alice runs release v3');
    const told = { flycd_told: `own:3:${'0'.repeat(32)}` };
    const departed = [machine(desiredApp(), { id: 'gone', state: 'destroyed', metadata: told })];
    const own = { status: 'read', value: [{ ...release, id: 'own' }] } as const;
    expect(planOf({ ...gone, releases: own }).holds[0]?.reason).toBe('busy');
    expect(planOf({ ...gone, releases: own, departed }).holds.map(({ reason }) => reason)).not.toContain('busy');
  });

  test('is held when machines that FlyCD did not make would go with it', () => {
    const stranger = flyctlMachine(desiredApp(), { id: 'theirs' });
    const mixed = { ...gone, machines: [...gone.machines, stranger] };
    expect(planOf(mixed)).toMatchObject({ steps: [], holds: [{ reason: 'destructive' }] });
    expect(planOf(mixed, true).steps).toEqual(['app.destroy gone']);
  });

  test('is never destroyed over another fleet', () => {
    const other = machine(desiredApp(), { id: 'theirs', metadata: { [stampKeys.fleet]: 'other' } });
    const shared = { ...gone, machines: [...gone.machines, other] };
    expect(planOf(shared, true)).toMatchObject({ steps: [], holds: [{ reason: 'owner' }] });
  });
});

describe('plan ids', () => {
  const stops = { services: [{ ...webService, autostop: 'stop' }], env: { COLOR: 'red' } };
  const desired = desiredApp({
    groups: [group({ config: stops, counts: { arn: 1 } })],
    secrets: [{ name: 'A', origin: { type: 'raw' } }],
  });
  const memory = { currentMarks: { A: 'new' }, evidence: { A: { mark: 'old', keyId: 'key', digest: 'd' } } };
  const told = formatSecrets([{ name: 'A', mark: 'old', keyId: 'key', digest: 'd' }]).text;
  const blue = { config: { env: { COLOR: 'blue' } } };

  test('stay the same while an app starts and stops by itself', () => {
    const states = ['started', 'stopped', 'starting', 'stopping'];
    const ids = (parts: object) =>
      states.map((state) => {
        const live = machine(desired, {
          ...parts,
          metadata: { [stampKeys.secrets]: told },
          state,
          instance_id: `${state.length}`,
          events: [{ type: 'start', timestamp: 1 }],
        });
        return plan(desired, observed({ machines: [live], secrets: [secretOf('A')] }), { memory }).planId;
      });
    expect(new Set(ids({})).size).toBe(1);
    expect(new Set(ids(blue)).size).toBe(1);
    expect(ids(blue)[0]).not.toBe(ids({})[0]);
  });

  test('move with steps, holds and what a step does', () => {
    const idOf = (app: DesiredApp, world: ObservedApp) => plan(app, world).planId;
    const small = desiredApp();
    const ids = [
      idOf(small, absent),
      idOf(small, observed()),
      idOf(small, observed({ machines: [machine(small)] })),
      idOf(
        { ...small, policy: { ...small.policy, drift: 'report' } },
        observed({ machines: [machine(small, blue), machine(small, { number: 2 })] }),
      ),
      idOf(small, observed({ machines: [machine(small, blue), machine(small, { number: 2 })] })),
      idOf({ ...small, name: 'other' }, absent),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('the fleet’s is made of its apps', () => {
    const one = { desired: desiredApp(), world: observed() };
    expect(fleetPlan([one]).planId).toBe(
      fleetPlan([one], { fleet: fleetOf([one.desired], { revision: 'other' }) }).planId,
    );
    expect(fleetPlan([one]).planId).not.toBe(fleetPlan([{ ...one, world: absent }]).planId);
  });
});
