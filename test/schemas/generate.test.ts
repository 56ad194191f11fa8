import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { guestPresets, regions } from '../../schemas/fly/presets.ts';
import { fieldsOf, type Field } from '../../schemas/fields.ts';
import { formatJsonSchema, generateJsonSchemas } from '../../schemas/generate.ts';
import { flyConfigShape, type Shape } from '../../src/flyconfig/older-forms/known.ts';

const schemas = generateJsonSchemas();

it.each(Object.keys(schemas))('schemas/json/%s is fresh (npx -c "node schemas/generate.ts" writes it)', (file) => {
  const written = readFileSync(new URL(`../../schemas/json/${file}`, import.meta.url), 'utf8');
  expect(written).toBe(formatJsonSchema(schemas[file] ?? {}));
});

interface Node {
  readonly description?: string;
  readonly default?: unknown;
  readonly anyOf?: readonly Node[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
  readonly items?: Node;
}

/** Read for the sake of old files, or without a meaning there: an editor that offered them would make more of those. */
const notOffered: ReadonlySet<string> = new Set([
  'mount',
  'compute',
  'computes',
  'metric',
  'build.build_target',
  'checks.name',
  'deploy.release_command_vm.processes',
  'experimental.kill_timeout',
  'experimental.metrics_port',
  'experimental.metrics_path',
]);

/** The table that a field holds, or a list of it, in its first form. */
function tableOf(node: Node | undefined): Node | undefined {
  if (node?.properties !== undefined) return node;
  const forms = [node?.items, ...(node?.anyOf ?? [])];
  return forms.map((form) => (form === undefined ? undefined : tableOf(form))).find((form) => form !== undefined);
}

const namedOf = (node: Node): Node | undefined =>
  [node, ...(node.anyOf ?? [])].map((form) => form.additionalProperties).find((form) => typeof form === 'object') as
    | Node
    | undefined;

const at = (file: string, ...path: readonly string[]): Node | undefined =>
  path.reduce<Node | undefined>(
    (node, key) => (key === '[]' ? node?.items : node?.properties?.[key]),
    schemas[file] as Node,
  );

/** Every field of a schema, wherever in it, by the way there. */
function everyField(node: unknown, path = ''): readonly (readonly [string, Node])[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, inner]) =>
    key === 'properties'
      ? Object.entries(inner as Record<string, Node>).flatMap(([name, field]) => [
          [`${path}.${name}`, field] as const,
          ...everyField(field, `${path}.${name}`),
        ])
      : everyField(inner, path),
  );
}

/** Defaults that say something of the field and are no value of it. */
const sayings: ReadonlySet<string> = new Set(['none', 'nothing', 'never', 'nowhere', 'everywhere', 'all']);

const formsOf = (schema: Field['schema']): readonly Field['schema'][] => [
  schema,
  ...((schema['anyOf'] ?? []) as readonly Field['schema'][]),
];

/** true: text, a number or a truth, and neither a table nor a list. */
function isPlain(schema: Field['schema']): boolean {
  return formsOf(schema).every(({ type }) => type !== 'array' && type !== 'object');
}

/** How the help of a field must name its unit. undefined: it has none. */
function unitOf({ path, schema }: Field): RegExp | undefined {
  const name = path.split('.').at(-1) ?? '';
  const forms = formsOf(schema);
  if (!isPlain(schema) || forms.some((form) => form['enum'] !== undefined)) return undefined;
  if (/(?:timeout|interval|period|duration|_seconds)$/.test(name)) return /\b(?:\w*seconds|with its unit)\b/i;
  if (/^(?:soft|hard)_limit$/.test(name)) return /connections or requests/i;
  if (/memory|ram|size(?!_threshold)|_mb$|_gb$/.test(name)) return /\b(?:MB|GB|[0-9]+gb)\b/;
  if (forms.every(({ type }) => type !== 'number' && type !== 'integer')) return undefined;
  const counted = 'days|per cent|fraction|CPUs?|GPUs?|machines|volumes|objects|apps|times|passes|failures|runs';
  return new RegExp(`\\b(?:${counted}|money|mode bits|level|port)\\b`, 'i');
}

