import type { Machine } from '../../schemas/fly/machine.ts';
import { releaseCommandGroup } from '../../schemas/fly/presets.ts';
import { pinned } from '../../src/flyconfig/sections/image.ts';
import type { FlyReader } from '../../src/fly/api.ts';
import { FlyError } from '../../src/fly/http/error.ts';
import { Fault } from '../../src/model/base/fault.ts';
import type { ReleaseCommandRun, ReleaseStep, MachineChange } from '../../src/model/plan.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { isOwn } from '../../src/model/stamps/owner.ts';
import { eventWords, exitOf, isFailure, type Exit } from '../../src/plan/classify/exit.ts';
import { groupOf, isGone, isHostOk, metadataOf } from '../../src/plan/classify/machine-state.ts';
import { commandStamp } from '../../src/plan/target/release-command.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { silence } from '../machines/silent-host.ts';
import { begunStamp, checkOwner, keepIfFirst } from '../pass/beginning.ts';
import type { ImagePin } from '../images/pin.ts';
import { shellWord } from '../../src/model/base/shell.ts';

/** Lists lag: Fly's own client waits this long before it looks for a machine whose create answer was lost. */
const lookupDelayMs = 500;
/** One wait call: Fly's proxy cuts longer ones. */
const waitCallSeconds = 60;
/** Before a command can run, its image is pulled: that hides in `created` and `starting`, as with any machine. */
const startMs = 300_000;
/** After a wait that Fly answered with an error, or with a machine that it does not know. */
const pauseMs = 1000;
/** Fly answers 404 right after a create, and reads lag by seconds: one that nothing shows by then is gone. */
const shownMsMax = 60_000;
/** Digits of the stamp in the machine's name: enough that no two commands of one app share it. */
const nameDigits = 12;

/** The release's machine changes once its command has succeeded: they say so, and run the image that it ran on. */
export async function afterCommand(
  pass: AppPass,
  step: ReleaseStep,
  { run, pin }: { readonly run: ReleaseCommandRun; readonly pin: ImagePin },
): Promise<ReleaseStep> {
  const { digest } = await runReleaseCommand(pass, run);
  const image = run.config.image ?? '';
  pin.learn(image, digest);
  const command = commandStamp(digest === undefined ? image : pinned(image, digest), run.version);
  const machines = step.machines.map((machine): MachineChange => {
    const metadata = { ...machine.config.metadata, [stampKeys.command]: command };
    return { ...machine, config: { ...machine.config, metadata } };
  });
  return { ...step, machines };
}

/**
 * Runs a release's command on a machine of its own and waits for its end; a stop of FlyCD waits for it as well. One that an
 * earlier FlyCD began is waited for, and its exit counts where it is the same command on the same image. Answers the digest
 * that Fly gave the image. Throws a stalled Fault where it fails or does not end in time: a new commit tries again.
 */
