/** What a pass makes of an app that another owner may begin at the same moment, call by call. */
import { describe, expect, it, test } from 'vitest';
import { AppPass, type PassStart } from '../../../controllers/pass/app-pass.ts';
import { lockApp } from '../../../controllers/pass/app-lock.ts';
import {
  beginningOf,
  begunStamp,
  checkAdopted,
  checkOwner,
  isOfOwnerBefore,
  isUnseen,
  keepIfFirst,
} from '../../../controllers/pass/beginning.ts';
import { ReleaseRecord } from '../../../controllers/pass/release-record.ts';
import type { Machine } from '../../../schemas/fly/machine.ts';
import { inPlace } from '../../../src/loop/aside.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { momentOf } from '../../../src/model/base/moment.ts';
import { silentLog } from '../../../src/model/base/log.ts';
import { ownerLabels } from '../../../src/plan/kinds/owner-labels.ts';
import { createEvidence } from '../../../src/record/evidence.ts';
import { desiredApp, flyctlMachine, group, machine, observed } from '../../plan/builders.ts';
import { testStore } from '../../record/stores.ts';
import { flyAnswering } from '../answered-fly.ts';
import { fleetOf } from '../reconcilers.ts';

const app = desiredApp();

function made(
  by: 'a' | 'b' | 'c',
  at: number,
  parts: { readonly state?: string; readonly begun?: boolean } = {},
): Machine {
  const { begun = true, ...fields } = parts;
  const stamps = { flycd_fleet: 'flycd', flycd_origin: `o1:${by.repeat(32)}:`, ...(begun ? { flycd_begun: '1' } : {}) };
  const one = machine(app, { id: `${by}${at}`, metadata: stamps, ...fields });
  return { ...one, created_at: new Date(Date.UTC(2026, 0, 1, 0, 0, at)).toISOString() };
}

interface Begun {
  readonly pass: AppPass;
  readonly clock: IdleClock;
  readonly calls: readonly string[];
}

/** A pass in an app whose list shows these, one after the other, and the last of them from then on. */
function begin(
  lists: readonly (readonly Machine[])[] = [],
  begins = true,
  destroys = 200,
  handedOver: PassStart['handedOver'] = new Map(),
): Begun {
  const clock = new IdleClock();
  const calls: string[] = [];
  const left = [...lists];
  const fly = flyAnswering(clock, ({ method, path }) => {
    calls.push(`${method} ${path.split('/').at(-1)}`);
    if (method !== 'GET') return Response.json({ ok: true }, { status: destroys });
    return Response.json((left.length > 1 ? left.shift() : left[0]) ?? []);
  });
  const fleet = fleetOf({
    name: 'flycd',
    named: false,
    unwritten: undefined,
    origin: { address: 'a'.repeat(32), root: undefined },
  });
  const services = {
    clock,
    log: silentLog,
    fly,
    store: testStore({ path: ':memory:', clock }),
    evidence: createEvidence({ key: new Uint8Array(32) }),
    onProgress: () => undefined,
    instance: 'test',
    signal: new AbortController().signal,
    patience: 'requeue' as const,
    yieldSlot: inPlace,
  };
  const record = new ReleaseRecord({
    ...services,
    app,
    known: { version: '', told: undefined, first: undefined, status: undefined, open: undefined },
  });
  const pass = new AppPass(services, {
    fleet,
    app,
    newer: undefined,
    stamped: undefined,
    begins,
    handedOver,
    leaving: new Set(),
    wayOn: undefined,
    record,
    basis: {
      machines: undefined,
      standing: {},
      remembered: [],
      isKnown: false,
      observedAt: momentOf(clock),
      volumes: [],
      addresses: [],
      releases: undefined,
    },
  });
  return { pass, clock, calls };
}

const stays = { stays: true };
const lost = expect.objectContaining({ kind: 'held', where: 'shop', message: expect.stringContaining('bbbbbbbbbbbb') });

