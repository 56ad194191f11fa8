import { Fault } from '../../model/base/fault.ts';
import type { Tree } from '../tree/tree.ts';
import { GitError } from './git-command.ts';
import { BlobReader, listCommit, TooManyItems, treeItemsMax, type GitFolder } from './git-objects.ts';
import { commitTree, tooManyFiles } from './git-tree.ts';

export interface CloneCommit {
  readonly tree: Tree;
  /** Ends the git child kept for reading; the tree stays usable, and starts another. */
  close(): void;
}

/**
 * The files of a commit as a clone on disk has them: no copy of the clone is made, and no remote is asked, so a shallow clone has
 * what it has. Throws a stalled Fault for a commit or a file that it lacks, also later, from the tree.
 */
export async function cloneCommit(folder: GitFolder, commit: string): Promise<CloneCommit> {
  const here = { ...folder, environment: { ...folder.environment, GIT_NO_LAZY_FETCH: '1' } };
  const { directory } = folder;
  const lacks = (error: unknown): unknown => (error instanceof GitError ? lacking(directory, commit, error) : error);
  const reader = new BlobReader(here);
  try {
    const items = await listCommit(here, commit);
    const blob = (oid: string): Promise<Uint8Array> =>
      reader.read(oid).catch((error: unknown) => {
        throw lacks(error);
      });
    return { tree: commitTree({ commit, name: directory, items, blob }), close: () => reader.close() };
  } catch (error) {
    if (error instanceof TooManyItems) throw tooManyFiles(directory, treeItemsMax);
    throw lacks(error);
  }
}

/** Without what git only advises. */
function reasonIn({ stderr }: GitError): string {
  const lines = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('hint:'));
  return lines.length === 0 ? 'git does not say why' : lines.join(' ');
}

function lacking(directory: string, commit: string, cause: GitError): Fault {
  return new Fault({
    kind: 'stalled',
    what: `${directory} lacks commit ${commit.slice(0, 12)}, or files of it`,
    why: reasonIn(cause),
    next: 'fetch all of it: git fetch --unshallow, or a clone without --filter',
    cause,
  });
}
