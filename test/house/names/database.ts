/** The database as its migrations really make it. Rows of an earlier FlyCD are read by a later one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { Redactor } from '../../../src/model/base/secret-value.ts';
import { openStore } from '../../../src/record/database.ts';
import { migrations } from '../../../src/record/file/migrations.ts';
import { fieldsOf } from './declarations.ts';
import { stepTypes } from './output.ts';

interface Schema {
  readonly tables: readonly string[];
  readonly indexes: readonly string[];
  readonly columns: readonly string[];
  readonly owner: string;
}

/** Opened as FlyCD opens it, then looked at as anybody may. */
async function freshSchema(): Promise<Schema> {
  const folder = mkdtempSync(join(tmpdir(), 'flycd-names-'));
  try {
    const path = join(folder, 'flycd.db');
    await openStore({
      path,
      fleet: { name: 'acme' },
      clock: new IdleClock(),
      redactor: new Redactor(),
    }).close();
    const database = new Sqlite(path, { readonly: true });
    const named = (type: string): readonly string[] =>
      database
        .prepare<[string], { readonly name: string }>(
          "SELECT name FROM sqlite_schema WHERE type = ? AND name NOT LIKE 'sqlite_%'",
        )
        .all(type)
        .map(({ name }) => name);
    const tables = named('table');
    const columnsOf = database.prepare<[string], { readonly name: string; readonly type: string }>(
      'SELECT name, type FROM pragma_table_info(?)',
    );
    const schema = {
      tables,
      indexes: named('index'),
      columns: tables.flatMap((table) => columnsOf.all(table).map(({ name, type }) => `${table}.${name} ${type}`)),
      owner: `0x${Number(database.pragma('application_id', { simple: true })).toString(16)}`,
    };
    database.close();
    return schema;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export async function databaseNames(): Promise<Readonly<Record<string, readonly string[]>>> {
  const { tables, indexes, columns, owner } = await freshSchema();
  return {
    'application id': [owner],
    migrations: migrations.map(({ number, name }) => `${number} ${name}`),
    tables,
    indexes,
    columns,
    // JSON in run.plan, read again by history, why and sync --plan.
    'plan: its fields': fieldsOf(['AppPlan', 'Hold', 'Problem', 'FieldChange', 'StepBase', 'Keyless', ...stepTypes]),
  };
}
