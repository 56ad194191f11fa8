/** Machines that somebody made beside FlyCD's: they are counted where git gives no count, and the plan says so. */
import { describe, expect, test } from 'vitest';
import type { Machine } from '../../../schemas/fly/machine.ts';
import { stampKeys } from '../../../src/model/stamps/keys.ts';
import { brief, desiredApp, flyctlMachine, group, machine, now, observed, plan, writes } from '../builders.ts';

const { counts: _counts, ...uncounted } = group();
const desired = desiredApp({ groups: [{ ...uncounted, counts: undefined }] });

function clone(region: string, number: number): Machine {
  return machine(desired, { id: 'clone', region, number, metadata: { [stampKeys.machine]: 'webarn1' } });
}

describe('a machine made by hand, in an app of ours', () => {
  test('a clone in a region that git does not name is adopted with a word', () => {
    const app = plan(desired, observed({ machines: [machine(desired), clone('ams', 1)] }));
    expect(brief(writes(app))).toEqual(['machine.label shop/web/ams/1']);
    expect(app.notes).toEqual([
      'web/ams/1 (clone) is a copy that somebody made by hand: from now on it is updated with its group',
      'web has 1 machine in ams, which git does not name; it stays. Add ams to extra_regions, or run fly machine destroy',
    ]);
  });

  test('a clone in a region that git names is told too', () => {
    const app = plan(desired, observed({ machines: [machine(desired), clone('arn', 1)] }));
    expect(brief(writes(app))).toEqual(['machine.label shop/web/arn/2']);
    expect(app.notes).toEqual([
      'web/arn/2 (clone) is a copy that somebody made by hand: from now on it is updated with its group',
    ]);
  });

  test.each([
    ['arn', 1, 'web/arn/2'],
    ['ams', 1, 'web/ams/1'],
  ])(
    'a clone of a machine that had not been given its own id yet, in %s, is told by its slot',
    (region, number, slot) => {
      const half = { [stampKeys.machine]: undefined, [stampKeys.slot]: 'web/arn/1' };
      const young = { created_at: new Date(now).toISOString() };
      const cloned = machine(desired, { id: 'clone', region, number, metadata: half, ...young });
      const told = `${slot} (clone) is a copy that somebody made by hand: from now on it is updated with its group`;
      const app = plan(desired, observed({ machines: [machine(desired, { metadata: half }), cloned] }));
      expect(app.notes).toContain(told);
      expect(app.notes.join()).not.toContain('webarn1');
      // Nobody gives it a place of its own where drift is left alone: whoever reads what differs there finds it by the id.
      const off = { ...desired, policy: { ...desired.policy, drift: 'off' as const } };
      const changed = { ...cloned, config: { ...cloned.config, env: { COLOR: 'blue' } } };
      expect(plan(off, observed({ machines: [machine(desired), changed] })).notes).toEqual(
        expect.arrayContaining([told, `${slot} (clone) differs from git; drift is not healed here (sync.drift: off)`]),
      );
    },
  );

  test.each([
    ['its own id since', 'webarn1'],
    ['none yet', undefined],
  ])('where git wants one, a clone goes that has no id of another, and its original %s', (_, itself) => {
    const one = desiredApp({ groups: [group({ counts: { arn: 1 } })] });
    const made = (id: string, seconds: number, stamp: string | undefined): Machine =>
      machine(one, {
        id,
        created_at: new Date(now + seconds * 1000).toISOString(),
        metadata: { [stampKeys.machine]: stamp },
      });
    const machines = [made('clone', 2, undefined), made('webarn1', 0, itself)];
    const goes = plan(one, observed({ machines })).steps.filter(({ kind }) => kind === 'machine.destroy');
    expect(goes).toMatchObject([{ target: 'shop/web/arn/2', machineId: 'clone' }]);
  });

  test('one that flyctl made in an app of ours is told', () => {
    const scaled = flyctlMachine(desired, { id: 'scaled', number: 2 });
    const app = plan(desired, observed({ machines: [machine(desired), scaled] }));
    expect(brief(writes(app))).toEqual(['machine.label shop/web/arn/2']);
    expect(app.notes).toEqual([
      'web/arn/2 (scaled) was made by hand with flyctl: from now on it is updated with its group',
    ]);
  });

  test('a copy is given its slot before a machine of flyctl’s, however old that one is', () => {
    const old = flyctlMachine(desired, { id: 'byhand', created_at: new Date(now - 86_400_000).toISOString() });
    const app = plan(desired, observed({ machines: [old, clone('arn', 1), machine(desired)] }));
    const labels = writes(app).flatMap((step) =>
      step.kind === 'machine.label' ? [[step.machineId, step.target]] : [],
    );
    expect(labels).toEqual([
      ['clone', 'shop/web/arn/2'],
      ['byhand', 'shop/web/arn/3'],
    ]);
  });

  test('taken over, its region is still told while git does not name it; its making is not', () => {
    const taken = machine(desired, { id: 'clone', region: 'ams' });
    const app = plan(desired, observed({ machines: [machine(desired), taken] }));
    expect(app.steps).toEqual([]);
    expect(app.notes).toEqual([
      'web has 1 machine in ams, which git does not name; it stays. Add ams to extra_regions, or run fly machine destroy',
    ]);
    expect(plan({ ...desired, regions: ['ams'] }, observed({ machines: [machine(desired), taken] })).notes).toEqual([]);
  });

  test('one that goes again, as git counts, is told by its step', () => {
    const counted = desiredApp({ groups: [group({ counts: { arn: 1 } })] });
    const app = plan(counted, observed({ machines: [machine(counted), clone('ams', 1)] }));
    expect(brief(app.steps)).toEqual(['machine.destroy shop/web/ams/1']);
    expect(app.notes).toEqual([]);
  });

  test('an autoscaler makes its own: no word', () => {
    const autoscaled = desiredApp({ groups: [{ ...uncounted, counts: undefined, autoscaled: true }] });
    const app = plan(autoscaled, observed({ machines: [machine(autoscaled), clone('ams', 1)] }));
    expect(app.notes).toEqual([]);
  });

  test('an app that flyctl made is adopted as a whole: its plan says that already', () => {
    const machines = [flyctlMachine(desired), flyctlMachine(desired, { number: 2 })];
    expect(plan(desired, observed({ machines })).notes).toEqual([]);
  });
});
