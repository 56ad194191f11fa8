/** Who is at work is told by what is so now: machines that a deployment left behind tell of one that is over. */
import { describe, expect, test } from 'vitest';
import type { Release } from '../../../schemas/fly/release.ts';
import type { ObservedApp } from '../../../src/model/observed.ts';
import { needsReleases, type PlanOptions } from '../../../src/plan/app.ts';
import { desiredApp, flyctlMachine, group, holdsOf, machine, now, observed, plan } from '../builders.ts';

const desired = desiredApp({ groups: [group({ counts: { arn: 1 } })] });
const changed = { config: { env: { COLOR: 'blue' } } };
const ago = (minutes: number): string => new Date(now - minutes * 60_000).toISOString();

const release = (status: string, minutes: number, more: Partial<Release> = {}): Release => ({
  version: 7,
  status,
  in_progress: status === 'running' || status === 'pending',
  user: 'alice@example.com',
  created_at: ago(minutes),
  ...more,
});

const left: readonly (readonly [string, Parameters<typeof flyctlMachine>[1]])[] = [
  ['a canary', { metadata: { fly_canary: 'true' } }],
  ['a release machine at rest', { metadata: { fly_process_group: 'fly_app_release_command' }, state: 'stopped' }],
  ['a release machine that runs', { metadata: { fly_process_group: 'fly_app_release_command' } }],
  ['a tag of bluegreen on some machines', { metadata: { fly_bluegreen_deployment_tag: '1' } }],
];

function world(parts: Parameters<typeof flyctlMachine>[1], releases: ObservedApp['releases']): ObservedApp {
  const other = flyctlMachine(desired, { id: 'z', created_at: ago(1), ...parts });
  return { ...observed({ machines: [machine(desired, changed), other] }), releases };
}

describe.each(left)('%s', (_what, parts) => {
  test.each<[string, ObservedApp['releases'], boolean]>([
    ['counts while releases were not asked for', undefined, true],
    ['counts while they cannot be read', { status: 'unread', reason: '503' }, true],
    ['counts while the newest of others runs', { status: 'read', value: [release('running', 5)] }, true],
    ['counts while it is pending', { status: 'read', value: [release('pending', 5)] }, true],
    ['counts while it runs for long', { status: 'read', value: [release('running', 45)] }, true],
    ['does not once it is complete', { status: 'read', value: [release('complete', 5)] }, false],
    ['does not once it failed', { status: 'read', value: [release('failed', 5)] }, false],
    ['does not where it was left pending', { status: 'read', value: [release('pending', 31)] }, false],
    ['does not where there is none', { status: 'read', value: [] }, false],
    [
      'does not where one before the newest was left running',
      { status: 'read', value: [release('running', 50), release('complete', 5, { version: 8 })] },
      false,
    ],
  ])('%s', (_when, releases, busy) => {
    expect(holdsOf(plan(desired, world(parts, releases))).includes('busy')).toBe(busy);
  });

  test('is reason to ask for releases', () => {
    const seen = world(parts, undefined);
    expect(needsReleases(plan(desired, seen), seen)).toBe(true);
  });
});

const colored = desiredApp({
  groups: [group({ counts: { arn: 1 }, config: { ...group().config, metadata: { team: 'core' } } })],
});
const theirs = { flycd_fleet: 'theirs' };
const waiting: readonly (readonly [string, typeof desired, Parameters<typeof machine>[1], Partial<PlanOptions>])[] = [
  ['a machine that has to be seen healthy', desired, { metadata: { flycd_unproven: '1' } }, {}],
  ['metadata that git names', colored, { metadata: { team: undefined } }, {}],
  ['an app that is taken over from another fleet', desired, { metadata: theirs }, { adopt: true }],
];

