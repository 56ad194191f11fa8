/** What steps need of others before they can be done: regions of Fly's, images of registries. */
import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import type { Step } from '../../model/plan.ts';
import { createsOf } from './select.ts';

/** Regions in which the steps make something new. What is there already is changed where it is, whatever becomes of its region. */
export function newRegionsOf(steps: readonly Step[]): ReadonlySet<string> {
  const made = steps.flatMap((step): readonly string[] => {
    if (step.kind === 'volume.create') return [step.request.region];
    if (step.kind === 'address.allocate') return [step.request.region ?? ''];
    if (step.kind === 'release' && step.command !== undefined) return [step.command.region];
    return [];
  });
  const regions = [...made, ...createsOf(steps).map(({ slot }) => slot.region)];
  return new Set(regions.filter((region) => region !== '' && region !== everywhere));
}

/** What Fly calls the region of an address that is in none. */
const everywhere = 'global';

/** Images that machines pull for the steps: their own, their containers', and that of a release command's machine. */
export function imagesOf(steps: readonly Step[]): ReadonlySet<string> {
  const configs = steps.flatMap((step): readonly MachineConfig[] => {
    if (step.kind === 'machine.create' || step.kind === 'machine.update') return [step.config];
    if (step.kind !== 'release') return [];
    const machines = step.machines.map(({ config }) => config);
    return step.command === undefined ? machines : [step.command.config, ...machines];
  });
  return new Set(configs.flatMap(imagesIn));
}

/** A machine's own and those of its containers. */
export function imagesIn({ image, containers }: MachineConfig): readonly string[] {
  const inside = Array.isArray(containers) ? (containers as readonly { readonly image?: unknown }[]) : [];
  return [image, ...inside.map((container) => container.image)].filter((ref) => typeof ref === 'string');
}
