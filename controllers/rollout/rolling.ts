import PQueue from 'p-queue';
import { allEnded } from '../../src/model/base/ending.ts';
import type { DesiredApp } from '../../src/model/desired.ts';
import type { RolloutStep, MachineChange } from '../../src/model/plan.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { stopsByItself } from '../../src/plan/classify/machine-state.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { ImagePin } from '../images/pin.ts';
import { isAnew, GroupRun, immediateAtOnce, type RollReport, type Rollout } from './group-rollout.ts';

/** As flyctl: stopped machines are updated this many at once, they disturb nobody. */
const coldAtOnce = 30;
/** As flyctl: process groups that roll side by side. */
const groupsAtOnce = 16;

/**
 * Rolls machine changes out, group by group side by side. In a group: stopped machines first, without being started but
 * for one where a new image would otherwise run nowhere (`leadOf`), then the first running one
 * alone (one that serves nobody before one that does), then the rest, at most `maxUnavailable` at once; creates likewise,
 * the first alone. A restart counts as the update of a running machine. The first failure ends the group, and what is left
 * is reported as skipped: a broken version reaches one machine, not the fleet. Where a region has no room, only what it was
 * to take is left.
 */
export async function roll(
  pass: AppPass,
  steps: readonly RolloutStep[],
  report: RollReport,
  pin: ImagePin = new ImagePin(),
): Promise<void> {
  const groups = Map.groupBy(steps, (step) => step.group);
  const queue = new PQueue({ concurrency: groupsAtOnce });
  await allEnded([...groups.values()].map((group) => queue.add(() => rollGroup({ pass, report, pin }, group))));
}

async function rollGroup(rollout: Rollout, steps: readonly RolloutStep[]): Promise<void> {
  const { pass } = rollout;
  const restarts = steps.filter((step) => step.kind === 'machine.restart');
  const sent = steps.filter((step) => step.kind !== 'machine.restart');
  // Last: only then is there what they stand in for.
  const standbys = sent.filter((step) => step.standsInFor !== undefined);
  const others = sent.filter((step) => step.standsInFor === undefined);
  const creates = others.filter((step) => step.kind === 'machine.create' && !isAnew(pass, step));
  const updates = others.filter((step) => step.kind === 'machine.update' || isAnew(pass, step));
  const cold = updates.filter((step) => step.skipLaunch);
  const warm = [...updates.filter((step) => !step.skipLaunch), ...restarts];
  const immediate = pass.app.strategy === 'immediate';
  const lead = immediate || warm.length + creates.length > 0 ? undefined : leadOf(pass, cold);
  const run = new GroupRun(rollout, steps[0]?.group ?? '', lead);
  if (!immediate && !(await run.checkSiblings(steps))) return;
  if (lead !== undefined) await run.batch([lead], 1);
  await run.batch(
    cold.filter((step) => step !== lead),
    coldAtOnce,
  );
  if (immediate) {
    await run.send([...warm, ...creates], immediateAtOnce);
  } else {
    const inTurn = run.unwellFirst(warm);
    await run.batch(inTurn.slice(0, 1), 1);
    await run.batch(inTurn.slice(1), atOnce(pass.app.maxUnavailable, warm.length));
    await run.create(creates);
  }
  await run.batch(standbys, coldAtOnce);
  const made = steps.filter((step) => step.kind === 'machine.create');
  const says = (key: string): boolean => made.some((step) => step.config.metadata?.[key] !== undefined);
  if (says(stampKeys.first) || says(stampKeys.regions)) await run.endFirst(made);
}

/**
 * Nothing of the group runs: one that the proxy starts anyhow is started for a new image, to be seen healthy before the
 * others get it. One that a schedule starts would do its work once more.
 */
function leadOf({ app }: AppPass, cold: readonly MachineChange[]): MachineChange | undefined {
  const serves = app.groups.find(({ name }) => name === cold[0]?.group)?.hasServices === true;
  return serves ? cold.find((step) => bringsImage(step) && stopsByItself(step.config)) : undefined;
}

/** Process groups to which a new image came that was not seen running there: nothing of them was started for it. */
export function unverifiedGroups(steps: readonly MachineChange[], app: DesiredApp): readonly string[] {
  const groups = Map.groupBy(
    steps.filter((step) => step.standsInFor === undefined),
    (step) => step.group,
  );
  return [...groups].flatMap(([name, changes]) => {
    const cold = changes.filter((step) => step.skipLaunch && (step.kind === 'machine.update' || step.replaces));
    if (cold.length < changes.length || !cold.some(bringsImage)) return [];
    const serves = app.groups.find((group) => group.name === name)?.hasServices === true;
    const started = app.strategy !== 'immediate' && serves && cold.some((step) => stopsByItself(step.config));
    return started ? [] : [name];
  });
}

function bringsImage(step: RolloutStep): boolean {
  return step.changes.some(({ path }) => path === 'image');
}

/** `maxUnavailable` under 1 is a fraction of the machines, else a number. At least one, or nothing would move. */
export function atOnce(maxUnavailable: number, machines: number): number {
  return Math.max(1, maxUnavailable < 1 ? Math.ceil(machines * maxUnavailable) : Math.floor(maxUnavailable));
}
