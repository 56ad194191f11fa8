/** Volumes of machines that are going: free in a moment, so the next machine takes one of them and not an empty one. */
import type { MachineInventory, PlanAppInput, GroupDraft, GroupScope } from '../types.ts';
import { plural } from '../../model/base/text.ts';
import { holdOf } from '../steps/hold.ts';

/** A destroy takes seconds; looking again sooner would find it unfinished. */
const departMs = 10_000;

/**
 * By `name/region`. A machine's volume is listed as its own for a moment after the machine is gone, all the more where the
 * two lists were read some time apart; so is that of one just made, which the list of machines does not show yet.
 */
export function departingVolumes(input: PlanAppInput, inventory: MachineInventory): ReadonlyMap<string, number> {
  const departing = new Map<string, number>();
  const { volumes } = input.observed;
  for (const volume of volumes.status === 'read' ? volumes.value : []) {
    const machine = volume.attached_machine_id ?? '';
    if (machine === '' || inventory.present.has(machine)) continue;
    const place = `${volume.name}/${volume.region}`;
    departing.set(place, (departing.get(place) ?? 0) + 1);
  }
  return departing;
}

/** Of so many places that each need a volume: how many have to wait for one. No volume is made for those. */
export function waitForVolumes(scope: GroupScope, region: string, places: number, draft: GroupDraft): number {
  const { group, desired } = scope;
  const { mount } = group;
  if (mount === undefined) return 0;
  const going = (scope.departing.get(`${mount.volume}/${region}`) ?? 0) - (draft.awaited.get(region) ?? 0);
  const waiting = Math.min(going, places);
  if (waiting <= 0) return 0;
  draft.awaited.set(region, (draft.awaited.get(region) ?? 0) + waiting);
  goWithout(draft, region, waiting);
  draft.holds.push(
    holdOf(desired.name, {
      reason: 'busy',
      because: `${plural(waiting, 'volume')} ${mount.volume} of ${group.name} in ${region} still belongs to a machine that is gone`,
      next: 'FlyCD fills the place when the volume is free',
      retryAt: scope.input.now + departMs,
    }),
  );
  return waiting;
}

/** So many machines of the region get no volume now. */
export function goWithout(draft: GroupDraft, region: string, machines = 1): void {
  draft.withoutVolume.set(region, (draft.withoutVolume.get(region) ?? 0) + machines);
}
