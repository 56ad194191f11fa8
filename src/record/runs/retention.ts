import type { Store, StoreReader } from '../store.ts';
import { perform, type Database } from '../file/rows.ts';

/** Of one transaction: some milliseconds, which a push that comes meanwhile waits, and some tens where SQLite empties its log behind it. */
const runsAtOnceMax = 50;
/** Of one transaction: rows of some hundred bytes. */
const revisionsAtOnceMax = 500;
/** Pages of 4 KB that go back to the disk in one transaction: as long. */
const pagesAtOnce = 250;

/** Runs that nobody needs any more. What is remembered of apps has no age, nor has what is still to be done. */
export function createRetention(
  database: Database,
): Pick<Store, 'forgetRuns' | 'forgetRevisions' | 'giveBackRoom'> & Pick<StoreReader, 'appsWithRuns'> {
  const { queries, fleet, main } = database;
  // The newest that found the app named in git, and the newest that names an organization, say what no later one does.
  const old = main.prepare<unknown[], { readonly id: number }>(`
    WITH own AS (SELECT id, finished_at, plan FROM run WHERE fleet = @fleet AND app = @app)
    SELECT id FROM own
    WHERE id < (SELECT id FROM own ORDER BY id DESC LIMIT 1 OFFSET @keep - 1)
      AND finished_at < @before
      AND id <> (SELECT id FROM own ORDER BY finished_at DESC, id DESC LIMIT 1)
      AND id NOT IN (SELECT run_id FROM good_version WHERE fleet = @fleet AND app = @app)
      AND id <> coalesce((SELECT max(id) FROM own WHERE json_extract(plan, '$.status') IS NOT 'orphaned'), 0)
      AND id <> coalesce((SELECT max(id) FROM own WHERE json_extract(plan, '$.org') IS NOT NULL), 0)
    ORDER BY id LIMIT @max`);
  // Behind the first one git is known to have moved; what apps were last found at may be what git is now.
  const oldRevisions = main.prepare(`
    WITH own AS (SELECT revision, at FROM seen_revision WHERE fleet = @fleet)
    DELETE FROM seen_revision WHERE fleet = @fleet AND revision IN (
      SELECT revision FROM own
      WHERE at < @before
        AND at < (SELECT at FROM own ORDER BY at DESC LIMIT 1 OFFSET @keep - 1)
        AND at > (SELECT min(at) FROM own)
        AND revision NOT IN (SELECT revision FROM run WHERE id IN (SELECT max(id) FROM run WHERE fleet = @fleet GROUP BY app))
      LIMIT @max)`);
  const freePages = (): number => Number(main.pragma('freelist_count', { simple: true }));
  return {
    async appsWithRuns() {
      const rows = await queries.selectFrom('run').select('app').distinct().where('fleet', '=', fleet).execute();
      return rows.map(({ app }) => app);
    },
    async forgetRuns(app, { finishedBefore, keepNewest }) {
      const forget = main.transaction((): number => {
        const asked = { fleet, app, keep: keepNewest, before: finishedBefore, max: runsAtOnceMax };
        const ids = old.all(asked).map(({ id }) => id);
        if (ids.length === 0) return 0;
        perform(main, queries.deleteFrom('step_result').where('run_id', 'in', ids));
        perform(main, queries.deleteFrom('run').where('id', 'in', ids));
        return ids.length;
      });
      return forget.immediate();
    },
    async forgetRevisions({ seenBefore, keepNewest }) {
      return oldRevisions.run({ fleet, keep: keepNewest, before: seenBefore, max: revisionsAtOnceMax }).changes;
    },
    async giveBackRoom() {
      const free = freePages();
      if (free === 0) return false;
      main.pragma(`incremental_vacuum(${pagesAtOnce})`);
      const left = freePages();
      // A file that an earlier FlyCD made keeps them.
      return left > 0 && left < free;
    },
  };
}
