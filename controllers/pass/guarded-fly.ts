import type { BeforeSent, FlyReader, FlyWriter } from '../../src/fly/api.ts';
import { FlyError } from '../../src/fly/http/error.ts';
import type { Clock } from '../../src/model/base/clock.ts';
import { Fault } from '../../src/model/base/fault.ts';
import { foundInTwo, shownMachine } from '../../src/observed/presence.ts';
import { isGone } from '../../src/plan/classify/machine-state.ts';

/** What a write concerns, as far as it decides what has to be looked at right before it is sent. */
export type WriteTarget =
  /** An app that is not there: no machine says anything of it. */
  | { readonly of: 'no-app' }
  | { readonly of: 'app' }
  /**
   * `overwrites`: all its metadata is written anew, words of persons among it. `goesOn`: sent also where git has moved on or FlyCD
   * is asked to stop; 'begun': where Fly has taken a change of the machine from this pass, of which this may be the rest.
   */
  | {
      readonly of: 'machine';
      readonly machineId: string;
      readonly overwrites?: boolean;
      readonly goesOn?: 'begun' | 'always';
    };

type MachineTarget = Extract<WriteTarget, { of: 'machine' }>;

/**
 * Throws a Fault where the write may not be sent any more. `timesUnclear`: tries before this one that got no answer. `others`: what
 * else is asked before it, and may run side by side with that.
 */
export type Gate = (target: WriteTarget, timesUnclear: number, others?: () => Promise<void>) => Promise<void>;

/**
 * Sent without asking. Stamps are merged into what stands on a machine, write over no word and tell of what was done before it;
 * by leases and records FlyCDs tell each other who is at work, until the last of it is done.
 */
type Unguarded =
  | 'patchMetadata'
  | 'acquireLease'
  | 'refreshLease'
  | 'releaseLease'
  | 'lease'
  | 'createRelease'
  | 'updateRelease';

type Writes = Omit<FlyWriter, keyof FlyReader | Unguarded>;

/** A try whose answer was lost has done it, whatever forbids another one. */
export class Done extends Error {}

interface Removal {
  /** In words. */
  readonly what: string;
  /** As `BeforeSent`. */
  readonly ask: BeforeSent;
  readonly isDone: () => Promise<boolean>;
  /** false: Fly answers that there is none. */
  readonly send: (beforeSent: BeforeSent) => Promise<boolean>;
}

/**
 * What a try whose answer was lost has taken away is away: that is seen before it is asked whether another try may be sent. That
 * there is none, which may be true for a moment alone, is looked into.
 */
async function takeAway({ what, ask, isDone, send }: Removal): Promise<true> {
  // What cannot be seen is asked about as ever.
  const isSeenDone = (): Promise<boolean> => isDone().catch(() => false);
  let mayBeDone = false;
  try {
    const isTaken = await send(async (timesUnclear) => {
      mayBeDone = timesUnclear > 0;
      if (mayBeDone && (await isSeenDone())) throw new Done();
      await ask(timesUnclear);
    });
    if (!isTaken && !(await isSeenDone())) throw stillThere(what);
    return true;
  } catch (error) {
    if (error instanceof Done) return true;
    // The last try, or one after which Fly asked for patience.
    mayBeDone ||= error instanceof FlyError && error.outcome === 'unknown';
    if (!mayBeDone || !(await isSeenDone())) throw error;
    return true;
  }
}

function stillThere(what: string): Fault {
  return new Fault({
    kind: 'transient',
    what: `Fly answered that there is no ${what}, and nothing shows that it is gone`,
    next: 'FlyCD looks again and goes on from what it sees',
  });
}

interface Looking {
  readonly fly: FlyReader;
  readonly clock: Clock;
}

async function isMachineGone(looking: Looking, app: string, id: string): Promise<boolean> {
  const machine = await shownMachine(looking, app, id);
  return machine === undefined || isGone(machine);
}

async function isReleased(looking: Looking, app: string, address: string): Promise<boolean> {
  const listed = () => looking.fly.addresses(app).then((all) => all.find(({ ip }) => ip === address));
  return (await foundInTwo(looking, listed)) === undefined;
}

/**
 * The one place through which a pass changes anything on Fly: the gate is asked right before each write is sent, behind all
 * that the client waits for, and once more with each further try or where the write has waited for its place since. A new kind of write does not compile until it is here.
 */
export function guardedFly(fly: FlyWriter, clock: Clock, gate: Gate): FlyWriter {
  const looking = { fly, clock };
  const before =
    (target: WriteTarget, others?: BeforeSent): BeforeSent =>
    (timesUnclear) =>
      gate(target, timesUnclear, others === undefined ? undefined : () => others(timesUnclear));
  const one = (machineId: string): MachineTarget => ({ of: 'machine', machineId });
  const begun = (machineId: string): MachineTarget => ({ of: 'machine', machineId, goesOn: 'begun' });
  const always = (machineId: string): MachineTarget => ({ of: 'machine', machineId, goesOn: 'always' });
  const app: WriteTarget = { of: 'app' };
  const writes: Writes = {
    createApp: (request, others) => fly.createApp(request, before({ of: 'no-app' }, others)),
    deleteApp: (name, others) => fly.deleteApp(name, before(app, others)),
    createMachine: (name, request, others) => fly.createMachine(name, request, before(app, others)),
    updateMachine: (name, id, request, nonce, others) =>
      fly.updateMachine(name, id, request, nonce, before({ ...begun(id), overwrites: true }, others)),
    startMachine: (name, id, nonce, others) => fly.startMachine(name, id, nonce, before(begun(id), others)),
    stopMachine: (name, id, nonce, others) => fly.stopMachine(name, id, nonce, before(one(id), others)),
    restartMachine: (name, id, nonce, others) => fly.restartMachine(name, id, nonce, before(one(id), others)),
    destroyMachine: (name, id, nonce, others) =>
      takeAway({
        what: `machine ${id}`,
        ask: before(one(id), others),
        isDone: () => isMachineGone(looking, name, id),
        send: (beforeSent) => fly.destroyMachine(name, id, nonce, beforeSent),
      }),
    cordonMachine: (name, id, nonce, others) => fly.cordonMachine(name, id, nonce, before(one(id), others)),
    // It takes nothing away, and gives back what somebody took.
    uncordonMachine: (name, id, nonce, others) => fly.uncordonMachine(name, id, nonce, before(always(id), others)),
    createVolume: (name, request, others) => fly.createVolume(name, request, before(app, others)),
    extendVolume: (name, id, sizeGb, others) => fly.extendVolume(name, id, sizeGb, before(app, others)),
    configureVolume: (name, id, settings, others) => fly.configureVolume(name, id, settings, before(app, others)),
    setSecrets: (name, values, others) => fly.setSecrets(name, values, before(app, others)),
    allocateAddress: (name, request, others) => fly.allocateAddress(name, request, before(app, others)),
    releaseAddress: async (name, address, others) => {
      await takeAway({
        what: `address ${address}`,
        ask: before(app, others),
        isDone: () => isReleased(looking, name, address),
        // Only its list tells of it, and lists lag: one that was gone already shows there.
        send: (beforeSent) => fly.releaseAddress(name, address, beforeSent).then(() => true),
      });
    },
  };
  return { ...fly, ...writes };
}
