import { describe, expect, test } from 'vitest';
import {
  nextState,
  wakeOf,
  type AppEvent,
  type AppState,
  type Rest,
} from '../../../../controllers/fleet/states/app-state.ts';
import { AppStates, type Look } from '../../../../controllers/fleet/states/app-states.ts';
import { longAgo } from '../../../../src/model/base/moment.ts';
import type { DesiredApp } from '../../../../src/model/desired.ts';
import type { Run } from '../../../../src/model/run.ts';
import { desiredApp, observed, plan } from '../../../plan/builders.ts';
import * as fc from '../../../property.ts';
import { expectWithin } from '../../../work.ts';
import { fleetOf, ownFly } from '../../reconcilers.ts';

const newer = new AbortController();
const waiting: Rest = { kind: 'waiting', until: 9, because: 'window' };
const rests: readonly Rest[] = [
  { kind: 'resting' },
  waiting,
  { kind: 'retrying', notBefore: undefined },
  { kind: 'stalled', until: undefined },
];
const states: readonly AppState[] = [
  { kind: 'unnamed' },
  { kind: 'due', inputs: 'a' },
  { kind: 'underway', inputs: 'a', begunFor: 'a', newer, done: [] },
  ...rests.map((rest) => ({ ...rest, awaits: ['db'], inputs: 'a' })),
];
const events: readonly AppEvent[] = [
  { kind: 'named', inputs: 'a' },
  { kind: 'named', inputs: 'b' },
  { kind: 'dropped' },
  { kind: 'begun' },
  { kind: 'ended', rest: waiting },
  { kind: 'freed', by: 'db' },
  { kind: 'freed', by: 'cart' },
];

test('what follows what', () => {
  const rows = states.map((state) => [state.kind, ...events.map((event) => nextState(state, event)?.kind ?? '-')]);
  expect(rows).toEqual([
    ['unnamed', 'due', 'due', 'unnamed', 'underway', '-', 'unnamed', 'unnamed'],
    ['due', 'due', 'due', 'unnamed', 'underway', '-', 'due', 'due'],
    ['underway', 'underway', 'underway', 'underway', '-', 'waiting', 'underway', 'underway'],
    ['resting', 'resting', 'due', 'unnamed', 'underway', '-', 'due', 'resting'],
    ['waiting', 'waiting', 'due', 'unnamed', 'underway', '-', 'due', 'waiting'],
    ['retrying', 'retrying', 'due', 'unnamed', 'underway', '-', 'due', 'retrying'],
    ['stalled', 'stalled', 'due', 'unnamed', 'underway', '-', 'due', 'stalled'],
  ]);
});

test.each<[string, readonly AppEvent[], AppState['kind']]>([
  ['ends as it says', [], 'waiting'],
  ['is not the newest where git moved meanwhile', [{ kind: 'named', inputs: 'b' }], 'due'],
  [
    'is the newest where git moved and came back',
    [
      { kind: 'named', inputs: 'b' },
      { kind: 'named', inputs: 'a' },
    ],
    'waiting',
  ],
  ['is over where git names the app no longer', [{ kind: 'dropped' }], 'unnamed'],
  ['is of another beginning where git names it anew', [{ kind: 'dropped' }, { kind: 'named', inputs: 'a' }], 'due'],
])('a pass %s', (_what, meanwhile, kind) => {
  let state: AppState = { kind: 'due', inputs: 'a' };
  for (const event of [{ kind: 'begun' } as const, ...meanwhile, { kind: 'ended', rest: waiting } as const])
    state = nextState(state, event) ?? { kind: 'unnamed' };
  expect(state.kind).toBe(kind);
});

