/** What the disk says no to, and what git leaves out of it, in words. */
import { Fault } from '../../model/base/fault.ts';
import { list } from '../../model/base/text.ts';
import type { TreeEntry } from '../tree/tree.ts';

export function isAbsence(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

export function unreadable(path: string, cause: unknown): Fault {
  const circle = (cause as NodeJS.ErrnoException).code === 'ELOOP';
  return new Fault({
    kind: circle ? 'stalled' : 'transient',
    what: `${path === '' ? 'the folder' : path} cannot be read`,
    why: circle ? 'its symbolic links run in a circle' : reasonOf(cause),
    next: circle ? 'remove the link' : 'let the user that runs FlyCD read it',
    where: path,
    cause,
  });
}

export function reasonOf(cause: unknown): string {
  const error = cause as NodeJS.ErrnoException;
  if (error.code === 'ENOENT') return 'there is no such file or folder';
  if (error.code === 'EACCES' || error.code === 'EPERM') return 'permission denied';
  return error.code ?? error.message;
}

interface Words {
  readonly what: (files: string) => string;
  readonly why: string;
  readonly next: string;
}

const lacking: Words = {
  what: (files) => `this working tree lacks ${files}`,
  why: 'git leaves it out (sparse checkout or skip-worktree)',
  next: 'git sparse-checkout disable, or git update-index --no-skip-worktree FILE',
};

const wordsByKind: Partial<Readonly<Record<TreeEntry['kind'], Words>>> = {
  assumed: {
    what: (files) => `git was told to assume that ${files} did not change`,
    why: 'nobody knows whether it is as in the commit',
    next: 'git update-index --no-assume-unchanged FILE',
  },
  conflicted: {
    what: (files) => `git left a conflict in ${files}`,
    why: 'nobody knows which side counts',
    next: 'settle it, then git add FILE',
  },
};

export function unreadFiles(path: string, unread: readonly TreeEntry[]): Fault {
  const kinds = new Set(unread.map(({ kind }) => kind));
  const [kind] = kinds;
  const { what, why, next } = (kinds.size === 1 && kind !== undefined ? wordsByKind[kind] : undefined) ?? lacking;
  return new Fault({ kind: 'stalled', what: what(list(unread.map((entry) => entry.path))), why, next, where: path });
}
