/** A deployment by hand is told by what flyctl writes on machines: what it left, and when it was. */
import { describe, expect, test } from 'vitest';
import type { Machine } from '../../../schemas/fly/machine.ts';
import { asksWhoEmptied } from '../../../src/plan/app.ts';
import { formatGood } from '../../../src/model/stamps/app-version.ts';
import type { SyncPolicy } from '../../../src/model/base/policy.ts';
import {
  brief,
  desiredApp,
  flyctlMachine,
  group,
  holdsOf,
  machine,
  now,
  observed,
  plan,
  ulidAt,
  volume,
} from '../builders.ts';

const worker = group({ name: 'worker', config: { init: { cmd: ['work'] } }, counts: { arn: 1 } });
const desired = desiredApp({ groups: [group({ counts: { arn: 1 } }), worker] });
const under = (policy: Partial<SyncPolicy>) => desiredApp({ groups: desired.groups, policy });
const own = {
  fly_release_id: 'r1',
  fly_release_version: '11',
  flycd_release: 'r1',
  flycd_told: `r1:11:${'0'.repeat(32)}`,
};
/** Release v12 reached it a minute ago. */
const byHand = { ...own, fly_release_id: 'r2', fly_release_version: '12' };

const web = (metadata: object = byHand) => machine(desired, { metadata: { ...own, ...metadata } });
const work = (metadata: object = byHand) => machine(desired, { group: 'worker', metadata: { ...own, ...metadata } });
const made = (name: string, version: string, parts: Parameters<typeof flyctlMachine>[1] = {}): Machine =>
  flyctlMachine(desired, {
    id: `${name}1`,
    instance_id: ulidAt(now - 60_000),
    ...parts,
    metadata: {
      fly_process_group: name,
      fly_release_id: `r${version}`,
      fly_release_version: version,
      ...parts.metadata,
    },
  });

const ago = (ms: number): string => new Date(now - ms).toISOString();
const gone = 'worker has no machine';
const cron = '1 machine of cron, which git does not name';

type Row = readonly [what: string, machines: readonly Machine[], because: string | undefined];

test.each<Row>([
  ['a group that it took away', [web()], `(release v12): ${gone}`],
  ['a group that it added', [web(), work(), made('cron', '12')], `(release v12): ${cron}`],
  ['one that it renamed', [web(), made('cron', '12')], `(release v12): ${gone}, ${cron}`],
  ['a group that a failed one added, before it came to the others', [web({}), work({}), made('cron', '12')], cron],
  ['a canary that it left', [web(), work(), made('web', '12', { metadata: { fly_canary: 'true' } })], 'as a canary'],
  ['a group that was there before FlyCD', [web({}), work({}), made('cron', '3')], undefined],
  ['a group of FlyCD’s own newest release', [web({}), work({}), made('cron', '11')], undefined],
  ['a group that was lost, and no deployment since', [web({})], undefined],
  ['a deployment that changed nothing of what git names', [web(), work()], undefined],
])('%s', (_what, machines, because) => {
  const app = plan(desired, observed({ machines }), { memory: { known: true } });
  expect(holdsOf(app).includes('flyctl')).toBe(because !== undefined);
  if (because === undefined) return;
  expect(app.holds[0]?.because).toContain(because);
  expect(app).toMatchObject({
    status: 'held',
    holds: [{ next: expect.stringContaining('flycd sync --now --app shop') }],
  });
  expect(brief(app.steps).filter((step) => !step.startsWith('machine.label'))).toEqual([]);
});

