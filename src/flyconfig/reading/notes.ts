/** Something to say about a fly config, with its place in the document. The reader of files adds file, line and column. */
export interface ConfigNote {
  readonly severity: 'error' | 'warning';
  /** Path in the document: `services[0].ports[1].handlers`; empty = the document. */
  readonly path: string;
  /** What is wrong, with expected and found. */
  readonly message: string;
  /** What to do: a did-you-mean, a value that works. */
  readonly hint?: string;
}

/** Of errors, and of warnings: whoever has more looks at the first ones, and a hostile document makes no long list. */
export const notesMax = 500;

/** Said in place of those past the limit. */
export function moreOf(severity: ConfigNote['severity']): string {
  return `there are more than ${notesMax} ${severity}s; the others are not listed`;
}

/** Collects notes; the same note twice is said once. */
export interface NoteList {
  readonly all: readonly ConfigNote[];
  error(path: string, message: string, hint?: string): void;
  warning(path: string, message: string, hint?: string): void;
}

export function noteList(): NoteList {
  const all: ConfigNote[] = [];
  const seen = new Set<string>();
  const counts = { error: 0, warning: 0 };
  const add = (severity: ConfigNote['severity'], path: string, message: string, hint: string | undefined): void => {
    if (counts[severity] > notesMax) return;
    const key = `${severity} ${path} ${message}`;
    if (seen.has(key)) return;
    seen.add(key);
    counts[severity] += 1;
    if (counts[severity] > notesMax) {
      all.push({ severity, path: '', message: moreOf(severity) });
      return;
    }
    all.push({ severity, path, message, ...(hint === undefined ? {} : { hint }) });
  };
  return {
    all,
    error: (path, message, hint) => add('error', path, message, hint),
    warning: (path, message, hint) => add('warning', path, message, hint),
  };
}
