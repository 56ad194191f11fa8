import type { StepKind, AppStatus } from '../../model/plan.ts';
import type { Run, StepResult } from '../../model/run.ts';
import { styleText } from 'node:util';

/** + comes, ~ changes, - goes, ! waits for a person or for time. */
export type Mark = '+' | '~' | '-' | '!';

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

export function toneOfOutcome(outcome: Run['outcome'] | StepResult['outcome']): Tone {
  switch (outcome) {
    case 'failed':
      return 'red';
    case 'held':
      return 'cyan';
    case 'interrupted':
    case undefined:
      return 'yellow';
    case 'no-change':
    case 'unchanged':
    case 'skipped':
      return 'dim';
    default:
      return 'green';
  }
}

export type Tone = 'red' | 'green' | 'yellow' | 'cyan' | 'dim' | 'bold';

/** Colours text, or leaves it alone. */
export type Paint = (tone: Tone | undefined, text: string) => string;

/** The caller decides about colour: it knows the stream and NO_COLOR. */
export function createPaint(colour: boolean): Paint {
  if (!colour) return (_tone, text) => text;
  return (tone, text) => (tone === undefined ? text : styleText(tone, text, { validateStream: false }));
}
