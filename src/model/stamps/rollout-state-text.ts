import { isObject } from '../base/json.ts';
import { stampKeys } from './keys.ts';
import type { GoodVersion, FailedVersion } from './app-version.ts';
import type { PersonsHold, Suspension, StandingTexts, Standing, StandingKey } from './rollout-state.ts';

export function formatGood({ revision, config, digest, image, at }: GoodVersion): string {
  return [revision, config, digest, image, at].join(':');
}

const goodForm = /^(.+):([0-9a-f]{32}):(sha256:[0-9a-f]{64}|):([0-9a-f]{32}):([0-9]{1,15})$/;

export function parseGood(text: string | undefined): GoodVersion | undefined {
  const [, revision = '', config = '', digest = '', image = '', at] = goodForm.exec(text ?? '') ?? [];
  return at === undefined ? undefined : { revision, config, digest, image, at: Number(at) };
}

export function formatFailed({ config, digest, image, command, at }: FailedVersion): string {
  return [config, digest, image, command, at].join(':');
}

const failedForm = /^([0-9a-f]{32}):(sha256:[0-9a-f]{64}|):([0-9a-f]{32}):([0-9a-f]{32}|):([0-9]{1,15})$/;

function parseFailed(text: string): FailedVersion | undefined {
  const [, config = '', digest = '', image = '', command = '', at] = failedForm.exec(text) ?? [];
  return at === undefined ? undefined : { config, digest, image, command, at: Number(at) };
}

export function formatHold({ to, by, at }: PersonsHold): string {
  return JSON.stringify({ to: formatGood(to), by, at });
}

export function formatSuspension({ reason, by, at, until }: Suspension): string {
  return JSON.stringify({ reason, by, at, until });
}

/** Says that what stood before stands no more. Taking the stamp away would let an older one on another machine count. */
export function formatLifted(by: string, at: number): string {
  return JSON.stringify({ by, at });
}

interface Read<T> {
  readonly text: string;
  readonly at: number;
  /** undefined: lifted. */
  readonly value: T | undefined;
}

/** The newest of what machines and SQLite say. What does not read as a stamp says nothing: anybody may have written it. */
export function readStanding(sources: readonly StandingTexts[]): Standing {
  const good = newest(sources, stampKeys.good, goodOf);
  const failed = newest(sources, stampKeys.failed, failedOf);
  const hold = newest(sources, stampKeys.hold, holdOf);
  const suspension = newest(sources, stampKeys.suspend, suspensionOf);
  const found = [
    [stampKeys.good, good],
    [stampKeys.failed, failed],
    [stampKeys.hold, hold],
    [stampKeys.suspend, suspension],
  ] as const;
  return {
    good: good?.value,
    failed: failed?.value,
    hold: hold?.value,
    suspension: suspension?.value,
    texts: Object.fromEntries(found.flatMap(([key, read]) => (read === undefined ? [] : [[key, read.text]]))),
  };
}

function newest<T>(
  sources: readonly StandingTexts[],
  key: StandingKey,
  read: (text: string) => Read<T> | undefined,
): Read<T> | undefined {
  const texts = new Set(sources.flatMap((source) => source[key] ?? []));
  return [...texts]
    .flatMap((text) => read(text) ?? [])
    .toSorted((a, b) => b.at - a.at || (a.text < b.text ? 1 : -1))
    .at(0);
}

function goodOf(text: string): Read<GoodVersion> | undefined {
  const value = parseGood(text);
  return value === undefined ? undefined : { text, at: value.at, value };
}

function failedOf(text: string): Read<FailedVersion> | undefined {
  const value = parseFailed(text);
  if (value !== undefined) return { text, at: value.at, value };
  const lifted = wordOf(text);
  return lifted === undefined ? undefined : { text, at: lifted.at, value: undefined };
}

function holdOf(text: string): Read<PersonsHold> | undefined {
  const word = wordOf(text);
  if (word === undefined) return undefined;
  const { by, at, fields } = word;
  if (fields['to'] === undefined) return { text, at, value: undefined };
  const to = typeof fields['to'] === 'string' ? parseGood(fields['to']) : undefined;
  return to === undefined ? undefined : { text, at, value: { to, by, at } };
}

function suspensionOf(text: string): Read<Suspension> | undefined {
  const word = wordOf(text);
  if (word === undefined) return undefined;
  const { by, at, fields } = word;
  const { reason, until } = fields;
  if (typeof reason !== 'string') return { text, at, value: undefined };
  return { text, at, value: { reason, by, at, until: typeof until === 'number' ? until : undefined } };
}

function wordOf(text: string) {
  const fields = jsonOf(text);
  if (!isObject(fields) || typeof fields['at'] !== 'number' || typeof fields['by'] !== 'string') return undefined;
  return { at: fields['at'], by: fields['by'], fields };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
