import type { Lease } from '../../../schemas/fly/machine.ts';

/** Who, and what for: a description is whatever its writer made of it, and names nobody for certain. */
export function holderOf(lease: Lease): string {
  const owner = lease.owner ?? '';
  const purpose = lease.description ?? '';
  if (owner === '') return purpose === '' ? 'somebody' : purpose;
  return purpose === '' ? owner : `${owner} (${purpose})`;
}
