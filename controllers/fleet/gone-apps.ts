/** Apps of earlier runs that git no longer names and no look at Fly finds: what became of them is recorded, once. */
import { allEnded } from '../../src/model/base/ending.ts';
import type { DesiredFleet } from '../../src/model/desired.ts';
import type { Run } from '../../src/model/run.ts';
import type { ToldApp } from '../../src/record/store.ts';
import { observeOrphan } from '../../src/observed/orphans.ts';
import { foreignPlan, gonePlan } from '../../src/plan/idle-orphan.ts';
import { lostOf, type SoughtOrganization } from './organizations.ts';
import { syncOrphan, type FoundOrphans, type OrphanRequest } from './orphans.ts';

/**
 * Without it `status` would tell of them for ever: their runs are the newest there are. An app is gone where the whole
 * config was read, all that could list it was, and Fly says of its name that there is none; where anything is unknown,
 * nothing is concluded. One that another fleet has taken over is that fleet's. One that is there without a machine of the
 * fleet, and of no other, is orphaned, whatever its last run said; a fleet without a name is not told so, for nobody looks
 * for its machines.
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
  if (seen.state === 'gone') return syncOrphan(request, { plan: gonePlan(app), isGone: true });
  if (seen.state !== 'foreign') return undefined;
  if (seen.owner !== undefined) return syncOrphan(request, { plan: foreignPlan(app, seen), isLeft: true });
  // Elsewhere it may have machines that nobody has listed.
  const there = orgs.find((one) => one.org === seen.org);
  if (status === 'orphaned' || there === undefined) return undefined;
  // Recorded as the fleet's, a guess would be known by the next pass.
  return syncOrphan(request, { plan: { ...foreignPlan(app, seen), org: there.isGuessed ? undefined : there.org } });
}
