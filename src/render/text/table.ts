import { createPaint, type Paint, type Tone } from './tone.ts';

export interface Cell {
  readonly text: string;
  readonly tone?: Tone | undefined;
}

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (Cell | string)[])[];
}

const gap = '  ';

function cellOf(value: Cell | string | undefined): Cell {
  return typeof value === 'string' ? { text: value } : (value ?? { text: '' });
}

/** Code points: app names and our words are narrow; a wide character in a message only shifts what follows it. */
function widthOf(text: string): number {
  return Array.from(text).length;
}

/** Without the columns that say nothing in any row. */
export function filledColumns(table: Table): Table {
  if (table.rows.length === 0) return table;
  const isFilled = table.columns.map((_title, column) => table.rows.some((row) => cellOf(row[column]).text !== ''));
  return {
    columns: table.columns.filter((_title, column) => isFilled[column]),
    rows: table.rows.map((row) => row.filter((_cell, column) => isFilled[column])),
  };
}

/** Columns side by side, for people and for `awk`: no borders, nothing trailing. Cells are already plain. */
export function textTable(table: Table, paint: Paint = createPaint(false)): string {
  const widths = table.columns.map((title, column) =>
    Math.max(title.length, ...table.rows.map((row) => widthOf(cellOf(row[column]).text))),
  );
  const line = (cells: readonly Cell[]): string => {
    const last = cells.findLastIndex((cell) => cell.text !== '');
    return cells
      .slice(0, last + 1)
      .map((cell, column) => {
        const missing = column === last ? 0 : (widths[column] ?? 0) - widthOf(cell.text);
        return paint(cell.tone, cell.text) + ' '.repeat(Math.max(0, missing));
      })
      .join(gap);
  };
  const head = line(table.columns.map((text) => ({ text, tone: 'dim' as const })));
  return [head, ...table.rows.map((row) => line(row.map(cellOf)))].join('\n');
}

export function markdownTable(table: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(markdownText).join(' | ')} |`;
  return [
    line(table.columns),
    `|${table.columns.map(() => ' --- ').join('|')}|`,
    ...table.rows.map((row) => line(row.map((cell) => cellOf(cell).text))),
  ].join('\n');
}

/** Text as Markdown shows it: nothing in it becomes markup, a link, a mention or a new cell. */
export function markdownText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/[\\`*_[\]()#!~|]/g, String.raw`\$&`)
    .replaceAll('@', '@\u2060');
}

/** A fence longer than any run of backticks inside, so that nothing in a value can end it. */
export function fence(body: string, language: string): string {
  const longest = Math.max(2, ...Array.from(body.matchAll(/`+/g), (run) => run[0].length));
  const ticks = '`'.repeat(longest + 1);
  return `${ticks}${language}\n${body.trimEnd()}\n${ticks}`;
}
