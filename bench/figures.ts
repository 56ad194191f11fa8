import { availableParallelism, cpus, loadavg } from 'node:os';

/** What a figure is counted in. */
type Unit = 'ms' | 's' | 'MB' | 'times' | 'calls' | 'calls/s';

/** One line of the table. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: Unit;
  /** Most it may be, in the same unit; undefined: told for what it says. */
  readonly bound?: number | undefined;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The smallest value that `share` of all values do not exceed. Throws for no values: there is no figure then. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
  if (value === undefined) throw new RangeError('there is nothing to take a percentile of');
  return value;
}

/** Milliseconds that work takes, whatever it does. */
export async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** The machine that the figures come from, and what else it was busy with. */
export function machineLine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown CPU';
  const load = (loadavg()[0] ?? 0).toFixed(1);
  return `${availableParallelism()} cores of ${model}, Node ${process.versions.node}, load ${load} before the run`;
}

/** Aligned columns: what, figure, bound and the ratio of the two; under 1 is within the bound. */
export function tableText(figures: readonly Figure[]): string {
  const rows = [['what', 'figure', 'bound', 'ratio'], ...figures.map(rowOf)];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))),
  );
  return `${lines.map((cells) => cells.join('  ').trimEnd()).join('\n')}\n`;
}

function rowOf({ what, value, unit, bound }: Figure): readonly string[] {
  if (bound === undefined) return [what, quantity(value, unit), '', ''];
  return [what, quantity(value, unit), quantity(bound, unit), (value / bound).toFixed(2)];
}

function quantity(value: number, unit: Unit): string {
  const digits = unit.startsWith('calls') || Number.isInteger(value) || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${unit}`;
}
