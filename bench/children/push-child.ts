/**
 * From a push that changes one app to that app's plan, as the loop goes about it: git is asked, the fleet is read anew
 * from a warm mirror, the app is observed and planned. Arguments: config URL, data directory, work tree, how many
 * pushes (fewer than there are apps). Sends {times} in milliseconds.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { composed } from '../../src/cli/composition/composition.ts';
import { observeAndPlan } from '../../controllers/app/plan-app.ts';
import { appText, fileOf, nameOf, pushChanges } from '../fleet.ts';
import { argumentsOf, benchInvocation, report } from './invocation.ts';

const { url, dataDir, workTree, pushes } = argumentsOf('url', 'dataDir', 'workTree', 'pushes');

await composed(benchInvocation(workTree), url, { dataDir }, async (composition) => {
  const fly = await composition.reader();
  const { fleet: first } = await composition.load({ offline: false });
  const store = await composition.storeReader(first);
  const evidence = await composition.evidence('read');
  const options = { adopt: false, force: false, now: false };

  async function planFromGit(name: string) {
    const { fleet } = await composition.load({ offline: false });
    const app = fleet.apps.find((app) => app.name === name);
    if (app === undefined) throw new Error(`the fleet lost ${name}`);
    const { plan } = await observeAndPlan({ clock: composition.io.clock, fly, store, evidence, fleet, app, options });
    return plan.steps.length;
  }

  const unchanged = nameOf(Number(pushes));
  if ((await planFromGit(unchanged)) !== 0) throw new Error(`${unchanged} is not in sync before the first push`);
  const times: number[] = [];
  for (let push = 0; push < Number(pushes); push += 1) {
    // Another app each time: Fly's limits are for each app, and waiting for them is no work.
    await writeFile(join(workTree, fileOf(push)), appText(push, 'debug'));
    pushChanges(workTree);
    const start = performance.now();
    const steps = await planFromGit(nameOf(push));
    times.push(performance.now() - start);
    if (steps === 0) throw new Error(`a push that changes ${nameOf(push)} planned nothing`);
  }
  report({ times });
});
