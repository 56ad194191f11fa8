import * as fc from '../../property.ts';
import { expect, test } from 'vitest';
import { matchesGlob } from '../../../src/model/base/glob.ts';

test.each([
  ['shop', 'shop', true],
  ['shop', 'sho', false],
  ['shop-staging', '*-staging', true],
  ['shop-staging', 'shop-*', true],
  ['shop-staging', '*', true],
  ['shop-staging', 's*p-*g', true],
  ['shop', 's?op', true],
  ['shop', 's?p', false],
  ['', '*', true],
  ['shop', '', false],
  ['a.b', 'a?b', true],
  ['axb', 'a.b', false],
])('%s fits %s: %s', (name, glob, fits) => {
  expect(matchesGlob(name, glob)).toBe(fits);
});

test('says what the plain meaning of * and ? says', () => {
  const letter = fc.constantFrom('a', 'b', '*', '?');
  const meaning = (name: string, glob: string): boolean => {
    if (glob === '') return name === '';
    if (glob[0] === '*') return meaning(name, glob.slice(1)) || (name !== '' && meaning(name.slice(1), glob));
    return name !== '' && (glob[0] === '?' || glob[0] === name[0]) && meaning(name.slice(1), glob.slice(1));
  };
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 }),
      fc.string({ unit: letter, maxLength: 6 }),
      (name, glob) => {
        expect(matchesGlob(name, glob)).toBe(meaning(name, glob));
      },
    ),
    { numRuns: 500 },
  );
});
