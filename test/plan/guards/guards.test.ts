import { describe, expect, test } from 'vitest';
import type { Release } from '../../../schemas/fly/release.ts';
import type { ObservedApp, Reading } from '../../../src/model/observed.ts';
import { readHash } from '../../../src/flyconfig/live/version.ts';
import { stampKeys } from '../../../src/model/stamps/keys.ts';
import { formatRead } from '../../../src/model/stamps/stamps.ts';
import { needsReleases } from '../../../src/plan/app.ts';
import { releaseAccepted } from '../../../src/plan/guards/accept.ts';
import {
  absent,
  brief,
  desiredApp,
  fleet,
  flyctlMachine,
  group,
  holdsOf,
  machine,
  now,
  observed,
  only,
  plan,
  volume,
  webService,
  writes,
} from '../builders.ts';

const desired = desiredApp({ groups: [group({ counts: { arn: 1 } })] });
const blue = { config: { env: { COLOR: 'blue' } } };
const drifted = observed({ machines: [machine(desired, blue)] });
const policy = (parts: Partial<typeof desired.policy>) => ({ ...desired, policy: { ...desired.policy, ...parts } });

describe('owner', () => {
  test('a name of another organization', () => {
    const app = plan(desired, { ...observed(), app: { status: 'read', value: { state: 'taken' } } });
    expect(app).toMatchObject({ steps: [], status: 'blocked', holds: [{ reason: 'owner' }] });
  });

  test('an app of another fleet, until it is adopted', () => {
    const world = observed({ machines: [machine(desired, { metadata: { [stampKeys.fleet]: 'other' } })] });
    expect(plan(desired, world)).toMatchObject({
      steps: [],
      status: 'blocked',
      holds: [{ because: 'fleet other owns this app' }],
    });
    expect(brief(writes(plan(desired, world, { options: { adopt: true } })))).toEqual([
      'app.adopt shop',
      'machine.label shop/web/arn/1',
    ]);
  });
});

