import { assert as assertProperty, constantFrom, array, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stampKeys } from '../../../src/model/stamps/keys.ts';
import {
  afterEvent,
  memoryOf,
  type AppEvent,
  type Remembered,
  type ShownApp,
} from '../../../src/model/standing/remembered.ts';
import { emptyMemory, type StoredMemory } from '../../../src/model/standing/memory.ts';
import { formatLifted, formatSuspension } from '../../../src/model/standing/standing-text.ts';
import { standingOf } from '../../../src/plan/target/rollout-state.ts';
import type { Machine } from '../../../schemas/fly/machine.ts';

const { hold, suspend, good, failed } = stampKeys;
const none: ShownApp = { isThere: false, id: undefined, isStamped: false };
const shown = (id: string | undefined, isStamped = true): ShownApp => ({ isThere: true, id, isStamped });

function stored(parts: Partial<StoredMemory>): StoredMemory {
  const standing = [
    { key: hold, text: 'of then', appId: 'then' },
    { key: good, text: 'of then', appId: 'then' },
    { key: suspend, text: 'of nobody knows', appId: undefined },
    { key: failed, text: 'of nobody knows', appId: undefined },
  ] as const;
  return { ...emptyMemory, appId: 'then', known: true, standing, ...parts };
}

describe('of what SQLite knows', () => {
  test.each([
    ['all is true of the app it knows', {}, shown('then'), true, [hold, good, suspend, failed]],
    ['all is where Fly does not say which it is', {}, shown(undefined), true, [hold, good, suspend, failed]],
    [
      'all is where it knows none and Fly does not say which it is',
      { appId: undefined },
      shown(undefined, false),
      true,
      [hold, good, suspend, failed],
    ],
    ['all is where it knows none', { appId: undefined }, shown('then'), true, [hold, good, suspend, failed]],
    [
      'all but that it is the fleet’s app, where nothing proves which it is',
      { appId: undefined },
      shown('then', false),
      false,
      [hold, good, suspend, failed],
    ],
    ['all is of the app it knows, without a machine', {}, shown('then', false), true, [hold, good, suspend, failed]],
    ['of another app, what was said of the name', {}, shown('now'), false, [suspend]],
    [
      'of another app, no word of an earlier one, though it knows none',
      { appId: undefined },
      shown('now'),
      true,
      [suspend, failed],
    ],
    ['of none, what persons said', {}, none, false, [hold, suspend]],
    ['of none, nothing where FlyCD destroyed it', { underway: 'destroying' }, none, false, []],
    [
      'all is of one that FlyCD could not destroy',
      { underway: 'destroying' },
      shown('then'),
      true,
      [hold, good, suspend, failed],
    ],
    [
      'of the next one that FlyCD makes, what persons said',
      { underway: 'creating' },
      shown('now'),
      false,
      [hold, suspend],
    ],
    [
      'all is of one that stands there while FlyCD would make it',
      { underway: 'creating' },
      shown('then'),
      true,
      [hold, good, suspend, failed],
    ],
    [
      'of the next one, nothing else where FlyCD destroyed the first',
      { underway: 'destroying' },
      shown('now'),
      false,
      [suspend],
    ],
  ] as const)('%s', (_what, parts, seen, known, keys) => {
    const memory = memoryOf(stored(parts), seen);
    expect(memory.known).toBe(known);
    expect(memory.standing.map(({ key }) => key)).toEqual(keys);
  });
});

describe('a word in SQLite that is newer than the one on the machines', () => {
  const fleet = { name: 'lives' };
  const word = (count: number, reason?: string) => JSON.stringify({ reason, by: 'ann', at: 1, count });
  const machine = { id: 'm', config: { metadata: { flycd_fleet: 'lives', [suspend]: word(1, 'why') } } };
  test.each([
    ['of this app overrules it', 'now', undefined],
    ['of nobody knows which app does not', undefined, 'why'],
  ])('%s', (_what, appId, reason) => {
    const standing = [{ key: suspend, text: word(2), appId }];
    const found = standingOf({ machines: [machine as unknown as Machine], fleet }, { standing });
    expect(found.suspension?.reason).toBe(reason);
  });
});

