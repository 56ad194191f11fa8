/** What a walk says of what it did not read, and what follows for the apps that may be in it. */
import type { Walking } from './discovery.ts';

export const ignoreHint = 'name it in `ignore` of a project.yaml above if it holds no apps';

/** Not an error, but apps may stand in what was not read: they are unknown, never gone. */
export function unseen(walking: Walking, file: string, message: string, hint: string): void {
  walking.whole = false;
  warn(walking, file, message, hint);
}

/** Not an error: the walk stays as whole as it was. */
export function warn(walking: Walking, file: string, message: string, hint: string): void {
  walking.problems.push({ severity: 'warning', file, line: 0, column: 0, path: '', message, hint });
}

/** Apps or projects may be missing from what was found: they are unknown then, never gone. */
export function incomplete(walking: Walking, file: string, message: string, hint?: string): void {
  walking.whole = false;
  walking.problems.push({
    severity: 'error',
    file: file === '' ? '.' : file,
    line: 0,
    column: 0,
    path: '',
    message,
    hint,
  });
}
