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

/** Those of one app that only that list shows; more are not looked at for one pass. */
const looksMax = 20;
/** Apps that look at one moment share the organization's list: it has all their machines, on as many pages as that takes. */
const sharedMs = 30_000;

type Listed = Promise<Reading<OrgMachines>>;

/** By the client that all apps of a command or a service use. */
const lists = new WeakMap<object, Map<string, { readonly at: number; readonly listed: Listed }>>();

/**
 * Fly has listed apps short, or empty, for 47 minutes on end (https://fly.io/infra-log/machines-api-duplicates). Where a plan makes
 * machines in an app that is there, the organization's list is asked as well, and what that alone shows is looked at by its id:
 * from then on the request's client shows it in the app's list. The Fault tells of one that is there; undefined: none is.
 */
export async function missedByList(request: SyncAppRequest): Promise<Fault | undefined> {
  const { fly, clock, app, planned } = request;
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
    .filter(({ config }) => config?.metadata == null || groups.has(groupOf(config.metadata) ?? ''));
  const seen = await allEnded(others.slice(0, looksMax).map(({ id }) => readIfPossible(fly.machine(app.name, id))));
  const there = seen.flatMap((one) => (one.status === 'read' && one.value !== undefined ? [one.value] : []));
  const missed = there.find((machine) => !isGone(machine) && groups.has(groupOf(metadataOf(machine)) ?? ''));
  if (missed === undefined) return undefined;
  return new Fault({
    kind: 'waiting',
    what: `Fly's list of ${app.name} lacks machine ${missed.id}, which is there`,
    why: 'a machine made in its place would run beside it',
    next: 'FlyCD plans again with it in sight; https://status.fly.io says whether Fly knows of it',
    where: app.name,
    retryAt: clock.now() + listedMs,
  });
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
