/** Findings become problems: each gets the file, line and column where the value was written. */
import type { Problem } from '../model/problem.ts';
import { formatPath, type DocumentPath } from './document-path.ts';
import { placeOfPath, type SourceDocument } from './document.ts';
import type { Finding } from './finding.ts';

/** Where a path of a merged document was written. */
export interface Origin {
  readonly document: SourceDocument;
  readonly path: DocumentPath;
}

export function problemOf(finding: Finding, origin: Origin, app: string | undefined): Problem {
  const place = placeOfPath(origin.document, origin.path, finding.part);
  return {
    severity: finding.severity,
    file: origin.document.file,
    line: place.line,
    column: place.column,
    path: formatPath(finding.path),
    message: place.by === undefined ? finding.message : `${finding.message}, by substitution in ${place.by}`,
    hint: finding.hint,
    app,
  };
}

/** Findings about one document by itself. */
export function problemsIn(document: SourceDocument, findings: readonly Finding[]): readonly Problem[] {
  return findings.map((finding) => problemOf(finding, { document, path: finding.path }, undefined));
}
