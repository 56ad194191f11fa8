/** What may not be done though git wants it: each rule takes its steps out of the plan and says why and what lifts it. */
import type { ObservedApp } from '../../model/observed.ts';
import type { AppPlan, FieldChange, Hold, MachineCreate, MachineUpdate, Step } from '../../model/plan.ts';
import { whyBusy, type Busy } from '../classify/other-deployments.ts';
import type { WantedImage } from '../kinds/image.ts';
import { counted, holdOf, listed, type HoldParts, type PlanAppInput } from '../types.ts';

/** A plan in the making. */
export interface PlanDraft {
  readonly steps: readonly Step[];
  readonly holds: readonly Hold[];
}

/** Moves the steps that match into one hold. Without such steps there is nothing to hold. */
export function holdBack(
  draft: PlanDraft,
  app: string,
  matches: (step: Step) => boolean,
  parts: Omit<HoldParts, 'steps'>,
): PlanDraft {
  const held = draft.steps.filter(matches);
  if (held.length === 0) return draft;
  return {
    steps: draft.steps.filter((step) => !matches(step)),
    holds: [...draft.holds, holdOf(app, { ...parts, steps: held })],
  };
}

/** Of a release that waits, and of nothing else of the app: what apply leaves undone where a release fails. */
export const waitsWithRelease: ReadonlySet<Step['kind']> = new Set([
  'release',
  'machine.destroy',
  'secret.unset',
  'address.release',
]);

/** Steps after which a machine runs something else, or runs at all. */
export function isRollout(step: Step): boolean {
  return step.kind === 'release' || step.kind === 'machine.create' || step.kind === 'machine.update';
}

/** Volumes are made for nothing else. A restart brings nothing new: the size of a volume does not wait for an image. */
function needsMachines(step: Step): boolean {
  return isRollout(step) || step.kind === 'volume.create';
}

/** The image is built before what needs it. Where it cannot be had, the build is held, and all that needs its image. */
export function guardBuild(input: PlanAppInput, draft: PlanDraft, image: WantedImage): PlanDraft {
  const { desired } = input;
  if (desired.image.kind !== 'build' || !draft.steps.some(isRollout)) return draft;
  if (image.state === 'known') {
    return image.build === undefined ? draft : { ...draft, steps: [image.build, ...draft.steps] };
  }
  const build: Step = {
    kind: 'image.build',
    app: desired.name,
    target: desired.name,
    because: 'git names a source and no image',
    risk: 'safe',
    changes: [],
    source: desired.image.source,
    key: desired.image.build?.key,
    ref: undefined,
    from: undefined,
  };
  const { state: _state, ...hold } = image;
  const needs = (step: Step): boolean => needsMachines(step) || step.kind === 'image.build';
  return holdBack({ ...draft, steps: [build, ...draft.steps] }, desired.name, needs, hold);
}

/** Nothing is built for what is held. */
export function withoutIdleBuild(draft: PlanDraft): PlanDraft {
  if (draft.steps.some(isRollout)) return draft;
  return { ...draft, steps: draft.steps.filter((step) => step.kind !== 'image.build') };
}

/** A machine that starts without a secret it needs fails in ways that are hard to read: its release waits. */
export function guardSecrets(draft: PlanDraft): PlanDraft {
  const index = draft.holds.findIndex((hold) => hold.reason === 'secret');
  const hold = draft.holds[index];
  if (hold === undefined) return draft;
  const held = draft.steps.filter(needsMachines);
  const holds = draft.holds.with(index, { ...hold, steps: [...hold.steps, ...held] });
  return { steps: draft.steps.filter((step) => !needsMachines(step)), holds };
}

/** A machine waits for its volume; a release that would make it waits whole. */
export function guardIntents(draft: PlanDraft): PlanDraft {
  const index = draft.holds.findIndex((hold) => hold.reason === 'intent' && volumesOf(hold).length > 0);
  const hold = draft.holds[index];
  if (hold === undefined) return draft;
  const unclear = new Set(draft.holds.flatMap((one) => (one.reason === 'intent' ? volumesOf(one) : [])));
  const waits = (step: Step): boolean => {
    if (step.kind === 'release') return step.machines.some((machine) => waits(machine));
    return (
      step.kind === 'machine.create' &&
      step.mount !== undefined &&
      unclear.has(`${step.mount.volume}/${step.slot.region}`)
    );
  };
  const held = draft.steps.filter(waits);
  const holds = draft.holds.with(index, { ...hold, steps: [...hold.steps, ...held] });
  return { steps: draft.steps.filter((step) => !waits(step)), holds };
}

