/** What is remembered of an app is about one that Fly may have destroyed since: another one may have its name. */
import { emptyMemory, type StoredMemory } from './stamps/memory.ts';
import { personsKeys, type StandingRow } from './stamps/rollout-state.ts';

/** Which app Fly shows by a name. */
export interface ShownApp {
  readonly isThere: boolean;
  /** undefined: there is none, or Fly does not say. */
  readonly id: string | undefined;
  /** true: a machine of the fleet stands in it. */
  readonly isStamped: boolean;
}

/** The app that SQLite knows is gone, whether or not there is one by its name. */
export function isAnotherApp(
  { appId }: Pick<StoredMemory, 'appId'>,
  { isThere, id }: Pick<ShownApp, 'isThere' | 'id'>,
): boolean {
  return !isThere || (id !== undefined && appId !== undefined && id !== appId);
}

/** Of which app it is nobody wrote down, and nothing on Fly says that it is this one: another may have been made since. */
function isUnproven({ appId }: StoredMemory, { id, isStamped }: ShownApp): boolean {
  return appId === undefined && id !== undefined && !isStamped;
}

/**
 * What of it is true of the app that Fly shows: of one that was destroyed, nothing. Where there is none, what a person said
 * stands for the next one that FlyCD makes, but where FlyCD destroyed the one of which it was said.
 */
export function memoryOf(memory: StoredMemory, shown: ShownApp): StoredMemory {
  const { isThere, id } = shown;
  const isAnother = isAnotherApp(memory, shown);
  const counts = ({ key, appId }: StandingRow): boolean => {
    if (!isThere) return !memory.ending && isPersons(key);
    if (appId === undefined || id === undefined) return !isAnother || isPersons(key);
    return appId === id;
  };
  const facts = isAnother ? emptyMemory : memory;
  const known = facts.known && !isUnproven(memory, shown);
  return { ...facts, known, standing: memory.standing.filter(counts) };
}

function isPersons(key: string): boolean {
  return personsKeys.some((known) => known === key);
}
