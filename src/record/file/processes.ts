/** Which of the processes that share the database are alive: a run is open as long as the process that began it. */
import type { Kysely } from 'kysely';
import type { Clock } from '../../model/base/clock.ts';
import type { Host } from '../../model/base/host.ts';
import type { Connection } from './connection.ts';
import { perform, readRows, type Processes } from './rows.ts';
import type { Tables } from './tables.ts';

/** How often a process with open runs says that it lives. */
const beatMs = 10_000;
/**
 * Of a run about which nothing was said for so long the process is dead: six beats, since a disk or a lock may hold up one or two.
 * One that lives all the same, after a laptop slept, ends its runs as they ended.
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
  const place = host === undefined ? '' : `${host.name} ${host.space}`;
  const named = { instance, host: place, pid: host?.pid ?? 0 };
  const open = new Set<number>();
  let own: number | undefined;
  let cancel: (() => void) | undefined;

  function beat(): void {
    cancel = undefined;
    if (open.size === 0) return;
    try {
      const now = { beat_at: clock.now() };
      perform(
        main,
        queries
          .updateTable('run')
          .set(now)
          .where('id', 'in', [...open]),
      );
    } catch {
      // Locked, or a full disk: the next one says it as well.
    }
    cancel = clock.timer(beatMs, beat);
  }

  /** The process's row, which whoever saw no open run of it may have taken away. */
  function enlist(): number {
    const values = own === undefined ? named : { id: own, ...named };
    const insert = queries.insertInto('process').values(values).returning('id');
    const [made] = readRows(
      main,
      insert.onConflict((conflict) => conflict.doNothing()),
    );
    return made?.id ?? own ?? 0;
  }

  return {
    begin(insert) {
      const begun = main
        .transaction(() => {
          const process = enlist();
          return { process, runId: insert(process) };
        })
        .immediate();
      own = begun.process;
      open.add(begun.runId);
      cancel ??= clock.timer(beatMs, beat);
      return begun.runId;
    },
    ended(runId) {
      open.delete(runId);
      if (open.size > 0) return;
      cancel?.();
      cancel = undefined;
    },
    isWorkedOn(run, process) {
      if (run.process !== null && run.process === own) return open.has(run.id);
      // A date ahead of the clock is as old as one behind it: somebody has set the clock back.
      const isFresh = run.beat_at !== null && Math.abs(clock.now() - run.beat_at) < aliveMs;
      if (!isFresh || process === undefined) return false;
      // Known at once where ids are counted together. This process's own id tells nothing: each container has one of that number.
      const isKnown = host !== undefined && process.host === place && process.pid !== host.pid;
      return !isKnown || host.isAlive(process.pid);
    },
    sweep() {
      const working = queries.selectFrom('run').select('process').where('finished_at', 'is', null);
      const living = working.where('process', 'is not', null).$castTo<{ process: number }>();
      perform(main, queries.deleteFrom('process').where('id', 'not in', living));
    },
    close() {
      cancel?.();
      cancel = undefined;
    },
  };
}
