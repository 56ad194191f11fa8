import { describe, expect, it, test } from 'vitest';
import type { Machine } from '../../../schemas/fly/machine.ts';
import type { FleetOwner } from '../../../src/model/stamps/owner.ts';
import { planApp } from '../../../src/plan/app.ts';
import { planFleet } from '../../../src/plan/fleet.ts';
import { ownerLabels } from '../../../src/plan/kinds/owner-labels.ts';
import { desiredApp, group, input, machine, now, observed, type MachineParts, writes } from '../builders.ts';
import { fleetOf } from '../fleets.ts';

const [a, b] = ['a'.repeat(32), 'b'.repeat(32)];
const [one, two] = ['1'.repeat(40), '2'.repeat(40)];
const ours: FleetOwner = { name: 'flycd', origin: { address: a, root: one } };
const mine = `o1:${a}:${one}`;

/** `shop` with one machine that runs what git wants, of the unnamed fleet, with this origin and whatever else. */
function shop(origin: string | undefined, more: MachineParts = {}) {
  const metadata = { flycd_fleet: 'flycd', flycd_origin: origin, ...more.metadata };
  const desired = desiredApp({ groups: [group({ counts: { arn: 1 } })] });
  return { desired, world: observed({ machines: [machine(desired, { ...more, metadata })] }) };
}

const plan = (
  { desired, world }: ReturnType<typeof shop>,
  owner: FleetOwner = ours,
  parts: Omit<Parameters<typeof input>[2] & object, 'fleet'> = {},
) => planApp(input(desired, world, { ...parts, fleet: owner }));

describe('an app of another repo', () => {
  it.each([
    [
      'a fork, or the same before it moved',
      `o1:${b}:${one}`,
      'Both share a first commit: one is a moved repo or a copy',
    ],
    ['another', `o1:${b}:${two}`, 'Neither repo names its fleet'],
    ['another without an address', `o1::${two}`, 'Neither repo names its fleet'],
  ])('is left alone whole: %s', (_what, origin, said) => {
    for (const more of [{}, { state: 'stopped' }, { config: { env: { COLOR: 'blue' } } }]) {
      const held = plan(shop(origin, more));
      expect(held.steps).toEqual([]);
      expect(held.holds).toMatchObject([{ reason: 'owner', steps: [] }]);
      expect(held.holds[0]?.because).toContain(said);
      expect(held.holds[0]?.next).toMatch(/^if this repo replaces it: flycd adopt --all --from (?:b{12}|2{12});/);
      expect(held.status).toBe('blocked');
    }
  });

  it('is taken over by the word of a person, and stamped anew', () => {
    const taken = plan(shop(`o1:${b}:${two}`), ours, { options: { adopt: true } });
    expect(taken.holds).toEqual([]);
    expect(writes(taken).map(({ kind }) => kind)).toEqual(['app.adopt', 'machine.label']);
    expect(taken.steps[0]?.because).toBe('taken over from the config repo of origin bbbbbbbbbbbb');
    expect(writes(taken)[1]).toMatchObject({ metadata: { flycd_origin: mine } });
  });

  it('is so although one machine of it carries nothing, or ours', () => {
    for (const origin of [undefined, mine]) {
      const { desired, world } = shop(`o1:${b}:${two}`);
      const second = machine(desired, { number: 2, metadata: { flycd_fleet: 'flycd', flycd_origin: origin } });
      const machines = world.machines.status === 'read' ? [...world.machines.value, second] : [];
      expect(plan({ desired, world: observed({ machines }) }).holds).toMatchObject([{ reason: 'owner' }]);
    }
  });
});

