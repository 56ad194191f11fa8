import { stampKeys } from '../../src/model/stamps/keys.ts';
import { describe, expect, test } from 'vitest';
import { defaultPolicy } from '../../src/model/base/policy.ts';
import type { DesiredFleet } from '../../src/model/desired.ts';
import type { OrphanedApp, ObservedApp } from '../../src/model/observed.ts';
import { planFleet } from '../../src/plan/fleet.ts';
import { fleetOf } from '../controllers/reconcilers.ts';
import { desiredApp, group, machine, now, observed, plan, volume } from './builders.ts';

const nothing = { status: 'read', value: [] } as const;
const orphan = (name: string, parts: Partial<OrphanedApp> = {}): OrphanedApp => ({
  name,
  flyAheadMs: 0,
  org: 'personal',
  machines: [machine(desiredApp({ name }))],
  contents: { volumes: nothing, addresses: nothing, certificates: nothing, secrets: nothing },
  ...parts,
});
const policy = { ...defaultPolicy, prune: ['app' as const], maxDeletes: 10 };

interface Parts {
  readonly shops?: number;
  readonly accept?: boolean;
  readonly acceptOnly?: readonly string[];
  readonly owner?: Partial<DesiredFleet>;
}

function planned(orphans: readonly OrphanedApp[], parts: Parts = {}) {
  const { shops = 0, accept = false, acceptOnly = [], owner = {} } = parts;
  const names = Array.from({ length: shops }, (_none, index) => `shop-${index}`);
  const apps = names.map((name) => desiredApp({ name, groups: [group({ counts: { arn: 1 } })] }));
  const seen = apps.map((app): ObservedApp => ({ ...observed({ machines: [machine(app)] }), name: app.name }));
  return planFleet({
    fleet: fleetOf({ apps, policy, ...owner }),
    plans: apps.map((app, index) => plan(app, seen[index] ?? observed())),
    observed: seen,
    orphans,
    now,
    accept,
    acceptOnly,
    unread: [],
    failed: [],
    selected: [],
  });
}

describe('the brake counts an orphan among the apps', () => {
  const three = ['a', 'b', 'c'].map((name) => orphan(name));

  test.each([
    ['alone', 0, '3 of 3 apps'],
    ['beside those that git names', 4, '3 of 7 apps'],
  ])('%s', (_where, shops, words) => {
    const [app] = planned(three, { shops }).apps.filter(({ status }) => status === 'orphaned');
    expect(app).toMatchObject({ steps: [], holds: [{ reason: 'brake' }] });
    expect(app?.holds[0]?.because).toContain(`${words} would be removed in one sync`);
  });

  test('and lets a tenth of all go', () => {
    const { apps } = planned(three, { shops: 27 });
    expect(apps.filter(({ steps }) => steps.some(({ kind }) => kind === 'app.destroy'))).toHaveLength(3);
  });
});

describe('what goes with an orphan', () => {
  const changesOf = (parts: Partial<OrphanedApp>): readonly string[] => {
    const [app] = planned([orphan('old', parts)], { accept: true }).apps;
    const steps = [...(app?.steps ?? []), ...(app?.holds ?? []).flatMap((hold) => hold.steps)];
    return steps.flatMap(({ changes }) => changes).map(({ path, from }) => `${path}: ${JSON.stringify(from)}`);
  };
  const read = <T>(...value: readonly T[]) => ({ status: 'read', value }) as const;

  test('is each machine, volume, address, certificate and secret', () => {
    const contents = {
      volumes: read(volume('vol_1', { size_gb: 3 })),
      addresses: read({ ip: '2a09::1' }),
      certificates: read({ hostname: 'shop.example.com' }, { hostname: '*.example.com' }),
      secrets: read({ name: 'TOKEN' }),
    };
    expect(changesOf({ contents })).toEqual([
      'addresses: "2a09::1"',
      'certificates: "shop.example.com"',
      'certificates: "*.example.com"',
      'machines[webarn1]: "web-arn-1-g1"',
      'secrets: "TOKEN"',
      'volumes[vol_1]: "data, 3 GB"',
    ]);
  });

  test.each(['volumes', 'addresses', 'certificates', 'secrets'] as const)('is said where %s were not read', (kind) => {
    const unread = { status: 'unread', reason: 'Fly answered 503' } as const;
    const contents = { volumes: nothing, addresses: nothing, certificates: nothing, secrets: nothing, [kind]: unread };
    expect(changesOf({ contents })).toContain(`${kind}: "could not be read: Fly answered 503"`);
    expect(changesOf({ contents: undefined })).toContain(`${kind}: "not asked for"`);
  });
});

describe('by the stamps of a config that names no fleet', () => {
  const origin = { address: 'a'.repeat(32), root: '1'.repeat(40) };
  const owner = { unwritten: 'acme', origin };
  const unnamed = `o1:${origin.address}:${origin.root}`;
  const of = (...stamps: readonly string[]): OrphanedApp =>
    orphan('old', {
      machines: stamps.map((stamp, index) =>
        machine(desiredApp({ name: 'old' }), { number: index + 1, metadata: { flycd_origin: stamp } }),
      ),
    });

  test.each<readonly [string, OrphanedApp]>([
    ['of this repo', of(unnamed)],
    ['all of its machines', of(unnamed, unnamed)],
    ['of a clone without an address, or a fork of it', of(`o1::${origin.root}`)],
    ['of a shallow clone', of(`o1:${origin.address}:`)],
  ])('nothing is destroyed without a person, since another config of the repo may be meant: %s', (_what, one) => {
    for (const accept of [false, true]) {
      const [app] = planned([one], { owner, accept }).apps;
      expect(app).toMatchObject({ steps: [], holds: [{ reason: 'destructive', byName: true }] });
      expect(app?.holds[0]?.because).toContain('a config that names no fleet');
      expect(app?.holds[0]?.next).toContain('--accept-only old');
    }
  });

  test.each<readonly [string, OrphanedApp]>([
    ['it was', of('n1:')],
    ['for one machine of it', of(unnamed, 'n1:')],
  ])('what the fleet has synced under its name goes: %s', (_what, one) => {
    const [app] = planned([one], { owner, accept: true }).apps;
    expect(app?.steps.map(({ kind }) => kind)).toEqual(['app.destroy']);
  });
});

