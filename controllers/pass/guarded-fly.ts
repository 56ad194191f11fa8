import type { BeforeSent, FlyReader, FlyWriter } from '../../src/fly/api.ts';

/** What a write concerns, as far as it decides what has to be looked at right before it is sent. */
export type WriteTarget =
  /** An app that is not there: no machine says anything of it. */
  | { readonly of: 'no-app' }
  | { readonly of: 'app' }
  /** `overwrites`: all its metadata is written anew, words of persons among it. */
  | { readonly of: 'machine'; readonly machineId: string; readonly overwrites?: boolean };

/** Throws a Fault where the write may not be sent any more. */
export type Gate = (target: WriteTarget) => Promise<void>;

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

/**
 * The one place through which a pass changes anything on Fly: the gate is asked right before each write is sent, behind all
 * that the client waits for, and once more with each further try or where the write has waited for its place since. A new kind of write does not compile until it is here.
 */
export function guardedFly(fly: FlyWriter, gate: Gate): FlyWriter {
  const before =
    (target: WriteTarget, others?: BeforeSent): BeforeSent =>
    async (timesUnclear) => {
      await gate(target);
      await others?.(timesUnclear);
    };
  const one = (machineId: string): WriteTarget => ({ of: 'machine', machineId });
  const app: WriteTarget = { of: 'app' };
  const writes: Writes = {
    createApp: (request, others) => fly.createApp(request, before({ of: 'no-app' }, others)),
    deleteApp: (name, others) => fly.deleteApp(name, before(app, others)),
    createMachine: (name, request, others) => fly.createMachine(name, request, before(app, others)),
    updateMachine: (name, id, request, nonce, others) =>
      fly.updateMachine(name, id, request, nonce, before({ of: 'machine', machineId: id, overwrites: true }, others)),
    startMachine: (name, id, nonce, others) => fly.startMachine(name, id, nonce, before(one(id), others)),
    stopMachine: (name, id, nonce, others) => fly.stopMachine(name, id, nonce, before(one(id), others)),
    restartMachine: (name, id, nonce, others) => fly.restartMachine(name, id, nonce, before(one(id), others)),
    destroyMachine: (name, id, nonce, others) => fly.destroyMachine(name, id, nonce, before(one(id), others)),
    cordonMachine: (name, id, nonce, others) => fly.cordonMachine(name, id, nonce, before(one(id), others)),
    uncordonMachine: (name, id, nonce, others) => fly.uncordonMachine(name, id, nonce, before(one(id), others)),
    createVolume: (name, request, others) => fly.createVolume(name, request, before(app, others)),
    extendVolume: (name, id, sizeGb, others) => fly.extendVolume(name, id, sizeGb, before(app, others)),
    configureVolume: (name, id, settings, others) => fly.configureVolume(name, id, settings, before(app, others)),
    setSecrets: (name, values, others) => fly.setSecrets(name, values, before(app, others)),
    allocateAddress: (name, request, others) => fly.allocateAddress(name, request, before(app, others)),
    releaseAddress: (name, address, others) => fly.releaseAddress(name, address, before(app, others)),
  };
  return { ...fly, ...writes };
}
