import { emptyMemory, knowsApp, type Memory, type StoredMemory } from '../../src/model/standing/memory.ts';
import { memoryOf, type ShownApp } from '../../src/model/standing/remembered.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { v0VersionsOf, type V0Versions } from '../../src/model/stamps/v0-versions.ts';
import type { FleetOwner } from '../../src/model/stamps/owner.ts';
import type { DesiredApp } from '../../src/model/desired.ts';
import type { ObservedApp } from '../../src/model/observed.ts';
import type { AppPlan, Hold } from '../../src/model/plan.ts';
import { observeApp, observeDeployments } from '../../src/observed/app.ts';
import { personal } from '../../src/observed/organization.ts';
import { read, readIfPossible } from '../../src/observed/reading.ts';
import { missingRegion } from '../../src/flyconfig/reading/regions.ts';
import { Fault } from '../../src/model/base/fault.ts';
import { idle } from '../../src/plan/steps/guarded.ts';
import { imagesOf, newRegionsOf } from '../../src/plan/steps/needs.ts';
import { asksWhoEmptied, planApp, needsReleases, type PlanOptions } from '../../src/plan/app.ts';
import { madeByLostCalls } from '../../src/plan/kinds/lost-calls.ts';
import { knownEvidence } from '../../src/plan/kinds/secret-evidence.ts';
import { provesOurs } from '../../src/plan/classify/beginning.ts';
import { isHostOk } from '../../src/plan/classify/machine-state.ts';
import { asKnown, standingMachines } from '../../src/plan/target/rollout-state.ts';
import { stoppedPlan, heldPlan } from '../../src/plan/target/target-plan.ts';
import { suspendedPlan } from '../../src/plan/target/suspension.ts';
import { knownRelease } from '../../src/plan/target/release-record.ts';
import { seeImage, seeUnpullable } from '../images/lookup.ts';
import { steer } from '../rollout/target.ts';
import type { GuardedApp, PlanAppRequest, PlannedApp, SyncAppRequest } from './types.ts';

/**
 * Observes one app and plans it. Writes nothing: it holds no client that could. What somebody else may be doing is asked
 * last, and only where there is something to disturb it with: an app in sync costs no call more.
 */
export async function observeAndPlan(asked: PlanAppRequest): Promise<PlannedApp> {
  const { clock, fly, fleet, options } = asked;
  const shown = await observeOrganization(asked, await observeApp({ fly, app: asked.app.name, clock }));
  const app = whereItIs(asked.app, shown);
  const request = { ...asked, app };
  const remembered = asked.store === undefined ? emptyMemory : await asked.store.memory(app.name);
  const counting = await thatCounts(request, shown, remembered);
  const observed = withKnown(shown, knowsApp(counting));
  const lost = madeByLostCalls({ observed, memory: counting, fleet });
  const memory = { ...counting, made: [...counting.made, ...lost.map(({ id }) => id)] };
  const base = {
    memory,
    fleet,
    now: clock.now(),
    options,
    problems: fleet.problems.filter((problem) => problem.app === app.name),
  };
  const git = (seen: ObservedApp, as: PlanOptions, desired: DesiredApp): AppPlan =>
    planApp({ ...base, options: as, desired, observed: seen });
  const steering = await steer(request, observed, memory);
  const planOf = (seen: ObservedApp, as: PlanOptions = options, under = (desired: DesiredApp) => desired): AppPlan => {
    // Who takes an app over labels it, wherever it is steered.
    if (fleet.from !== undefined) return git(seen, as, under(app));
    const { standing, course, snapshot } = steering;
    const free = git(seen, as, under(app));
    const steered =
      course.to === 'git'
        ? free
        : snapshot === undefined
          ? stoppedPlan(free, { hold: course.hold, app })
          : heldPlan(git(seen, as, under(snapshot)), free, { hold: course.hold, app });
    const moment = { now: clock.now(), aheadMs: observed.flyAheadMs };
    return suspendedPlan(steered, standing, { ...moment, adopts: as.adopt });
  };
  const unseen = planOf(observed);
  const built = await withImageOf(request, { seen: observed, plan: unseen }, planOf);
  const { seen, plan } = await withPullsOf(request, built, planOf);
  const known = knownEvidence({ observed, memory, fleet });
  const unreachable = shifted(unreachableSince(observed, memory, clock.now()), observed.flyAheadMs);
  const isUnheld = app.policy.drift === 'off';
  // What would be held if nobody insisted and drift were not left alone: what a person did.
  const held = (as: ObservedApp): AppPlan => planOf(as, { ...options, now: false }, reporting);
  const calm = options.now || isUnheld ? held(seen) : plan;
  const asksDeparted = asksWhoEmptied(calm, seen);
  const needs = asksDeparted || needsReleases(plan, seen);
  const whole = needs ? await withReleases(request, seen, { told: memory.told, asksDeparted }) : seen;
  const wanted = steering.snapshot ?? app;
  const release = knownRelease({ desired: wanted, observed: whole, memory, fleet, now: clock.now() });
  const found = needs ? planOf(whole) : plan;
  await checkRegions(request, found);
  const lifted = options.now ? liftedFrom(held(whole), found).map((hold) => (isUnheld ? leftAlone(hold) : hold)) : [];
  return { plan: found, observed: whole, known, release, unreachable, wanted, steering, remembered, lifted };
}

