/**
 * What FlyCD writes on machines, as metadata (written without a restart) and FLYCD_* env (written with an update).
 * Stamps on Fly come first, SQLite second: a FlyCD with an empty database reads everything it needs from here.
 */
export const stampKeys = {
  /** The fleet that owns the machine. */
  fleet: 'flycd_fleet',
  /** o1:<address>:<root commit> of the config repo, where nobody named the fleet (`owner.ts`). */
  origin: 'flycd_origin',
  /** The app that all these stamps are about: a copy of the machine in another app carries them, too (`foreign.ts`). */
  app: 'flycd_app',
  /** group/region/n, n from 1. */
  slot: 'flycd_slot',
  /** hash(app, slot, generation, sent): tells a machine of ours whose create answer was lost from a stranger. */
  launch: 'flycd_launch',
  /** s1:<config version>:<image>: version of what we sent. */
  sent: 'flycd_sent',
  /** r1:<hash>: the settled live config as read back after our last write. Each update clears it. */
  read: 'flycd_read',
  /** JSON list of field paths where the platform keeps its own value. */
  kept: 'flycd_kept',
  /** JSON list of the fields beyond a fly config that git named at our last write: one that it names no longer goes. */
  named: 'flycd_named',
  /** fly_release_id as last read back: another id later means somebody used flyctl. */
  release: 'flycd_release',
  /** i2:<hash of git's documents before the merge, of files and app version>: what the restart brake compares. */
  inputs: 'flycd_inputs',
  /** The machine's own id: another id there means a copy (`fly machine clone` copies metadata). */
  machine: 'flycd_machine',
  /**
   * Set at create on a group's first machines where git gives no count, and taken away once all of them are there: until
   * then flyctl's defaults say how many there should be, afterwards what is there does.
   */
  first: 'flycd_first',
  /**
   * Regions that git named, with commas, where it gives no count: one that is not among them is named newly, and gets what
   * `min_machines_running` asks for.
   */
  regions: 'flycd_regions',
  /** hash(image, release command): the command that ran before this machine got what it has. */
  command: 'flycd_command',
  /** `<build key>:<digest>`: what the machine's image would be built from, where it was not FlyCD that built it. */
  built: 'flycd_built',
  /** Set with each write that starts the machine, taken away once it was seen healthy: until then the write is not done. */
  unproven: 'flycd_unproven',
  /**
   * Set at create while no machine of ours stands in the app: another owner may be beginning it at the same moment. Taken
   * away once it is known that none came first (`beginning.ts`); where one did, the machine goes.
   */
  begun: 'flycd_begun',
  /** `<id>:<number>:<version>`: our record on Fly of the release that last reached the machine. */
  told: 'flycd_told',
  /** The number of FlyCD's first release of the app: what flyctl made before was there when FlyCD came. */
  firstRelease: 'flycd_first_release',
  /** What git said (`inputs`) when FlyCD took the machine away, written right before: where it is gone without, somebody else did. */
  leaving: 'flycd_leaving',
  /** Ids, with commas, of machines whose place it took: they count no more, and go when they can. */
  replaces: 'flycd_replaces',
  /** On the machine that is the app's lock: calls without a key that were made within the last minute (`calls-stamp.ts`). */
  calls: 'flycd_calls',
  /** App-wide, the same on every machine: evidence of the app's secrets (`secrets-stamp.ts`). */
  secrets: 'flycd_secrets',
  /** App-wide: the version of the last release that completed. This and the next four are read by `standing-text.ts` and `app-version.ts`. */
  good: 'flycd_good',
  /** App-wide: what git wanted when a pass last found it fulfilled (`Fulfilled` in `input-stamps.ts`). */
  fulfilled: 'flycd_fulfilled',
  /** App-wide: the version of a release that failed. It is not tried again. */
  failed: 'flycd_failed',
  /** App-wide: the version that a person went back to, where the app stays. */
  hold: 'flycd_hold',
  /** App-wide: a person wants the app left alone. */
  suspend: 'flycd_suspend',
} as const;

/** Metadata that belongs to FlyCD or flyctl: outside every diff and hash. */
export function isBookkeepingKey(key: string): boolean {
  return key.startsWith('flycd_') || key.startsWith('fly_') || key === 'fly-managed-postgres';
}

/**
 * Env that says which version runs: outside every diff and hash. Only these names, which v0 wrote too: FlyCD's own app
 * has FLYCD_* settings of its own, and those must reach its machines.
 */
export function isVersionEnv(name: string): boolean {
  return name === 'FLYCD_CONFIG_VERSION' || name === 'FLYCD_APP_VERSION' || name.startsWith('FLYCD_APP_SOURCE_');
}

/** Metadata of flyctl that makes `fly status`, `fly scale` and `fly deploy` by hand understand our machines. */
export const flyctlKeys = {
  platformVersion: 'fly_platform_version',
  processGroup: 'fly_process_group',
  releaseId: 'fly_release_id',
  releaseVersion: 'fly_release_version',
  /** Who wrote the machine last. flyctl writes its version there and never reads it. */
  writer: 'fly_flyctl_version',
} as const;

/** What flyctl writes on a machine whichever release it comes from. */
export function flyctlMetadata(group: string): Record<string, string> {
  return { [flyctlKeys.platformVersion]: 'v2', [flyctlKeys.processGroup]: group };
}
