import type { Intent } from '../stamps/calls-stamp.ts';
import type { SecretEvidence } from '../stamps/secrets-stamp.ts';
import type { Told } from '../stamps/stamps.ts';
import type { StandingRow } from './standing.ts';

/** What FlyCD remembers of an app besides what stands on Fly. Everything here may be lost: then it is read from Fly or unknown. */
export interface Memory {
  /** By secret name: what we set, and the digest Fly gave for it. */
  readonly evidence: Readonly<Record<string, SecretEvidence>>;
  /** HMAC of the present value by secret name; undefined where there is no value here. */
  readonly currentMarks: Readonly<Record<string, string | undefined>>;
  /** Id of the HMAC key in use; evidence under another key is `unverified`. */
  readonly keyId: string;
  readonly intents: readonly Intent[];
  /** Ids of what FlyCD made where Fly has no key that says so: addresses, volumes. */
  readonly made: readonly string[];
  /** When a path was healed: `machine id or slot` + field path, newest last. */
  readonly heals: readonly Heal[];
  /** Fly's id of the app that all this is about. undefined: not known. By its name there may be another one since. */
  readonly appId: string | undefined;
  /** FlyCD set out to destroy that app, or to make the one after it, and its end is not known. */
  readonly underway: 'creating' | 'destroying' | undefined;
  /** Runs before it are of earlier apps by the name. undefined: none is known to be. */
  readonly firstRun: number | undefined;
  /** true: FlyCD has written to this app before, says SQLite: it did so itself, or saw machines that prove it. */
  readonly known: boolean;
  /** Addresses FlyCD gave by default once; they are not given again. */
  readonly defaultAddressesGiven: boolean;
  /** A pass began to give them, and not all are known to be there: a try that failed is not once made. */
  readonly defaultAddressesOwed: boolean;
  /**
   * When this FlyCD first saw what git is now, where it had seen an earlier revision before: it came then, and not before.
   * Milliseconds since the epoch. undefined: nobody knows when it came.
   */
  readonly revisionSeenAt: number | undefined;
  /** The text of `flycd_fulfilled` of an app that Fly shows no more, and that FlyCD did not destroy. */
  readonly fulfilledBefore: string | undefined;
  /** What git said (`inputs`) when a group was last seen with machines, by group, whatever became of those since. undefined: not known. */
  readonly populated: Readonly<Record<string, string>> | undefined;
  /** Since when the host of a machine does not answer, by its id. */
  readonly unreachable: Readonly<Record<string, number>>;
  /** The newest record of a release that FlyCD made on Fly. */
  readonly told: RememberedRelease | undefined;
  /** The app's stamps as they were written last: for an app that has no machine to carry them. */
  readonly standing: readonly StandingRow[];
}

export interface RememberedRelease extends Told {
  /** As it was told. */
  readonly image: string;
  /** Fly was not told yet how it ended. */
  readonly isOpen: boolean;
  /** The number of the first one that FlyCD remembers of the app: what flyctl made before was there when FlyCD came. */
  readonly first?: number | undefined;
}

interface Heal {
  readonly path: string;
  readonly at: number;
}

/** As SQLite has it. */
export type StoredMemory = Omit<Memory, 'currentMarks' | 'keyId' | 'revisionSeenAt' | 'fulfilledBefore'>;

/** Asked of what is true of the app that Fly shows (`memoryOf`). false: SQLite may never have heard of it. */
export function knowsApp({ appId, standing }: Pick<StoredMemory, 'appId' | 'standing'>): boolean {
  return appId !== undefined || standing.some((row) => row.appId !== undefined);
}

export const emptyMemory: Memory = {
  evidence: {},
  currentMarks: {},
  keyId: '',
  intents: [],
  made: [],
  heals: [],
  appId: undefined,
  underway: undefined,
  firstRun: undefined,
  known: false,
  defaultAddressesGiven: false,
  defaultAddressesOwed: false,
  revisionSeenAt: undefined,
  fulfilledBefore: undefined,
  populated: undefined,
  unreachable: {},
  told: undefined,
  standing: [],
};
