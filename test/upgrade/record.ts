/** Plays the worlds with an earlier version of FlyCD and saves what it leaves; README.md says how. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import type { Arena, ArenaOptions } from '../controllers/arena.ts';
import type Sqlite from 'better-sqlite3';
import { databasePath, holdsIn, type SavedUpgrade } from './opening.ts';
import { saveWorld } from './world-file.ts';
import { commitTo, worlds, type EarlierWorld } from './worlds.ts';

/** Leases have ended by then, and no machine is on its way. */
const settledMs = 120_000;

const [checkout, version] = process.argv.slice(2);
if (checkout === undefined || version === undefined) {
  process.stderr.write('Usage: node test/upgrade/record.ts CHECKOUT NAME\n');
  process.exit(2);
}
const earlier = resolve(checkout);
const folder = join(import.meta.dirname, 'saved', version);

/** Its rows as text; schema and the two numbers that say whose file it is stand beside it. */
function dump(path: string): string {
  const Database = createRequire(join(earlier, 'package.json'))('better-sqlite3') as typeof Sqlite;
  const database = new Database(path, { readonly: true });
  const all = (sql: string) => database.prepare(sql).all() as readonly Readonly<Record<string, unknown>>[];
  const numbers = ['application_id', 'user_version'].map(
    (name) => `PRAGMA ${name} = ${String(database.pragma(name, { simple: true }))};`,
  );
  const schema = all(`SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'`);
  const tables = [...schema.filter(({ type }) => type === 'table').map(({ name }) => String(name)), 'sqlite_sequence'];
  const rows = tables.flatMap((table) =>
    all(`SELECT * FROM ${table}`).map(
      (row) => `INSERT INTO ${table} VALUES (${Object.values(row).map(literal).join(', ')});`,
    ),
  );
  database.close();
  // The same for each of them.
  writeFileSync(join(folder, 'schema.sql'), [...numbers, ...schema.map(({ sql }) => `${String(sql)};`), ''].join('\n'));
  return [...rows, ''].join('\n');
}

/** A line for each machine and each release: short, and differences can be read. */
function textOf(saved: SavedUpgrade): string {
  return `${JSON.stringify(saved).replaceAll(/([[,])(?=\{"id":)/g, '$1\n')}\n`;
}

function literal(value: unknown): string {
  if (value === null) return 'NULL';
  return typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : JSON.stringify(value);
}

type Simulator = Arena['simulator'];

/** Its own arena, under the names of today. */
async function earlierArena(options: ArenaOptions): Promise<Arena> {
  const { arena } = (await import(join(earlier, 'test/controllers/arena.ts'))) as {
    readonly arena: (options: ArenaOptions) => Promise<Arena>;
  };
  const world = await arena(options);
  const { simulator } = world;
  const { human = simulator.flyctl } = simulator.world as Simulator['world'] & { human?: Simulator['flyctl'] };
  return { ...world, simulator: { ...simulator, flyctl: human } };
}

async function record({ name, repository = false, commits, play }: EarlierWorld): Promise<void> {
  const world = await earlierArena({ repository });
  const left = [...commits];
  try {
    await play(world, () => commitTo(world, left.shift() ?? {}));
    await world.clock.sleep(settledMs);
    const plan = await world.flycd(['diff', '--output', 'json']);
    const holds = holdsIn(plan.stdout);
    writeFileSync(join(folder, `${name}.json`), textOf({ ...saveWorld(world.simulator.world), holds }));
    const database = join(world.stateFolder, databasePath);
    if (existsSync(database)) writeFileSync(join(folder, `${name}.sql`), dump(database));
    process.stdout.write(`${name}: ${JSON.stringify(holds)}\n`);
  } finally {
    await world.close();
  }
}

mkdirSync(folder, { recursive: true });
for (const world of worlds) await record(world);
