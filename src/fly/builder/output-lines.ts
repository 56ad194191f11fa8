import type { Redactor } from '../../model/base/secret-value.ts';

/** A longer line is a progress bar or a minified file. */
const lineLengthMax = 500;
/** A build that says more has been read by nobody. */
const linesMax = 5000;
/** Enough to see what failed and at which step. */
const lastMax = 20;

export interface OutputLines {
  take(chunk: Buffer): void;
  /** What came last without a line's end is a line too. */
  end(): void;
  last(): readonly string[];
}

export interface OutputLinesOptions {
  readonly redactor: Redactor;
  readonly onLine: (line: string) => void;
}

/** A child's output as lines for people: whole before they are redacted, so that no secret is cut in two. */
export function outputLines({ redactor, onLine }: OutputLinesOptions): OutputLines {
  const decoder = new TextDecoder();
  const last: string[] = [];
  let rest = '';
  let count = 0;

  function say(line: string): void {
    const clean = tidy(redactor.redact(line));
    if (clean === '') return;
    last.push(clean);
    if (last.length > lastMax) last.shift();
    count += 1;
    if (count <= linesMax) onLine(clean);
    else if (count === linesMax + 1) onLine(`(more than ${linesMax} lines: the rest is not shown)`);
  }

  function take(text: string): void {
    const lines = (rest + text).split(/\r\n|\n|\r/);
    rest = lines.pop() ?? '';
    // A flood without line ends must not fill the memory; what is cut off here is beyond any line that is shown.
    if (rest.length > 64 * lineLengthMax) {
      lines.push(rest);
      rest = '';
    }
    for (const line of lines) say(line);
  }

  return {
    take: (chunk) => take(decoder.decode(chunk, { stream: true })),
    end() {
      take(decoder.decode());
      say(rest);
      rest = '';
    },
    last: () => last,
  };
}

/** Without colours, cursor movements and other control characters; cut to a length. */
function tidy(line: string): string {
  const plain = line
    // oxlint-disable-next-line no-control-regex -- these are what is taken out
    .replaceAll(/\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g, '')
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trimEnd();
  return plain.length > lineLengthMax ? `${plain.slice(0, lineLengthMax)} …` : plain;
}
