/** Which of an app's machines a plan rests on: those of others come and go beside it. */
import type { Machine } from '../../schemas/fly/machine.ts';
import { releaseCommandGroup, reservedGroups } from '../../schemas/fly/presets.ts';
import { flyctlKeys } from '../../src/model/stamps/keys.ts';
import { isOwn, otherOwner } from '../../src/model/stamps/owner.ts';
import { groupOf, isGone, metadataOf } from '../../src/plan/classify/machine-state.ts';
import { classifyMachines } from '../../src/plan/classify/machines.ts';
import { isCanary } from '../../src/plan/classify/other-deployments.ts';
import type { AppPass } from './app-pass.ts';

/**
 * Of the machines that were there when it was planned: those that the plan counted, by id, and the process group of each. One
 * that did not show whose it is may be one of them: its group is ''.
 */
export function countedOn(pass: AppPass): ReadonlyMap<string, string> {
  return (pass.counted ??= groupsOf(pass));
}

function groupsOf({ app, basis, fleet, leaving, services: { fly } }: AppPass): ReadonlyMap<string, string> {
  const { machines = [], releases } = basis;
  // Whoever asks first, and whenever that is: what flyctl was at when it was planned may count as left behind by now.
  const moment = { now: basis.observedAt.now, aheadMs: fly.aheadMs() };
  const { members, replaced, removed, leftovers } = classifyMachines({
    desired: app,
    machines,
    releases,
    fleet,
    ...moment,
  });
  // Halves of a bluegreen by hand are in groups that git names.
  const halves = leftovers.filter(({ left }) => left === 'replaced' || left === 'unfinished');
  // What flyctl left behind goes only while it is as it was.
  const others = machines.filter((machine) => !isGone(machine) && (isUnread(machine) || leaving.has(machine.id)));
  return new Map([
    ...others.map(({ id }) => [id, ''] as const),
    ...[...members, ...replaced, ...removed, ...halves].map(({ machine, group }) => [machine.id, group] as const),
  ]);
}

/**
 * true: where it was not there when it was planned, it has to be planned again. A release command or a canary of flyctl's
 * tells of a deployment at this moment, for which the whole app waits; another owner's is for `ownerBefore` to judge.
 */
export function isOfConcern({ app, fleet }: AppPass, machine: Machine): boolean {
  if (isUnread(machine)) return true;
  const metadata = metadataOf(machine);
  const group = groupOf(metadata) ?? '';
  // Who runs the same command next waits for ours, and it goes by itself.
  if (reservedGroups.some((reserved) => reserved === group))
    return group === releaseCommandGroup && !isOwn(metadata, fleet);
  if (isCanary(metadata) || isOwn(metadata, fleet)) return true;
  if (otherOwner(metadata, fleet) !== undefined) return false;
  return metadata[flyctlKeys.platformVersion] === 'v2' && app.groups.some(({ name }) => name === group);
}

/** On a host that does not answer. */
function isUnread({ config, incomplete_config: incomplete }: Machine): boolean {
  return (config ?? incomplete ?? undefined) === undefined;
}
