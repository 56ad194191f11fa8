/** What the loop applies of an app's plan: it counts with all the fleet's, and its policy may leave it to a person. */
import { Fault } from '../../../src/model/base/fault.ts';
import type { DesiredApp, DesiredFleet } from '../../../src/model/desired.ts';
import type { AppPlan, Hold } from '../../../src/model/plan.ts';
import { shellWord } from '../../../src/model/base/shell.ts';
import { planFleet, type PlanFleetInput } from '../../../src/plan/fleet.ts';
import { nothingOf, type GuardedPlan } from '../../../src/plan/steps/guarded.ts';
import type { AppStates, Surveyed } from './app-states.ts';

/** Those that are known. */
interface Orphans {
  readonly all: PlanFleetInput['orphans'];
  readonly unread: PlanFleetInput['unread'];
}

/** `auto: false` shows the plan and leaves applying it to a person. */
export function heldByPolicy(app: Pick<DesiredApp, 'policy'>, plan: GuardedPlan): GuardedPlan {
  return app.policy.auto ? plan : leftToPerson(plan);
}

function leftToPerson(plan: AppPlan): GuardedPlan {
  // What nobody is shown is not written behind their back either.
  if (plan.steps.length === 0) return nothingOf(plan);
  const hold: Hold = {
    app: plan.app,
    reason: 'manual',
    because: 'its policy says sync.auto: false',
    next: `flycd sync --once --app ${shellWord(plan.app)}`,
    steps: plan.steps,
  };
  return nothingOf({ ...plan, status: 'held', holds: [...plan.holds, hold] });
}

/**
 * An app's plan among all the fleet's newest plans: the brakes count what is still to be done in all of them together. What
 * another app's policy leaves to a person is not the loop's to do. `own`: what its pass has seen, or left by now.
 */
export function weighed(
  known: { readonly states: AppStates; readonly orphans: Orphans; readonly now: number },
  fleet: DesiredFleet,
  name: string,
  own?: Surveyed,
): GuardedPlan | undefined {
  const { states, orphans, now } = known;
  const surveyed = states.survey();
  // Where git has moved on during its pass, that is about what git said when it began.
  const all = own === undefined ? surveyed : [...surveyed.filter(({ plan }) => plan.app !== name), own];
  const others = new Map(fleet.apps.filter((app) => app.name !== name).map((app) => [app.name, app]));
  const applied = (plan: AppPlan): AppPlan => {
    const other = others.get(plan.app);
    return other === undefined || other.policy.auto ? plan : leftToPerson(plan);
  };
  const whole = planFleet({
    fleet,
    plans: all.map(({ plan }) => applied(plan)),
    observed: all.map((one) => one.observed),
    orphans: orphans.all,
    unread: orphans.unread,
    now,
    accept: false,
    acceptOnly: [],
    failed: unlooked(fleet, all),
    selected: [],
  });
  return whole.apps.find((plan) => plan.app === name);
}

/** Nobody knows what there is to do in them, nor whether one of them takes an orphan's place. */
function unlooked({ apps }: DesiredFleet, surveyed: readonly Surveyed[]): PlanFleetInput['failed'] {
  const known = new Set(surveyed.map(({ plan }) => plan.app));
  return apps
    .filter(({ name }) => !known.has(name))
    .map(({ name: app, file, org }) => {
      const fault = new Fault({ kind: 'transient', what: `${app} could not be looked at` });
      return { app, file, org, fault };
    });
}
