import type { FlyWriter } from '../../src/fly/api.ts';
import type { IpAssignment, Volume } from '../../schemas/fly/app.ts';
import type { Machine } from '../../schemas/fly/machine.ts';
import type { Release } from '../../schemas/fly/release.ts';
import type { DesiredApp, DesiredFleet } from '../../src/model/desired.ts';
import { longAgo, type Moment } from '../../src/model/base/moment.ts';
import type { SharedLook } from '../../src/model/base/shared-look.ts';
import type { Fault } from '../../src/model/base/fault.ts';
import type { Hold } from '../../src/model/plan.ts';
import type { StampedCall } from '../../src/model/stamps/calls-stamp.ts';
import type { OtherOwner } from '../../src/model/stamps/owner.ts';
import type { StandingRow, StandingTexts } from '../../src/model/standing/standing.ts';
import type { StampedEvidence } from '../../src/model/stamps/secrets-stamp.ts';
import type { ReleaseRecord } from './release-record.ts';
import { whyStopped, type AppServices, type HeldLease } from './services.ts';

/** What a plan rests on, as it was observed for it. */
interface Basis {
  /** undefined: they could not be read. */
  readonly machines: readonly Machine[] | undefined;
  /** What stood about the app as a whole. */
  readonly standing: StandingTexts;
  /** What SQLite knew of it then. */
  readonly remembered: readonly StandingRow[];
  /** true: SQLite knew this very app. */
  readonly isKnown: boolean;
  /** When Fly was asked for it. */
  readonly observedAt: Moment;
  /** What Fly has no key for, as far as it could be read: what the plan asks for comes besides. */
  readonly volumes: readonly Volume[];
  readonly addresses: readonly IpAssignment[];
  /** undefined: nobody asked for them. */
  readonly releases: readonly Release[] | undefined;
}

/** What ends the hold under which an app is, or comes where what git says does not run. */
interface WayOn {
  readonly next: string;
  readonly isHeld: boolean;
}

export interface PassStart {
  readonly fleet: DesiredFleet;
  readonly app: DesiredApp;
  /** Aborted when git says something newer of the app: machines that were not begun are left to the next pass, and so is a wait. */
  readonly newer: AbortSignal | undefined;
  readonly basis: Basis;
  readonly wayOn: WayOn | undefined;
  /** Evidence that the machines' stamps are to carry, as planned. undefined: unknown. */
  readonly stamped: readonly StampedEvidence[] | undefined;
  /** true: the plan knows of no machine of ours that is there for good. */
  readonly begins: boolean;
  /** Machines of other owners that a person hands over, by their ids: that one has it says nothing of whose the app is from now on. */
  readonly handedOver: ReadonlyMap<string, OtherOwner>;
  /** Machines that the plan destroys: what becomes of them holds nothing up. */
  readonly leaving: ReadonlySet<string>;
  /** The record on Fly of the release at work. */
  readonly record: ReleaseRecord;
}

/** `since`: its date, by the monotonic clock. */
export interface PassCall extends Omit<StampedCall, 'createdAt'> {
  readonly since: number;
}

/** All machines of the app, and when they were asked for: a list that took long may be of then. */
export interface Listed {
  readonly machines: readonly Machine[];
  readonly askedAt: Moment;
}

/** A machine by its id: when that was asked, and when answered. */
export interface SeenMachine {
  readonly at: Moment;
  readonly answeredAt: Moment;
  /** undefined: it was gone. */
  readonly machine: Machine | undefined;
}

