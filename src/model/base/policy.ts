/** Kinds of things that `prune` may remove once git no longer names them. Volumes are never among them. */
const prunable = ['addresses', 'secrets', 'certificates', 'app'] as const;
type Prunable = (typeof prunable)[number];

/** heal = all but a hand-made `fly deploy`; heal_all = that too; report = shown as held; off = existence and counts only. */
const driftModes = ['heal', 'heal_all', 'report', 'off'] as const;
type DriftMode = (typeof driftModes)[number];

/** What differs stays, and a note says so. */
export const notHealedWords = 'drift is not healed here (sync.drift: off)';

/** rollback = a release that failed goes back to the version before; stop = what it left stands. Either way it is held. */
const failureModes = ['rollback', 'stop'] as const;
type FailureMode = (typeof failureModes)[number];

/** A time in which releases may begin, or may not. */
export interface SyncWindow {
  readonly kind: 'allow' | 'deny';
  /** Cron, five fields: when it begins. */
  readonly schedule: string;
  readonly durationSeconds: number;
  /** Of the schedule: `Europe/Stockholm`. */
  readonly timezone: string;
}

/** `sync:` of flycd.yaml, project.yaml and app.yaml, merged key by key, with defaults filled in. */
export interface SyncPolicy {
  /** false: the loops of `serve` and `sync` show the plan but do not apply it. */
  readonly auto: boolean;
  readonly drift: DriftMode;
  readonly prune: readonly Prunable[];
  /** Most objects a sync may remove; the brake takes the smaller of this and 10 %, at least 1. */
  readonly maxDeletes: number;
  /** Seconds between passes over an app; undefined: the loop's own. */
  readonly intervalSeconds: number | undefined;
  /** Empty: releases begin at any time. */
  readonly windows: readonly SyncWindow[];
  /** A machine without a volume is made anew elsewhere once its host has not answered for a quarter of an hour. */
  readonly replaceUnreachable: boolean;
  readonly onFailure: FailureMode;
}

export const defaultPolicy: SyncPolicy = {
  auto: true,
  drift: 'heal',
  prune: [],
  maxDeletes: 3,
  intervalSeconds: undefined,
  windows: [],
  replaceUnreachable: false,
  onFailure: 'rollback',
};
