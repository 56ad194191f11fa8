import { describe, expect, test } from 'vitest';
import type { AppPlan, Hold, HoldReason, Step } from '../../../src/model/plan.ts';
import {
  acceptableReasons,
  holdUnlisted,
  idleWords,
  isNamed,
  releaseAccepted,
} from '../../../src/plan/guards/accept.ts';
import { passed, type GuardedPlan } from '../../../src/plan/steps/guarded.ts';
import { appPlanId } from '../../../src/plan/steps/plan-id.ts';
import { statusByReason } from '../../../src/plan/steps/status.ts';

const step: Step = {
  kind: 'address.release',
  app: 'shop',
  target: 'shop/2a09::1',
  because: 'git no longer lists it',
  risk: 'safe',
  changes: [],
  address: '2a09::1',
  staying: [],
};
const heldFor = (reason: HoldReason, steps: readonly Step[] = [step]): AppPlan => {
  const hold: Hold = { app: 'shop', reason, because: 'so it is', next: 'wait', steps };
  const none = { file: 'shop/app.yaml', org: 'personal', notes: [], problems: [], planId: '' };
  return { ...none, app: 'shop', status: 'held', steps: [], holds: [hold] };
};
const reasons = Object.keys(statusByReason) as readonly HoldReason[];
const acceptable: ReadonlySet<HoldReason> = new Set(acceptableReasons);

describe('a word of --accept-only', () => {
  test.each(reasons)('that names an app releases what is held for %s only if a word lifts that', (reason) => {
    for (const word of ['shop', 'app:shop', reason]) {
      const { steps, holds } = releaseAccepted(heldFor(reason), { accept: false, acceptOnly: [word] });
      expect([steps.length, holds.length]).toEqual(acceptable.has(reason) ? [1, 0] : [0, 1]);
    }
  });

  test.each(reasons)('together with --accept releases no more of what is held for %s', (reason) => {
    const { steps } = releaseAccepted(heldFor(reason), { accept: true, acceptOnly: ['shop'] });
    expect(steps.length).toBe(acceptable.has(reason) ? 1 : 0);
  });

  test('releases a hold that has steps, and no other', () => {
    const { holds } = releaseAccepted(heldFor('volume', []), { accept: false, acceptOnly: ['shop'] });
    expect(holds).toHaveLength(1);
  });

  test.each<[string, readonly string[], boolean]>([
    ['another app', ['cart'], false],
    ['another reason', ['destructive'], false],
    ['an app called like a reason, without app:', ['volume'], true],
    ['an app called like a reason that is not the hold’s', ['brake', 'app:brake'], false],
  ])('%s', (_name, words, named) => {
    expect(isNamed(words, { app: 'shop', reason: 'volume' })).toBe(named);
  });

  test.each([
    ['shop', 'released nothing: shop must be named (--accept-only shop)'],
    ['brake', 'released nothing: brake must be named (--accept-only app:brake)'],
  ])('that does not reach %s says the word that does', (app, message) => {
    const plan = heldFor('volume');
    const holds = plan.holds.map((hold) => ({ ...hold, app, byName: true }));
    expect(idleWords(['volume'], [{ ...plan, app, holds }]).map((problem) => problem.message)).toEqual([message]);
  });

  test('is idle beside machines that are made where none was, not beside those that are made anew', () => {
    const slot = { group: 'web', region: 'arn', number: 1 };
    const made = { app: 'shop', target: 'shop/web/arn/1', because: '', risk: 'costs', changes: [], slot, group: 'web' };
    const making = (replaces?: readonly string[]): AppPlan => {
      const create = { ...made, kind: 'machine.create', config: {}, mount: undefined, skipLaunch: false, replaces };
      return { ...heldFor('brake', []), steps: [create as unknown as Step], holds: [] };
    };
    for (const word of ['shop', 'volume', 'app:shop']) {
      expect(idleWords([word], [making()])).toHaveLength(1);
      expect(idleWords([word], [making([])])).toHaveLength(1);
      expect(idleWords([word], [making(['m1'])])).toEqual([]);
    }
  });

  test('names an app that is called like a reason by app: alone', () => {
    const hold = { app: 'volume', reason: 'brake' } as const;
    expect(isNamed(['volume'], hold)).toBe(false);
    expect(isNamed(['app:volume'], hold)).toBe(true);
  });
});

