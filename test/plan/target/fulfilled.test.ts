import { describe, expect, test } from 'vitest';
import type { DesiredApp } from '../../../src/model/desired.ts';
import type { AppPlan } from '../../../src/model/plan.ts';
import { stampKeys } from '../../../src/model/stamps/keys.ts';
import { formatFulfilled } from '../../../src/model/standing/standing-text.ts';
import { fulfilledBy, wishOf } from '../../../src/plan/target/fulfilled.ts';
import {
  absent,
  brief,
  desiredApp,
  digest,
  group,
  holdsOf,
  machine,
  now,
  observed,
  plan,
  secretOf,
} from '../builders.ts';

const inputs = `i2:${'a'.repeat(32)}`;
const desired = desiredApp({ inputs, network: { ips: [], autoPruneIps: false } });
const reported = { ...desired, policy: { ...desired.policy, drift: 'report' as const } };
const v6 = {
  version: 'v6',
  shared: false,
  private: false,
  region: undefined,
  network: undefined,
  org: undefined,
} as const;
const listed: DesiredApp = { ...desired, network: { ips: [v6], autoPruneIps: false } };

const stampOf = (wanted: DesiredApp, held: readonly string[] = []): string =>
  formatFulfilled({ wish: wishOf(wanted), held, at: now - 1000 });

/** The first of its two machines; the other is gone. */
function left(wanted: DesiredApp, stamp: string | undefined, metadata: Record<string, string | undefined> = {}) {
  return observed({ machines: [machine(wanted, { metadata: { [stampKeys.fulfilled]: stamp, ...metadata } })] });
}

describe('a machine that is gone', () => {
  const stamp = stampOf(desired);

  test('is drift where git was fulfilled, and is only reported where that is said', () => {
    expect(plan(desired, left(desired, stamp))).toMatchObject({
      status: 'drifted',
      steps: [{ kind: 'machine.create' }],
    });
    expect(plan(reported, left(desired, stamp))).toMatchObject({
      status: 'drifted',
      steps: [],
      holds: [{ reason: 'drift' }],
    });
    expect(plan(reported, left(desired, stamp), { options: { now: true } }).steps).toHaveLength(1);
  });

  test.each<[string, string | undefined, Record<string, string | undefined>]>([
    ['nobody wrote down that git was fulfilled', undefined, {}],
    ['git wanted something else then', stampOf(listed), {}],
    ['machines waited then', stampOf(desired, ['machine']), {}],
    ['what is written reads as nothing', 'f2:what', {}],
    ['a machine was sent something else since', stamp, { [stampKeys.inputs]: `i2:${'b'.repeat(32)}` }],
  ])('is none where %s, and is made', (_what, written, metadata) => {
    for (const wanted of [desired, reported])
      expect(plan(wanted, left(desired, written, metadata))).toMatchObject({
        status: 'pending',
        steps: [{ kind: 'machine.create' }],
      });
  });

  test.each<[string, Record<string, string | undefined>]>([
    ['a machine’s stamp is of another scheme', { [stampKeys.inputs]: 'a'.repeat(32) }],
    ['a machine has none', { [stampKeys.inputs]: undefined }],
  ])('is drift also where %s: nobody knows that git moved', (_what, metadata) => {
    expect(plan(desired, left(desired, stamp, metadata)).status).toBe('drifted');
  });

  test('is drift while no registry says what the image is', () => {
    const unresolved = {
      ...desired,
      inputs: `i2:${'c'.repeat(32)}`,
      image: { ...desired.image, digest: undefined },
    } as DesiredApp;
    expect(plan(unresolved, left(desired, stamp)).status).toBe('drifted');
  });

  test('is drift of an app that has no machine left, and of one that is gone, as SQLite remembers them', () => {
    const standing = [{ key: stampKeys.fulfilled, text: stamp, appId: 'app' }];
    expect(plan(desired, observed(), { memory: { known: true, standing } }).status).toBe('drifted');
    expect(plan(desired, observed(), { memory: { known: true } }).status).toBe('pending');
    expect(plan(desired, absent, { memory: { fulfilledBefore: stamp } }).status).toBe('drifted');
    expect(plan(desired, absent).status).toBe('pending');
  });
});

describe('what is no doing of Fly’s, where git stood still', () => {
  const one = { ...desired, groups: [group({ counts: { arn: 1 } })] };
  const secret = { ...one, secrets: [{ name: 'A', origin: { type: 'raw' } as const }] };
  const evidence = { A: { mark: 'old', keyId: 'key', digest: 'set' } };
  const world = (wanted: DesiredApp) => ({
    ...left(wanted, stampOf(wanted)),
    secrets: { status: 'read', value: [secretOf('A', { digest: 'set' })] } as const,
  });

  test('another value of a secret', () => {
    const changed = { memory: { known: true, evidence, currentMarks: { A: 'new' } } };
    const rotated = plan(secret, world(secret), changed);
    expect([rotated.status, brief(rotated.steps)]).toEqual([
      'pending',
      ['secret.set shop/A', 'machine.update shop/web/arn/1'],
    ]);
    const kept = plan({ ...secret, policy: reported.policy }, world(secret), changed);
    expect([kept.status, kept.steps.length]).toEqual(['pending', 2]);
  });

  test('another image by the same tag', () => {
    const newer = { ...one, image: { kind: 'reference', ref: 'nginx:1', digest: `sha256:${'2'.repeat(64)}` } } as const;
    for (const policy of [one.policy, reported.policy])
      expect(plan({ ...newer, policy }, left(one, stampOf(one)))).toMatchObject({
        status: 'pending',
        steps: [{ kind: 'release' }],
      });
  });

  test('a person who forces an update of everything', () => {
    expect(plan(one, left(one, stampOf(one)), { options: { force: true } })).toMatchObject({ status: 'pending' });
  });

  test('a FlyCD that reads the same documents otherwise', () => {
    const [web] = one.groups;
    if (web === undefined) throw new Error('no group');
    const mapped = { ...one, groups: [{ ...web, counts: { arn: 2 } }] };
    for (const policy of [one.policy, reported.policy])
      expect(plan({ ...mapped, policy }, left(one, stampOf(one)))).toMatchObject({
        status: 'pending',
        steps: [{ kind: 'machine.create' }],
      });
  });
});

