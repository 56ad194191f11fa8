import { formatTime } from '../model/base/clock.ts';
import type { FieldChange, Hold, Risk, Step } from '../model/plan.ts';
import { plain } from '../model/base/plain.ts';
import { formatChange, formatValue } from './text/plain.ts';
import { markOf, toneOf, type Tone, type Mark } from './text/tone.ts';

export interface Line {
  readonly depth: number;
  readonly mark: Mark | undefined;
  readonly text: string;
  readonly tone?: Tone | undefined;
}

/** More fields than this of something new or going are counted, not listed: nobody compares them with anything. */
const fieldsOfNewMax = 20;
/** A guard against a flood: no real change touches so many fields. */
const fieldsOfChangeMax = 200;

const riskWords: Readonly<Record<Risk, string>> = {
  safe: '',
  restart: ' [restarts]',
  costs: ' [costs money]',
  destructive: ' [destructive]',
};

/** A step in one line without its mark: `machine.create api/web/arn/1 [restarts]: why`. */
function stepText(step: Step): string {
  const because = step.because === '' ? '' : `: ${plain(step.because)}`;
  return `${stepName(step)}${riskWords[step.risk]}${because}`;
}

/** `secret.set api/TOKEN (from env TOKEN)`: a secret says where its value comes from, never what it is. */
export function stepName(step: Step): string {
  return `${step.kind} ${plain(step.target)}${originText(step)}`;
}

function originText(step: Step): string {
  if (step.kind !== 'secret.set') return '';
  return step.origin.type === 'env' ? ` (from env ${plain(step.origin.variable)})` : ' (written in the config)';
}

/** Destructive steps first, otherwise the order of apply. */
export function destructiveFirst(steps: readonly Step[]): readonly Step[] {
  return steps.toSorted((a, b) => Number(isDestructive(b)) - Number(isDestructive(a)));
}

export function isDestructive(step: Step): boolean {
  return step.risk === 'destructive';
}

export function stepLines(step: Step, depth: number): readonly Line[] {
  const mark = markOf(step.kind);
  const head: Line = { depth, mark, text: stepText(step), tone: toneOf(mark) };
  if (step.kind !== 'release') return [head, ...changeLines(step, depth + 1)];
  const shown = new Set(step.changes.map(changeKey));
  const machines = step.machines.flatMap((machine): readonly Line[] => {
    const changes = machine.changes.filter((change) => !shown.has(changeKey(change)));
    return stepLines({ ...machine, changes, because: '' }, depth + 1);
  });
  return [head, ...changeLines(step, depth + 1), ...machines];
}

function changeKey(change: FieldChange): string {
  return JSON.stringify([change.path, change.from, change.to]);
}

function changeLines(step: Pick<Step, 'kind' | 'changes'>, depth: number): readonly Line[] {
  // Of an app that goes each line is something that goes with it.
  const isDestroy = step.kind === 'app.destroy';
  const isCounted = markOf(step.kind) !== '~' && !isDestroy;
  const max = isCounted ? fieldsOfNewMax : fieldsOfChangeMax;
  const changes = isDestroy ? volumesFirst(step.changes) : step.changes;
  const lines = changes.slice(0, max).map((change) => changeLine(change, depth));
  const more = changes.length - max;
  const text = `… and ${more} more${isDestroy ? '' : ' fields'}`;
  return more > 0 ? [...lines, { depth, mark: undefined, text, tone: 'dim' }] : lines;
}

/** They hold what nobody can make again, so they are the last to be cut. */
function volumesFirst(changes: readonly FieldChange[]): readonly FieldChange[] {
  const isVolume = ({ path }: FieldChange): number => Number(/^volumes(?:\[|$)/.test(path));
  return changes.toSorted((a, b) => isVolume(b) - isVolume(a));
}

function changeLine(change: FieldChange, depth: number): Line {
  const path = plain(change.path);
  if (change.from === undefined) return { depth, mark: '+', text: `${path}: ${formatValue(change.to)}`, tone: 'green' };
  if (change.to === undefined) return { depth, mark: '-', text: `${path}: ${formatValue(change.from)}`, tone: 'red' };
  return { depth, mark: '~', text: `${path}: ${formatChange(change.from, change.to)}`, tone: 'yellow' };
}

export function holdLines(hold: Hold, depth: number): readonly Line[] {
  const until = hold.retryAt === undefined ? '' : ` (not before ${formatTime(hold.retryAt)})`;
  const next: readonly Line[] =
    hold.next === ''
      ? []
      : [{ depth: depth + 1, mark: undefined, text: `next: ${plain(hold.next)}${until}`, tone: 'dim' }];
  return [
    { depth, mark: '!', text: `held (${hold.reason}): ${plain(hold.because)}`, tone: 'cyan' },
    ...next,
    ...destructiveFirst(hold.steps).flatMap((step) => stepLines(step, depth + 1)),
  ];
}
