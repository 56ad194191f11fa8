/** How long others wait for somebody who does not answer. */
export interface Patience {
  /** Milliseconds that an answer may take before who gives none is late: nobody waits any more, and it is asked on. */
  readonly ms: number;
  /** One that was late has answered, whatever it said. */
  answered(): void;
}

/** Who is late is asked again so long after giving no answer: a child or a connection each time. */
export const askAgainMs = 30_000;
/** Passes ask for all sources and tags each few minutes: what nobody has asked for in this time git does not name any more. */
export const wantedMs = 60 * 60_000;
