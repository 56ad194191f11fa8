import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root, text } from './tree.ts';

const page = 'docs/design/weaknesses.md';

const rows = text(page)
  .split('\n')
  .filter((line) => /^\| \d/.test(line))
  .map((line) => line.split(' | '));

test('there is a row for each of the 31 classes', () => {
  expect(rows.map(([number = '']) => Number(number.replace('| ', '')))).toEqual(
    Array.from({ length: 31 }, (_, index) => index + 1),
  );
});

test('each test that the page names is there, and each class that concerns FlyCD has one', () => {
  const wrong = rows.flatMap(([number = '', , concerns = '', does = '']) => {
    const named = [...does.matchAll(/`(test\/[\w/.-]+\.ts)` "([^"]+)"/g)];
    const gone = named
      .filter(([, file = '', name = '']) => !existsSync(join(root, file)) || !text(file).includes(name))
      .map(([found]) => `${number}: ${found}`);
    return concerns === 'yes' && named.length === 0 ? [...gone, `${number}: no test`] : gone;
  });
  expect(wrong).toEqual([]);
});
