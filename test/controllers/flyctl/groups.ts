/** Process groups of the app `shop`, as they stand on Fly. */
import { createHash } from 'node:crypto';
import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import type { Arena } from '../arena.ts';

/** An image by its digest, which no registry is asked for. */
export function pinned(name: string): string {
  return `docker.io/acme/${name}@sha256:${createHash('sha256').update(name).digest('hex')}`;
}

/** Those that are there. */
export function machinesOf(world: Arena) {
  const all = [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])];
  return all.filter(({ state }) => state !== 'destroyed' && state !== 'destroying');
}

export function groupOf({ config }: { readonly config: MachineConfig }): string {
  return config.metadata?.['fly_process_group'] ?? '';
}

/** One name for each machine, in order: `web web worker`. */
export function groupsOf(world: Arena): string {
  return machinesOf(world).map(groupOf).toSorted().join(' ');
}
