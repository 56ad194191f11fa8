import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { plain } from '../../../src/model/base/plain.ts';
import { shellWord } from '../../../src/model/base/shell.ts';
import * as fc from '../../property.ts';

/** What a program gets as its arguments from a shell that reads these words. */
function argumentsFrom(words: readonly string[]): readonly string[] {
  // Each ends with a NUL, which no argument holds; the last one shows that nothing came after it.
  const script = `printf '%s\\0' ${words.join(' ')} end`;
  return execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8', cwd: '/' }).split('\0').slice(0, -2);
}

/** What shells read as something else, more often than chance would draw it. */
const texts = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      ...' \'"\\$`;&|<>(){}[]*?~#!^=%-+@:,./\t\n\r\0\u001B\u007F\u009B\u00A0\u2028\u202E\uFEFF'.split(''),
      'é',
      '猫',
    ),
    fc.constantFrom('a', '$(', '${', "\\'", '--', 'rm'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 12,
});

describe('a word of a shell', () => {
  test('is one, and gives the program the very text, with what cannot be seen written out', () => {
    fc.assert(
      fc.property(fc.array(texts, { minLength: 1, maxLength: 50 }), (values) => {
        const words = values.map(shellWord);
        expect(words.map(plain)).toEqual(words);
        expect(argumentsFrom(words)).toEqual(values.map(plain));
      }),
      { numRuns: 40 },
    );
  });

  test('is the same to fish, to which a backslash inside single quotes is an escape', () => {
    const asFish = (word: string): string =>
      word.replaceAll(/'((?:\\[\\']|[^'])*)'|\\(.)/gsu, (_all, inside?: string, escaped?: string) =>
        inside === undefined ? (escaped ?? '') : inside.replaceAll(/\\([\\'])/g, '$1'),
      );
    expect(asFish(`'a\\'; b'\\'`)).toBe("a'; b'");
    fc.assert(
      fc.property(texts, (value) => {
        expect(asFish(shellWord(value))).toBe(plain(value));
      }),
    );
  });

  test.each([
    'shop',
    'web-1',
    'a_b',
    '6e82d4c1',
    'https://github.com/you/config',
    'you@host:config.git',
    './a/b.yaml',
    '-x',
  ])('%s stands as it is', (value) => expect(shellWord(value)).toBe(value));

  test.each([
    ['', "''"],
    ['a b', "'a b'"],
    ["it's", "'it'\\''s'"],
    ['C:\\temp', "'C:'\\\\'temp'"],
    ['=ls', "'=ls'"],
    ['~', "'~'"],
    ['%1', "'%1'"],
    ['a?b=c', "'a?b=c'"],
    ['a\u001B[31mb', "'a'\\\\'x1b[31mb'"],
  ])('%j is %s', (value, word) => {
    expect(shellWord(value)).toBe(word);
  });
});
