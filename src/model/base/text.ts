/** `1 machine`, `3 machines`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** At most `max` names in a sentence, then how many more. */
export function list(names: readonly string[], max = 5): string {
  const shown = names.slice(0, max).join(', ');
  return names.length > max ? `${shown} and ${names.length - max} more` : shown;
}

const shownDigits = 12;

/** A revision in a sentence. */
export function shortRevision(revision: string): string {
  return revision.replaceAll(/[0-9a-f]{13,}/g, (hash) => hash.slice(0, shownDigits));
}