test('what is made says so as long as nobody knows whose the app is', () => {
  expect(begunStamp(begin().pass)).toEqual({ flycd_begun: '1' });
  expect(begunStamp(begin([], false).pass)).toEqual({});
});

test('a value goes to an app that was looked at five seconds ago at most', async () => {
  const { pass, clock } = begin();
  expect([isUnseen(pass), isUnseen(begin([], false).pass)]).toEqual([true, false]);
  checkOwner(pass, [], momentOf(clock));
  expect(isUnseen(pass)).toBe(false);
  await clock.sleep(5000);
  expect(isUnseen(pass)).toBe(false);
  await clock.sleep(1);
  expect(isUnseen(pass)).toBe(true);
  pass.begins = false;
  expect(isUnseen(pass)).toBe(false);
});

describe('whether an app begins with this pass', () => {
  const fleet = { name: 'flycd', origin: { address: 'a'.repeat(32), root: undefined } };
  const clock = new IdleClock();
  const web = desiredApp({ groups: [group({ counts: { arn: 1 } })] });
  const other = (one: Machine): Machine => ({
    ...one,
    config: { ...one.config, metadata: { ...one.config?.metadata, fly_process_group: 'worker' } },
  });
  const dark = (one: Machine): Machine => ({
    ...one,
    host_status: 'unreachable',
    config: null,
    incomplete_config: one.config ?? null,
  });
  const byFlyctl = flyctlMachine(web, { id: 'byhand' });
  const its = made('b', 1, { begun: false });

  it.each<readonly [string, readonly Machine[], boolean, boolean]>([
    ['nothing is there', [], false, true],
    ['nothing is there, and a person adopts it', [], true, true],
    ['one of ours stands', [made('a', 1, { begun: false })], false, false],
    ['one of ours stands, and a person adopts it', [made('a', 1, { begun: false })], true, false],
    ['one of ours is but begun', [made('a', 1)], false, true],
    ['one of ours is but begun, and a person adopts it', [made('a', 1)], true, true],
    ['one of git’s group is nobody’s', [byFlyctl], false, true],
    ['one of git’s group is nobody’s, and a person adopts it', [byFlyctl], true, false],
    ['one of git’s group is another owner’s', [its], false, true],
    ['one of git’s group is another owner’s, and a person adopts it', [its], true, false],
    ['such a one is on a host that does not answer, and gets no labels', [dark(its)], true, true],
    ['one of another group is nobody’s', [other(byFlyctl)], true, true],
    ['one of another group is another owner’s', [other(its)], true, true],
  ])('%s', (_words, machines, adopts, begins) => {
    const start = beginningOf(
      { fleet, clock },
      { desired: web, observed: observed({ machines: [...machines] }), adopts },
    );
    expect(start.begins).toBe(begins);
    // Whose they were matters where a person hands them over, and there alone.
    const theirs = machines.filter(
      ({ config, incomplete_config: partial }) =>
        (config ?? partial)?.metadata?.['flycd_origin']?.startsWith('o1:b') === true,
    );
    expect([...start.handedOver.keys()]).toEqual(adopts ? theirs.map(({ id }) => id) : []);
  });

  it('does not where nobody can tell', () => {
    const seen = { ...observed(), machines: { status: 'unread' as const, reason: 'Fly is silent' } };
    expect(beginningOf({ fleet, clock }, { desired: web, observed: seen, adopts: true }).begins).toBe(false);
  });
});