describe('machines that a bluegreen deployment replaced, and left when it died', () => {
  const tag = (value: string) => ({ ...byHand, fly_bluegreen_deployment_tag: value });
  const blue = machine(desired, { id: 'blue1', metadata: { ...own, ...tag('safe_to_destroy') } });
  const green = (image?: string) =>
    machine(desired, {
      id: 'green1',
      metadata: { ...own, ...tag('17') },
      ...(image === undefined ? {} : { config: { image } }),
    });
  const other = 'docker.io/library/other:1';

  test('are held with the others, and go where a person insists', () => {
    const seen = observed({ machines: [blue, green(other), work()] });
    const held = plan(desired, seen);
    expect(held.holds[0]?.because).toContain('1 machine that a bluegreen deployment replaced');
    expect(held).toMatchObject({ status: 'held', steps: [] });
    expect(brief(plan(desired, seen, { options: { now: true } }).steps)).toContain('machine.destroy shop/blue1');
  });

  test('are not called synced where the green ones are as git says', () => {
    const app = plan(desired, observed({ machines: [blue, green(), work()] }));
    expect(holdsOf(app)).toEqual(['flyctl']);
  });
});

describe('what lifts it', () => {
  const added = observed({ machines: [web(), work(), made('cron', '12')] });
  const taken = observed({ machines: [web()] });

  test.each([
    ['a commit that was first seen after it', { memory: { revisionSeenAt: now - 59_999 } }],
    ['a person who insists', { options: { now: true } }],
  ])('%s', (_what, parts) => {
    expect(brief(plan(desired, added, parts).steps)).toContain('machine.destroy shop/cron/arn/1');
    expect(brief(plan(desired, taken, parts).steps)).toContain('release shop');
  });

  test.each([
    ['a commit from before', { memory: { revisionSeenAt: now - 60_000 } }],
    ['a commit of which nobody knows when it came', { memory: { revisionSeenAt: undefined } }],
    ['--force', { options: { force: true } }],
    ['--accept', { options: { accept: true } }],
  ])('not %s', (_what, parts) => {
    for (const world of [added, taken]) expect(holdsOf(plan(desired, world, parts))).toContain('flyctl');
  });

  test('a commit that came between its first machine and its last counts as later', () => {
    const added = (agoMs: number) => made('cron', '12', { id: `cron${agoMs}`, instance_id: ulidAt(now - agoMs) });
    const world = observed({ machines: [web(), work(), added(60_000), added(30_000)] });
    const seen = (agoMs: number) => holdsOf(plan(desired, world, { memory: { revisionSeenAt: now - agoMs } }));
    expect([seen(60_000), seen(45_000)]).toEqual([['flyctl'], []]);
  });

  test('heal_all does not wait for it, and off leaves it there', () => {
    expect(brief(plan(under({ drift: 'heal_all' }), added).steps)).toContain('machine.destroy shop/cron/arn/1');
    const off = plan(under({ drift: 'off' }), added);
    expect(brief(off.steps).filter((step) => step.startsWith('machine.destroy'))).toEqual([]);
    expect(holdsOf(off)).toEqual([]);
  });
});

test('a group with a volume stays until a person names the app, whoever insists', () => {
  const config = { mounts: [{ volume: 'vol_1', path: '/data' }] };
  const machines = [web(), work(), made('cron', '12', { config })];
  const seen = observed({ machines, volumes: [volume('vol_1', { attached_machine_id: 'cron1' })] });
  const app = plan(desired, seen, { options: { now: true } });
  expect(holdsOf(app)).toEqual(['volume']);
});

test('a label takes note of the release only once nothing is held for it', () => {
  const labels = (machines: readonly Machine[]) =>
    (plan(desired, observed({ machines })).bookkeeping ?? []).filter(({ kind }) => kind === 'machine.label').length;
  expect([labels([web()]), labels([web(), work()])]).toEqual([0, 2]);
});

