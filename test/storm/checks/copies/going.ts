/** Clones that somebody made of a machine which FlyCD had made and not given its own id yet. */
import type { MachineSnapshot } from '../../../../simulator/world/snapshot.ts';
import { groupOf, isItself, ownName } from '../comparison.ts';

/** As far as it tells whose copy it is. */
export type Copied = Pick<MachineSnapshot, 'id' | 'name' | 'region' | 'metadata'>;

interface CopiedApp {
  readonly name: string;
  readonly machines: readonly Copied[];
}

/** Copied before its original was given its own id: FlyCD's names and ids are on neither, and both say one place. */
function isEarlyCopy(app: CopiedApp, machine: Copied): boolean {
  const { flycd_machine: itself, flycd_slot: slot } = machine.metadata;
  if (itself !== undefined || slot === undefined || ownName.test(machine.name)) return false;
  return app.machines.some((one) => one !== machine && isItself(one) && one.metadata['flycd_slot'] === slot);
}

/**
 * Early copies that a plan lets go: it gives each a place of its own, on which no machine stands by what is written on it. Where
 * it has fewer such places than there are copies, nobody says which of them goes. `going`: targets of machines that would go.
 */
export function goingCopies(app: CopiedApp, going: readonly string[]): ReadonlySet<string> {
  const placed = app.machines.filter((machine) => isItself(machine));
  const taken = new Set(placed.map(({ metadata }) => `${app.name}/${metadata['flycd_slot']}`));
  const free = [...new Set(going)].filter((target) => !taken.has(target));
  const copies = app.machines.filter((machine) => isEarlyCopy(app, machine));
  const areas = Map.groupBy(copies, (copy) => `${app.name}/${groupOf(copy)}/${copy.region}/`);
  const gone = [...areas].filter(([area, there]) => free.filter((one) => one.startsWith(area)).length >= there.length);
  return new Set(gone.flatMap(([, there]) => there.map(({ id }) => id)));
}
