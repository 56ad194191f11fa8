/** What stands in a commit for a file that Git LFS keeps elsewhere. */
import { Fault } from '../../model/base/fault.ts';
import type { Tree } from './tree.ts';

/** As Git LFS specifies: a pointer begins so, also under its first name, and is shorter than this. */
const pointerStart = /^version https:\/\/(?:git-lfs\.github\.com|hawser\.github\.com)\/spec\/v1\n/;
const pointerBytesMax = 1024;

export function isPointer(bytes: Uint8Array): boolean {
  return bytes.length < pointerBytesMax && pointerStart.test(Buffer.from(bytes).toString('latin1'));
}

export interface PointerRequest {
  readonly bytes: Uint8Array;
  readonly path: string;
  readonly tree: Pick<Tree, 'name'>;
  /** What to do about it. */
  readonly next: string;
}

/** Throws a stalled Fault for a pointer: it would be used in place of the picture or the model that it stands for. */
export function refusePointer({ bytes, path, tree, next }: PointerRequest): void {
  if (!isPointer(bytes)) return;
  throw new Fault({
    kind: 'stalled',
    what: `${path} is a pointer of Git LFS, not the file itself`,
    why: 'FlyCD does not ask a large file store',
    next,
    where: tree.name,
  });
}
