/** Findings become problems: each gets the file, line and column where the value was written. */
import type { Problem } from '../../model/base/problem.ts';
import { formatPath, type DocumentPath } from './path.ts';
import type { SourceDocument } from './document.ts';
import { locator, placeOfOffset } from './locator.ts';
import type { Finding } from './finding.ts';
import { substitute } from './substitution.ts';

/** Where a path of a merged document was written. */
export interface Origin {
  readonly document: SourceDocument;
  readonly path: DocumentPath;
}

/** Findings about a document merged of several, each at the place that gave it. */
export function problemsOf(
  findings: readonly Finding[],
  originOf: (path: DocumentPath) => Origin,
  app: string | undefined,
): readonly Problem[] {
  const locate = locator();
  return findings.map((finding) => {
    const { document, path } = originOf(finding.path);
    const place = locate(document, path, finding.part);
    return {
      severity: finding.severity,
      file: document.file,
      line: place.line,
      column: place.column,
      path: formatPath(finding.path),
      message: place.by === undefined ? finding.message : `${finding.message}, by substitution in ${place.by}`,
      hint: finding.hint,
      app,
    };
  });
}

/** Findings about one document by itself. */
export function problemsIn(document: SourceDocument, findings: readonly Finding[]): readonly Problem[] {
  return problemsOf(findings, (path) => ({ document, path }), undefined);
}

/** What is wrong with the text itself. */
export function problemsOfText(document: SourceDocument, app: string | undefined): readonly Problem[] {
  if (document.problems.length === 0) return [];
  const substituted = substitute(document.text, document.substitutions);
  const locate = locator();
  return document.problems.map(({ offset, path, message, hint }) => {
    const place = offset < 0 ? locate(document, path, 'value') : placeOfOffset(document, substituted, offset);
    return {
      severity: 'error' as const,
      file: document.file,
      line: place.line,
      column: place.column,
      path: formatPath(path),
      message: place.by === undefined ? message : `${message}, by substitution in ${place.by}`,
      hint,
      app,
    };
  });
}
