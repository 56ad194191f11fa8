import type { JsonValue } from '../../model/base/json.ts';
import type { DocumentPath } from './path.ts';

/** Nesting no config needs and recursion still bears. */
export const depthMax = 64;
/**
 * Values of one file, after aliases are followed: a "billion laughs" file ends here. A large app.yaml has some hundred;
 * more than this would cost those who check and map it more than the 100 ms that a file may take.
 */
export const valuesMax = 5_000;
/** After so many mistakes more of them help nobody. */
export const problemsMax = 50;

/** A mistake found while a text was read, placed by its offset in that text. */
export interface TextProblem {
  readonly offset: number;
  readonly path: DocumentPath;
  readonly message: string;
  readonly hint?: string;
}

export interface ParsedText {
  /** What could be read; of use beside problems only to say more about the file. undefined: nothing. */
  readonly value: JsonValue;
  readonly problems: readonly TextProblem[];
  /** Numbers that read otherwise than they are written: 1.10 is 1.1. It matters where text is wanted. */
  readonly inexact: readonly InexactNumber[];
}

export interface InexactNumber {
  readonly path: DocumentPath;
  readonly written: string;
  readonly read: number;
}

export interface TextPlace {
  readonly offset: number;
}

/** Where a path stands in a text that was read once for all of them. */
export type Places = (path: DocumentPath, part: 'key' | 'value') => TextPlace;
