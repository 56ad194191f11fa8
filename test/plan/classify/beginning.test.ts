/** Two owners in one app that both have begun it. */
import { describe, expect, it } from 'vitest';
import type { FleetOwner } from '../../../src/model/stamps/owner.ts';
import { givingWay, ownerBefore, provesOurs } from '../../../src/plan/classify/beginning.ts';
import { planApp } from '../../../src/plan/app.ts';
import { desiredApp, flyctlMachine, group, input, machine, observed, type MachineParts, writes } from '../builders.ts';

const ours: FleetOwner = { name: 'flycd', origin: { address: 'a'.repeat(32), root: undefined } };
const desired = desiredApp({ groups: [group({ counts: { arn: 1 } })] });
const begun = { flycd_begun: '1' };

interface Made extends MachineParts {
  /** Seconds after the app was begun. */
  readonly at: number;
  readonly begun: boolean;
}

function made(by: 'a' | 'b' | 'c', { at, begun: isBegun, ...parts }: Made) {
  const metadata = { flycd_fleet: 'flycd', flycd_origin: `o1:${by.repeat(32)}:`, ...(isBegun ? begun : {}) };
  const one = machine(desired, { ...parts, metadata: { ...metadata, ...parts.metadata } });
  return { ...one, created_at: new Date(Date.UTC(2026, 0, 1, 0, 0, at)).toISOString() };
}

const mine = (parts: Made) => made('a', { id: 'd8900001', ...parts });
const theirs = (parts: Made) => made('b', { id: 'd8900002', ...parts });
const cloned = (one: ReturnType<typeof made>) => ({
  ...one,
  config: { ...one.config, metadata: { ...one.config?.metadata, flycd_machine: 'd8999999' } },
});
const byHand = {
  ...flyctlMachine(desired, { id: 'd8900000' }),
  created_at: new Date(Date.UTC(2025, 0, 1)).toISOString(),
};
const plan = (machines: readonly ReturnType<typeof made>[], adopt = false) =>
  planApp(input(desired, observed({ machines }), { fleet: ours, options: { adopt } }));

describe('who began an app first', () => {
  it.each([
    ['nobody', [], undefined],
    ['ours, alone', [mine({ at: 1, begun: true })], undefined],
    ['theirs, alone', [theirs({ at: 1, begun: true })], 'b'],
    ['ours, which is older', [mine({ at: 1, begun: true }), theirs({ at: 2, begun: true })], undefined],
    ['theirs, which is older', [mine({ at: 2, begun: true }), theirs({ at: 1, begun: true })], 'b'],
    ['of one moment the lower id', [mine({ at: 1, begun: true }), theirs({ at: 1, begun: true })], undefined],
    ['ours, which is there for good', [mine({ at: 2, begun: false }), theirs({ at: 1, begun: true })], undefined],
    ['theirs, which is there for good', [mine({ at: 1, begun: true }), theirs({ at: 2, begun: false })], 'b'],
    [
      'theirs, where both are: a person has to say',
      [mine({ at: 1, begun: false }), theirs({ at: 2, begun: false })],
      'b',
    ],
    [
      'the oldest of three',
      [mine({ at: 3, begun: true }), theirs({ at: 2, begun: true }), made('c', { at: 1, begun: true })],
      'c',
    ],
    [
      'ours, where theirs is gone',
      [mine({ at: 2, begun: true }), theirs({ at: 1, begun: true, state: 'destroyed' })],
      undefined,
    ],
    [
      'ours, beside a clone of theirs',
      [mine({ at: 1, begun: false }), cloned(theirs({ at: 2, begun: false }))],
      undefined,
    ],
    ['theirs, beside a clone of ours', [cloned(mine({ at: 1, begun: false })), theirs({ at: 2, begun: false })], 'b'],
    [
      'theirs, where all are clones: a person has to say',
      [cloned(mine({ at: 1, begun: false })), cloned(theirs({ at: 2, begun: false }))],
      'b',
    ],
    ['theirs, where ours is but begun', [mine({ at: 1, begun: true }), cloned(theirs({ at: 2, begun: false }))], 'b'],
    ['theirs, beside what somebody made before both', [byHand, theirs({ at: 1, begun: true })], 'b'],
    ['nobody, where somebody made one by hand', [byHand], undefined],
  ])('%s', (_who, machines, address) => {
    for (const order of [machines, machines.toReversed()])
      expect(ownerBefore(order, ours)?.origin?.address).toBe(address?.repeat(32));
  });
});

