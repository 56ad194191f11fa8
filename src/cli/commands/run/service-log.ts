/** What a process that stays says in its log. */
import type { Log } from '../../../model/base/log.ts';
import { placeOf, type Problem } from '../../../model/base/problem.ts';
import type { OnProgress } from '../../../model/progress.ts';

/** Tells what is wrong with the config when it comes up or changes, not with every pass. */
export function createProblemTeller(log: Log): (problems: readonly Problem[]) => void {
  let told = new Set<string>();
  return (problems) => {
    const now = new Set<string>();
    for (const problem of problems) {
      const { severity, path, message, hint, app } = problem;
      const fields = { app, where: placeOf(problem), hint };
      const text = `${path === '' ? '' : `${path}: `}${message}`;
      const key = JSON.stringify([fields, text]);
      now.add(key);
      if (told.has(key)) continue;
      if (severity === 'error') log.error(fields, text);
      else log.warn(fields, text);
    }
    if (told.size > 0 && now.size === 0) log.info({}, 'the config has no problems any more');
    told = now;
  };
}

/** For a log that machines read: what was done, what failed, how each pass ended. Passes without news are silent. */
export function logProgress(log: Log): OnProgress {
  return (progress) => {
    if (progress.type === 'step.finished') {
      const { kind, target, outcome, message, next } = progress.result;
      const fields = { app: progress.app, step: kind, target, outcome, detail: message, next };
      if (outcome === 'failed') log.warn(fields, 'step failed');
      else log.info(fields, 'step done');
    } else if (progress.type === 'output') log.info({ app: progress.app, line: progress.line }, 'builder');
    else if (progress.type === 'command.started') {
      log.info({ app: progress.app, command: progress.command }, 'release command');
    } else if (progress.type === 'waiting') {
      const until = new Date(progress.until).toISOString();
      log.info({ app: progress.app, because: progress.because, until }, 'waiting');
    } else if (progress.type === 'app.finished' && progress.run.outcome !== 'no-change') {
      const { id, outcome, status, revision } = progress.run;
      log.info({ app: progress.app, run: id, outcome, status, revision }, 'pass done');
    }
  };
}
