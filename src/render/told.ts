import type { Run } from '../model/run.ts';
import { runJson } from './history.ts';
import { toneOfStatus, createPaint } from './text/tone.ts';
import { fence } from './text/table.ts';
import { plain } from '../model/base/plain.ts';

/** What a person's word did to one app. */
interface Told {
  readonly app: string;
  readonly run: Run;
  readonly lifted: readonly string[];
  readonly isStamped?: boolean;
}

const unstamped = '; it has no machine to write that on, so only FlyCDs with this database know of it';

function wordsOf({ run, lifted, isStamped }: Told): string {
  const [hold] = run.plan.holds;
  if (run.trigger === 'suspend') return (hold?.because ?? '') + (isStamped === false ? unstamped : '');
  const what = lifted.length === 0 ? 'nothing was to be lifted' : `no longer held (${lifted.join('; ')})`;
  return run.plan.steps.length === 0 ? what : `${what}; the next sync does what git says`;
}

/** `suspend` and `resume`: a line for each app. */
export function toldText(told: readonly Told[], colour: boolean): string {
  const paint = createPaint(colour);
  return told
    .map((one) => {
      const { status } = one.run;
      return `${paint('bold', plain(one.app))}: ${paint(toneOfStatus(status), status)}: ${plain(wordsOf(one))}\n`;
    })
    .join('');
}

export function toldJson(told: readonly Told[]) {
  return {
    apps: told.map((one) => ({
      app: one.app,
      status: one.run.status,
      because: wordsOf(one),
      lifted: one.lifted,
      run: runJson(one.run),
    })),
  };
}

export function toldMarkdown(told: readonly Told[]): string {
  return `${fence(toldText(told, false).trimEnd(), '')}\n`;
}
