import { styleText } from 'node:util';

export type Tone = 'red' | 'green' | 'yellow' | 'cyan' | 'dim' | 'bold';

/** Colours text, or leaves it alone. */
export type Paint = (tone: Tone | undefined, text: string) => string;

/** The caller decides about colour: it knows the stream and NO_COLOR. */
export function createPaint(colour: boolean): Paint {
  if (!colour) return (_tone, text) => text;
  return (tone, text) => (tone === undefined ? text : styleText(tone, text, { validateStream: false }));
}
