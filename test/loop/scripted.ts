import { onTestFinished } from 'vitest';
import { createLoop, type Loop, type LoopOptions, type Reconciled } from '../../src/loop/loop.ts';
import { IdleClock } from '../../src/model/base/clock.ts';
import { silentLog } from '../../src/model/base/log.ts';
import type { Trigger } from '../../src/model/run.ts';
import { testStore } from '../record/stores.ts';

export const minute = 60_000;
export const done: Reconciled = { nextWakeAt: undefined, failed: false };
export const fails: Reconciled = { nextWakeAt: undefined, failed: true };

interface Pass {
  readonly app: string;
  readonly trigger: Trigger;
  readonly from: number;
  to: number | undefined;
}

/** A fleet whose passes take a second each unless scripted otherwise, and what the loop did with it. */
export function scripted(
  options: Partial<LoopOptions> & { apps?: string[]; clock?: IdleClock; store?: ReturnType<typeof testStore> },
) {
  const clock = options.clock ?? new IdleClock();
  const start = clock.now();
  const store = options.store ?? testStore({ clock, synchronous: 'off' });
  const apps = options.apps ?? ['api', 'web'];
  const passes: Pass[] = [];
  const refreshes: { trigger: Trigger; at: number }[] = [];
  const loop: Loop = createLoop({
    clock,
    log: silentLog,
    store,
    concurrency: 8,
    intervalMs: 1_000 * minute,
    random: () => 0.5,
    ...options,
    async refresh(trigger, signal) {
      refreshes.push({ trigger, at: clock.now() - start });
      return options.refresh?.(trigger, signal) ?? { apps, affectedBy: () => apps };
    },
    async reconcile(app, trigger, signal, aside) {
      const pass: Pass = { app, trigger, from: clock.now() - start, to: undefined };
      passes.push(pass);
      try {
        if (options.reconcile !== undefined) return await options.reconcile(app, trigger, signal, aside);
        await clock.sleep(1_000);
        return done;
      } finally {
        pass.to = clock.now() - start;
      }
    },
  });
  onTestFinished(() => loop.stop());
  const push = (id: string, repo = 'fleet') => store.storeDelivery({ id, repo, ref: 'refs/heads/main', receivedAt: 1 });
  const after = async (ms: number): Promise<void> => clock.sleep(start + ms - clock.now());
  const story = () => passes.map(({ app, trigger, from }) => `${from} ${app} ${trigger}`);
  return { clock, start, store, loop, passes, refreshes, push, after, story };
}