describe('a plan that was made anew takes no more away than the one that was read', () => {
  const base = { app: 'shop', because: '', risk: 'safe', changes: [] } as const;
  const machine = { ...base, target: 'shop/web/arn/1', group: 'web' } as const;
  const planOf = (...steps: readonly Step[]): GuardedPlan => passed({ ...heldFor('brake', []), steps, holds: [] });
  const gone = (path: string, from: string) => ({ path, from, to: undefined });
  const destroy = (...changes: readonly ReturnType<typeof gone>[]): Step => {
    return { ...base, kind: 'app.destroy', target: 'shop', changes };
  };

  test.each<[string, Step, Step]>([
    [
      'machine',
      { ...machine, kind: 'machine.destroy', machineId: 'a' },
      { ...machine, kind: 'machine.destroy', machineId: 'b' },
    ],
    ['address', step, { ...step, address: '2a09::2', target: 'shop/2a09::2' }],
    [
      'secret',
      { ...base, kind: 'secret.unset', target: 'shop/A', name: 'A' },
      { ...base, kind: 'secret.unset', target: 'shop/B', name: 'B' },
    ],
    [
      'certificate',
      { ...base, kind: 'certificate.remove', target: 'shop/a.example', hostname: 'a.example' },
      { ...base, kind: 'certificate.remove', target: 'shop/b.example', hostname: 'b.example' },
    ],
    ['whole app', destroy(gone('addresses', '2a09::1')), destroy(gone('addresses', '2a09::1'), gone('secrets', 'A'))],
  ])('of a %s', (_what, listed, other) => {
    for (const read of [planOf(listed), heldFor('volume', [listed])]) {
      expect(holdUnlisted(planOf(listed), read)).toEqual(planOf(listed));
      const { steps, holds } = holdUnlisted(planOf(other), read);
      expect(steps).toEqual([]);
      expect(holds).toMatchObject([{ reason: 'destructive', steps: [other] }]);
    }
    expect(holdUnlisted(planOf(), planOf(listed)).holds).toEqual([]);
  });

  test('and holds nothing else: what takes nothing away may be new', () => {
    const start: Step = { ...machine, kind: 'machine.start', machineId: 'a' };
    const { steps, holds } = holdUnlisted(planOf(start, step), planOf());
    expect(steps).toEqual([start]);
    expect(holds).toMatchObject([{ steps: [step] }]);
  });

  test('what it makes may be taken back: the slot was empty, or the list says what goes from there', () => {
    const made = { ...machine, kind: 'machine.create', slot: { group: 'web', region: 'arn', number: 1 } } as const;
    const create: Step = {
      ...made,
      config: {},
      sent: { config: 'c', image: 'i' },
      mount: undefined,
      skipLaunch: false,
    };
    const back: Step = { ...machine, kind: 'machine.destroy', machineId: 'new' };
    const release: Step = { ...base, kind: 'release', target: 'shop', machines: [create] };
    for (const read of [planOf(create), planOf(release)])
      expect(holdUnlisted(planOf(back), read).steps).toEqual([back]);
    const other: Step = { ...back, target: 'shop/web/arn/2' };
    expect(holdUnlisted(planOf(other), planOf(release)).steps).toEqual([]);
  });

  test('why something could not be read is no part of it, that it could not is', () => {
    const first = destroy(gone('volumes', 'could not be read: request 1 failed'));
    const again = destroy(gone('volumes', 'could not be read: request 2 failed'));
    expect(holdUnlisted(planOf(again), planOf(first)).holds).toEqual([]);
    expect(holdUnlisted(planOf(again), planOf(destroy())).holds).toHaveLength(1);
    expect(appPlanId('shop', [again], [])).toBe(appPlanId('shop', [first], []));
    expect(appPlanId('shop', [again], [])).not.toBe(appPlanId('shop', [destroy()], []));
  });
});
