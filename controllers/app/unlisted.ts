/** Machines that Fly has and its list of the app does not show: what seems to be missing is not made a second time. */
import { allEnded } from '../../src/model/base/ending.ts';
import { Fault } from '../../src/model/base/fault.ts';
import { areInputsSame } from '../../src/model/stamps/input-stamps.ts';
import { readIfPossible } from '../../src/observed/reading.ts';
import { groupOf, isGone, metadataOf } from '../../src/plan/classify/machine-state.ts';
import { createsOf } from '../../src/plan/steps/select.ts';
import { listedMs } from '../pass/fly-now.ts';
import type { SyncAppRequest } from './types.ts';

/** More are not looked at for one pass: the first that is there is reason enough. */
const looksMax = 20;

/**
 * Fly has listed apps short, or empty, for 47 minutes on end (https://fly.io/infra-log/machines-api-duplicates). Where git stood
 * still for a group that lacks machines, and where nothing is listed of one that had some, the organization's list is asked as
 * well, and what that alone shows is looked at by its id. The Fault tells of one that is there; undefined: none is.
 */
export async function missedByList(request: SyncAppRequest): Promise<Fault | undefined> {
  const { fly, clock, app, planned } = request;
  const { machines, org = app.org } = planned.observed;
  const groups = await vanishedGroups(request);
  if (groups.size === 0 || machines.status === 'unread' || org === undefined) return undefined;
  const listed = await readIfPossible(fly.orgMachines(org));
  // Good to know, and no more: that list lags, too, and has gaps of its own.
  if (listed.status === 'unread') return undefined;
  const known = new Set(machines.value.map(({ id }) => id));
  const others = listed.value.machines.filter((one) => one.app_name === app.name && !known.has(one.id));
  const seen = await allEnded(others.slice(0, looksMax).map(({ id }) => readIfPossible(fly.machine(app.name, id))));
  const there = seen.flatMap((one) => (one.status === 'read' && one.value !== undefined ? [one.value] : []));
  const missed = there.find((machine) => !isGone(machine) && groups.has(groupOf(metadataOf(machine)) ?? ''));
  if (missed === undefined) return undefined;
  return new Fault({
    kind: 'waiting',
    what: `Fly's list of ${app.name} lacks machine ${missed.id}, which is there`,
    why: 'a machine made in its place would run beside it',
    next: 'FlyCD looks again; https://status.fly.io says whether Fly knows of it',
    where: app.name,
    retryAt: clock.now() + listedMs,
  });
}

/** Of those in which the plan makes machines beside or instead of none that it lists, and in which it has seen some before. */
async function vanishedGroups({ store, app, plan, planned }: SyncAppRequest): Promise<ReadonlySet<string>> {
  const creates = createsOf(plan.steps).filter(({ replaces }) => replaces === undefined);
  if (creates.length === 0) return new Set();
  const { populated = {} } = await store.memory(app.name);
  const { machines } = planned.observed;
  const listed = machines.status === 'read' ? machines.value.filter((machine) => !isGone(machine)) : [];
  const there = new Set(listed.map((machine) => groupOf(metadataOf(machine))));
  const groups = creates.map(({ group }) => group);
  return new Set(
    groups.filter((group) => {
      const seen = populated[group];
      return seen !== undefined && (!there.has(group) || areInputsSame(seen, planned.wanted.inputs));
    }),
  );
}
