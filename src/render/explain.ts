import type { ExplainedField } from '../model/desired.ts';
import { filledColumns, textTable } from './table.ts';
import { formatValue, plain, type Paint } from './text.ts';

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