describe('an app of this repo', () => {
  it.each([
    ['the same', mine],
    ['known from a shallow clone', `o1:${a}:`],
    ['known from a clone without a remote', `o1::${one}`],
    ['after its history was written anew', `o1:${a}:${two}`],
    ['by nothing in common', `o1::`],
  ])('is never held or restarted: %s', (_what, origin) => {
    const planned = plan(shop(origin));
    expect(planned.holds).toEqual([]);
    expect(planned.steps.map(({ kind }) => kind).filter((kind) => kind !== 'machine.label')).toEqual([]);
  });

  it('has its stamp written where it is missing, or of another scheme, and then rests', () => {
    for (const origin of [undefined, 'o9:new'])
      expect(writes(plan(shop(origin)))).toMatchObject([{ kind: 'machine.label', metadata: { flycd_origin: mine } }]);
    expect(plan(shop(mine)).steps).toEqual([]);
    expect(plan(shop(undefined), { name: 'flycd' }).steps).toEqual([]);
  });

  it('takes its stamp along with an update, and with each machine that is made', () => {
    const moved = shop('o9:new', { config: { env: { COLOR: 'blue' } } });
    const { steps } = plan(moved);
    expect(JSON.stringify(steps)).toContain(`"flycd_origin":"${mine}"`);
    const { desired } = moved;
    const made = planApp(input(desired, observed({ machines: [] }), { fleet: ours }));
    expect(JSON.stringify(made.steps)).toContain(`"flycd_origin":"${mine}"`);
  });
});

describe('a machine that no repo has stamped', () => {
  const moved = { config: { env: { COLOR: 'blue' } } };

  it('may be of a fleet with a name: it is not restarted unless the database tells whose it is, or a person', () => {
    const asked = plan(shop(undefined, moved));
    expect(asked.steps).toEqual([]);
    expect(asked.holds).toMatchObject([
      { reason: 'owner', next: 'if this repo made them: flycd adopt --all --from flycd' },
    ]);
    expect(plan(shop(undefined, moved), ours, { memory: { known: true } }).holds).toEqual([]);
    expect(plan(shop(undefined, moved), { name: 'flycd' }).holds).toEqual([]);
    expect(plan(shop(undefined, moved), ours, { options: { adopt: true } }).holds).toEqual([]);
  });

  it('is ours beside one that is', () => {
    const { desired } = shop(mine);
    const machines = [undefined, mine].map((origin, index) =>
      machine(desired, { ...moved, number: index + 1, metadata: { flycd_fleet: 'flycd', flycd_origin: origin } }),
    );
    expect(plan({ desired, world: observed({ machines }) }).holds).toEqual([]);
  });

  it('is another’s where somebody wrote that name', () => {
    for (const fleet of [ours, { name: 'flycd' }, { ...ours, name: 'acme', unwritten: 'flycd' }]) {
      const held = plan(shop('n1:', moved), fleet);
      expect(held).toMatchObject({ steps: [], holds: [{ because: 'fleet flycd owns this app' }] });
    }
  });
});

test('outside of git nothing tells whether a repo’s machines are of a fleet that has got a name: not a label is written', () => {
  const held = plan(shop(`o1:${b}:${two}`), { name: 'acme', unwritten: 'flycd' });
  expect(held.steps).toEqual([]);
  expect(held.holds).toMatchObject([
    { reason: 'owner', next: 'if this repo made them: flycd adopt --all --from bbbbbbbbbbbb' },
  ]);
});

