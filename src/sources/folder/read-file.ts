import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { Fault } from '../../model/base/fault.ts';
import { tooLarge } from '../tree/path-faults.ts';
import { isAbsence, unreadable } from './disk-faults.ts';

export interface FileRequest {
  readonly file: string;
  readonly path: string;
  readonly bytesMax: number;
}

/** Never through a last link, never from a pipe or device, never more than bytesMax, also while the file grows. */
export function readFile({ file, path, bytesMax }: FileRequest): Uint8Array | undefined {
  let handle: number | undefined;
  try {
    handle = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = fstatSync(handle);
    if (!stats.isFile()) return undefined;
    if (stats.size > bytesMax) throw tooLarge(path, stats.size, bytesMax);
    const content = new Uint8Array(stats.size);
    let length = 0;
    while (length < content.length) {
      const more = readSync(handle, content, length, content.length - length, null);
      if (more === 0) break;
      length += more;
    }
    return content.subarray(0, length);
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error instanceof Fault ? error : unreadable(path, error);
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}