describe('editors are told', () => {
  it.each(Object.keys(schemas))('what each field means: %s', (file) => {
    const found = everyField(schemas[file]);
    const silent = found.filter(([, { description = '' }]) => !/\w/.test(description.replace(/Default: .+$/s, '')));
    expect(silent.map(([path]) => path)).toStrictEqual([]);
    expect(found.length).toBeGreaterThan(10);
  });

  it('in one line of help', () => {
    const long = Object.values(schemas)
      .flatMap((schema) => everyField(schema))
      .filter(([, { description = '' }]) => description.length > 330 || description.includes('\n'));
    expect(long.map(([path]) => path)).toStrictEqual([]);
  });

  it.each(Object.keys(schemas))('the unit of each field that has one: %s', (file) => {
    const measured = fieldsOf(schemas[file] ?? {}).flatMap((field) => {
      const unit = unitOf(field);
      return unit === undefined ? [] : [{ path: field.path, help: field.help, says: unit.test(field.help) }];
    });
    expect(measured.filter(({ says }) => !says)).toStrictEqual([]);
    expect(measured.length).toBeGreaterThan(2);
  });

  it('of each field that flyctl knows', () => {
    const missing = (known: Shape, node: Node | undefined, path: string): readonly string[] => {
      const table = tableOf(node);
      return known.keys
        .filter((key) => !notOffered.has(`${path}${key}`))
        .flatMap((key) => {
          const field = table?.properties?.[key];
          if (field === undefined) return [`${path}${key}`];
          const inside = known.inside[key];
          if (inside === undefined) return [];
          const within = inside.named ?? inside;
          return missing(within, inside.named === undefined ? field : namedOf(field), `${path}${key}.`);
        });
    };
    expect(missing(flyConfigShape, at('app.schema.json'), '')).toStrictEqual([]);
  });

  it.each(Object.keys(schemas))('the default, where it is a value and no saying: %s', (file) => {
    const fields = fieldsOf(schemas[file] ?? {}).filter(({ fallback }) => fallback !== undefined);
    const unsaid = fields.filter(({ schema }) => !('default' in schema) && isPlain(schema));
    const isSaying = ({ fallback = '' }: Field): boolean =>
      sayings.has(fallback) || (/[ ’$]/.test(fallback) && !/^(?:true|false|[0-9]+)\b/.test(fallback));
    expect(unsaid.filter((field) => !isSaying(field)).map(({ path, fallback }) => [path, fallback])).toStrictEqual([]);
    for (const { path, schema, fallback = '' } of fields.filter(({ schema }) => 'default' in schema)) {
      expect([path, fallback.split(',')[0]]).toStrictEqual([path, String(schema['default'])]);
    }
  });

  it('the default, for example', () => {
    const defaultAt = (file: string, ...path: readonly string[]): unknown => at(file, ...path)?.default;
    expect(defaultAt('app.schema.json', 'sync', 'drift')).toBe('heal');
    expect(defaultAt('app.schema.json', 'http_service', 'auto_stop_machines')).toBe('off');
    expect(defaultAt('app.schema.json', 'http_service', 'auto_start_machines')).toBe(true);
    expect(defaultAt('app.schema.json', 'deploy', 'max_unavailable')).toBe(0.33);
    expect(defaultAt('app.schema.json', 'kill_timeout')).toBe('5s');
    expect(defaultAt('app.schema.json', 'deploy', 'wait_timeout')).toBe('5m');
    expect(defaultAt('flycd.schema.json', 'webhook', 'port')).toBe(80);
    expect(defaultAt('flycd.schema.json', 'webhook', 'path')).toBe('/webhook');
    expect(at('flycd.schema.json', 'webhook', 'interface')).not.toHaveProperty('default');
    expect(at('app.schema.json', 'env')).not.toHaveProperty('default');
  });

  it('the names of sizes, and of regions for example', () => {
    expect(at('app.schema.json', 'primary_region')).toMatchObject({ examples: Object.keys(regions) });
    const vm = tableOf(at('app.schema.json', 'vm'));
    expect(vm?.properties?.['size']).toMatchObject({ enum: Object.keys(guestPresets), default: 'shared-cpu-1x' });
  });

  it('which fields are missing and which are strangers', () => {
    expect(at('app.schema.json')?.required).toStrictEqual(['app']);
    expect(at('app.schema.json')?.additionalProperties).not.toBe(false);
    for (const path of [['machines'], ['source'], ['secrets', '[]'], ['network', 'ips', '[]'], ['sync']]) {
      expect(at('app.schema.json', ...path)?.additionalProperties).toBe(false);
    }
    expect(at('project.schema.json')).toMatchObject({ required: ['project', 'source'], additionalProperties: false });
    expect(at('flycd.schema.json')).toMatchObject({ additionalProperties: false });
    expect(at('flycd.schema.json')?.required).toBeUndefined();
  });

  it('of app fields within a project’s defaults', () => {
    const { definitions } = schemas['project.schema.json'] as { definitions: { part: Node } };
    expect(Object.keys(definitions.part.properties ?? {})).toContain('machines');
    expect(definitions.part.required).toBeUndefined();
  });
});