describe('somebody at work', () => {
  const lease = (description: string | undefined, seconds = 10) => ({
    expires_at: now / 1000 + seconds,
    owner: 'alice@example.com',
    ...(description === undefined ? {} : { description }),
  });

  test('a foreign lease makes the whole app wait, with the holder and the time', () => {
    const app = plan(desired, observed({ machines: [machine(desired, { ...blue, lease: lease('deploy by alice') })] }));
    expect(app).toMatchObject({ steps: [], status: 'held', holds: [{ reason: 'busy', retryAt: now + 10_000 }] });
    expect(app.holds[0]?.because).toContain('alice@example.com (deploy by alice)');
    expect(app.holds[0]?.steps).toHaveLength(1);
    const owned = plan(desired, observed({ machines: [machine(desired, { ...blue, lease: lease(undefined) })] }));
    expect(owned.holds[0]?.because).toContain('alice@example.com');
  });

  test('our own lease, or one that has ended, does not', () => {
    for (const held of [lease(`flycd:${fleet}:x`), lease('deploy', -1)]) {
      expect(plan(desired, observed({ machines: [machine(desired, { ...blue, lease: held })] })).steps).toHaveLength(1);
    }
    expect(
      plan(desired, observed({ machines: [machine(desired, { ...blue, lease: lease('flycd:other:x') })] })).steps,
    ).toEqual([]);
  });

  test('nothing to do is nothing to hold', () => {
    const app = plan(desired, observed({ machines: [machine(desired, { lease: lease('deploy') })] }));
    expect(app).toMatchObject({
      status: 'synced',
      holds: [],
      notes: ['alice@example.com (deploy) holds a lease on a machine'],
    });
  });

  const recent = new Date(now - 60_000).toISOString();
  const old = new Date(now - 31 * 60_000).toISOString();
  const releaseMachine = { fly_process_group: 'fly_app_release_command' };
  test.each([
    ['a release machine', { metadata: releaseMachine, created_at: recent, state: 'stopped' }, true],
    ['a release machine that runs for long', { metadata: releaseMachine, created_at: old, state: 'started' }, true],
    ['a release machine left behind', { metadata: releaseMachine, created_at: old, state: 'stopped' }, false],
    ['our release machine', { metadata: { ...releaseMachine, [stampKeys.fleet]: fleet }, created_at: recent }, false],
    ['a canary', { metadata: { fly_canary: 'true' }, created_at: recent }, true],
    ['a canary left behind', { metadata: { fly_canary: 'true' }, created_at: old }, false],
    ['a green machine', { metadata: { fly_bluegreen_deployment_tag: '1' }, created_at: recent }, true],
  ])('%s', (_name, parts, busy) => {
    const app = plan(
      desired,
      observed({ machines: [machine(desired, blue), flyctlMachine(desired, { id: 'z', ...parts })] }),
    );
    expect(holdsOf(app).includes('busy')).toBe(busy);
  });

  const release = (parts: Partial<Release> = {}): Release => ({
    version: 7,
    status: 'running',
    in_progress: true,
    user: 'alice@example.com',
    created_at: new Date(now - 60_000).toISOString(),
    ...parts,
  });
  const releases = (...value: readonly Release[]) => ({ ...drifted, releases: { status: 'read', value } as const });

  test('a release in progress makes the whole app wait, with who runs it and since when', () => {
    const at = '2026-03-01T12:03:44.1Z';
    const app = plan(desired, releases(release({ created_at: at })), { now: Date.parse(at) + 60_000 });
    expect(app).toMatchObject({ steps: [], status: 'held', holds: [{ reason: 'busy' }] });
    expect(app.holds[0]?.because).toBe('somebody else is at work: alice@example.com runs release v7, since 12:03 UTC');
    expect(app.holds[0]?.retryAt).toBe(Date.parse(at) + 120_000);
    expect(brief(app.holds[0]?.steps ?? [])).toEqual(['machine.update shop/web/arn/1']);
  });

  const ago = (minutes: number): string => new Date(now - minutes * 60_000).toISOString();
  test.each<[string, readonly Partial<Release>[], string | undefined]>([
    ['none', [], undefined],
    ['a pending one: flyctl says running before it touches anything', [{ status: 'pending' }], undefined],
    ['one in progress in a word we do not know', [{ status: 'releasing' }], 'alice@example.com runs release v7'],
    ['FlyCD’s own, as SQLite remembers it', [{ id: 'rel-own' }], undefined],
    ['one of nobody', [{ user: null }], 'somebody runs release v7'],
    ['one that does not say in_progress', [{ in_progress: undefined }], 'alice@example.com runs release v7'],
    ['one that began 29 minutes ago', [{ created_at: ago(29) }], 'alice@example.com runs release v7'],
    ['one left running 30 minutes ago', [{ created_at: ago(30) }], undefined],
    ['one that is complete', [{ status: 'complete', in_progress: false }], undefined],
    ['one that failed', [{ status: 'failed', in_progress: false }], undefined],
    ['one that was interrupted', [{ status: 'interrupted', in_progress: false }], undefined],
    [
      'one in progress under a complete one',
      [{ version: 8, status: 'complete', in_progress: false }, {}],
      'release v7',
    ],
    ['the newest of two', [{ created_at: ago(9) }, { version: 8, user: 'bob@example.com' }], 'bob@example.com runs'],
  ])('releases: %s', (_name, some, holder) => {
    const told = { id: 'rel-own', number: 7, version: '0'.repeat(32), image: 'shop:1', isOpen: true };
    const app = plan(desired, releases(...some.map(release)), { memory: { told } });
    expect(holdsOf(app)).toEqual(holder === undefined ? [] : ['busy']);
    expect(app.steps).toHaveLength(holder === undefined ? 1 : 0);
    expect(app.holds[0]?.because ?? '').toContain(holder ?? '');
  });

  test('what --accept would release waits too', () => {
    const mounted = desiredApp({ groups: [group({ mount: { volume: 'data', path: '/d' }, counts: { ams: 1 } })] });
    const world = observed({
      machines: [machine(mounted, { config: { mounts: [{ volume: 'vol_1', path: '/d', name: 'data' }] } })],
      volumes: [volume('vol_1', { attached_machine_id: 'webarn1' })],
    });
    const calm = plan(mounted, world);
    expect(calm.steps.length + calm.holds.flatMap((hold) => hold.steps).length).toBeGreaterThan(0);
    expect(holdsOf(calm)).toContain('volume');
    const busy = plan(mounted, { ...world, releases: { status: 'read', value: [release()] } });
    expect(busy.steps).toEqual([]);
    expect(busy.holds.filter((hold) => hold.steps.length > 0).map((hold) => hold.reason)).toEqual(['busy']);
    expect(releaseAccepted(busy, { accept: true, acceptOnly: [] }).steps).toEqual([]);
  });

  test('releases are needed where a step could disturb somebody, and only there', () => {
    const needed = (world: ObservedApp, app = desired) => needsReleases(plan(app, world), world);
    const label = observed({ machines: [machine(desired, { metadata: { [stampKeys.machine]: undefined } })] });
    expect(brief(writes(plan(desired, label)))).toEqual(['machine.label shop/web/arn/1']);
    expect(needed(label)).toBe(false);
    expect(needed(observed({ machines: [machine(desired)] }))).toBe(false);
    expect(needed(drifted)).toBe(true);
    expect(plan(desired, absent).steps.length).toBeGreaterThan(1);
    expect(needed(absent)).toBe(false);
    const leased = observed({ machines: [machine(desired, { ...blue, lease: lease('deploy') })] });
    expect(needed(leased)).toBe(false);
  });

  test('unread releases hold nothing; a plan that changes machines says what is not seen', () => {
    const releases: Reading<never> = { status: 'unread', reason: 'Fly failed to list the releases' };
    const app = plan(desired, { ...drifted, releases });
    expect(app.steps).toEqual(plan(desired, drifted).steps);
    expect([app.planId, app.status]).toEqual([plan(desired, drifted).planId, plan(desired, drifted).status]);
    expect(app.notes).toEqual([
      'a deployment in progress is seen only by its machines and leases: Fly failed to list the releases',
    ]);
    const synced = { ...observed({ machines: [machine(desired)] }), releases };
    expect(plan(desired, synced)).toMatchObject({ status: 'synced', notes: [] });
    const address = desiredApp({ groups: [group({ counts: { arn: 1 } })], network: { ips: [], autoPruneIps: true } });
    const spare = { ...observed({ machines: [machine(address)], addresses: [{ ip: '2a09::1' }] }), releases };
    expect(plan(address, spare).notes).toEqual([]);
  });

  test('the one tag of a finished bluegreen deployment is nobody at work', () => {
    const tag = { metadata: { fly_bluegreen_deployment_tag: '1' }, created_at: recent };
    expect(plan(desired, observed({ machines: [machine(desired, { ...blue, ...tag })] })).steps).toHaveLength(1);
  });
});

