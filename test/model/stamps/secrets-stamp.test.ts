import * as fc from '../../property.ts';
import { describe, expect, test } from 'vitest';
import {
  formatSecrets,
  parseSecrets,
  secretsStampBytesMax,
  type StampedEvidence,
} from '../../../src/model/stamps/secrets-stamp.ts';

const entry = (name: string, parts: Partial<StampedEvidence> = {}): StampedEvidence => ({
  name,
  keyId: 'a'.repeat(16),
  mark: 'b'.repeat(32),
  digest: 'c'.repeat(16),
  ...parts,
});

const text = fc.oneof(fc.string({ minLength: 1, maxLength: 20 }), fc.constantFrom('__proto__', 'constructor', '1'));
const entries = fc.uniqueArray(fc.record({ name: text, keyId: text, mark: text, digest: text }), {
  maxLength: 12,
  selector: ({ name, keyId }) => JSON.stringify([name, keyId]),
});
const sorted = (list: readonly StampedEvidence[]) =>
  list.map((one) => JSON.stringify(one, Object.keys(entry('')).toSorted())).toSorted();

describe('the stamp of evidence', () => {
  test('is a scheme and JSON by key id and name', () => {
    const told = [
      entry('TOKEN', { keyId: 'k2', mark: 'm', digest: 'd' }),
      entry('PASSWORD', { keyId: 'k1', mark: 'n', digest: 'e' }),
    ];
    expect(formatSecrets(told)).toEqual({
      text: 'e1:{"k1":{"PASSWORD":["n","e"]},"k2":{"TOKEN":["m","d"]}}',
      left: [],
    });
  });

  test('nothing to say is no stamp, and a set whose answer is not known is not said', () => {
    expect(formatSecrets([])).toEqual({ text: undefined, left: [] });
    expect(formatSecrets([entry('TOKEN', { digest: '' })])).toEqual({ text: undefined, left: [] });
  });

  test('property: what is formatted is read back, and order says nothing', () => {
    fc.assert(
      fc.property(entries, (told) => {
        const stamp = formatSecrets(told);
        expect(stamp.left).toEqual([]);
        expect(sorted(parseSecrets(stamp.text))).toEqual(sorted(told));
        expect(formatSecrets(told.toReversed())).toEqual(stamp);
        expect(formatSecrets(parseSecrets(stamp.text))).toEqual(stamp);
      }),
    );
  });

  test('more than a hundred secrets have room; of more the first by name are said, and the others named', () => {
    const names = Array.from({ length: 200 }, (_none, index) => `A_USUAL_NAME_${String(index).padStart(3, '0')}`);
    expect(formatSecrets(names.slice(0, 100).map((name) => entry(name))).left).toEqual([]);
    const { text: stamp = '', left } = formatSecrets(names.toReversed().map((name) => entry(name)));
    expect(Buffer.byteLength(stamp)).toBeLessThanOrEqual(secretsStampBytesMax);
    const told = parseSecrets(stamp).map(({ name }) => name);
    expect([...told, ...left]).toEqual(names);
    const huge = entry('x'.repeat(secretsStampBytesMax));
    expect(formatSecrets([huge])).toEqual({ text: undefined, left: [huge.name] });
    expect(parseSecrets(`e1:{"key":{"${huge.name}":["m","d"]}}`)).toEqual([]);
  });

  test.each([
    undefined,
    '',
    'e1:',
    'e2:{"key":{"TOKEN":["m","d"]}}',
    '{"key":{"TOKEN":["m","d"]}}',
    'e1:{"key":{"TOKEN":["m","d"]}',
    'e1:[["key"]]',
    'e1:{"key":[]}',
    'e1:{"key":{"TOKEN":"m"}}',
    'e1:{"key":{"TOKEN":["m"]}}',
    'e1:{"key":{"TOKEN":["m","d","e"]}}',
    'e1:{"key":{"TOKEN":["m",1]}}',
    'e1:{"key":{"TOKEN":["m",""]}}',
    'e1:{"key":{"":["m","d"]}}',
    'e1:{"":{"TOKEN":["m","d"]}}',
  ])('%s tells nothing', (garbage) => {
    expect(parseSecrets(garbage)).toEqual([]);
  });

  test('property: no text makes reading it throw', () => {
    const damaged = fc.tuple(entries, fc.nat(), fc.string({ maxLength: 3 })).map(([told, at, put]) => {
      const stamp = formatSecrets(told).text ?? 'e1:';
      const place = at % (stamp.length + 1);
      return stamp.slice(0, place) + put + stamp.slice(place + 1);
    });
    const anything = fc.oneof(
      fc.string(),
      fc.json().map((json) => `e1:${json}`),
      damaged,
    );
    fc.assert(
      fc.property(anything, (stamp) => {
        for (const { name, keyId, mark, digest } of parseSecrets(stamp)) {
          expect([name, keyId, mark, digest].filter((part) => part === '')).toEqual([]);
        }
      }),
      { numRuns: 500 },
    );
  });
});
