/** One storm: a fleet, commits, hands, faults and kills that follow from a seed; then calm, and what has to be true then. */
import { arena, type Arena } from '../controllers/arena.ts';
import type { Death } from '../controllers/mortal.ts';
import { commit, newVersion, repaired } from './world/commits.ts';
import { dice, type Dice } from './world/dice.ts';
import { filesOf, firstFleet, folderOf, type FleetIdea, type Tree } from './world/fleet.ts';
import {
  addShapes,
  everyAppIsPlanned,
  invariants,
  isWord,
  noLeaseIsLeft,
  othersAreUntouched,
  raisePeaks,
  stillHeld,
  type Calm,
  type Others,
  type PlannedApp,
} from './checks/invariants.ts';
import { amiss, exposed, written, type Ran } from './people/hearing.ts';
import { act, type Town } from './people/people.ts';
import { hasTwins, makeTwin, pruning } from './people/twins.ts';
import { themed, themeOf } from './world/themes.ts';
import { watch, type Watch } from './checks/watch.ts';
import { commitWorkTree, initWorkTree, obstacle, populated, treeOf, type Obstacle } from './world/unread.ts';
import { clearUp, strike } from './world/weather.ts';
import { listen, loadWords, speechOf, type Speech } from './people/speech.ts';
import { hasWords } from './people/words.ts';

export interface Storm {
  readonly seed: number;
  /** What broke, in words; none: all was well. */
  readonly findings: readonly string[];
  /** What happened, line by line. */
  readonly story: readonly string[];
  readonly passes: number;
  /** In the order they were served: method, path, answer. */
  readonly requests: readonly string[];
}

/** Limits of a seed: small enough for half a second each, large enough for two things to go wrong at once. */
const stormyPassesMax = 7;
const calmPassesMax = 5;
/** With this many requests made the weather clears: the calm needs its own. */
const stormyRequestsMax = 260;
/** Where a person has words the calm has more to do. */
const wordyRequestsMax = 170;
/** Leases end after 30 s, a person's flyctl after some minutes, a machine that is slow within one. */
const settledMs = 120_000;
const aMomentMs = 10;
const handsWaitsMax = 30;
/** A loop looks at what nothing marks every few minutes. */
const loopMs = 400_000;
/** One in so many configs is a git repository. */
const repositoryEvery = 20;

interface Scene {
  readonly seed: number;
  readonly world: Arena;
  readonly watch: Watch;
  readonly story: string[];
  readonly findings: string[];
  readonly peaks: Map<string, number>;
  readonly shapes: Map<string, Set<string>>;
  readonly byHand: Map<string, number>;
  readonly begunTwice: Set<string>;
  /** Where apps stand, and that files of it come and go. undefined: each at the top, and all can be read. */
  readonly tree: Tree | undefined;
  /** What nobody can read at the moment. */
  obstacle: Obstacle | undefined;
  fleet: FleetIdea;
  /** Names of apps that have a file. */
  inGit: readonly string[];
  others: readonly Others[];
  /** Apps that a person has suspended at some time. */
  readonly suspended: Set<string>;
  passes: number;
}

