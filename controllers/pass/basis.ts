/**
 * What a plan rests on, and whether it still does. Whoever waited for a lease was behind somebody who held it: that one may
 * have done the work meanwhile, and a person may have said something. Then the pass gives way, and the app is planned again.
 */
import type { Machine } from '../../schemas/fly/machine.ts';
import { Fault, type FaultParts } from '../../src/model/base/fault.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { isOwn, otherOwner } from '../../src/model/stamps/owner.ts';
import type { StandingTexts } from '../../src/model/standing/standing.ts';
import { readStanding } from '../../src/model/standing/standing-text.ts';
import { readIfPossible } from '../../src/observed/reading.ts';
import { ownerBefore } from '../../src/plan/classify/beginning.ts';
import { isGone, metadataOf } from '../../src/plan/classify/machine-state.ts';
import { ownerWords } from '../../src/plan/guards/owner.ts';
import { statusByReason } from '../../src/plan/steps/status.ts';
import { asKnown } from '../../src/plan/target/rollout-state.ts';
import type { AppPass } from './app-pass.ts';
import { countedOn, isOfConcern } from './counted.ts';
import { listedMs } from './fly-now.ts';

/** That a version runs well is no reason to stop. */
const words = [stampKeys.suspend, stampKeys.hold, stampKeys.failed] as const;

/**
 * After a wait for the lease on a machine: looks at all that the plan rests on. The machine itself is asked for by its id,
 * since lists lag. Throws a waiting Fault where something moved, and the pass begins nothing more.
 */
export async function lookAgainAfterWait(pass: AppPass, machineId: string): Promise<void> {
  const { fly } = pass.services;
  const { app, basis } = pass;
  const [listed, leased] = [await fly.machines(app.name), await fly.machine(app.name, machineId)];
  const machines = listed.map((machine) => (machine.id === machineId ? (leased ?? machine) : machine));
  checkBasis(pass, machines);
  if (basis.releases === undefined) return;
  const releases = await readIfPossible(fly.releases(app.name));
  if (releases.status === 'unread') return;
  const known = Math.max(0, ...basis.releases.map(({ version }) => version));
  const newer = releases.value.find(({ id, version }) => version > known && !pass.record.is(id));
  if (newer !== undefined) throw giveWay(pass, `release v${newer.version} began meanwhile`);
}

/**
 * These are all machines of the app, as they are now. Throws a waiting Fault where those that the plan counts on, or words
 * about it, are not as planned, or where one came that the next plan would count. Machines of others come and go: flyctl's of
 * a deployment at this moment, and another owner's that makes the app that owner's too, are no strangers'.
 */
export function checkBasis(pass: AppPass, machines: readonly Machine[]): void {
  checkWords(pass, machines);
  const { basis, fleet, touched } = pass;
  if (basis.machines === undefined) return;
  const owner = ownerBefore(machines, fleet);
  if (owner !== undefined && ownerBefore(basis.machines, fleet) === undefined)
    throw giveWay(pass, `${ownerWords(owner)} has machines in it since`);
  const isOurDoing = ({ id, name }: Machine): boolean => touched.has(id) || touched.has(name);
  const counted = countedOn(pass);
  const known = new Map(basis.machines.map((machine) => [machine.id, machine]));
  const missing = new Set([...known.values()].filter((machine) => !isOurDoing(machine)).map(({ id }) => id));
  for (const machine of machines) {
    if (isOurDoing(machine) || isGone(machine)) continue;
    missing.delete(machine.id);
    const before = known.get(machine.id);
    if (counted.has(machine.id)) checkMachine(pass, machine);
    else if (isOfConcern(pass, machine) && (before === undefined || !isOfConcern(pass, before)))
      throw giveWay(pass, `machine ${machine.id} was made meanwhile`);
  }
  // Also where it was to go: another FlyCD is at the same, and was faster.
  const gone = [...missing].find((id) => counted.has(id));
  if (gone !== undefined) throw giveWay(pass, `machine ${gone} went meanwhile`);
}

/** The same of one machine that was there. */
export function checkMachine(pass: AppPass, machine: Machine): void {
  checkWords(pass, [machine]);
  const planned = pass.basis.machines?.find(({ id }) => id === machine.id);
  if (planned === undefined || pass.touched.has(machine.id) || planned.instance_id === machine.instance_id) return;
  throw giveWay(pass, `machine ${machine.id} was updated meanwhile`);
}

/**
 * Throws a waiting Fault where these machines, or these others, tell of a word about the app that the plan does not know: that it
 * is another owner's from now on is one, too.
 */
