/**
 * What stands about an app as a whole: which version ran well last, which one failed, where a person holds it, whether it
 * is suspended. Each is a stamp, the same on every machine of the app, and a row in SQLite for an app without machines.
 * Where they differ the newest wins, so that a machine whose host was down when something was lifted brings nothing back.
 */
import { isObject } from '../base/json.ts';
import { stampKeys } from './stamps.ts';

/** What a release brings to an app's machines: the image and what all its groups' configs are, as one. */
export interface AppVersion {
  /** 32 hex: hash of the groups' config versions. */
  readonly config: string;
  /** `sha256:…`; empty: nobody knows. */
  readonly digest: string;
  /** 32 hex: hash of the image as git names it, for when a digest is not known. */
  readonly image: string;
}

export interface GoodVersion extends AppVersion {
  /** The config repo's commit that it was computed from: `<commit>`, `<commit>-dirty` or `content:<hash>`. */
  readonly revision: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface FailedVersion extends AppVersion {
  /** 32 hex: version of the release command that failed; empty: its machines did. */
  readonly command: string;
  readonly at: number;
}

/** A person went back to a version and wants the app to stay there. */
export interface PersonsHold {
  readonly to: GoodVersion;
  readonly by: string;
  readonly at: number;
}

/** A person wants the app left alone. */
export interface Suspension {
  readonly reason: string;
  readonly by: string;
  readonly at: number;
  /** undefined: until it is resumed. */
  readonly until: number | undefined;
}

export interface Standing {
  readonly good: GoodVersion | undefined;
  readonly failed: FailedVersion | undefined;
  readonly hold: PersonsHold | undefined;
  readonly suspension: Suspension | undefined;
  /** The newest text of each stamp, also of what was lifted: what every machine should carry. */
  readonly texts: StandingTexts;
}

export const standingKeys = [stampKeys.good, stampKeys.failed, stampKeys.hold, stampKeys.suspend] as const;
type StandingKey = (typeof standingKeys)[number];
export type StandingTexts = Readonly<Partial<Record<StandingKey, string>>>;

/** The two are one release. Where either digest is unknown, the image as it is written decides. */
export function isSameVersion(one: AppVersion, other: AppVersion): boolean {
  if (one.config !== other.config) return false;
  if (one.digest !== '' && other.digest !== '') return one.digest === other.digest;
  return one.image === other.image;
}

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
