import type { Chance } from './chance.ts';
import type { FinalFault, FaultKind } from './fault-answers.ts';

export interface FaultRule {
  /** Method and route as in the request log: "POST /apps/{app}/machines". Left out: every operation. */
  readonly template?: string;
  readonly app?: string;
  /** The first match that is hit, from 1 (default). */
  readonly nth?: number;
  /** How many are hit from there on. Default 1; with a probability, without end. */
  readonly times?: number;
  /**
   * From 0 to 1: each match from the nth on is hit with this chance, which follows from the simulator's seed, `seed`, the
   * app, the operation and the how manieth of them it is: other apps' requests change nothing.
   */
  readonly probability?: number;
  /** Tells rules of one kind apart. Default: the place in the order of rules. */
  readonly seed?: number;
  readonly fault: FaultKind;
}

export interface FaultRules {
  add(rule: FaultRule): void;
  clear(): void;
  /** Rules with how often they matched and hit. */
  list(): readonly { readonly rule: FaultRule; readonly matched: number; readonly hit: number }[];
  /** Counts the request with every rule it matches; answers what hits it, of each kind below the first. */
  match(template: string, app: string | undefined): Struck;
}

interface Struck {
  /** Instead of the answer, or of the work. */
  readonly fault: FinalFault | undefined;
  /** Milliseconds before it, all rules together. */
  readonly latencyMs: number;
  readonly foreignLease: boolean;
}

interface Counted {
  readonly rule: FaultRule;
  matched: number;
  hit: number;
  /** Of each app and operation. */
  readonly matchedOf: Map<string, number>;
}

export function faultRules(chance: Chance): FaultRules {
  let rules: Counted[] = [];
  return {
    add(rule) {
      rules.push({ rule, matched: 0, hit: 0, matchedOf: new Map() });
    },
    clear() {
      rules = [];
    },
    list: () => rules.map(({ rule, matched, hit }) => ({ rule, matched, hit })),
    match(template, app) {
      let final: FinalFault | undefined;
      let latencyMs = 0;
      let foreignLease = false;
      for (const [index, counted] of rules.entries()) {
        const { fault } = counted.rule;
        const isFinal = fault !== 'foreign-lease' && !isLatency(fault);
        if (!concerns(counted.rule, template, app) || !isHit(chance, counted, { index, template, app })) continue;
        if (isFinal && final !== undefined) continue;
        counted.hit += 1;
        if (isFinal) final = fault;
        else if (isLatency(fault)) latencyMs += fault.latencyMs;
        else foreignLease = true;
      }
      return { fault: final, latencyMs, foreignLease };
    },
  };
}

function isLatency(fault: FaultKind): fault is { readonly latencyMs: number } {
  return typeof fault === 'object' && 'latencyMs' in fault;
}

function concerns(rule: FaultRule, template: string, app: string | undefined): boolean {
  if (rule.template !== undefined && rule.template !== template) return false;
  return rule.app === undefined || rule.app === app;
}

interface Asked {
  readonly index: number;
  readonly template: string;
  readonly app: string | undefined;
}

/** Counts the match. */
function isHit(chance: Chance, counted: Counted, { index, template, app = '' }: Asked): boolean {
  const { nth: first = 1, probability, times, seed = index } = counted.rule;
  counted.matched += 1;
  if (probability === undefined) return counted.matched >= first && counted.matched < first + (times ?? 1);
  const key = `${app} ${template}`;
  const nth = (counted.matchedOf.get(key) ?? 0) + 1;
  counted.matchedOf.set(key, nth);
  if (counted.matched < first || counted.hit >= (times ?? Infinity)) return false;
  return chance.below(['fault', seed, app, template, nth], chanceSteps) < probability * chanceSteps;
}

const chanceSteps = 1_000_000;
