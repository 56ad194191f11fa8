import type { Store } from '../store.ts';
import type { Database } from '../file/rows.ts';

/** Of a build's output only its end is kept. */
const outputLengthMax = 16_384;
/** A build a minute for a day; the registry knows of all others. */
const buildsKept = 1500;

/** What was built, and what could not be: the registry is asked first, this says where to look and what not to repeat. */
export function createBuilds(database: Database): Pick<Store, 'builds' | 'addBuild'> {
  const { queries, fleet, clock, redactor } = database;
  return {
    async builds(key) {
      const rows = await queries
        .selectFrom('build')
        .selectAll()
        .where('fleet', '=', fleet)
        .where('key', '=', key)
        .orderBy('finished_at', 'desc')
        .orderBy('id', 'desc')
        .execute();
      return rows.map((row) => ({
        key: row.key,
        app: row.app,
        org: row.org ?? undefined,
        outcome: row.outcome,
        digest: row.digest ?? undefined,
        output: row.output,
        startedAt: row.started_at,
        finishedAt: row.finished_at,
      }));
    },
    async addBuild({ key, app, org, outcome, digest, output, startedAt }) {
      const { id } = await queries
        .insertInto('build')
        .values({
          fleet,
          key,
          app,
          org: org ?? null,
          outcome,
          digest: digest ?? null,
          output: redactor.redact(output).slice(-outputLengthMax),
          started_at: startedAt,
          finished_at: clock.now(),
        })
        .returning('id')
        .executeTakeFirstOrThrow();
      await queries
        .deleteFrom('build')
        .where('fleet', '=', fleet)
        .where('id', '<=', id - buildsKept)
        .execute();
    },
  };
}