describe('changed by flyctl', () => {
  const stamps = { fly_release_id: 'r2', fly_release_version: '12', [stampKeys.release]: 'r1' };
  const deployed = observed({ machines: [machine(desired, { ...blue, metadata: stamps })] });

  test('a finished fly deploy is held, with its release', () => {
    const app = plan(desired, deployed);
    expect(app).toMatchObject({ steps: [], status: 'held', holds: [{ reason: 'flyctl' }] });
    expect(app.holds[0]?.because).toBe('changed by flyctl (release v12): 1 machine not as git says');
    expect(brief(app.holds[0]?.steps ?? [])).toEqual(['machine.update shop/web/arn/1']);
  });

  test('one that goes on waits for somebody at work, and names nothing that they would refuse', () => {
    const lease = { expires_at: now / 1000 + 10, owner: 'alice@example.com' };
    const app = plan(desired, observed({ machines: [machine(desired, { ...blue, metadata: stamps, lease })] }));
    expect(app).toMatchObject({ steps: [], status: 'held', holds: [{ reason: 'busy', retryAt: now + 10_000 }] });
    expect(app.holds.map(({ next }) => next).join()).not.toContain('--now');
  });

  test('one after a first release of ours is found too', () => {
    const world = observed({ machines: [machine(desired, { ...blue, metadata: { fly_release_id: 'r1' } })] });
    expect(holdsOf(plan(desired, world))).toEqual(['flyctl']);
  });

  test('lifted by a newer commit, by a person, by heal_all', () => {
    // The release reached the machine a minute ago.
    expect(holdsOf(plan(desired, deployed, { memory: { revisionSeenAt: now - 60_000 } }))).toEqual(['flyctl']);
    expect(plan(desired, deployed, { memory: { revisionSeenAt: now - 59_999 } }).steps).toHaveLength(1);
    expect(plan(desired, deployed, { options: { now: true } }).steps).toHaveLength(1);
    expect(plan(policy({ drift: 'heal_all' }), deployed).steps).toHaveLength(1);
  });

  const next = {
    ...desired,
    groups: [group({ config: { env: { COLOR: 'green' }, services: [webService] }, counts: { arn: 2 } })],
  };

  test('nothing is rolled out over it', () => {
    const app = plan(next, deployed);
    expect(brief(app.steps)).toEqual([]);
    expect(brief(app.holds[0]?.steps ?? [])).toEqual(['release shop']);
  });

  test.each<readonly [string, Parameters<typeof machine>[1], readonly string[]]>([
    ['what FlyCD left there, as after fly secrets set: nothing was deployed', { metadata: stamps }, []],
    ['what nobody wrote down', { metadata: { ...stamps, [stampKeys.read]: undefined } }, ['flyctl']],
    ['another config', { ...blue, metadata: stamps }, ['flyctl']],
  ])('one that restarted a machine with %s', (_what, parts, holds) => {
    const app = plan(next, observed({ machines: [machine(desired, parts)] }));
    expect([holdsOf(app), brief(app.steps)]).toEqual([holds, holds.length === 0 ? ['release shop'] : []]);
  });

  test.each<readonly [string, string, readonly string[]]>([
    ['tag that may mean another image than before is held', 'nginx:0', ['flyctl']],
    ['digest is the one that was there', `nginx:0@sha256:${'2'.repeat(64)}`, []],
  ])('an image whose %s', (_what, image, holds) => {
    const config = { ...machine(desired).config, image };
    const metadata = { ...stamps, [stampKeys.read]: formatRead(readHash(config)) };
    const image_ref = {
      registry: 'docker.io',
      repository: 'library/nginx',
      tag: '0',
      digest: `sha256:${'2'.repeat(64)}`,
    };
    const seen = observed({ machines: [machine(desired, { config: { image }, image_ref, metadata })] });
    expect(holdsOf(plan({ ...desired, inputs: 'j'.repeat(32) }, seen))).toEqual(holds);
  });

  test('with the config unchanged: a label and a note', () => {
    const app = plan(desired, observed({ machines: [machine(desired, { metadata: stamps })] }));
    expect(only(writes(app), 'machine.label').metadata).toEqual({ [stampKeys.release]: 'r2' });
    expect(app.notes).toEqual(['web/arn/1 was restarted by flyctl (release v12); what git names did not change']);
  });
});