export function checkWords(pass: AppPass, machines: readonly Machine[], others: readonly StandingTexts[] = []): void {
  const { basis, fleet } = pass;
  // Who looks for a free name lists those that are gone, of which no plan knows.
  const there = machines.filter((machine) => !isGone(machine));
  const taken = takenOver(pass, there);
  if (taken !== undefined) throw taken;
  const seen = asKnown({ machines: there, isKnown: basis.isKnown, among: basis.machines });
  const stamps = seen.map(metadataOf).filter((metadata) => isOwn(metadata, fleet));
  const { texts, suspension, hold } = readStanding([basis.standing, ...stamps, ...others]);
  const said = words.find((key) => texts[key] !== basis.standing[key]);
  if (said === undefined) return;
  const what = 'was suspended or rolled back';
  const why = (by: string): string => `${by} said so by another FlyCD`;
  if (said === stampKeys.suspend && suspension !== undefined)
    throw overruled(pass, { what, why: why(suspension.by), status: 'suspended' });
  if (said === stampKeys.hold && hold !== undefined) throw overruled(pass, { what, why: why(hold.by), status: 'held' });
  throw giveWay(pass, 'another FlyCD met a version that failed, or was told to resume it');
}

/**
 * Another owner has taken over a machine that no other one had, or that this pass has made or taken over itself: nothing more is
 * begun, whether the Fault is thrown or not. undefined: none has.
 */
export function takenOver(pass: AppPass, machines: readonly Machine[]): Fault | undefined {
  const { basis, fleet, made, adopted } = pass;
  for (const machine of machines) {
    const { id } = machine;
    const other = otherOwner(metadataOf(machine), fleet);
    if (other === undefined) continue;
    const planned = basis.machines?.find((before) => before.id === id);
    const hadNoOther = planned !== undefined && otherOwner(metadataOf(planned), fleet) === undefined;
    if (!hadNoOther && !made.has(id) && !adopted.has(id)) continue;
    const why = `machine ${id} carries the labels of ${ownerWords(other)} since`;
    return overruled(pass, { what: 'was taken over', why, status: statusByReason.owner });
  }
  return undefined;
}

/** What a person said by another FlyCD ends the pass, and says how the app is from then on. */
export class Overruled extends Fault {
  readonly status: 'held' | 'suspended' | 'blocked';

  constructor(parts: FaultParts, status: Overruled['status']) {
    super(parts);
    this.status = status;
  }
}

/** `what` has been done to the app. */
function overruled(
  pass: AppPass,
  { what, why, status }: { readonly what: string; readonly why: string; readonly status: Overruled['status'] },
): Fault {
  const { app, services } = pass;
  const parts: FaultParts = {
    kind: 'waiting',
    what: `${app.name} ${what} in the middle of this`,
    why,
    next: planAgain(services),
    where: app.name,
    retryAt: services.clock.now(),
  };
  pass.overtaken = new Overruled(parts, status);
  return pass.overtaken;
}

/** Nothing more is begun by this pass: the app has moved on since it was planned. */
export function giveWay(pass: AppPass, why: string): Fault {
  const { app, services } = pass;
  pass.overtaken = new Fault({
    kind: 'waiting',
    what: `${app.name} has moved on since it was planned`,
    why,
    next: planAgain(services),
    where: app.name,
    retryAt: services.clock.now() + listedMs,
  });
  return pass.overtaken;
}

interface Stopped {
  /** What had not come to its end. */
  readonly when: string;
  readonly machineId?: string;
  readonly why?: string;
  readonly cause?: Fault;
}

/** Git has moved on, or FlyCD was asked to stop: nothing has gone wrong. */
export function stoppedFault(
  { app, newer, services: { clock } }: AppPass,
  { when, machineId, ...more }: Stopped,
): Fault {
  const isNewer = newer?.aborted === true;
  return new Fault({
    kind: 'waiting',
    what: `${isNewer ? 'git has moved on' : 'FlyCD was asked to stop'} ${when}`,
    next: isNewer ? 'FlyCD goes on with what git says now' : 'the next run goes on from there',
    where: machineId === undefined ? app.name : `${app.name} ${machineId}`,
    retryAt: clock.now(),
    ...more,
  });
}

/** A command does so a few times (controllers/fleet/sync.ts), the loop until it gets through. */
function planAgain({ patience }: Pick<AppPass['services'], 'patience'>): string {
  const again = 'FlyCD plans again from there';
  return patience === 'requeue' ? again : `${again}; if it ends so all the same, run \`flycd sync --once\` again later`;
}
