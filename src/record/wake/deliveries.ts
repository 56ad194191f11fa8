import { Redactor } from '../../model/base/secret-value.ts';
import { markApps } from './dirty.ts';
import type { DeliveryRow, Store } from '../store.ts';
import { perform, type Database } from '../file/rows.ts';

type DeliveryStore = Pick<Store, 'storeDelivery' | 'checkStorage' | 'pendingDeliveries' | 'finishDeliveries'>;

/** GitHub offers to send a delivery again for three days; a week of ids recognises all of those, and no more is kept. */
const finishedKeptMs = 7 * 24 * 60 * 60 * 1000;

export interface Deliveries extends DeliveryStore {
  /** Writes at once what waits for the end of this turn of the event loop. */
  readonly flush: () => void;
}

export function createDeliveries(database: Database): Deliveries {
  const { queries, fleet, clock, main } = database;
  const writer = createDeliveryWriter(database);
  // Prepared once: a flood of pushes finishes hundreds at a time, and answers wait meanwhile.
  const finish = main.prepare<[number, string, string]>(`
    UPDATE delivery SET finished_at = ? WHERE fleet = ? AND id = ? AND finished_at IS NULL`);
  return {
    storeDelivery: (delivery) => writer.store(delivery),
    checkStorage: async () => writer.check(),
    flush: writer.flush,
    async pendingDeliveries() {
      const rows = await queries
        .selectFrom('delivery')
        .select(['id', 'repo', 'ref', 'received_at'])
        .where('fleet', '=', fleet)
        .where('finished_at', 'is', null)
        .orderBy('number')
        .execute();
      return rows.map((row) => ({ id: row.id, repo: row.repo, ref: row.ref, receivedAt: row.received_at }));
    },
    async finishDeliveries(ids, apps) {
      const now = clock.now();
      main
        .transaction(() => {
          for (const id of ids) finish.run(now, fleet, id);
          markApps(database, apps);
          perform(
            main,
            queries
              .deleteFrom('delivery')
              .where('fleet', '=', fleet)
              .where('finished_at', '<', now - finishedKeptMs),
          );
        })
        .immediate();
    },
  };
}

/** No sender's: they have letters and digits, or begin with sha256. */
const checkId = '(storage check)';

interface WaitingDelivery {
  readonly delivery: DeliveryRow;
  readonly resolve: (isNew: boolean) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Deliveries that arrive in one turn of the event loop share one commit: waiting for the disk is what a webhook costs,
 * and a burst pays it once. The one statement is prepared once, without Kysely.
 */
function createDeliveryWriter(database: Database) {
  const { durable, fleet, clock } = database;
  const insert = durable.prepare<[string, string, string, string, number]>(`
    INSERT INTO delivery (fleet, id, repo, ref, received_at)
    VALUES (?, ?, ?, ?, ?) ON CONFLICT (fleet, id) DO NOTHING`);
  // What a payload says of a repository holds none of our secrets; a fresh redactor takes credentials out of its URL.
  const credentials = new Redactor();
  const insertAll = durable.transaction((batch: readonly WaitingDelivery[]) =>
    batch.map(({ delivery: { id, repo, ref, receivedAt } }) => {
      return insert.run(fleet, id, credentials.redact(repo), ref, receivedAt).changes === 1;
    }),
  );
  // Pages that were written and written back go to the disk all the same.
  const remove = durable.prepare<[string, string]>('DELETE FROM delivery WHERE fleet = ? AND id = ?');
  const writeAndTakeBack = durable.transaction(() => {
    insert.run(fleet, checkId, '', '', clock.now());
    remove.run(fleet, checkId);
  });
  let waiting: WaitingDelivery[] = [];

  function flush(): void {
    const batch = waiting;
    waiting = [];
    if (batch.length === 0) return;
    try {
      const stored = insertAll.immediate(batch);
      for (const [index, { resolve }] of batch.entries()) resolve(stored[index] === true);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  return {
    flush,
    check: () => writeAndTakeBack.immediate(),
    store: (delivery: DeliveryRow): Promise<boolean> =>
      clock.busy(
        () =>
          new Promise((resolve, reject) => {
            waiting.push({ delivery, resolve, reject });
            if (waiting.length === 1) setImmediate(flush);
          }),
      ),
  };
}
