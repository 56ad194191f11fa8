import type { BeforeSent, FlyReader, FlyWriter } from '../../src/fly/api.ts';
import { FlyError } from '../../src/fly/http/error.ts';
import type { Clock } from '../../src/model/base/clock.ts';
import { foundInTwo, shownMachine, Unshown } from '../../src/observed/presence.ts';
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
  /** As `BeforeSent`. */
  readonly ask: BeforeSent;
  readonly isDone: () => Promise<boolean>;
  readonly send: (beforeSent: BeforeSent) => Promise<void>;
}

/** What a try whose answer was lost has taken away is away: that is seen before it is asked whether another try may be sent. */
async function takeAway({ ask, isDone, send }: Removal): Promise<void> {
  // What cannot be seen is asked about as ever.
  const isSeenDone = (): Promise<boolean> => isDone().catch(() => false);
  let mayBeDone = false;
  try {
    await send(async (timesUnclear) => {
      mayBeDone = timesUnclear > 0;
      if (mayBeDone && (await isSeenDone())) throw new Done();
      await ask(timesUnclear);
    });
  } catch (error) {
    if (error instanceof Done) return;
    // The last try, or one after which Fly asked for patience.
    mayBeDone ||= error instanceof FlyError && error.outcome === 'unknown';
    if (!mayBeDone || !(await isSeenDone())) throw error;
  }
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
    destroyMachine: async (name, id, nonce, others) => {
      const isDone = (): Promise<boolean> => isMachineGone(looking, name, id);
      let isTaken = true;
      await takeAway({
        ask: before(one(id), others),
        isDone,
        send: async (beforeSent) => {
          isTaken = await fly.destroyMachine(name, id, nonce, beforeSent);
        },
      });
      // That there is none may be true for a moment alone.
      if (!isTaken && !(await isDone().catch(() => false))) throw new Unshown(name, id);
      return true;
    },
    cordonMachine: (name, id, nonce, others) => fly.cordonMachine(name, id, nonce, before(one(id), others)),
    // It takes nothing away, and gives back what somebody took.
    uncordonMachine: (name, id, nonce, others) => fly.uncordonMachine(name, id, nonce, before(always(id), others)),
    createVolume: (name, request, others) => fly.createVolume(name, request, before(app, others)),
    extendVolume: (name, id, sizeGb, others) => fly.extendVolume(name, id, sizeGb, before(app, others)),
    configureVolume: (name, id, settings, others) => fly.configureVolume(name, id, settings, before(app, others)),
    setSecrets: (name, values, others) => fly.setSecrets(name, values, before(app, others)),
    allocateAddress: (name, request, others) => fly.allocateAddress(name, request, before(app, others)),
    // Only its list tells of it, and lists lag: one that was gone already shows there.
    releaseAddress: (name, address, others) =>
      takeAway({
        ask: before(app, others),
        isDone: () => isReleased(looking, name, address),
        send: (beforeSent) => fly.releaseAddress(name, address, beforeSent),
      }),
  };
  return { ...fly, ...writes };
}
