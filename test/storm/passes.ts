/** FlyCD at work in a storm: one pass, some of them cut short, doubled or in a loop; and passes until all is settled. */
import type { Death } from '../controllers/mortal.ts';
import type { PlannedApp } from './checks/invariants.ts';
import { accepting } from './people/accepting.ts';
import { amiss, written, type Ran } from './people/hearing.ts';
import { hasWords } from './people/words.ts';
import { isOurs, tell, type Scene } from './scene.ts';
import type { Dice } from './world/dice.ts';

const calmPassesMax = 5;
/** Leases end after 30 s, a person's flyctl after some minutes, a machine that is slow within one. */
export const settledMs = 120_000;
/** A loop looks at what nothing marks every few minutes. */
const loopMs = 400_000;

export async function onePass(scene: Scene, dice: Dice, loops: Dice): Promise<void> {
  const death = dice.hit(0.25)
    ? { call: dice.between(1, 45), when: dice.pick(['before', 'after'] as const) }
    : undefined;
  scene.passes += 1;
  const ended = scene.watch.working();
  try {
    // Not the first pass: it imports what time would not wait for.
    if (scene.passes > 1 && hasWords(scene.seed) && loops.hit(0.15)) return await looped(scene);
    if (dice.hit(0.08)) return await together(scene);
    if (dice.hit(0.08)) return await stopped(scene, dice.between(0, 20_000));
    await alone(scene, death);
  } finally {
    ended();
  }
}

async function alone(scene: Scene, death: Death | undefined): Promise<void> {
  const { ran, calls } = await scene.world.mortalFlycd(['sync', '--once'], death);
  if (ran === undefined) tell(scene, `pass ${scene.passes}: killed ${death?.when} call ${death?.call}`);
  else heard(scene, ran, `pass ${scene.passes} (${calls} calls)`);
  if (ran?.code === 0) scene.watch.emptying.known();
}

/** A second FlyCD of the same fleet, with a database of its own, at the same moment. */
async function together(scene: Scene): Promise<void> {
  begunTwice(scene);
  scene.watch.keeping.forgotten();
  scene.watch.emptying.lifted();
  const second = scene.watch.working();
  const both = ['state', 'another'].map((state) => scene.world.flycd(['sync', '--once'], state));
  for (const ran of await Promise.all(both)) heard(scene, ran, `pass ${scene.passes}, one of two at once`);
  second();
  // Where both set a secret, the second one's write makes it newer than the machines that have taken it up.
  for (const { name } of scene.fleet.apps) scene.watch.disturbed(name);
}

/**
 * Two FlyCDs work on what has no machine to be its lock, each with a database of its own: at once, or one right behind the other,
 * while lists lag.
 */
export function begunTwice(scene: Scene): void {
  const { apps } = scene.world.simulator.world;
  for (const { name } of scene.fleet.apps) {
    const { machines = new Map() } = apps.get(name) ?? {};
    if ([...machines.values()].every(({ state }) => state === 'destroyed')) scene.begunTwice.add(name);
  }
}

/** The loop in the foreground, for some minutes. */
async function looped(scene: Scene): Promise<void> {
  const stop = new AbortController();
  const cancel = scene.world.clock.timer(loopMs, () => stop.abort());
  heard(scene, await scene.world.flycd(['sync'], undefined, stop.signal), `pass ${scene.passes}, a loop`);
  cancel();
}

/** Asked to stop in good order. */
async function stopped(scene: Scene, afterMs: number): Promise<void> {
  const { clock } = scene.world;
  const stop = new AbortController();
  const cancel = clock.timer(afterMs, () => stop.abort());
  heard(scene, await scene.world.flycd(['sync', '--once'], undefined, stop.signal), `pass ${scene.passes}, stopped`);
  cancel();
}

export function heard(scene: Scene, ran: Ran, what: string): void {
  const last = ran.stdout.trim().split('\n').slice(1, -2).join(' | ').replaceAll(/\s+/g, ' ');
  tell(scene, `${what}: exit ${ran.code} ${last}`);
  scene.findings.push(...amiss(ran, what));
}

export async function look(scene: Scene): Promise<readonly PlannedApp[] | undefined> {
  const { requests } = scene.world.simulator.world;
  const before = requests.length;
  const ran = await scene.world.flycd(['diff', '--output', 'json']);
  scene.findings.push(...amiss(ran, 'diff'), ...written(requests.slice(before)));
  if (ran.stdout === '') return undefined;
  return (JSON.parse(ran.stdout) as { readonly apps: readonly PlannedApp[] }).apps;
}

export type Flags = readonly string[];

/** One pass in calm weather, and time for what it began. */
export async function passOnce(scene: Scene, what: string, flags: Flags): Promise<void> {
  scene.passes += 1;
  const ended = scene.watch.working();
  if (flags.includes('--now')) scene.watch.emptying.lifted();
  const run = scene.world.flycd(['sync', '--once', ...flags]);
  heard(scene, await (flags.includes('--accept') ? accepting(scene, run) : run), what);
  ended();
  await settles(scene);
}

/** Time for what a pass began. What it does not start, a standby say, may pull its image for longer. */
export async function settles({ world: { clock, simulator } }: Scene): Promise<void> {
  await clock.sleep(settledMs);
  const machines = [...simulator.world.apps.values()].flatMap((app) => [...app.machines.values()]);
  if (machines.some(({ state, pending }) => state === 'created' && pending !== undefined)) await clock.sleep(settledMs);
}

/** Passes until nothing is left to do, at most so many; the last plan. */
export async function untilSettled(scene: Scene, what: string, flags: Flags): Promise<readonly PlannedApp[]> {
  let plan: readonly PlannedApp[] = [];
  for (let pass = 1; pass <= calmPassesMax; pass += 1) {
    await passOnce(scene, `${what} pass ${pass}`, flags);
    plan = (await look(scene)) ?? [];
    if (plan.every((app) => app.steps.length === 0)) break;
  }
  return plan;
}

const handsWaitsMax = 30;

/** A command by hand waits minutes for each machine that does not become healthy. */
export async function handsRest({ world: { clock, simulator } }: Scene): Promise<void> {
  for (let waits = 0; ; waits += 1) {
    await clock.sleep(settledMs);
    if (simulator.flyctl.commands.every(({ outcome }) => outcome !== undefined)) return;
    if (waits > handsWaitsMax) throw new Error('a command by hand does not end');
  }
}

/** Holds that a command with the app's name lifts. */
const lifting: ReadonlyMap<string, string> = new Map([
  ['adoption', 'adopt'],
  ['failed', 'resume'],
  ['rollback', 'resume'],
  ['suspended', 'resume'],
]);

/** Also what the last pass asked for: what one word lifts may have hidden what another one is for. */
export function wordsFor(
  scene: Scene,
  plan: readonly PlannedApp[],
): readonly (readonly [app: string, command: string])[] {
  return plan.filter(isOurs(scene)).flatMap(({ app, holds }) => {
    const isAsked = scene.story.at(-1)?.includes(`then flycd adopt ${app}`) === true;
    const commands = new Set(holds.flatMap(({ reason }) => lifting.get(reason) ?? []));
    return [...(isAsked ? commands.add('adopt') : commands)].map((command) => [app, command] as const);
  });
}
