import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startSimulator, type Simulator } from '../../simulator/simulator.ts';
import { IdleClock } from '../../src/model/base/clock.ts';
import { smokeMs } from '../../src/plan/classify/health.ts';
import { atOnce } from '../../controllers/rollout/rolling.ts';
import type { Figure } from '../figures.ts';
import { syncOnce } from '../in-process.ts';
import type { Workspace } from '../workspace.ts';

export interface RolloutSizes {
  readonly apps: number;
  readonly machinesPerApp: number;
}

/** Over the boot that nobody could be faster than. */
const slack = 1.3;
/** As flyctl's default, which is FlyCD's. */
const maxUnavailable = 0.33;
/** Nothing of the first sync is to count: buckets are full again and leases over. */
const restMs = 60_000;

/**
 * A new config reaches all machines of a fleet, on virtual time and without latency, so that only what Fly does and its
 * documented limits count. No call an app needs for a machine comes oftener than they allow at once, so they allow one
 * machine after the other as fast as each boots and has run for as long as it is watched: first one, then a third at a time.
 */
export async function rollout(
  workspace: Pick<Workspace, 'folder'>,
  { apps, machinesPerApp }: RolloutSizes,
): Promise<readonly Figure[]> {
  const folder = await mkdtemp(join(workspace.folder, 'rollout-'));
  const clock = new IdleClock();
  const simulator = await startSimulator({ clock, seed: 1 });
  const sync = (): Promise<void> => syncOnce({ simulator, folder, state: join(folder, '..', 'rollout-state'), clock });
  try {
    await write(folder, apps, machinesPerApp, 'hello');
    await sync();
    await clock.sleep(restMs);
    const bootMs = watchBoots(simulator);
    await write(folder, apps, machinesPerApp, 'bye');
    const first = simulator.world.requests.length;
    const began = clock.now();
    await sync();
    const took = clock.now() - began;
    const requests = simulator.world.requests.slice(first);
    const limited = requests.filter(({ status }) => status === 429).length;
    if (limited > 0) throw new Error(`${limited} calls went over Fly's limits`);
    const batches = 1 + Math.ceil((machinesPerApp - 1) / atOnce(maxUnavailable, machinesPerApp));
    const least = batches * (slack * bootMs() + smokeMs);
    const what = `${apps * machinesPerApp} machines of ${apps} apps rolled, virtual time`;
    return [
      { what, value: took / 1000, unit: 's', bound: least / 1000 },
      { what: `${what}: calls`, value: requests.length, unit: 'calls' },
    ];
  } finally {
    await simulator.close();
  }
}

/** The quickest time from an update to its machine running. */
function watchBoots({ world }: Simulator): () => number {
  const updated = new Map<string, number>();
  let quickest = Infinity;
  world.onStateChange = ({ id, state }) => {
    if (state === 'replacing') updated.set(id, world.now());
    if (state === 'started') quickest = Math.min(quickest, world.now() - (updated.get(id) ?? -Infinity));
  };
  return () => quickest;
}

async function write(folder: string, apps: number, count: number, greeting: string): Promise<void> {
  for (let index = 0; index < apps; index += 1) {
    const name = `shop-${index}`;
    await mkdir(join(folder, name), { recursive: true });
    const text = `app: ${name}
primary_region: arn
build: { image: "docker.io/acme/shop:1@sha256:${'5'.repeat(64)}" }
env: { GREETING: ${greeting} }
http_service:
  internal_port: 8080
  checks: [{ path: /health, interval: 5s, timeout: 2s }]
machines: { count: ${count} }
network: { ips: [] }
`;
    await writeFile(join(folder, name, 'app.yaml'), text);
  }
}