const word = (reason: string, count = 1) => formatSuspension({ reason, by: 'ann', at: count, until: undefined, count });
const said = (appId: string | undefined, reason: string, count = 1): AppEvent => ({
  kind: 'said',
  appId,
  texts: { [suspend]: word(reason, count) },
});
const rolledBack = (appId: string): AppEvent => ({ kind: 'said', appId, texts: { [hold]: 'to nginx:1' } });
/** `remembered`: as it was when the pass looked. Default: as it is now. */
type Told = Exclude<AppEvent, Seen> | (Omit<Seen, 'remembered'> & Partial<Pick<Seen, 'remembered'>>);
type Seen = Extract<AppEvent, { readonly kind: 'seen' }>;
const seen = (id: string, texts = {}, then?: readonly Told[]): Told => ({
  kind: 'seen',
  shown: { isThere: true, id, isStamped: true, isProven: false },
  texts,
  ...(then === undefined ? {} : { remembered: after(then) }),
});
const created = (appId: string | undefined): AppEvent => ({ kind: 'created', appId, known: true, now: 10 });
const [creating, refused, destroying, kept, destroyed, gone] = [
  { kind: 'creating' },
  { kind: 'refused' },
  { kind: 'destroying' },
  { kind: 'kept' },
  { kind: 'destroyed' },
  { kind: 'gone' },
] as const satisfies readonly AppEvent[];

const nothing: Remembered = { appId: undefined, underway: undefined, known: false, firstRun: undefined, standing: [] };
function after(events: readonly Told[]): Remembered {
  const told = (then: Remembered, event: Told): Remembered => ({
    firstRun: then.firstRun,
    ...afterEvent(then, event.kind === 'seen' ? { remembered: then, ...event } : event),
  });
  return events.reduce<Remembered>(told, nothing);
}

/** What stands of an app that Fly shows by this id, or of the next one: each word, and what it says. */
function standing(remembered: Remembered, id: string | undefined): readonly string[] {
  const memory = { ...emptyMemory, ...remembered };
  const rows = memoryOf(memory, { isThere: id !== undefined, id, isStamped: false }).standing;
  return rows.map(({ text }) => reasonOf(text)).toSorted();
}

function reasonOf(text: string): string {
  if (!text.startsWith('{')) return text;
  return (JSON.parse(text) as { readonly reason?: string }).reason ?? 'lifted';
}

