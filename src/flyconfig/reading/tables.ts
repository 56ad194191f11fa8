import { fieldOf, isTable, wrongKind, keyPath, isList, itemPath, kindOf, type Table } from './values.ts';

export function tableOf(table: Table, key: string): Table | undefined {
  const value = fieldOf(table.values, key);
  if (value === undefined) return undefined;
  if (!isTable(value)) return wrongKind(table, key, 'a table');
  return { path: keyPath(table.path, key), values: value, notes: table.notes };
}

/** More than any section has; keeps the work of mapping a hostile document small. */
const tablesMax = 1000;

/** A list of tables; items of another type are noted and left out. */
export function tablesOf(table: Table, key: string): readonly Table[] {
  const value = fieldOf(table.values, key);
  if (value === undefined) return [];
  if (!isList(value)) return wrongKind(table, key, 'a list of tables') ?? [];
  if (value.length > tablesMax) {
    table.notes.error(keyPath(table.path, key), `expected at most ${tablesMax} tables, found ${value.length}`);
  }
  const tables: Table[] = [];
  for (const [index, item] of value.slice(0, tablesMax).entries()) {
    const path = itemPath(keyPath(table.path, key), index);
    if (isTable(item)) tables.push({ path, values: item, notes: table.notes });
    else table.notes.error(path, `expected a table, found ${kindOf(item)}`);
  }
  return tables;
}

/** Tables by name, such as `checks`. */
export function namedTablesOf(table: Table, key: string): readonly (readonly [string, Table])[] {
  const section = tableOf(table, key);
  if (section === undefined) return [];
  const names = Object.keys(section.values);
  if (names.length > tablesMax) {
    table.notes.error(section.path, `expected at most ${tablesMax} tables, found ${names.length}`);
  }
  return names.slice(0, tablesMax).flatMap((name) => {
    const named = tableOf(section, name);
    return named === undefined ? [] : [[name, named] as const];
  });
}
