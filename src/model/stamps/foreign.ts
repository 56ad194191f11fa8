/**
 * Whose stamps a machine carries. One that somebody copied from another app, config and all, brings that app's along: a version
 * that ran well there, a command that ran, evidence of secrets, what persons said. None of it is about the app that it is in
 * now. The client leaves such stamps out wherever it reads a machine, so that to everybody else it was made by hand.
 *
 * A machine says which app its stamps are about (`flycd_app`). Of one that was stamped before they said so:
 *
 * | it says no app, and is        | its stamps are                                              |
 * | ----------------------------- | ----------------------------------------------------------- |
 * | no copy                       | this app's                                                  |
 * | a copy of one in the app      | this app's                                                  |
 * | another copy, beside one that | another's: what was copied of this app since would say so,  |
 * | says this app                 | too, wherever FlyCD has put the name                        |
 * | another copy, beside none     | this app's, for `fly machine clone` may have made it; but   |
 * |                               | another's to a FlyCD whose SQLite knows the app (`asKnown`) |
 *
 * No word and no label gives such a copy this app's name with what it brought along (`missingStamps`). A machine that shows
 * nothing of its config says no app: beside it alone, a FlyCD with an empty SQLite takes another app's copy for this app's.
 */
import { stampKeys } from './keys.ts';
import { isCopy } from './slot.ts';

interface WithMetadata {
  readonly metadata?: Record<string, string> | null | undefined;
}

/** A machine as Fly shows it, in a list of an app or of an organization, or by its id. */
interface Stamped {
  readonly id: string;
  readonly config?: WithMetadata | null | undefined;
  readonly incomplete_config?: WithMetadata | null | undefined;
}

/** The app's machines as they are of this app. `among`: all that stand in it, where these are not all. */
export function asOfApp<T extends Stamped>(
  app: string,
  machines: readonly T[],
  among: readonly Stamped[] = machines,
): readonly T[] {
  const isNamed = among.some((machine) => metadataOf(machine)[stampKeys.app] === app);
  return machines.map((machine) => {
    const about = metadataOf(machine)[stampKeys.app];
    const isForeign = about === undefined ? isNamed && isUnprovenCopy(machine, among) : about !== app;
    return isForeign ? withoutStamps(machine) : machine;
  });
}

/** The same where SQLite knows the app. */
export function withoutUnproven<T extends Stamped>(machines: readonly T[], among: readonly Stamped[]): readonly T[] {
  return machines.map((machine) => (isUnprovenCopy(machine, among) ? withoutStamps(machine) : machine));
}

/** true: a copy that does not say of which app, and its original stands in none of these places: it may be another app's. */
export function isUnprovenCopy(machine: Stamped, among: readonly Stamped[]): boolean {
  const metadata = metadataOf(machine);
  return isUnnamedCopy(machine.id, metadata) && among.every(({ id }) => id !== metadata[stampKeys.machine]);
}

export function isUnnamedCopy(machineId: string, metadata: Readonly<Record<string, string>>): boolean {
  return metadata[stampKeys.app] === undefined && isCopy(machineId, metadata);
}

/** Nothing is left but whose they are: of which app, or of which machine. What others wrote stays. */
export function withoutStamps<T extends Stamped>(machine: T): T {
  const { config, incomplete_config: incomplete } = machine;
  return {
    ...machine,
    ...(config == null ? {} : { config: strippedOf(config) }),
    ...(incomplete == null ? {} : { incomplete_config: strippedOf(incomplete) }),
  };
}

function strippedOf<T extends WithMetadata>(config: T): T {
  const { metadata } = config;
  if (metadata == null) return config;
  const kept = Object.entries(metadata).filter(([key]) => whose.has(key) || !stamps.has(key));
  return { ...config, metadata: Object.fromEntries(kept) };
}

function metadataOf({ config, incomplete_config: incomplete }: Stamped): Readonly<Record<string, string>> {
  return config?.metadata ?? incomplete?.metadata ?? {};
}

const whose: ReadonlySet<string> = new Set([stampKeys.app, stampKeys.machine]);
const stamps: ReadonlySet<string> = new Set(Object.values(stampKeys));
