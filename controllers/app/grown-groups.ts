/** Which groups have had machines: one that has none now was scaled to 0 by hand, unless FlyCD itself is at it. */
import type { DesiredApp } from '../../src/model/desired.ts';
import type { AppPlan } from '../../src/model/plan.ts';
import { groupOf, metadataOf } from '../../src/plan/classify/machine-state.ts';
import { createsOf } from '../../src/plan/steps/select.ts';
import type { SyncAppRequest } from './types.ts';

/**
 * Before FlyCD takes machines away, or makes them anew: killed in the middle of that, it has to go on with it, and a group without
 * machines would pass for one that somebody scaled to 0.
 */
export async function forgetGrown({ store, app }: Pick<SyncAppRequest, 'store' | 'app'>, plan: AppPlan): Promise<void> {
  const { grown } = await store.memory(app.name);
  if (grown === undefined) return;
  const going = new Set([
    ...plan.steps.flatMap((step) => (step.kind === 'machine.destroy' ? [step.group] : [])),
    ...createsOf(plan.steps).flatMap(({ replaces, group }) => (replaces === undefined ? [] : [group])),
  ]);
  const left = grown.filter((group) => !going.has(group));
  if (left.length < grown.length) await store.setGrown(app.name, left);
}

/** After a pass that went well and left nothing held: `wanted` is what the app was brought to. */
export async function rememberGrown(
  { store, app, plan, planned }: Pick<SyncAppRequest, 'store' | 'app' | 'plan' | 'planned'>,
  wanted: DesiredApp,
): Promise<void> {
  const { machines } = planned.observed;
  if (plan.holds.length > 0 || machines.status === 'unread') return;
  const { grown: before } = await store.memory(app.name);
  const gone = new Set(plan.steps.flatMap((step) => (step.kind === 'machine.destroy' ? [step.machineId] : [])));
  const there = new Set([
    ...machines.value.filter(({ id }) => !gone.has(id)).map((machine) => groupOf(metadataOf(machine))),
    ...createsOf(plan.steps).map(({ group }) => group),
  ]);
  const grown = wanted.groups
    .filter(({ name, counts }) => there.has(name) || (counts === undefined && before?.includes(name) === true))
    .map(({ name }) => name);
  if (JSON.stringify(grown) !== JSON.stringify(before)) await store.setGrown(app.name, grown);
}
