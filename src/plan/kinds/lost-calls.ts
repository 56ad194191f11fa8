/** What calls without a key have made whose answer nobody heard: a FlyCD killed in between, or one with another database. */
import { parseCalls, type StampedCall } from '../../model/stamps/calls-stamp.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import { isOwn, type FleetOwner } from '../../model/stamps/owner.ts';
import type { Intent, IntentKind } from '../../model/stamps/calls-stamp.ts';
import type { Memory } from '../../model/standing/memory.ts';
import type { ObservedApp } from '../../model/observed.ts';
import { metadataOf } from '../classify/machine-state.ts';
import { bySeniority, type Equal } from '../classify/seniority.ts';
import { addressType } from './addresses.ts';
import { certainOf } from './intents.ts';

export interface MadeByCall {
  readonly kind: IntentKind;
  readonly id: string;
  /** undefined: only a stamp on a machine tells of the call. */
  readonly intent: Intent | undefined;
}

export interface LostCallsOf {
  readonly observed: ObservedApp;
  readonly memory: Pick<Memory, 'intents' | 'made'>;
  readonly fleet: FleetOwner;
}

/** As long as FlyCD waits for Fly's answer to a write. */
const callMsMax = 60_000;

interface Call extends StampedCall {
  readonly intent: Intent | undefined;
}

/**
 * Objects that are known to be FlyCD's by a call that asked for such a one: not there before it, and made within a minute
 * of it by Fly's clock. Without it they would be told from others' by their age alone, and might be the ones to go. What
 * was settled already is not found again, nor is anything else taken in its place.
 */
export function madeByLostCalls({ observed, memory, fleet }: LostCallsOf): readonly MadeByCall[] {
  const taken = new Set<string>();
  const first = bySeniority(memory.made);
  return callsOf({ observed, memory, fleet }).flatMap((call): MadeByCall[] => {
    const fits = candidates(call, observed).filter(({ id, createdAt }) => {
      return !taken.has(id) && !call.before.includes(id) && isOfItsTime(createdAt, call);
    });
    const [found] = fits.toSorted(first);
    if (found === undefined) return [];
    taken.add(found.id);
    const isKnown = call.intent === undefined && memory.made.includes(found.id);
    return isKnown ? [] : [{ kind: call.kind, id: found.id, intent: call.intent }];
  });
}

/** Open intents of which this observation, late enough to be certain, says that they made nothing. */
export function vainIntents({ observed, memory, fleet }: LostCallsOf): readonly Intent[] {
  const fulfilled = new Set(madeByLostCalls({ observed, memory, fleet }).map(({ intent }) => intent?.id));
  return memory.intents.filter(
    (intent) =>
      isOpen(intent) &&
      isRead(intent, observed) &&
      !fulfilled.has(intent.id) &&
      certainOf(intent) <= observed.askedAt.now,
  );
}

/** Oldest first. A call that stands in the database as well as on a machine is one call. */
function callsOf({ observed, memory, fleet }: LostCallsOf): readonly Call[] {
  const machines = observed.machines.status === 'read' ? observed.machines.value : [];
  const stamped = machines.map(metadataOf).flatMap((metadata) => {
    return isOwn(metadata, fleet) ? parseCalls(metadata[stampKeys.calls]) : [];
  });
  // Stamps and what the calls made say Fly's time, our own database ours.
  const { flyAheadMs } = observed;
  const calls: Call[] = memory.intents
    .filter(isOpen)
    .map((intent) => ({ ...intent, createdAt: intent.createdAt + flyAheadMs, intent }));
  for (const call of stamped) {
    const isSame = (one: StampedCall): boolean =>
      one.kind === call.kind && one.target === call.target && isNear(one.createdAt, call.createdAt);
    if (!calls.some(isSame)) calls.push({ ...call, intent: undefined });
  }
  return calls.toSorted((a, b) => a.createdAt - b.createdAt);
}

function isOpen({ kind, made }: Intent): boolean {
  return made === undefined && kind !== 'volume.extend';
}

function isRead({ kind }: StampedCall, observed: ObservedApp): boolean {
  return (kind === 'address.allocate' ? observed.addresses : observed.volumes).status === 'read';
}

/** All of what the call asked for: an address of its type, a volume of its name and region. */
function candidates({ kind, target }: StampedCall, { addresses, volumes }: ObservedApp): readonly Equal[] {
  if (kind === 'address.allocate') {
    const type = target.split(' ')[1];
    const live = addresses.status === 'read' ? addresses.value : [];
    const fits = live.filter((address) => addressType(address) === type);
    return fits.map(({ ip, created_at: createdAt }) => ({ id: ip, createdAt: createdAt ?? undefined }));
  }
  const live = volumes.status === 'read' ? volumes.value : [];
  const [, name, place = ''] = target.split('/');
  const [region] = place.split('#');
  const fits = live.filter((volume) => volume.name === name && volume.region === region);
  return fits.map(({ id, created_at: createdAt }) => ({ id, createdAt }));
}

/** Clocks differ by seconds, and a call may take a minute, at the end of which it is dated anew. */
function isOfItsTime(createdAt: string | undefined, call: StampedCall): boolean {
  const at = Date.parse(createdAt ?? '');
  return isNear(at, call.createdAt) || isNear(at, call.createdAt - callMsMax);
}

/** Never, where either is no time. */
function isNear(one: number, other: number): boolean {
  return Math.abs(one - other) <= certainOf({ createdAt: 0 });
}