function volumesOf(hold: Hold): readonly string[] {
  return hold.steps.flatMap((step) =>
    step.kind === 'volume.create' ? [`${step.request.name}/${step.request.region}`] : [],
  );
}

/**
 * A finished `fly deploy` by hand is somebody's decision: nothing is rolled out over it until git has a newer commit than
 * the one it was found at, or a person insists.
 */
export function guardFlyctl(
  input: PlanAppInput,
  draft: PlanDraft,
  byFlyctl: ReadonlyMap<string, string | undefined>,
): PlanDraft {
  const { desired, memory, options, revision } = input;
  const newer = memory.heldRevision !== undefined && memory.heldRevision !== revision;
  if (options.now || newer || desired.policy.drift === 'heal_all' || desired.policy.drift === 'off') return draft;
  const touched = [...touchedBy(draft.steps)].filter((machineId) => byFlyctl.has(machineId));
  if (touched.length === 0) return draft;
  const releases = [...new Set(touched.map((machineId) => byFlyctl.get(machineId)))].flatMap(
    (release) => release ?? [],
  );
  const named =
    releases.length === 0
      ? ''
      : ` (release ${releases
          .toSorted()
          .map((release) => `v${release}`)
          .join(', ')})`;
  return holdBack(draft, desired.name, isRollout, {
    reason: 'flyctl',
    because: `changed by flyctl${named}: ${counted(touched.length, 'machine')} not as git says`,
    next: `commit what should run, or flycd sync --now --app ${desired.name}`,
  });
}

/** Machines that the steps update or make anew, by id. */
function touchedBy(steps: readonly Step[]): ReadonlySet<string> {
  const updated = updatesOf(steps).map((step) => step.machineId);
  return new Set([...updated, ...createsOf(steps).flatMap((step) => step.replaces ?? [])]);
}

export function createsOf(steps: readonly Step[]): readonly MachineCreate[] {
  return steps.flatMap((step): MachineCreate[] => {
    if (step.kind === 'machine.create') return [step];
    return step.kind === 'release' ? step.machines.filter((machine) => machine.kind === 'machine.create') : [];
  });
}

export function updatesOf(steps: readonly Step[]): readonly MachineUpdate[] {
  return steps.flatMap((step): MachineUpdate[] => {
    if (step.kind === 'machine.update') return [step];
    return step.kind === 'release' ? step.machines.filter((machine) => machine.kind === 'machine.update') : [];
  });
}

const healWindowMs = 60 * 60_000;
/** Healed this often within the window: somebody or something keeps changing it back, and every heal is a restart. */
const healsMax = 3;

/** How a heal is called in SQLite: the update's target and the field. */
export function healPath(target: string, change: FieldChange): string {
  return `${target} ${change.path}`;
}

export function guardHeals(input: PlanAppInput, draft: PlanDraft): PlanDraft {
  const { desired, memory, now, options } = input;
  if (options.now || desired.policy.drift === 'heal_all') return draft;
  const recent = memory.heals.filter((heal) => heal.at > now - healWindowMs);
  const often = (path: string): boolean => recent.filter((heal) => heal.path === path).length >= healsMax;
  const pathsOf = (step: Step): string[] =>
    step.kind === 'machine.update' && step.reason === 'drift'
      ? step.changes.map((change) => healPath(step.target, change)).filter(often)
      : [];
  const paths = draft.steps.flatMap(pathsOf);
  const oldest = Math.min(...recent.filter((heal) => paths.includes(heal.path)).map((heal) => heal.at));
  return holdBack(draft, desired.name, (step) => pathsOf(step).length > 0, {
    reason: 'drift',
    because: `healed ${healsMax} times within an hour, and changed again: ${listed(paths)}`,
    next: `find out who changes it, then flycd sync --now --app ${desired.name}`,
    retryAt: oldest + healWindowMs,
  });
}

