import type { Machine } from './records.ts';

/** A machine that is slow to leave a state by itself, or is stuck there until somebody acts on it. */
interface SlowState {
  /** The state it is slow to leave: "starting". */
  readonly state: string;
  readonly app?: string;
  /** Name or id. */
  readonly machine?: string;
  /** Milliseconds beyond the usual; undefined: it never leaves. */
  readonly extraMs?: number;
  /** How often. Default: each time. */
  readonly times?: number;
}

export interface Pace {
  add(rule: SlowState): void;
  /** Machines that are stuck already stay so: an update, a stop or a destroy frees them. */
  clear(): void;
  list(): readonly SlowState[];
  /** Milliseconds until the machine leaves the state it is in; undefined: never by itself. */
  leaving(machine: Machine, usualMs: number): number | undefined;
}

export function statePace(): Pace {
  let rules: { readonly rule: SlowState; hits: number }[] = [];
  return {
    add(rule) {
      rules.push({ rule, hits: 0 });
    },
    clear() {
      rules = [];
    },
    list: () => rules.map(({ rule }) => rule),
    leaving(machine, usualMs) {
      const found = rules.find(({ rule, hits }) => hits < (rule.times ?? Infinity) && concerns(rule, machine));
      if (found === undefined) return usualMs;
      found.hits += 1;
      return found.rule.extraMs === undefined ? undefined : usualMs + found.rule.extraMs;
    },
  };
}

function concerns(rule: SlowState, machine: Machine): boolean {
  if (rule.state !== machine.state) return false;
  if (rule.app !== undefined && rule.app !== machine.app.name) return false;
  return rule.machine === undefined || rule.machine === machine.name || rule.machine === machine.id;
}
