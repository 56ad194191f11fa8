/**
 * Where an app is steered: to what git says, or, while a release that failed or a person holds it, to a version that ran
 * well before. What no version covers (counts, addresses, secrets, policy) follows git all the same, but for what git removes.
 */
import { formatTime } from '../../model/base/clock.ts';
import type { Hold } from '../../model/plan.ts';
import type { Standing } from '../../model/standing/standing.ts';
import { isSameVersion, type AppVersion, type GoodVersion } from '../../model/stamps/app-version.ts';
import { commandVersion } from './release-command.ts';
import { versionOf, type TargetScope } from './app-version.ts';
import { shortRevision } from '../../model/base/text.ts';
import { shellWord } from '../../model/base/shell.ts';

export type RolloutTarget =
  | { readonly to: 'git' }
  /** git's version may not be rolled out; the app belongs at this one. */
  | { readonly to: 'version'; readonly version: GoodVersion; readonly hold: TargetHold }
  /** git's version may not be rolled out, and there is nowhere else to go. */
  | { readonly to: 'nowhere'; readonly hold: TargetHold };

export type TargetHold = Pick<Hold, 'reason' | 'because' | 'next' | 'since'>;

export function resolveTarget(scope: TargetScope, standing: Standing): RolloutTarget {
  const { name } = scope.desired;
  const { hold, failed, good } = standing;
  if (hold === undefined && failed === undefined) return { to: 'git' };
  const next = `flycd resume ${shellWord(name)}: then git counts again`;
  const wanted = versionOf(scope);
  if (hold !== undefined) {
    const where = `rolled back to ${shortRevision(hold.to.revision)} by ${hold.by} at ${formatTime(hold.at)}`;
    const because = isSameVersion(hold.to, wanted) ? where : `${where}; what git says now waits`;
    return { to: 'version', version: hold.to, hold: { reason: 'rollback', because, next, since: hold.at } };
  }
  if (failed === undefined || !isWhatFailed(failed, wanted) || hasRunSince(good, failed)) return { to: 'git' };
  const command = scope.desired.releaseCommand;
  if (failed.command !== '' && failed.command !== (command === undefined ? '' : commandVersion(command)))
    return { to: 'git' };
  const what = failed.command === '' ? 'the release of what git says failed' : 'the release command failed';
  const held = { reason: 'failed', since: failed.at } as const;
  const again = onceFailed(name);
  if (scope.desired.policy.onFailure === 'stop') {
    const because = `${what}, and what it left stands (sync.on_failure: stop)`;
    return { to: 'nowhere', hold: { ...held, because, next: again } };
  }
  if (good === undefined) {
    const because = `${what}, and there is no version to go back to: none has run well here yet`;
    return { to: 'nowhere', hold: { ...held, because, next: again } };
  }
  const because = `${what}; the version of ${shortRevision(good.revision)} stays until git changes it`;
  return { to: 'version', version: good, hold: { ...held, because, next: again } };
}

/** What ends the hold of a release that failed. */
export function onceFailed(app: string): string {
  return `commit what mends it, or flycd resume ${shellWord(app)} to try the same again`;
}

/** An image of which nobody knew the digest when it failed has not failed once one is known: it may have been pushed since. */
function isWhatFailed(failed: AppVersion, wanted: AppVersion): boolean {
  return isSameVersion(failed, wanted) && (failed.digest !== '' || wanted.digest === '');
}

/** It was tried again, and went well. */
function hasRunSince(good: GoodVersion | undefined, failed: AppVersion & { readonly at: number }): boolean {
  return good !== undefined && isSameVersion(good, failed) && good.at > failed.at;
}
