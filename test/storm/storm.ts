/** One storm: a fleet, commits, hands, faults and kills that follow from a seed; then calm, and what has to be true then. */
import { arena } from '../controllers/arena.ts';
import { initWorkTree } from '../servers/git-server.ts';
import { commit, newVersion, repaired } from './world/commits.ts';
import { dice, type Dice } from './world/dice.ts';
import { filesOf, firstFleet, folderOf, type FleetIdea, type Tree } from './world/fleet.ts';
import {
  addShapes,
  everyAppIsPlanned,
  invariants,
  isWord,
  neverStarted,
  noLeaseIsLeft,
  othersAreUntouched,
  stillHeld,
  type Calm,
  type PlannedApp,
} from './checks/invariants.ts';
import { exposed } from './people/hearing.ts';
import { begunTwice, handsRest, heard, look, onePass, settledMs, untilSettled, wordsFor } from './passes.ts';
import { bothSettled, judged, momentOf, rivalry, theirCommit, theirPass } from './rivalry.ts';
import { isOurs, tell, wholeFleet, type Scene } from './scene.ts';
import { commitAll, hasRival, makeRival, oursEnvironment, sharedAppsMax } from './world/rival.ts';
import { accepting } from './people/accepting.ts';
import { act, type Town } from './people/people.ts';
import { hasTwins, makeTwin, pruning } from './people/twins.ts';
import { raisePeaks } from './world/peaks.ts';
import { themed, themeOf } from './world/themes.ts';
import { atWorkMs, hasTakenBack } from './world/taken-back.ts';
import { watch } from './checks/watch.ts';
import { obstacle, populated, treeOf } from './world/unread.ts';
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
/** With this many requests made the weather clears: the calm needs its own. */
const stormyRequestsMax = 260;
/** Where a person has words the calm has more to do. */
const wordyRequestsMax = 170;
/** Two repos share the rest. */
const rivalRequestsMax = 130;
const rivalPassesMax = 4;
const aMomentMs = 10;
/** One in so many configs is a git repository. */
const repositoryEvery = 20;

