/**
 * JSON Schema for editors and a page for people, made from what FlyCD checks itself: `npm run schemas` writes
 * schemas/json/ and docs/configuration.md.
 */
// oxlint-disable-next-line no-restricted-imports -- only this script writes, and only when it is run by hand
import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { App } from './app.ts';
import { configurationPage } from './configuration-page.ts';
import { fallbackOf, isSchema, type JsonSchema } from './fields.ts';
import { Project } from './project.ts';
import { Settings } from './settings.ts';

/** File name to schema. Stable: the same sources give the same text. */
export function generateJsonSchemas(): Record<string, JsonSchema> {
  const app = schemaOf(App, 'app.yaml of FlyCD: Fly’s own config plus what FlyCD adds.');
  const project = schemaOf(Project, 'project.yaml of FlyCD: a set of apps and what they have in common.');
  return {
    'app.schema.json': app,
    'project.schema.json': withAppParts(project, app),
    'flycd.schema.json': schemaOf(Settings, 'flycd.yaml: settings of FlyCD.'),
  };
}

/** The text that stands in schemas/json/. */
export function formatJsonSchema(schema: JsonSchema): string {
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}

function schemaOf(schema: z.ZodType, title: string): JsonSchema {
  const json = z.toJSONSchema(schema, { target: 'draft-7', io: 'output', unrepresentable: 'any', reused: 'inline' });
  return { title, ...(withDefaults(json) as JsonSchema) };
}

/** Zod's word for a pattern that stands beside it; editors warn of formats they do not know. */
const zodOwnFormat = 'starts_with';

/** The default that a description names, for editors to fill in, where it is a value and not a sentence. */
function withDefaults(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withDefaults);
  if (!isSchema(node)) return node;
  const entries = Object.entries(node).filter(([key, value]) => key !== 'format' || value !== zodOwnFormat);
  const inner = Object.fromEntries(entries.map(([key, value]) => [key, withDefaults(value)]));
  const fallback = typeof node['description'] === 'string' ? fallbackOf(node['description']) : undefined;
  const forms = [node, ...(Array.isArray(node['anyOf']) ? node['anyOf'].filter((form) => isSchema(form)) : [])];
  const values = forms.map((form) => valueOf(fallback, form)).filter((value) => value !== undefined);
  return values.length === 0 ? inner : { ...inner, default: values[0] };
}

/** Words that tell of a default and are no value of the field. */
const sayings = ['none', 'nothing', 'never', 'nowhere', 'everywhere', 'all'];

function valueOf(fallback: string | undefined, form: JsonSchema): string | number | boolean | undefined {
  if (fallback === undefined) return undefined;
  // What follows says what that means.
  if (form['type'] === 'boolean') return { true: true, false: false }[fallback.replace(/,.*$/s, '')];
  if (Array.isArray(form['enum'])) return form['enum'].includes(fallback) ? fallback : undefined;
  const types = [form['type']].flat();
  const isNumber = types.includes('number') || types.includes('integer');
  if (isNumber && /^[0-9.]+$/.test(fallback)) return Number(fallback);
  return types.includes('string') && !/[\s’$]/.test(fallback) && !sayings.includes(fallback) ? fallback : undefined;
}

/** Defaults and overrides are parts of an app.yaml: the editor may help there as it does in one. */
function withAppParts(project: JsonSchema, app: JsonSchema): JsonSchema {
  const part: JsonSchema = { type: 'object', properties: app['properties'] };
  const properties = project['properties'] as Record<string, JsonSchema>;
  const common = properties['common'] as { properties: Record<string, JsonSchema> };
  const described = (name: string): JsonSchema => ({
    allOf: [{ $ref: '#/definitions/part' }],
    description: common.properties[name]?.['description'],
  });
  const parts = { app_defaults: described('app_defaults'), app_overrides: described('app_overrides') };
  return {
    ...project,
    definitions: { part },
    properties: {
      ...properties,
      common: { ...common, properties: { ...common.properties, ...parts } },
    },
  };
}

if (import.meta.main) {
  for (const [file, schema] of Object.entries(generateJsonSchemas())) {
    writeFileSync(new URL(`./json/${file}`, import.meta.url), formatJsonSchema(schema));
  }
  writeFileSync(new URL('../docs/configuration.md', import.meta.url), configurationPage(generateJsonSchemas()));
}
