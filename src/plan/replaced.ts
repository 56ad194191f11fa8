/** Machines that another one has taken the place of: they count no more, and go as soon as they can. */
import type { MachineCreate } from '../model/plan.ts';
import { formatSlot, parseIds, stampKeys } from '../model/stamps.ts';
import { actionStep } from './actions.ts';
import type { Member } from './census.ts';
import { slotOf, type Draft, type GroupScope } from './scope.ts';
import { isStandby } from './standby.ts';

/** Fly moves machines off a host that stays down, and most hosts are back sooner. */
const patienceMs = 15 * 60_000;

/** Ids of machines whose successor is there. */
export function replacedIds(members: readonly Member[], fleet: string): ReadonlySet<string> {
  const groups = new Map(members.map((member) => [member.machine.id, member.group]));
  const ids = members.flatMap(({ machine, metadata, group }) => {
    if (metadata[stampKeys.fleet] !== fleet) return [];
    return parseIds(metadata[stampKeys.replaces]).filter((id) => id !== machine.id && groups.get(id) === group);
  });
  return new Set(ids);
}

/** Where a successor was not seen healthy yet, apply leaves the one before it in service as long as it is not. */
export function planReplaced(scope: GroupScope, replaced: readonly Member[], draft: Draft): void {
  for (const member of replaced) {
    const { machine } = member;
    const successor = scope.members.find(({ metadata }) => parseIds(metadata[stampKeys.replaces]).includes(machine.id));
    const name = successor === undefined ? 'another machine' : formatSlot(slotOf(scope, successor));
    if (member.live === undefined) {
      draft.notes.push(`${machine.id} was replaced by ${name}; it is destroyed when its host answers`);
    } else {
      const because = `${name} has taken its place`;
      const step = actionStep(scope, member, { kind: 'machine.destroy', because, risk: 'safe' });
      draft.destroys.push({ ...step, onceHealthy: true });
    }
  }
}

/** When a machine on a host that does not answer may be replaced. undefined: never. */
export function replaceableAt(scope: GroupScope, member: Member): number | undefined {
  const { desired, group, input } = scope;
  const { machine, live } = member;
  const config = machine.config ?? machine.incomplete_config;
  const hasMount = group.mount !== undefined || (config?.mounts ?? []).length > 0;
  if (live !== undefined || !desired.policy.replaceUnreachable || hasMount) return undefined;
  if (!member.ours || group.autoscaled || isStandby(member, group)) return undefined;
  return (input.memory.unreachable[machine.id] ?? input.now) + patienceMs;
}

/** The create of a machine that takes the place of another one, with whatever that one had replaced. */
export function inPlaceOf(step: MachineCreate, member: Member): MachineCreate {
  const ids = [member.machine.id, ...parseIds(member.metadata[stampKeys.replaces])];
  const metadata = { ...step.config.metadata, [stampKeys.replaces]: ids.join(',') };
  return {
    ...step,
    because: `the host of ${member.machine.id} does not answer`,
    config: { ...step.config, metadata },
    replaces: ids,
  };
}