describe('drift policy', () => {
  const heals = (count: number, age = 60_000) =>
    Array.from({ length: count }, (_unused, index) => ({ path: 'shop/web/arn/1 env.COLOR', at: now - age - index }));

  test('healed three times in an hour is held', () => {
    expect(plan(desired, drifted, { memory: { heals: heals(2) } }).steps).toHaveLength(1);
    const app = plan(desired, drifted, { memory: { heals: heals(3) } });
    expect(app).toMatchObject({
      steps: [],
      status: 'drifted',
      holds: [{ reason: 'drift', retryAt: now - 60_002 + 3_600_000 }],
    });
    expect(plan(desired, drifted, { memory: { heals: heals(3, 3_600_000) } }).steps).toHaveLength(1);
    expect(plan(desired, drifted, { memory: { heals: heals(3) }, options: { now: true } }).steps).toHaveLength(1);
    expect(plan(policy({ drift: 'heal_all' }), drifted, { memory: { heals: heals(3) } }).steps).toHaveLength(1);
    const other = [{ path: 'shop/web/arn/1 env.OTHER', at: now }, ...heals(2)];
    expect(plan(desired, drifted, { memory: { heals: other } }).steps).toHaveLength(1);
  });

  test('report shows drift as a hold, and changes of git go on', () => {
    const stopped = observed({ machines: [machine(desired, { state: 'stopped' })] });
    for (const world of [drifted, stopped]) {
      const app = plan(policy({ drift: 'report' }), world);
      expect(app).toMatchObject({
        steps: [],
        status: 'drifted',
        holds: [{ reason: 'drift', steps: [{ target: 'shop/web/arn/1' }] }],
      });
      expect(plan(policy({ drift: 'report' }), world, { options: { now: true } }).steps).toHaveLength(1);
    }
    const next = {
      ...policy({ drift: 'report' }),
      groups: [group({ config: { env: { COLOR: 'green' } }, counts: { arn: 1 } })],
    };
    expect(brief(plan(next, drifted).steps)).toEqual(['release shop']);
  });

  test('report: an address that was taken away is drift unless git moved', () => {
    const wants = {
      ...policy({ drift: 'report' }),
      network: {
        ips: [
          {
            version: 'v6',
            shared: false,
            private: false,
            region: undefined,
            network: undefined,
            org: undefined,
          } as const,
        ],
        autoPruneIps: false,
      },
    };
    const world = observed({ machines: [machine(desired)] });
    expect(holdsOf(plan(wants, world))).toEqual(['drift']);
    expect(brief(plan({ ...wants, inputs: 'n' }, world).steps)).toContain('address.allocate shop/v6');
    // Of another scheme they cannot tell.
    expect(holdsOf(plan({ ...wants, inputs: `i2:${'n'.repeat(32)}` }, world))).toEqual(['drift']);
  });

  test('off: existence and counts only', () => {
    const off = policy({ drift: 'off' });
    const app = plan(off, drifted);
    expect(app).toMatchObject({
      steps: [],
      status: 'synced',
      notes: ['web/arn/1 (webarn1) differs from git; drift is not healed here (sync.drift: off)'],
    });
    expect(plan(off, observed({ machines: [machine(desired, { state: 'stopped' })] })).steps).toEqual([]);
    const more = { ...off, groups: [group({ counts: { arn: 2 } })] };
    expect(brief(plan(more, drifted).steps)).toEqual(['machine.create shop/web/arn/2']);
  });
});

