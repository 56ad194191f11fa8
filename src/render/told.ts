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
  readonly because?: string;
  readonly isStamped?: boolean;
}

const unstamped = '; it has no machine to write that on, so only FlyCDs with this database know of it';

function wordsOf({ run, lifted, because = '', isStamped }: Told): string {
  if (run.trigger === 'suspend') return because + (isStamped === false ? unstamped : '');
  const what = lifted.length === 0 ? 'nothing was to be lifted' : `no longer held (${lifted.join('; ')})`;
  const { steps, holds } = run.plan;
  if (steps.some(({ kind }) => kind === 'app.destroy'))
    return `${what}; the next sync destroys it, for git no longer names it`;
  if (steps.length > 0) return `${what}; the next sync does what git says`;
  const [hold] = holds;
  return hold === undefined ? what : `${what}, but held (${hold.reason}): ${hold.because}`;
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