describe('a name that is written for the first time', () => {
  const named: FleetOwner = { ...ours, name: 'acme', unwritten: 'flycd' };

  it.each([
    ['this repo', mine],
    ['before', undefined],
  ])('takes machines of %s by a label', (_what, origin) => {
    const planned = plan(shop(origin), named);
    expect(planned.holds).toEqual([]);
    expect(writes(planned)).toMatchObject([{ kind: 'machine.label', metadata: { flycd_fleet: 'acme' } }]);
    expect(writes(planned)).toMatchObject([{ metadata: { flycd_origin: 'n1:' } }]);
  });

  it('goes on with what git moved where the origin or the database tells whose they are, else asks', () => {
    const moved = { config: { env: { COLOR: 'blue' } } };
    expect(plan(shop(mine, moved), named).holds).toEqual([]);
    expect(plan(shop(undefined, moved), named, { memory: { known: true } }).holds).toEqual([]);
    expect(plan(shop(undefined, moved), named, { options: { adopt: true } }).holds).toEqual([]);
    const asked = plan(shop(undefined, moved), named);
    expect(asked.steps).toEqual([]);
    expect(asked.holds).toMatchObject([
      { reason: 'owner', next: 'if this repo made them: flycd adopt --all --from flycd' },
    ]);
  });

  it('takes nothing of another repo, nor of a fleet that had a name', () => {
    const repo = plan(shop(`o1:${b}:${two}`), named);
    expect(repo.holds).toMatchObject([{ reason: 'owner' }]);
    expect(repo.holds[0]?.because).toContain('That repo names no fleet');
    const other = plan(shop(undefined, { metadata: { flycd_fleet: 'other' } }), named);
    expect(other.holds).toMatchObject([{ reason: 'owner', because: 'fleet other owns this app' }]);
    expect(other.holds[0]?.next).toContain('flycd adopt --all --from other');
  });
});

describe('in the place of an earlier owner', () => {
  const from: FleetOwner = { ...ours, from: { text: 'OLD', name: undefined, digits: b } };
  const theirs = `o1:${b}:${two}`;

  it('only labels are written, whatever else git wants', () => {
    for (const more of [{}, { state: 'stopped' }, { config: { env: { COLOR: 'blue' } } }]) {
      const taken = plan(shop(theirs, more), from);
      expect(taken.holds).toEqual([]);
      expect(writes(taken)).toMatchObject([
        { kind: 'machine.label', because: 'taken over from OLD', metadata: { flycd_origin: mine } },
      ]);
    }
  });

  it('one that was cut short is held until it is said again, and then ends where it would have', () => {
    const { desired } = shop(theirs);
    const half = [undefined, 2].map((number) =>
      machine(desired, {
        ...(number === undefined ? {} : { number }),
        metadata: { flycd_fleet: 'flycd', flycd_origin: number === undefined ? mine : theirs },
      }),
    );
    const cut = { desired, world: observed({ machines: half }) };
    expect(plan(cut)).toMatchObject({ steps: [], holds: [{ reason: 'owner' }] });
    expect(writes(plan(cut, from))).toMatchObject([{ kind: 'machine.label', machineId: half[1]?.id }]);
  });

  it('nothing is done to what carries neither it nor nothing, nor to what is ours or nobody’s', () => {
    expect(plan(shop(`o1:${'c'.repeat(32)}:${two}`), from)).toMatchObject({ steps: [], holds: [{ reason: 'owner' }] });
    expect(plan(shop(mine), from)).toMatchObject({ steps: [], holds: [], status: 'synced' });
    const byFlyctl = { flycd_fleet: undefined, fly_platform_version: 'v2', fly_process_group: 'web' };
    expect(plan(shop(undefined, { metadata: byFlyctl }), from)).toMatchObject({ steps: [], holds: [] });
    const { desired } = shop(mine);
    expect(planApp(input(desired, observed({ machines: [] }), { fleet: from })).steps).toEqual([]);
  });
});

test('a thousand apps that an earlier FlyCD stamped: no hold, no restart, and then nothing', () => {
  const apps = Array.from({ length: 1000 }, (_one, index) =>
    desiredApp({ name: `app-${index}`, groups: [group({ counts: { arn: 1 } })] }),
  );
  const fleet = fleetOf(apps, { ...ours, named: false });
  const pass = (origin: string | undefined) => {
    const worlds = apps.map((app) => {
      const metadata = { flycd_fleet: 'flycd', flycd_origin: origin };
      return observed({ machines: [machine(app, { metadata })] });
    });
    const plans = apps.map((app, index) => planApp(input(app, worlds[index] ?? observed({}), { fleet: ours })));
    return planFleet({
      fleet,
      plans,
      observed: worlds,
      orphans: [],
      unread: [],
      now,
      accept: false,
      acceptOnly: [],
      failed: [],
      selected: [],
    });
  };
  const upgraded = pass(undefined);
  expect(upgraded.apps.flatMap(({ holds }) => holds)).toEqual([]);
  const steps = upgraded.apps.flatMap(writes);
  expect(steps).toHaveLength(1000);
  expect(new Set(steps.map(({ kind, risk }) => `${kind} ${risk}`))).toEqual(new Set(['machine.label safe']));
  const after = pass(mine);
  expect(after.apps.filter((app) => writes(app).length + app.holds.length > 0 || app.status !== 'synced')).toEqual([]);
});

