import { stringify as stringifyToml } from 'smol-toml';
import { Document, isScalar, visit } from 'yaml';
import { isObject, type JsonObject, type JsonValue } from '../model/base/json.ts';
import type { ExplainedField } from '../model/desired.ts';
import { textTable, filledColumns } from './text/table.ts';
import { plain } from '../model/base/plain.ts';
import { formatValue } from './text/plain.ts';
import type { Paint } from './text/tone.ts';

const configForms = ['yaml', 'toml', 'json'] as const;
export type ConfigForm = (typeof configForms)[number];

/** What must not reach a terminal raw; line breaks and tabs of block texts may. */
const unsafe = /(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** A resolved fly config as a file Fly accepts: what is printed reads back as the same value. */
export function configText(given: JsonObject, form: ConfigForm): string {
  // As people write it: defaults of projects come before it in the merged document.
  const config = given['app'] === undefined ? given : { app: given['app'], ...given };
  switch (form) {
    case 'json':
      return `${JSON.stringify(config, undefined, 2).replaceAll(unsafe, jsonEscape)}\n`;
    case 'toml':
      return `${stringifyToml(withoutGaps(config)).trimEnd().replaceAll(unsafe, longEscape)}\n`;
    case 'yaml':
      return yamlText(config);
    default:
      return form satisfies never;
  }
}

/** Escapes are only understood inside double quotes, and a bare `<<` asks for a merge: such texts are quoted. */
function yamlText(config: JsonObject): string {
  const document = new Document(config, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_key, node) {
      if (!isScalar(node) || typeof node.value !== 'string') return;
      if (node.value === '<<' || node.value.search(unsafe) >= 0) node.type = 'QUOTE_DOUBLE';
    },
  });
  return document.toString({ lineWidth: 0 }).replaceAll(unsafe, longEscape);
}

/** YAML and TOML escapes. */
function longEscape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
}

function jsonEscape(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}

/** TOML has no null: what is not there is left out. */
function withoutGaps(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.filter((item) => item !== null && item !== undefined).map(withoutGaps);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== null && item !== undefined)
      .map(([key, item]) => [key, withoutGaps(item)]),
  );
}

/** Field by field: what it is and where that was written. */
export function explainText(fields: readonly ExplainedField[], paint: Paint): string {
  const rows = fields.map((field) => [
    plain(field.path),
    formatValue(field.value),
    plain(`${field.file}:${field.line}:${field.column}`),
    plain(noteOf(field)),
  ]);
  return textTable(filledColumns({ columns: ['FIELD', 'VALUE', 'FROM', 'BY'], rows }), paint);
}

function noteOf({ part, substitutedBy }: ExplainedField): string {
  const substitution = substitutedBy === undefined ? undefined : `substitution in ${substitutedBy}`;
  return [part, substitution].filter((note) => note !== undefined).join(', ');
}
