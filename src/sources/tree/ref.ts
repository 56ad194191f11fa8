import { Fault } from '../../model/base/fault.ts';
import type { GitRef } from '../../../schemas/source.ts';

const refName = /^[\p{L}\p{N}_.+#@][\p{L}\p{N}_./+#=@,%&()!-]*$/u;

/** git itself refuses longer ones on common file systems. */
const refLengthMax = 250;

const commitId = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

export function isCommitId(ref: string): boolean {
  return commitId.test(ref);
}

/** Throws a stalled Fault for what cannot be a branch, tag or commit, above all for what git could take for an option. */
export function checkRef(ref: string, name: string): void {
  const wrong = /\.\.|\/\/|@\{|\/\.|\.lock(?:\/|$)|[./]$|^\.|^@$/.test(ref);
  if (refName.test(ref) && !wrong && ref.length <= refLengthMax) return;
  throw new Fault({
    kind: 'stalled',
    what: `ref ${JSON.stringify(ref.slice(0, refLengthMax))} of ${name} is refused`,
    why: 'it is no name git allows for a branch, tag or commit',
    next: 'write a branch, a tag, or a commit with all its 40 digits',
  });
}

/** commit beats tag beats branch; none = the default branch. */
export function refOf(ref: GitRef | undefined): string {
  return ref?.commit ?? ref?.tag ?? ref?.branch ?? 'HEAD';
}