describe('labels that make machines ours', () => {
  const labels = (...machines: readonly Machine[]) =>
    ownerLabels({ app: 'shop', machines, fleet: ours, because: 'taken over' }).map(({ target, machineId }) => [
      target,
      machineId,
    ]);
  const at = (origin: string, parts: MachineParts = {}) => shop(origin, parts).world.machines;
  const only = (reading: ReturnType<typeof at>): Machine => {
    const [found] = reading.status === 'read' ? reading.value : [];
    if (found === undefined) throw new Error('no machine');
    return found;
  };
  const theirs = only(at(`o1:${b}:${two}`));

  test('are written on others’ machines, each called by its place, or by its id where it has none', () => {
    const placeless = only(at(`o1:${b}:${two}`, { id: 'm1', metadata: { flycd_slot: undefined } }));
    expect(labels(theirs, placeless)).toEqual([
      ['shop/web/arn/1', theirs.id],
      ['shop/m1', 'm1'],
    ]);
  });

  test('are none on what is ours already, nor on a host that does not answer', () => {
    const dark: Machine = { ...theirs, host_status: 'unreachable', config: undefined };
    expect(labels(only(at(mine)))).toEqual([]);
    expect(labels(dark)).toEqual([]);
    expect(labels(only(at(mine)), dark, theirs)).toHaveLength(1);
  });
});

describe('an app that is adopted while a host of its machines does not answer', () => {
  const owner: FleetOwner = { name: 'acme' };
  const theirs = { metadata: { flycd_fleet: 'old' } };

  /** Dark ones, and others that a change of git's would restart. */
  function adopting(dark: number, others: number) {
    const desired = desiredApp({ groups: [group({ counts: { arn: dark + others } })] });
    const made = Array.from({ length: dark + others }, (_, index) => {
      const one = machine(desired, { ...theirs, number: index + 1, config: { env: { COLOR: 'blue' } } });
      if (index >= dark) return one;
      return { ...one, host_status: 'unreachable', config: undefined, incomplete_config: one.config };
    });
    return plan({ desired, world: observed({ machines: made }) }, owner, { options: { adopt: true } });
  }

  it.each([
    [1, 0, []],
    [1, 1, ['app.adopt']],
    [2, 1, ['app.adopt']],
  ])('%d dark and %d others: what can be labelled is, and nothing else is done', (dark, others, kinds) => {
    const planned = adopting(dark, others);
    expect(writes(planned).map(({ kind }) => kind)).toEqual(kinds);
    expect(planned.status).toBe('pending');
    const hold = planned.holds.find(({ reason }) => reason === 'unreachable');
    expect(hold?.because).toMatch(/^could not label [12] machines? of fleet old on a host that does not answer: \w+/);
    expect(hold?.next).toBe('flycd adopt shop again when it answers');
    const held = planned.holds.flatMap(({ steps }) => steps.map(({ kind }) => kind));
    expect(held).toEqual(others > 0 ? ['machine.update'] : ['app.adopt']);
  });

  it('names a few of many', () => {
    const because = adopting(7, 1).holds.map((hold) => hold.because);
    expect(because.join()).toMatch(/could not label 7 machines .*: (?:\w+, ){4}\w+ and 2 more/);
  });

  it('is adopted as ever where all of them answer', () => {
    const planned = adopting(0, 2);
    expect(planned.holds).toEqual([]);
    expect(writes(planned).map(({ kind }) => kind)).toEqual(['app.adopt', 'machine.update', 'machine.update']);
  });
});