describe('the map', () => {
  const shop = desiredApp({ name: 'shop' });
  const seen = { plan: plan(shop, observed()), observed: observed() };

  test.each<[string, (states: AppStates) => void]>([
    ['shop is underway, and a pass over it cannot be begun then', (map) => map.begun('shop')],
    ['cart is unnamed, and a pass over it cannot be ended then', (map) => map.ended('cart', waiting)],
  ])('refuses what cannot be: %s', (what, act) => {
    const map = new AppStates();
    map.refreshed([shop]);
    map.begun('shop');
    expect(() => act(map)).toThrow(expect.objectContaining({ name: 'Fault', kind: 'transient', what }) as Error);
    // And is none the worse for it.
    map.ended('shop', waiting);
    expect(map.stateOf('shop').kind).toBe('waiting');
  });

  test('does not count what was seen of an app that git has dropped since', () => {
    const map = new AppStates();
    map.refreshed([shop]);
    map.refreshed([]);
    map.surveyed(shop, seen, map.lookBegun(longAgo));
    expect(map.survey()).toEqual([]);
  });

  test('does not count what was seen of an app of which git says another thing since', () => {
    const map = new AppStates();
    map.refreshed([shop]);
    map.surveyed(shop, seen, map.lookBegun(longAgo));
    expect(map.survey()).toEqual([seen]);
    map.refreshed([desiredApp({ name: 'shop', inputs: 'another' })]);
    expect([map.survey(), map.observed()]).toEqual([[], [seen.observed]]);
  });

  test.each<[string, (map: AppStates, look: Look) => void]>([
    ['saw the app', (map, look) => map.surveyed(shop, seen, look)],
    ['could not see it', (map, look) => map.unseeable('shop', look)],
    ['took too long', (map, look) => map.overdue('shop', look)],
  ])('believes the look that began last, where an earlier one %s after it', (_what, tell) => {
    const map = new AppStates();
    map.refreshed([shop]);
    const early = map.lookBegun(longAgo);
    const late = { ...seen, observed: { ...observed(), flyAheadMs: 7 } };
    map.surveyed(shop, late, map.lookBegun(longAgo));
    tell(map, early);
    expect(map.survey()).toEqual([late]);
  });

  test('sees again what it was not told of in time', () => {
    const map = new AppStates();
    map.refreshed([shop]);
    const look = map.lookBegun(longAgo);
    map.overdue('shop', look);
    expect(map.survey()).toEqual([]);
    map.surveyed(shop, seen, look);
    expect(map.survey()).toEqual([seen]);
  });

  test('wakes who waits once the last of what it waits for is done', () => {
    const map = new AppStates();
    map.refreshed([shop]);
    map.begun('shop');
    expect(map.ended('shop', { ...waiting, awaits: ['db', 'mq'] })).toBe(false);
    expect([map.freed('cart'), map.freed('db'), map.freed('db'), map.freed('mq'), map.freed('mq')]).toEqual([
      [],
      [],
      [],
      ['shop'],
      [],
    ]);
    expect(map.stateOf('shop').kind).toBe('due');
  });

  test('tells at the end of a pass that what it waits for was done meanwhile', () => {
    const map = new AppStates();
    map.refreshed([shop]);
    for (const name of ['shop', 'old']) {
      map.begun(name);
      expect(map.freed('db')).toEqual([]);
      expect(map.ended(name, { ...waiting, awaits: ['db'] })).toBe(true);
    }
    expect([map.stateOf('shop').kind, map.stateOf('old').kind]).toEqual(['due', 'unnamed']);
    map.begun('shop');
    expect(map.ended('shop', { ...waiting, awaits: ['db'] })).toBe(false);
  });

  test('wakes an app that git does not name, whatever refreshes lie between', () => {
    const map = new AppStates();
    map.refreshed([shop]);
    map.begun('old');
    map.ended('old', { ...waiting, awaits: ['shop'] });
    map.refreshed([shop]);
    expect([map.freed('shop'), map.freed('shop')]).toEqual([['old'], []]);
  });

  test('asks none but those that wait who is woken', async () => {
    const map = new AppStates();
    const apps = Array.from({ length: 10_000 }, (_, at) => desiredApp({ name: `app${at}` }));
    map.refreshed(apps);
    for (const { name } of apps) {
      map.begun(name);
      map.ended(name, name === 'app1' ? { ...waiting, awaits: ['app9999'] } : waiting);
    }
    // Each pass that is well does so: what it costs for each other app counts that many times.
    await expectWithin(20, () => apps.slice(0, 200).forEach(({ name }) => map.freed(name)));
    expect(map.freed('app9999')).toEqual(['app1']);
  });

  test('forgets what neither git names nor Fly has, once no pass over it is under way', () => {
    const map = new AppStates();
    const apps = ['gone', 'left', 'going'].map((name) => desiredApp({ name }));
    map.refreshed([shop, ...apps]);
    for (const { name } of apps) map.ran(name, { app: name } as Run);
    map.begun('going');
    map.refreshed([shop]);
    const known = (): readonly string[] => apps.flatMap(({ name }) => map.lastRun(name)?.app ?? []);
    map.keepOnly(new Set(['shop', 'left']));
    expect(known()).toEqual(['left', 'going']);
    map.ended('going', waiting);
    map.keepOnly(new Set(['shop', 'left']));
    expect([known(), map.stateOf('shop').kind]).toEqual([['left'], 'due']);
  });

  /** What may happen to an app, in any order, as the loop and git bring it. */
  const happening = fc.oneof(
    fc.record({ kind: fc.constant('named' as const), inputs: fc.constantFrom('a', 'b') }),
    fc.constant({ kind: 'dropped' as const }),
    fc.constant({ kind: 'begun' as const }),
    fc.record({ kind: fc.constant('ended' as const), rest: fc.constantFrom(...rests, { ...waiting, awaits: ['db'] }) }),
    fc.constant({ kind: 'freed' as const }),
  );

  test('leaves no app without something that brings the next look', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 30 }), (happenings) => {
        const map = new AppStates();
        let named: readonly DesiredApp[] = [];
        for (const event of happenings) {
          const { kind: before } = map.stateOf('shop');
          if (event.kind === 'named') map.refreshed((named = [desiredApp({ name: 'shop', inputs: event.inputs })]));
          if (event.kind === 'dropped') map.refreshed((named = []));
          if (event.kind === 'begun' && before !== 'underway') map.begun('shop');
          if (event.kind === 'ended' && before === 'underway') map.ended('shop', event.rest);
          if (event.kind === 'freed') map.freed('db');
          const state = map.stateOf('shop');
          const isUnseen = map.unseen(named).length === 1;
          switch (wakeOf(state).by) {
            case 'refresh':
              // Every refresh says so until a pass begins.
              expect(isUnseen).toBe(named.length === 1);
              break;
            case 'end':
              expect(state.kind).toBe('underway');
              break;
            default:
              // The loop was told when its pass ended.
              expect([isUnseen, named.length]).toEqual([false, 1]);
          }
        }
      }),
    );
  });
});

describe('two passes over one app at once', () => {
  const fly = ownFly();

  test('are one, and neither it nor any other app is the worse for it', async () => {
    const wanted = fleetOf({ apps: [desiredApp({ name: 'cart' }), desiredApp({ name: 'shop' })] });
    const reconciler = fly.reconciler(() => wanted);
    const { signal } = new AbortController();
    await reconciler.refresh(signal);
    const names = ['shop', 'shop', 'cart'];
    const ends = await Promise.allSettled(names.map((name) => reconciler.reconcile(name, 'timer', signal)));
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(fly.simulator.world.snapshot().map(({ name, machines }) => [name, machines.length])).toEqual([
      ['cart', 2],
      ['shop', 2],
    ]);
    expect(await reconciler.reconcile('shop', 'timer', signal)).toEqual({ nextWakeAt: undefined, failed: false });
  });
});
