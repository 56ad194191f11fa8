import { promises as files } from 'node:fs';
import type { Clock } from '../../model/base/clock.ts';
import { Redactor } from '../../model/base/secret-value.ts';
import { gitEnvironment, runGit } from './git-command.ts';

/** Local git on a handful of files: anything longer is a machine that hangs. */
const timeoutMs = 30_000;

export interface ScratchRepository {
  readonly folder: string;
  /** Commits everything and answers the commit's short id. */
  commit(message: string): Promise<string>;
}

/** A git work tree of its own, filled with a copy of a folder: what the demo plays on. */
export async function createScratchRepository(request: {
  readonly from: string;
  /** Made here; must not exist. */
  readonly folder: string;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
}): Promise<ScratchRepository> {
  const { from, folder, clock } = request;
  const environment = {
    ...gitEnvironment({ environment: request.environment }),
    GIT_AUTHOR_NAME: 'FlyCD demo',
    GIT_AUTHOR_EMAIL: 'demo@flycd.example',
    GIT_COMMITTER_NAME: 'FlyCD demo',
    GIT_COMMITTER_EMAIL: 'demo@flycd.example',
  };
  const git = (...args: readonly string[]): Promise<string> =>
    runGit({ directory: folder, args, environment, clock, timeoutMs, redactor: new Redactor() });
  await clock.busy(async () => {
    await files.mkdir(folder, { recursive: true });
    await files.cp(from, folder, { recursive: true });
  });
  await git('init', '--initial-branch=main');
  return {
    folder,
    async commit(message) {
      await git('add', '--all');
      await git('commit', '--no-gpg-sign', '-m', message);
      return (await git('rev-parse', '--short', 'HEAD')).trim();
    },
  };
}
