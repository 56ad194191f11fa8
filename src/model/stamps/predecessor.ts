/** Whose place a fleet takes, by a person's word. */
import { stampKeys } from './keys.ts';
import { compareOrigins, originId, parseOrigin, type Origin } from './origin.ts';

/** An earlier owner, as a person names it. At least one of the two is there. */
export interface Predecessor {
  /** As it was typed. */
  readonly text: string;
  /** A fleet's name. */
  readonly name: string | undefined;
  /** The first digits of an origin. */
  readonly digits: string | undefined;
}

interface Successor {
  readonly from?: Predecessor | undefined;
  readonly origin?: Origin | undefined;
}

/** true: it carries what a person named as the earlier owner. A name means no machine that a known repo stamped, unless it is ours. */
export function isFrom(metadata: Readonly<Record<string, string>>, { from, origin: ours }: Successor): boolean {
  const name = metadata[stampKeys.fleet] ?? '';
  if (from === undefined || name === '') return false;
  const origin = parseOrigin(metadata[stampKeys.origin]);
  if (from.digits !== undefined && originId(origin)?.startsWith(from.digits) === true) return true;
  return name === from.name && (origin === undefined || compareOrigins(origin, ours) === 'same');
}
