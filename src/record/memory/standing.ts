import { formatGood, parseGood } from '../../model/stamps/app-version.ts';
import { standingKeys, type StandingRow } from '../../model/standing/standing.ts';
import type { Store } from '../store.ts';
import type { Database } from '../file/rows.ts';
import type { StandingTable } from '../file/tables.ts';

/** A person goes back a few releases, not a hundred. */
const goodVersionsReadMax = 100;

/** What stands about apps: what their machines' stamps say, for an app that has no machine. */
export function createStanding(database: Database): Pick<Store, 'addGood' | 'goodVersions'> {
  const { queries, fleet, redactor } = database;
  return {
    async addGood(app, good, runId) {
      const text = redactor.redact(formatGood(good));
      await queries
        .insertInto('good_version')
        .values({ run_id: runId, fleet, app, text })
        .onConflict((conflict) => conflict.column('run_id').doUpdateSet({ text }))
        .execute();
    },
    async goodVersions(app, untilRun) {
      const rows = await queries
        .selectFrom('good_version')
        .select(['run_id', 'text'])
        .where((where) => where.and({ fleet, app }))
        .$if(untilRun !== undefined, (query) => query.where('run_id', '<=', untilRun ?? 0))
        .orderBy('run_id', 'desc')
        .limit(goodVersionsReadMax)
        .execute();
      return rows.flatMap((row) => {
        const good = parseGood(row.text);
        return good === undefined ? [] : [{ runId: row.run_id, good }];
      });
    },
  };
}

export function standingQuery({ queries, fleet }: Database, app: string) {
  return queries
    .selectFrom('standing')
    .select(['key', 'text', 'app_id'])
    .where((where) => where.and({ fleet, app }));
}

export function standingRowsOf(
  rows: readonly Pick<StandingTable, 'key' | 'text' | 'app_id'>[],
): readonly StandingRow[] {
  return rows.flatMap(({ key: written, text, app_id: appId }) => {
    const key = standingKeys.find((known) => known === written);
    return key === undefined ? [] : [{ key, text, appId: appId ?? undefined }];
  });
}
