import { sql } from 'kysely';
import { formatGood, parseGood } from '../model/stamps/app-version.ts';
import { standingKeys, type StandingRow } from '../model/stamps/rollout-state.ts';
import type { Store } from './store.ts';
import { perform, type Database } from './tables.ts';

/** A person goes back a few releases, not a hundred. */
const goodVersionsReadMax = 100;

/** What stands about apps: what their machines' stamps say, for an app that has no machine. */
export function createStanding(database: Database): Pick<Store, 'setStanding' | 'addGood' | 'goodVersions'> {
  const { queries, fleet, main, redactor } = database;
  return {
    async setStanding(app, texts, appId) {
      if (Object.keys(texts).length === 0) return;
      main
        .transaction(() => {
          // Where FlyCD has set out to destroy it and it is not there, this is said of the next one: nothing older is.
          const ending = sql<number>`(SELECT ending FROM app_memory WHERE fleet = ${fleet} AND app = ${app})`;
          const older = queries.deleteFrom('standing').where((where) => where.and({ fleet, app }));
          if (appId === undefined) perform(main, older.where(ending, '=', 1));
          perform(
            main,
            queries
              .updateTable('app_memory')
              .set({ ending: 0 })
              .where((where) => where.and({ fleet, app })),
          );
          for (const [key, written] of Object.entries(texts)) {
            const values = { text: redactor.redact(written), app_id: appId ?? null };
            perform(
              main,
              queries
                .insertInto('standing')
                .values({ fleet, app, key, ...values })
                .onConflict((conflict) => conflict.columns(['fleet', 'app', 'key']).doUpdateSet(values)),
            );
          }
        })
        .immediate();
    },
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

export async function readStandingRows({ queries, fleet }: Database, app: string): Promise<readonly StandingRow[]> {
  const rows = await queries
    .selectFrom('standing')
    .select(['key', 'text', 'app_id'])
    .where((where) => where.and({ fleet, app }))
    .execute();
  return rows.flatMap(({ key: written, text, app_id: appId }) => {
    const key = standingKeys.find((known) => known === written);
    return key === undefined ? [] : [{ key, text, appId: appId ?? undefined }];
  });
}
