/** What the loop does next about an error, not where it arose. */
export type FaultState =
  /** Tried again with backoff, and not sooner than this after it happened; milliseconds. */
  | { readonly kind: 'transient'; readonly retryAfterMs?: number | undefined }
  /** Comes back at a stated time, in milliseconds since the epoch. No alarm. */
  | { readonly kind: 'waiting'; readonly retryAt: number }
  /** Nothing helps until git changes, or whoever runs FlyCD. fleet: no app can be worked on; default: app. */
  | { readonly kind: 'stalled'; readonly scope?: 'app' | 'fleet' | undefined }
  /** A person decides. */
  | { readonly kind: 'held' };

export type FaultKind = FaultState['kind'];

export type FaultParts = FaultState & FaultWords;

export interface FaultWords {
  /** What happened. */
  readonly what: string;
  /** Why, as far as known. */
  readonly why?: string | undefined;
  /** What to do next: a command a person can run, or what FlyCD will do. */
  readonly next?: string | undefined;
  /** file:line:column in the config repo, or app and machine. */
  readonly where?: string | undefined;
  /** What the app itself did wrong: its machines, or its release command. A release that meets it has failed. */
  readonly blames?: 'machine' | 'command' | undefined;
  readonly cause?: unknown;
}

/** The one error type FlyCD throws on purpose. Its parts hold no secret values. */
export class Fault extends Error {
  readonly state: FaultState;
  readonly what: string;
  readonly why: string | undefined;
  readonly next: string | undefined;
  readonly where: string | undefined;
  readonly blames: 'machine' | 'command' | undefined;

  constructor(parts: FaultParts) {
    super(parts.why === undefined ? parts.what : `${parts.what}: ${parts.why}`, { cause: parts.cause });
    this.name = 'Fault';
    this.state = stateOf(parts);
    this.what = parts.what;
    this.why = parts.why;
    this.next = parts.next;
    this.where = parts.where;
    this.blames = parts.blames;
  }

  get kind(): FaultKind {
    return this.state.kind;
  }
}

/** Without the words, which have fields of their own. */
function stateOf(parts: FaultState): FaultState {
  switch (parts.kind) {
    case 'transient':
      return { kind: 'transient', retryAfterMs: parts.retryAfterMs };
    case 'waiting':
      return { kind: 'waiting', retryAt: parts.retryAt };
    case 'stalled':
      return { kind: 'stalled', scope: parts.scope };
    case 'held':
      return { kind: 'held' };
  }
}

/** When it is worth trying again, where somebody said so. Both in milliseconds since the epoch. */
export function retryAtOf({ state }: Fault, now: number): number | undefined {
  if (state.kind === 'waiting') return state.retryAt;
  return state.kind === 'transient' && state.retryAfterMs !== undefined ? now + state.retryAfterMs : undefined;
}

/** true: the same would happen to every app of the fleet. */
export function isFleetWide(error: unknown): error is Fault {
  return error instanceof Fault && error.state.kind === 'stalled' && error.state.scope === 'fleet';
}

/** Any thrown thing as a Fault: what we did not foresee is transient, so that it is tried again and seen. */
export function toFault(error: unknown, what: string): Fault {
  if (error instanceof Fault) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new Fault({ kind: 'transient', what, why, cause: error });
}
