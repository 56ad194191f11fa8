import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Starts a process in a cgroup of its own, which may use so many bytes: the kernel ends it where it wants more. What belongs to
 * another cgroup when it is moved stays charged there, so this process is in it for the moment of the start. `isCapped` false:
 * this machine lets nobody make one (no Linux, or no right to).
 */
export function startCapped<T>(
  bytes: number,
  start: () => T,
): { readonly started: T; readonly isCapped: boolean; remove(): void } {
  const isSecond = existsSync('/sys/fs/cgroup/cgroup.controllers');
  const root = isSecond ? '/sys/fs/cgroup' : '/sys/fs/cgroup/memory';
  const folder = join(root, `flycd-test-${process.pid}`);
  const uncapped = { isCapped: false, remove: () => undefined };
  const enter = (group: string): void => writeFileSync(join(group, 'cgroup.procs'), String(process.pid));
  let home = root;
  try {
    const named = /^\d+:(?:memory)?:(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/';
    home = join(root, named);
    mkdirSync(folder);
    writeFileSync(join(folder, isSecond ? 'memory.max' : 'memory.limit_in_bytes'), String(bytes));
    enter(folder);
  } catch {
    return { started: start(), ...uncapped };
  }
  try {
    return { started: start(), isCapped: true, remove: () => rmdirSync(folder) };
  } finally {
    enter(home);
  }
}

/** Bytes that a process had in memory at most so far. undefined: it is no Linux. */
export function mostMemoryOf(pid: number): number | undefined {
  const path = `/proc/${pid}/status`;
  if (!existsSync(path)) return undefined;
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(path, 'utf8'))?.[1] ?? 0) * 1024;
}