async function runReleaseCommand(
  pass: AppPass,
  run: ReleaseCommandRun,
): Promise<{ readonly digest: string | undefined }> {
  const { clock, log, onProgress } = pass.services;
  const { app } = pass;
  const begun = await leftBehind(pass, run);
  const machine = begun ?? (await startMachine(pass, run));
  const tooLate = async (why: string, seen: Machine | undefined): Promise<Fault> => {
    // Its end is known whether or not the machine goes; one that stays is taken away before the next command.
    await pass.undo.destroyMachine(app.name, machine.id).catch((error: unknown) => {
      log.warn(
        { app: app.name, machine: machine.id, error: String(error) },
        'machine of a release command not destroyed',
      );
    });
    return failed(pass, run, `${why}${eventWords(seen?.events ?? [])}`, machine.id);
  };
  const up = await pass.services.yieldSlot(() => untilUp(pass, machine.id, clock.monotonic() + startMs));
  if (up.isLate) throw await tooLate(`it did not start within ${startMs / 1000} s`, up.seen);
  if (up.seen?.state === 'failed') throw await tooLate('it did not start', up.seen);
  // From here on: neither a pull nor somebody else's command takes anything away from this one's time.
  const timeoutMs = run.timeoutSeconds * 1000;
  const until = clock.monotonic() + timeoutMs;
  onProgress({ type: 'command.started', app: app.name, command: run.command, deadline: clock.now() + timeoutMs });
  const { isLate, seen: ended } = await pass.services.yieldSlot(() => untilEnded(pass, machine.id, until));
  if (isLate) throw await tooLate(`it did not end within ${run.timeoutSeconds} s`, ended);
  const events = ended?.events ?? [];
  const exit = ended === undefined ? undefined : exitOf(events.find(({ type }) => type === 'exit'));
  if (exit === undefined) throw unknownExit(pass, machine.id);
  if (isFailure(exit)) throw failed(pass, run, `${wordsOf(exit)}${eventWords(events)}`, machine.id);
  const digest = machine.image_ref?.digest ?? '';
  return { digest: digest === '' ? undefined : digest };
}

/** The machine of this very command where an earlier FlyCD began it. Another command is waited for, then its machine goes. */
async function leftBehind(pass: AppPass, run: ReleaseCommandRun): Promise<Machine | undefined> {
  const { fly, clock } = pass.services;
  const { app, fleet } = pass;
  const stamp = commandStamp(run.config.image ?? '', run.version);
  let same: Machine | undefined;
  for (const machine of await fly.machines(app.name)) {
    const metadata = metadataOf(machine);
    if (groupOf(metadata) !== releaseCommandGroup || !isOwn(metadata, fleet) || isGone(machine)) continue;
    const runs = ['created', 'starting', 'started', 'stopping'].includes(machine.state);
    if (runs && metadata[stampKeys.command] === stamp && same === undefined) {
      same = machine;
      continue;
    }
    // Two migrations side by side are worse than a wait.
    const until = clock.monotonic() + run.timeoutSeconds * 1000;
    if (runs) await pass.services.yieldSlot(() => untilEnded(pass, machine.id, until));
    await fly.destroyMachine(app.name, machine.id);
  }
  return same;
}

async function startMachine(pass: AppPass, run: ReleaseCommandRun): Promise<Machine> {
  const { fly, clock } = pass.services;
  const { app, fleet } = pass;
  const stamp = commandStamp(run.config.image ?? '', run.version);
  const prefix = `release-${stamp.slice(0, nameDigits)}-`;
  await pass.record.opened();
  const known = await fly.machines(app.name, { includeDeleted: true });
  const name = `${prefix}${known.filter((machine) => machine.name.startsWith(prefix)).length + 1}`;
  const metadata = {
    ...run.config.metadata,
    ...pass.record.stamps,
    [stampKeys.command]: stamp,
    ...begunStamp(pass),
  };
  const request = {
    name,
    region: run.region,
    config: { ...run.config, metadata },
    ...(pass.secretsVersion === undefined ? {} : { min_secrets_version: pass.secretsVersion }),
  };
  const made = await fly.createMachine(app.name, request).catch(async (error: unknown) => {
    if (!(error instanceof FlyError)) throw error;
    // The name may be another owner's, who begins the app with the same command.
    if (error.outcome === 'refused') {
      if (pass.begins) checkOwner(pass, await fly.machines(app.name));
      throw error;
    }
    await clock.sleep(lookupDelayMs);
    const there = (await fly.machines(app.name, { includeDeleted: true })).find((machine) => machine.name === name);
    if (there === undefined || !isOwn(metadataOf(there), fleet)) throw error;
    return there;
  });
  await keepIfFirst(pass, made, { stays: false });
  return made;
}

interface Awaited {
  /** It is not there yet. */
  readonly isLate: boolean;
  /** As it was seen last, with its events, which Fly shows for a while after it is gone. undefined: Fly has forgotten it. */
  readonly seen: Machine | undefined;
}