describe('adoption', () => {
  const foreign = observed({ machines: [flyctlMachine(desired)] });
  const differing = observed({ machines: [flyctlMachine(desired, { config: { env: { COLOR: 'theirs' } } })] });

  test('an app that matches is adopted and stamped', () => {
    const app = plan(desired, foreign);
    expect(brief(writes(app))).toEqual(['app.adopt shop', 'machine.label shop/web/arn/1']);
    expect(only(writes(app), 'app.adopt').risk).toBe('safe');
    // Nothing of it is a step, and nothing is left to do.
    expect(app).toMatchObject({ steps: [], holds: [], status: 'synced' });
    expect(only(writes(app), 'machine.label').metadata).toMatchObject({ flycd_fleet: fleet, flycd_slot: 'web/arn/1' });
  });

  test('one that would restart is held whole, not even stamped, until a person adopts it', () => {
    const app = plan(desired, differing);
    expect(app).toMatchObject({ steps: [], status: 'held', holds: [{ reason: 'adoption' }] });
    expect(brief(app.holds[0]?.steps ?? [])).toEqual(['app.adopt shop', 'release shop']);
    expect(app.holds[0]).toMatchObject({
      because: 'the app was not made by FlyCD, and taking it over would change what runs',
      next: 'read the steps, then flycd adopt shop',
    });
    expect(brief(plan(desired, differing, { options: { adopt: true } }).steps)).toEqual([
      'app.adopt shop',
      'release shop',
    ]);
  });

  test('one whose machines would be destroyed is held', () => {
    const machines = [flyctlMachine(desired), flyctlMachine(desired, { number: 2 })];
    const app = plan(desired, observed({ machines }));
    expect(app.steps).toEqual([]);
    expect(holdsOf(app)).toEqual(['adoption']);
  });

  test('an app that SQLite knows is drift; one of v0 is taken over; one without machines is ours to fill', () => {
    expect(only(plan(desired, differing, { memory: { known: true } }).steps, 'machine.update').reason).toBe('drift');
    for (const version of ['h1:abc=', 'a'.repeat(40)]) {
      const env = { COLOR: 'theirs', FLYCD_CONFIG_VERSION: version };
      const app = plan(desired, observed({ machines: [flyctlMachine(desired, { config: { env } })] }));
      expect(brief(app.steps)).toEqual(['app.adopt shop', 'release shop']);
    }
    const same = { COLOR: 'red', FLYCD_CONFIG_VERSION: 'h1:abc=' };
    const kept = plan(desired, observed({ machines: [flyctlMachine(desired, { config: { env: same } })] }));
    expect(brief(writes(kept))).toEqual(['app.adopt shop', 'machine.label shop/web/arn/1']);
    expect(brief(plan(desired, observed()).steps)).toEqual(['release shop']);
  });

  test('machines that nobody can place make a stranger’s app', () => {
    const metadata = { fly_platform_version: undefined, fly_process_group: undefined };
    const app = plan(desired, observed({ machines: [flyctlMachine(desired, { metadata })] }));
    expect(app.steps).toEqual([]);
    expect(holdsOf(app)).toEqual(['adoption']);
    expect(app.holds[0]?.because).toBe(
      'nothing says that FlyCD made the app, and its machines are none that git names',
    );
  });

  test('whose app it is by a person’s word is written down, also where nothing else may be done yet', () => {
    const metadata = { fly_platform_version: undefined, fly_process_group: undefined };
    const strangers = observed({ machines: [flyctlMachine(desired, { metadata })] });
    const adopt = { options: { adopt: true } };
    expect(brief(writes(plan(desired, strangers, adopt)))).toEqual(['app.adopt shop', 'release shop']);
    expect(brief(writes(plan(desired, observed(), adopt)))).toEqual(['app.adopt shop', 'release shop']);
    expect(brief(writes(plan(desired, strangers, { ...adopt, memory: { known: true } })))).toEqual(['release shop']);
  });

  test('a removal that waits for acceptance does not slip past adoption', () => {
    const mount = { volume: 'data', path: '/data' };
    const config = { mounts: [{ name: 'data', path: '/data' }] };
    const wants = desiredApp({ groups: [group({ config, mount, counts: { ams: 0 } })] });
    const app = plan(wants, observed({ machines: [flyctlMachine(wants, { region: 'arn' })] }));
    expect(holdsOf(app)).toEqual(['adoption']);
  });
});
