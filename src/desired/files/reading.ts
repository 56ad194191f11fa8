/** What became of a file that a config asked for. Unread is neither empty nor gone: it stops all that the file governs. */
import type { TreeEntry, UnreadKind } from '../../sources/tree/tree.ts';

export interface Unread {
  readonly state: 'unread';
  /** For a person, said of the file: "it is a folder". */
  readonly message: string;
  readonly hint: string;
}

export type Reading<Value> = { readonly state: 'absent' } | { readonly state: 'read'; readonly value: Value } | Unread;

const reasons: Readonly<Record<UnreadKind | 'folder', Omit<Unread, 'state'>>> = {
  folder: { message: 'it is a folder, not a file', hint: 'give the folder another name' },
  repository: {
    message: 'it is another repository (a submodule, or one inside this one), which FlyCD does not read',
    hint: 'name it in `ignore` of a project.yaml above if it holds no apps, or make a project with source.type: git of it',
  },
  'left-out': {
    message: 'git leaves it out of this working tree (sparse checkout or skip-worktree)',
    hint: 'git sparse-checkout disable, or git update-index --no-skip-worktree FILE',
  },
  assumed: {
    message: 'git was told to assume that it does not change, so nobody knows whether it did',
    hint: 'git update-index --no-assume-unchanged FILE',
  },
  conflicted: {
    message: 'git left a conflict in it, and nobody knows which side counts',
    hint: 'settle it, then git add FILE',
  },
  special: { message: 'it is no file but a pipe, a socket or a device', hint: 'put a file in its place' },
};

/** Why an entry is not read as a file. undefined: it may be one. */
export function unreadEntry({ kind }: Pick<TreeEntry, 'kind'>): Unread | undefined {
  return kind === 'file' || kind === 'link' ? undefined : { state: 'unread', ...reasons[kind] };
}

/** A link that gave no file. */
export const brokenLink: Unread = {
  state: 'unread',
  message: 'it is a link that leads to no file',
  hint: 'put the file itself there, or mend the link',
};

/** It was listed, and is gone now. */
export const vanished: Unread = {
  state: 'unread',
  message: 'it changed while it was read',
  hint: 'FlyCD reads it again with the next pass',
};
