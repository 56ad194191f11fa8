import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Puts a process into a cgroup of its own, which may use so many bytes: the kernel ends it where it wants more. undefined: this
 * machine lets nobody make one (no Linux, or no right to).
 */
export function capMemory(pid: number, bytes: number): { remove(): void } | undefined {
  const isSecond = existsSync('/sys/fs/cgroup/cgroup.controllers');
  const folder = join(isSecond ? '/sys/fs/cgroup' : '/sys/fs/cgroup/memory', `flycd-test-${pid}`);
  try {
    mkdirSync(folder);
    writeFileSync(join(folder, isSecond ? 'memory.max' : 'memory.limit_in_bytes'), String(bytes));
    writeFileSync(join(folder, 'cgroup.procs'), String(pid));
  } catch {
    return undefined;
  }
  return {
    remove() {
      rmdirSync(folder);
    },
  };
}

/** Bytes that a process had in memory at most so far. undefined: it is no Linux. */
export function mostMemoryOf(pid: number): number | undefined {
  const path = `/proc/${pid}/status`;
  if (!existsSync(path)) return undefined;
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(path, 'utf8'))?.[1] ?? 0) * 1024;
}
