/** Machines that make way for another one: they go as soon as they can, and others are made in their places. */
import type { MachineAction, MachineCreate, MachineUpdate } from '../../model/plan.ts';
import { parseIds } from '../../model/stamps/stamps.ts';
import { formatSlot } from '../../model/stamps/slot.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import { actionStep } from '../steps/machine-action.ts';
import type { GroupMachine, GroupDraft, GroupScope } from '../types.ts';
import { slotOf } from '../classify/slots.ts';
import { isStandby } from '../classify/standbys.ts';

/** Fly moves machines off a host that stays down, and most hosts are back sooner. */
const patienceMs = 15 * 60_000;

/** Where a successor was not seen healthy yet, apply leaves the one before it in service as long as it is not. */
export function planReplaced(scope: GroupScope, replaced: readonly GroupMachine[], draft: GroupDraft): void {
  for (const member of replaced) {
    const { machine } = member;
    const successor = scope.members.find(({ metadata }) => parseIds(metadata[stampKeys.replaces]).includes(machine.id));
    const before = parseIds(member.metadata[stampKeys.replaces]);
    const stays = successor ?? scope.members.find((one) => before.includes(one.machine.id));
    const name = stays === undefined ? 'another machine' : formatSlot(slotOf(scope, stays));
    if (member.live === undefined) {
      draft.notes.push(`${machine.id} was replaced by ${name}; it is destroyed when its host answers`);
    } else {
      const because = successor === undefined ? `${name} stays, as git wants it again` : `${name} has taken its place`;
      const step = actionStep(scope, member, { kind: 'machine.destroy', because, risk: 'safe' });
      draft.destroys.push({ ...step, onceHealthy: true, ...waitsFor(scope, stays) });
    }
  }
}

/** One that was seen healthy needs no waiting for. */
function waitsFor(scope: GroupScope, successor: GroupMachine | undefined): Pick<MachineAction, 'successor'> {
  if (successor?.metadata[stampKeys.unproven] === undefined) return {};
  return { successor: { slot: slotOf(scope, successor), machineId: successor.machine.id } };
}

/** When a machine on a host that does not answer may be replaced. undefined: never. */
export function replaceableAt(scope: GroupScope, member: GroupMachine): number | undefined {
  const { desired, group, input } = scope;
  const { machine, live } = member;
  const config = machine.config ?? machine.incomplete_config;
  const hasMount = group.mount !== undefined || (config?.mounts ?? []).length > 0;
  if (live !== undefined || !desired.policy.replaceUnreachable || hasMount) return undefined;
  if (!member.ours || group.autoscaled || isStandby(member, group)) return undefined;
  return (input.memory.unreachable[machine.id] ?? input.now) + patienceMs;
}

/** The create of a machine that takes the place of another one, with whatever that one had replaced. */
export function inPlaceOf(step: MachineCreate, member: GroupMachine): MachineCreate {
  const ids = [member.machine.id, ...parseIds(member.metadata[stampKeys.replaces])];
  const metadata = { ...step.config.metadata, [stampKeys.replaces]: ids.join(',') };
  return {
    ...step,
    because: `the host of ${member.machine.id} does not answer`,
    config: { ...step.config, metadata },
    replaces: ids,
  };
}

/**
 * What an update would have made of a machine, as the create of another one: it takes the place of that one, and of
 * whatever that one had replaced.
 */
export function inItsPlace(update: MachineUpdate, mount: MachineCreate['mount']): MachineCreate {
  const { kind: _update, machineId, currentVersion: _version, reason: _reason, ...more } = update;
  const { remapped: _remapped, unknownInputs: _unknown, ...base } = more;
  const replaces = [machineId, ...parseIds(update.config.metadata?.[stampKeys.replaces])];
  const metadata = { ...update.config.metadata, [stampKeys.replaces]: replaces.join(',') };
  return { ...base, kind: 'machine.create', config: { ...update.config, metadata }, mount, replaces };
}

/** Of the machine whose place that one takes. */
export function destroyFor(update: MachineUpdate, because: string): MachineAction {
  const { app, target, machineId, group, slot } = update;
  const successor = { slot, machineId: undefined };
  const step = { app, target, because, risk: 'safe', changes: [], machineId, group } as const;
  return { ...step, kind: 'machine.destroy', onceHealthy: true, successor };
}
