/**
 * An app in which no machine of ours stands has no lock that another owner would see: two config repos that begin it at the
 * same moment find out by what they have made (`src/plan/classify/beginning.ts`).
 */
import type { Machine } from '../../schemas/fly/machine.ts';
import type { Clock } from '../../src/model/base/clock.ts';
import { momentOf, msSince, type Moment } from '../../src/model/base/moment.ts';
import { Fault } from '../../src/model/base/fault.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import type { Hold, MachineLabel } from '../../src/model/plan.ts';
import type { DesiredApp } from '../../src/model/desired.ts';
import type { ObservedApp } from '../../src/model/observed.ts';
import { isOwn, isSameOwner, otherOwner, type FleetOwner, type OtherOwner } from '../../src/model/stamps/owner.ts';
import { isBegun, ownerBefore, stands } from '../../src/plan/classify/beginning.ts';
import { isGone, metadataOf } from '../../src/plan/classify/machine-state.ts';
import { classifyMachines } from '../../src/plan/classify/machines.ts';
import { ownerHold } from '../../src/plan/guards/owner.ts';
import { withLabels } from '../../src/plan/kinds/owner-labels.ts';
import type { AppPass, PassStart } from './app-pass.ts';
import { betweenLooksMs, listedMsMax, recentMs } from './fly-now.ts';

/**
 * Whether the app begins: nothing of ours stands there. Where a person adopts it, a machine of git's groups carries that, whose
 * ever it was. Where none does, nothing on Fly tells another owner, who may adopt the app at this moment as well.
 */
export function beginningOf(
  { fleet, clock }: { readonly fleet: FleetOwner; readonly clock: Pick<Clock, 'now'> },
  {
    desired,
    observed: { machines, flyAheadMs: aheadMs },
    adopts,
  }: {
    readonly desired: DesiredApp;
    readonly observed: Pick<ObservedApp, 'machines' | 'flyAheadMs'>;
    readonly adopts: boolean;
  },
): Pick<PassStart, 'begins' | 'handedOver'> {
  if (machines.status === 'unread') return { begins: false, handedOver: new Map() };
  const begins = !stands(machines.value, fleet);
  if (!adopts) return { begins, handedOver: new Map() };
  const seen = { machines: machines.value, releases: undefined, now: clock.now(), aheadMs };
  const { members } = classifyMachines({ desired, fleet, ...seen });
  const isCarried = members.some(({ ours, live }) => !ours && live !== undefined);
  const handedOver = new Map(
    machines.value.flatMap((machine) => {
      const other = otherOwner(metadataOf(machine), fleet);
      return other === undefined ? [] : [[machine.id, other] as const];
    }),
  );
  return { begins: begins && !isCarried, handedOver };
}

/** On what is made while nobody knows whether another owner begins the app. */
export function begunStamp({ begins }: AppPass): Readonly<Record<string, string>> {
  return begins ? { [stampKeys.begun]: '1' } : {};
}

/** Nobody knows whose the app is, and this pass has not looked for a while. */
export function isUnseen({ begins, lookedAt, services: { clock } }: AppPass): boolean {
  return begins && msSince(clock, lookedAt) > recentMs;
}

/**
 * Throws a held Fault where another owner came first; these machines are as they were listed. `askedAt`: when the list was
 * asked for, since one that took long may be of then. undefined: it counts for nothing that comes later.
 */
export function checkOwner(pass: AppPass, machines: readonly Machine[], askedAt?: Moment): void {
  pass.lookedAt = askedAt ?? pass.lookedAt;
  if (!pass.begins) return;
  const listed = new Set(machines.map(({ id }) => id));
  const counts = machines.filter((machine) => !isHandedOver(pass, machine));
  const known = [...counts, ...pass.begun.filter(({ id }) => !listed.has(id))];
  const other = ownerBefore(known, pass.fleet);
  if (other !== undefined) throw lostTo(pass, other);
  if (stands(known, pass.fleet)) pass.begins = false;
}

/** Whose it was when it was planned: with another one's labels somebody else has taken it, and the app. */
function isHandedOver({ handedOver, fleet }: AppPass, machine: Machine): boolean {
  const before = handedOver.get(machine.id);
  const now = otherOwner(metadataOf(machine), fleet);
  return before !== undefined && isSameOwner(before, now);
}

/** true: its owner is one from whom a person takes the app over, whenever it was made. */
export function isOfOwnerBefore({ handedOver, fleet }: AppPass, machine: Machine): boolean {
  const now = otherOwner(metadataOf(machine), fleet);
  return now !== undefined && [...handedOver.values()].some((before) => isSameOwner(before, now));
}

/**
 * For a pass that takes the app over: throws a held Fault where the app is another owner's all the same once these labels are
 * written. What the plan knew to be another's it tells of itself.
 */
export function checkAdopted(pass: AppPass, machines: readonly Machine[], labels: readonly MachineLabel[]): void {
  const { fleet } = pass;
  const taken = new Set(machines.filter((machine) => isOfOwnerBefore(pass, machine)).map(({ id }) => id));
  const left = withLabels(
    machines,
    labels.filter(({ machineId }) => taken.has(machineId)),
  ).filter((machine) => !isHandedOver(pass, machine));
  const other = ownerBefore(left, fleet);
  const ours = machines.filter((machine) => !isGone(machine) && isOwn(metadataOf(machine), fleet));
  if (other !== undefined) throw lostTo(pass, other, ours.length);
}

/**
 * After a machine was made: it stays where no other owner came first, which a list tells that shows it; else it goes again,
 * and a held Fault is thrown. `stays` false: it goes by itself, and says nothing for those that come after it.
 */
export async function keepIfFirst(pass: AppPass, made: Machine, how: { readonly stays: boolean }): Promise<void> {
  if (!isBegun(made)) return;
  pass.begun.push(made);
  const look = pass.looks.then(() => lookAfter(pass, made, how));
  pass.looks = look.catch(() => undefined);
  return look;
}

async function lookAfter(pass: AppPass, made: Machine, { stays }: { readonly stays: boolean }): Promise<void> {
  if (!pass.begins) return;
  const { clock, fly, yieldSlot, asListed = fly } = pass.services;
  const until = clock.monotonic() + listedMsMax;
  for (;;) {
    const askedAt = momentOf(clock);
    // Who came before is surely listed once ours is: what is known of ours beside the list says nothing of others.
    const machines = await asListed.machines(pass.app.name);
    try {
      checkOwner(pass, machines, askedAt);
    } catch (error) {
      // Where Fly refuses, the next pass takes it away: it still says that it was begun.
      await pass.undo.destroyMachine(pass.app.name, made.id).catch(() => undefined);
      throw error;
    }
    if (machines.some(({ id }) => id === made.id) || clock.monotonic() >= until) break;
    await yieldSlot(() => clock.sleep(betweenLooksMs));
  }
  if (stays) pass.begins = false;
}

function lostTo(pass: AppPass, other: OtherOwner, ours = 0): Fault {
  const { app, fleet } = pass;
  pass.lost ??= ownerHold({ desired: app, fleet }, other, ours);
  return lostFault(app.name, pass.lost);
}

/** Throws a held Fault where this pass has found that another owner came first. */
export function checkNotLost({ app, lost }: AppPass): void {
  if (lost !== undefined) throw lostFault(app.name, lost);
}

function lostFault(app: string, { because, next }: Hold): Fault {
  return new Fault({ kind: 'held', what: because, next, where: app });
}
