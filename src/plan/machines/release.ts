/** Gathers machine changes into a release where something new reaches the app's machines. */
import { canonicalJson } from '../../model/base/json.ts';
import type { FieldChange, ReleaseCommandRun, ReleaseStep, MachineChange } from '../../model/plan.ts';
import type { GroupPlan } from '../types.ts';
import { list } from '../../model/base/text.ts';
import { inOrder } from '../steps/order.ts';

export interface Rollout {
  readonly release: ReleaseStep | undefined;
  /** Not part of the release: heals, secret rolls, scaling, and the rest of a release that was cut short. */
  readonly machines: readonly MachineChange[];
}

/**
 * One release an app, where no machine of some group carries what git wants: it takes all creates and all updates for
 * changes. A release that reached one machine is not released again; the other machines follow by themselves.
 */
export function gatherRelease(
  app: string,
  groups: readonly GroupPlan[],
  command: ReleaseCommandRun | undefined,
): Rollout {
  const fresh = groups.filter(
    (planned) => !planned.carried && (planned.creates.length > 0 || changesOf(planned).length > 0),
  );
  const creates = groups.flatMap((planned) => planned.creates);
  const updates = groups.flatMap((planned) => planned.updates);
  if (fresh.length === 0) return { release: undefined, machines: [...creates, ...updates] };
  const machines = inOrder([...creates, ...updates.filter((step) => step.reason === 'change')]);
  const release: ReleaseStep = {
    kind: 'release',
    app,
    target: app,
    because: becauseOf(fresh),
    risk: machines.some((step) => step.risk === 'restart') ? 'restart' : 'safe',
    changes: [...commandChange(command), ...commonChanges(machines)],
    machines,
    ...(command === undefined ? {} : { command }),
  };
  return { release, machines: updates.filter((step) => step.reason !== 'change') };
}

/** Shown with the release: it runs first. */
function commandChange(command: ReleaseCommandRun | undefined): readonly FieldChange[] {
  return command === undefined ? [] : [{ path: 'release_command', from: undefined, to: command.command }];
}

/** Of machines that are there: updated, or made anew. */
function changesOf({ updates, creates }: GroupPlan): readonly MachineChange[] {
  return [
    ...updates.filter((step) => step.reason === 'change'),
    ...creates.filter((step) => (step.replaces ?? []).length > 0),
  ];
}

function becauseOf(fresh: readonly GroupPlan[]): string {
  const first = fresh.filter((planned) => planned.members.length === 0).map((planned) => planned.group.name);
  if (first.length === fresh.length) return `first machines of ${list(first)}`;
  const changes = fresh.flatMap((planned) => changesOf(planned).flatMap((step) => step.changes));
  const image = changes.some((change) => change.path === 'image');
  const config = changes.some((change) => change.path !== 'image');
  if (image && config) return 'image and config are new';
  return image ? 'the image is new' : 'the config is new';
}

/** Said once for the release: what is the same for each machine that is updated. */
function commonChanges(machines: readonly MachineChange[]): readonly FieldChange[] {
  const [first, ...others] = machines.filter(
    (step) => step.kind === 'machine.update' || (step.replaces ?? []).length > 0,
  );
  if (first === undefined) return [];
  const sets = others.map((step) => new Set(step.changes.map((change) => canonicalJson(change))));
  return first.changes.filter((change) => sets.every((set) => set.has(canonicalJson(change))));
}