describe('that an app is ours', () => {
  const named: FleetOwner = { ...ours, name: 'acme', unwritten: 'flycd' };
  const marked = mine({ at: 1, begun: false, metadata: { flycd_fleet: 'acme', flycd_origin: 'n1:' } });
  it.each([
    ['nothing proves without a machine', [], ours, false],
    ['a machine of ours proves that bears its own id', [mine({ at: 1, begun: false })], ours, true],
    [
      'one that bears none does not',
      [mine({ at: 1, begun: false, metadata: { flycd_machine: undefined } })],
      ours,
      false,
    ],
    ['a clone of one does not', [cloned(mine({ at: 1, begun: false }))], ours, false],
    ['one that is gone does not', [mine({ at: 1, begun: false, state: 'destroyed' })], ours, false],
    ['one that was but begun does not', [mine({ at: 1, begun: true })], ours, false],
    ['one made by hand does not', [byHand], ours, false],
    ['ours proves beside one made by hand', [byHand, mine({ at: 1, begun: false })], ours, true],
    ['theirs does not', [theirs({ at: 1, begun: false })], ours, false],
    ['ours does not beside theirs', [mine({ at: 1, begun: false }), theirs({ at: 2, begun: false })], ours, false],
    [
      'one does not of which nobody knows which repo made it',
      [mine({ at: 1, begun: false, metadata: { flycd_origin: undefined } })],
      ours,
      false,
    ],
    ['one of a fleet whose name somebody wrote proves', [marked], named, true],
    [
      'but not beside one that may be of another repo by the name that it had',
      [marked, made('b', { id: 'd8900002', at: 2, begun: false, metadata: { flycd_origin: `o1::${'c'.repeat(40)}` } })],
      named,
      false,
    ],
  ])('%s', (_what, machines, fleet, expected) => {
    expect(provesOurs(machines, fleet)).toBe(expected);
  });
});

describe('what of ours gives way', () => {
  const gone = { state: 'destroyed' };
  it.each([
    ['nothing, where nobody else is', [mine({ at: 1, begun: true })], []],
    ['nothing, where ours came first', [mine({ at: 1, begun: true }), theirs({ at: 2, begun: true })], []],
    ['all that was begun later', [mine({ at: 2, begun: true }), theirs({ at: 1, begun: true })], ['d8900001']],
    ['nothing that is gone', [mine({ at: 2, begun: true, ...gone }), theirs({ at: 1, begun: true })], []],
    [
      'what was begun anew, where ours that was there for good is gone',
      [
        mine({ at: 1, begun: false, ...gone }),
        mine({ id: 'd8900003', at: 3, begun: true }),
        theirs({ at: 2, begun: true }),
      ],
      ['d8900003'],
    ],
    ['nothing of somebody’s', [byHand, theirs({ at: 1, begun: true })], []],
  ])('%s', (_what, machines, ids) => {
    expect(givingWay(machines, ours).map(({ id }) => id)).toEqual(ids);
  });
});

describe('a plan for an app that two have begun', () => {
  it('takes away what is ours where theirs came first, and is held', () => {
    for (const standing of [true, false]) {
      const held = plan([mine({ at: 2, begun: true }), theirs({ at: 1, begun: !standing })]);
      expect(held.steps).toMatchObject([
        { kind: 'machine.destroy', machineId: 'd8900001', target: 'shop/web/arn/1', group: 'web', risk: 'safe' },
      ]);
      expect(held.holds).toMatchObject([{ reason: 'owner', steps: [] }]);
      expect(held.holds[0]?.because).toContain('origin bbbbbbbbbbbb');
    }
  });

  it('names what nobody can tell the place of by its id', () => {
    const stripped = { flycd_slot: undefined, fly_process_group: undefined };
    const held = plan([mine({ at: 2, begun: true, metadata: stripped }), theirs({ at: 1, begun: true })]);
    expect(held.steps).toMatchObject([{ machineId: 'd8900001', target: 'shop/d8900001', group: '' }]);
  });

  it('takes nothing away that was there for good, whoever else is', () => {
    const held = plan([
      mine({ at: 2, begun: false }),
      mine({ id: 'd8900003', at: 3, begun: true }),
      theirs({ at: 1, begun: false }),
    ]);
    expect(held.steps).toEqual([]);
    expect(held.holds).toMatchObject([{ reason: 'owner' }]);
  });

  it('leaves theirs alone where ours came first: counted, changed, removed and restarted as little as any stranger’s', () => {
    const app = plan([
      mine({ at: 1, begun: true }),
      theirs({ at: 2, begun: true, state: 'stopped', config: { image: 'old' } }),
    ]);
    expect(app.holds).toEqual([]);
    expect(writes(app)).toMatchObject([
      { kind: 'machine.label', machineId: 'd8900001', metadata: { flycd_begun: null } },
    ]);
    expect(app.notes).toContain(
      'left alone: 1 × machine of another owner, which began the app later and takes it away with its next sync',
    );
    expect(plan([mine({ at: 1, begun: false }), theirs({ at: 2, begun: true })]).steps).toEqual([]);
  });

  it('leaves a clone of theirs alone in an app that is ours', () => {
    const app = plan([mine({ at: 1, begun: false }), cloned(theirs({ at: 2, begun: false, state: 'stopped' }))]);
    expect({ steps: app.steps, holds: app.holds }).toEqual({ steps: [], holds: [] });
    expect(app.notes).toContain('left alone: 1 × machine cloned by hand from one of another owner');
  });

  it('takes theirs over by the word of a person, for good', () => {
    const taken = plan([theirs({ at: 1, begun: true })], true);
    expect(writes(taken).map(({ kind }) => kind)).toEqual(['app.adopt', 'machine.label']);
    expect(writes(taken)[1]).toMatchObject({ metadata: { flycd_begun: null } });
  });
});
