/** What `git status` and `git ls-files` say of a work tree. */
import type { UnreadKind } from '../tree/tree.ts';

export const statusCall: readonly string[] = [
  'status',
  '--porcelain=v2',
  '--branch',
  '-z',
  '--untracked-files=normal',
  '--no-renames',
  '--ignore-submodules=all',
  '--ignored=matching', // a matching folder is one line, its files are not looked at
];

export interface Status {
  readonly commit: string | undefined;
  /** Paths that differ from the commit; a folder git does not know at all ends in a slash. */
  readonly changed: readonly string[];
  /** Of these, what is a plain file on disk also for git, whatever the commit has. */
  readonly plain: ReadonlySet<string>;
  /** A folder ends in a slash. */
  readonly ignored: readonly string[];
}

/** Porcelain v2: fields before the path, by the line's first letter. */
const fieldsBefore: Readonly<Record<string, number>> = { '1': 8, u: 10, '?': 1 };
/** Which of an ordinary line's fields is the mode in the work tree. */
const workTreeMode = 5;

export function parseStatus(text: string): Status {
  let commit: string | undefined;
  const changed: string[] = [];
  const plain = new Set<string>();
  const ignored: string[] = [];
  for (const line of text.split('\0')) {
    const oid = /^# branch\.oid ([0-9a-f]+)$/.exec(line)?.[1];
    if (oid !== undefined) commit = oid;
    if (line.startsWith('! ')) ignored.push(line.slice(2));
    const before = fieldsBefore[line.charAt(0)];
    if (before === undefined) continue;
    const fields = line.split(' ');
    const path = fields.slice(before).join(' ');
    changed.push(path);
    if (line.startsWith('1') && fields[workTreeMode]?.startsWith('100') === true) plain.add(path);
  }
  return { commit, changed, plain, ignored };
}

/**
 * `-v` marks what status does not look at: S (skip-worktree, as sparse checkouts set it), lower case (assume-unchanged);
 * `-s` gives mode and stage, which is 0 but for a conflict.
 */
export const indexCall: readonly string[] = ['ls-files', '-v', '-s', '-z'];

export interface Index {
  readonly unread: ReadonlyMap<string, UnreadKind>;
  /** What git holds for symbolic links. */
  readonly links: readonly string[];
}

export function parseIndex(text: string): Index {
  const unread = new Map<string, UnreadKind>();
  const links: string[] = [];
  for (const line of text.split('\0')) {
    const tab = line.indexOf('\t');
    if (tab === -1) continue;
    const [tag = '', mode = '', , stage = ''] = line.slice(0, tab).split(' ');
    const path = line.slice(tab + 1);
    if (mode === '120000') links.push(path);
    if (stage !== '0') unread.set(path, 'conflicted');
    else if (tag === 'S' || tag === 's') unread.set(path, 'left-out');
    else if (tag !== tag.toUpperCase()) unread.set(path, 'assumed');
  }
  return { unread, links };
}
