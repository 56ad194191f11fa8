/** Plans of an app that git no longer names, or did not a moment ago, by which nothing is done. */
import type { OtherOwner } from '../model/stamps/owner.ts';
import type { Step } from '../model/plan.ts';
import { shellWord } from '../model/base/shell.ts';
import { ownerWords } from './guards/owner.ts';
import { nothingOf, type IdlePlan } from './steps/guarded.ts';
import { holdOf } from './steps/hold.ts';
import { appPlanId } from './steps/plan-id.ts';

/** Of an app that git no longer names and Fly does not have: said once, after which nobody tells of it any more. */
export function gonePlan(app: string): IdlePlan {
  return orphanPlan(app, 'git no longer names it, and Fly has no app of that name');
}

/** Of one that FlyCD never made and never saw there. */
export function neverMadePlan(app: string): IdlePlan {
  return orphanPlan(app, 'git no longer names it. FlyCD never made it, and Fly has no app of that name');
}

/** Of one that is on Fly and has no machine by which it could be known as the fleet's. */
export function foreignPlan(app: string, { owner, machines }: Foreign): IdlePlan {
  if (owner !== undefined)
    return orphanPlan(app, `git no longer names it, and ${ownerWords(owner)} owns it now: FlyCD leaves it alone`);
  const there =
    'git no longer names it. The app still exists on Fly, but none of its machines belongs to this fleet, so FlyCD leaves it alone';
  return orphanPlan(app, `${there}. ${backOrDestroy(app, machines)}`);
}

interface Foreign {
  readonly owner: OtherOwner | undefined;
  /** In it, of whomever. */
  readonly machines: number;
}

/** Of one that was about to go when git came to name it again: its next pass is that of any other app. */
export function namedAgainPlan(app: string): IdlePlan {
  const note = 'git names it again: FlyCD does not destroy it, and brings it to what git says';
  return { ...orphanPlan(app, note), status: 'pending' };
}

/** Of one that was about to go, and of which FlyCD no longer knows that it is to: a list may lag. */
export function doubtedPlan(app: string): IdlePlan {
  return orphanPlan(app, 'git no longer names it. FlyCD looks for it anew before it destroys it');
}

/** Of one that was about to go while somebody holds one of its machines. */
export function busyPlan(step: Step, { because, next = 'FlyCD looks again by itself', retryAt }: Busy): IdlePlan {
  const { app } = step;
  const hold = holdOf(app, { reason: 'busy', because, next, steps: [step], retryAt });
  return { ...orphanPlan(app, 'git no longer names it'), holds: [hold], planId: appPlanId(app, [], [hold]) };
}

interface Busy {
  readonly because: string;
  readonly next: string | undefined;
  readonly retryAt: number | undefined;
}

function orphanPlan(app: string, note: string): IdlePlan {
  const none = { file: '', org: undefined, steps: [], holds: [], problems: [] };
  return nothingOf({ ...none, app, status: 'orphaned', notes: [note], planId: appPlanId(app, [], []) });
}

/** What a person may do about one that FlyCD leaves there. `strangers`: machines in it that it did not make. */
export function backOrDestroy(app: string, strangers: number): string {
  if (strangers === 0) return `Bring its app.yaml back, or remove it with fly apps destroy ${shellWord(app)}`;
  return `Bring its app.yaml back, or look at them (fly machine list --app ${shellWord(app)}) before fly apps destroy ${shellWord(app)}`;
}
