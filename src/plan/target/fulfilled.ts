/** Whether git's wish was fulfilled once: what differs from the same wish after that moved on Fly. */
import { buildLabel } from '../../flyconfig/sections/image.ts';
import { hashOf } from '../../model/base/json.ts';
import type { DesiredApp } from '../../model/desired.ts';
import type { AppPlan, HoldReason, MachineUpdate, Step, StepKind } from '../../model/plan.ts';
import { tellsOfInputs, type Fulfilled } from '../../model/stamps/input-stamps.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import { isUnresolved } from '../kinds/image.ts';
import type { GroupMachine, PlanDraft } from '../types.ts';

/**
 * Hash of all that git wants of the app and planning looks at, as this FlyCD reads it: one that reads the same documents
 * otherwise has another wish. Of policy only what makes things go; the others say when, and not what. An image's digest is none
 * of it, for whether a registry answers moves no wish; nor is the release command, which asks for nothing by itself.
 */
export function wishOf(desired: DesiredApp): string {
  const { primaryRegion, regions, highAvailability, volumes, network, policy } = desired;
  return hashOf({
    groups: desired.groups.map(({ config, ...group }) => ({ ...group, metadata: config.metadata })),
    secrets: desired.secrets.map(({ name }) => name),
    image: imageAsWritten(desired),
    prune: policy.prune.toSorted(),
    primaryRegion,
    regions,
    highAvailability,
    volumes,
    network,
  });
}

/** The same for git's own words and for a version that was gone back to, whose image is pinned. */
function imageAsWritten({ name, image, appVersion }: DesiredApp): string | undefined {
  if (image.kind === 'reference') return image.ref.replace(/@.*$/s, '');
  return image.build === undefined ? appVersion : `registry.fly.io/${name}:${buildLabel(image.build.key)}`;
}

/** Things of one kind are seen fulfilled together: a release waits as a whole, with its image and the volumes of its machines. */
function nounOf(kind: StepKind): string {
  const [noun = ''] = kind.split('.');
  return ['image', 'release', 'volume'].includes(noun) ? 'machine' : noun;
}

export interface DriftScope {
  readonly desired: DesiredApp;
  /** undefined: no pass has found anything of git's fulfilled, or nobody wrote it down. */
  readonly fulfilled: Fulfilled | undefined;
  readonly members: readonly GroupMachine[];
  /** All that the plan does or holds. */
  readonly steps: readonly Step[];
  /** Of those: secrets whose value is another one here. */
  readonly rotated: ReadonlySet<Step>;
}

/** Whether a step undoes what was done on Fly since git was fulfilled: then git wants what it has had already. */
export function movedOnFly({ desired, fulfilled, members, steps, rotated }: DriftScope): (step: Step) => boolean {
  // Inputs hold the digest: while no registry answers they are not git's last word.
  const hasMoved =
    !isUnresolved(desired.image) &&
    members.some(({ ours, metadata }) => {
      const stamp = metadata[stampKeys.inputs];
      return ours && tellsOfInputs(stamp, desired.inputs) && stamp !== desired.inputs;
    });
  if (fulfilled === undefined || steps.length === 0 || hasMoved || fulfilled.wish !== wishOf(desired))
    return () => false;
  const held = new Set(fulfilled.held);
  const sets = steps.filter(({ kind }) => kind === 'secret.set');
  const areSecretsDrift = sets.length > 0 && !held.has('secret') && sets.every((step) => !rotated.has(step));
  const isOwnUpdate = ({ reason, standsInFor }: MachineUpdate): boolean => {
    if (reason === 'secrets') return !areSecretsDrift;
    // What is sent otherwise though git stood still is this FlyCD's own idea, or a person's who forces it.
    return reason === 'change' && standsInFor === undefined;
  };
  return (step) => {
    if (step.kind === 'app.adopt' || rotated.has(step) || held.has(nounOf(step.kind))) return false;
    const machines = step.kind === 'release' ? step.machines : [step];
    return machines.every((one) => one.kind !== 'machine.update' || !isOwnUpdate(one));
  };
}

/** Under these nobody knows what git has of Fly, or the app is none of git's. */
const unknowing: ReadonlySet<HoldReason> = new Set(['owner', 'adoption', 'suspended', 'unread', 'busy', 'unreachable']);
/** What is held moved on Fly, or is git's while the app stays at another version. */
const beside: ReadonlySet<HoldReason> = new Set(['drift', 'failed', 'rollback']);

interface Found extends Pick<AppPlan, 'steps' | 'holds'> {
  readonly wanted: DesiredApp;
  /** As it is written down. */
  readonly before: Fulfilled | undefined;
  /** false: the pass has written nothing. */
  readonly isWritten: boolean;
}

/**
 * What is to be written down of a plan that has nothing left to do; undefined: nothing new, or nothing is known. At one and the
 * same wish, what was seen once stays so. Where all that a new one asks for is held, nothing of it is fulfilled.
 */
export function fulfilledBy({ steps, holds, wanted, before, isWritten }: Found): Omit<Fulfilled, 'at'> | undefined {
  if (steps.length > 0 || holds.some(({ reason }) => unknowing.has(reason))) return undefined;
  const wish = wishOf(wanted);
  const held = heldNouns(holds);
  if (before?.wish !== wish) return held.length > 0 && !isWritten ? undefined : { wish, held };
  const left = before.held.filter((noun) => held.includes(noun));
  return left.length < before.held.length ? { wish, held: left } : undefined;
}

function heldNouns(holds: PlanDraft['holds']): readonly string[] {
  const waiting = holds.filter(({ reason }) => !beside.has(reason)).flatMap(({ steps }) => steps);
  return [...new Set(waiting.map(({ kind }) => nounOf(kind)))].toSorted();
}
