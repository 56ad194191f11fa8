import { isObject } from '../../model/base/json.ts';
import type { AppPlan, Step } from '../../model/plan.ts';
import type { Redactor } from '../../model/base/secret-value.ts';

/** A release over a thousand machines fits, a kilobyte of changes for each of them. */
export const planBytesMax = 1024 * 1024;
/** Steps and holds kept of a plan that is too large even without its details: enough to see what it was about. */
const stepsKept = 100;

/**
 * The plan as redacted JSON of at most `limit` bytes. Of a larger one the field changes go first, then all but the first
 * steps, notes and problems; a note says so. Its plan id stays that of the whole plan.
 * Stamps and the configs to send are not kept: nobody reads them again, and they were two thirds of the whole database.
 */
export function planText(whole: AppPlan, redactor: Redactor, limit = planBytesMax): string {
  const { bookkeeping: _bookkeeping, ...plan } = whole;
  return textWithin(withoutConfigs(plan), redactor, limit);
}

function textWithin(plan: AppPlan, redactor: Redactor, limit: number): string {
  const whole = textOf(plan, redactor);
  if (Buffer.byteLength(whole) <= limit) return whole;
  for (const shorten of [withoutChanges, firstSteps]) {
    const text = textOf(noted(shorten(plan), Buffer.byteLength(whole)), redactor);
    if (Buffer.byteLength(text) <= limit) return text;
  }
  return textOf(noted({ ...plan, steps: [], holds: [], notes: [], problems: [] }, Buffer.byteLength(whole)), redactor);
}

function textOf(plan: AppPlan, redactor: Redactor): string {
  return JSON.stringify(redactValue(plan, redactor));
}

/** Strings are redacted one by one: in JSON text a secret with a quote or a line break would not be found. */
function redactValue(value: unknown, redactor: Redactor): unknown {
  if (typeof value === 'string') return redactor.redact(value);
  if (Array.isArray(value)) return value.map((item) => redactValue(item, redactor));
  if (!isObject(value) || typeof value['toJSON'] === 'function') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [redactor.redact(key), redactValue(item, redactor)]),
  );
}

function noted(plan: AppPlan, bytes: number): AppPlan {
  const note = `this plan was ${Math.ceil(bytes / 1024)} kB: history keeps it without its details`;
  return { ...plan, notes: [...plan.notes, note] };
}

function mapSteps(plan: AppPlan, change: (step: Step) => Step): AppPlan {
  const steps = plan.steps.map(change);
  const holds = plan.holds.map((hold) => ({ ...hold, steps: hold.steps.map(change) }));
  return { ...plan, steps, holds };
}

function withoutConfigs(plan: AppPlan): AppPlan {
  return mapSteps(plan, (step) => {
    if (step.kind === 'release') {
      const command = step.command && { ...step.command, config: {} };
      return { ...step, command, machines: step.machines.map((machine) => ({ ...machine, config: {} })) };
    }
    return step.kind === 'machine.create' || step.kind === 'machine.update' ? { ...step, config: {} } : step;
  });
}

function withoutChanges(plan: AppPlan): AppPlan {
  return mapSteps(plan, (step) =>
    step.kind === 'release' ? { ...step, changes: [], machines: [] } : { ...step, changes: [] },
  );
}

function firstSteps(plan: AppPlan): AppPlan {
  const { steps, holds, notes, problems } = withoutChanges(plan);
  return {
    ...plan,
    steps: steps.slice(0, stepsKept),
    holds: holds.slice(0, stepsKept).map((hold) => ({ ...hold, steps: [] })),
    notes: notes.slice(0, stepsKept),
    problems: problems.slice(0, stepsKept),
  };
}
