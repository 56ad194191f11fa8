import type { Database } from '../file/rows.ts';
import type { Store } from '../store.ts';

type DirtyStore = Pick<Store, 'markDirty' | 'dirtyApps' | 'clearDirty'>;

export function createDirty(database: Database): DirtyStore {
  const { queries, fleet, main } = database;
  return {
    async markDirty(apps) {
      main.transaction(() => markApps(database, apps)).immediate();
    },
    dirtyApps() {
      return queries
        .selectFrom('dirty')
        .select(['app', 'generation'])
        .where('fleet', '=', fleet)
        .orderBy('generation')
        .execute();
    },
    async clearDirty(app, generation) {
      await queries
        .deleteFrom('dirty')
        .where('fleet', '=', fleet)
        .where('app', '=', app)
        .where('generation', '=', generation)
        .execute();
    },
  };
}

/**
 * Marks inside a transaction of the main connection. A mark is a new row with the next number ever given (AUTOINCREMENT),
 * so a generation once seen never comes back, not even after its mark was cleared.
 */
export function markApps(database: Database, apps: readonly string[]): void {
  const { fleet, main } = database;
  // Prepared once for them all: a pass marks every app there is.
  const mark = main.prepare<[string, string]>('REPLACE INTO dirty (fleet, app) VALUES (?, ?)');
  for (const app of new Set(apps)) mark.run(fleet, app);
}
