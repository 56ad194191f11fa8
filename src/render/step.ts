import { formatTime } from '../model/base/clock.ts';
import type { AppPlan, FieldChange, Hold, Plan, Risk, Step, StepKind } from '../model/plan.ts';
import type { AppStatus } from '../model/plan.ts';
import { formatChange, formatValue, plain, type Tone } from './text.ts';

/** + comes, ~ changes, - goes, ! waits for a person or for time. */
export type Mark = '+' | '~' | '-' | '!';

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

const marks = {
  'app.create': '+',
  'app.adopt': '~',
  'image.build': '~',
  'address.allocate': '+',
  'address.release': '-',
  'secret.set': '+',
  'secret.unset': '-',
  'volume.create': '+',
  'volume.extend': '~',
  'volume.configure': '~',
  release: '~',
  'machine.create': '+',
  'machine.update': '~',
  'machine.destroy': '-',
  'machine.start': '~',
  'machine.restart': '~',
  'machine.cordon': '~',
  'machine.uncordon': '~',
  'machine.label': '~',
  'certificate.add': '+',
  'certificate.remove': '-',
  'app.destroy': '-',
} as const satisfies Record<StepKind, Mark>;

export function markOf(kind: StepKind): Mark {
  return marks[kind];
}

export function toneOf(mark: Mark | undefined): Tone | undefined {
  if (mark === undefined) return undefined;
  return ({ '+': 'green', '~': 'yellow', '-': 'red', '!': 'cyan' } as const)[mark];
}

export function toneOfStatus(status: AppStatus): Tone {
  switch (status) {
    case 'synced':
      return 'green';
    case 'invalid':
    case 'failed':
      return 'red';
    case 'held':
    case 'blocked':
    case 'suspended':
    case 'orphaned':
      return 'cyan';
    default:
      return 'yellow';
  }
}

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
  const max = markOf(step.kind) === '~' ? fieldsOfChangeMax : fieldsOfNewMax;
  const lines = step.changes.slice(0, max).map((change) => changeLine(change, depth));
  const more = step.changes.length - max;
  return more > 0 ? [...lines, { depth, mark: undefined, text: `… and ${more} more fields`, tone: 'dim' }] : lines;
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

export interface Counts {
  readonly create: number;
  readonly update: number;
  readonly destroy: number;
  readonly held: number;
}

/** Things that come, change and go; a release counts as its machines; a label alone is bookkeeping, but still a change. */
export function countPlan(plan: Pick<Plan, 'apps'>): Counts {
  const counts = { create: 0, update: 0, destroy: 0, held: 0 };
  for (const app of plan.apps) countApp(app, counts);
  return counts;
}

function countApp(app: AppPlan, counts: { create: number; update: number; destroy: number; held: number }): void {
  counts.held += app.holds.length;
  const steps = app.steps.flatMap((step): readonly Step[] =>
    step.kind === 'release' && step.machines.length > 0 ? step.machines : [step],
  );
  for (const step of steps) {
    const mark = markOf(step.kind);
    if (mark === '+') counts.create += 1;
    else if (mark === '-') counts.destroy += 1;
    else counts.update += 1;
  }
}
