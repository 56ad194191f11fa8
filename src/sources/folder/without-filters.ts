import { GitError, runGit, withSettings, type GitCall } from '../git/git-command.ts';

/** Commands that git runs on a file's content, by the driver that attributes name; nothing of a folder may name a command. */
const variables = ['clean', 'smudge', 'process'] as const;
/** Git LFS has one, and git itself none. Each makes four settings of every call. */
const driversMax = 100;

type Call = Omit<GitCall, 'args'>;

/**
 * The call with every filter that the clone's config names set to none: `git status` runs them to compare a changed file. What
 * git keeps of a filtered file, as by Git LFS, is not what lies on disk then, and the file counts as changed once its date does.
 * Throws a GitError where the config names more drivers than that.
 */
export async function withoutFilters(call: Call): Promise<Call> {
  // All of it: a call that prints nothing is waited for 50 ms more.
  const config = await runGit({ ...call, args: ['config', '--list', '--null'] });
  const drivers = new Set(config.split('\0').flatMap((entry) => driverOf(entry.split('\n', 1)[0] ?? '')));
  if (drivers.size > driversMax) {
    throw new GitError(`its config names ${drivers.size} filters, and at most ${driversMax} are read`, 'failed');
  }
  const settings = [...drivers].flatMap((driver) => [
    ...variables.map((variable) => [`filter.${driver}.${variable}`, ''] as const),
    // With a required one that is none git could not compare at all.
    [`filter.${driver}.required`, 'false'] as const,
  ]);
  return { ...call, environment: withSettings(call.environment, settings) };
}

/** git writes section and variable in lower case, and the name between them as it is, dots included. */
function driverOf(key: string): readonly string[] {
  const driver = /^filter\.(.*)\.[^.]*$/s.exec(key)?.[1];
  return driver === undefined ? [] : [driver];
}
