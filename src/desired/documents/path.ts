import { itemPath, keyPath } from '../../flyconfig/reading/values.ts';

/** Steps from a document's root: field names and list positions. */
export type DocumentPath = readonly (string | number)[];

/** `services[0].ports[1].handlers`; empty = the document. */
export function formatPath(path: DocumentPath): string {
  return path.reduce<string>(
    (text, step) => (typeof step === 'number' ? itemPath(text, step) : keyPath(text, step)),
    '',
  );
}

/** Reads what formatPath writes. What it does not understand stays a field name: a place near it is found all the same. */
export function parsePath(text: string): DocumentPath {
  const steps: (string | number)[] = [];
  for (const match of text.matchAll(/\[([0-9]{1,9})\]|\["((?:[^"\\]|\\.)*)"\]|([^.[\]]+)/g)) {
    const [, index, quoted, name] = match;
    if (index !== undefined) steps.push(Number(index));
    else if (quoted !== undefined) steps.push(unquoted(quoted));
    else if (name !== undefined) steps.push(name);
  }
  return steps;
}

function unquoted(text: string): string {
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    return text;
  }
}
