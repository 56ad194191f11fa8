/** JSON Schema for editors, made from what FlyCD checks itself. `node schemas/generate.ts` writes schemas/json/. */
// oxlint-disable-next-line no-restricted-imports -- only this script writes, and only when it is run by hand
import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { App } from './app.ts';
import { Project } from './project.ts';
import { Settings } from './settings.ts';

type JsonSchema = Record<string, unknown>;

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
  return {
    title,
    ...z.toJSONSchema(schema, { target: 'draft-7', io: 'output', unrepresentable: 'any', reused: 'inline' }),
  };
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
}
