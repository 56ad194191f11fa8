import type { Lease } from '../../../schemas/fly/machine.ts';
import type { FleetOwner } from './owner.ts';

/** Who, and what for: a description is whatever its writer made of it, and names nobody for certain. */
export function holderOf(lease: Lease): string {
  const owner = lease.owner ?? '';
  const purpose = lease.description ?? '';
  if (owner === '') return purpose === '' ? 'somebody' : purpose;
  return purpose === '' ? owner : `${owner} (${purpose})`;
}

const destroyEnd = ':destroy';

/** How a lease is described under which the whole app is destroyed. `description`: an ordinary one of ours. */
export function destroyDescription(description: string): string {
  return description + destroyEnd;
}

/** true: whoever holds it, a FlyCD of whatever fleet, is about to destroy the app. */
export function isDestroyLease(description: string | null | undefined): boolean {
  return /^flycd:[^:]+:.+:destroy$/.test(description ?? '');
}

/** true: whoever holds it is a FlyCD, of whatever fleet. */
export function isFlycdLease(description: string | null | undefined): boolean {
  return /^flycd:[^:]+:./.test(description ?? '');
}

/** How leases of ours begin, those from before the fleet's name was written included. */
export function isOwnLease(description: string | null | undefined, { name, unwritten = name }: FleetOwner): boolean {
  return [name, unwritten].some((one) => (description ?? '').startsWith(`flycd:${one}:`));
}