describe('the life of a word: of the app it was said of, of none, and of another one', () => {
  const begun = [created('a'), said('a', 'why')];
  const lifted: AppEvent = {
    kind: 'said',
    appId: 'a',
    texts: { [suspend]: formatLifted({ by: 'bob', at: 2, count: 2 }) },
  };
  test.each<[string, readonly Told[], [string[], string[], string[]]]>([
    ['said of an app', begun, [['why'], ['why'], []]],
    ['said of the next one', [said(undefined, 'why')], [['why'], ['why'], ['why']]],
    ['lifted', [...begun, lifted], [['lifted'], ['lifted'], []]],
    ['said again', [...begun, said('a', 'new', 2)], [['new'], ['new'], []]],
    ['overruled on machines', [...begun, seen('a', { [suspend]: word('new', 2) })], [['new'], ['new'], []]],
    ['newer than on machines', [...begun, seen('a', { [suspend]: word('old', 0) })], [['why'], ['why'], []]],
    ['on machines only', [created('a'), seen('a', { [suspend]: word('theirs') })], [['theirs'], ['theirs'], []]],
    ['FlyCD makes the next one', [...begun, creating], [['why'], ['why'], ['why']]],
    ['… is refused', [...begun, creating, refused], [['why'], ['why'], []]],
    ['… is refused, and asks again', [...begun, creating, refused, creating], [['why'], ['why'], ['why']]],
    ['… and has it', [...begun, creating, created('b')], [[], ['why'], ['why']]],
    ['… and has it, and is told of it at once', [...begun, creating, said('b', 'new')], [[], ['new'], ['new']]],
    [
      '… which was killed, and comes back to it',
      [...begun, creating, seen('b', { [suspend]: word('why') })],
      [[], ['why'], ['why']],
    ],
    [
      '… which was there all the time',
      [...begun, creating, seen('a', { [suspend]: word('why') })],
      [['why'], ['why'], []],
    ],
    [
      'said while FlyCD makes the next one',
      [...begun, rolledBack('a'), creating, said(undefined, 'new', 2)],
      [
        ['new', 'to nginx:1'],
        ['new', 'to nginx:1'],
        ['new', 'to nginx:1'],
      ],
    ],
    ['somebody makes the next one', [...begun, seen('b')], [[], [], []]],
    ['… and a word is said of that one', [...begun, rolledBack('a'), said('b', 'new')], [[], ['new'], ['new']]],
    ['said while Fly shows none for a moment', [...begun, said(undefined, 'new', 2)], [['new'], ['new'], ['new']]],
    [
      '… and lifted once it is seen again',
      [...begun, said(undefined, 'new', 2), seen('a', lifted.texts)],
      [['new'], ['new'], []],
    ],
    [
      '… and lifted through another FlyCD',
      [...begun, said(undefined, 'new', 2), seen('a', { [suspend]: formatLifted({ by: 'bob', at: 3, count: 3 }) })],
      [['lifted'], ['lifted'], []],
    ],
    [
      'said since a pass looked',
      [created('a'), said(undefined, 'new'), seen('a', {}, [created('a')])],
      [['new'], ['new'], ['new']],
    ],
    [
      'said before anybody knew the app, since a pass looked',
      [said(undefined, 'new'), seen('a', {}, [])],
      [['new'], ['new'], ['new']],
    ],
    [
      'of an app that was made since a pass looked',
      [...begun, creating, created('b'), said('b', 'new'), seen('a', {}, begun)],
      [[], ['new'], ['new']],
    ],
    [
      'since a pass looked, FlyCD asks for the next one',
      [...begun, creating, seen('a', {}, begun)],
      [['why'], ['why'], ['why']],
    ],
    ['of one that is gone, and that git does not name', [...begun, gone], [['why'], ['why'], []]],
    ['FlyCD destroys it', [...begun, destroying], [['why'], [], []]],
    ['… and has destroyed it', [...begun, destroying, destroyed], [[], [], []]],
    ['… while a word is said of it', [...begun, destroying, said('a', 'new', 2), destroyed], [[], [], []]],
    [
      '… while a word is said of the next one',
      [...begun, destroying, said(undefined, 'new', 2), destroyed],
      [['new'], ['new'], ['new']],
    ],
    ['… though the answer to a create was lost before', [...begun, creating, destroying], [['why'], [], []]],
    ['… and does not', [...begun, destroying, kept], [['why'], ['why'], []]],
    ['… and finds it there', [...begun, destroying, seen('a', { [suspend]: word('why') })], [['why'], ['why'], []]],
    ['… and makes the next one', [...begun, destroying, creating], [['why'], [], []]],
    ['… and has made it', [...begun, destroying, creating, created('b')], [[], [], []]],
    ['… and is refused the next one', [...begun, destroying, creating, refused], [['why'], [], []]],
    [
      '… and a word is said of the next one',
      [...begun, rolledBack('a'), destroying, said(undefined, 'new')],
      [['new'], ['new'], ['new']],
    ],
    [
      '… and a word is said of one that came',
      [...begun, rolledBack('a'), destroying, said('b', 'new')],
      [[], ['new'], ['new']],
    ],
    [
      '… and a word is said of it still',
      [...begun, rolledBack('a'), destroying, said('a', 'new', 2)],
      [['new', 'to nginx:1'], ['new', 'to nginx:1'], []],
    ],
  ])('%s', (_what, events, [of, ofNone, ofAnother]) => {
    const remembered = after(events);
    expect([standing(remembered, 'a'), standing(remembered, undefined), standing(remembered, 'b')]).toEqual([
      of,
      ofNone,
      ofAnother,
    ]);
  });

  const ids = ['a', 'b', 'c'] as const;
  const events = ids.flatMap((id) => [said(id, `of ${id}`), rolledBack(id), seen(id)]);
  const all: readonly Told[] = [
    ...events,
    said(undefined, 'of the next'),
    creating,
    refused,
    destroying,
    kept,
    destroyed,
  ];

  test('is of no other app, unless FlyCD makes that one', () => {
    assertProperty(
      property(array(constantFrom(...all.filter((event) => event !== creating)), { maxLength: 12 }), (told) => {
        const remembered = after([created('a'), ...told]);
        for (const id of ids)
          for (const reason of standing(remembered, id))
            expect(['of the next', `of ${id}`, 'to nginx:1']).toContain(reason);
      }),
    );
  });

  test('is the newest that was said, wherever it counts', () => {
    assertProperty(
      property(array(constantFrom(...all), { maxLength: 12 }), constantFrom(...ids), (told, id) => {
        const remembered = after([created('a'), ...told, said(id, 'last', 99)]);
        expect(standing(remembered, id)).toContain('last');
        expect(standing(remembered, undefined)).toContain('last');
      }),
    );
  });
});

