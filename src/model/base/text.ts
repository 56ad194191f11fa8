/** Words for sentences, what a revision says of its commit, and the order of texts. */

/** `1 machine`, `3 machines`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** At most `max` names in a sentence, then how many more. */
export function list(names: readonly string[], max = 5): string {
  const shown = names.slice(0, max).join(', ');
  return names.length > max ? `${shown} and ${names.length - max} more` : shown;
}

/** Of a commit or an origin: as many as git needs to tell the commits of a huge repository apart. */
export const shortHashDigits = 12;

const longHash = new RegExp(`[0-9a-f]{${shortHashDigits + 1},}`, 'g');

/** A revision in a sentence. */
export function shortRevision(revision: string): string {
  return revision.replaceAll(longHash, (hash) => hash.slice(0, shortHashDigits));
}

/** Longest piece of a wrong value that a message repeats. */
const shownCharactersMax = 40;

export function shortened(text: string): string {
  return text.length <= shownCharactersMax ? text : `${text.slice(0, shownCharactersMax)}…`;
}

/** "a, b or c". */
export function orList(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** By code unit: the same on every machine, whatever its language. */
export function byText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

const dirty = '-dirty';

/** A revision's commit, also where the work tree differs from it. undefined: it is none, as of a plain folder. */
export function commitOf(revision: string): string | undefined {
  const commit = revision.endsWith(dirty) ? revision.slice(0, -dirty.length) : revision;
  return /^[0-9a-f]{40,64}$/.test(commit) ? commit : undefined;
}