describe('a list', () => {
  it.each<readonly [string, readonly Machine[], readonly Machine[]]>([
    ['of nothing', [], []],
    ['of ours that came first', [made('a', 1), made('b', 2)], []],
    ['of theirs, where ours came first and is not listed yet', [made('b', 2)], [made('a', 1)]],
  ])('%s leaves open whose the app is', (_what, machines, begun) => {
    const { pass } = begin();
    pass.begun.push(...begun);
    checkOwner(pass, machines);
    expect([pass.begins, pass.lost]).toEqual([true, undefined]);
  });

  it('of theirs that a person handed over says nothing; another one of theirs does, and one that another owner has now', () => {
    const handedOver = made('b', 1, { begun: false });
    const theirs = { fleet: 'flycd', origin: { address: 'b'.repeat(32), root: undefined } };
    const { pass } = begin([], true, 200, new Map([['b1', theirs]]));
    checkOwner(pass, [handedOver]);
    pass.begun.push(made('a', 2));
    checkOwner(pass, [handedOver, made('b', 3)]);
    expect([pass.begins, pass.lost]).toEqual([true, undefined]);
    expect(() => checkOwner(pass, [handedOver, made('b', 3, { begun: false })])).toThrow(lost);
    const another = { ...theirs.origin, address: 'c'.repeat(32) };
    for (const before of [
      { ...theirs, fleet: 'words' },
      { ...theirs, origin: another },
    ]) {
      const { pass: later } = begin([], true, 200, new Map([['b1', before]]));
      expect(() => checkOwner(later, [handedOver])).toThrow(lost);
    }
  });

  it('of ours that is there for good settles it', () => {
    const { pass, clock } = begin();
    checkOwner(pass, [made('a', 1, { begun: false }), made('b', 2)], momentOf(clock));
    expect([pass.begins, pass.lookedAt]).toEqual([false, momentOf(clock)]);
    expect(() => checkOwner(pass, [made('b', 1, { begun: false })])).not.toThrow();
  });

  it.each<readonly [string, readonly Machine[], readonly Machine[]]>([
    ['of theirs', [made('b', 1)], []],
    ['of theirs that came first', [made('b', 1)], [made('a', 2)]],
    [
      'of theirs, where ours that came first is gone',
      [made('a', 1, { state: 'destroyed' }), made('b', 2)],
      [made('a', 1)],
    ],
    ['of theirs that is there for good', [made('a', 1), made('b', 2, { begun: false })], []],
  ])('%s ends the pass', (_what, machines, begun) => {
    const { pass } = begin();
    pass.begun.push(...begun);
    expect(() => checkOwner(pass, machines)).toThrow(lost);
    expect(pass.lost).toMatchObject({ app: 'shop', reason: 'owner' });
    expect(pass.whyStopped()).toContain('bbbbbbbbbbbb');
    const first = pass.lost;
    expect(() => checkOwner(pass, machines)).toThrow(lost);
    expect(pass.lost).toBe(first);
  });
});

describe('an app that a person takes over from another owner', () => {
  const theirs = { fleet: 'flycd', origin: { address: 'b'.repeat(32), root: undefined } };
  const adopting = () => begin([], false, 200, new Map([['b1', theirs]])).pass;
  const [planned, since, third] = [
    made('b', 1, { begun: false }),
    made('b', 2, { begun: false }),
    made('c', 3, { begun: false }),
  ];
  const check = (machines: readonly Machine[], labelled: readonly Machine[]) => {
    const pass = adopting();
    const labels = ownerLabels({ app: 'shop', machines: labelled, fleet: pass.fleet, because: '' });
    try {
      checkAdopted(pass, machines, labels);
    } catch (error) {
      expect(error).toMatchObject({ kind: 'held', where: 'shop' });
    }
    return pass.lost?.because;
  };

  it.each<readonly [string, readonly Machine[], readonly Machine[]]>([
    ['all of it is labelled', [planned], [planned]],
    ['so is what that owner made since', [planned, since], [planned, since]],
    ['nothing is, and the plan knew of it', [planned], []],
    ['somebody else’s that is but begun gives way', [planned, made('c', 3)], [planned]],
    ['somebody else’s is gone', [planned, { ...third, state: 'destroyed' }], [planned]],
  ])('is theirs no more: %s', (_what, machines, labelled) => {
    expect(check(machines, labelled)).toBeUndefined();
  });

  it.each<readonly [string, readonly Machine[], readonly Machine[], string]>([
    ['that owner made one since, which gets no label', [planned, since], [planned], 'b'],
    ['a third one has made one', [planned, third], [planned], 'c'],
    ['a third one has begun it, and nothing of ours stands', [made('c', 3)], [], 'c'],
    ['a third one has what was to be labelled', [{ ...third, id: 'b1' }], [planned], 'c'],
  ])('is somebody’s all the same: %s', (_what, machines, labelled, whose) => {
    expect(check(machines, labelled)).toContain(whose.repeat(12));
  });

  it('is said to be theirs beside what is ours in it', () => {
    expect(check([made('a', 1, { begun: false }), third], [])).toContain('beside 1 machine of this fleet');
  });

  it('is taken from those that the plan knew, whenever they made it', () => {
    const whose = [planned, since, third, made('a', 1)].map((one) => isOfOwnerBefore(adopting(), one));
    expect(whose).toEqual([true, true, false, false]);
  });
});

