/** History does not grow for ever: runs that are old and not among the newest of their app are forgotten. */
import type { Clock } from '../model/base/clock.ts';
import type { Log } from '../model/base/log.ts';

const dayMs = 24 * 60 * 60 * 1000;
/** The first passes of a service have more to do than that. */
const firstMs = 10 * 60 * 1000;
/** After so long in a row, or one transaction, pushes and passes have their turn. */
const busyMs = 10;
const pauseMs = 20;

/** A person deploys by hand and goes back in git by some commits, not by a thousand. */
const revisionsKept = 1_000;

/** What of history stays. Both count: a run goes that is older and not among the newest. */
export interface Retention {
  readonly keepDays: number;
  /** Of each app. */
  readonly keepRuns: number;
}

/** As flycd.yaml says it, else three months and a hundred runs: what a person asks about, and what an app's story fits on. */
export function retentionOf(
  written: { readonly keep_days?: number | undefined; readonly keep_runs?: number | undefined } | undefined,
): Retention {
  return { keepDays: written?.keep_days ?? 90, keepRuns: written?.keep_runs ?? 100 };
}

interface RunStore {
  appsWithRuns(): Promise<readonly string[]>;
  /** Forgets some of the oldest, and answers how many. */
  forgetRuns(app: string, what: { readonly finishedBefore: number; readonly keepNewest: number }): Promise<number>;
  /** Forgets some of those first seen before that time, and answers how many. */
  forgetRevisions(what: { readonly seenBefore: number; readonly keepNewest: number }): Promise<number>;
  /** Some of the room that is free. true: there is more. */
  giveBackRoom(): Promise<boolean>;
}

interface Forgetting {
  readonly clock: Clock;
  readonly store: RunStore;
  readonly retention: Retention;
}

/**
 * How many runs were forgotten. Revisions of git that were first seen as long ago are forgotten as well. All room that is free then
 * goes back to the disk, whoever left it. Others have their turn between.
 */
export async function forgetOldRuns({ clock, store, retention }: Forgetting, signal?: AbortSignal): Promise<number> {
  let since = clock.monotonic();
  const pause = async (): Promise<void> => {
    signal?.throwIfAborted();
    if (clock.monotonic() - since < busyMs) return;
    await clock.sleep(pauseMs, signal);
    since = clock.monotonic();
  };
  const what = { finishedBefore: clock.now() - retention.keepDays * dayMs, keepNewest: retention.keepRuns };
  let forgotten = 0;
  for (const app of await store.appsWithRuns()) {
    for (;;) {
      const some = await store.forgetRuns(app, what);
      forgotten += some;
      await pause();
      if (some === 0) break;
    }
  }
  const seen = { seenBefore: what.finishedBefore, keepNewest: revisionsKept };
  while ((await store.forgetRevisions(seen)) > 0) await pause();
  while (await store.giveBackRoom()) await pause();
  return forgotten;
}

/** Once a day, as long as the service runs. The function returned ends it; what is under way then is let go. */
export function startRetention({ log, ...forgetting }: Forgetting & { readonly log: Log }): () => void {
  const stop = new AbortController();
  const { clock } = forgetting;
  const run = async (): Promise<void> => {
    for (let waitMs = firstMs; ; waitMs = dayMs) {
      await clock.sleep(waitMs, stop.signal);
      try {
        const runs = await forgetOldRuns(forgetting, stop.signal);
        if (runs > 0) log.info({ runs }, 'old runs are forgotten, as history: in flycd.yaml says');
      } catch (error) {
        if (stop.signal.aborted) throw error;
        log.warn({ error: String(error) }, 'old runs could not be forgotten; trying again tomorrow');
      }
    }
  };
  run().catch(() => undefined);
  return () => stop.abort();
}
