/** A machine on a host that does not answer: it counts, is not compared, and is made anew only where git asks for that. */
import { describe, expect, test } from 'vitest';
import type { Machine } from '../../../schemas/fly/machine.ts';
import type { DesiredApp } from '../../../src/model/desired.ts';
import { emptyMemory } from '../../../src/model/standing/memory.ts';
import { stampKeys } from '../../../src/model/stamps/keys.ts';
import { brief, desiredApp, group, machine, now, observed, plan } from '../builders.ts';

const desired = desiredApp();
const replacing = desiredApp({ policy: { replaceUnreachable: true } });
const minute = 60_000;

/** The second of two, as Fly shows it. */
function away(of: DesiredApp, metadata: Record<string, string | undefined> = {}): Machine {
  const { config, ...rest } = machine(of, { number: 2, metadata });
  return { ...rest, config: null, incomplete_config: config ?? null, host_status: 'unreachable' };
}

function planOf(app: DesiredApp, second: Machine, since?: number) {
  const memory = { ...emptyMemory, known: true, unreachable: since === undefined ? {} : { [second.id]: since } };
  return plan(app, observed({ machines: [machine(app), second] }), { memory });
}

const behind = 'web/arn/2 runs what an older commit said, and its host does not answer';
const older = { ...desired, groups: [group({ config: { env: { COLOR: 'blue' } } })] };

describe('where it is left there', () => {
  test.each<[string, Machine, object[], readonly string[]]>([
    [
      'it is told of where it has what git wants',
      away(desired),
      [],
      ['web/arn/2 counts, and is not compared while its host does not answer'],
    ],
    [
      'it is held where it has yet to be seen healthy',
      away(desired, { [stampKeys.unproven]: 'yes' }),
      [
        {
          because: 'web/arn/2 has yet to be seen healthy, and its host does not answer',
          next: 'FlyCD looks at it once the host is back',
          retryAt: now + minute,
          isBehind: true,
        },
      ],
      [],
    ],
    [
      'it is held where it has an older commit',
      away(older),
      [{ because: behind, next: 'FlyCD brings it up to date once the host is back', isBehind: true }],
      [],
    ],
    [
      'it is held where an older commit wanted the rest otherwise',
      away({ ...desired, inputs: 'x' }),
      [{ because: behind }],
      [],
    ],
  ])('%s', (_what, second, holds, notes) => {
    const app = planOf(desired, second);
    expect(app.holds).toMatchObject(holds);
    expect(app.holds).toHaveLength(holds.length);
    expect(app.notes).toEqual(notes);
    expect(app.steps.filter(({ kind }) => kind !== 'machine.label')).toEqual([]);
  });
});

describe('where git asks for another one in its place', () => {
  test.each<[string, DesiredApp, number | undefined, number | undefined]>([
    ['quarter of an hour after it was seen so first', replacing, now - 5 * minute, now + 10 * minute],
    ['quarter of an hour from now, where it is seen so first', replacing, undefined, now + 15 * minute],
    ['never, where git does not ask', desired, now - 5 * minute, undefined],
    [
      'never, where somebody else counts the machines',
      { ...replacing, groups: [group({ autoscaled: true })] },
      now - 5 * minute,
      undefined,
    ],
    [
      'never, where it has a volume',
      { ...replacing, groups: [group({ mount: { volume: 'data', path: '/data' } })] },
      now - 5 * minute,
      undefined,
    ],
  ])('%s', (_what, app, since, at) => {
    const found = planOf(app, away(app), since).holds.filter(({ reason }) => reason === 'unreachable');
    expect(found.map(({ retryAt }) => retryAt)).toEqual(at === undefined ? [] : [at]);
  });

  test('once that time is over it is made anew', () => {
    const app = planOf(replacing, away(replacing), now - 16 * minute);
    expect(brief(app.steps)).toEqual(['machine.create shop/web/arn/2']);
    expect(app.holds).toEqual([]);
  });

  test('not one whose host answers', () => {
    const app = planOf(replacing, machine(replacing, { number: 2 }), now - 16 * minute);
    expect([app.steps, app.holds]).toEqual([[], []]);
  });
});
