/** Brakes of a whole fleet: a mistake in git or in FlyCD itself should not reach everything at once. */
import type { DesiredApp, DesiredFleet } from '../../model/desired.ts';
import type { ObservedApp, OrphanedApp, UnreadOrganization } from '../../model/observed.ts';
import type { AppPlan, Hold, MachineUpdate, Step } from '../../model/plan.ts';
import { holdBack } from '../steps/hold.ts';
import { removalOf, type Prunable, type Removal } from '../steps/removal.ts';
import { updatesOf } from '../steps/select.ts';
import { byText, plural, list } from '../../model/base/text.ts';
import { groupOf, metadataOf } from '../classify/machine-state.ts';
import { withSteps } from '../steps/status.ts';

export interface BrakeInput {
  readonly fleet: DesiredFleet;
  readonly plans: readonly AppPlan[];
  readonly observed: readonly ObservedApp[];
  /** Apps of the fleet as well: what goes is a part of what there is. */
  readonly orphans: readonly OrphanedApp[];
  /** Where there may be more of them: Fly's list of apps failed, or has gaps. */
  readonly unread: readonly UnreadOrganization[];
  /** Globs of app names that the pass is about: nobody looks at others. Empty = all. */
  readonly selected: readonly string[];
}

/** One in ten: of a kind's objects in the fleet, and of its apps. */
const share = 10;
/** A fleet of a few apps has to be able to move; this many always may. */
const restartsFree = 3;
/** What could not be seen may be seen by then. */
const tryAgain = '. FlyCD tries again in the next pass';

export function brakeFleet(input: BrakeInput): readonly AppPlan[] {
  return brakeRestarts(input, brakeRemovals(input));
}

/** What counts of them: what is asked for in so many words does not. */
function counted(fleet: DesiredFleet, step: Step): Removal | undefined {
  const app = fleet.apps.find((one) => one.name === step.app);
  const removal = removalOf(step, app);
  return removal?.kind === 'addresses' && isAskedFor(app) ? undefined : removal;
}

/**
 * `auto_prune_ips` means what it did in FlyCD 0.x: whoever writes it asks for every address to go that is not listed. Only
 * `max_deletes: 0`, which FlyCD 0.x did not have, says otherwise.
 */
function isAskedFor(app: DesiredApp | undefined): boolean {
  return app !== undefined && app.network.autoPruneIps && app.policy.maxDeletes > 0;
}

/** Lifted by nothing that anybody says of what it holds, whenever that is. */
const passing: ReadonlySet<Hold['reason']> = new Set([
  'busy',
  'dependency',
  'intent',
  'suspended',
  'unreachable',
  'unread',
  'window',
]);

/**
 * What a plan does, now or once what holds it has passed: a lease or an answer that failed would else let what is too large go
 * in parts. What a person has to decide on, or git, may stay for long, and does not weigh on others.
 */
function comingSteps({ steps, holds }: AppPlan): readonly Step[] {
  const waiting = holds.filter(({ reason, retryAt }) => retryAt !== undefined || passing.has(reason));
  return [...steps, ...waiting.flatMap((hold) => hold.steps)];
}

function brakeRemovals(input: BrakeInput): readonly AppPlan[] {
  const { fleet, plans } = input;
  const removals = plans.flatMap((plan) => comingSteps(plan).flatMap((step) => counted(fleet, step) ?? []));
  const objects = new Map(removals.map(({ kind, object }) => [`${kind} ${object}`, kind]));
  if (objects.size === 0) return plans;
  const because = tooMany(input, [...objects.values()]);
  if (because !== undefined)
    return plans.map((plan) => hold(plan, (step) => counted(fleet, step) !== undefined, because));
  return [...new Set(objects.values())].reduce((held, kind) => {
    const why = unseen(input, kind);
    if (why === undefined) return held;
    return held.map((plan) => hold(plan, (step) => counted(fleet, step)?.kind === kind, why, tryAgain));
  }, plans);
}

/**
 * Why nobody can say how many of a kind would go: what is held as too many must not go a few at a time, as far as each pass
 * happens to see it. undefined: all was seen.
 */
function unseen(input: BrakeInput, kind: Prunable): string | undefined {
  const { plans, observed, unread: lists } = input;
  if (kind === 'apps') {
    if (lists.length === 0) return undefined;
    const orgs = list(lists.map(({ org }) => org));
    return `Fly’s machine list of ${orgs} is incomplete, so FlyCD cannot count the removals`;
  }
  const planned = new Set(plans.map(({ app }) => app));
  const unread = observed.filter((app) => planned.has(app.name) && !isSeen(app, kind)).map(({ name }) => name);
  const names = [...unplannedIn(input), ...unread].toSorted(byText);
  return names.length === 0 ? undefined : `${list(names)} could not be read, and may have more to remove`;
}