/** From what a pass has left on Fly; nobody insists on anything of it, and what is held for the fleet stays held. */
export async function plannedAgain(request: SyncAppRequest): Promise<GuardedApp> {
  const options: PlanOptions = { adopt: false, force: false, now: false, patience: request.patience };
  const later = await observeAndPlan({ ...request, options });
  return { ...later, plan: idle(later.plan) ?? request.guard(later) };
}

/**
 * Fly is asked where something would be made, and its answer is the only one that counts: it opens regions and retires them.
 * Where it gives none, what it says to the step decides. Throws a stalled Fault.
 */
async function checkRegions({ app, regions }: PlanAppRequest, { steps, holds }: AppPlan): Promise<void> {
  if (regions === undefined || steps.length === 0) return;
  // What waits will be made in an app that is made now.
  const wanted = newRegionsOf([...steps, ...holds.flatMap((hold) => hold.steps)]);
  if (wanted.size === 0) return;
  const listed = await readIfPossible(regions());
  if (listed.status === 'unread' || listed.value.length === 0) return;
  for (const region of wanted) {
    const missing = missingRegion(region, listed.value);
    if (missing === undefined) continue;
    const { message: what, hint: next } = missing;
    throw new Fault({ kind: 'stalled', what, why: 'so nothing is made for the app', next, where: app.file });
  }
}

/** An app of which git says nothing stays in the organization that it is in. */
function whereItIs(app: DesiredApp, { org }: ObservedApp): DesiredApp {
  return app.orgIsDefault === true && org !== undefined && org !== app.org ? { ...app, org } : app;
}

/** Only where one of the two is a name that says different things to different tokens. */
async function observeOrganization({ app, fly, reached }: PlanAppRequest, observed: ObservedApp): Promise<ObservedApp> {
  const { org } = observed;
  if (app.orgIsDefault === true || org === undefined || app.org === org || ![app.org, org].includes(personal))
    return observed;
  return { ...observed, reached: await read(reached === undefined ? fly.organizations() : reached()) };
}

function withKnown(observed: ObservedApp, isKnown: boolean): ObservedApp {
  const { machines } = observed;
  if (machines.status === 'unread') return observed;
  return { ...observed, machines: { ...machines, value: asKnown({ machines: machines.value, isKnown }) } };
}

function reporting(desired: DesiredApp): DesiredApp {
  const { policy } = desired;
  return policy.drift === 'off' ? { ...desired, policy: { ...policy, drift: 'report' } } : desired;
}

function leftAlone(hold: Hold): Hold {
  const because = 'Fly differs from git, and drift is left alone here (sync.drift: off)';
  return hold.reason === 'drift' ? { ...hold, because } : hold;
}

/** What waits for time, git or a person, and goes on all the same. */
function liftedFrom({ holds }: AppPlan, insisting: AppPlan): readonly Hold[] {
  const still = new Set(insisting.holds.map(({ reason }) => reason));
  return insisting.steps.length === 0
    ? []
    : holds.filter(({ reason, steps }) => steps.length > 0 && !still.has(reason));
}

async function withReleases(
  { fly, app, fleet, clock }: PlanAppRequest,
  seen: ObservedApp,
  { told, asksDeparted }: Pick<Memory, 'told'> & { readonly asksDeparted: boolean },
): Promise<ObservedApp> {
  const machines = seen.machines.status === 'read' ? seen.machines.value : [];
  const request = { fly, app: app.name, machines, told, asksDeparted, fleet, now: clock.now() };
  return { ...seen, ...(await observeDeployments(request)) };
}

interface Looked {
  readonly seen: ObservedApp;
  readonly plan: AppPlan;
}

function needsImage(plan: AppPlan): boolean {
  return plan.holds.some((hold) => hold.reason === 'build');
}

