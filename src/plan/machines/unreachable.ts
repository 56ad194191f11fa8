/** A machine whose host does not answer: it counts, and is neither compared nor replaced. */
import type { DesiredApp, DesiredGroup } from '../../model/desired.ts';
import type { Hold } from '../../model/plan.ts';
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
export const hostLookMs = 60_000;

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
