/** Which groups were seen with machines, and at what git said then: one that has none now, at the same, was emptied by hand. */
import { canonicalJson } from '../../src/model/base/json.ts';
import { tellsOfInputs } from '../../src/model/stamps/input-stamps.ts';
import type { StepResult } from '../../src/model/run.ts';
import { groupOf, isGone, metadataOf } from '../../src/plan/classify/machine-state.ts';
import { createsOf } from '../../src/plan/steps/select.ts';
import type { SyncAppRequest } from './types.ts';

type Pass = Pick<SyncAppRequest, 'store' | 'app' | 'plan' | 'planned'>;

/**
 * Before FlyCD takes machines away, makes them anew or makes a group's first: killed in the middle of that, it has to go on with
 * it, and a group without machines would pass for one that somebody emptied.
 */
export async function rememberSeen({ store, app, plan, planned }: Pass): Promise<void> {
  const { machines } = planned.observed;
  if (machines.status === 'unread') return;
  const members = Map.groupBy(
    machines.value.filter((one) => !isGone(one)),
    (one) => groupOf(metadataOf(one)),
  );
  const there = new Set(members.keys());
  const destroyed = new Set(plan.steps.flatMap((step) => (step.kind === 'machine.destroy' ? [step.machineId] : [])));
  // Where one stays, as beside a canary that goes, it has machines all along.
  const emptied = [...members].filter(([, ones]) => ones.every(({ id }) => destroyed.has(id)));
  const going = new Set([
    ...emptied.map(([group]) => group),
    ...createsOf(plan.steps).flatMap(({ replaces, group }) =>
      replaces === undefined && there.has(group) ? [] : [group],
    ),
  ]);
  const { populated: before } = await store.memory(app.name);
  // Nobody knows yet which groups there were: a hold for one that is empty must not be taken for knowledge.
  if (before === undefined && plan.holds.length > 0) return;
  const populated = Object.fromEntries(
    planned.wanted.groups.flatMap(({ name }) => {
      const known = before?.[name];
      // What another scheme remembered says nothing of git: from now on this one's does.
      const isOld = known !== undefined && !tellsOfInputs(known, planned.wanted.inputs);
      const inputs = there.has(name) || isOld ? planned.wanted.inputs : known;
      return inputs === undefined || going.has(name) ? [] : [[name, inputs] as const];
    }),
  );
  if (before === undefined || canonicalJson(populated) !== canonicalJson(before))
    await store.setPopulated(app.name, populated);
}

/** After it: groups whose machines have all been made. */
export async function rememberMadeGroups(
  { store, app, plan, planned }: Pass,
  results: readonly StepResult[],
): Promise<void> {
  const made = new Set(results.flatMap(({ target, outcome }) => (outcome === 'created' ? [target] : [])));
  const creates = Map.groupBy(createsOf(plan.steps), ({ group }) => group);
  const whole = [...creates].filter(([, steps]) => steps.every(({ target }) => made.has(target)));
  if (whole.length === 0) return;
  const { populated } = await store.memory(app.name);
  const { inputs } = planned.wanted;
  await store.setPopulated(app.name, { ...populated, ...Object.fromEntries(whole.map(([group]) => [group, inputs])) });
}
