/**
 * What stands about an app as a whole: which version ran well last, what git wanted when that was fulfilled last, which version
 * failed, where a person holds it, whether it is suspended. Each is a stamp, the same on every machine of the app, and a row in SQLite for an app without machines.
 * Where they differ the newest wins, so that a machine whose host was down when something was lifted brings nothing back.
 * What people say carries a counter: clocks of two laptops differ, and one second holds two words.
 */
import { stampKeys } from '../stamps/keys.ts';
import type { Fulfilled } from '../stamps/input-stamps.ts';
import type { GoodVersion, FailedVersion } from '../stamps/app-version.ts';

/** A person went back to a version and wants the app to stay there. */
export interface PersonsHold {
  readonly to: GoodVersion;
  readonly by: string;
  readonly at: number;
  /** One more than that of the word it overrules, lifted or not. 0: written before words were counted. */
  readonly count: number;
}

/** A person wants the app left alone. */
export interface Suspension {
  readonly reason: string;
  readonly by: string;
  readonly at: number;
  /** undefined: until it is resumed. */
  readonly until: number | undefined;
  /** As of a hold. */
  readonly count: number;
}

export interface Standing {
  readonly good: GoodVersion | undefined;
  readonly failed: FailedVersion | undefined;
  readonly fulfilled: Fulfilled | undefined;
  readonly hold: PersonsHold | undefined;
  readonly suspension: Suspension | undefined;
  /** The newest text of each stamp, also of what was lifted: what every machine should carry. */
  readonly texts: StandingTexts;
}

export const standingKeys = [
  stampKeys.good,
  stampKeys.fulfilled,
  stampKeys.failed,
  stampKeys.hold,
  stampKeys.suspend,
] as const;
/** Those of what a person said. */
export const personsKeys = [stampKeys.hold, stampKeys.suspend] as const;
export type StandingKey = (typeof standingKeys)[number];
export type StandingTexts = Readonly<Partial<Record<StandingKey, string>>>;

/** The text of a stamp as SQLite keeps it. */
export interface StandingRow {
  readonly key: StandingKey;
  readonly text: string;
  /** Fly's id of the app that it is said of. undefined: Fly showed none then, or nobody wrote it down. */
  readonly appId: string | undefined;
}
