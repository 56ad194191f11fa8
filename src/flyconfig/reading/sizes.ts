/** Sizes as flyctl reads them (docker/go-units): memory in binary units, volumes in decimal ones. */

export interface SizeUnit {
  /** Bytes of the unit that a bare number means and the answer counts in. */
  readonly bytes: number;
  /** 1024 for memory, 1000 for volumes; "gib" and "gb" mean the same in either. */
  readonly base: number;
}

export const mebibytes: SizeUnit = { bytes: 1024 ** 2, base: 1024 };
export const gigabytes: SizeUnit = { bytes: 1000 ** 3, base: 1000 };

const prefixes = ['', 'k', 'm', 'g', 't', 'p'];
/** Longest text looked at: no size of a machine or volume needs more. */
const charactersMax = 32;

/** Whole units, rounded down: "1gb" is 1024 mebibytes, "1500mb" is 1 gigabyte, "512" is 512 of the unit. undefined: no size. */
export function parseSize(text: string, unit: SizeUnit): number | undefined {
  if (text.length > charactersMax) return undefined;
  if (/^\d+$/.test(text)) return wholeNumber(Number(text));
  const parts = /^(\d+\.?\d*|\.\d+) ?([kmgtp]?)(?:i?b)?$/i.exec(text);
  if (parts === null) return undefined;
  const power = prefixes.indexOf((parts[2] ?? '').toLowerCase());
  return wholeNumber(Math.trunc((Number(parts[1]) * unit.base ** power) / unit.bytes));
}

function wholeNumber(value: number): number | undefined {
  return Number.isSafeInteger(value) ? value : undefined;
}
