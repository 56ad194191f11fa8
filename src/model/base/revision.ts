/** What a revision of a config says of its commit. */

const dirty = '-dirty';

/** The commit, also where the work tree differs from it. undefined: it is none, as of a plain folder. */
export function commitOf(revision: string): string | undefined {
  const commit = revision.endsWith(dirty) ? revision.slice(0, -dirty.length) : revision;
  return /^[0-9a-f]{40,64}$/.test(commit) ? commit : undefined;
}
