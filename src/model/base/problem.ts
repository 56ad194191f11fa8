/** Something wrong in what people wrote. All problems of a tree are reported at once, each with its place. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  /** Path from the config root, or a name a person knows ("stdin"). */
  readonly file: string;
  /** 1-based; 0 where only the file is known. */
  readonly line: number;
  readonly column: number;
  /** Path in the document: `services[0].ports[1].handlers`; empty = the document. */
  readonly path: string;
  /** What is wrong, with expected and found: "expected a number, found text". */
  readonly message: string;
  /** What to do: a did-you-mean, a command. */
  readonly hint?: string | undefined;
  /** The app this is about, where known. */
  readonly app?: string | undefined;
}

export function placeOf(problem: Problem): string {
  return problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : problem.file;
}
