import type { Machine } from '../../schemas/fly/machine.ts';
import type { FlyWriter } from '../../src/fly/api.ts';
import type { Clock } from '../../src/model/base/clock.ts';
import { allEnded } from '../../src/model/base/ending.ts';
import { momentOf, msSince, type Moment } from '../../src/model/base/moment.ts';
import { isOwn, isPresumed, type FleetOwner } from '../../src/model/stamps/owner.ts';
import { shownMachine } from '../../src/observed/presence.ts';
import { metadataOf } from '../../src/plan/classify/machine-state.ts';
import { listedMsMax } from '../pass/beginning.ts';

/** A client whose lists show what was done through it. */
export interface OwnWrites {
  readonly fly: FlyWriter;
  /** Ids of machines that were taken over from another owner: whoever does so adds them. */
  readonly adopted: Set<string>;
}

/**
 * Lists lag by seconds, and would show a command what it has changed as it was before: a version that failed would stay, and the
 * earlier owner seem to have taken an app back. A machine that a list shows otherwise than this client has seen it by its id within
 * the last minute, or not as ours though it was taken over, is looked at by its id. Such a list fails with a transient Fault where
 * Fly does not show that machine, and does not show that it is gone.
 */
export function readingOwnWrites(
  { fly, clock }: { readonly fly: FlyWriter; readonly clock: Clock },
  fleet: FleetOwner,
): OwnWrites {
  const adopted = new Set<string>();
  const seen = new Map<string, { readonly version: string | undefined; readonly at: Moment }>();
  // With `from`, machines that carry the earlier owner's labels would count as ours.
  const owner = { ...fleet, from: undefined };
  const note = <Seen extends Machine | undefined>(machine: Seen): Seen => {
    if (machine !== undefined) seen.set(machine.id, { version: machine.instance_id, at: momentOf(clock) });
    return machine;
  };
  const isOld = (machine: Machine): boolean => {
    const metadata = metadataOf(machine);
    if (adopted.has(machine.id) && !(isOwn(metadata, owner) && !isPresumed(metadata, owner))) return true;
    const last = seen.get(machine.id);
    return last !== undefined && last.version !== machine.instance_id && msSince(clock, last.at) < listedMsMax;
  };
  const read: Pick<FlyWriter, 'machine' | 'machines' | 'updateMachine'> = {
    machine: async (app, id) => note(await fly.machine(app, id)),
    updateMachine: async (...asked) => note(await fly.updateMachine(...asked)),
    async machines(app, query) {
      const listed = await fly.machines(app, query);
      const now = await allEnded(
        listed.map(async (machine) =>
          isOld(machine) ? note(await shownMachine({ fly, clock }, app, machine.id)) : machine,
        ),
      );
      return now.filter((machine) => machine !== undefined);
    },
  };
  return { adopted, fly: { ...fly, ...read } };
}
