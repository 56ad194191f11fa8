/** What stands about an app as a whole, on its machines and in SQLite. */
import type { Machine } from '../../../schemas/fly/machine.ts';
import { knowsApp, type Memory } from '../../model/standing/memory.ts';
import type { Standing } from '../../model/standing/standing.ts';
import { readStanding } from '../../model/standing/standing-text.ts';
import { withoutUnproven } from '../../model/stamps/foreign.ts';
import { isOwn, type FleetOwner } from '../../model/stamps/owner.ts';
import { metadataOf, isGone } from '../classify/machine-state.ts';
import type { TargetScope } from './app-version.ts';

/**
 * Stamps of all our machines and SQLite's rows, the newest of each. A row of which nobody wrote down what app it is about may be
 * of an earlier one by the name: what stands on the machines counts more. Memory is as `memoryOf` answers it.
 */
export function standingOf(
  { machines, fleet }: Pick<TargetScope, 'machines' | 'fleet'>,
  memory: Pick<Memory, 'standing'> & Partial<Pick<Memory, 'appId'>>,
): Standing {
  const { standing, appId } = memory;
  const known = asKnown({ machines, isKnown: knowsApp({ standing, appId }) });
  const ours = known.map(metadataOf).filter((metadata) => isOwn(metadata, fleet));
  const rows = standing.filter(({ key, appId: of }) => of !== undefined || ours.every((stamps) => !(key in stamps)));
  return readStanding([...ours, ...rows.map(({ key, text }) => ({ [key]: text }))]);
}

interface Known {
  readonly machines: readonly Machine[];
  /** true: SQLite knows this very app. */
  readonly isKnown: boolean;
  /** Others that stand in it. */
  readonly among?: readonly Machine[] | undefined;
}

/**
 * The app's machines as the client reads them, with what SQLite knows: once the machines that say their app are gone, a copy
 * that says none overrules nothing, and is no more this app's than it was beside them.
 */
export function asKnown({ machines, isKnown, among = [] }: Known): readonly Machine[] {
  return isKnown ? withoutUnproven(machines, [...machines, ...among]) : machines;
}

/** Ours, without those on their way out: who stamps an app stamps these. */
export function standingMachines(machines: readonly Machine[], fleet: FleetOwner): readonly Machine[] {
  return machines.filter((machine) => !isGone(machine) && isOwn(metadataOf(machine), fleet));
}
