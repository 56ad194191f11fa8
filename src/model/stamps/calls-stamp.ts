/**
 * The stamp of calls that Fly has no key for (a volume, an address), on the machine whose lease is the app's lock: JSON, a
 * list of `[kind, target, milliseconds since the epoch, what stood there before ...]`. Lists lag, so whoever holds the lock
 * next, or has lost its database, would not see yet what was made and make it again.
 */
import { parsedJson } from '../base/json.ts';

export type IntentKind = 'volume.create' | 'address.allocate' | 'volume.extend';

/**
 * Written before a call that Fly would not tell about afterwards: one without a key, settled once its answer is known, or
 * one that a restart has to follow, settled once the machine has booted.
 */
export interface Intent {
  readonly id: number;
  readonly kind: IntentKind;
  /** The step's target; of volume.extend the volume's id: a number in a target may move to another volume. */
  readonly target: string;
  readonly createdAt: number;
  /**
   * What stood there before. Ids or addresses of that kind: what is new was made by the call. Of volume.extend the volume's
   * size and its machine's last boot, as plan/growth.ts writes and reads them.
   */
  readonly before: readonly string[];
  /** What the call made, and when it was answered: for a while lists may not show it. */
  readonly made?: { readonly id: string; readonly at: number };
}

/** A call as it stands on a machine: an intent that is nobody's in particular. */
export type StampedCall = Pick<Intent, 'kind' | 'target' | 'createdAt' | 'before'>;

/** One app makes a handful of such calls in the minute that they stand there. */
const callsMax = 32;
/** Metadata travels with every list of the machines; what is longer than this was not written by us. */
export const callsStampBytesMax = 8 * 1024;

const kinds: readonly IntentKind[] = ['volume.create', 'address.allocate'];

/** The newest of them, as many as there is room for. null: none, and the key goes. */
export function formatCalls(calls: readonly StampedCall[]): string | null {
  const textOf = (some: readonly StampedCall[]): string =>
    JSON.stringify(some.map(({ kind, target, createdAt, before }) => [kind, target, createdAt, ...before]));
  let left = calls.slice(-callsMax);
  while (Buffer.byteLength(textOf(left)) > callsStampBytesMax) left = left.slice(1);
  return left.length === 0 ? null : textOf(left);
}

/** What does not read as such a list gives nothing: a stamp may have been written by anybody. */
export function parseCalls(text: string | undefined): readonly StampedCall[] {
  if (text === undefined || Buffer.byteLength(text) > callsStampBytesMax) return [];
  const list = parsedJson(text);
  return Array.isArray(list) ? list.flatMap(callOf) : [];
}

function callOf(entry: unknown): readonly StampedCall[] {
  if (!Array.isArray(entry)) return [];
  const [kind, target, createdAt, ...before] = entry as readonly unknown[];
  const known = kinds.find((one) => one === kind);
  if (known === undefined || typeof target !== 'string' || !Number.isSafeInteger(createdAt)) return [];
  return [{ kind: known, target, createdAt: Number(createdAt), before: before.filter((id) => typeof id === 'string') }];
}