describe('the list from which the lock is chosen', () => {
  it('ends the pass where another owner came first', async () => {
    const { pass, calls } = begin([[made('b', 1)]]);
    await expect(lockApp(pass)).rejects.toEqual(lost);
    expect([pass.lost?.reason, pass.lock, calls]).toEqual(['owner', undefined, ['GET machines']]);
  });

  it('counts as a look at whose the app is', async () => {
    const { pass } = begin();
    await lockApp(pass);
    expect([pass.begins, isUnseen(pass)]).toEqual([true, false]);
  });
});

describe('after a machine was made', () => {
  const ours = made('a', 2);

  it('nobody looks where it is known whose the app is', async () => {
    const { pass, calls } = begin([], false);
    await keepIfFirst(pass, ours, stays);
    const other = begin();
    await keepIfFirst(other.pass, made('a', 2, { begun: false }), stays);
    expect([calls, other.calls, other.pass.begun, other.pass.begins]).toEqual([[], [], [], true]);
  });

  it.each([
    ['it is there for good', stays, false],
    ['but for one that goes by itself', { stays: false }, true],
  ])('the list that shows it settles it: %s', async (_what, how, begins) => {
    const { pass, clock, calls } = begin([[], [made('b', 3)], [ours, made('b', 3)]]);
    const from = clock.now();
    await keepIfFirst(pass, ours, how);
    expect([pass.begins, clock.now() - from >= 2000, calls]).toEqual([begins, true, Array(3).fill('GET machines')]);
  });

  it('one that no list shows within a minute is not waited for', async () => {
    const { pass, clock, calls } = begin();
    const from = clock.now();
    await keepIfFirst(pass, ours, stays);
    expect([pass.begins, clock.now() - from, calls.length]).toEqual([false, 60_000, 61]);
  });

  it('it goes again where another came first, and so does each made beside it', async () => {
    const { pass, calls } = begin([[], [made('b', 1)]]);
    const both = [ours, made('a', 3)].map((one) => keepIfFirst(pass, one, stays));
    const results = await Promise.allSettled(both);
    expect(results).toMatchObject([
      { status: 'rejected', reason: lost },
      { status: 'rejected', reason: lost },
    ]);
    expect(calls).toEqual(['GET machines', 'GET machines', 'DELETE a2', 'GET machines', 'DELETE a3']);
  });

  it('it is held all the same where Fly does not destroy it: the next pass does', async () => {
    const mine = made('a', 2);
    const { pass } = begin([[made('b', 1), mine]], true, 422);
    await expect(keepIfFirst(pass, mine, { stays: true })).rejects.toMatchObject({ kind: 'held' });
    expect(pass.lost).toMatchObject({ reason: 'owner' });
  });

  it('what the first look finds is true for all that were made beside it', async () => {
    const { pass, calls } = begin([[ours]]);
    await Promise.all([ours, made('a', 3)].map((one) => keepIfFirst(pass, one, stays)));
    expect([pass.begins, calls]).toEqual([false, ['GET machines']]);
  });
});
