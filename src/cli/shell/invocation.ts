import type { Log } from '../../model/base/log.ts';
import type { Redactor } from '../../model/base/secret-value.ts';
import { redacted } from './redaction.ts';
import { hasColour, type Io } from './io.ts';

export const outputs = ['text', 'json', 'markdown'] as const;
export type OutputForm = (typeof outputs)[number];

/** Which config is meant, and where FlyCD keeps what it knows. */
export interface ConfigOptions {
  readonly settings?: string;
  readonly dataDir?: string;
  readonly ref?: string;
  readonly org?: string;
}

export interface CommonOptions extends ConfigOptions {
  /** Globs of app names; empty = all. */
  readonly app: readonly string[];
  readonly output: OutputForm;
}

/** What every command gets. */
export interface Invocation {
  readonly io: Io;
  readonly redactor: Redactor;
  readonly log: Log;
}

export interface Answer<T> {
  readonly text: (value: T, colour: boolean) => string;
  readonly json: (value: T) => unknown;
  readonly markdown: (value: T) => string;
}

/** Writes a command's answer, and nothing else, to stdout. */
export function answer<T>(invocation: Invocation, form: OutputForm, value: T, forms: Answer<T>): void {
  const { io, redactor } = invocation;
  const clean = redacted(redactor, value);
  io.stdout.write(redactor.redact(answerText(clean, form, forms, hasColour(io.stdout, io.env))));
}

function answerText<T>(value: T, form: OutputForm, forms: Answer<T>, colour: boolean): string {
  switch (form) {
    case 'text':
      return forms.text(value, colour);
    case 'json':
      return `${JSON.stringify(forms.json(value), undefined, 2)}\n`;
    case 'markdown':
      return forms.markdown(value);
    default:
      return form satisfies never;
  }
}