describe('an address that is gone, where it is only to be reported', () => {
  const wanted = { ...listed, groups: [group({ counts: { arn: 1 } })], policy: reported.policy };
  test.each<[string, string | undefined, string, readonly string[]]>([
    ['of a FlyCD that wrote down only what git said', undefined, inputs, ['drift']],
    ['where git moved since', undefined, `i2:${'b'.repeat(32)}`, []],
    ['where git was fulfilled', stampOf(wanted), inputs, ['drift']],
    ['where git was never fulfilled, though its machines were told of it', stampOf(desired), inputs, []],
    ['where addresses waited', stampOf(wanted, ['address']), inputs, []],
  ])('%s', (_what, stamp, said, held) => {
    const app = plan(wanted, left(wanted, stamp, { [stampKeys.inputs]: said }));
    expect(holdsOf(app)).toEqual(held);
    expect(app.steps.filter(({ kind }) => kind === 'address.allocate')).toHaveLength(1 - held.length);
  });
});

describe('what is written down after a pass', () => {
  const wish = wishOf(desired);
  const before = { wish, held: ['address', 'machine'], at: 1 };
  const create = plan(desired, left(desired, undefined));
  const holds = (reason: AppPlan['holds'][number]['reason']): AppPlan['holds'] => [
    { app: 'shop', reason, because: '', next: '', steps: create.steps },
  ];
  const done = { steps: [], holds: [], wanted: desired, before: undefined, isWritten: true };

  test.each([
    ['git has all that it wants', done, { wish, held: [] }],
    ['it has had before', { ...done, before: { ...before, held: [] } }, undefined],
    ['what waited is there now', { ...done, before }, { wish, held: [] }],
    ['a part of that', { ...done, before, holds: holds('secret') }, { wish, held: ['machine'] }],
    [
      'what was there once and waits now',
      { ...done, before: { ...before, held: [] }, holds: holds('flyctl') },
      undefined,
    ],
    ['something is left to do', { ...done, steps: create.steps }, undefined],
    ['all of it is held, and nothing was done', { ...done, holds: holds('brake'), isWritten: false }, undefined],
    ['a part is held', { ...done, holds: holds('volume') }, { wish, held: ['machine'] }],
    ['what is held is drift', { ...done, holds: holds('drift') }, { wish, held: [] }],
    ['git waits while the app stays at another version', { ...done, holds: holds('rollback') }, { wish, held: [] }],
    ...(['owner', 'adoption', 'suspended', 'unread', 'busy', 'unreachable'] as const).map(
      (reason) => [`it is not known: ${reason}`, { ...done, holds: holds(reason) }, undefined] as const,
    ),
  ] as const)('%s', (_what, found, written) => {
    expect(fulfilledBy(found)).toEqual(written);
  });
});

describe('of an app that is built', () => {
  const source = { type: 'local', path: '.' } as const;
  const built = (key: string, appVersion: string): DesiredApp => ({
    ...desired,
    appVersion,
    image: { kind: 'build', source, build: { key, settings: {} } },
  });
  const [one, other] = ['a', 'b'].map((letter) => letter.repeat(32)) as [string, string];
  const wanted = built(one, 'git:1');

  test.each<[string, DesiredApp, boolean]>([
    ['a commit that builds the same', built(one, 'git:2'), true],
    ['a commit that builds another image', built(other, 'git:2'), false],
    [
      'the same version, gone back to',
      { ...wanted, image: { kind: 'reference', ref: `registry.fly.io/shop:flycd-${one}@${digest}`, digest } },
      true,
    ],
    [
      'a source that nobody can read',
      { ...wanted, image: { kind: 'build', source, build: undefined }, appVersion: undefined },
      false,
    ],
  ])('%s', (_what, now, isSame) => {
    expect(wishOf(now) === wishOf(wanted)).toBe(isSame);
  });
});

test.each<[string, Partial<DesiredApp>, boolean]>([
  ['a count', { groups: [group({ counts: { arn: 3 } })] }, false],
  ['metadata', { groups: [group({ config: { ...group().config, metadata: { team: 'red' } } })] }, false],
  ['a secret', { secrets: [{ name: 'A', origin: { type: 'raw' } }] }, false],
  ['an address', { network: listed.network }, false],
  ['what may go', { policy: { ...desired.policy, prune: ['secrets'] } }, false],
  ['another image', { image: { kind: 'reference', ref: 'nginx:2', digest } }, false],
  ['what drift is', { policy: reported.policy }, true],
  ['a pinned digest', { image: { kind: 'reference', ref: `nginx:1@${digest}`, digest } }, true],
  ['the release command', { releaseCommand: { command: 'x', config: {}, timeoutSeconds: 9 } }, true],
  ['time-outs', { waitTimeoutSeconds: 7 }, true],
  ['documents that say the same', { inputs: `i2:${'d'.repeat(32)}` }, true],
  ['no registry that answers', { image: { kind: 'reference', ref: 'nginx:1', digest: undefined } }, true],
])('where %s is another, git wants something else or the same', (_what, parts, isSame) => {
  expect(wishOf({ ...desired, ...parts }) === wishOf(desired)).toBe(isSame);
});
