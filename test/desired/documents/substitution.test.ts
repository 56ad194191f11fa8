import { assert, constantFrom, property, string } from '../../property.ts';
import { describe, expect, it } from 'vitest';
import {
  compileSubstitution,
  originalOffset,
  substitute,
  type Substitution,
} from '../../../src/desired/documents/substitution.ts';

function substitutions(pairs: Readonly<Record<string, string>>): readonly Substitution[] {
  return Object.entries(pairs).map(([source, replacement]) => {
    const compiled = compileSubstitution(source);
    if ('why' in compiled) throw new Error(compiled.why);
    return { pattern: compiled.pattern, replacement, origin: `project.yaml:${source}` };
  });
}

const apply = (text: string, pairs: Readonly<Record<string, string>>): string =>
  substitute(text, substitutions(pairs)).text;

describe("as Go's regexp", () => {
  it.each([
    ['every match', 'arn arn', { arn: 'ams' }, 'ams ams'],
    ['$1', 'app-7', { 'app-([0-9])': 'job-$1' }, 'job-7'],
    ['${1} beside letters', 'app-7', { 'app-([0-9])': '${1}x' }, '7x'],
    ['$1x is the group called 1x, which is not there', 'app-7', { 'app-([0-9])': '[$1x]' }, '[]'],
    ['a named group', 'app-7', { 'app-(?P<number>[0-9])': '$number' }, '7'],
    ['a group that is not there', 'a', { a: '$9' }, ''],
    ['a dollar sign', 'a', { a: '$$1' }, '$1'],
    ['a dollar sign by itself', 'a', { a: '5$ each' }, '5$ each'],
    ['lines with (?m)', 'a\nb', { '(?m)^': '- ' }, '- a\n- b'],
    ['an empty match behind a match does not count', 'baaac', { 'a*': 'X' }, 'XbXcX'],
    ['a group that took no part is empty', 'b', { '(a)?b': '<$1>' }, '<>'],
    ['one after the other, in the order written', 'a', { a: 'b', b: 'c' }, 'c'],
    ['the other order', 'a', { b: 'c', a: 'b' }, 'b'],
  ])('%s', (_what, text, pairs, expected) => {
    expect(apply(text, pairs)).toBe(expected);
  });

  it.each(['(', 'a(?=b)', '(a)\\1', '[z-a]', '*'])('refuses %s with the reason', (pattern) => {
    const compiled = compileSubstitution(pattern);
    expect('why' in compiled && compiled.why.length > 0).toBe(true);
  });

  it('takes linear time whatever the pattern', () => {
    const text = `${'a'.repeat(20_000)}!`;
    expect(apply(text, { '(a+)+$': 'x' })).toBe(text);
  });

  it('stops at the size a file may have', () => {
    const grown = substitute('a'.repeat(2000), substitutions({ a: 'b'.repeat(1000), b: 'c' }));
    expect(grown.over).toBe('substitutions make this file larger than 1 MiB');
    expect(grown.text.length).toBeLessThanOrEqual(1_048_576);
  });
});

describe('places', () => {
  const moved = substitute(
    'x: ${A}\ny: ${B}\nz: 1\n',
    substitutions({ '\\$\\{A\\}': 'long value', '\\$\\{B\\}': 'b' }),
  );

  it('before, inside and after a replacement', () => {
    expect(moved.text).toBe('x: long value\ny: b\nz: 1\n');
    expect(originalOffset(moved, 0)).toStrictEqual({ offset: 0, by: undefined });
    expect(originalOffset(moved, 7)).toStrictEqual({ offset: 3, by: 'project.yaml:\\$\\{A\\}' });
    expect(originalOffset(moved, moved.text.indexOf('b\n'))).toStrictEqual({
      offset: 11,
      by: 'project.yaml:\\$\\{B\\}',
    });
    expect(originalOffset(moved, moved.text.indexOf('z'))).toStrictEqual({ offset: 16, by: undefined });
  });

  it('what no substitution touched keeps its character', () => {
    assert(
      property(
        string({ unit: constantFrom('a', 'b', 'c', '\n') }),
        constantFrom('', 'a', 'abba', '$0$0'),
        (text, replacement) => {
          const done = substitute(text, substitutions({ 'ab*': replacement, 'c+': 'dd' }));
          for (let at = 0; at < done.text.length; at += 1) {
            const { offset, by } = originalOffset(done, at);
            if (by === undefined) expect(text[offset]).toBe(done.text[at]);
          }
        },
      ),
    );
  });
});

it.each([
  ['a{100}', true],
  ['[0-9]{1,3}x{2,}', true],
  ['a\\{400\\}', true],
  ['a{101}', false],
  ['(a{0,400})b', false],
  ['(ab{90}){60}', false],
])('a pattern is no program that repeats without end: %s', (pattern, isFine) => {
  expect('why' in compileSubstitution(pattern)).toBe(!isFine);
});
