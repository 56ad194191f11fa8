/** What goes because git no longer names it: what the brakes count, and what a version that runs may still need. */
import type { DesiredApp } from '../../model/desired.ts';
import type { Step } from '../../model/plan.ts';

export type Prunable = 'addresses' | 'secrets' | 'certificates' | 'groups' | 'apps';

export interface Removal {
  readonly kind: Prunable;
  /** What counts as one: a process group is one however many machines it has. */
  readonly object: string;
}

/** Scaling down to a number that git names removes nothing. `app`: as git names it; undefined: it does not. */
export function removalOf(step: Step, app: Pick<DesiredApp, 'groups'> | undefined): Removal | undefined {
  switch (step.kind) {
    case 'address.release':
      return { kind: 'addresses', object: step.target };
    case 'secret.unset':
      return { kind: 'secrets', object: step.target };
    case 'certificate.remove':
      return { kind: 'certificates', object: step.target };
    case 'app.destroy':
      return { kind: 'apps', object: step.app };
    case 'machine.destroy': {
      const named = app?.groups.some((group) => group.name === step.group) ?? false;
      return named ? undefined : { kind: 'groups', object: `${step.app}/${step.group}` };
    }
    case 'app.create':
    case 'app.adopt':
    case 'image.build':
    case 'address.allocate':
    case 'secret.set':
    case 'volume.create':
    case 'volume.extend':
    case 'volume.configure':
    case 'release':
    case 'machine.create':
    case 'machine.update':
    case 'machine.label':
    case 'machine.start':
    case 'machine.restart':
    case 'machine.cordon':
    case 'machine.uncordon':
    case 'certificate.add':
      return undefined;
  }
}
