import { describe, expect, test } from 'vitest';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { memoryOf, type ShownApp } from '../../src/model/remembered.ts';
import { emptyMemory, type StoredMemory } from '../../src/model/stamps/memory.ts';
import { standingOf } from '../../src/plan/target/rollout-state.ts';
import type { Machine } from '../../schemas/fly/machine.ts';

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
    ['of none, nothing where FlyCD destroyed it', { ending: true }, none, false, []],
    [
      'all is of one that FlyCD could not destroy',
      { ending: true },
      shown('then'),
      true,
      [hold, good, suspend, failed],
    ],
    ['of the next one, nothing else where FlyCD destroyed the first', { ending: true }, shown('now'), false, [suspend]],
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