test('a group that it added is known for one after FlyCD’s own machines have moved on', () => {
  const told = { id: 'r20', number: 20, version: '0'.repeat(32), image: '', isOpen: false, first: 8 };
  const moved = {
    ...own,
    fly_release_id: 'r20',
    fly_release_version: '20',
    flycd_release: 'r20',
    flycd_told: `r20:20:${'0'.repeat(32)}`,
  };
  const seen = (version: string) => observed({ machines: [web(moved), work(moved), made('cron', version)] });
  expect(holdsOf(plan(desired, seen('12'), { memory: { told } }))).toEqual(['flyctl']);
  expect(brief(plan(desired, seen('12'), { memory: { told, revisionSeenAt: now } }).steps)).toEqual([
    'machine.destroy shop/cron/arn/1',
  ]);
  // It was there when FlyCD came.
  expect(holdsOf(plan(desired, seen('8'), { memory: { told } }))).toEqual([]);
  // `fly scale count` writes the app's newest release on what it makes, also where that is FlyCD's.
  const scaled = plan(desired, seen('20'), { memory: { told } });
  expect([holdsOf(scaled), scaled.notes]).toEqual([
    [],
    ['left alone: 1 × machine of flyctl in a group that git does not name'],
  ]);
});

test('the number of FlyCD’s first release stands on its machines, those that are gone among them, for a database that came later', () => {
  const moved = { fly_release_id: 'r20', fly_release_version: '20', flycd_release: 'r20' };
  const stamped = (first: string) => ({ ...moved, flycd_told: `r20:20:${'0'.repeat(32)}`, flycd_first_release: first });
  const told = { id: 'r20', number: 20, version: '0'.repeat(32), image: '', isOpen: false, first: 20 };
  const heldOf = (first: string, version: string, parts: object = {}, memory: object = {}) => {
    const machines = [web(stamped(first)), work(stamped(first)), made('cron', version)];
    return holdsOf(plan(desired, { ...observed({ machines }), ...parts }, { memory }));
  };
  expect([heldOf('8', '12'), heldOf('8', '12', {}, { told })]).toEqual([['flyctl'], ['flyctl']]);
  expect([heldOf('8', '8'), heldOf('12', '12', {}, { told: { ...told, first: 8 } })]).toEqual([[], ['flyctl']]);
  // What is no number of a release tells nothing.
  for (const text of ['', '0', '-1', '8.5', '1e9', 'x']) expect(heldOf(text, '12')).toEqual([]);
  const departed = [{ ...web(stamped('8')), id: 'former', state: 'destroyed' }];
  expect(heldOf('', '12', { departed })).toEqual(['flyctl']);
  const others = [{ ...web({ ...stamped('8'), flycd_fleet: 'other' }), id: 'former', state: 'destroyed' }];
  expect(heldOf('', '12', { departed: others })).toEqual([]);
});

