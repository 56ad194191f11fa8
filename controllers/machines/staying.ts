/** What goes does so because others stay, and the plan is of before those were rolled. */
import { allEnded } from '../../src/model/base/ending.ts';
import { SharedLook } from '../../src/model/base/shared-look.ts';
import type { MachineAction } from '../../src/model/plan.ts';
import { isGone } from '../../src/plan/classify/machine-state.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { checkBasis, giveWay } from '../pass/basis.ts';
import { betweenLooksMs, recentMs } from '../pass/fly-now.ts';
import { lookAtMachine } from '../pass/before-sent.ts';
import { countedOn } from '../pass/counted.ts';

/**
 * Where no more than so many stay, each is a third of them or more: they are looked at by their ids, which Fly answers five
 * times a second for each. A destroy is six calls one after the other, so that never waits.
 */
const fewMax = 3;

/** The machine that is about to go, and its process group. */
type Going = Pick<MachineAction, 'machineId' | 'group'>;

/**
 * Before a machine is destroyed: throws a waiting Fault where another one, also one that this pass made or changed, went
 * meanwhile by somebody else's hand, or where anything else is not as planned. Destroys share a list of the app's machines,
 * since Fly answers one a second: one of seconds ago (`ms`) does before the machine is leased and marked, which destroys nothing.
 * `seen`: what is looked at by its id anyhow.
 */
export async function checkStaying(
  pass: AppPass,
  { machineId }: Going,
  { ms = recentMs, seen = [] }: { readonly ms?: number; readonly seen?: readonly string[] } = {},
): Promise<void> {
  const { fly } = pass.services;
  const { app, basis, leaving, moved, touched, made } = pass;
  const there = new Set([...(await lookAtAll(pass, ms)), ...seen, machineId]);
  const changed = (basis.machines ?? []).filter((machine) => touched.has(machine.id) && !isGone(machine));
  const unlisted = [...changed.map((machine) => machine.id), ...made.keys()].filter(
    (id) => !there.has(id) && !leaving.has(id) && !moved.has(id),
  );
  // Lists lag: a machine that was just made may not be in them.
  const looks = unlisted.map(async (id) => {
    const machine = await fly.machine(app.name, id);
    if (machine === undefined || isGone(machine)) throw giveWay(pass, `machine ${id} went meanwhile`);
  });
  await allEnded(looks);
}

/**
 * The same right before its destroy is sent, behind all waits for leases and limits. None is sent more than four seconds after
 * Fly was asked for a list in which all that stay are there: a second here, three in src/fly/http/last-question.ts; eleven in all where
 * Fly answers slowly. Where few stay in its group (in the app, where git does not name the group), none is sent without each of
 * those having been seen there by its id since the destroy before: lists lag, and the last ones of a group are not left to them.
 * Both are asked for side by side: one after the other they would be too old together where Fly takes seconds for each.
 */
export async function checkStayingNow(pass: AppPass, going: Going): Promise<void> {
  const beside = stayingBeside(pass, going);
  const few = beside.length > fewMax ? [] : beside;
  await allEnded([
    checkStaying(pass, going, { ms: betweenLooksMs, seen: few }),
    ...few.map((id) => lookAtOne(pass, id)),
  ]);
}

/**
 * Begins the list that `checkStayingNow` would wait for, where the one that is there will be too old `ms` milliseconds from now.
 * What it tells, and whether it fails, is for that to see. Throws nothing.
 */
export async function lookAhead(pass: AppPass, ms: number): Promise<void> {
  await lookAtAll(pass, Math.max(0, betweenLooksMs - ms)).catch(() => undefined);
}

async function lookAtOne(pass: AppPass, id: string): Promise<void> {
  const machine = await lookAtMachine(pass, id);
  if (machine === undefined || isGone(machine)) throw giveWay(pass, `machine ${id} went meanwhile`);
}

/** Ids of machines that the plan leaves in its process group, or that this pass has made there. */
function stayingBeside(pass: AppPass, { machineId, group }: Going): readonly string[] {
  const { app, leaving, made, moved } = pass;
  const isNamed = app.groups.some(({ name }) => name === group);
  return [...countedOn(pass), ...made]
    .filter(([, its]) => its === group || !isNamed)
    .map(([id]) => id)
    .filter((id) => id !== machineId && !leaving.has(id) && !moved.has(id));
}

/** Ids of the machines that are there, or were so many milliseconds ago. */
function lookAtAll(pass: AppPass, ms: number): Promise<Set<string>> {
  pass.stayed ??= new SharedLook(pass.services.clock, () => listed(pass));
  return pass.stayed.within(ms);
}

async function listed(pass: AppPass): Promise<Set<string>> {
  const machines = await pass.services.fly.machines(pass.app.name);
  checkBasis(pass, machines);
  return new Set(machines.filter((machine) => !isGone(machine)).map(({ id }) => id));
}
