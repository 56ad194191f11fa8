/** What keeps an app that git no longer names: each reason alone, and which one is said where several are there. */
import { describe, expect, test } from 'vitest';
import type { Machine } from '../../schemas/fly/machine.ts';
import type { Release } from '../../schemas/fly/release.ts';
import { defaultPolicy } from '../../src/model/base/policy.ts';
import type { DesiredFleet } from '../../src/model/desired.ts';
import type { OrphanedApp } from '../../src/model/observed.ts';
import type { RemovalHistory } from '../../src/model/removal.ts';
import { formatOrigin } from '../../src/model/stamps/origin.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { formatSuspension } from '../../src/model/standing/standing-text.ts';
import { foreignPlan, gonePlan } from '../../src/plan/idle-orphan.ts';
import { planOrphan } from '../../src/plan/orphan.ts';
import { fleetOf } from '../controllers/reconcilers.ts';
import { brief, desiredApp, flyctlMachine, machine, now, volume } from './builders.ts';

const old = desiredApp({ name: 'old' });
const nothing = { status: 'read', value: [] } as const;
const emptied = { volumes: nothing, addresses: nothing, certificates: nothing, secrets: nothing };
const origin = { address: 'a'.repeat(32), root: '1'.repeat(40) };
const running: Release = {
  version: 7,
  status: 'running',
  in_progress: true,
  user: 'alice@example.com',
  created_at: new Date(now - 60_000).toISOString(),
};
const suspension = { reason: 'bob looks', by: 'alice', at: now, until: undefined, count: 1 };

interface Wrong {
  readonly orphan?: Partial<OrphanedApp>;
  /** On the machine that is the fleet's. */
  readonly stamps?: Readonly<Record<string, string | undefined>>;
  readonly beside?: readonly Machine[];
  readonly fleet?: Partial<DesiredFleet>;
}

function planned(...wrong: readonly Wrong[]) {
  const metadata = Object.assign({}, ...wrong.map(({ stamps }) => stamps));
  const orphan: OrphanedApp = Object.assign(
    { name: 'old', org: 'personal', contents: emptied, flyAheadMs: 0 },
    { machines: [machine(old, { metadata }), ...wrong.flatMap(({ beside = [] }) => beside)] },
    ...wrong.map((one) => one.orphan),
  );
  const policy = { ...defaultPolicy, prune: ['app' as const] };
  const fleet: DesiredFleet = Object.assign(fleetOf({ policy }), ...wrong.map((one) => one.fleet));
  return planOrphan({ fleet, orphan, now });
}

const rival = machine(old, { number: 2, metadata: { [stampKeys.fleet]: 'rival' } });
const byHand = flyctlMachine(old, { number: 3 });
const unseen = { [stampKeys.machine]: undefined, [stampKeys.origin]: formatOrigin(origin) };
const silent = { ...machine(old, { number: 4, metadata: unseen }), host_status: 'unreachable' };
const full = { ...emptied, volumes: { status: 'read', value: [volume('vol_1')] } } as const;

/** The gravest first: nothing is known, somebody is at it, it is another's, git may still want it, more would go with it. */
const wrongs: readonly (readonly [string, string, string, Wrong])[] = [
  ['it could not be looked at', 'unread', 'could not be looked at whole', { orphan: { unread: 'Fly answered 503' } }],
  ['it is suspended', 'suspended', 'by alice', { stamps: { [stampKeys.suspend]: formatSuspension(suspension) } }],
  ['somebody deploys it', 'busy', 'alice', { orphan: { releases: { status: 'read', value: [running] } } }],
  ['another fleet has machines in it', 'owner', 'the fleet rival has machines in it', { beside: [rival] }],
  ['only the token leads there', 'owner', 'only because the token reaches', { orphan: { isGuessed: true } }],
  [
    'no machine proves itself',
    'owner',
    'none carries its own machine id',
    { stamps: { [stampKeys.machine]: undefined } },
  ],
  ['a host does not answer', 'unreachable', 'does not answer', { beside: [silent] }],
  ['no commit removed it', 'destructive', 'no commit removed it', { orphan: { history: { state: 'uncommitted' } } }],
  [
    'a config that names no fleet synced it',
    'destructive',
    'a config that names no fleet',
    { fleet: { origin }, stamps: { [stampKeys.origin]: formatOrigin(origin) } },
  ],
  ['it has a volume', 'volume', '1 volume', { orphan: { contents: full } }],
  ['somebody made a machine in it', 'destructive', '1 machine in it that FlyCD did not make', { beside: [byHand] }],
];

