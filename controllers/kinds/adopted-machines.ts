import type { FlyWriter } from '../../src/fly/api.ts';
import { allEnded } from '../../src/model/base/ending.ts';
import { isOwn, isPresumed, type FleetOwner } from '../../src/model/stamps/owner.ts';
import { metadataOf } from '../../src/plan/classify/machine-state.ts';

interface Adopting {
  /** Ids of machines that were taken over from another owner. */
  readonly adopted: Set<string>;
  readonly fly: FlyWriter;
}

/**
 * Lists lag, and show the labels of before for seconds: of a machine that was taken over they prove nothing. With this client's
 * lists it is looked at by its id as long as they do not show it as ours.
 */
export function adopting(fly: FlyWriter, fleet: FleetOwner): Adopting {
  const adopted = new Set<string>();
  // With `from`, machines that carry the earlier owner's labels would count as ours.
  const owner = { ...fleet, from: undefined };
  const machines: FlyWriter['machines'] = async (app, query) => {
    const listed = await fly.machines(app, query);
    const looked = await allEnded(
      listed.map(async (machine) => {
        const metadata = metadataOf(machine);
        const isShown = isOwn(metadata, owner) && !isPresumed(metadata, owner);
        return isShown || !adopted.has(machine.id) ? machine : fly.machine(app, machine.id);
      }),
    );
    return looked.filter((machine) => machine !== undefined);
  };
  return { adopted, fly: { ...fly, machines } };
}
