import type { TokenGrant } from '../world/records.ts';
import type { Reply } from '../wire/replies.ts';
import type { World } from '../world/world.ts';

/** One request on its way through a handler. */
export interface RequestContext {
  readonly world: World;
  readonly grant: TokenGrant;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Parsed JSON; undefined where none was sent. */
  readonly body: unknown;
  /** What was sent, as it came. */
  readonly content: Content;
  /** fly-machine-lease-nonce. */
  readonly nonce: string | undefined;
  /** Waits on the clock; false: nobody waits for the answer any more. The only thing a handler may wait for. */
  pause(ms: number): Promise<boolean>;
}

export interface Content {
  readonly bytes: Uint8Array;
  /** Media type. */
  readonly type: string;
  /** Range or content-range. */
  readonly range: string;
}

export const noContent: Content = { bytes: new Uint8Array(), type: '', range: '' };

export interface Route {
  /** "POST /apps/{app}/machines", without /v1. */
  readonly operation: string;
  readonly handle: (call: RequestContext) => Reply | Promise<Reply>;
  /** Asked without a token too; the handler itself refuses what needs one. */
  readonly anonymous?: boolean;
  /** Takes bytes rather than JSON. */
  readonly binary?: boolean;
}

export function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value === 'true' || value === '1' || value === '';
}

/** Values of a parameter that may be repeated or comma separated; empty where it was not sent. */
export function listed(query: URLSearchParams, name: string): ReadonlySet<string> {
  return new Set(
    query
      .getAll(name)
      .flatMap((value) => value.split(','))
      .filter((value) => value !== ''),
  );
}