describe('an app that git no longer names', () => {
  test('goes where nothing keeps it', () => {
    expect(planned()).toMatchObject({ steps: [{ kind: 'app.destroy', target: 'old' }], holds: [], notes: [] });
  });

  test.each(wrongs)('stays where %s', (_what, reason, words, wrong) => {
    const { steps, holds, notes } = planned(wrong);
    expect({ steps, notes }).toEqual({ steps: [], notes: [] });
    expect(holds).toMatchObject([{ app: 'old', reason, steps: [{ kind: 'app.destroy' }] }]);
    expect(holds[0]?.because).toContain(words);
  });

  test.each(wrongs.map((one, index) => [...one, wrongs.slice(index).map(([, , , wrong]) => wrong)] as const))(
    'says that %s, and nothing of what is less grave',
    (_what, reason, words, _wrong, all) => {
      const { steps, holds } = planned(...all);
      expect(steps).toEqual([]);
      expect(holds).toMatchObject([{ reason }]);
      expect(holds[0]?.because).toContain(words);
    },
  );

  test('says beside a host that does not answer what else keeps it, and that no word lifts it before', () => {
    for (const [, reason, words, wrong] of wrongs.slice(-4, -1)) {
      const [hold] = planned(wrong).holds;
      expect(hold?.reason).toBe(reason);
      const [both] = planned(wrong, { beside: [silent] }).holds;
      expect(both).toMatchObject({ reason: 'unreachable', next: `once the host answers: ${hold?.next}` });
      expect(both?.because).toContain(words);
      expect(both?.because).toContain('the host of machine webarn4 does not answer');
      expect(both?.because).not.toContain('fly apps destroy');
    }
  });

  test.each<readonly [string, Partial<DesiredFleet>]>([
    ['its policy prunes no apps', { policy: { ...defaultPolicy, prune: ['addresses'] } }],
    ['nobody wrote its name', { named: false }],
    ['not all of its config was read', { whole: false }],
  ])('runs on in a fleet of which %s, and nothing is held', (_what, fleet) => {
    const { steps, holds, notes } = planned({ fleet }, ...wrongs.slice(5).map(([, , , wrong]) => wrong));
    expect({ steps, holds }).toEqual({ steps: [], holds: [] });
    expect(notes).toHaveLength(1);
  });
});

describe('what is said of an app that runs on', () => {
  const kept: Wrong = { fleet: { policy: defaultPolicy } };
  const repos = machine(old, {
    number: 2,
    metadata: { [stampKeys.origin]: formatOrigin({ ...origin, address: 'b'.repeat(32) }) },
  });
  const unnamed: Wrong = { fleet: { policy: defaultPolicy, named: false, unwritten: undefined, origin } };
  const destroy = 'Bring its app.yaml back, or remove it with fly apps destroy old';
  const look = 'Bring its app.yaml back, or look at them (fly machine list --app old) before fly apps destroy old';
  const oneByOne =
    'Bring its app.yaml back, or remove this fleet’s machines alone: fly machine list --app old, then fly machine destroy';
  const ofRepo = 'the config repo of origin bbbbbbb';

  test.each<readonly [string, Wrong, string]>([
    ['one machine', {}, `1 machine of this fleet runs on. ${destroy}`],
    ['two', { beside: [machine(old, { number: 2 })] }, `2 machines of this fleet run on. ${destroy}`],
    [
      'one of somebody',
      { beside: [byHand] },
      `1 machine of this fleet runs on, beside 1 machine that FlyCD did not make. ${look}`,
    ],
    [
      'one of another fleet',
      { beside: [rival] },
      `1 machine of this fleet runs on, and the fleet rival has machines in it, too. ${oneByOne}`,
    ],
  ])('%s', (_what, beside, words) => {
    expect(planned(kept, beside).notes).toEqual([`git no longer names it; ${words}`]);
  });

  test('another repo that nobody named is told by its origin', () => {
    const [note] = planned(unnamed, { beside: [repos] }).notes;
    expect(note).toContain(`and ${ofRepo}`);
    expect(note).toContain(oneByOne);
  });

  test('and that it is suspended, which holds nothing', () => {
    const { holds, notes } = planned(kept, wrongs[1]?.[3] ?? {});
    expect(holds).toEqual([]);
    expect(notes).toEqual([
      expect.stringContaining('runs on'),
      'suspended by alice at 2026-03-01 12:00:00Z: bob looks',
    ]);
  });
});

