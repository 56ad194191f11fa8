import { refusal } from './replies.ts';

/** Reads fields of a request's JSON body; a field of the wrong type is refused as Go's decoder would. */
export type Fields = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function fieldsOf(body: unknown): Fields {
  if (body === undefined || body === null) return {};
  if (!isObject(body)) throw refusal(400, 'invalid JSON body: expected an object');
  return body;
}

export function textField(fields: Fields, name: string): string | undefined {
  return typedField(fields, name, 'string', (value): value is string => typeof value === 'string');
}

export function numberField(fields: Fields, name: string): number | undefined {
  return typedField(fields, name, 'number', (value): value is number => typeof value === 'number');
}

export function booleanField(fields: Fields, name: string): boolean | undefined {
  return typedField(fields, name, 'bool', (value): value is boolean => typeof value === 'boolean');
}

export function objectField(fields: Fields, name: string): Record<string, unknown> | undefined {
  return typedField(fields, name, 'object', isObject);
}

function typedField<T>(
  fields: Fields,
  name: string,
  type: string,
  matches: (value: unknown) => value is T,
): T | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (matches(value)) return value;
  throw refusal(400, `invalid JSON body: expected ${type} for field ${name}, got ${typeof value}`);
}
