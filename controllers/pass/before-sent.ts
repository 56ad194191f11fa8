import type { Machine } from '../../schemas/fly/machine.ts';
import { isStatus } from '../../src/fly/http/absence.ts';
import { allEnded } from '../../src/model/base/ending.ts';
import { longAgo, momentOf, msSince, type Moment } from '../../src/model/base/moment.ts';
import { SharedLook } from '../../src/model/base/shared-look.ts';
import type { StandingRow, StandingTexts } from '../../src/model/standing/standing.ts';
import { shownMachine, Unshown } from '../../src/observed/presence.ts';
import { byText } from '../../src/model/base/text.ts';
import { isOwn } from '../../src/model/stamps/owner.ts';
import { isGone, isHostOk, metadataOf } from '../../src/plan/classify/machine-state.ts';
import type { AppPass, Listed, SeenMachine } from './app-pass.ts';
import { checkWords, giveWay, stoppedFault } from './basis.ts';
import { whyStopped } from './services.ts';
import { checkNotLost, checkOwner, isUnseen } from './beginning.ts';
import { recentMs } from './fly-now.ts';
import type { WriteTarget } from './guarded-fly.ts';

/**
 * Whoever has just looked, and done nothing since but its own work, need not look again: what is waited for, be it a call, a
 * limit, a lane or a lease, takes longer than this.
 */
const sameMomentMs = 50;
/** A look that took longer tells how things were before this moment. */
const quickMs = 1000;

interface Asked {
  /** Tries before this one that got no answer. */
  readonly timesUnclear?: number;
  readonly others?: (() => Promise<void>) | undefined;
}

/**
 * What went before a write took its time, and Fly may have asked for a minute more: another FlyCD may hold the app by now and
 * count what we have not made yet, another owner may have begun it, git may have taken it back, and a person may have said
 * something, here or by another FlyCD. Throws a Fault then, right before the write is sent. What was looked at a few seconds ago
 * is not looked at again, but for an update: it would write over a word. `others`: what else is asked before it, side by side
 * with that, for one after the other would be too old together where Fly takes seconds for each.
 */
export async function checkStillAsPlanned(
  pass: AppPass,
  target: WriteTarget,
  { timesUnclear = 0, others = () => Promise.resolve() }: Asked = {},
): Promise<void> {
  const askedAt = momentOf(pass.services.clock);
  checkGoesOn(pass, target, timesUnclear);
  checkWords(pass, [], await saidSince(pass));
  await allEnded([lookBefore(pass, target, askedAt), others()]);
  // Of what came meanwhile; what another write of this pass has found holds for all of them.
  checkGoesOn(pass, target, timesUnclear);
}

/** What the pass knows without asking anybody. */
function checkGoesOn(pass: AppPass, target: WriteTarget, timesUnclear: number): void {
  if (pass.overtaken !== undefined) throw pass.overtaken;
  // What was made of an app that another owner began goes again.
  if (target.of !== 'machine') checkNotLost(pass);
  if (whyStopped({ signal: pass.services.signal, newer: pass.newer }) === undefined || isRest(pass, target)) return;
  if (timesUnclear === 0) throw stoppedFault(pass, { when: 'before this was sent' });
  const why = 'Fly did not say whether the first try was done';
  throw stoppedFault(pass, { when: 'before this was sent once more', why });
}

/** The rest of what was begun: half of it would be worse than all of it. */
function isRest(pass: AppPass, target: WriteTarget): boolean {
  if (target.of !== 'machine') return false;
  return target.goesOn === 'always' || (target.goesOn === 'begun' && pass.underway.has(target.machineId));
}

async function lookBefore(pass: AppPass, target: WriteTarget, askedAt: Moment): Promise<void> {
  const { clock } = pass.services;
  if (target.of === 'no-app') {
    pass.heardAt = askedAt;
    return;
  }
  if (target.of === 'app') {
    await allEnded([lookAtAll(pass), lookAtOne(pass)]);
    await pass.lock?.check();
    return;
  }
  const { machineId, overwrites = false } = target;
  const seenAt = pass.seen.get(machineId)?.at ?? longAgo;
  if (overwrites) await lookNow(pass, machineId);
  else if (msSince(clock, seenAt) > recentMs) await lookAtMachine(pass, machineId);
  await pass.leases.get(machineId)?.check();
}

async function lookAtAll(pass: AppPass): Promise<void> {
  if (msSince(pass.services.clock, pass.heardAt) <= recentMs && !isUnseen(pass)) return;
  const { machines, askedAt } = await listApp(pass);
  checkOwner(pass, machines, askedAt);
  checkWords(pass, machines);
  pass.heardAt = askedAt;
}

/** Lists lag: whoever takes the app over, or has a word on all its machines, shows by its id on any of them that is there. */
async function lookAtOne(pass: AppPass): Promise<void> {
  pass.oneSeen ??= new SharedLook(pass.services.clock, () => lookAtAny(pass));
  await pass.oneSeen.within(recentMs);
}

/** Each has had the client's own retries: with so many it is Fly, and not one bad machine. */
const unansweredMax = 3;