/** `drift: report` shows and does not touch. `addresses`: git has not moved, so one that is gone was taken away on Fly. */
export function guardReport(
  input: PlanAppInput,
  draft: PlanDraft,
  drift: ReadonlySet<Step>,
  addresses: boolean,
): PlanDraft {
  const { desired, options } = input;
  if (desired.policy.drift !== 'report' || options.now) return draft;
  const isDrift = (step: Step): boolean =>
    step.kind !== 'machine.label' && (drift.has(step) || (addresses && step.kind === 'address.allocate'));
  return holdBack(draft, desired.name, isDrift, {
    reason: 'drift',
    because: 'Fly differs from git, and drift is only reported here (sync.drift: report)',
    next: `flycd sync --now --app ${desired.name}`,
  });
}

/**
 * An app that somebody else made is not restarted or cut down without being asked. Then nothing at all is done, not even
 * stamped: a stamp would make the app ours.
 */
export function guardAdoption(input: PlanAppInput, draft: PlanDraft, strangers: boolean): PlanDraft {
  const { desired, options } = input;
  if (options.adopt) return draft;
  const all = [...draft.steps, ...draft.holds.flatMap((hold) => hold.steps)];
  const touches = all.filter((step) => touchesWhatRuns(step) || (strangers && isRollout(step)));
  if (touches.length === 0) return draft;
  // A person who accepts a removal has not thereby handed the app over.
  return holdBack(withConfirmable(draft), desired.name, () => true, {
    reason: 'adoption',
    because: strangers
      ? 'nothing says that FlyCD made the app, and its machines are none that git names'
      : 'the app was not made by FlyCD, and taking it over would change what runs',
    next: `read the steps, then flycd adopt ${desired.name}`,
  });
}

/** Somebody else is at work: nothing of the app is touched, nor what a person confirms meanwhile. */
export function guardBusy(app: string, draft: PlanDraft, busy: Busy): PlanDraft {
  return holdBack(withConfirmable(draft), app, () => true, whyBusy(busy));
}

/** Steps that `--accept` releases. */
export function isConfirmable(hold: Hold): boolean {
  return (hold.reason === 'volume' || hold.reason === 'destructive') && hold.steps.length > 0;
}

/** With the steps that a person may confirm among the others: what holds the app holds them too. */
export function withConfirmable(draft: PlanDraft): PlanDraft {
  const steps = [...draft.steps, ...draft.holds.filter(isConfirmable).flatMap((hold) => hold.steps)];
  return { steps, holds: draft.holds.filter((hold) => !isConfirmable(hold)) };
}

/** Labels and taking over only write stamps: whoever deploys meanwhile does not notice. */
const unnoticed: ReadonlySet<Step['kind']> = new Set(['machine.label', 'app.adopt']);

/**
 * true: the plan has something to do that could disturb somebody at work on the app, so that its releases have to be
 * asked for, and the app planned again with them. An app that is not there has none.
 */
export function needsReleases(plan: AppPlan, observed: ObservedApp): boolean {
  if (observed.app.status === 'unread' || observed.app.value.state !== 'present') return false;
  return withConfirmable(plan).steps.some((step) => !unnoticed.has(step.kind));
}

/** What a plan that changes machines says where nobody knows whether somebody is about to. */
export function releasesNote(observed: ObservedApp, steps: readonly Step[]): readonly string[] {
  const { releases } = observed;
  const changesMachines = steps.some(
    (step) => step.kind === 'release' || (step.kind.startsWith('machine.') && !unnoticed.has(step.kind)),
  );
  if (releases?.status !== 'unread' || !changesMachines) return [];
  return [`a deployment in progress is seen only by its machines and leases: ${releases.reason}`];
}

function touchesWhatRuns(step: Step): boolean {
  if (step.kind === 'release') return step.machines.some((machine) => machine.kind === 'machine.update');
  return ['machine.update', 'machine.restart', 'machine.destroy'].includes(step.kind) || step.risk === 'destructive';
}
