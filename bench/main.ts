/**
 * `npm run bench`: the numbers FlyCD lives up to, measured in one run on this machine. `-- --quick` takes seconds and
 * small sizes: it shows that the bench works, and its figures are not held against the bounds.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { desiredState } from './measures/desired.ts';
import { machineLine, tableText, type Figure } from './figures.ts';
import { writeFleet } from './fleet.ts';
import { flyConfigs } from './measures/flyconfig.ts';
import { historySize, type HistorySizes } from './measures/history.ts';
import { fullPass, syncWorld } from './measures/pass.ts';
import { pushToPlan } from './measures/push.ts';
import { simulatedRequests } from './measures/requests.ts';
import { rollout, type RolloutSizes } from './measures/rollout.ts';
import { startBenchSimulator } from './measures/simulator.ts';
import { build, startUp } from './measures/startup.ts';
import { webhooks } from './measures/webhook.ts';
import { openWorkspace, type Workspace } from './workspace.ts';

interface Sizes {
  readonly apps: number;
  readonly starts: number;
  readonly loads: { readonly processes: number; readonly changes: number };
  readonly passes: number;
  readonly pushes: number;
  readonly webhookSeconds: number;
  readonly requests: { readonly machinesPerApp: number; readonly reads: number };
  readonly configs: { readonly count: number; readonly runs: number };
  readonly rollout: RolloutSizes;
  readonly history: HistorySizes;
}

const full: Sizes = {
  apps: 1_000,
  starts: 15,
  loads: { processes: 5, changes: 9 },
  passes: 3,
  pushes: 9,
  webhookSeconds: 10,
  requests: { machinesPerApp: 3, reads: 20_000 },
  configs: { count: 1_000, runs: 9 },
  rollout: { apps: 50, machinesPerApp: 4 },
  history: { apps: 1_000, commits: 10_000 },
};

const quick: Sizes = {
  apps: 8,
  starts: 3,
  loads: { processes: 1, changes: 2 },
  passes: 1,
  pushes: 2,
  webhookSeconds: 1,
  requests: { machinesPerApp: 3, reads: 200 },
  configs: { count: 50, runs: 3 },
  rollout: { apps: 4, machinesPerApp: 4 },
  history: { apps: 8, commits: 50 },
};

const repository = fileURLToPath(new URL('..', import.meta.url));

async function bench(workspace: Workspace, built: string, sizes: Sizes): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  const add = (more: readonly Figure[]): void => {
    figures.push(...more);
    for (const { what } of more) process.stderr.write(`measured: ${what}\n`);
  };
  const entry = await build(repository, built, workspace);
  add(await startUp(entry, workspace, sizes.starts));
  add(await flyConfigs(sizes.configs.count, sizes.configs.runs));
  add(await desiredState(workspace, await writeFleet(workspace, 'read', sizes.apps), sizes.loads));
  add(await simulatedRequests(workspace, { ...sizes.requests, apps: sizes.apps }));
  add(await rollout(workspace, sizes.rollout));
  add(await historySize(workspace, sizes.history));
  const simulator = await startBenchSimulator(workspace);
  const fleet = await writeFleet(workspace, 'synced', sizes.apps);
  const world = await syncWorld(workspace, { built, fleet, simulator });
  add(await fullPass(workspace, built, world, sizes.passes));
  add(await pushToPlan(workspace, world, sizes.pushes));
  add(await webhooks(workspace, entry, world, sizes.webhookSeconds));
  return figures;
}

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const machine = machineLine();
const workspace = await openWorkspace();
// Beside the packages that the built files import, and out of git's sight.
const cache = join(repository, 'node_modules', '.cache');
await mkdir(cache, { recursive: true });
const built = await mkdtemp(join(cache, 'flycd-bench-'));

async function close(): Promise<void> {
  await workspace.close();
  await rm(built, { recursive: true, force: true });
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void close().finally(() => process.exit(1)));
}

try {
  const figures = await bench(workspace, built, values.quick ? quick : full);
  const shown = values.quick ? figures.map(({ what, value, unit }) => ({ what, value, unit })) : figures;
  process.stdout.write(`${machine}\n\n${tableText(shown)}`);
  if (values.quick) process.stdout.write('\nSizes are small in a quick run: no figure is held against its bound.\n');
} finally {
  await close();
}
