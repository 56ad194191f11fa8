/** A person's word to FlyCD, heard: what it did, and whether what it said became so. */
import type { Machine } from '../../../simulator/world/records.ts';
import type { Arena } from '../../controllers/arena.ts';
import type { Death } from '../../controllers/mortal.ts';
import type { Dice } from '../world/dice.ts';
import type { FleetIdea } from '../world/fleet.ts';
import type { Ran } from './hearing.ts';
import { isAlive } from '../checks/comparison.ts';
import { groupOf, type Watch } from '../checks/watch.ts';
import { mouthOf, wordOf, type Word } from './words.ts';

export interface Speech {
  readonly word: Word;
  /** Milliseconds after the pass has begun; undefined: before it. */
  readonly afterMs: number | undefined;
  readonly death: Death | undefined;
  /** Of which FlyCD. */
  readonly state: string | undefined;
}

/** Loads it before anything is under way: what a command imports when it first runs takes time that no clock sees. */
export async function loadWords(): Promise<void> {
  await Promise.all([
    import('../../../src/cli/commands/change/resume.ts'),
    import('../../../src/cli/commands/change/rollback.ts'),
    import('../../../src/cli/commands/run/service.ts'),
    import('../../../src/cli/commands/change/suspend.ts'),
  ]);
}

/** These never run well, whatever an app checks. */
const hopeless = /crash-loop|failing-launch|missing-image/;

interface Audience {
  readonly fleet: FleetIdea;
  readonly watch: Watch;
  readonly world: Arena;
}

/** What a person says in or before this pass, with when and through which FlyCD. */
export function speechOf(dice: Dice, { fleet, watch, world }: Audience, pass: number): Speech | undefined {
  const word = wordOf(dice, fleet, { standing: watch.standing, now: world.clock.now() });
  if (word === undefined) return undefined;
  const afterMs = dice.hit(0.5) ? dice.between(0, 8000) : undefined;
  const death = dice.hit(0.2)
    ? { call: dice.between(1, 25), when: dice.pick(['before', 'after'] as const) }
    : undefined;
  const state = mouthOf(dice);
  return { word, afterMs, death, state: state === 'empty' ? `empty ${pass}` : state };
}

/** As FlyCD says of a word that its own database has, and for certain no machine. */
const reachedHere = /only this FlyCD knows of it now|what was said of \S+ (?:may not|stands)/;

/** As it says of an app without machines that it suspends. */
const noMachine = 'it has no machine to write that on, so only FlyCDs with this database know of it';

/** Killed it may have come as far. */
function isKnownHere({ state }: Speech, ran: Ran | undefined): boolean {
  return state === undefined && (ran === undefined || (ran.code === 1 && reachedHere.test(ran.stderr)));
}

/** Says it, and listens. */
export async function listen(
  world: Arena,
  watch: Watch,
  speech: Speech,
): Promise<{ readonly ran: Ran | undefined; readonly what: string; readonly findings: readonly string[] }> {
  const { word, death, state } = speech;
  const { argv, app = '', kind } = word;
  const { clock } = world;
  const began = clock.now();
  const isWork = kind === 'rollback' || kind === 'pass';
  const ended = isWork ? watch.working() : watch.speaking(app);
  // To insist, to go back, and what another database's FlyCD does: any may make again what was emptied.
  watch.emptying.lifted(isWork ? undefined : app);
  // Going back and insisting are causes of their own.
  if (kind === 'rollback') watch.disturbed(app);
  const { ran, calls } = await world.mortalFlycd(argv, death, state);
  ended();
  // Where it set a secret beside somebody else, the second one's write makes it newer than the machines that have it.
  if (isWork) for (const name of app === '' ? world.simulator.world.apps.keys() : [app]) watch.disturbed(name);
  const through = state === undefined ? '' : ` by ${state}`;
  const said = `flycd ${argv.join(' ')}${through}`;
  const what = ran === undefined ? `${said}: killed ${death?.when} call ${calls}` : said;
  const isDone = ran?.code === 0;
  const { standing } = watch;
  if (kind === 'resume' && isKnownHere(speech, ran)) standing.liftedHere(app);
  const findings: string[] = [];
  const found = world.simulator.world.apps.get(app);
  // Made beside the command, perhaps in the millisecond of its last look.
  const isTooLate = ({ createdAt }: Machine): boolean => createdAt >= began && ran?.stdout.includes(noMachine) === true;
  const hasMachines = [...(found?.machines.values() ?? [])].some(
    (machine) =>
      isAlive(machine) &&
      machine.config.metadata?.['flycd_fleet'] === watch.fleetName &&
      groupOf(machine) !== '' &&
      !isTooLate(machine),
  );
  if (kind === 'suspend' && isDone && hasMachines) {
    const suspension = standing.suspension(app, clock.now());
    if (suspension === undefined || suspension.at < began) findings.push(`${said}: done, and no machine says so`);
  }
  if (kind === 'resume' && isDone && (standing.hold(app) ?? standing.suspension(app, clock.now())) !== undefined)
    findings.push(`${said}: done, and something still stands`);
  const hold = standing.hold(app);
  if (kind === 'rollback' && hold !== undefined && hold.at >= began) {
    const to = standing.ideaOf(app);
    if (hopeless.test(to?.image ?? '')) findings.push(`${said}: went to ${to?.image}, which never ran well`);
    if (!argv.includes('--to') && standing.isGits(app)) findings.push(`${said}: went to what git says`);
  }
  return { ran, what, findings };
}
