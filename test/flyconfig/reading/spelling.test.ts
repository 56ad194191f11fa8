import { expect, test } from 'vitest';
import { editDistance, nearest } from '../../../src/flyconfig/reading/spelling.ts';

test.each([
  ['yaml', 'yaml', 0],
  ['ymal', 'yaml', 1],
  ['yalm', 'yaml', 1],
  ['yam', 'yaml', 1],
  ['yamll', 'yaml', 1],
  ['gaml', 'yaml', 1],
  ['aylm', 'yaml', 2],
  ['', 'ab', 2],
  ['', 'abc', 3],
  ['abcdef', 'ghijkl', 3],
  ['abcdefgh', 'abcdxyzh', 3],
  // Swapped twice is not nearer than it is.
  ['ca', 'abc', 3],
])('%j and %j are %i apart', (one, other, edits) => {
  expect([editDistance(one, other), editDistance(other, one)]).toEqual([edits, edits]);
});

test.each([
  ['strat', 'start'],
  ['memroy', 'memory'],
  ['memo', 'memory'],
  ['mem', undefined],
  ['startup', 'start'],
  ['nothing', undefined],
  ['xy', undefined],
])('of some fields %s means %s', (written, meant) => {
  expect(nearest(written, ['memory', 'start', 'smart', 'cpu', 'ab'])).toBe(meant);
});