test('a machine cloned by hand is one that FlyCD did not make, though it carries its stamps', () => {
  const machines = [1, 2].map((number) =>
    machine(desiredApp({ name: 'old' }), {
      number,
      id: `m${number}`,
      metadata: { [stampKeys.machine]: 'm1' },
    }),
  );
  const [app] = planned([orphan('old', { machines })]).apps;
  expect(app).toMatchObject({ steps: [], holds: [{ reason: 'destructive', steps: [{ kind: 'app.destroy' }] }] });
  expect(app?.holds[0]?.because).toContain('1 machine');
});

test('one that a file names which FlyCD does not read is held until that is settled, or a person names the app', () => {
  const kept = orphan('old', { history: { state: 'mentioned', as: 'put away', file: 'old/app.yaml.bak' } });
  const [app] = planned([kept], { shops: 20 }).apps.filter(({ status }) => status === 'orphaned');
  expect(app?.steps).toEqual([]);
  expect(app?.holds).toMatchObject([
    {
      reason: 'destructive',
      because: 'git no longer names it, but old/app.yaml.bak does, and FlyCD reads no file of that name',
      next: 'rename the file to app.yaml, or delete it if the app is gone; or flycd sync --once --accept-only old destroys it with all that is in it',
      byName: true,
      steps: [{ kind: 'app.destroy' }],
    },
  ]);
  expect(planned([kept], { shops: 20, accept: true }).apps.flatMap(({ steps }) => steps)).toEqual([]);
  const named = planned([kept], { shops: 20, acceptOnly: ['old'] }).apps;
  expect(named.flatMap(({ steps }) => steps)).toMatchObject([{ kind: 'app.destroy', app: 'old' }]);
});

test.each([
  ['other config', 'this config no longer names it, but b/shop/app.yaml in the same repo does', 'sync the folder that'],
  ['project', 'it may be an app of the project in b/shop/app.yaml', 'rename the file to project.yaml'],
  [
    'repository',
    'but b/shop/app.yaml may: it is another repository, which FlyCD does not read',
    'sync the config in it',
  ],
  ['unclear', 'but b/shop/app.yaml may: what it has for `app` is no app’s name', 'write the app’s name into it'],
  ['unread', 'but b/shop/app.yaml may: FlyCD cannot read that file', 'make it a text file in UTF-8'],
] as const)('one that a file may speak of as %s is held by its name', (as, because, next) => {
  const [app] = planned([orphan('old', { history: { state: 'mentioned', as, file: 'b/shop/app.yaml' } })]).apps;
  expect(app?.steps).toEqual([]);
  expect(app?.holds).toMatchObject([
    {
      reason: 'destructive',
      because: expect.stringContaining(because),
      next: expect.stringContaining(next),
      byName: true,
    },
  ]);
});

test.each([
  [
    'x/project.yaml',
    undefined,
    'but x/project.yaml does, and FlyCD takes no app from a file of that name',
    'rename the',
  ],
  ['flycd.yml', undefined, 'but flycd.yml does, and FlyCD takes no app from a file of that name', 'rename the file'],
  ['x/project.yaml.bak', undefined, 'does, and FlyCD reads no file of that name', 'or delete it if the app'],
  [
    '../x/web.yaml',
    undefined,
    'but ../x/web.yaml does, and',
    'rename the file to app.yaml, or delete it if the app is',
  ],
  [
    'notes',
    'c'.repeat(40),
    'but notes does at commit cccccccccccc, and',
    'or delete it, and commit that, if the app is gone',
  ],
] as const)('the file that has it, and what to do about it, is told truly: %s', (file, commit, because, next) => {
  const at = commit === undefined ? {} : { commit };
  const history = { state: 'mentioned', as: 'put away', file, ...at } as const;
  const [app] = planned([orphan('old', { history })]).apps;
  expect(app?.holds[0]?.because).toContain(because);
  expect(app?.holds[0]?.next).toContain(next);
});

test('a file of another folder that was there all along may be deleted', () => {
  const history = { state: 'mentioned', as: 'other config', file: '../test/fixtures/app.yaml' } as const;
  const [app] = planned([orphan('old', { history })]).apps;
  expect(app?.holds[0]?.next).toContain('belongs to, or delete it if the app is gone; or flycd sync');
});

test('one that another folder’s config may have, for its project makes the name, waits for a sync of that folder', () => {
  const history = { state: 'mentioned', as: 'unclear', file: '../b/shop/app.yaml' } as const;
  const [app] = planned([orphan('old', { history })]).apps;
  expect(app?.holds[0]?.next).toContain('sync the folder that ../b/shop/app.yaml belongs to');
});