/** The registry is asked only for an image that is needed and that no machine runs. */
async function withImageOf(
  request: PlanAppRequest,
  looked: Looked,
  planOf: (seen: ObservedApp) => AppPlan,
): Promise<Looked> {
  if (!needsImage(looked.plan)) return looked;
  const { sight, store, fleet, app } = request;
  const fromV0 = await imagesFromV0(request, looked.seen);
  const seen = { ...looked.seen, fromV0 };
  const plan = fromV0.length === 0 ? looked.plan : planOf(seen);
  if (sight === undefined || !needsImage(plan)) return { seen, plan };
  const present = seen.app.status === 'read' && seen.app.value.state === 'present';
  const image = await seeImage({ ...sight, store }, { fleet, app, present });
  return image === undefined ? { seen, plan } : { seen: { ...seen, image }, plan: planOf({ ...seen, image }) };
}

/** The registry of an image is asked only where a plan brings one that no machine carries. */
async function withPullsOf(
  { sight }: PlanAppRequest,
  looked: Looked,
  planOf: (seen: ObservedApp) => AppPlan,
): Promise<Looked> {
  const images = imagesOf(looked.plan.steps);
  const { machines } = looked.seen;
  if (sight === undefined || images.size === 0 || machines.status === 'unread') return looked;
  const unpullable = await seeUnpullable(sight, { images, machines: machines.value });
  if (unpullable.length === 0) return looked;
  const seen = { ...looked.seen, unpullable };
  return { seen, plan: planOf(seen) };
}

/** Of what FlyCD 0.x wrote on the machines: that of images which git still wants. */
async function imagesFromV0({ fleet, app }: PlanAppRequest, seen: ObservedApp): Promise<readonly V0Versions[]> {
  const machines = seen.machines.status === 'read' ? seen.machines.value : [];
  const written = new Map<string, V0Versions>();
  for (const { config } of machines) {
    const versions = v0VersionsOf(config?.env);
    if (versions !== undefined) written.set(`${versions.app} ${versions.config}`, versions);
  }
  const proven: V0Versions[] = [];
  for (const versions of written.values()) if (await fleet.builtByV0(app.name, versions)) proven.push(versions);
  return proven;
}

function unreachableSince(observed: ObservedApp, memory: Memory, now: number): Memory['unreachable'] {
  if (observed.machines.status === 'unread') return memory.unreachable;
  const silent = observed.machines.value.filter((machine) => !isHostOk(machine));
  return Object.fromEntries(silent.map(({ id }) => [id, memory.unreachable[id] ?? now]));
}

/** Remembered by Fly's clock: ours, once somebody sets it, would make hours of a minute. */
function shifted(times: Memory['unreachable'], byMs: number): Memory['unreachable'] {
  return Object.fromEntries(Object.entries(times).map(([id, at]) => [id, at + byMs]));
}

/** undefined: it could not be read. */
export function shownApp(
  { app, id, machines }: ObservedApp,
  fleet: FleetOwner,
): (ShownApp & { readonly isProven: boolean }) | undefined {
  if (app.status === 'unread' || machines.status === 'unread') return undefined;
  const isStamped = standingMachines(machines.value, fleet).length > 0;
  return { isThere: app.value.state !== 'absent', id, isStamped, isProven: provesOurs(machines.value, fleet) };
}

/** What SQLite knows of this app, with the HMAC of each secret's present value; values themselves stay where they are. */
async function thatCounts(request: PlanAppRequest, observed: ObservedApp, stored: StoredMemory): Promise<Memory> {
  const { store, evidence, app, fleet } = request;
  const revisionSeenAt = await store?.revisionSeenAt(fleet.revision);
  const shown = shownApp(observed, fleet);
  const known = shown === undefined ? stored : memoryOf(stored, shown);
  const currentMarks: Record<string, string | undefined> = {};
  for (const secret of app.secrets) {
    const value = fleet.secretValue(app.name, secret.name);
    // Without a key there is no evidence to compare with: the mark only says that there is a value.
    currentMarks[secret.name] =
      value === undefined ? undefined : (evidence?.mark(app.name, secret.name, value) ?? 'present');
  }
  const isTakenAway = shown?.isThere === false && stored.underway !== 'destroying';
  const before = stored.standing.find(({ key }) => isTakenAway && key === stampKeys.fulfilled);
  const unreachable = shifted(known.unreachable, -observed.flyAheadMs);
  const keyId = evidence?.keyId ?? '';
  return { ...known, revisionSeenAt, unreachable, fulfilledBefore: before?.text, currentMarks, keyId };
}
