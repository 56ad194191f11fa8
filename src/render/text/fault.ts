import { plain } from '../../model/base/plain.ts';
import { plainLines } from './plain.ts';
import { createPaint } from './tone.ts';

/** The four parts of anything that went wrong: what happened, why, what to do next, where. */
export interface FaultText {
  readonly what: string;
  readonly why?: string | undefined;
  readonly next?: string | undefined;
  readonly where?: string | undefined;
}

export function faultText(fault: FaultText, colour: boolean): string {
  const paint = createPaint(colour);
  const lines = [`${paint('red', 'error:')} ${plain(fault.what)}`];
  for (const [name, text] of [
    ['why', fault.why],
    ['where', fault.where],
    ['next', fault.next],
  ] as const) {
    if (text === undefined || text === '') continue;
    const [first, ...rest] = plainLines(text.trimEnd());
    lines.push(`  ${`${name}:`.padEnd(6)} ${first ?? ''}`, ...rest.map((line) => `         ${line}`));
  }
  return `${lines.join('\n')}\n`;
}
