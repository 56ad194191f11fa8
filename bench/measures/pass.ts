import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommandReport } from '../children/command-child.ts';
import { median, type Figure } from '../figures.ts';
import { fleetEnvironment, type Fleet } from '../fleet.ts';
import type { BenchSimulator } from './simulator.ts';
import type { Workspace } from '../workspace.ts';

const bounds = { passSeconds: 5, memoryMb: 200 };
const latencyMs = 50;
/**
 * As where FlyCD runs: the Dockerfile's own setting, and the heap that V8 gives itself on fly.yaml's machine, half of its
 * 512 MB. On a machine with more V8 collects later, and memory says how much there was.
 */
const deployedOptions = '--max-semi-space-size=8 --max-old-space-size=256';
/** The most that the settings allow: making the world is not what is measured. */
const syncsAtOnce = 64;

export interface SyncedWorld {
  readonly fleet: Fleet;
  readonly simulator: BenchSimulator;
  readonly dataDirectory: string;
  /** What points FlyCD at the simulator, and the secrets of the fleet. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Syncs the whole fleet to a simulator in a hurry. */
export async function syncWorld(
  workspace: Workspace,
  parts: { readonly built: string; readonly fleet: Fleet; readonly simulator: BenchSimulator },
): Promise<SyncedWorld> {
  const { built, fleet, simulator } = parts;
  const settings = join(workspace.folder, 'settings.yaml');
  await writeFile(settings, `concurrency: ${syncsAtOnce}\n`);
  const environment = { ...simulator.environment, ...fleetEnvironment };
  const world = { fleet, simulator, dataDirectory: join(workspace.folder, 'data'), environment };
  const done = await command(workspace, { built, world }, ['sync', '--once', '--settings', settings]);
  if (done.code !== 0) throw new Error(`the first sync of the fleet ended with ${done.code}`);
  return world;
}

/** `flycd diff` of a fleet that is in sync, each call taking 50 ms. */
export async function fullPass(
  workspace: Workspace,
  built: string,
  world: SyncedWorld,
  samples: number,
): Promise<readonly Figure[]> {
  await world.simulator.setLatency(latencyMs);
  const passes: CommandReport[] = [];
  const deployed = { ...world, environment: { ...world.environment, NODE_OPTIONS: deployedOptions } };
  for (let sample = 0; sample < samples; sample += 1) {
    const done = await command(workspace, { built, world: deployed }, ['diff']);
    if (done.code !== 0) throw new Error(`diff of a synced fleet ended with ${done.code}`);
    if (done.limited > 0) throw new Error(`${done.limited} calls went over Fly's limits`);
    passes.push(done);
  }
  await world.simulator.setLatency(0);
  const middle = (of: (pass: CommandReport) => number): number => median(passes.map(of));
  const what = `diff of ${world.fleet.apps} apps in sync, ${latencyMs} ms a call`;
  return [
    { what, value: middle(({ wallMs }) => wallMs) / 1000, unit: 's', bound: bounds.passSeconds },
    { what: `${what}: CPU of FlyCD`, value: middle(({ cpuMs }) => cpuMs) / 1000, unit: 's' },
    { what: `${what}: calls`, value: middle(({ calls }) => calls), unit: 'calls' },
    {
      what: `${what}: memory, heap as on a machine of 512 MB`,
      value: middle(({ memoryMb }) => memoryMb),
      unit: 'MB',
      bound: bounds.memoryMb,
    },
  ];
}

async function command(
  workspace: Workspace,
  { built, world }: { readonly built: string; readonly world: SyncedWorld },
  args: readonly string[],
): Promise<CommandReport> {
  const [name = '', ...options] = args;
  const child = workspace.fork(
    new URL('../children/command-child.ts', import.meta.url),
    [built, name, world.fleet.folder, '--data-dir', world.dataDirectory, ...options],
    world.environment,
  );
  const done = await child.message<CommandReport>();
  await child.stop();
  if (done.code !== 0) process.stderr.write(`${child.words()}\n`);
  return done;
}