describe('when FlyCD came, where its database tells of no release', () => {
  const goodAt = (at: number) =>
    formatGood({ revision: 'content:1', config: '0'.repeat(32), digest: '', image: '1'.repeat(32), at });
  /** FlyCD released and noted nothing, and found it well an hour ago. */
  const bare = {
    fly_release_id: undefined,
    fly_release_version: undefined,
    flycd_release: undefined,
    flycd_told: undefined,
    flycd_good: goodAt(now - 3_600_000),
  };
  const former = (metadata: object): readonly Machine[] =>
    [web(metadata), work(metadata)].map((one) => ({ ...one, id: `${one.id}x`, state: 'destroyed' }));
  const made12 = (at: number) => made('cron', '12', { created_at: new Date(at).toISOString() });
  const young = made12(now - 60_000);
  const old = made12(now - 2 * 3_600_000);
  const release = (at: number) => ({
    id: 'r12',
    version: 12,
    status: 'complete',
    created_at: new Date(at).toISOString(),
  });

  type Told = readonly [what: string, machines: readonly Machine[], departed: readonly Machine[], held: boolean];

  test.each<Told>([
    ['its releases, on machines that are gone', [young], former({}), true],
    ['the same, and flyctl’s was before', [made('cron', '11')], former({}), false],
    ['a release that it took note of', [young], former({ flycd_told: undefined }), true],
    ['when a version of its own was good', [young], former(bare), true],
    ['the same, and flyctl’s machines were there before', [old], former(bare), false],
    ['the same, and one of them was: the others came with `fly scale count`', [young, old], former(bare), false],
    ['the same of a machine that is there', [young, web(bare), work(bare)], [], true],
    ['nothing of it', [young], former({ ...bare, flycd_good: undefined }), false],
    ['machines of another fleet', [young], former({ flycd_fleet: 'other' }), false],
    [
      'those that are there, before those that are gone',
      [young, web({}), work({})],
      former({ flycd_told: `r20:20:${'0'.repeat(32)}` }),
      true,
    ],
  ])('%s', (_what, machines, departed, held) => {
    const seen = { ...observed({ machines }), departed };
    expect(holdsOf(plan(desired, seen, { memory: { known: true } })).includes('flyctl')).toBe(held);
  });

  test('by the release rather than by its machines, where that can be read', () => {
    const heldOf = (machines: readonly Machine[], at: number) => {
      const releases = { status: 'read', value: [release(at)] } as const;
      const seen = { ...observed({ machines }), departed: former(bare), releases };
      return holdsOf(plan(desired, seen, { memory: { known: true } }));
    };
    expect(heldOf([young], now - 2 * 3_600_000)).toEqual([]);
    expect(heldOf([old], now - 60_000)).toEqual(['flyctl']);
  });

  describe('under a release that nothing shows', () => {
    const machines = [young, web(bare), work(bare)];
    const planned = (more: object, parts: Parameters<typeof plan>[2] = {}) => {
      const app = plan(desired, { ...observed({ machines }), ...more }, { memory: { known: true }, ...parts });
      return [holdsOf(app), brief(app.steps)];
    };
    const unread = { isDepartedUnread: true };

    test('it is since as long as nobody looked at those that are gone, and asks for them', () => {
      const seen = observed({ machines });
      const held = plan(desired, seen, { memory: { known: true } });
      expect([holdsOf(held), asksWhoEmptied(held, seen)]).toEqual([['flyctl'], true]);
      const later = plan(desired, seen, { memory: { known: true, revisionSeenAt: now } });
      expect([brief(later.steps), asksWhoEmptied(later, seen)]).toEqual([['machine.destroy shop/cron/arn/1'], true]);
      // Whose releases tell when FlyCD came, asks no more than before.
      const told = observed({ machines: [young, web({}), work({})] });
      const sure = plan(desired, told, { memory: { known: true } });
      expect([holdsOf(sure), asksWhoEmptied(sure, told)]).toEqual([['flyctl'], false]);
    });

    test('it was there before where what it was copied from was', () => {
      const original = { ...old, id: 'before', state: 'destroyed' };
      expect(planned({ departed: [original] })).toEqual([[], []]);
      expect(planned({ departed: [] })[0]).toEqual(['flyctl']);
    });

    test.each<readonly [string, Parameters<typeof plan>[2]]>([
      ['by itself', {}],
      ['for a commit that came later', { memory: { known: true, revisionSeenAt: now } }],
      ['for a person who insists', { options: { now: true } }],
    ])('it stays while those that are gone cannot be read, %s', (_what, parts) => {
      const cannot = { status: 'unread', reason: '500' };
      expect(planned(unread, parts)).toEqual([['unread'], []]);
      expect(planned({ ...unread, releases: cannot }, parts)).toEqual([['unread'], []]);
      // What a release that was read says needs nobody else.
      const known = { status: 'read', value: [release(now - 60_000)] };
      expect(planned({ ...unread, releases: known })[0]).toEqual(['flyctl']);
    });

    test('so it does where all drift is healed', () => {
      const seen = { ...observed({ machines }), ...unread };
      expect(holdsOf(plan(under({ drift: 'heal_all' }), seen, { memory: { known: true } }))).toEqual(['unread']);
    });

    test('a group that has no machine is not made again while it alone tells of a deployment', () => {
      const seen = { ...observed({ machines: [young, web(bare)] }), ...unread };
      const held = plan(desired, seen, { memory: { known: true } });
      expect([brief(held.steps), holdsOf(held)]).toEqual([[], ['unread', 'unread']]);
      expect(held.holds.map(({ retryAt }) => retryAt)).toEqual([now + 60_000, now + 60_000]);
      const insisted = plan(desired, seen, { memory: { known: true }, options: { now: true } });
      expect([brief(insisted.steps), holdsOf(insisted)]).toEqual([['release shop'], ['unread']]);
    });
  });

  test('nothing is made while those that are gone cannot be read, and nothing goes for it', () => {
    const seen = observed({ machines: [young] });
    const held = plan(desired, { ...seen, isDepartedUnread: true }, { memory: { known: true } });
    expect([brief(held.steps), holdsOf(held)]).toEqual([[], ['unread']]);
    const insisted = plan(
      desired,
      { ...seen, isDepartedUnread: true },
      { memory: { known: true }, options: { now: true } },
    );
    expect(brief(insisted.steps)).toEqual(['release shop']);
  });
});

