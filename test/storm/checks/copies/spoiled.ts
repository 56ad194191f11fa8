/** A synced app that somebody spoils, and what the invariants say of it. */
import { expect, onTestFinished } from 'vitest';
import type { World } from '../../../../simulator/world/world.ts';
import { arena } from '../../../controllers/arena.ts';
import { filesOf, goodImage, type AppIdea, type FleetIdea } from '../../world/fleet.ts';
import { raisePeaks } from '../../world/peaks.ts';
import { addShapes, invariants, neverStarted, type Calm, type PlannedApp } from '../invariants.ts';

export const app: AppIdea = {
  name: 'app-1',
  region: 'arn',
  image: goodImage,
  env: { GREETING: 'hello' },
  memoryMb: 512,
  secret: 'hush-1-hush',
  ips: ['v6'],
  prune: ['addresses', 'secrets'],
  groups: {
    web: { count: 2, serves: true, rests: false, checks: true, volumeGb: undefined },
    worker: { count: undefined, serves: false, rests: false, checks: true, volumeGb: undefined },
    store: { count: 1, serves: false, rests: false, checks: true, volumeGb: 2 },
  },
  strategy: 'rolling',
  maxUnavailable: undefined,
  comment: 'first',
  broken: false,
};
export const fleet = { apps: [app] };
export const plain: PlannedApp = { app: 'app-1', status: 'synced', steps: [], holds: [], notes: [] };

/** What the invariants say of a synced app once somebody has done this to it, unseen by FlyCD. */
export async function said(
  spoil: (world: World) => void,
  plan: readonly PlannedApp[] = [plain],
  byHand: Calm['byHand'] = new Map(),
  wanted: FleetIdea = fleet,
  begunTwice: Calm['begunTwice'] = new Set(),
): Promise<readonly string[]> {
  const it = await arena({ orderly: true });
  onTestFinished(() => it.close());
  it.write(filesOf(fleet));
  const ran = await it.flycd(['sync', '--once']);
  expect(ran.code, ran.stdout + ran.stderr).toBe(0);
  const { world } = it.simulator;
  await it.asPerson('POST', '/apps/app-1/machines', { name: 'theirs', region: 'arn', config: { image: 'theirs' } });
  await it.clock.sleep(5000);
  const others = world
    .snapshot()
    .flatMap((app) => app.machines.map((machine) => ({ app: app.name, machine })))
    .filter(({ machine }) => machine.name === 'theirs');
  spoil(world);
  const peaks = new Map<string, number>();
  raisePeaks(peaks, fleet);
  const shapes = new Map<string, Set<string>>();
  addShapes(shapes, fleet);
  const found = { apps: world.snapshot(), neverRan: neverStarted(world) };
  const calm: Calm = { fleet: wanted, ...found, plan, peaks, shapes, byHand, begunTwice, others };
  return invariants.flatMap((invariant) => invariant(calm));
}

export const machine = (world: World, name: string) => {
  const found = world.apps.get('app-1');
  const one = found?.machines.get(found.machineNames.get(name) ?? '');
  if (one === undefined) throw new Error(`no ${name}`);
  return one;
};
export const web = (world: World) => machine(world, 'web-arn-1-g1');

export const holding = (target: string): PlannedApp => {
  const hold = { reason: 'flyctl', because: 'changed by flyctl', steps: [{ target: 'app-1', machines: [{ target }] }] };
  return { ...plain, status: 'held', holds: [hold] };
};
