import { median, type Figure } from '../figures.ts';
import type { SyncedWorld } from './pass.ts';
import type { Workspace } from '../workspace.ts';

const boundMs = 500;

/** Push to plan for one app of the fleet, beside the time that the network takes: Fly and git answer at once here. */
export async function pushToPlan(workspace: Workspace, world: SyncedWorld, pushes: number): Promise<readonly Figure[]> {
  const { fleet, dataDirectory, environment } = world;
  const args = [fleet.url, dataDirectory, fleet.folder, String(pushes)];
  const child = workspace.fork(new URL('../children/push-child.ts', import.meta.url), args, environment);
  const { times } = await child.message<{ readonly times: readonly number[] }>();
  await child.stop();
  const what = `push to plan of one app among ${fleet.apps}, warm mirror`;
  return [{ what, value: median(times), unit: 'ms', bound: boundMs }];
}