test('of several releases by hand the newest is named', () => {
  const later = { ...byHand, fly_release_id: 'r3', fly_release_version: '13' };
  const changed = { config: { env: { COLOR: 'other' } } };
  const machines = [
    machine(desired, { metadata: byHand, ...changed }),
    machine(desired, { group: 'worker', metadata: later, ...changed }),
  ];
  expect(plan(desired, observed({ machines })).holds[0]?.because).toBe(
    'changed by flyctl (release v13): 2 machines not as git says',
  );
});

describe('a group without a count', () => {
  const uncounted = desiredApp({ groups: [group({ counts: { arn: 1 } }), { ...worker, counts: undefined }] });
  const { inputs } = uncounted;
  const both = { web: inputs, worker: inputs };
  const planned = (populated: Readonly<Record<string, string>> | undefined, options = {}) =>
    plan(uncounted, observed({ machines: [web({})] }), { memory: { known: true, populated }, options });

  test('that had machines at what git says, and has none, was emptied by hand, and is held so', () => {
    const app = planned(both);
    expect([app.status, brief(app.steps), holdsOf(app)]).toEqual(['held', [], ['flyctl']]);
    expect(app.holds[0]?.because).toContain(
      'worker has no machine: somebody scaled it to 0, or destroyed the last one',
    );
    expect(app.holds[0]?.next).toContain('flycd sync --now --app shop');
  });

  test('is said to have lost them to whom those that are gone tell of, and to nobody where they were not read', () => {
    const off = desiredApp({ groups: uncounted.groups, policy: { drift: 'off' } });
    const goneAt = (at: number): readonly Machine[] => [
      { ...work({}), id: 'former', state: 'destroyed', events: [{ type: 'destroy', timestamp: at }] },
    ];
    const releases = { status: 'read', value: [{ id: 'r2', version: 12, status: 'failed', created_at: ago(120_000) }] };
    const saidOf = (more: object, machines: readonly Machine[] = [web(), made('cron', '12')]) => {
      const seen = { ...observed({ machines }), ...more };
      return plan(off, seen, { memory: { known: true, populated: { web: off.inputs, worker: off.inputs } } }).notes;
    };
    const words = (who: string) => expect.arrayContaining([expect.stringContaining(`worker has no machine: ${who}`)]);
    expect(saidOf({ departed: goneAt(now - 90_000), releases })).toEqual(words('a deployment by flyctl took the last'));
    expect(saidOf({ departed: goneAt(now - 30_000), releases })).toEqual(words('somebody scaled it to 0, or'));
    expect(saidOf({ isDepartedUnread: true, releases })).toEqual(words('destroyed machines, which tell who took'));
  });

  test.each<readonly [string, Readonly<Record<string, string>> | undefined, object]>([
    ['that never had one', { web: inputs }, {}],
    ['of which nobody knows', undefined, {}],
    ['that had some when git said something else', { ...both, worker: `${inputs}0` }, {}],
    ['on which a person insists', both, { now: true }],
    ['on which a person insists by force', both, { force: true }],
  ])('%s gets its machines', (_what, populated, options) => {
    expect(brief(planned(populated, options).steps).length).toBeGreaterThan(0);
  });

  test('stays where what was remembered is of another FlyCD’s scheme, which tells nothing of git', () => {
    expect(holdsOf(planned({ ...both, worker: 'i1:before' }))).toEqual(['flyctl']);
  });

  test('whose machines destroy themselves is made again', () => {
    const job = { ...worker, counts: undefined, config: { ...worker.config, auto_destroy: true } };
    const ending = desiredApp({ groups: [group({ counts: { arn: 1 } }), job] });
    const seen = observed({ machines: [web({})] });
    const populated = { web: ending.inputs, worker: ending.inputs };
    expect(holdsOf(plan(ending, seen, { memory: { known: true, populated } }))).toEqual([]);
  });

  test('is held where a deployment took them', () => {
    const world = observed({ machines: [web()] });
    expect(holdsOf(plan(uncounted, world, { memory: { populated: both } }))).toEqual(['flyctl']);
    // One that git names newly was not taken by it.
    expect(holdsOf(plan(uncounted, world, { memory: { populated: { web: inputs } } }))).toEqual([]);
  });
});

