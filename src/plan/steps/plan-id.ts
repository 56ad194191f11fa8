/** What makes two plans the same plan: what a person confirms by its id. */
import { hashOf } from '../../model/base/json.ts';
import type { AppPlan, Hold, Step } from '../../model/plan.ts';
import { stopsByItself } from '../classify/machine-state.ts';
import { lastingContents } from './contents.ts';

/**
 * Hash of an app's steps and holds. Left out is what moves while nobody changes anything: times, machine states and the
 * risks that follow from them, instance ids, reasons told in words. An app that starts and stops by itself takes up its
 * newest secrets and the size of its volumes on the way, so whether one of its machines is behind is left out too.
 */
export function appPlanId(app: string, steps: readonly Step[], holds: readonly Hold[]): string {
  return hashOf({ app, steps: identities(steps), holds: holds.map(holdIdentity) });
}

export function fleetPlanId(fleet: string, apps: readonly AppPlan[]): string {
  return hashOf({ fleet, apps: apps.map(({ app, planId, status }) => [app, planId, lasting(status)]) });
}

/** As far as a plan's id tells them apart. */
export function isSameStep(one: Step, other: Step): boolean {
  return hashOf(stepIdentity(one)) === hashOf(stepIdentity(other));
}

/** Apps that have no plan still differ by why. */
function lasting(status: AppPlan['status']): string {
  return status === 'invalid' || status === 'failed' || status === 'orphaned' ? status : '';
}

function identities(steps: readonly Step[]): readonly object[] {
  return steps.filter((step) => !passesByItself(step)).map(stepIdentity);
}

function passesByItself(step: Step): boolean {
  if (step.kind === 'machine.restart') return step.stopsByItself;
  if (step.kind !== 'machine.update') return false;
  return step.reason === 'secrets' && step.changes.length === 0 && stopsByItself(step.config);
}

function holdIdentity(hold: Hold): object {
  return { reason: hold.reason, steps: identities(hold.steps) };
}

function stepIdentity(step: Step): object {
  const base = { kind: step.kind, target: step.target, changes: step.changes };
  switch (step.kind) {
    case 'app.create':
      return { ...base, org: step.org, network: step.network };
    case 'image.build':
      return { ...base, source: step.source, key: step.key };
    case 'address.allocate':
      return { ...base, request: step.request };
    case 'address.release':
      return { ...base, address: step.address };
    case 'secret.set':
      return { ...base, name: step.name, origin: step.origin };
    case 'volume.create':
      return { ...base, request: step.request };
    case 'volume.extend':
      return { ...base, volumeId: step.volumeId, sizeGb: step.sizeGb };
    case 'volume.configure':
      return { ...base, volumeId: step.volumeId };
    case 'machine.create':
      return { ...base, sent: step.sent, mount: step.mount, standsInFor: step.standsInFor, replaces: step.replaces };
    case 'machine.update':
      return {
        ...base,
        machineId: step.machineId,
        sent: step.sent,
        reason: step.reason,
        standsInFor: step.standsInFor,
      };
    case 'machine.label':
      return { ...base, machineId: step.machineId, metadata: step.metadata };
    case 'machine.destroy':
    case 'machine.start':
    case 'machine.restart':
    case 'machine.cordon':
    case 'machine.uncordon':
      return { ...base, machineId: step.machineId };
    case 'release':
      return { ...base, machines: step.machines.map(stepIdentity), command: step.command?.version };
    case 'certificate.add':
    case 'certificate.remove':
      return { ...base, hostname: step.hostname };
    case 'app.destroy':
      return { ...base, changes: lastingContents(step.changes) };
    case 'app.adopt':
    case 'secret.unset':
      return base;
  }
}
