import { Refusal, refusal } from '../wire/replies.ts';

export type FinalFault = Exclude<FaultKind, 'foreign-lease' | { readonly latencyMs: number }>;

/** The answer of a fault that has one. */
export function faultAnswer(fault: FinalFault): Refusal {
  if (typeof fault === 'object') return new Refusal(fault.status, fault.body, fault.headers);
  switch (fault) {
    case '408-before':
    case '408-after':
      return refusal(408, 'deadline_exceeded: request timed out');
    case '429':
      return rateLimited();
    case '502':
      return new Refusal(502, '<html><body>502 Bad Gateway</body></html>');
    case '503':
      return refusal(503, 'upstream service unavailable');
    case 'capacity':
      return refusal(
        422,
        'insufficient_capacity: could not reserve resource for machine: insufficient CPUs available to fulfill request',
        'insufficient_capacity',
      );
    default:
      return refusal(500, 'unknown: internal server error');
  }
}

export function rateLimited(): Refusal {
  return refusal(429, 'rate limit exceeded');
}

/** The work is done before the answer goes wrong. */
export function strikesAfter(fault: FinalFault): boolean {
  return fault === 'reset-after' || fault === '408-after';
}

export function isReset(fault: FinalFault): boolean {
  return fault === 'reset-before' || fault === 'reset-after';
}

/**
 * What goes wrong. `…-before` = nothing was done, `…-after` = the work was done and its answer is lost.
 * `500`, `502`, `503`, `429`, `capacity` and a body of one's own (with headers, as a Retry-After) are answered without doing anything. `foreign-lease`:
 * somebody else takes a lease on the machine just before, if it is free. `{latencyMs}`: it takes longer, and goes on.
 */
export type FaultKind =
  | 'reset-before'
  | 'reset-after'
  | '408-before'
  | '408-after'
  | '429'
  | '500'
  | '502'
  | '503'
  | 'capacity'
  | 'foreign-lease'
  | { readonly latencyMs: number }
  | { readonly status: number; readonly body: unknown; readonly headers?: Readonly<Record<string, string>> };