describe('where drift is off, what a person did is left alone, and told', () => {
  const off = (counts: Record<string, number> | undefined) =>
    desiredApp({ groups: [group({ counts: { arn: 1 } }), { ...worker, counts }], policy: { drift: 'off' } });
  const memory = { known: true, populated: { web: desired.inputs, worker: desired.inputs } };

  test.each<readonly [string, Record<string, number> | undefined, readonly Machine[], string | undefined]>([
    ['a group without a count that was emptied', undefined, [web({})], 'worker has no machine'],
    ['a group without a count that a deployment took', undefined, [web()], 'worker has no machine'],
    ['a group with a count is made again', { arn: 1 }, [web({})], undefined],
    ['a group with a count that a deployment took, too', { arn: 1 }, [web()], undefined],
    ['a group that a deployment added', { arn: 1 }, [web(), work(), made('cron', '12')], cron],
    ['a canary', { arn: 1 }, [web(), work(), made('web', '12', { metadata: { fly_canary: 'true' } })], 'as a canary'],
    ['a machine that was stopped', { arn: 1 }, [{ ...web({}), state: 'stopped' }, work({})], 'web/arn/1 is stopped'],
  ])('%s', (_what, counts, machines, told) => {
    const app = plan(off(counts), observed({ machines }), { memory });
    expect(holdsOf(app)).toEqual([]);
    expect([app.status, brief(app.steps)]).toEqual(told === undefined ? ['pending', ['release shop']] : ['synced', []]);
    const notes = app.notes.filter((note) => note.includes('drift is not healed here (sync.drift: off)'));
    expect(notes).toEqual(told === undefined ? [] : [expect.stringContaining(told)]);
    const insisted = plan(off(counts), observed({ machines }), { memory, options: { now: true } });
    expect(brief(insisted.steps).length).toBeGreaterThan(0);
  });
});

describe('an app that Fly calls suspended', () => {
  const stopped = (source: string) => ({
    state: 'stopped',
    events: [{ type: 'stop', source, status: 'stopping', timestamp: now - 30_000 }],
  });
  const app = (parts: object, status = 'suspended') =>
    observed({ status, machines: [machine(desired, { metadata: own, ...parts }), work({})] });

  test.each<[string, ReturnType<typeof app>, boolean]>([
    ['whose machine a person stopped, is not started', app(stopped('user')), true],
    ['whose machine Fly stopped, is', app(stopped('flyd')), false],
    ['no longer, is', app(stopped('user'), 'deployed'), false],
  ])('%s', (_what, world, held) => {
    const planned = plan(desired, world);
    expect([holdsOf(planned).includes('flyctl'), brief(planned.steps).length > 0]).toEqual([held, !held]);
    expect(brief(plan(desired, world, { options: { now: true } }).steps)).toEqual(['machine.start shop/web/arn/1']);
    const later = { memory: { revisionSeenAt: now - 29_999 } };
    expect(brief(plan(desired, world, later).steps)).toEqual(['machine.start shop/web/arn/1']);
  });
});
