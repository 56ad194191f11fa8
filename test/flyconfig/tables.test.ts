import { describe, expect, test } from 'vitest';
import type { ConfigNote } from '../../src/flyconfig/reading/notes.ts';
import { repairFlyConfig } from '../../src/flyconfig/older-forms/repair.ts';
import { mapped } from './mapping.ts';
import { tables } from './tables/all.ts';
import { facts } from './tables/facts.ts';
import { ownEnv, type Note } from './tables/row.ts';

function expectNotes(notes: readonly ConfigNote[], severity: ConfigNote['severity'], expected: readonly Note[]): void {
  const found = notes.filter((note) => note.severity === severity);
  const shown = found.map(({ path, message }) => `${path}: ${message}`);
  expect(shown).toHaveLength(expected.length);
  for (const [path, says] of expected) {
    expect(found.filter((note) => note.path === path && says.test(note.message))).toHaveLength(1);
  }
}

describe.each(tables)('%s', (_name, rows) => {
  test.each(rows)('$row: $says', (row) => {
    const { input, files, machine, groups: expected, release, warnings = [], errors = [] } = row;
    const result = mapped(input, files);
    expectNotes(result.notes, 'error', errors);
    if (release !== undefined) expect(result.release?.config).toEqual(release);
    // A row about the release command's machine says nothing of the app's.
    if (errors.length > 0 || (release !== undefined && machine === undefined && expected === undefined)) return;
    expectNotes(result.notes, 'warning', warnings);
    const wanted = expected ?? { app: machine ?? {} };
    expect(result.groups.map(({ name }) => name)).toEqual(Object.keys(wanted).toSorted());
    for (const [name, volume] of Object.entries(row.volumes ?? { app: row.volume ?? {} })) {
      expect(result.groups.find((group) => group.name === name)?.mount ?? {}).toMatchObject(volume);
    }
    for (const [name, config] of Object.entries(wanted)) {
      const full = { env: { ...ownEnv, FLY_PROCESS_GROUP: name }, ...config };
      expect(result.config(name)).toEqual(full);
    }
  });

  test.each(rows)('$row: $says; repaired twice is repaired once', ({ input }) => {
    const { config } = repairFlyConfig(input);
    expect(repairFlyConfig(config).config).toEqual(config);
  });
});

test('every row of the facts on fly.toml is shown', () => {
  const rows = tables.flatMap(([, table]) => table.map(({ row }) => row));
  const known = Object.entries(facts).flatMap(([section, names]) => names.map((name) => `${section} ${name}`));
  expect([...new Set(rows)].toSorted()).toEqual(known.toSorted());
});
