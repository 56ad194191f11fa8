import PQueue from 'p-queue';
import { allEnded } from '../../src/model/base/ending.ts';
import type { Region } from '../../schemas/fly/app.ts';
import type { DesiredFleet, DesiredApp } from '../../src/model/desired.ts';
import { isFleetWide, toFault } from '../../src/model/base/fault.ts';
import type { Plan, AppPlan } from '../../src/model/plan.ts';
import type { GuardedFleet } from '../../src/plan/steps/guarded.ts';
import { askedOnce } from '../../src/observed/organization.ts';
import { byText } from '../../src/model/base/text.ts';
import type { OrphanedApp } from '../../src/model/observed.ts';
import { planFleet, type FailedApp } from '../../src/plan/fleet.ts';
import { isNamed, type Acceptance } from '../../src/plan/guards/accept.ts';
import { appOf } from '../../src/plan/steps/accept-word.ts';
import { planOrphan } from '../../src/plan/orphan.ts';
import { observeAndPlan } from '../app/plan-app.ts';
import type { PlanContext, PlannedApp } from '../app/types.ts';
import { checkAskedFor, mayBeOrphans, selectApps } from './asked-for.ts';
import { organizationNaming } from './organizations.ts';
import { findOrphans, type FoundOrphans } from './orphans.ts';
import { looksAtOnce } from './states/survey.ts';

export interface PassOptions {
  /** Globs of app names; empty = all. */
  readonly apps: readonly string[];
  /** Releases the brakes for this pass. */
  readonly accept: boolean;
  /** Releases just what these words name: an app, a reason of a hold, `app:NAME`. */
  readonly acceptOnly: readonly string[];
  /** Lifts adoption holds. */
  readonly adopt: boolean;
  /** As `PlanOptions.adopted`. */
  readonly adopted?: boolean | undefined;
  /** An update for every machine, changes or not (v0's --force). */
  readonly force: boolean;
  /** A person insists: holds for hand-made changes are lifted. */
  readonly now: boolean;
  /** The first app that fails ends the pass (v0's --abort-early). */
  readonly abortEarly: boolean;
}

/** Observes and plans every chosen app side by side, then applies the fleet's brakes. Writes nothing. */
export async function planPass(context: PlanContext, desired: DesiredFleet, options: PassOptions): Promise<Plan> {
  const { plan } = await planWhole(context, desired, options);
  return plan;
}

export interface Whole {
  readonly plan: GuardedFleet;
  /** With those that others depend on. */
  readonly apps: ReadonlyMap<string, DesiredApp>;
  /** By app: its plan, and what that was made from. */
  readonly planned: ReadonlyMap<string, PlannedApp>;
  readonly orphans: readonly OrphanedApp[];
  /** What was found, of whatever name. undefined: nobody looked. */
  readonly found: FoundOrphans | undefined;
  /** Organizations of the token, asked for once. */
  readonly reached: () => Promise<readonly string[]>;
  /** Regions of Fly, asked for once. */
  readonly regions: () => Promise<readonly Region[]>;
  /** The fleet's plan again. */
  replan(again?: Again): GuardedFleet;
}

interface Again {
  /** Newer plans of some apps. */
  readonly newer?: ReadonlyMap<string, PlannedApp>;
  /** Apps that could not be planned anew: what was planned of them before may be over. */
  readonly unplanned?: readonly FailedApp[];
  readonly failedNow?: readonly string[];
  /** Default: what the pass was given. */
  readonly accepted?: Acceptance;
}

