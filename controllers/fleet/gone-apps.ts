/** Apps of earlier runs that git no longer names and no look at Fly finds: what became of them is recorded, once. */
import { allEnded } from '../../src/model/base/ending.ts';
import type { DesiredFleet } from '../../src/model/desired.ts';
import type { AppPlan } from '../../src/model/plan.ts';
import type { Run, StepResult } from '../../src/model/run.ts';
import type { ToldApp } from '../../src/record/store.ts';
import { knowsApp } from '../../src/model/standing/memory.ts';
import { observeOrphan } from '../../src/observed/orphans.ts';
import { foreignPlan, gonePlan, neverMadePlan } from '../../src/plan/idle-orphan.ts';
import { lostOf, type SoughtOrganization } from './organizations.ts';
import { syncOrphan, type FoundOrphans, type OrphanRequest } from './orphans.ts';

/**
 * Without it `status` would tell of them for ever: their runs are the newest there are. An app is gone where the whole
 * config was read, all that could list it was, and Fly says of its name that there is none; where anything is unknown,
 * nothing is concluded. One that another fleet has taken over is that fleet's. One that is there without a machine of the
 * fleet, and of no other, is orphaned, whatever its last run said; a fleet without a name is not told so, for nobody looks
 * for its machines. One that FlyCD never came as far as to make or to see was never there to be deleted.
 * `isMeant`: what the pass is about.
 */
export async function recordGone(
  request: OrphanRequest,
  found: FoundOrphans,
  isMeant: (app: string) => boolean = () => true,
): Promise<readonly Run[]> {
  const { store, fleet } = request;
  if (!found.complete || !fleet.whole || isLimited(fleet)) return [];
  const orphans = new Set(found.orphans.map(({ name }) => name));
  // Asked anew: since orphans were sought, a pass beside this one may have recorded what became of them.
  const told = lostOf(await store.appsTold(), fleet).filter(({ app }) => !orphans.has(app) && isMeant(app));
  const runs = await allEnded(told.map((app) => record(request, app, found.orgs)));
  return runs.flatMap((run) => run ?? []);
}

/** A part of a config, or of its apps, says nothing of others. A folder that names its fleet itself holds all of it. */
function isLimited({ named, isPart, unselected }: DesiredFleet): boolean {
  return !named && (isPart === true || unselected !== undefined);
}

async function record(
  request: OrphanRequest,
  { app, status }: ToldApp,
  orgs: readonly SoughtOrganization[],
): Promise<Run | undefined> {
  const seen = await observeOrphan(request, { name: app, org: '' });
  if (seen.state === 'gone') {
    if (await wasThere(request, app)) return syncOrphan(request, { plan: gonePlan(app), isGone: true });
    // Nobody lost anything: history says so, and else nobody hears of it.
    await syncOrphan({ ...request, onProgress: () => {} }, { plan: neverMadePlan(app), isLeft: true });
    return undefined;
  }
  if (seen.state !== 'foreign') return undefined;
  if (seen.owner !== undefined) return syncOrphan(request, { plan: foreignPlan(app, seen), isLeft: true });
  // Elsewhere it may have machines that nobody has listed.
  const there = orgs.find((one) => one.org === seen.org);
  if (status === 'orphaned' || there === undefined) return undefined;
  // Recorded as the fleet's, a guess would be known by the next pass.
  return syncOrphan(request, { plan: { ...foreignPlan(app, seen), org: there.isGuessed ? undefined : there.org } });
}

/** Tries tell of one that nobody has come to look at, or that was still to be made: more of them than anybody reads. */
const triesRead = 200;

/** false: all that is known of it are tries that never came as far as to make it, or to see it on Fly. */
async function wasThere({ store }: OrphanRequest, app: string): Promise<boolean> {
  const memory = await store.memory(app);
  if (memory.known || knowsApp(memory)) return true;
  const runs = await store.runs({ app, all: true, limit: triesRead });
  const isDone = ({ outcome }: StepResult): boolean => outcome !== 'failed' && outcome !== 'skipped';
  return runs.some(({ plan, results }) => results.some(isDone) || !(isUntried(plan) || isToMake(plan)));
}

/** Its file could not be used, or Fly could not be asked. */
function isUntried({ status, steps, holds }: AppPlan): boolean {
  const isUnknown = status === 'invalid' || status === 'failed' || status === 'pending';
  return isUnknown && steps.length === 0 && holds.every(({ reason }) => reason === 'unread');
}

function isToMake({ steps, holds }: AppPlan): boolean {
  return [...steps, ...holds.flatMap((hold) => hold.steps)].some(({ kind }) => kind === 'app.create');
}
