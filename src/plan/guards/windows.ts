/** `sync.windows`: when releases may begin. */
import { Cron } from 'croner';
import { formatTime } from '../../model/base/clock.ts';
import type { SyncWindow } from '../../model/base/policy.ts';
import { holdBack } from '../steps/hold.ts';
import { waitsWithRelease } from '../steps/select.ts';
import type { PlanDraft, PlanAppInput } from '../types.ts';
import { shellWord } from '../../model/base/shell.ts';

/** Changes looked at before it is said that none is in sight: windows that only deny each other's would never end. */
const changesMax = 100;
/** Windows that never change again are looked at once a day: their schedules are of this year, or of a leap year. */
const dayMs = 24 * 60 * 60 * 1000;
/** Cron's smallest step. */
const secondMs = 1000;

/**
 * A release waits for its window; one that has begun is brought to its end, and heals, secrets and counts go on. A person
 * who insists (`sync --now`) is not kept waiting.
 */
export function guardWindows({ desired, now, options }: PlanAppInput, draft: PlanDraft): PlanDraft {
  const { windows } = desired.policy;
  if (options.now || windows.length === 0 || draft.steps.every((step) => step.kind !== 'release')) return draft;
  if (isOpen(windows, now)) return draft;
  const { opens, at } = nextOpening(windows, now);
  const when = opens ? `the next one opens at ${formatTime(at)}` : `none opens before ${formatTime(at)}`;
  return holdBack(draft, desired.name, (step) => waitsWithRelease.has(step.kind), {
    reason: 'window',
    because: `outside of its windows for releases (sync.windows): ${when}`,
    next: `time, or flycd sync --once --now --app ${shellWord(desired.name)}`,
    retryAt: at,
  });
}

/** Where any window allows, one of them has to be open; one that denies closes all. */
export function isOpen(windows: readonly SyncWindow[], at: number): boolean {
  const within = (window: SyncWindow): boolean => lastStart(window, at) + window.durationSeconds * 1000 > at;
  if (windows.some((window) => window.kind === 'deny' && within(window))) return false;
  const allowing = windows.filter(({ kind }) => kind === 'allow');
  return allowing.length === 0 || allowing.some(within);
}

interface Opening {
  /** false: they are closed until then, and nobody looked further. */
  readonly opens: boolean;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** The first moment after `at` at which releases may begin, among the next hundred changes. */
export function nextOpening(windows: readonly SyncWindow[], at: number): Opening {
  let time = at;
  for (let looks = 0; looks < changesMax; looks += 1) {
    const changes = windows.flatMap((window) => {
      const end = lastStart(window, time) + window.durationSeconds * 1000;
      const next = cronOf(window).nextRun(new Date(time))?.getTime();
      return [end, next].filter((change) => change !== undefined && change > time && Number.isFinite(change));
    });
    const next = Math.min(...changes.filter((change) => change !== undefined));
    if (!Number.isFinite(next)) return { opens: false, at: time + dayMs };
    time = next;
    if (isOpen(windows, time)) return { opens: true, at: time };
  }
  return { opens: false, at: time };
}

/** The start at or before a moment; -Infinity: there was none. */
function lastStart(window: SyncWindow, at: number): number {
  // Runs are asked for before a moment, without it.
  const runs = cronOf(window).previousRuns(2, new Date(at + secondMs));
  return runs.map((run) => run.getTime()).find((start) => start <= at) ?? -Infinity;
}

function cronOf({ schedule, timezone }: SyncWindow): Cron {
  return new Cron(schedule, { timezone, mode: '5-part' });
}
