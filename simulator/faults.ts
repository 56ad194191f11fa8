import { refusal, Refusal } from './replies.ts';

/**
 * What goes wrong. `…-before` = nothing was done, `…-after` = the work was done and its answer is lost.
 * `500`, `502`, `503`, `429`, `capacity` and a body of one's own are answered without doing anything.
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
  | { readonly status: number; readonly body: unknown };

export interface FaultRule {
  /** Method and route as in the request log: "POST /apps/{app}/machines". Left out: every operation. */
  readonly template?: string;
  readonly app?: string;
  /** The first match that is hit, from 1 (default). */
  readonly nth?: number;
  /** How many matches are hit from there on. Default 1. */
  readonly times?: number;
  readonly fault: FaultKind;
}

export interface FaultRules {
  add(rule: FaultRule): void;
  clear(): void;
  /** Rules with how often they matched and hit. */
  list(): readonly { readonly rule: FaultRule; readonly matched: number; readonly hit: number }[];
  /** Counts the request with every rule it matches; answers what hits it. */
  match(template: string, app: string | undefined): FaultKind | undefined;
}

interface Counted {
  readonly rule: FaultRule;
  matched: number;
  hit: number;
}

export function faultRules(): FaultRules {
  let rules: Counted[] = [];
  return {
    add(rule) {
      rules.push({ rule, matched: 0, hit: 0 });
    },
    clear() {
      rules = [];
    },
    list: () => rules.map((counted) => ({ ...counted })),
    match(template, app) {
      let fault: FaultKind | undefined;
      for (const counted of rules) {
        const { rule } = counted;
        if (rule.template !== undefined && rule.template !== template) continue;
        if (rule.app !== undefined && rule.app !== app) continue;
        counted.matched += 1;
        const first = rule.nth ?? 1;
        const hits = counted.matched >= first && counted.matched < first + (rule.times ?? 1);
        if (!hits || fault !== undefined) continue;
        counted.hit += 1;
        fault = rule.fault;
      }
      return fault;
    },
  };
}

/** The answer of a fault that has one. */
export function faultAnswer(fault: FaultKind): Refusal {
  if (typeof fault === 'object') return new Refusal(fault.status, fault.body);
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
export function strikesAfter(fault: FaultKind): boolean {
  return fault === 'reset-after' || fault === '408-after';
}

export function isReset(fault: FaultKind): boolean {
  return fault === 'reset-before' || fault === 'reset-after';
}