/** One pass that applies one app's plan: what it is about, and what it has found out and holds. Disposed, it gives the app's lock back. */
export class AppPass {
  readonly services: AppServices;
  /**
   * Takes away what this pass has made and must not stay, without asking: no word of a person keeps a command that hangs, or a
   * machine in an app that another owner began.
   */
  readonly undo: Pick<FlyWriter, 'destroyMachine'>;
  readonly fleet: DesiredFleet;
  readonly app: DesiredApp;
  readonly newer: AbortSignal | undefined;
  readonly handedOver: PassStart['handedOver'];
  readonly leaving: ReadonlySet<string>;
  readonly record: ReleaseRecord;
  readonly basis: Basis;
  readonly wayOn: WayOn | undefined;
  /** Of the basis' machines those that the plan counted, by their ids, and the process group of each. undefined: nobody asked yet. */
  counted: ReadonlyMap<string, string> | undefined;
  /** Ids of machines that this pass changes, and names of those that it makes: what became of them is its own doing. */
  readonly touched = new Set<string>();
  /** Machines of which Fly has taken a change by this pass: the rest of that is sent though git has moved on since. */
  readonly underway = new Set<string>();
  /** Machines that it made, by their ids, and the process group of each. */
  readonly made = new Map<string, string>();
  /** Machines of another owner that it took over, by their ids. */
  readonly adopted = new Set<string>();
  /** The app has moved on since it was planned, and nothing more is begun. */
  overtaken: Fault | undefined;
  /** Nobody knows yet whether another owner begins the app at this moment: what is made meanwhile says so. */
  begins: boolean;
  /** What this pass made of the app's beginning. */
  readonly begun: Machine[] = [];
  /** When this pass last asked for a list of the app's machines that told whether another owner came first. */
  lookedAt: Moment = longAgo;
  /** When the list was asked for in which words about the app were last looked for. */
  heardAt: Moment;
  /** Machines that were looked at for words, by their ids. */
  readonly seen = new Map<string, SeenMachine>();
  /** All machines, right before something is written. undefined: nobody looked yet. */
  listed: SharedLook<Listed> | undefined;
  /** One of ours by its id, right before something is written. undefined: nobody looked yet. */
  oneSeen: SharedLook<void> | undefined;
  /** Machines of which Fly did not answer by their ids when one of ours was looked at: others are asked first. */
  readonly unanswered = new Set<string>();
  /** Ids of machines that are there, right before one is destroyed. undefined: nobody looked yet. */
  stayed: SharedLook<Set<string>> | undefined;
  /** Machines' leases that the pass holds, the lock's among them. */
  readonly leases = new Map<string, HeldLease>();
  /** Looks after a create, one after the other: what the first one finds is true for all. */
  looks: Promise<void> = Promise.resolve();
  /** Another owner came first, and nothing more is done. undefined: none that is known. */
  lost: Hold | undefined;
  /** Ids of volumes that this pass made, or found made: lists may show them seconds later. */
  readonly madeVolumes = new Set<string>();
  /** Addresses that this pass made, or found made: what it then gives up is given up for them. */
  readonly madeAddresses = new Set<string>();
  /** Volumes that a create of this pass has been given: creates side by side must not choose the same one. */
  readonly claimedVolumes = new Set<string>();
  /** Ids of intents that this pass has begun: they are for its own steps. */
  readonly intents = new Set<number>();
  /** What answers a call of this pass that Fly has no key for, by its id, and the call's target: it answers no other. */
  readonly answers = new Map<string, string>();
  /** Machines whose place another one has that this pass saw healthy. */
  readonly replaced = new Set<string>();
  /** Machines that this pass made anew elsewhere: standbys still name them. */
  readonly moved = new Set<string>();
  /** Filled by the secrets wave: machines started afterwards must see at least this version of the app's secrets. */
  secretsVersion: number | undefined;
  /** Evidence that the machines' stamps are to carry: the plan's, then with what the secrets waves set. undefined: unknown. */
  stamped: readonly StampedEvidence[] | undefined;
  /** The image that this pass had made: steps name it without its digest. */
  built: { readonly ref: string; readonly digest: string } | undefined;
  /** The app's lock, once something is about to be created: the lease of its lowest machine, kept to the end of the pass. */
  lock: HeldLease | undefined;
  /** Calls without a key on the lock's stamp: those found there, and this pass's. undefined: not read yet. */
  calls: { readonly before: readonly PassCall[]; ours: readonly PassCall[] } | undefined;

  constructor(services: AppServices, start: PassStart, undo: Pick<FlyWriter, 'destroyMachine'> = services.fly) {
    this.services = services;
    this.undo = undo;
    this.fleet = start.fleet;
    this.app = start.app;
    this.newer = start.newer;
    this.begins = start.begins;
    this.handedOver = start.handedOver;
    this.leaving = start.leaving;
    this.record = start.record;
    this.basis = start.basis;
    this.heardAt = start.basis.observedAt;
    this.wayOn = start.wayOn;
    this.stamped = start.stamped;
  }

  /** Why nothing new is begun. undefined: go on. */
  whyStopped(): string | undefined {
    if (this.lost !== undefined) return this.lost.because;
    if (this.overtaken !== undefined) return this.overtaken.message;
    return whyStopped({ signal: this.services.signal, newer: this.newer });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lock?.[Symbol.asyncDispose]();
  }
}