describe.each(waiting)('what nobody at work would notice, and waits for him: %s', (_what, app, parts, options) => {
  test('releases are asked for, and it goes on where none runs', () => {
    const canary = flyctlMachine(app, { id: 'z', created_at: ago(1), metadata: { fly_canary: 'true' } });
    const seen = observed({ machines: [machine(app, parts), canary] });
    const held = plan(app, seen, { options });
    expect([held.steps, holdsOf(held)]).toEqual([[], ['busy']]);
    expect(needsReleases(held, seen)).toBe(true);
    const over: ObservedApp = { ...seen, releases: { status: 'read', value: [release('complete', 5)] } };
    expect(needsReleases(plan(app, over, { options }), over)).toBe(false);
    expect(plan(app, over, { options }).steps).not.toEqual([]);
  });
});

test.each<[string, Parameters<typeof flyctlMachine>[1]]>([
  ['neither FlyCD’s nor flyctl’s', { metadata: { fly_platform_version: undefined, fly_process_group: undefined } }],
  ['a console', { metadata: { fly_process_group: 'fly_app_console' } }],
])(
  'a finished bluegreen deployment is nobody at work beside a machine that it has nothing to do with: %s',
  (_what, parts) => {
    const tagged = { created_at: ago(1), metadata: { fly_bluegreen_deployment_tag: '1' } };
    const other = flyctlMachine(desired, { id: 'z', created_at: ago(1), ...parts });
    const seen = observed({ machines: [machine(desired, { ...changed, ...tagged }), other] });
    expect(holdsOf(plan(desired, seen))).toEqual([]);
  },
);

test('FlyCD’s own release says nothing of others', () => {
  const told = { id: 'own', number: 8, version: '0'.repeat(32), image: 'shop:1', isOpen: true };
  const value = [release('complete', 5), release('running', 1, { id: 'own', version: 8 })];
  const seen = world({ metadata: { fly_canary: 'true' } }, { status: 'read', value });
  expect(holdsOf(plan(desired, seen, { memory: { told } }))).not.toContain('busy');
});

describe('a release that runs, and whose machine is gone', () => {
  const running: ObservedApp['releases'] = { status: 'read', value: [release('running', 5, { id: 'own' })] };
  const gone = (stamps: Readonly<Record<string, string | undefined>>) =>
    machine(desired, {
      id: 'gone',
      state: 'destroyed',
      metadata: { flycd_told: `own:7:${'0'.repeat(32)}`, ...stamps },
    });
  test.each<[string, Pick<ObservedApp, 'departed'>, boolean]>([
    ['is FlyCD’s own where that machine says so', { departed: [gone({})] }, false],
    ['is somebody else’s where it names another one', { departed: [gone({ flycd_told: undefined })] }, true],
    ['is another fleet’s where that had the machine', { departed: [gone({ flycd_fleet: 'theirs' })] }, true],
    ['is somebody else’s where nobody was asked', {}, true],
  ])('%s', (_what, departed, busy) => {
    const seen = { ...observed({ machines: [machine(desired, changed)] }), releases: running, ...departed };
    expect(holdsOf(plan(desired, seen)).includes('busy')).toBe(busy);
  });
});

test.each([
  [10, 10_000],
  [60, 60_000],
  [3600, 60_000],
])('whoever holds a lease of %i s may be done before its end: looked at again after %i ms', (seconds, after) => {
  const lease = { expires_at: now / 1000 + seconds, owner: 'alice@example.com' };
  const app = plan(desired, observed({ machines: [machine(desired, { ...changed, lease })] }));
  expect(app.holds).toMatchObject([{ reason: 'busy', retryAt: now + after }]);
});

test('a lease counts whatever releases say', () => {
  const lease = { expires_at: now / 1000 + 10, owner: 'alice@example.com' };
  const seen: ObservedApp = {
    ...observed({ machines: [machine(desired, { ...changed, lease })] }),
    releases: { status: 'read', value: [release('complete', 5)] },
  };
  expect(holdsOf(plan(desired, seen))).toContain('busy');
});