/** Apps that the pass is about and that nobody could look at. */
function unplannedIn({ fleet, plans, selected }: BrakeInput): readonly string[] {
  if (selected.length > 0) return [];
  const planned = new Set(plans.map(({ app }) => app));
  return fleet.apps.flatMap(({ name }) => (planned.has(name) ? [] : [name]));
}

function isSeen(app: ObservedApp, kind: Exclude<Prunable, 'apps'>): boolean {
  if (app.app.status === 'unread') return false;
  if (app.app.value.state !== 'present') return true;
  switch (kind) {
    case 'addresses':
      return app.addresses.status === 'read';
    case 'secrets':
      return app.secrets.status === 'read';
    case 'groups':
      return app.machines.status === 'read';
    case 'certificates':
      return true; // nobody removes one yet
  }
}

/** At most max_deletes in all, and of each kind at most a tenth, but one. undefined: within the brake. */
function tooMany(input: BrakeInput, kinds: readonly Prunable[]): string | undefined {
  const removing = input.plans.filter((plan) =>
    comingSteps(plan).some((step) => counted(input.fleet, step) !== undefined),
  );
  const policies = removing.map(
    (plan) => input.fleet.apps.find((app) => app.name === plan.app)?.policy ?? input.fleet.policy,
  );
  const most = Math.min(...policies.map((policy) => policy.maxDeletes));
  if (kinds.length > most) return `${plural(kinds.length, 'removal')} in one sync, and max_deletes is ${most}`;
  const totals = totalsOf(input);
  for (const [kind, removals] of Map.groupBy(kinds, (kind) => kind)) {
    const total = totals[kind];
    if (removals.length <= Math.max(1, Math.floor(total / share))) continue;
    return `${removals.length} of ${total} ${kind} would be removed in one sync, more than one in ${share}`;
  }
  return undefined;
}

function totalsOf(input: BrakeInput): Readonly<Record<Prunable, number>> {
  const totals = { addresses: 0, secrets: 0, certificates: 0, groups: 0, apps: input.orphans.length };
  for (const app of input.observed) {
    if (app.app.status === 'read' && app.app.value.state === 'present') totals.apps += 1;
    if (app.addresses.status === 'read') totals.addresses += app.addresses.value.length;
    if (app.secrets.status === 'read') totals.secrets += app.secrets.value.length;
    if (app.machines.status === 'read') {
      totals.groups += new Set(app.machines.value.map((machine) => groupOf(metadataOf(machine)))).size;
    }
  }
  return totals;
}

/** Git is not known to have moved, and yet machines would restart: a new FlyCD maps the same config differently. */
function remappedIn(plan: AppPlan): readonly MachineUpdate[] {
  return updatesOf(comingSteps(plan)).filter((step) => step.remapped === true && step.risk === 'restart');
}

function isRemapped(plan: AppPlan): boolean {
  return remappedIn(plan).length > 0;
}

function brakeRestarts(input: BrakeInput, plans: readonly AppPlan[]): readonly AppPlan[] {
  const restarting = plans.filter(isRemapped).map((plan) => plan.app);
  const most = Math.max(restartsFree, Math.floor(input.fleet.apps.length / share));
  const unplanned = unplannedIn(input).toSorted(byText);
  if (restarting.length === 0 || restarting.length + unplanned.length <= most) return plans;
  const isKnown = restarting.length > most;
  const because = isKnown
    ? becauseOfRestarts(restarting, plans.flatMap(remappedIn))
    : `${list(unplanned)} could not be read, and may restart as well though nothing changed in git, as ${list(restarting)} would`;
  return plans.map((plan) => {
    const app = input.fleet.apps.find(({ name }) => name === plan.app);
    const matches = (step: Step): boolean =>
      updatesOf([step]).some((update) => update.remapped === true) || removalOf(step, app) !== undefined;
    return isRemapped(plan) ? hold(plan, matches, because, isKnown ? '' : tryAgain) : plan;
  });
}

/** Says no more of git than is known. */
function becauseOfRestarts(apps: readonly string[], updates: readonly MachineUpdate[]): string {
  const names = list(apps);
  if (updates.every(({ unknownInputs }) => unknownInputs !== true))
    return `${apps.length} apps would restart though nothing changed in git (${names}): this FlyCD maps their config differently`;
  return `${apps.length} apps would restart (${names}), and whether git asks for it or this FlyCD maps their config differently cannot be told: an earlier FlyCD wrote down what git said in another way`;
}

function hold(plan: AppPlan, matches: (step: Step) => boolean, because: string, also = ''): AppPlan {
  const next = `read the plan, then flycd sync --once --accept-only brake${also}`;
  return withSteps(plan, holdBack(plan, plan.app, matches, { reason: 'brake', because, next }));
}