export async function planWhole(context: PlanContext, desired: DesiredFleet, options: PassOptions): Promise<Whole> {
  const chosen = selectApps(desired.apps, options.apps);
  const chosenNames = new Set(chosen.map(({ name }) => name));
  const seeks = context.orphans && mayBeOrphans(desired, options);
  const { clock, fly, store, flyOrg } = context;
  const reached = askedOnce(() => fly.organizations());
  const regions = askedOnce(() => fly.regions());
  const shared = { ...context, reached, regions, fleet: desired };
  const asked = seeks && desired.named ? desired.apps : withDependencies(desired.apps, chosen);
  const named = await allEnded(asked.map(organizationNaming({ flyOrg, reached })));
  const withOrg = withDependencies(named, chosen);
  const planned = new Map<string, PlannedApp>();
  const failed: FailedApp[] = [];
  const queue = new PQueue({ concurrency: looksAtOnce });
  const look = (apps: readonly DesiredApp[]) =>
    allEnded(
      apps.map((app) =>
        queue.add(async () => {
          try {
            planned.set(app.name, await observeAndPlan({ ...shared, app, options: optionsFor(app, options) }));
          } catch (error) {
            // A refused token concerns every app: one error, not a thousand.
            if (isFleetWide(error)) throw error;
            failed.push(failedAt(app, error));
          }
        }),
      ),
    );
  const looking = look(withOrg);
  const observed = async () => {
    await looking;
    return [...planned.values()].map((one) => one.observed);
  };
  const apps = () => Promise.resolve(named);
  const seeking = seeks ? findOrphans({ clock, fly, store, fleet: desired, apps, observed, reached }) : undefined;
  const [found] = await allEnded([seeking, looking]);
  checkAskedFor(desired, found, options);
  const chosenOrphans = selectApps(found?.orphans ?? [], options.apps);
  const isWhole = mayDestroy(desired, { orphans: chosenOrphans, now: context.clock.now() }, options);
  // What goes last, and counts with what else goes, does so also where it alone is chosen.
  if (isWhole) await look(named.filter(({ name }) => !withOrg.some((app) => app.name === name)));
  const orphans = isWhole ? (found?.orphans ?? []) : chosenOrphans;
  const plansOf = (all: ReadonlyMap<string, PlannedApp>, isChosen: boolean): readonly AppPlan[] =>
    [...all.values()]
      .map(({ plan }) => plan)
      .filter(({ app }) => chosenNames.has(app) === isChosen)
      .toSorted((a, b) => byText(a.app, b.app));
  const replan: Whole['replan'] = ({ newer = [], unplanned = [], failedNow, accepted = options } = {}) => {
    const { accept, acceptOnly } = accepted;
    const all = new Map([...planned, ...newer]);
    for (const { app } of unplanned) all.delete(app);
    const again = new Set([...all.keys(), ...unplanned.map(({ app }) => app)]);
    return planFleet({
      fleet: desired,
      plans: plansOf(all, true),
      dependencies: plansOf(all, false),
      observed: [...all.values()].map(({ observed }) => observed),
      orphans,
      unread: found?.unread ?? [],
      now: context.clock.now(),
      accept,
      acceptOnly,
      failed: [...failed.filter(({ app }) => !again.has(app)), ...unplanned],
      selected: options.apps,
      failedNow,
    });
  };
  const byName = new Map(withOrg.map((app) => [app.name, app]));
  return { plan: replan(), apps: byName, planned, orphans, found, reached, regions, replan };
}

export function failedAt({ name, file, org }: DesiredApp, error: unknown): FailedApp {
  return { app: name, file, org, fault: toFault(error, `${name} could not be planned`) };
}

/** Machines made anew for their mount are a release, which is planned where that is accepted. */
export function optionsFor({ name: app }: DesiredApp, options: PassOptions): PassOptions {
  return { ...options, accept: options.accept || isNamed(options.acceptOnly, { app, reason: 'volume' }) };
}

/** true: one that nobody has called by its name goes, but for the others. */
function mayDestroy(
  fleet: DesiredFleet,
  { orphans, now }: { readonly orphans: readonly OrphanedApp[]; readonly now: number },
  { acceptOnly }: PassOptions,
): boolean {
  const unnamed = orphans.filter(({ name }) => !acceptOnly.some((word) => appOf(word) === name));
  return unnamed.some((orphan) => planOrphan({ fleet, orphan, now }).steps.length > 0);
}

/** With the apps that the chosen ones depend on: those are looked at, and not touched. */
function withDependencies(apps: readonly DesiredApp[], chosen: readonly DesiredApp[]): readonly DesiredApp[] {
  const needed = new Set(chosen.flatMap((app) => [app.name, ...(app.dependsOn ?? [])]));
  return apps.filter((app) => needed.has(app.name));
}

/** A pass over all apps that insists on nothing. */
export const plainPass: PassOptions = {
  apps: [],
  accept: false,
  acceptOnly: [],
  adopt: false,
  force: false,
  now: false,
  abortEarly: false,
};
