/** The published JSON Schemas as a list of fields: for the page on configuration, and for tests. */

export type JsonSchema = Record<string, unknown>;

export interface Field {
  /** `services[].ports[].port`; `checks.*.type`, where people choose the name. */
  readonly path: string;
  /** One line of help, without the default. */
  readonly help: string;
  /** As the help says it; undefined: the field is needed, or its table says. */
  readonly fallback: string | undefined;
  readonly schema: JsonSchema;
}

const defaultSentence = / ?Default: (.+)\.$/s;

/** Every field of a schema, a table before the fields in it. */
export function fieldsOf(schema: JsonSchema, path = ''): readonly Field[] {
  return Object.entries(propertiesOf(schema)).flatMap(([name, property]) => {
    const own = path === '' ? name : `${path}.${name}`;
    return [fieldOf(own, property), ...inside(property, own)];
  });
}

function fieldOf(path: string, schema: JsonSchema): Field {
  const description = typeof schema['description'] === 'string' ? schema['description'] : '';
  return { path, help: description.replace(defaultSentence, ''), fallback: fallbackOf(description), schema };
}

/** What a description says of the default: its last sentence. */
export function fallbackOf(description: string): string | undefined {
  return defaultSentence.exec(description)?.[1];
}

/** What a field's value holds: of a table, of the items of a list, of a table with names people choose. */
function inside(schema: JsonSchema, path: string): readonly Field[] {
  const { items, additionalProperties: named } = schema;
  const own = fieldsOf({ properties: schema['properties'] ?? {} }, path);
  const inItems = isSchema(items) ? inside(items, `${path}[]`) : [];
  const inNamed = isSchema(named) ? inside(named, `${path}.*`) : [];
  // Of several forms the first with fields is today's; the others are older spellings of it.
  const forms = Array.isArray(schema['anyOf']) ? schema['anyOf'].filter((form) => isSchema(form)) : [];
  const [form = []] = forms.map((one) => inside(one, path)).filter((fields) => fields.length > 0);
  return [...own, ...inItems, ...inNamed, ...form];
}

function propertiesOf(schema: JsonSchema): Readonly<Record<string, JsonSchema>> {
  return isSchema(schema['properties']) ? (schema['properties'] as Record<string, JsonSchema>) : {};
}

export function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
