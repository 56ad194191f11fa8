import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { parseToml } from '../../src/desired/documents/toml.ts';
import { parseYaml } from '../../src/desired/documents/yaml.ts';
import { mapGroups } from '../../src/flyconfig/machine.ts';
import { repairFlyConfig } from '../../src/flyconfig/older-forms/repair.ts';
import { isObject, type JsonObject, type JsonValue } from '../../src/model/base/json.ts';
import { shapes, textOf, type Shape } from './wild.ts';

function mapped(value: JsonValue, shape: Shape) {
  const document: JsonObject = isObject(value) ? value : {};
  const repaired = repairFlyConfig(document);
  const region = document['primary_region'];
  const { groups, notes } = mapGroups({
    app: 'shop',
    primaryRegion: typeof region === 'string' ? region : '',
    config: repaired.config,
    readFile: () => undefined,
  });
  const severity = shape.groups === undefined ? 'error' : 'warning';
  const all = [...repaired.notes, ...notes];
  return {
    errors: all.filter((note) => note.severity === 'error').length,
    paths: all.filter((note) => note.severity === severity).map(({ path }) => path),
    groups: Object.fromEntries(groups.map(({ name, config }) => [name, config])),
  };
}

function expectShape(value: JsonValue, shape: Shape): void {
  const { errors, paths, groups } = mapped(value, shape);
  const { groups: wanted, notes = [], region } = shape;
  expect(paths.toSorted()).toEqual([...notes].toSorted());
  if (wanted === undefined) return;
  expect(errors).toBe(0);
  const full = Object.entries(wanted).map(([name, config]) => {
    const env = { ...config.env, FLY_PROCESS_GROUP: name, PRIMARY_REGION: region };
    return [name, { ...config, env }];
  });
  expect(groups).toEqual(Object.fromEntries(full));
}

test.each(shapes)('$name, as TOML, YAML and JSON', (shape) => {
  const { value, problems } = parseToml(textOf(shape));
  expect(problems).toEqual([]);
  expectShape(value, shape);
  const yaml = parseYaml(stringify(value));
  expectShape(yaml.value, shape);
  const json = parseYaml(JSON.stringify(value, null, 2));
  expectShape(json.value, shape);
});

test('every file is read', () => {
  const files = readdirSync(new URL('./wild', import.meta.url)).map((file) => file.replace(/\.toml$/, ''));
  expect(files.toSorted()).toEqual(shapes.map(({ name }) => name).toSorted());
});
