/**
 * Where an app is steered: to what git says, or, while a release that failed or a person holds it, to a version that ran
 * well before. What no version covers (counts, addresses, secrets, policy) follows git all the same.
 */
import type { Machine } from '../../../schemas/fly/machine.ts';
import { parseImage } from '../../flyconfig/sections/image.ts';
import { formatTime } from '../../model/base/clock.ts';
import type { DesiredApp } from '../../model/desired.ts';
import { hashOf } from '../../model/base/json.ts';
import type { Memory } from '../../model/stamps/memory.ts';
import type { AppPlan, Hold, Step } from '../../model/plan.ts';
import {
  isSameVersion,
  readStanding,
  type AppVersion,
  type GoodVersion,
  type Standing,
} from '../../model/stamps/rollout-state.ts';
import { stampKeys } from '../../model/stamps/stamps.ts';
import { refit } from '../steps/refit.ts';
import { takeCensus, type Member } from '../classify/machines.ts';
import { isRollout, withConfirmable } from '../steps/hold.ts';
import { wantedImage } from '../kinds/image.ts';
import { holdOf, type HoldParts } from '../types.ts';
import { isGone, metadataOf } from '../classify/machine-state.ts';
import { commandVersion } from './release-command.ts';

export type Course =
  | { readonly to: 'git' }
  /** git's version may not be rolled out; the app belongs at this one. */
  | { readonly to: 'version'; readonly version: GoodVersion; readonly hold: CourseHold }
  /** git's version may not be rolled out, and there is nowhere else to go. */
  | { readonly to: 'nowhere'; readonly hold: CourseHold };

export type CourseHold = Pick<Hold, 'reason' | 'because' | 'next' | 'since'>;

