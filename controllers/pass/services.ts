/** What passes are handed and answer with: their services, and the words between a step and who asked for it. */
import type { FlyReader, FlyWriter } from '../../src/fly/api.ts';
import type { Aside } from '../../src/loop/aside.ts';
import type { Clock } from '../../src/model/base/clock.ts';
import type { Log } from '../../src/model/base/log.ts';
import type { DesiredApp, DesiredFleet } from '../../src/model/desired.ts';
import type { OnProgress } from '../../src/model/progress.ts';
import type { StepOutcome } from '../../src/model/run.ts';
import type { Evidence } from '../../src/record/evidence.ts';
import type { Store } from '../../src/record/store.ts';

/** The tools of a pass, the same for all its steps. */
export interface AppServices {
  readonly clock: Clock;
  readonly log: Log;
  readonly fly: FlyWriter;
  readonly store: Store;
  readonly evidence: Evidence;
  readonly onProgress: OnProgress;
  /** Names this process in leases: `flycd:<fleet>:<instance>`. */
  readonly instance: string;
  /** Aborted when the process is asked to stop: what Fly has begun to change is seen through, and nothing else is sent any more. */
  readonly signal: AbortSignal;
  /** wait: a command waits out a short delay with a progress line; requeue: the loop comes back later. */
  readonly patience: 'wait' | 'requeue';
  /** true: nobody plans the app again behind this pass, so that what it meets is said as it is. */
  readonly isLastTry?: boolean | undefined;
  /** Ids of machines that this command has taken over, which its passes add to. Default: nobody asks. */
  readonly adopted?: Set<string> | undefined;
  /** Lists as Fly gives them, where `fly` shows beside them what the command has done. Default: `fly` does not. */
  readonly asListed?: Pick<FlyReader, 'machines' | 'orgMachines'> | undefined;
  /** Waits without keeping another app from its turn. */
  readonly yieldSlot: Aside;
  /** undefined: nothing is built here. */
  readonly builds?: ImageBuilder | undefined;
}

/** What a reconciler says of a step that went well. Failures are thrown. */
export interface StepDone {
  readonly outcome: Exclude<StepOutcome, 'failed' | 'interrupted' | 'skipped'>;
  /** For a person: what is worth knowing about it. */
  readonly message?: string | undefined;
}

/** Why nothing new is begun: `signal` is the process's, `newer` the app's. undefined: go on. */
export function whyStopped(on: {
  readonly signal: AbortSignal;
  readonly newer?: AbortSignal | undefined;
}): string | undefined {
  if (on.signal.aborted) return 'FlyCD was asked to stop';
  return on.newer?.aborted === true ? 'git has moved on' : undefined;
}

export interface HeldLease {
  readonly machineId: string;
  readonly nonce: string;
  /** Throws when a renewal failed: somebody else may hold the machine now. Fly is asked only where one of our clocks says so. */
  check(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** How leases of ours are described: others read who holds a machine. */
export function leaseDescription(fleet: string, instance: string): string {
  return `flycd:${fleet}:${instance}`;
}

export interface ImageRequest {
  readonly fleet: DesiredFleet;
  readonly app: DesiredApp;
  readonly key: string;
  readonly store: Pick<Store, 'builds' | 'addBuild'>;
  /** A line of the build's output. */
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
  /** Aborted when git says something newer of the app: it waits no longer, and the build goes on for whoever still wants it. */
  readonly newer?: AbortSignal | undefined;
}

export interface HadImage {
  readonly digest: string;
  readonly how: 'there' | 'copied' | 'built';
  /** The app it was copied from. */
  readonly from?: string | undefined;
}

/** Makes images of sources. */
export interface ImageBuilder {
  /** The app's repository has the image afterwards. Throws a Fault. */
  provide(request: ImageRequest): Promise<HadImage>;
  /** A newer revision builds something else: what nobody wants any more is stopped. */
  keepOnly(wanted: ReadonlySet<string>): void;
}
