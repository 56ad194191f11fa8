/** What goes does so because others stay, and the plan is of before those were rolled. */
import { isGone } from '../../src/plan/classify/machine-state.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { checkBasis, giveWay } from '../pass/basis.ts';

/**
 * Before a machine is destroyed: throws a waiting Fault where another one, also one that this pass made or changed, went
 * meanwhile by somebody else's hand, or where anything else is not as planned.
 */
export async function checkStaying(pass: AppPass): Promise<void> {
  const { fly } = pass.services;
  const { app, basis, leaving, moved, touched, made } = pass;
  const listed = await fly.machines(app.name);
  checkBasis(pass, listed);
  const there = new Set(listed.filter((machine) => !isGone(machine)).map(({ id }) => id));
  const changed = (basis.machines ?? []).filter((machine) => touched.has(machine.id) && !isGone(machine));
  for (const id of [...changed.map((machine) => machine.id), ...made]) {
    if (there.has(id) || leaving.has(id) || moved.has(id)) continue;
    // Lists lag: a machine that was just made may not be in them.
    const machine = await fly.machine(app.name, id);
    if (machine === undefined || isGone(machine)) throw giveWay(pass, `machine ${id} went meanwhile`);
  }
}
