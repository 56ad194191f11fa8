import type { Machine, MachineRequest } from '../../schemas/fly/machine.ts';
import type { BeforeSent } from '../../src/fly/api.ts';
import { parseImage } from '../../src/flyconfig/sections/image.ts';
import { FlyError } from '../../src/fly/http/error.ts';
import type { MachineChange, MachineUpdate } from '../../src/model/plan.ts';
import { formatSent } from '../../src/model/stamps/stamps.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { momentOf, msSince } from '../../src/model/base/moment.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { lookNow } from '../pass/before-sent.ts';
import { betweenLooksMs } from '../pass/fly-now.ts';
import { staysDown } from './standbys.ts';

/** Tries of one update whose answers were lost: each is refused where an earlier one got through. */
const updateTriesMax = 3;
/** Fly's own client waits this long before it looks what became of a call whose answer was lost. */
export const lookupDelayMs = 500;

type Sending = Pick<MachineUpdate, 'machineId' | 'currentVersion' | 'sent'>;

/**
 * A lost answer is settled by looking: the machine carries our stamp and another version when the update was done. One
 * that still has the version it had may be sent again: Fly refuses the second of two updates of the same version. `asDecided`
 * is asked right before each try.
 */
export async function sendUpdate(
  pass: AppPass,
  step: Sending,
  request: MachineRequest,
  { nonce, asDecided }: { readonly nonce?: string; readonly asDecided?: BeforeSent } = {},
): Promise<Machine> {
  const { fly } = pass.services;
  const { app } = pass;
  for (let tries = 1; ; tries += 1) {
    try {
      return await fly.updateMachine(app.name, step.machineId, request, nonce, asDecided);
    } catch (error) {
      if (!(error instanceof FlyError) || (error.outcome !== 'unknown' && tries === 1)) throw error;
      await pass.services.clock.sleep(lookupDelayMs);
      const machine = await fly.machine(app.name, step.machineId);
      if (machine !== undefined && isUpdated(machine, step)) return machine;
      const untouched = step.currentVersion !== undefined && machine?.instance_id === step.currentVersion;
      if (error.outcome !== 'unknown' || !untouched || tries >= updateTriesMax) throw error;
    }
  }
}

/** Our update takes the stamp of what was read away; somebody else's keeps it. */
function isUpdated(machine: Machine, step: Sending): boolean {
  const metadata = machine.config?.metadata ?? {};
  return (
    machine.instance_id !== step.currentVersion &&
    metadata[stampKeys.sent] === formatSent(step.sent) &&
    metadata[stampKeys.read] === undefined
  );
}

/** How an update leaves its machine. */
export interface Launch {
  /** Nothing of it runs, as far as the update has to know. */
  readonly rests: boolean;
  readonly skipLaunch: boolean;
}

/** An update as it went out. */
export interface SentAs {
  readonly updated: Machine;
  readonly launch: Launch;
  readonly request: MachineRequest;
}

/** The proxy has started the machine, or the host that a standby is there for has failed or come back. */
class LaunchChanged extends Error {}

/** A machine that is not booted is replaced within a second; longer than this, and nothing is known of it. */
const replacedMs = 20_000;
/** One that starts and stops more often while Fly asks for patience gets what was decided last. */
const launchesMax = 3;
/** A call, and what Fly needs for it. */
const freshMs = 1000;

/**
 * `sendUpdate`, with a request for how the machine is right before each try: Fly may have asked for a minute of patience. Goes by
 * the planned `step`; what is sent may be of a later version.
 */
export async function sendAsItIs(
  pass: AppPass,
  planned: MachineUpdate,
  sending: { readonly step: Sending; readonly nonce: string; readonly requestFor: (launch: Launch) => MachineRequest },
): Promise<SentAs> {
  const { clock } = pass.services;
  for (let times = 1; ; times += 1) {
    const launch = await launchOf(pass, planned);
    const decidedAt = momentOf(clock);
    const asDecided: BeforeSent = async (timesUnclear) => {
      // Whether a try without an answer was done is looked at by its own request.
      if (timesUnclear > 0 || times >= launchesMax || msSince(clock, decidedAt) <= freshMs) return;
      if ((await launchOf(pass, planned)).skipLaunch !== launch.skipLaunch) throw new LaunchChanged();
    };
    const request = sending.requestFor(launch);
    try {
      const updated = await sendUpdate(pass, sending.step, request, { nonce: sending.nonce, asDecided });
      return { updated, launch, request };
    } catch (error) {
      if (!(error instanceof LaunchChanged)) throw error;
    }
  }
}

async function launchOf(pass: AppPass, step: MachineUpdate): Promise<Launch> {
  const { machineId, config } = step;
  const mayRest = step.skipLaunch || (config.standbys ?? []).length > 0 || (step.risk === 'safe' && isBare(step));
  const rests = mayRest && (await isStillAtRest(pass, machineId));
  const hasFailed = pass.seen.get(machineId)?.machine?.state === 'failed';
  return { rests, skipLaunch: await staysDown(pass, step, { rests, hasFailed }) };
}

/** Where no registry could be asked, only Fly's answer tells what a tag means. */
export function isBare({ config }: Pick<MachineChange, 'config'>): boolean {
  return config.image !== undefined && parseImage(config.image).digest === undefined;
}

/**
 * The proxy may have started it since the plan was made: then it serves somebody, and must run on after the update. One that
 * is still being replaced shows where it ends once that is over.
 */
export async function isStillAtRest(pass: AppPass, machineId: string): Promise<boolean> {
  const { clock, yieldSlot } = pass.services;
  const until = clock.monotonic() + replacedMs;
  for (;;) {
    const machine = await lookNow(pass, machineId);
    if (machine?.state !== 'replacing' || clock.monotonic() >= until)
      return machine === undefined || !['starting', 'started', 'restarting'].includes(machine.state);
    await yieldSlot(() => clock.sleep(betweenLooksMs));
  }
}
