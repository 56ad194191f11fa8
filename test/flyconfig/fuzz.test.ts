/** Text as anybody could commit it, through the whole way from bytes to machine configs. */
import * as fc from '../property.ts';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { parsePath } from '../../src/desired/documents/path.ts';
import { readDocument, type Format } from '../../src/desired/documents/document.ts';
import { problemsOfText } from '../../src/desired/documents/source-map.ts';
import { locator } from '../../src/desired/documents/locator.ts';
import { mapGroups } from '../../src/flyconfig/machine.ts';
import { repairFlyConfig } from '../../src/flyconfig/older-forms/repair.ts';
import type { JsonObject } from '../../src/model/base/json.ts';
import { expectWithin } from '../work.ts';
import { anyDocument } from './generated.ts';

const longest = 64 * 1024;
/** Milliseconds of the processor that one document may take, from its bytes to machine configs and placed problems. */
const budget = 100;

function mapOf(fields: JsonObject) {
  const repaired = repairFlyConfig(fields);
  const { notes } = mapGroups({ app: 'a', primaryRegion: 'arn', config: repaired.config, readFile: () => undefined });
  return [...repaired.notes, ...notes];
}

/** Throws nothing; what is wrong has a place in the text. */
function readWhole(text: string, format: Format): void {
  const document = readDocument({ file: 'fly', format, bytes: Buffer.from(text), substitutions: [] });
  const places = problemsOfText(document, undefined).map(({ line, column }) => ({ line, column }));
  const locate = locator();
  for (const note of document.fields === undefined ? [] : mapOf(document.fields)) {
    expect(note.message).not.toBe('');
    places.push(locate(document, parsePath(note.path), 'value'));
  }
  const lines = text.split('\n').length;
  for (const { line, column } of places) {
    expect(line >= 1 && line <= lines && column >= 1).toBe(true);
  }
}

async function expectHarmless(text: string, format: Format): Promise<void> {
  await expectWithin(budget, () => readWhole(text.slice(0, longest), format));
}

const key = fc.constantFrom(
  'app',
  'env',
  'vm',
  'compute',
  'mounts',
  'mount',
  'services',
  'http_service',
  'checks',
  'processes',
  'files',
  'restart',
  'statics',
  'metrics',
  'experimental',
  'deploy',
  'build',
  'kill_timeout',
  'machine_config',
  'Env',
  'ports',
  'concurrency',
  'headers',
  'internal_port',
  'interval',
  'memory',
  'size',
  'x',
  '__proto__',
  '"a b"',
);
const scalar = fc.constantFrom(
  '1',
  '-1',
  '1e3',
  '0.1',
  'true',
  '"10s"',
  '"1gb"',
  '""',
  '"{}"',
  '"12,23"',
  '[]',
  '{}',
  '[{}]',
  '"a \\"b"',
);
const tomlLine = fc.oneof(
  fc.tuple(key, scalar).map(([name, value]) => `${name} = ${value}`),
  key.map((name) => `[${name}]`),
  key.map((name) => `[[${name}]]`),
  fc.tuple(key, key).map(([outer, inner]) => `[[${outer}.${inner}]]`),
);
const yamlLine = fc.oneof(
  fc.tuple(fc.nat(3), key, scalar).map(([depth, name, value]) => `${' '.repeat(depth * 2)}${name}: ${value}`),
  fc.tuple(fc.nat(3), key).map(([depth, name]) => `${' '.repeat(depth * 2)}${name}:`),
  fc.tuple(fc.nat(3), key, scalar).map(([depth, name, value]) => `${' '.repeat(depth * 2)}- ${name}: ${value}`),
  fc.constantFrom('&a x', '- *a', '? [a]', '<<: *a', '---', '|', '\t', '- - - -', '{a: {b: ', '!!set {a}'),
);
const block = (line: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(line, { minLength: 1, maxLength: 12 }).map((lines) => `${lines.join('\n')}\n`);

test('text of any kind', async () => {
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), block(tomlLine), block(yamlLine));
  const format = fc.constantFrom<Format>('toml', 'yaml', 'json');
  await fc.assert(
    fc.asyncProperty(text, format, (written, as) => expectHarmless(written, as)),
    { numRuns: 300 },
  );
});

test('documents of a fly config’s words', async () => {
  await fc.assert(
    fc.asyncProperty(anyDocument, async (document) => {
      await expectHarmless(JSON.stringify(document), 'json');
      await expectHarmless(stringify(document, { aliasDuplicateObjects: false }), 'yaml');
    }),
    { numRuns: 100 },
  );
});

test('64 KiB of the same over and over', async () => {
  const many = (text: string): string => text.repeat(Math.ceil(longest / text.length));
  await fc.assert(
    fc.asyncProperty(block(tomlLine), block(yamlLine), async (toml, yaml) => {
      await expectHarmless(many(toml), 'toml');
      await expectHarmless(many(yaml), 'yaml');
    }),
    { numRuns: 20 },
  );
});

// Each of these took minutes once, or is what a parser stumbles over.
test.each([
  ['list items with mistakes', `services:\n${'- a: 1\n  b: 2\n'.repeat(4300)}`, 'yaml'],
  ['sections with mistakes', '[[services]]\na=1\nb=2\n'.repeat(3000), 'toml'],
  ['checks with mistakes', Array.from({ length: 4000 }, (_unused, index) => `[checks.c${index}]`).join('\n'), 'toml'],
  ['nesting', `a: ${'['.repeat(30_000)}`, 'yaml'],
  ['tables in tables', `a = ${'{ a = '.repeat(10_000)}`, 'toml'],
  ['JSON in machine_config', JSON.stringify({ machine_config: `${'{"a":'.repeat(9000)}1${'}'.repeat(9000)}` }), 'json'],
  [
    'containers in machine_config',
    JSON.stringify({ machine_config: JSON.stringify({ containers: Array.from({ length: 5000 }, () => ({})) }) }),
    'json',
  ],
  ['keys nobody knows', Array.from({ length: 5000 }, (_unused, index) => `key${index} = 1`).join('\n'), 'toml'],
  ['one command', `[processes]\napp = '${'"'.repeat(65_000)}'`, 'toml'],
] as const)('64 KiB of %s', (_what, text, format) => {
  return expectHarmless(text, format);
});
