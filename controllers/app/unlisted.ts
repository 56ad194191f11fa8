/** Machines that Fly has and its list of the app does not show: what seems to be missing is not made a second time. */
import { allEnded } from '../../src/model/base/ending.ts';
import { Fault } from '../../src/model/base/fault.ts';
import type { OrgMachines } from '../../src/fly/api.ts';
import type { Reading } from '../../src/model/observed.ts';
import { readIfPossible } from '../../src/observed/reading.ts';
import { groupOf, isGone, metadataOf } from '../../src/plan/classify/machine-state.ts';
import { createsOf } from '../../src/plan/steps/select.ts';
import { listedMs } from '../pass/fly-now.ts';
import type { SyncAppRequest } from './types.ts';

/** Looks at one moment. Each is by an id of its own, which Fly counts by itself. */
const looksAtOnce = 20;
/** Looks in one pass: that list shows what is gone for a while, of a large app that was scaled down hundreds. */
const looksMax = 500;
/** Apps that look at one moment share the organization's list: it has all their machines, on as many pages as that takes. */
const sharedMs = 30_000;

type Listed = Promise<Reading<OrgMachines>>;

/** By the client that all apps of a command or a service use. */
const lists = new WeakMap<object, Map<string, { readonly at: number; readonly listed: Listed }>>();

/** What keeps a plan from making machines. */
export interface Unlisted {
  readonly fault: Fault;
  /** The request's client shows the machine in the app's list from now on: another plan goes by it. */
  readonly isInSight: boolean;
}

/**
 * Fly has listed apps short, or empty, for 47 minutes on end (https://fly.io/infra-log/machines-api-duplicates). Where a plan makes
 * machines in an app that is there, the organization's list is asked as well, and what that alone shows is looked at by its id.
 * undefined: nothing of that is there. One that cannot be looked at may be.
 */
export async function unlistedMachine(request: SyncAppRequest): Promise<Unlisted | undefined> {
  const { app, planned } = request;
  const { machines, org = app.org } = planned.observed;
  const groups = groupsMade(request);
  if (groups.size === 0 || machines.status === 'unread' || org === undefined) return undefined;
  const listed = await organizationList(request, org);
  // Good to know, and no more: that list lags, too, and has gaps of its own.
  if (listed.status === 'unread') return undefined;
  const known = new Set(machines.value.map(({ id }) => id));
  const others = listed.value.machines
    .filter((one) => one.app_name === app.name && !known.has(one.id))
    .filter(({ state }) => state !== 'destroyed' && state !== 'destroying')
    // Where that list tells no metadata, the look by its id does.
    .filter(({ config }) => config?.metadata == null || groups.has(groupOf(config.metadata) ?? ''))
    .map(({ id }) => id);
  for (let looks = 0; looks < Math.min(others.length, looksMax); looks += looksAtOnce) {
    const found = await firstThere(request, others.slice(looks, looks + looksAtOnce), groups);
    if (found !== undefined) return found;
  }
  const [next] = others.slice(looksMax);
  return next === undefined ? undefined : unseen(request, next, 'Fly tells of too many others to look at each');
}

async function firstThere(
  request: SyncAppRequest,
  ids: readonly string[],
  groups: ReadonlySet<string>,
): Promise<Unlisted | undefined> {
  const { fly, clock, app } = request;
  const looks = ids.map(async (id) => ({ id, look: await readIfPossible(fly.machine(app.name, id)) }));
  const seen = await allEnded(looks);
  const there = seen.flatMap(({ look }) => (look.status === 'read' && look.value !== undefined ? [look.value] : []));
  const unlisted = there.find((machine) => !isGone(machine) && groups.has(groupOf(metadataOf(machine)) ?? ''));
  if (unlisted !== undefined) {
    const fault = new Fault({
      kind: 'waiting',
      what: `Fly's list of ${app.name} lacks machine ${unlisted.id}, which is there`,
      why: 'a machine made in its place would run beside it',
      next: 'FlyCD plans again with it in sight; https://status.fly.io says whether Fly knows of it',
      where: app.name,
      retryAt: clock.now() + listedMs,
    });
    return { fault, isInSight: true };
  }
  const [unread] = seen.flatMap(({ id, look }) => (look.status === 'unread' ? [{ id, reason: look.reason }] : []));
  return unread === undefined ? undefined : unseen(request, unread.id, unread.reason);
}

/** Not read is not gone. */
function unseen({ clock, app }: SyncAppRequest, id: string, reason: string): Unlisted {
  const fault = new Fault({
    kind: 'waiting',
    what: `Fly's list of ${app.name} lacks machine ${id}, and nobody can tell whether it is there`,
    why: `${reason}; a machine made in its place might run beside it`,
    next: 'FlyCD looks again in a while; https://status.fly.io says whether Fly knows of it',
    where: app.name,
    retryAt: clock.now() + listedMs,
  });
  return { fault, isInSight: false };
}

/** Groups in which the plan makes machines that are not there. None of an app that it makes as well. */
function groupsMade({ plan }: SyncAppRequest): ReadonlySet<string> {
  if (plan.steps.some(({ kind }) => kind === 'app.create')) return new Set();
  const creates = createsOf(plan.steps).filter(({ replaces }) => replaces === undefined);
  return new Set(creates.map(({ group }) => group));
}

function organizationList({ fly, asListed = fly, clock }: SyncAppRequest, org: string): Listed {
  const own = lists.get(asListed) ?? new Map<string, { readonly at: number; readonly listed: Listed }>();
  lists.set(asListed, own);
  const known = own.get(org);
  if (known !== undefined && clock.monotonic() - known.at < sharedMs) return known.listed;
  const listed = readIfPossible(asListed.orgMachines(org));
  own.set(org, { at: clock.monotonic(), listed });
  return listed;
}
