/** What an earlier version left, opened for this one. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Sqlite from 'better-sqlite3';
import type { Arena } from '../controllers/arena.ts';
import { openWorld, type SavedWorld } from './world-file.ts';
import { commitTo, type EarlierWorld } from './worlds.ts';

export interface SavedUpgrade extends SavedWorld {
  /** Why something waited for a person, by app, as the earlier version's own diff said. */
  readonly holds: Holds;
}

export type Holds = Readonly<Record<string, readonly string[]>>;

/** In a FlyCD's state folder. */
export const databasePath = 'flycd/flycd.db';

const saved = join(import.meta.dirname, 'saved');

/** Each is named for the commit it was made from. */
export const versions: readonly string[] = readdirSync(saved);

export function holdsIn(diff: string): Holds {
  const { apps } = JSON.parse(diff) as {
    readonly apps: readonly { readonly app: string; readonly holds: readonly { readonly reason: string }[] }[];
  };
  const held = apps.filter(({ holds }) => holds.length > 0);
  return Object.fromEntries(held.map(({ app, holds }) => [app, holds.map(({ reason }) => reason)]));
}

export function savedUpgrade(version: string, name: string): SavedUpgrade {
  return JSON.parse(readFileSync(join(saved, version, `${name}.json`), 'utf8')) as SavedUpgrade;
}

/** Git, Fly, the database and the time are as the earlier version left them. The arena has to be new. */
export async function openEarlier(arena: Arena, version: string, world: EarlierWorld): Promise<void> {
  const upgrade = savedUpgrade(version, world.name);
  for (const commit of world.commits) commitTo(arena, commit);
  openWorld(arena.simulator.world, upgrade);
  await arena.clock.sleep(upgrade.now - arena.clock.now());
  const file = join(arena.stateFolder, databasePath);
  mkdirSync(dirname(file), { recursive: true });
  if (!readdirSync(join(saved, version)).includes(`${world.name}.sql`)) return;
  const database = new Sqlite(file);
  // Every test waits for the disk otherwise.
  database.pragma('synchronous = off');
  database.transaction(() => {
    for (const text of ['schema', world.name]) database.exec(readFileSync(join(saved, version, `${text}.sql`), 'utf8'));
  })();
  database.close();
}
