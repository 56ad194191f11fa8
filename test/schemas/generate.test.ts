import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ownedFields } from '../../schemas/app.ts';
import { formatJsonSchema, generateJsonSchemas } from '../../schemas/generate.ts';

const schemas = generateJsonSchemas();

it.each(Object.keys(schemas))('schemas/json/%s is fresh (npx -c "node schemas/generate.ts" writes it)', (file) => {
  const written = readFileSync(new URL(`../../schemas/json/${file}`, import.meta.url), 'utf8');
  expect(written).toBe(formatJsonSchema(schemas[file] ?? {}));
});

interface Node {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
  readonly items?: Node;
}

const at = (file: string, ...path: readonly string[]): Node | undefined =>
  path.reduce<Node | undefined>(
    (node, key) => (key === '[]' ? node?.items : node?.properties?.[key]),
    schemas[file] as Node,
  );

describe('editors are told', () => {
  it('what each of FlyCD’s fields means', () => {
    const undescribed: string[] = [];
    const visit = (node: Node, path: string): void => {
      if (path !== '' && node.description === undefined && node.properties === undefined) undescribed.push(path);
      for (const [key, inner] of Object.entries(node.properties ?? {})) visit(inner, `${path}.${key}`);
      if (node.items?.properties !== undefined) visit(node.items, `${path}[]`);
    };
    for (const key of Object.keys(ownedFields)) visit(at('app.schema.json', key) ?? {}, key);
    visit(at('flycd.schema.json') ?? {}, '');
    for (const key of ['project', 'fleet', 'source', 'sync']) visit(at('project.schema.json', key) ?? {}, key);
    expect(undescribed).toStrictEqual([]);
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
