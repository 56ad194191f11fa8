import { existsSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { runGit, type GitCall } from './git-command.ts';

/**
 * Whether a repository (bare, or a work tree's top) has its history only in part. As git does: a file says so. Where the file
 * is has to be asked only of a linked work tree. Throws GitError there.
 */
export async function isShallow(call: Omit<GitCall, 'args'>): Promise<boolean> {
  const { directory } = call;
  const inside = lstatSync(join(directory, '.git'), { throwIfNoEntry: false });
  if (inside === undefined && existsSync(join(directory, 'HEAD'))) return existsSync(join(directory, 'shallow'));
  const isPlain = inside?.isDirectory() === true && !existsSync(join(directory, '.git', 'commondir'));
  if (isPlain) return existsSync(join(directory, '.git', 'shallow'));
  return (await runGit({ ...call, args: ['rev-parse', '--is-shallow-repository'] })).trim() !== 'false';
}
