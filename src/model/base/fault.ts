/**
 * What the loop does next about an error, not where it arose:
 * transient = try again with backoff; waiting = come back at a stated time, no alarm;
 * stalled = nothing helps until git changes; held = a person decides.
 */
export type FaultKind = 'transient' | 'waiting' | 'stalled' | 'held';

export interface FaultParts {
  readonly kind: FaultKind;
  /** What happened. */
  readonly what: string;
  /** Why, as far as known. */
  readonly why?: string | undefined;
  /** What to do next: a command a person can run, or what FlyCD will do. */
  readonly next?: string | undefined;
  /** file:line:column in the config repo, or app and machine. */
  readonly where?: string | undefined;
  /** For `waiting`: milliseconds since the epoch. */
  readonly retryAt?: number | undefined;
  /** What the app itself did wrong: its machines, or its release command. A release that meets it has failed. */
  readonly blames?: 'machine' | 'command' | undefined;
  readonly cause?: unknown;
}

/** The one error type FlyCD throws on purpose. Its parts hold no secret values. */
export class Fault extends Error {
  readonly kind: FaultKind;
  readonly what: string;
  readonly why: string | undefined;
  readonly next: string | undefined;
  readonly where: string | undefined;
  readonly retryAt: number | undefined;
  readonly blames: 'machine' | 'command' | undefined;

  constructor(parts: FaultParts) {
    super(parts.why === undefined ? parts.what : `${parts.what}: ${parts.why}`, { cause: parts.cause });
    this.name = 'Fault';
    this.kind = parts.kind;
    this.what = parts.what;
    this.why = parts.why;
    this.next = parts.next;
    this.where = parts.where;
    this.retryAt = parts.retryAt;
    this.blames = parts.blames;
  }
}

/** Any thrown thing as a Fault: what we did not foresee is transient, so that it is tried again and seen. */
export function toFault(error: unknown, what: string): Fault {
  if (error instanceof Fault) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new Fault({ kind: 'transient', what, why, cause: error });
}
