import type { Clock } from '../../model/base/clock.ts';
import { Redactor } from '../../model/base/secret-value.ts';
import { GitError, runGit } from './git-command.ts';
import { isShallow } from './shallow.ts';

/** A walk through a hundred thousand commits takes a second; this ends one on a hung network disk. */
const timeoutMs = 60_000;

/**
 * The commit that a history begins with: the last on the way along first parents, of which there is one however many histories
 * were merged into this one. undefined where the history is not whole (a shallow clone) or git does not say.
 */
export async function rootCommit(
  parts: {
    readonly directory: string;
    readonly environment: Readonly<Record<string, string>>;
    readonly clock: Clock;
  },
  commit: string,
): Promise<string | undefined> {
  const call = { ...parts, timeoutMs, redactor: new Redactor() };
  const asked = [
    isShallow(call),
    runGit({ ...call, args: ['rev-list', '--first-parent', '--max-parents=0', commit] }),
  ] as const;
  await Promise.allSettled(asked);
  try {
    const [shallow, root] = await Promise.all(asked);
    return !shallow && root.trim() !== '' ? root.trim() : undefined;
  } catch (error) {
    if (error instanceof GitError) return undefined;
    throw error;
  }
}
