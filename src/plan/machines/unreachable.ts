/** Machines whose hosts do not answer: they count, and are neither compared nor replaced; an app that git no longer names stays. */
import type { DesiredApp, DesiredGroup } from '../../model/desired.ts';
import type { Hold, Step } from '../../model/plan.ts';
import type { OrphanedApp } from '../../model/observed.ts';
import { shellWord } from '../../model/base/shell.ts';
import { plural } from '../../model/base/text.ts';
import { isHostOk } from '../classify/machine-state.ts';
import { acceptableReasons } from '../guards/accept.ts';
import { formatSlot, type Slot } from '../../model/stamps/slot.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import { areInputsSame } from '../../model/stamps/input-stamps.ts';
import type { GroupMachine } from '../types.ts';
import { holdOf } from '../steps/hold.ts';

export interface Unreachable {
  readonly desired: DesiredApp;
  readonly group: DesiredGroup;
  readonly member: GroupMachine;
  readonly slot: Slot;
  /** When it is replaced; undefined: never. */
  readonly replaceAt: number | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Hosts come back after minutes, and Fly tells nobody. Milliseconds. */
const hostLookMs = 60_000;

/**
 * Its stamps are kept elsewhere than on its host, and still say whether it was sent what git wants now. A commit that has
 * not reached it is held, so that nobody takes it for landed.
 */
export function planUnreachable({ desired, group, member, slot, replaceAt, now }: Unreachable): {
  readonly note?: string;
  readonly hold?: Hold;
} {
  const isCurrent =
    member.sent?.config === group.configVersion && areInputsSame(member.metadata[stampKeys.inputs], desired.inputs);
  const isProven = member.metadata[stampKeys.unproven] === undefined;
  const isBehind = !isCurrent || !isProven || undefined;
  const reason = 'unreachable';
  if (replaceAt !== undefined) {
    const because = `${formatSlot(slot)}: the host of ${member.machine.id} does not answer`;
    const next = 'FlyCD makes it anew on another host if it stays so (sync.replace_unreachable)';
    return { hold: { ...holdOf(desired.name, { reason, because, next, retryAt: replaceAt }), isBehind } };
  }
  if (isBehind === undefined)
    return { note: `${formatSlot(slot)} counts, and is not compared while its host does not answer` };
  const lack = isCurrent ? 'has yet to be seen healthy' : 'runs what an older commit said';
  const because = `${formatSlot(slot)} ${lack}, and its host does not answer`;
  const next = `FlyCD ${isCurrent ? 'looks at it' : 'brings it up to date'} once the host is back`;
  return { hold: { ...holdOf(desired.name, { reason, because, next, retryAt: now + hostLookMs }), isBehind } };
}

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