/** Up, or past that. `until`: by the monotonic clock, as in the two below. */
function untilUp(pass: AppPass, machineId: string, until: number): Promise<Awaited> {
  return untilIn(pass, { machineId, until, states: ['started', 'stopped', 'failed', 'destroyed'] });
}

function untilEnded(pass: AppPass, machineId: string, until: number): Promise<Awaited> {
  return untilIn(pass, { machineId, until, states: ['destroyed'] });
}

async function untilIn(
  pass: AppPass,
  awaited: { readonly machineId: string; readonly until: number; readonly states: readonly string[] },
): Promise<Awaited> {
  const { machineId, until, states } = awaited;
  const { fly, clock } = pass.services;
  const { app } = pass;
  let machine: Machine | undefined;
  let shownAt = clock.monotonic();
  for (;;) {
    const leftSeconds = Math.ceil((until - clock.monotonic()) / 1000);
    if (leftSeconds <= 0) return { isLate: true, seen: machine };
    const timeoutSeconds = Math.min(waitCallSeconds, leftSeconds);
    const outcome = await fly.wait(app.name, machineId, { states, timeoutSeconds }).catch(async (error: unknown) => {
      if (!(error instanceof FlyError)) throw error;
      await clock.sleep(pauseMs);
      return 'deadline' as const;
    });
    const shown = await fly.machine(app.name, machineId);
    machine = shown ?? (await listed(fly, app.name, machineId));
    if (machine !== undefined && !isGone(machine) && !isHostOk(machine)) throw silentRunner(pass, machine);
    if (shown !== undefined) shownAt = clock.monotonic();
    const hasEnded = machine === undefined ? clock.monotonic() - shownAt >= shownMsMax : isGone(machine);
    if (outcome === 'reached' || hasEnded || (machine !== undefined && isIn(states, machine)))
      return { isLate: false, seen: machine };
    // Reads lag: what is not shown may run.
    if (shown === undefined || outcome === 'gone') await clock.sleep(pauseMs);
  }
}

function isIn(states: readonly string[], { state }: Machine): boolean {
  return states.includes(state);
}

/** Among those that are gone, too: Fly forgets them later there than by their id. */
async function listed(fly: FlyReader, app: string, id: string): Promise<Machine | undefined> {
  return (await fly.machines(app, { includeDeleted: true })).find((machine) => machine.id === id);
}

function wordsOf(exit: Exit): string {
  return exit.outOfMemory ? 'it ran out of memory' : `it exited with code ${exit.code}`;
}

function failed({ app }: AppPass, run: ReleaseCommandRun, why: string, machineId: string): Fault {
  return new Fault({
    kind: 'stalled',
    blames: 'command',
    what: `the release command failed: ${run.command}`,
    why: `${why}; no machine of the app was touched`,
    next: `see what it said: fly logs -a ${shellWord(app.name)} --machine ${shellWord(machineId)}`,
    where: `${app.name} ${machineId}`,
  });
}

/** Two migrations side by side are worse than a wait: its machine stays, and its end counts once it can be seen. */
function silentRunner(pass: AppPass, { id }: Machine): Fault {
  const app = pass.app.name;
  return silence(pass, {
    what: 'the host of the machine that runs the release command does not answer',
    why: 'nobody can say whether the command has ended',
    next: `FlyCD waits for its end once the host is back; if you know that it does not run, fly machine destroy --force -a ${shellWord(app)} ${shellWord(id)} lets FlyCD run it again`,
    where: `${app} ${id}`,
  });
}

function unknownExit({ app }: AppPass, machineId: string): Fault {
  return new Fault({
    kind: 'transient',
    what: 'nobody can say how the release command ended',
    why: 'Fly no longer shows its machine',
    next: 'FlyCD runs it again',
    where: `${app.name} ${machineId}`,
  });
}
