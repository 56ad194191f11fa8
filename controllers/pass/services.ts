import type { StepOutcome } from '../../src/model/run.ts';

/** What a reconciler says of a step that went well. Failures are thrown. */
export interface Done {
  readonly outcome: Exclude<StepOutcome, 'failed' | 'interrupted' | 'skipped'>;
  /** For a person: what is worth knowing about it. */
  readonly message?: string | undefined;
}