describe('volumes hold it', () => {
  const unread = { status: 'unread', reason: '503' } as const;

  test.each<readonly [string, Wrong, string, number | undefined]>([
    ['one', { orphan: { contents: full } }, '1 volume would go', undefined],
    [
      'two, and a machine of somebody',
      {
        orphan: { contents: { ...emptied, volumes: { status: 'read', value: [volume('vol_1'), volume('vol_2')] } } },
        beside: [byHand],
      },
      '2 volumes and 1 machine that FlyCD did not make would go',
      undefined,
    ],
    [
      'unread ones, which are looked for again',
      { orphan: { contents: { ...emptied, volumes: unread } } },
      'volumes that could not be read would go',
      now + 15_000,
    ],
    [
      'those that nobody asked for',
      { orphan: { contents: undefined } },
      'volumes that could not be read would go',
      now + 15_000,
    ],
  ])('%s', (_what, wrong, words, retryAt) => {
    const { steps, holds } = planned(wrong);
    expect(steps).toEqual([]);
    expect(holds).toMatchObject([{ reason: 'volume', byName: true }]);
    expect(holds[0]?.because).toContain(words);
    expect(holds[0]?.retryAt).toBe(retryAt);
  });
});

describe('what the history says of it', () => {
  const commit = 'c'.repeat(40);
  const later = { ref: 'refs/heads/main' };

  test.each<RemovalHistory>([
    { state: 'no history' },
    { state: 'removed', isManual: false },
    { state: 'removed', isManual: true },
  ])('lets it go: %o', (history) => {
    expect(brief(planned({ orphan: { history } }).steps)).toEqual(['app.destroy old']);
  });

  const byName = 'flycd sync --once --accept-only old destroys it with all that is in it';
  test.each<readonly [RemovalHistory, string, string, number | undefined]>([
    [{ state: 'uncommitted' }, 'no commit removed it', 'commit the removal; or ', undefined],
    [{ state: 'elsewhere', commit }, 'released from commit ccccccc', 'sync that config; or ', undefined],
    [{ state: 'elsewhere', commit, isPass: true }, 'synced at commit ccccccc', 'sync that config; or ', undefined],
    [{ state: 'unnamed', commit, hasSources: false, hasFolder: false }, 'has no such folder as this', '', undefined],
    [
      { state: 'unnamed', commit, hasSources: false, hasFolder: true },
      'name it either: it was not committed',
      '',
      undefined,
    ],
    [
      { state: 'unnamed', commit, hasSources: true, hasFolder: true },
      'either: a repo that its projects take apps from',
      '',
      undefined,
    ],
    [{ state: 'outside git', commit }, 'a folder without git history does not show', 'sync a clone; or ', undefined],
    [{ state: 'later', commit, ...later, isRead: true }, 'main goes on from here and names it', 'sync that', undefined],
    [
      { state: 'later', commit, ...later, isRead: false },
      'not all of this config could be read there',
      'sync that',
      undefined,
    ],
    [
      { state: 'later', commit, ...later, isRead: true, isCut: true },
      'This clone is shallow, and does not show whether that commit comes after this one',
      'git fetch --unshallow (GitHub Actions: fetch-depth: 0); or, if that commit is not to come, remove the app in that branch as well, or delete the branch (git branch -D main); or ',
      undefined,
    ],
    [
      { state: 'later', commit, ...later, isRead: false, isCut: true },
      'at this commit, but main may name it: not all of this config could be read there, at ccccccc',
      'git fetch --unshallow',
      undefined,
    ],
    [{ state: 'half read', commit, isPass: true }, 'synced at commit ccccccc', '', undefined],
    [{ state: 'shallow', commit }, 'this clone is shallow', 'git fetch --unshallow', undefined],
    [{ state: 'unknown', released: '' }, 'None of its releases has succeeded', '', undefined],
    [{ state: 'unknown', released: 'abc' }, 'released from abc, which is no commit', '', undefined],
    [{ state: 'unread', reason: 'no such file', next: undefined }, 'no such file', 'FlyCD tries again', now + 15_000],
    [{ state: 'unread', reason: 'x', next: 'fetch all of it' }, 'x', 'fetch all of it; or ', now + 15_000],
  ])('keeps it until a person names it: %o', (history, because, next, retryAt) => {
    const { steps, holds } = planned({ orphan: { history } });
    expect(steps).toEqual([]);
    expect(holds).toMatchObject([{ reason: 'destructive', byName: true }]);
    expect(holds[0]?.because).toContain(because);
    expect(holds[0]?.next.startsWith(next === '' ? byName : next)).toBe(true);
    expect(holds[0]?.next.endsWith(byName)).toBe(true);
    expect(holds[0]?.retryAt).toBe(retryAt);
  });

  test.each([
    [
      'refs/heads/old try',
      'old try goes',
      "remove the app in that branch as well, or delete the branch (git branch -D 'old try')",
    ],
    [
      'refs/heads/origin/main',
      'origin/main goes',
      'remove the app in that branch as well, or delete the branch (git branch -D origin/main)',
    ],
    [
      'refs/remotes/origin/main',
      'origin/main goes',
      'remove the app in that branch as well, or delete the branch where it was fetched from, then git fetch --prune',
    ],
    ['refs/tags/v2', 'tags/v2 goes', 'delete the tag (git tag -d v2)'],
    ["refs/tags/it's", "tags/it's goes", String.raw`delete the tag (git tag -d 'it'\''s')`],
    ['refs/jj/keep/abc', 'refs/jj/keep/abc goes', 'delete the ref (git update-ref -d refs/jj/keep/abc)'],
    ['FETCH_HEAD', 'FETCH_HEAD goes', 'git fetch in each work tree, which forgets what was fetched before'],
    ['worktrees/next/HEAD', 'the work tree next goes', 'check out another commit in it'],
    ['HEAD', 'this work tree goes', 'check out another commit in it'],
    ['main-worktree/HEAD', 'the main work tree goes', 'check out another commit in it'],
  ])('says what to do about a later commit that is not to come: %s', (ref, because, next) => {
    const { holds } = planned({ orphan: { history: { state: 'later', commit, ref, isRead: true } } });
    expect(holds[0]?.because).toContain(`at this commit, but ${because} on from here`);
    expect(holds[0]?.next).toContain(`sync that commit; or, if it is not to come, ${next}`);
  });
});

describe('the last that is recorded of it', () => {
  const plain = { app: 'old', status: 'orphaned', file: '', org: undefined, steps: [], holds: [], problems: [] };

  test('is that it is gone', () => {
    const notes = ['git no longer names it, and Fly has no app of that name'];
    expect(gonePlan('old')).toMatchObject({ ...plain, notes });
  });

  test.each<readonly [string, Parameters<typeof foreignPlan>[1], string]>([
    ['whose it is', { owner: { fleet: 'rival', origin: undefined }, machines: 1 }, 'and fleet rival owns it now'],
    ['that it is nobody’s', { owner: undefined, machines: 1 }, 'look at them (fly machine list --app old)'],
    ['that it is empty', { owner: undefined, machines: 0 }, 'or remove it with fly apps destroy old'],
  ])('is %s', (_what, seen, words) => {
    const { notes, ...rest } = foreignPlan('old', seen);
    expect(rest).toMatchObject(plain);
    expect(notes).toEqual([expect.stringContaining(words)]);
  });
});
