/**
 * The stamp that carries evidence of an app's secrets on its machines: `e1:` and JSON, by key id and secret name the mark
 * of the value that was set and the digest that Fly called it. It holds no value, and nothing that a value could be
 * computed from without the key. FlyCDs with different keys share it, each reading what stands under its own.
 */
import { byText } from '../base/text.ts';
import { isObject, parsedJson } from '../base/json.ts';

export interface SecretEvidence {
  /** The first 32 hex digits of the value's HMAC-SHA256. */
  readonly mark: string;
  readonly keyId: string;
  /** What Fly answered to our set; empty: its answer is not known. */
  readonly digest: string;
}

/** Evidence of one secret, as it stands on a machine. */
export interface StampedEvidence extends SecretEvidence {
  readonly name: string;
}

/**
 * Metadata values have no documented limit, and all of them travel with every list of the machines: a thousand machines
 * with this much each are an eighth of what such a list may weigh. Room for more than a hundred secrets of usual names.
 */
export const secretsStampBytesMax = 8 * 1024;

const scheme = 'e1:';

export interface FormattedSecrets {
  /** undefined: there is nothing to say. */
  readonly text: string | undefined;
  /** Names for which there was no room. */
  readonly left: readonly string[];
}

/**
 * Equal evidence gives equal text, in whatever order it comes. Names are taken in their order until the text is full, so
 * that every FlyCD that knows the same leaves out the same.
 */
export function formatSecrets(evidence: readonly StampedEvidence[]): FormattedSecrets {
  const sorted = evidence
    .filter(({ digest }) => digest !== '')
    .toSorted((a, b) => byText(a.name, b.name) || byText(a.keyId, b.keyId));
  const whole = textOf(sorted);
  if (Buffer.byteLength(whole) <= secretsStampBytesMax) {
    return { text: sorted.length === 0 ? undefined : whole, left: [] };
  }
  let fits = 0;
  while (Buffer.byteLength(textOf(sorted.slice(0, fits + 1))) <= secretsStampBytesMax) fits += 1;
  const left = [...new Set(sorted.slice(fits).map(({ name }) => name))];
  return { text: fits === 0 ? undefined : textOf(sorted.slice(0, fits)), left };
}

function textOf(sorted: readonly StampedEvidence[]): string {
  const keys = Map.groupBy(sorted, ({ keyId }) => keyId);
  const sections = [...keys]
    .toSorted(([a], [b]) => byText(a, b))
    .map(([keyId, entries]) => [
      keyId,
      Object.fromEntries(entries.map(({ name, mark, digest }) => [name, [mark, digest]])),
    ]);
  return `${scheme}${JSON.stringify(Object.fromEntries(sections))}`;
}

/** Whatever does not read as this scheme gives nothing: a stamp may have been written by anybody. */
export function parseSecrets(text: string | undefined): readonly StampedEvidence[] {
  if (text === undefined || !text.startsWith(scheme) || Buffer.byteLength(text) > secretsStampBytesMax) return [];
  const keys = parsedJson(text.slice(scheme.length));
  if (!isObject(keys)) return [];
  const evidence: StampedEvidence[] = [];
  for (const [keyId, names] of Object.entries(keys)) {
    if (!isObject(names) || keyId === '') return [];
    for (const [name, pair] of Object.entries(names)) {
      if (!Array.isArray(pair) || pair.length !== 2) return [];
      const [mark, digest] = pair as readonly unknown[];
      if (!isText(mark) || !isText(digest) || name === '') return [];
      evidence.push({ name, keyId, mark, digest });
    }
  }
  return evidence;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