export async function storm(seed: number): Promise<Storm> {
  const tree = treeOf(seed, hasWords(seed));
  const isRepository =
    (seed % repositoryEvery === 0 && tree?.isWorkTree !== true) || (hasWords(seed) && dice(seed, 'history').hit(0.15));
  const isContested = hasRival(seed, tree === undefined && !hasWords(seed));
  const env = isContested ? oursEnvironment : {};
  const world = await arena({ seed, orderly: true, repository: isRepository, env });
  const scene: Scene = {
    seed,
    world,
    watch: watch(world.simulator.world, isContested ? 'flycd' : 'storm'),
    story: [],
    findings: [],
    peaks: new Map(),
    shapes: new Map(),
    byHand: new Map(),
    begunTwice: new Set(),
    tree,
    isWorkTree: tree?.isWorkTree === true || (isContested && !isRepository),
    obstacle: undefined,
    fleet: firstFleet(dice(seed, 'fleet')),
    rivalry: undefined,
    inGit: [],
    others: [],
    suspended: new Set(),
    passes: 0,
    hasForgotten: false,
  };
  try {
    scene.fleet = themed(dice(seed, 'theme of the fleet'), scene.fleet, themeOf(seed)).fleet;
    if (hasWords(seed)) await loadWords();
    if (scene.tree !== undefined) scene.fleet = populated(dice(seed, 'second app'), scene.fleet);
    if (hasTwins(seed, hasWords(seed))) scene.fleet = pruning(dice(seed, 'pruning'), scene.fleet);
    if (tree?.isWorkTree === true) initWorkTree(world.folder);
    if (isContested) contest(scene, isRepository);
    if (hasWords(seed)) scene.fleet = stubborn(dice(seed, 'on failure'), scene.fleet);
    await publish(scene, 'first commit');
    await blow(scene);
    await calm(scene);
    scene.findings.push(...scene.watch.findings, ...(scene.rivalry?.owners.findings ?? []));
  } catch (error) {
    scene.findings.push(`broke off: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  } finally {
    await world.close();
  }
  const { story, findings, passes } = scene;
  const requests = world.simulator.world.requests.map(({ method, path, status }) => `${method} ${path} ${status}`);
  return { seed, story, findings, passes, requests };
}

/** Another repo comes, and names some of the same apps. */
function contest(scene: Scene, isRepository: boolean): void {
  const { seed, world, fleet } = scene;
  scene.fleet = { apps: fleet.apps.slice(0, sharedAppsMax) };
  scene.rivalry = rivalry(scene, makeRival(dice(seed, 'their fleet'), world, scene.fleet, isRepository));
  publishTheirs(scene, 'first commit');
}

function publishTheirs(scene: Scene, said: string): void {
  const { rivalry, peaks, shapes, watch } = scene;
  if (rivalry === undefined) return;
  rivalry.rival.publish();
  raisePeaks(peaks, rivalry.rival.fleet);
  addShapes(shapes, rivalry.rival.fleet);
  watch.expect(wholeFleet(scene));
  tell(scene, `their git: ${said}`);
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
  const { world, tree, watch, isWorkTree } = scene;
  scene.obstacle?.mend(world);
  const names = scene.fleet.apps.map(({ name }) => name);
  // Of an app that is gone nothing is unread.
  const next = wanted?.governs?.every((app) => names.includes(app)) === false ? undefined : wanted;
  for (const name of scene.inGit) if (!names.includes(name)) world.remove(folderOf(name, tree));
  scene.inGit = names;
  world.write(filesOf(scene.fleet, tree, watch.fleetName));
  if (isWorkTree) commitAll(world.folder);
  next?.put(world);
  if (isWorkTree && next !== undefined) commitAll(world.folder);
  scene.obstacle = next;
  if (next === undefined) watch.keeping.read();
  else watch.keeping.unread(next.governs);
  watch.expect(wholeFleet(scene), hasWords(scene.seed) ? await revision(scene) : undefined);
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
  const passes = dice(seed, 'passes').between(3, scene.rivalry === undefined ? stormyPassesMax : rivalPassesMax);
  // Before anything else is under way: what a command imports when it first runs takes time that no clock sees.
  await look(scene);
  for (let pass = 1; pass <= passes; pass += 1) {
    if (world.simulator.world.requests.length > requestsMax(scene)) break;
    const here = (topic: string): Dice => dice(seed, `${topic} ${pass}`);
    if (pass > 1) await commitSomething(scene, here('commit'), here('theme'));
    if (pass > 1 && hasWords(seed) && here('version').hit(0.5)) await commitVersion(scene, here('new version'));
    const theirs = pass > 1 ? theirCommit(scene, here('their commit')) : undefined;
    if (theirs !== undefined) publishTheirs(scene, theirs);
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
    const moment = momentOf(scene, here('their moment'));
    if (moment !== undefined) begunTwice(scene);
    if (moment === 'before') await theirPass(scene, here('their pass'));
    await Promise.all([
      onePass(scene, chances, here('loop')),
      word?.afterMs === undefined ? undefined : said(scene, word),
      moment === 'beside' ? theirPass(scene, here('their pass')) : undefined,
    ]);
    if (moment === 'after') await theirPass(scene, here('their pass'));
    if (pass === 1) await settle(scene);
    await world.clock.sleep(here('pause').pick([0, 5000, 30_000, 300_000]));
  }
}

/** With this many requests made the weather clears. */
function requestsMax({ seed, rivalry }: Scene): number {
  if (rivalry !== undefined) return rivalRequestsMax;
  return hasWords(seed) ? wordyRequestsMax : stormyRequestsMax;
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
  if (speech.state !== undefined) scene.hasForgotten = true;
  if (speech.word.kind === 'suspend') scene.suspended.add(speech.word.app ?? '');
  if (speech.afterMs !== undefined) await scene.world.clock.sleep(speech.afterMs);
  const heardOf = listen(scene.world, scene.watch, speech);
  const { ran, what, findings } = await (speech.word.argv.includes('--accept') ? accepting(scene, heardOf) : heardOf);
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

function townOf(scene: Scene): Town {
  const { world, watch, byHand } = scene;
  const { simulator } = world;
  return { world: simulator.world, flyctl: simulator.flyctl, fleet: wholeFleet(scene), watch, byHand };
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
    const said = act(dice, townOf(scene), scene.seed);
    if (said !== undefined) tell(scene, `by hand: ${said}`);
  };
  if (dice.hit(0.4)) go();
  else clock.timer(dice.between(0, 15_000), go);
}

async function beforePass(scene: Scene, dice: Dice): Promise<void> {
  if (dice.hit(0.05)) {
    scene.world.forget();
    scene.hasForgotten = true;
    begunTwice(scene);
    scene.watch.keeping.forgotten();
    scene.watch.emptying.lifted();
    tell(scene, 'the database is lost');
  }
  if (dice.hit(0.15)) await look(scene);
}

async function calm(scene: Scene): Promise<void> {
  const { world, story } = scene;
  const { clock, simulator } = world;
  clearUp(simulator.world);
  scene.fleet = { apps: scene.fleet.apps.map(repaired) };
  if (scene.rivalry !== undefined) {
    const { rival } = scene.rivalry;
    rival.fleet = { apps: rival.fleet.apps.map(repaired) };
    publishTheirs(scene, 'what was broken is mended');
  }
  await publish(scene, 'what was broken is mended; the weather clears', { obstacle: undefined });
  await handsRest(scene);
  // To FlyCD, which remembers nothing of it, it is somebody's at work.
  if (scene.hasForgotten && hasTakenBack(simulator.world)) await clock.sleep(atWorkMs);
  const plan = await settled(scene, 'calm', []);
  const isSaid = scene.seed % 2 === 0 && plan.some(({ holds }) => holds.some(({ reason }) => isWord(reason)));
  // As a person wants it, and after that as git says.
  if (isSaid) judge(scene, plan);
  // What only waited for a person's word is said at the end, in every second storm.
  const isHeld = plan.filter(isOurs(scene)).some((app) => app.holds.length > 0);
  const last = isHeld && scene.seed % 2 === 0 ? await confirmed(scene, plan) : plan;
  for (const { app, status, holds } of last) {
    story.push(`at last ${app}: ${status}${holds.map((hold) => `; ${hold.reason}: ${hold.because}`).join('')}`);
  }
  judge(scene, last);
  if (last !== plan) scene.findings.push(...stillHeld(last.filter(isOurs(scene)), scene.fleet));
  scene.findings.push(...exposed(simulator.world, world.stateFolder));
}

/** The plan that is left once passes change nothing more: of two repos', what each app's owner says. */
async function settled(scene: Scene, what: string, flags: readonly string[]): Promise<readonly PlannedApp[]> {
  const { rivalry } = scene;
  if (rivalry === undefined) return untilSettled(scene, what, flags);
  return judged(scene, rivalry, await bothSettled(scene, rivalry, what, flags));
}

function judge(scene: Scene, plan: Calm['plan']): void {
  const { watch, peaks, shapes, byHand, begunTwice, others, findings, world } = scene;
  const { standing } = watch;
  const { clock, simulator } = world;
  const apps = simulator.world.snapshot();
  const neverRan = neverStarted(simulator.world);
  const calm: Calm = { fleet: standing.fleet(), apps, plan, peaks, shapes, byHand, begunTwice, others, neverRan };
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

/**
 * Each hold says what lifts it: some by the app's name, the others by flags. In the plan's order: nothing is done with an app
 * that is suspended, so that it is resumed before it is adopted.
 */
async function confirmed(scene: Scene, plan: readonly PlannedApp[], isLast = false): Promise<readonly PlannedApp[]> {
  const words = wordsFor(scene, plan);
  for (const [app, command] of words) {
    const ended = scene.watch.speaking(app);
    scene.watch.emptying.lifted(app);
    heard(scene, await scene.world.flycd([command, app]), `${command} ${app}`);
    ended();
    await scene.world.clock.sleep(settledMs);
  }
  const left = await settled(scene, 'confirmed', ['--accept', '--now']);
  return isLast || wordsFor(scene, left).length === 0 ? left : confirmed(scene, left, true);
}
