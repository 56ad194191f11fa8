import type { DocumentPath } from './path.ts';
import { substitute, originalOffset, type Substituted } from './substitution.ts';
import { placesInToml } from './toml.ts';
import type { Places } from './text-problem.ts';
import { placesInYaml, lineAndColumn } from './yaml.ts';
import { readable, type SourceDocument } from './document.ts';

interface Place {
  readonly line: number;
  readonly column: number;
  /** project.yaml:12, where a substitution wrote what stands there. */
  readonly by: string | undefined;
}

/** Where a path of a document stands in the text as written. */
export type Locate = (document: SourceDocument, path: DocumentPath, part: 'key' | 'value') => Place;

/** Reads each document it is asked about once more, however many places are wanted: only problems ask. */
export function locator(): Locate {
  const known = new Map<SourceDocument, { readonly substituted: Substituted; readonly places: Places }>();
  return (document, path, part) => {
    let read = known.get(document);
    if (read === undefined) {
      const substituted = substitute(document.text, document.substitutions);
      const text = readable(substituted.text, document.format);
      read = { substituted, places: document.format === 'toml' ? placesInToml(text) : placesInYaml(text) };
      known.set(document, read);
    }
    return placeOfOffset(document, read.substituted, read.places(path, part).offset);
  };
}

export function placeOfOffset(document: SourceDocument, substituted: Substituted, offset: number): Place {
  const original = originalOffset(substituted, offset);
  return { ...lineAndColumn(document.text, original.offset), by: original.by };
}
