import * as fc from '../../property.ts';
import { describe, expect, test } from 'vitest';
import {
  formatHold,
  formatLifted,
  formatSuspension,
  nextCount,
  nextTime,
  readStanding,
} from '../../../src/model/standing/standing-text.ts';
import {
  formatFailed,
  formatGood,
  isSameVersion,
  type AppVersion,
  type GoodVersion,
} from '../../../src/model/stamps/app-version.ts';

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'.split('')), minLength: length, maxLength: length });
const version = fc.record({
  config: hex(32),
  digest: fc.oneof(
    fc.constant(''),
    hex(64).map((digits) => `sha256:${digits}`),
  ),
  image: hex(32),
});
const at = fc.nat(4_000_000_000_000);
const revision = fc.oneof(
  hex(40),
  hex(40).map((commit) => `${commit}-dirty`),
  hex(32).map((content) => `content:${content}`),
);
const goodVersion: fc.Arbitrary<GoodVersion> = fc.record({ ...versionParts(), revision, at });

function versionParts() {
  return { config: hex(32), digest: fc.constantFrom('', `sha256:${'a'.repeat(64)}`), image: hex(32) };
}

test('what is written is read back', () => {
  fc.assert(
    fc.property(
      goodVersion,
      version,
      fc.string(),
      at,
      fc.option(at, { nil: undefined }),
      (good, other, words, time, until) => {
        const failed = { ...other, command: '', at: time };
        const hold = { to: good, by: words, at: time, count: 3 };
        const suspension = { reason: words, by: 'alice', at: time, until, count: 3 };
        const standing = readStanding([
          {
            flycd_good: formatGood(good),
            flycd_failed: formatFailed(failed),
            flycd_hold: formatHold(hold),
            flycd_suspend: formatSuspension(suspension),
          },
        ]);
        expect(standing).toMatchObject({ good, failed, hold, suspension });
      },
    ),
  );
});

test('whatever somebody writes there is read without an error, and says nothing', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      const standing = readStanding([{ flycd_good: text, flycd_failed: text, flycd_hold: text, flycd_suspend: text }]);
      expect([standing.good, standing.failed, standing.hold]).toEqual([undefined, undefined, undefined]);
    }),
  );
});

const good = (config: string, time: number): string =>
  formatGood({ config: config.repeat(32), digest: '', image: 'f'.repeat(32), revision: 'r', at: time });

describe('where machines differ', () => {
  test('the newest wins, wherever it stands', () => {
    const old = good('a', 1);
    const young = good('b', 2);
    for (const sources of [
      [old, young],
      [young, old],
      [old, young, old],
    ]) {
      const standing = readStanding(sources.map((text) => ({ flycd_good: text })));
      expect(standing.good?.config).toBe('b'.repeat(32));
      expect(standing.texts).toEqual({ flycd_good: young });
    }
  });

  test('what was lifted does not come back with a machine that missed it', () => {
    const suspension = formatSuspension({ reason: 'x', by: 'alice', at: 1, until: undefined, count: 1 });
    const lifted = formatLifted({ by: 'bob', at: 1, count: 2 });
    const standing = readStanding([{ flycd_suspend: suspension }, { flycd_suspend: lifted }, {}]);
    expect(standing.suspension).toBeUndefined();
    expect(standing.texts).toEqual({ flycd_suspend: lifted });
  });
});

test.each<[string, Partial<AppVersion>, Partial<AppVersion>, boolean]>([
  ['same digest, another tag', { digest: 'd', image: 'x' }, { digest: 'd', image: 'y' }, true],
  ['another digest under the same tag', { digest: 'd' }, { digest: 'e' }, false],
  ['one digest unknown, the same tag', { digest: '' }, { digest: 'e' }, true],
  ['one digest unknown, another tag', { digest: '', image: 'x' }, { digest: 'e', image: 'y' }, false],
  ['another config', { config: 'x' }, { config: 'y' }, false],
])('%s', (_what, one, other, same) => {
  const plain = { config: 'c', digest: 'd', image: 'i' };
  expect(isSameVersion({ ...plain, ...one }, { ...plain, ...other })).toBe(same);
});

describe('clocks that differ', () => {
  const now = 1_000;
  const version = { config: 'c'.repeat(32), digest: '', image: 'f'.repeat(32) };

  test.each([
    ['nothing is known', {}, now],
    ['what is known is older', { flycd_good: formatGood({ ...version, revision: 'r', at: 10 }) }, now],
    ['a good version is ahead', { flycd_good: formatGood({ ...version, revision: 'r', at: 5_000 }) }, 5_001],
    ['a failed one is ahead', { flycd_failed: formatFailed({ ...version, command: '', at: 7_000 }) }, 7_001],
    ['a lifted one is ahead', { flycd_failed: formatLifted({ by: 'bob', at: 9_000, count: 1 }) }, 9_001],
    ['what stands there is no stamp', { flycd_good: 'x', flycd_failed: '{"at":9000}' }, now],
  ])('%s', (_what, texts, expected) => {
    expect(nextTime(texts, now)).toBe(expected);
  });

  test('a word from before words were counted is overruled by any that is counted', () => {
    const old = JSON.stringify({ reason: 'x', by: 'alice', at: 9_000 });
    const lifted = formatLifted({ by: 'bob', at: now, count: nextCount(old) });
    expect(readStanding([{ flycd_suspend: old }, { flycd_suspend: lifted }]).suspension).toBeUndefined();
  });

  test.each([Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 1, 1_000_000])(
    'a word that nobody can count further than %i is overruled by the next',
    (count) => {
      const old = formatSuspension({ reason: 'x', by: 'mallory', at: 1, until: undefined, count });
      for (const said of [old, formatLifted({ by: 'mallory', at: 1, count })]) {
        const lifted = formatLifted({ by: 'bob', at: now, count: nextCount(said) });
        expect(readStanding([{ flycd_suspend: old }, { flycd_suspend: lifted }]).suspension).toBeUndefined();
        const again = formatSuspension({
          reason: 'y',
          by: 'bob',
          at: now + 1,
          until: undefined,
          count: nextCount(lifted),
        });
        const standing = readStanding([{ flycd_suspend: said }, { flycd_suspend: lifted }, { flycd_suspend: again }]);
        expect(standing.suspension?.reason).toBe('y');
      }
    },
  );

  test.each(['1e20', '1e999', '-1e20', '1.5'])('of a time that is none (%s) what follows has one', (at) => {
    const texts = { flycd_failed: `{"by":"mallory","at":${at},"count":1}` };
    const good = formatGood({ ...version, revision: 'r', at: nextTime(texts, now) });
    expect(readStanding([texts, { flycd_good: good }]).good).toBeDefined();
  });

  test.each(['1e20', '1e999'])('a suspension until %s has no end', (until) => {
    const text = `{"reason":"x","by":"mallory","at":1,"until":${until},"count":1}`;
    expect(readStanding([{ flycd_suspend: text }]).suspension).toMatchObject({ reason: 'x', until: undefined });
  });
});
