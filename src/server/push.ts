import { isObject } from '../model/base/json.ts';

/** A push as a payload tells it. Nothing of it is believed but what it may concern: git is asked what is there. */
export interface Push {
  /** Every address the payload gives for the repository, the one to clone first. */
  readonly repos: readonly string[];
  /** `refs/heads/main`, `refs/tags/v1`. */
  readonly ref: string;
  /** Whether somebody who follows `ref` (a branch, a tag, or `HEAD` for the default branch) is concerned. */
  matches(ref: string): boolean;
}

/** GitHub's names for a repository's addresses, and so v0's; all are tried, since people write any of them. */
const addressKeys = ['clone_url', 'url', 'html_url', 'git_url', 'svn_url', 'ssh_url'] as const;
/** No forge makes longer ones; what is longer is not worth a place in the database. */
const addressMax = 2_048;
const refMax = 1_024;

/** undefined: not the push of a branch or tag to a repository. */
export function pushOf(payload: unknown): Push | undefined {
  if (!isObject(payload) || !isObject(payload['repository'])) return undefined;
  const repository = payload['repository'];
  const ref = textOf(payload['ref'], refMax);
  const short = /^refs\/(?:heads|tags)\/(.+)$/s.exec(ref ?? '')?.[1];
  if (ref === undefined || short === undefined) return undefined;
  const repos = addressKeys.map((key) => textOf(repository[key], addressMax)).filter((text) => text !== undefined);
  if (repos.length === 0) return undefined;
  // Only a hint, and a lie costs a look at git in vain.
  const isDefault = ref === `refs/heads/${textOf(repository['default_branch'], refMax)}`;
  return {
    repos: [...new Set(repos)],
    ref,
    matches: (followed) => followed === short || followed === ref || (followed === 'HEAD' && isDefault),
  };
}

function textOf(value: unknown, max: number): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= max ? value : undefined;
}
