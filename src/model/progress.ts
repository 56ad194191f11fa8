import type { Step } from './plan.ts';
import type { Run, StepResult } from './run.ts';

/** What a pass tells whoever watches: the terminal, the dashboard. Never used for decisions. */
export type Progress =
  | { readonly type: 'app.started'; readonly app: string }
  | { readonly type: 'step.started'; readonly app: string; readonly step: Step }
  | { readonly type: 'step.finished'; readonly app: string; readonly step: Step; readonly result: StepResult }
  | { readonly type: 'waiting'; readonly app: string; readonly because: string; readonly until: number }
  /** A release command runs, and is ended at the deadline. */
  | { readonly type: 'command.started'; readonly app: string; readonly command: string; readonly deadline: number }
  /** A line that a builder printed, without secrets. */
  | { readonly type: 'output'; readonly app: string; readonly line: string }
  /** Its release failed, and this is where the app stays. */
  | { readonly type: 'held'; readonly app: string; readonly because: string }
  | { readonly type: 'app.finished'; readonly app: string; readonly run: Run };

export type OnProgress = (progress: Progress) => void;
