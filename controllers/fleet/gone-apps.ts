/** Apps of earlier runs that git no longer names and no look at Fly finds: what became of them is recorded, once. */
import type { Run } from '../../src/model/run.ts';
import type { ToldApp } from '../../src/record/store.ts';
import { read } from '../../src/observed/reading.ts';
import { gonePlan, unmannedPlan } from '../../src/plan/orphan.ts';
import { namesOf, syncOrphan, type FoundOrphans, type OrphanRequest } from './orphans.ts';

type GoneRequest = Omit<OrphanRequest, 'plan' | 'isGone'>;

/**
 * Without it `status` would tell of them for ever: their runs are the newest there are. An app is gone where the whole
 * config was read, all that could list it was, and Fly says of its name that there is none; where anything is unknown,
 * nothing is concluded. One that is there without a machine of the fleet is orphaned, whatever its last run said.
 * `isMeant`: what the pass is about.
 */
export async function recordGone(
  request: GoneRequest,
  found: FoundOrphans,
  isMeant: (app: string) => boolean = () => true,
): Promise<readonly Run[]> {
  const { store, fleet } = request;
  if (!found.complete || !fleet.named || !fleet.whole) return [];
  const known = [...namesOf(fleet), ...found.orphans.map(({ name }) => name)];
  const told = (await store.appsTold(known)).filter(({ app }) => isMeant(app));
  const runs = await Promise.all(told.map((app) => record(request, app, found.orgs)));
  return runs.flatMap((run) => run ?? []);
}

async function record(
  request: GoneRequest,
  { app, status }: ToldApp,
  orgs: ReadonlySet<string>,
): Promise<Run | undefined> {
  const presence = await read(request.fly.app(app));
  if (presence.status === 'unread') return undefined;
  if (presence.value.state === 'absent') return syncOrphan({ ...request, plan: gonePlan(app), isGone: true });
  if (presence.value.state === 'taken' || status === 'orphaned') return undefined;
  const org = presence.value.app.organization?.slug ?? '';
  // Elsewhere it may have machines that nobody has listed.
  if (!orgs.has(org)) return undefined;
  return syncOrphan({ ...request, plan: { ...unmannedPlan(app), org } });
}