/** The first that is there and answers. Throws where too many do not, or none of those that are left. */
async function lookAtAny(pass: AppPass): Promise<void> {
  const { unanswered } = pass;
  const order = oursToAsk(pass).toSorted((a, b) => Number(unanswered.has(a)) - Number(unanswered.has(b)));
  const faults: unknown[] = [];
  for (const id of order) {
    const asked = await askMachine(pass, id).catch((error: unknown) => {
      unanswered.add(id);
      faults.push(error);
    });
    if (asked !== undefined && isThere(hear(pass, id, asked))) return;
    if (faults.length >= unansweredMax) break;
  }
  if (faults.length > 0) throw faults[0];
}

/** The lock first, and those that went no more; a host that does not answer takes no labels. */
function oursToAsk({ basis, fleet, lock, seen }: AppPass): readonly string[] {
  const ours = (basis.machines ?? []).filter((machine) => isOwn(metadataOf(machine), fleet));
  const isDark = (machine: Machine): number => Number(!isHostOk(machine));
  const inOrder = ours.toSorted((a, b) => isDark(a) - isDark(b) || byText(a.id, b.id)).map(({ id }) => id);
  const ids = new Set(lock === undefined ? inOrder : [lock.machineId, ...inOrder]);
  return [...ids].filter((id) => !seen.has(id) || isThere(seen.get(id)?.machine));
}

function isThere(machine: Machine | undefined): boolean {
  return machine !== undefined && !isGone(machine);
}

/** All its machines as they were listed seconds ago at most. What they say is for the caller to judge. */
function listApp(pass: AppPass): Promise<Listed> {
  pass.listed ??= new SharedLook(pass.services.clock, () => listNow(pass));
  return pass.listed.within(recentMs);
}

async function listNow({ app, services: { clock, fly } }: AppPass): Promise<Listed> {
  const askedAt = momentOf(clock);
  return { machines: await fly.machines(app.name), askedAt };
}

/** One of them, by its id, since lists lag. undefined: it is gone. Throws as `checkStillAsPlanned`. */
export async function lookAtMachine(pass: AppPass, machineId: string): Promise<Machine | undefined> {
  return hear(pass, machineId, await askMachine(pass, machineId));
}

async function askMachine({ app, services: { clock, fly } }: AppPass, machineId: string): Promise<SeenMachine> {
  const at = momentOf(clock);
  const machine = await fly.machine(app.name, machineId);
  return { at, answeredAt: momentOf(clock), machine };
}

function hear(pass: AppPass, machineId: string, seen: SeenMachine): Machine | undefined {
  if (seen.machine !== undefined) checkWords(pass, [seen.machine]);
  pass.seen.set(machineId, seen);
  return seen.machine;
}

/** The same, where nobody has looked in this moment. */
export async function lookNow(pass: AppPass, machineId: string): Promise<Machine | undefined> {
  const seen = pass.seen.get(machineId);
  const { clock } = pass.services;
  const isNow =
    seen !== undefined && msSince(clock, seen.answeredAt) <= sameMomentMs && msSince(clock, seen.at) <= quickMs;
  return isNow ? seen.machine : lookAtMachine(pass, machineId);
}

/**
 * What SQLite knows of the app by now, and did not when it was planned: a FlyCD that has the same one was told. Of an app
 * without machines it stands nowhere else.
 */
export async function saidSince({ app, basis, services: { store } }: AppPass): Promise<readonly StandingTexts[]> {
  const { standing } = await store.memory(app.name);
  const isKnown = ({ key, text }: StandingRow): boolean =>
    basis.remembered.some((row) => row.key === key && row.text === text);
  return standing.filter((row) => !isKnown(row)).map(({ key, text }) => ({ [key]: text }));
}

/**
 * What is done to a machine that may have gone a moment ago: Fly lists one for longer than it shows it. Gives way then, for by the
 * next plan the list has caught up. Where nobody plans again, it is said what Fly answers. One that went behind a change of this
 * pass may have ended by what it was given: no other one gets it then.
 */
export async function givingWay<T>(pass: AppPass, machineId: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (pass.underway.has(machineId)) throw error;
    const seen = await seenGone(pass, machineId, error);
    const fault = seen instanceof Unshown ? seen : error;
    if (seen === undefined || pass.services.isLastTry === true) throw fault;
    throw giveWay(pass, seen instanceof Unshown ? seen.what : `machine ${machineId} went meanwhile`);
  }
}

/** What a look makes of a machine of which Fly refused something. undefined: it is there, or nobody can tell. */
async function seenGone({ app, services }: AppPass, id: string, error: unknown): Promise<Unshown | 'gone' | undefined> {
  if (error instanceof Unshown) return error;
  // 409 and 412: one that is being destroyed is in no state for it. Somebody else's lease is answered so, too.
  const mayBeGone = isStatus(error, 404, 409, 410, 412) && error.outcome === 'refused' && error.kind !== 'waiting';
  if (!mayBeGone) return undefined;
  try {
    const machine = await shownMachine(services, app.name, id);
    return machine === undefined || isGone(machine) ? 'gone' : undefined;
  } catch (unseen) {
    return unseen instanceof Unshown ? unseen : undefined;
  }
}
