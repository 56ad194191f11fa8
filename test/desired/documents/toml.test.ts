import { expect, test } from 'vitest';
import { parseToml } from '../../../src/desired/documents/toml.ts';

// Source: flyctl's TOML reader, whose dates and times print without zeros at the end of a fraction.
test.each([
  ['2020-01-02', '2020-01-02'],
  ['10:00:00', '10:00:00'],
  ['10:00:00.5', '10:00:00.5'],
  ['10:00:00.120', '10:00:00.12'],
  ['2020-01-02T10:00:00', '2020-01-02T10:00:00'],
  ['2020-01-02 10:00:00', '2020-01-02T10:00:00'],
  ['2020-01-02T10:00:00Z', '2020-01-02T10:00:00Z'],
  ['2020-01-02T10:00:00+02:00', '2020-01-02T10:00:00+02:00'],
])('%s is the text %s', (written, text) => {
  const { value, problems } = parseToml(`[env]\nWHEN = ${written}\n`);
  expect(problems).toEqual([]);
  expect(value).toEqual({ env: { WHEN: text } });
});
