import type { GitRef } from '../../schemas/source.ts';

/** commit beats tag beats branch; none = the default branch. */
export function refOf(ref: GitRef | undefined): string {
  return ref?.commit ?? ref?.tag ?? ref?.branch ?? 'HEAD';
}

/** A URL as it may be shown and stamped: without a password, and for https without a user, which may be a token. */
export function withoutCredentials(url: string): string {
  return url.replace(/^(https?:\/\/)[^/]*@/i, '$1').replace(/^([a-z][a-z0-9+.-]*:\/\/[^/@:]+):[^/]*@/i, '$1@');
}
