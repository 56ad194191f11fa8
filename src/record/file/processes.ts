/** Which of the processes that share the database are alive: a run is open as long as the process that began it. */
import { type Kysely } from 'kysely';
import type { Clock } from '../../model/base/clock.ts';
import type { Host } from '../../model/base/host.ts';
import type { Connection } from './connection.ts';
import { perform, readRows, type Processes } from './rows.ts';
import type { ProcessRow, Tables } from './tables.ts';

/** How often a process with open runs says that it lives. */
const beatMs = 10_000;
/**
 * A process that has said nothing for so long is dead: six beats, since a disk or a lock may hold up one or two. One that lives
 * all the same, after a laptop slept, ends its runs as they ended.
 */
const aliveMs = 60_000;

interface ProcessesOptions {
  readonly main: Connection;
  readonly queries: Kysely<Tables>;
  readonly clock: Clock;
  /** As leases name this process. */
  readonly instance: string;
  /** undefined: whether others there live is not asked. */
  readonly host: Host | undefined;
}

export function createProcesses({ main, queries, clock, instance, host }: ProcessesOptions): Processes {
  const named = { instance, host: host?.name ?? '', pid: host?.pid ?? 0 };
  const open = new Set<number>();
  let own: number | undefined;
  let cancel: (() => void) | undefined;

  // Whoever took it for dead, while a laptop slept, has taken its row away.
  function write(id: number): void {
    const now = { beat_at: clock.now() };
    const row = queries.insertInto('process').values({ id, ...named, ...now });
    perform(
      main,
      row.onConflict((conflict) => conflict.column('id').doUpdateSet(now)),
    );
  }

  function beat(): void {
    cancel = undefined;
    if (open.size === 0 || own === undefined) return;
    try {
      write(own);
    } catch {
      // Locked, or a full disk: the next one says it as well.
    }
    cancel = clock.timer(beatMs, beat);
  }

  return {
    begin() {
      if (own !== undefined) write(own);
      else
        [own] = readRows(
          main,
          queries
            .insertInto('process')
            .values({ ...named, beat_at: clock.now() })
            .returning('id'),
        ).map(({ id }) => id);
      return own ?? 0;
    },
    began(runId) {
      open.add(runId);
      cancel ??= clock.timer(beatMs, beat);
    },
    ended(runId) {
      open.delete(runId);
      if (open.size > 0) return;
      cancel?.();
      cancel = undefined;
    },
    isAlive(row) {
      // A date ahead of the clock is as old as one behind it: somebody has set the clock back.
      if (row === undefined || Math.abs(clock.now() - row.beat_at) >= aliveMs) return false;
      if (row.id === own || host === undefined || row.host !== host.name) return true;
      // Known at once on the same computer: what has this process's own id now was another before.
      return row.pid !== host.pid && host.isAlive(row.pid);
    },
    sweep() {
      const rows = readRows<ProcessRow>(main, queries.selectFrom('process').selectAll());
      const dead = rows.filter((row) => row.id !== own && !this.isAlive(row));
      for (const { id } of dead) perform(main, queries.deleteFrom('process').where('id', '=', id));
    },
    close() {
      cancel?.();
      cancel = undefined;
      if (own !== undefined) perform(main, queries.deleteFrom('process').where('id', '=', own));
      own = undefined;
    },
  };
}
