/** Work of the processor, for tests that hold a bound: time on the wall is also that of whoever else is on the machine. */
import { expect } from 'vitest';

/** What `calibration` takes on the machine that the bounds are given for. */
const calibrated = 3.5;

/** Milliseconds. */
function workOf(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Text and tables, as readers of configs use them. */
function calibration(): void {
  const counts = new Map<string, number>();
  for (let step = 0; step < 60_000; step += 1) {
    const key = `key${step % 5000}`;
    counts.set(key, (counts.get(key) ?? 0) + key.length);
  }
}

/** At least 1: how much slower this machine is at the moment, for its age or for others on it. */
function slowness(): number {
  const turns = Array.from({ length: 3 }, () => {
    const before = process.cpuUsage();
    calibration();
    return workOf(before);
  });
  return Math.max(1, Math.min(...turns) / calibrated);
}

/**
 * The least of up to 24 turns, for the work is always the same, and the first ones warm up; on a slower machine the bound is
 * that much wider.
 */
export async function expectWithin(milliseconds: number, work: () => unknown): Promise<void> {
  let least = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < 24 && least > milliseconds; turn += 1) {
    const before = process.cpuUsage();
    await work();
    const worked = workOf(before);
    least = Math.min(least, worked <= milliseconds ? worked : worked / slowness());
  }
  expect(least).toBeLessThanOrEqual(milliseconds);
}
