/** Hosts that do not answer, of an app that git no longer names. */
import type { OrphanedApp } from '../model/observed.ts';
import type { Hold, Step } from '../model/plan.ts';
import { shellWord } from '../model/base/shell.ts';
import { plural } from '../model/base/text.ts';
import { isHostOk } from './classify/machine-state.ts';
import { hostLookMs } from './machines/unreachable.ts';
import { holdOf } from './steps/hold.ts';
import { acceptableReasons } from './guards/accept.ts';

interface SilentOrphan {
  readonly orphan: Pick<OrphanedApp, 'name' | 'machines'>;
  /** What keeps it beside that. */
  readonly held: Hold | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly step: Step;
}

/**
 * Who destroys an app leases its machines, by which others see that it goes, and reads people's words on them: where a host does not
 * answer it can do neither, and the host may be back before the app is gone. No person's word lifts that; what else keeps the app is
 * told beside it, and alone where no word lifts that either.
 */
export function heldWhileSilent({ orphan: { name, machines }, held, now, step }: SilentOrphan): Hold | undefined {
  const [first, ...others] = machines.filter((machine) => !isHostOk(machine)).map(({ id }) => id);
  if (first === undefined) return held;
  if (held !== undefined && acceptableReasons.every((reason) => reason !== held.reason)) return held;
  const host = others.length === 0 ? `machine ${first}` : `${first} and ${plural(others.length, 'other machine')}`;
  const unseen = `the host of ${host} does not answer: what a person says there cannot be seen`;
  return holdOf(name, {
    reason: 'unreachable',
    because: `${held?.because ?? 'git no longer names it'}; and ${unseen}`,
    next:
      held === undefined
        ? `FlyCD goes on once the host answers; fly apps destroy ${shellWord(name)} does not wait for it`
        : `once the host answers: ${held.next}`,
    steps: [step],
    retryAt: now + hostLookMs,
  });
}
