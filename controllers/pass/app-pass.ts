import type { FlyWriter } from '../../src/fly/api.ts';
import type { Clock } from '../../src/model/base/clock.ts';
import type { Aside } from '../../src/loop/aside.ts';
import type { DesiredApp, DesiredFleet } from '../../src/model/desired.ts';
import type { Log } from '../../src/model/base/log.ts';
import type { OnProgress } from '../../src/model/progress.ts';
import type { StampedCall } from '../../src/model/stamps/calls-stamp.ts';
import type { StampedEvidence } from '../../src/model/stamps/secrets-stamp.ts';
import type { Evidence } from '../../src/record/evidence.ts';
import type { Store } from '../../src/record/store.ts';
import type { ImageBuilds } from '../images/builds.ts';
import type { HeldLease } from './lease.ts';
import type { ReleaseRecord } from './release-record.ts';

/** What applying one app's plan needs. One value, handed down to every reconciler. */
export interface ApplyContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly fly: FlyWriter;
  readonly store: Store;
  readonly evidence: Evidence;
  readonly onProgress: OnProgress;
  /** Names this process in leases: `flycd:<fleet>:<instance>`. */
  readonly instance: string;
  /** Aborted when the process is asked to stop: the current step finishes, no new one starts. */
  readonly signal: AbortSignal;
  /** Aborted when git says something newer of the app: machines that were not begun are left to the next pass, and so is a wait. */
  readonly newer?: AbortSignal | undefined;
  /** wait: a command waits out a short delay with a progress line; requeue: the loop comes back later. */
  readonly patience: 'wait' | 'requeue';
  readonly fleet: DesiredFleet;
  readonly app: DesiredApp;
  /** Filled by the secrets wave: machines started afterwards must see at least this version of the app's secrets. */
  secretsVersion: number | undefined;
  /** Evidence that the machines' stamps are to carry: the plan's, then with what the secrets waves set. undefined: unknown. */
  stamped: readonly StampedEvidence[] | undefined;
  /** Machines that the plan destroys: what becomes of them holds nothing up. */
  readonly leaving: ReadonlySet<string>;
  /** Volumes that a create of this pass has been given: creates side by side must not choose the same one. */
  readonly claimedVolumes: Set<string>;
  /** Machines that this pass made anew elsewhere: standbys still name them. */
  readonly moved: Set<string>;
  /** Waits without keeping another app from its turn. */
  readonly aside: Aside;
  /** The record on Fly of the release at work. */
  readonly record: ReleaseRecord;
  /** undefined: nothing is built here. */
  readonly builds?: ImageBuilds | undefined;
  /** The image that this pass had made: steps name it without its digest. */
  built: { readonly ref: string; readonly digest: string } | undefined;
  /** The app's lock, once something is about to be created: the lease of its lowest machine, kept to the end of the pass. */
  lock: HeldLease | undefined;
  /** Calls without a key on the lock's stamp: those found there, and this pass's. undefined: not read yet. */
  calls: { readonly before: readonly StampedCall[]; ours: readonly StampedCall[] } | undefined;
}

export function leaseDescription(context: ApplyContext): string {
  return `flycd:${context.fleet.name}:${context.instance}`;
}

/** Why nothing new is begun. undefined: go on. */
export function whyStopped({ signal, newer }: Pick<ApplyContext, 'signal' | 'newer'>): string | undefined {
  if (signal.aborted) return 'FlyCD was asked to stop';
  return newer?.aborted === true ? 'git has moved on' : undefined;
}