export interface CourseScope {
  /** What git wants. */
  readonly desired: DesiredApp;
  readonly machines: readonly Machine[];
  readonly fleet: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Stamps of all our machines and SQLite's rows, the newest of each. */
export function standingOf(
  { machines, fleet }: Pick<CourseScope, 'machines' | 'fleet'>,
  memory: Pick<Memory, 'standing'>,
): Standing {
  const ours = machines.map(metadataOf).filter((metadata) => metadata[stampKeys.fleet] === fleet);
  return readStanding([...ours, memory.standing ?? {}]);
}

/** What git's wish is as a version. */
export function versionOf(scope: CourseScope): AppVersion {
  return versionAmong(scope.desired, membersOf(scope));
}

function membersOf({ desired, machines, fleet, now }: CourseScope): readonly Member[] {
  return takeCensus({ desired, machines, fleet, now, releases: [] }).members;
}

function versionAmong(desired: DesiredApp, members: readonly Member[]): AppVersion {
  const image = wantedImage(desired, members, undefined, false);
  const digest = image.state === 'known' ? parseImage(image.ref).digest : undefined;
  return {
    config: appConfigVersion(desired),
    digest: digest !== undefined && /^sha256:[0-9a-f]{64}$/.test(digest) ? digest : '',
    image: hashOf(imageName(desired)),
  };
}

/** As git writes it; of a build what it is built from. */
function imageName({ image, appVersion }: DesiredApp): string {
  return image.kind === 'reference' ? image.ref : (image.build?.key ?? appVersion ?? '');
}

/** Of all its groups: moves when any group's does, or a group comes or goes. */
export function appConfigVersion({ groups }: Pick<DesiredApp, 'groups'>): string {
  return hashOf(Object.fromEntries(groups.map((group) => [group.name, group.configVersion])));
}

/**
 * The version that all of the app's machines carry and were seen healthy with, where that is the one wanted. undefined: a
 * machine has not got it yet or has yet to be seen healthy, or there is none.
 */
export function reachedVersion(scope: CourseScope): AppVersion | undefined {
  const { desired } = scope;
  const members = membersOf(scope);
  const image = wantedImage(desired, members, undefined, false);
  if (members.length === 0 || image.state !== 'known') return undefined;
  const versions = new Map(desired.groups.map((group) => [group.name, group.configVersion]));
  const reached = members.every(({ group, live, sent, metadata, machine }) => {
    if (live === undefined || sent?.config !== versions.get(group)) return false;
    return metadata[stampKeys.unproven] === undefined && image.matches(machine, live);
  });
  return reached ? versionAmong(desired, members) : undefined;
}

export function courseOf(scope: CourseScope, standing: Standing): Course {
  const { name } = scope.desired;
  const { hold, failed, good } = standing;
  if (hold === undefined && failed === undefined) return { to: 'git' };
  const next = `flycd resume ${name}: then git counts again`;
  const wanted = versionOf(scope);
  if (hold !== undefined) {
    const where = `rolled back to ${shortly(hold.to.revision)} by ${hold.by} at ${formatTime(hold.at)}`;
    const because = isSameVersion(hold.to, wanted) ? where : `${where}; what git says now waits`;
    return { to: 'version', version: hold.to, hold: { reason: 'rollback', because, next, since: hold.at } };
  }
  if (failed === undefined || !isSameVersion(failed, wanted) || hasRunSince(good, failed)) return { to: 'git' };
  const command = scope.desired.releaseCommand;
  if (failed.command !== '' && failed.command !== (command === undefined ? '' : commandVersion(command)))
    return { to: 'git' };
  const what = failed.command === '' ? 'the release of what git says failed' : 'the release command failed';
  const held = { reason: 'failed', since: failed.at } as const;
  const again = `commit what mends it, or flycd resume ${name} to try the same again`;
  if (scope.desired.policy.onFailure === 'stop') {
    const because = `${what}, and what it left stands (sync.on_failure: stop)`;
    return { to: 'nowhere', hold: { ...held, because, next: again } };
  }
  if (good === undefined) {
    const because = `${what}, and there is no version to go back to: none has run well here yet`;
    return { to: 'nowhere', hold: { ...held, because, next: again } };
  }
  const because = `${what}; the version of ${shortly(good.revision)} stays until git changes it`;
  return { to: 'version', version: good, hold: { ...held, because, next: again } };
}

/** It was tried again, and went well. */
function hasRunSince(good: GoodVersion | undefined, failed: AppVersion & { readonly at: number }): boolean {
  return good !== undefined && isSameVersion(good, failed) && good.at > failed.at;
}

const shownDigits = 12;

/** A revision in a sentence. */
export function shortly(revision: string): string {
  return revision.replaceAll(/[0-9a-f]{13,}/g, (hash) => hash.slice(0, shownDigits));
}

/** Releases that git asks for and that wait: what a person sees of a newer push. */
function isGitsRelease(step: Step): boolean {
  return step.kind === 'release' || (step.kind === 'machine.update' && step.reason === 'change');
}

/** The plan towards the version that the app is held at, with what git would do instead as what is held. */
export function heldPlan(towards: AppPlan, git: AppPlan, hold: CourseHold): AppPlan {
  const waiting = [...git.steps, ...git.holds.flatMap((one) => one.steps)].filter(isGitsRelease);
  const steps = towards.steps.map((step): Step =>
    step.kind === 'release' ? { ...step, because: 'going back' } : step,
  );
  return refit(towards, { steps, holds: [courseHold(towards.app, hold, waiting), ...towards.holds] });
}

/**
 * Git's plan without what rolls anything out. A machine that is not healthy is not waited for again, and what waits for it
 * to take over stays.
 */
export function stoppedPlan(git: AppPlan, hold: CourseHold): AppPlan {
  const stops = (step: Step): boolean =>
    isRollout(step) ||
    step.kind === 'machine.start' ||
    (step.kind === 'machine.label' && step.proves === true) ||
    (step.kind === 'machine.destroy' && step.onceHealthy === true);
  const waiting = git.steps.filter(stops);
  const steps = git.steps.filter((step) => !stops(step));
  return refit(git, { steps, holds: [courseHold(git.app, hold, waiting), ...git.holds] });
}

function courseHold(app: string, { since, ...parts }: CourseHold, steps: readonly Step[]): Hold {
  const hold = holdOf(app, { ...parts, steps } satisfies HoldParts);
  return since === undefined ? hold : { ...hold, since };
}

/** undefined: it is not, or not any more. */
export function suspensionOf(standing: Standing, now: number): Standing['suspension'] {
  const { suspension } = standing;
  if (suspension?.until !== undefined && suspension.until <= now) return undefined;
  return suspension;
}

/** A suspended app is looked at and not touched. */
export function suspendedPlan(plan: AppPlan, standing: Standing, now: number): AppPlan {
  // Nor is what a person could confirm meanwhile.
  const { steps, holds } = withConfirmable(plan);
  const hold = suspensionHold(plan.app, steps, { standing, now });
  return hold === undefined ? plan : refit(plan, { steps: [], holds: [hold, ...holds] });
}

/** Not even a stamp is written while a person wants that. */
export function isLeftAlone({ holds }: Pick<AppPlan, 'holds'>): boolean {
  return holds.some(({ reason }) => reason === 'suspended');
}

/** undefined: the app is not suspended. */
export function suspensionHold(
  app: string,
  steps: readonly Step[],
  { standing, now }: { readonly standing: Standing; readonly now: number },
): Hold | undefined {
  const suspension = suspensionOf(standing, now);
  if (suspension === undefined) return undefined;
  const { reason, by, at, until } = suspension;
  const end = until === undefined ? '' : `, until ${formatTime(until)}`;
  const because = `suspended by ${by} at ${formatTime(at)}${end}: ${reason}`;
  const next =
    until === undefined
      ? `flycd resume ${app}`
      : `FlyCD follows git again by itself, or at once with flycd resume ${app}`;
  return { ...holdOf(app, { reason: 'suspended', because, next, steps, retryAt: until }), since: at };
}

/** Ours, without those on their way out: who stamps an app stamps these. */
export function standingMachines(machines: readonly Machine[], fleet: string): readonly Machine[] {
  return machines.filter((machine) => !isGone(machine) && metadataOf(machine)[stampKeys.fleet] === fleet);
}
