/** The repo that machines of a fleet without a written name were stamped from. */
import { shortHashDigits } from '../base/text.ts';

/** Where a config repo comes from. One of the two is always known. */
export interface Origin {
  /** 32 hex: sha-256 of the canonical address. */
  readonly address: string | undefined;
  /** Id of the commit that the history begins with; undefined where it is not whole. */
  readonly root: string | undefined;
}

/** `o1:<address>:<root>`: a part that is not known is empty. */
export function formatOrigin({ address = '', root = '' }: Origin): string {
  return `o1:${address}:${root}`;
}

/** In the place of an origin: a person wrote this fleet's name, and it is the owner wherever it is synced from. */
export const namedMark = 'n1:';

/** undefined: there is none, or it is of another scheme, which counts as none. */
export function parseOrigin(text: string | undefined): Origin | undefined {
  const parts = /^o1:([0-9a-f]{32})?:([0-9a-f]{40}|[0-9a-f]{64})?$/.exec(text ?? '');
  if (parts === null || text === 'o1::') return undefined;
  return { address: parts[1], root: parts[2] };
}

/** By address where both are known, else by the root commit, else nobody knows. */
export function compareOrigins(a: Origin | undefined, b: Origin | undefined): 'same' | 'other' | 'unknown' {
  for (const part of ['address', 'root'] as const) {
    const [one, other] = [a?.[part], b?.[part]];
    if (one !== undefined && other !== undefined) return one === other ? 'same' : 'other';
  }
  return 'unknown';
}

/** What an origin is called: its address, else its root commit. */
export function originId(origin: Origin | undefined): string | undefined {
  return origin?.address ?? origin?.root;
}

/** Enough of it to tell repos apart: what a person reads, and what `adopt --from` takes. */
export function shortOrigin(origin: Origin | undefined): string | undefined {
  return originId(origin)?.slice(0, shortHashDigits);
}

/**
 * What two say that are the same. What was said first stays: of a history that was written anew, or of two branches of one
 * repo that begin apart, whoever comes last would else write it again and again.
 */
export function mergeOrigins(before: Origin, now: Origin): Origin {
  return { address: before.address ?? now.address, root: before.root ?? now.root };
}
