import { allEnded } from '../../src/model/base/ending.ts';
import type { Machine } from '../../schemas/fly/machine.ts';
import { reservedGroups } from '../../schemas/fly/presets.ts';
import type { FlyReader } from '../../src/fly/api.ts';
import type { DesiredApp, DesiredFleet } from '../../src/model/desired.ts';
import { toFault } from '../../src/model/base/fault.ts';
import type { GoodVersion } from '../../src/model/stamps/app-version.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { shortRevision } from '../../src/model/base/text.ts';
import { standingMachines } from '../../src/plan/target/rollout-state.ts';
import { appConfigVersion } from '../../src/plan/target/app-version.ts';
import { groupOf, metadataOf } from '../../src/plan/classify/machine-state.ts';
import { snapshotOfGit, snapshotOfHistory, type GroupHistory } from '../../src/plan/target/snapshot.ts';

/** Machines asked for what they were sent before: one of a group tells as much as all, unless it is new. */
const machinesAskedMax = 3;

export interface SnapshotRequest {
  readonly fly: FlyReader;
  readonly fleet: DesiredFleet;
  /** What git wants of the app now. */
  readonly app: DesiredApp;
  readonly version: GoodVersion;
  readonly machines: readonly Machine[];
}

export type Snapshot =
  | { readonly status: 'found'; readonly app: DesiredApp }
  /** Why, for a person. */
  | { readonly status: 'lost'; readonly because: string };

/**
 * The app as it was at a version: computed again from git at its commit, else from what its machines were sent then.
 * Writes nothing; what cannot be read is a reason, never thrown.
 */
export async function snapshotAt(request: SnapshotRequest): Promise<Snapshot> {
  const { version } = request;
  const fromGit = await gitAt(request);
  if (fromGit.status === 'found') return fromGit;
  const fromFly = await historyAt(request);
  if (fromFly.status === 'found') return fromFly;
  return { status: 'lost', because: `${shortRevision(version.revision)}: ${fromGit.because}; ${fromFly.because}` };
}

async function gitAt({ fleet, app, version, machines }: SnapshotRequest): Promise<Snapshot> {
  const lost = (because: string): Snapshot => ({ status: 'lost', because });
  const { earlier } = fleet;
  if (earlier === undefined) return lost('the config has no git history');
  if (!/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(version.revision)) return lost('it was no commit of git');
  try {
    const then = (await earlier(version.revision)).apps.find(({ name }) => name === app.name);
    if (then === undefined) return lost('git does not give the app at that commit any more');
    if (appConfigVersion(then) !== version.config) return lost('git gives another config for that commit now');
    const snapshot = snapshotOfGit(app, then, version);
    const inputs = inputsOf(snapshot, machines);
    return { status: 'found', app: inputs === undefined ? snapshot : { ...snapshot, inputs } };
  } catch (error) {
    return lost(toFault(error, 'git could not be read at that commit').message);
  }
}

/** As the machines that run the version were stamped: its tag may stand for another image by now. */
function inputsOf({ groups }: DesiredApp, machines: readonly Machine[]): string | undefined {
  const versions = new Set(groups.map(({ configVersion }) => `s1:${configVersion}:`));
  const carriers = machines.map(metadataOf).filter((metadata) => {
    const sent = metadata[stampKeys.sent] ?? '';
    return [...versions].some((version) => sent.startsWith(version));
  });
  return carriers[0]?.[stampKeys.inputs];
}

async function historyAt({ fly, fleet, app, version, machines }: SnapshotRequest): Promise<Snapshot> {
  const ours = standingMachines(machines, fleet);
  const byGroup = Map.groupBy(ours, (machine) => groupOf(metadataOf(machine)) ?? '');
  try {
    const histories: GroupHistory[] = [];
    for (const [group, members] of byGroup) {
      if (reservedGroups.some((reserved) => reserved === group)) continue;
      const asked = members.slice(0, machinesAskedMax);
      const sent = await allEnded(asked.map((machine) => fly.machineVersions(app.name, machine.id)));
      histories.push({ group, sent: sent.flat() });
    }
    const found = snapshotOfHistory(app, histories, version);
    if (found !== undefined) return { status: 'found', app: found };
    return { status: 'lost', because: 'no machine remembers it' };
  } catch (error) {
    return { status: 'lost', because: toFault(error, 'what machines were sent could not be read').message };
  }
}