export async function storm(seed: number): Promise<Storm> {
  const isWorkTree = treeOf(seed, hasWords(seed))?.isWorkTree === true;
  const isRepository =
    (seed % repositoryEvery === 0 && !isWorkTree) || (hasWords(seed) && dice(seed, 'history').hit(0.15));
  const world = await arena({ seed, orderly: true, repository: isRepository });
  const scene: Scene = {
    seed,
    world,
    watch: watch(world.simulator.world),
    story: [],
    findings: [],
    peaks: new Map(),
    shapes: new Map(),
    byHand: new Map(),
    begunTwice: new Set(),
    tree: treeOf(seed, hasWords(seed)),
    obstacle: undefined,
    fleet: firstFleet(dice(seed, 'fleet')),
    inGit: [],
    others: [],
    suspended: new Set(),
    passes: 0,
  };
  try {
    scene.fleet = themed(dice(seed, 'theme of the fleet'), scene.fleet, themeOf(seed)).fleet;
    if (hasWords(seed)) await loadWords();
    if (scene.tree !== undefined) scene.fleet = populated(dice(seed, 'second app'), scene.fleet);
    if (hasTwins(seed, hasWords(seed))) scene.fleet = pruning(dice(seed, 'pruning'), scene.fleet);
    if (scene.tree?.isWorkTree === true) initWorkTree(world);
    if (hasWords(seed)) scene.fleet = stubborn(dice(seed, 'on failure'), scene.fleet);
    await publish(scene, 'first commit');
    await blow(scene);
    await calm(scene);
    scene.findings.push(...scene.watch.findings);
  } catch (error) {
    scene.findings.push(`broke off: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  } finally {
    await world.close();
  }
  const { story, findings, passes } = scene;
  const requests = world.simulator.world.requests.map(({ method, path, status }) => `${method} ${path} ${status}`);
  return { seed, story, findings, passes, requests };
}

function tell(scene: Scene, text: string): void {
  scene.story.push(`${new Date(scene.world.clock.now()).toISOString().slice(11, 19)} ${text}`);
}

/** Some apps stay where a release that failed left them. */
function stubborn(dice: Dice, fleet: FleetIdea): FleetIdea {
  return { apps: fleet.apps.map((app) => (dice.hit(0.25) ? { ...app, onFailure: 'stop' } : app)) };
}

/** What stands in the way of reading it stays as it was, unless it is said. */
async function publish(
  scene: Scene,
  said: string,
  { obstacle: wanted }: Pick<Scene, 'obstacle'> = scene,
): Promise<void> {
  const { world, tree, watch } = scene;
  scene.obstacle?.mend(world);
  const names = scene.fleet.apps.map(({ name }) => name);
  // Of an app that is gone nothing is unread.
  const next = wanted?.governs?.every((app) => names.includes(app)) === false ? undefined : wanted;
  for (const name of scene.inGit) if (!names.includes(name)) world.remove(folderOf(name, tree));
  scene.inGit = names;
  world.write(filesOf(scene.fleet, tree));
  if (tree?.isWorkTree === true) commitWorkTree(world);
  next?.put(world);
  if (tree?.isWorkTree === true && next !== undefined) commitWorkTree(world);
  scene.obstacle = next;
  if (next === undefined) watch.keeping.read();
  else watch.keeping.unread(next.governs);
  scene.watch.expect(scene.fleet, hasWords(scene.seed) ? await revision(scene) : undefined);
  raisePeaks(scene.peaks, scene.fleet);
  addShapes(scene.shapes, scene.fleet);
  tell(scene, `git: ${said}`);
}

/** What FlyCD calls the config as it is now: stamps name it. */
async function revision({ world }: Scene): Promise<string> {
  const { stdout } = await world.flycd(['validate', '--output', 'json']);
  return (JSON.parse(stdout) as { readonly revision: string }).revision;
}

async function blow(scene: Scene): Promise<void> {
  const { world, seed } = scene;
  const passes = dice(seed, 'passes').between(3, stormyPassesMax);
  // Before anything else is under way: what a command imports when it first runs takes time that no clock sees.
  await look(scene);
  for (let pass = 1; pass <= passes; pass += 1) {
    if (world.simulator.world.requests.length > (hasWords(seed) ? wordyRequestsMax : stormyRequestsMax)) break;
    const here = (topic: string): Dice => dice(seed, `${topic} ${pass}`);
    if (pass > 1) await commitSomething(scene, here('commit'), here('theme'));
    if (pass > 1 && hasWords(seed) && here('version').hit(0.5)) await commitVersion(scene, here('new version'));
    weather(scene, here('weather'));
    if (pass > 1 && scene.tree !== undefined) await obstruct(scene, here('obstacle'), scene.tree);
    if (pass > 1) people(scene, here('people'));
    if (pass > 1 && hasTwins(seed, hasWords(seed))) twins(scene, here('twin'));
    // Fly tells times by the millisecond: what happens in one and the same cannot be told apart.
    await world.clock.sleep(aMomentMs);
    const word = pass > 1 && hasWords(seed) ? speechOf(here('word'), scene, pass) : undefined;
    if (word?.afterMs === undefined) await said(scene, word);
    const chances = here('pass');
    // Nobody else is at work yet: what is written now is written by diff.
    await beforePass(scene, chances);
    await Promise.all([
      onePass(scene, chances, here('loop')),
      word?.afterMs === undefined ? undefined : said(scene, word),
    ]);
    if (pass === 1) await settle(scene);
    await world.clock.sleep(here('pause').pick([0, 5000, 30_000, 300_000]));
  }
}

/** Others have apps in the same organization, and a machine in one of ours: not FlyCD's to touch. */
async function settle(scene: Scene): Promise<void> {
  const { world, watch, fleet } = scene;
  const { world: fly, token } = world.simulator;
  const call = (path: string, body: unknown): Promise<unknown> => world.asPerson('POST', path, body);
  const machine = (metadata: object): object => ({
    region: 'arn',
    config: { image: 'docker.io/library/theirs:1', metadata, guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 256 } },
  });
  const grant = fly.tokens.get(token);
  const faults = fly.faults.list().map(({ rule }) => rule);
  clearUp(fly);
  if (grant === undefined) return;
  await call('/apps', { app_name: 'theirs', org_slug: 'personal' });
  await call('/apps/theirs/machines', machine({ fly_platform_version: 'v2', fly_process_group: 'app' }));
  const [ours] = fleet.apps.filter(({ name }) => (fly.apps.get(name)?.machines.size ?? 0) > 0);
  if (ours !== undefined) await call(`/apps/${ours.name}/machines`, machine({}));
  await world.clock.sleep(5000);
  for (const rule of faults) fly.faults.add(rule);
  scene.others = fly
    .snapshot()
    .flatMap((app) => app.machines.map((machine) => ({ app: app.name, machine })))
    .filter(({ machine }) => machine.config.image === 'docker.io/library/theirs:1');
  watch.protect({ app: 'theirs' });
  for (const { machine } of scene.others) watch.protect({ machine: machine.id });
}

async function said(scene: Scene, speech: Speech | undefined): Promise<void> {
  if (speech === undefined) return;
  if (speech.word.kind === 'suspend') scene.suspended.add(speech.word.app ?? '');
  if (speech.afterMs !== undefined) await scene.world.clock.sleep(speech.afterMs);
  const { ran, what, findings } = await listen(scene.world, scene.watch, speech);
  if (ran === undefined) tell(scene, what);
  else heard(scene, ran, what);
  scene.findings.push(...findings);
}

async function commitVersion(scene: Scene, dice: Dice): Promise<void> {
  const { fleet, said } = newVersion(dice, scene.fleet);
  scene.fleet = fleet;
  await publish(scene, said);
}

async function commitSomething(scene: Scene, dice: Dice, ofTheme: Dice): Promise<void> {
  if (!dice.hit(0.7)) return;
  const theme = themeOf(scene.seed);
  const isOfTheme = theme !== undefined && ofTheme.hit(0.4);
  const { fleet, said } = isOfTheme ? themed(ofTheme, scene.fleet, theme) : commit(dice, scene.fleet);
  scene.fleet = fleet;
  await publish(scene, said);
}

/** A file cannot be read from now on, or can be again. Commits meanwhile change what it is when it comes back. */
async function obstruct(scene: Scene, dice: Dice, tree: Tree): Promise<void> {
  const { obstacle: before, fleet } = scene;
  if (before !== undefined && dice.hit(0.5)) return publish(scene, `mended: ${before.said}`, { obstacle: undefined });
  if (before !== undefined || !dice.hit(0.8)) return;
  const next = obstacle(dice, fleet, tree);
  await publish(scene, next.said, { obstacle: next });
}

function twins(scene: Scene, dice: Dice): void {
  const said = dice.hit(0.6) ? makeTwin(dice, townOf(scene)) : undefined;
  if (said !== undefined) tell(scene, `by hand: ${said}`);
}

function townOf({ world, watch, fleet, byHand }: Scene): Town {
  const { simulator } = world;
  return { world: simulator.world, flyctl: simulator.flyctl, fleet, watch, byHand };
}

function weather(scene: Scene, dice: Dice): void {
  const { world } = scene.world.simulator;
  if (dice.hit(0.5)) clearUp(world);
  if (!dice.hit(0.6)) return;
  const said = strike(dice, world);
  if (said !== undefined) tell(scene, `weather: ${said}`);
}

/** Before the pass or in the middle of it. */
function people(scene: Scene, dice: Dice): void {
  if (!dice.hit(0.4)) return;
  const { clock } = scene.world;
  const go = (): void => {
    const said = act(dice, townOf(scene));
    if (said !== undefined) tell(scene, `by hand: ${said}`);
  };
  if (dice.hit(0.4)) go();
  else clock.timer(dice.between(0, 15_000), go);
}

async function beforePass(scene: Scene, dice: Dice): Promise<void> {
  if (dice.hit(0.05)) {
    scene.world.forget();
    scene.watch.keeping.forgotten();
    tell(scene, 'the database is lost');
  }
  if (dice.hit(0.15)) await look(scene);
}

async function onePass(scene: Scene, dice: Dice, loops: Dice): Promise<void> {
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
}

/** A second FlyCD of the same fleet, with a database of its own, at the same moment. */
async function together(scene: Scene): Promise<void> {
  const { apps } = scene.world.simulator.world;
  for (const { name } of scene.fleet.apps) {
    const { machines = new Map() } = apps.get(name) ?? {};
    if ([...machines.values()].every(({ state }) => state === 'destroyed')) scene.begunTwice.add(name);
  }
  scene.watch.keeping.forgotten();
  const both = ['state', 'another'].map((state) => scene.world.flycd(['sync', '--once'], state));
  for (const ran of await Promise.all(both)) heard(scene, ran, `pass ${scene.passes}, one of two at once`);
  // Where both set a secret, the second one's write makes it newer than the machines that have taken it up.
  for (const { name } of scene.fleet.apps) scene.watch.disturbed(name);
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

function heard(scene: Scene, ran: Ran, what: string): void {
  const last = ran.stdout.trim().split('\n').slice(1, -2).join(' | ').replaceAll(/\s+/g, ' ');
  tell(scene, `${what}: exit ${ran.code} ${last}`);
  scene.findings.push(...amiss(ran, what));
}

async function look(scene: Scene): Promise<readonly PlannedApp[] | undefined> {
  const { requests } = scene.world.simulator.world;
  const before = requests.length;
  const ran = await scene.world.flycd(['diff', '--output', 'json']);
  scene.findings.push(...amiss(ran, 'diff'), ...written(requests.slice(before)));
  if (ran.stdout === '') return undefined;
  return (JSON.parse(ran.stdout) as { readonly apps: readonly PlannedApp[] }).apps;
}

async function calm(scene: Scene): Promise<void> {
  const { world, story } = scene;
  const { clock, simulator } = world;
  clearUp(simulator.world);
  scene.fleet = { apps: scene.fleet.apps.map(repaired) };
  await publish(scene, 'what was broken is mended; the weather clears', { obstacle: undefined });
  await clock.sleep(settledMs);
  // A command by hand waits minutes for each machine that does not become healthy.
  for (let waits = 0; simulator.flyctl.commands.some(({ outcome }) => outcome === undefined); waits += 1) {
    if (waits > handsWaitsMax) throw new Error('a command by hand does not end');
    await clock.sleep(settledMs);
  }
  const plan = await untilSettled(scene, 'calm', []);
  const isSaid = scene.seed % 2 === 0 && plan.some(({ holds }) => holds.some(({ reason }) => isWord(reason)));
  // As a person wants it, and after that as git says.
  if (isSaid) judge(scene, plan);
  // What only waited for a person's word is said at the end, in every second storm.
  const isHeld = plan.some((app) => app.holds.length > 0);
  const last = isHeld && scene.seed % 2 === 0 ? await confirmed(scene, plan) : plan;
  for (const { app, status, holds } of last) {
    story.push(`at last ${app}: ${status}${holds.map((hold) => `; ${hold.reason}: ${hold.because}`).join('')}`);
  }
  judge(scene, last);
  if (last !== plan) scene.findings.push(...stillHeld(last, scene.fleet));
  scene.findings.push(...exposed(simulator.world, world.stateFolder));
}

function judge(scene: Scene, plan: Calm['plan']): void {
  const { watch, peaks, shapes, byHand, begunTwice, others, findings, world } = scene;
  const { standing } = watch;
  const { clock, simulator } = world;
  const apps = simulator.world.snapshot();
  const calm: Calm = { fleet: standing.fleet(), apps, plan, peaks, shapes, byHand, begunTwice, others };
  // What is suspended in the middle of some work stays in the middle of it; without machines only a database knows.
  const suspended = new Set(
    plan.filter(({ holds }) => holds.some(({ reason }) => reason === 'suspended')).map(({ app }) => app),
  );
  const isFree = (name: string): boolean =>
    !suspended.has(name) && standing.suspension(name, clock.now()) === undefined;
  for (const name of suspended)
    if (!scene.suspended.has(name)) findings.push(`${name}: is suspended, and nobody has said so`);
  const free: Calm = {
    ...calm,
    fleet: { apps: calm.fleet.apps.filter(({ name }) => isFree(name)) },
    apps: apps.filter(({ name }) => isFree(name)),
    others: others.filter(({ app }) => isFree(app)),
  };
  for (const invariant of invariants) findings.push(...invariant(free));
  for (const invariant of [everyAppIsPlanned, noLeaseIsLeft, othersAreUntouched]) findings.push(...invariant(calm));
}

/** Holds that a command with the app's name lifts. */
const lifting = { adoption: 'adopt', failed: 'resume', rollback: 'resume', suspended: 'resume' } as const;

/** Each hold says what lifts it: some by the app's name, the others by flags. */
async function confirmed(scene: Scene, plan: readonly PlannedApp[]): Promise<readonly PlannedApp[]> {
  for (const { app, holds } of plan) {
    for (const [reason, command] of Object.entries(lifting)) {
      if (holds.every((hold) => hold.reason !== reason)) continue;
      const ended = scene.watch.speaking(app);
      heard(scene, await scene.world.flycd([command, app]), `${command} ${app}`);
      ended();
      await scene.world.clock.sleep(settledMs);
    }
  }
  return untilSettled(scene, 'confirmed', ['--accept', '--now']);
}

/** Passes until nothing is left to do, at most so many; the last plan. */
async function untilSettled(scene: Scene, what: string, flags: readonly string[]): Promise<readonly PlannedApp[]> {
  const { world } = scene;
  let plan: readonly PlannedApp[] = [];
  for (let pass = 1; pass <= calmPassesMax; pass += 1) {
    scene.passes += 1;
    const ended = scene.watch.working();
    heard(scene, await world.flycd(['sync', '--once', ...flags]), `${what} pass ${pass}`);
    ended();
    await world.clock.sleep(settledMs);
    plan = (await look(scene)) ?? [];
    if (plan.every((app) => app.steps.length === 0)) break;
  }
  return plan;
}
