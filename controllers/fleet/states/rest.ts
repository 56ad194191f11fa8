/** How a pass ends, by what it met. */
import { retryAtOf, type Fault } from '../../../src/model/base/fault.ts';
import { byText } from '../../../src/model/base/text.ts';
import type { AppPlan } from '../../../src/model/plan.ts';
import type { Rest } from './app-state.ts';

/** How a pass ends that threw this. The loop, which tells of the fault, comes back at the same time. */
export function restAfter(fault: Fault, now: number): Rest {
  switch (fault.state.kind) {
    case 'transient':
      return { kind: 'retrying', notBefore: retryAtOf(fault, now) };
    case 'waiting':
      return { kind: 'waiting', until: fault.state.retryAt, because: fault.what };
    case 'stalled':
    case 'held':
      return { kind: 'stalled', until: undefined };
  }
}

export function restUntil(until: number | undefined, because: string): Rest {
  return until === undefined ? { kind: 'resting' } : { kind: 'waiting', until, because };
}

/** What it waits for, without numbers and ids that differ each time. */
export function becauseOf({ holds }: AppPlan, faults: readonly Fault[] = []): string {
  const waiting = holds.flatMap(({ reason, retryAt }) => (retryAt === undefined ? [] : [reason]));
  const waits = faults.flatMap(({ kind, what }) => (kind === 'waiting' ? [what] : []));
  return [...new Set([...waiting, ...waits])].toSorted(byText).join('; ');
}
