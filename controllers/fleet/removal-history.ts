import type { DesiredFleet } from '../../src/model/desired.ts';
import { toFault } from '../../src/model/base/fault.ts';
import type { OrphanedApp } from '../../src/model/observed.ts';
import type { RemovalHistory } from '../../src/model/removal.ts';
import { standingOf } from '../../src/plan/target/rollout-state.ts';

const dirty = '-dirty';

/**
 * Whether the config that does not name an app is one that did name it. The app's machines carry the commit that it was
 * last released from well: a config without that commit in its history is another branch, an older clone, a copy of the
 * repo, and has not removed anything; nor has one that did not name it at that commit, as another folder of the repo, or
 * before the file was ever committed. Without a history (a plain folder) the fleet's name is all there is to go by. Throws
 * nothing.
 */
export async function removalHistory(fleet: DesiredFleet, { name, machines }: OrphanedApp): Promise<RemovalHistory> {
  const { descendsFrom, namesAt, revision } = fleet;
  if (descendsFrom === undefined || namesAt === undefined) return { state: 'no history' };
  try {
    const released = standingOf({ machines, fleet }, {}).good?.revision ?? '';
    const commit = released.endsWith(dirty) ? released.slice(0, -dirty.length) : released;
    if (!/^[0-9a-f]{40,64}$/.test(commit)) return { state: 'unknown', released };
    const descent = await descendsFrom(commit);
    if (descent === 'no') return { state: 'elsewhere', commit };
    if (descent === 'unknown') return { state: 'shallow', commit };
    if (!(await mayName(namesAt, commit, name))) return { state: 'unnamed', commit };
    // A work tree that differs from its commit: the commit may name the app still.
    const isDirty = revision.endsWith(dirty);
    const head = isDirty && (await mayName(namesAt, revision.slice(0, -dirty.length), name));
    return head ? { state: 'uncommitted' } : { state: 'removed' };
  } catch (error) {
    return { state: 'unread', reason: toFault(error, 'the history of the config could not be read').message };
  }
}

async function mayName(namesAt: NonNullable<DesiredFleet['namesAt']>, commit: string, app: string): Promise<boolean> {
  const { names, whole } = await namesAt(commit);
  return !whole || names.has(app);
}