describe('that the app is the fleet’s own', () => {
  const known: Remembered = { ...nothing, appId: 'a', known: true };
  const unknown = { ...known, known: false };
  const [bare, stamped, proven] = [
    { isStamped: false, isProven: false },
    { isStamped: true, isProven: false },
    { isStamped: true, isProven: true },
  ];
  test.each<[string, Remembered, string, typeof bare, boolean]>([
    ['stays known of the one that is there', known, 'a', bare, true],
    ['stays unknown of it', unknown, 'a', stamped, false],
    ['is known of it once its machines prove it', unknown, 'a', proven, true],
    ['is known once they prove it where nobody knew it', { ...unknown, appId: undefined }, 'a', proven, true],
    ['is not known of another one', known, 'b', stamped, false],
    ['is not known of another one by machines that may be of the one before', known, 'b', proven, false],
    [
      'is proven by its machines where nobody wrote down which it is',
      { ...known, appId: undefined },
      'a',
      stamped,
      true,
    ],
    ['is not proven by its name alone', { ...known, appId: undefined }, 'a', bare, false],
  ])('%s', (_what, then, id, said, expected) => {
    const shown = { isThere: true, id, ...said };
    expect(afterEvent(then, { kind: 'seen', shown, texts: {}, remembered: then }).known).toBe(expected);
  });
});

test('what a person said before anybody wrote down of which app counts less than what its machines say', () => {
  const older: Remembered = { ...nothing, standing: [{ key: suspend, text: word('old'), appId: undefined }] };
  expect(standing(older, 'a')).toEqual(['old']);
  expect(memoryOf({ ...emptyMemory, ...older }, shown('a')).standing).toEqual(older.standing);
});

test('a word of an earlier app counts less for the one that FlyCD makes than what its machines say', () => {
  const asked = { ...emptyMemory, ...after([created('a'), said('a', 'why'), creating]) };
  expect(memoryOf(asked, shown('b')).standing).toEqual([{ key: suspend, text: word('why'), appId: undefined }]);
});

describe('of a word that is over nothing is left to the next app', () => {
  const until = formatSuspension({ reason: 'a moment', by: 'ann', at: 1, until: 9, count: 1 });
  test.each([
    ['lifted', formatLifted({ by: 'bob', at: 2, count: 2 }), []],
    ['run out', until, []],
    ['that stands', word('why'), ['why']],
  ])('%s', (_what, text, left) => {
    const made = after([
      created('a'),
      { kind: 'said', appId: 'a', texts: { [suspend]: text } },
      creating,
      created('b'),
    ]);
    expect(standing(made, 'b')).toEqual(left);
  });
});

test('an older look says nothing where the app was destroyed since, though nobody knew either', () => {
  const found = seen('a', { [hold]: 'to nginx:1' }, []);
  const since: Remembered = { ...nothing, firstRun: 3 };
  const event = { ...found, remembered: nothing } as AppEvent;
  expect(afterEvent(since, event).standing).toEqual([]);
  // Else evidence, builds and intents of the app that came since would be forgotten.
  expect(afterEvent(since, event).isAnother).toBe(false);
});
