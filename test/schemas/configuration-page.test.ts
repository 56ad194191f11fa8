import { describe, expect, test } from 'vitest';
import { appChapters, configurationPage, exampleOf, sameFields, toldAt } from '../../schemas/configuration-page.ts';
import { changeOf } from '../../schemas/field-changes.ts';
import { fieldExamples } from '../../schemas/field-examples.ts';
import { fieldsOf, type Field } from '../../schemas/fields.ts';
import { generateJsonSchemas } from '../../schemas/generate.ts';
import { Project } from '../../schemas/project.ts';
import { Settings } from '../../schemas/settings.ts';
import type { JsonObject } from '../../src/model/base/json.ts';
import { exampleValue, withValue } from './playing.ts';

const schemas = generateJsonSchemas();
const page = configurationPage(schemas);
const fields = (file: string): readonly Field[] => fieldsOf(schemas[`${file}.schema.json`] ?? {});
const isTable = (path: string, all: readonly Field[]): boolean =>
  all.some((other) => other.path.startsWith(`${path}.`) || other.path.startsWith(`${path}[`));
const isPolicy = (path: string): boolean => path === 'sync' || path.startsWith('sync.');

describe('the page tells', () => {
  const app = fields('app');

  test('an example and a change of every field of app.yaml, once', () => {
    const own = app.filter(({ path }) => toldAt(path) === undefined && !isTable(path, app)).map(({ path }) => path);
    expect(own.filter((path) => exampleOf('app', path) === undefined)).toStrictEqual([]);
    expect(own.filter((path) => changeOf(path) === undefined)).toStrictEqual([]);
    const [, part = ''] = /## app\.yaml\n(.*)\n## project\.yaml\n/s.exec(page) ?? [];
    const rows = part.split('\n').filter((line) => /^\| `.* \| `.*` \| [a-z ]+ \|$/.test(line));
    expect(rows).toHaveLength(own.length);
    expect(Object.keys(fieldExamples.app).filter((path) => !own.includes(path))).toStrictEqual([]);
  });

  test('every table of app.yaml under a heading or in the one above', () => {
    const roots = appChapters.flatMap((chapter) => chapter.roots);
    expect(new Set(roots).size).toBe(roots.length);
    const paths = app.map(({ path }) => path);
    expect(roots.filter((root) => !paths.includes(root))).toStrictEqual([]);
    const top = paths.filter((path) => !/[.[]/.test(path));
    expect(top.filter((path) => !roots.includes(path))).toStrictEqual([]);
  });

  test.each(Object.entries(sameFields))('the fields of %s where those of %s are', (same, told) => {
    const inside = (table: string): ReadonlyMap<string, Field> =>
      new Map(
        app.filter(({ path }) => path.startsWith(`${table}.`)).map((field) => [field.path.slice(table.length), field]),
      );
    const there = inside(told);
    const here = inside(same);
    expect(here.size).toBeGreaterThan(0);
    for (const [path, { help, fallback }] of here)
      expect([path, there.get(path)]).toMatchObject([path, { help, fallback }]);
  });

  test.each(['project', 'settings'] as const)('an example of every field: %s', (file) => {
    const all = fields(file === 'settings' ? 'flycd' : file).filter(({ path }) => !isPolicy(path));
    const own = all.filter(({ path }) => !isTable(path, all)).map(({ path }) => path);
    expect(Object.keys(fieldExamples[file])).toStrictEqual(own);
  });

  const needed: JsonObject = { project: 'p', source: { type: 'local' } };
  test.each([
    ...Object.entries(fieldExamples.project).map((one) => ['project', Project, needed, ...one] as const),
    ...Object.entries(fieldExamples.settings).map((one) => ['flycd', Settings, {}, ...one] as const),
  ])('only what %s.yaml may say: %#', (_file, schema, around, path, example) => {
    expect(schema.safeParse(withValue(around, path, exampleValue(example))).error).toBeUndefined();
  });
});
