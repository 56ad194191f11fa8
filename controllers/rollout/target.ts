import type { DesiredApp } from '../../src/model/desired.ts';
import { knowsApp, type Memory } from '../../src/model/standing/memory.ts';
import type { ObservedApp } from '../../src/model/observed.ts';
import type { Standing } from '../../src/model/standing/standing.ts';
import { resolveTarget, type RolloutTarget } from '../../src/plan/target/resolve-target.ts';
import { standingOf } from '../../src/plan/target/rollout-state.ts';
import { snapshotAt, type SnapshotRequest } from './snapshot.ts';
import { shellWord } from '../../src/model/base/shell.ts';

/** Where a pass takes an app, found before it is planned. */
export interface Steering {
  readonly standing: Standing;
  /** true: SQLite knows this very app. */
  readonly isKnown: boolean;
  readonly course: RolloutTarget;
  /** The app as it was at the version that the course goes to. */
  readonly snapshot: DesiredApp | undefined;
}

type SteerRequest = Pick<SnapshotRequest, 'fly' | 'fleet' | 'app'>;

/**
 * Reads the app's stamps and, where they hold it at an earlier version, what that was. A version that nobody can give back
 * is nowhere to go to: the app stays as it is, and the hold says why.
 */
export async function steer(
  { fly, fleet, app }: SteerRequest,
  observed: ObservedApp,
  memory: Memory,
): Promise<Steering> {
  const machines = observed.machines.status === 'read' ? observed.machines.value : [];
  const standing = standingOf({ machines, fleet }, memory);
  const isKnown = knowsApp(memory);
  const moment = { now: observed.askedAt.now, aheadMs: observed.flyAheadMs };
  const course = byOurClock(resolveTarget({ desired: app, machines, fleet, ...moment }, standing), moment.aheadMs);
  if (course.to !== 'version') return { standing, isKnown, course, snapshot: undefined };
  const snapshot = await snapshotAt({ fly, fleet, app, version: course.version, machines });
  if (snapshot.status === 'found') return { standing, isKnown, course, snapshot: snapshot.app };
  const hold = {
    ...course.hold,
    because: `${course.hold.because}; but it cannot be given back: ${snapshot.because}`,
    next: `commit what should run, or flycd resume ${shellWord(app.name)}`,
  };
  return { standing, isKnown, course: { to: 'nowhere', hold }, snapshot: undefined };
}

/** Stamps are dated by Fly's clock, and what is shown and stored by ours. */
function byOurClock(course: RolloutTarget, aheadMs: number): RolloutTarget {
  if (course.to === 'git' || course.hold.since === undefined) return course;
  return { ...course, hold: { ...course.hold, since: course.hold.since - aheadMs } };
}
