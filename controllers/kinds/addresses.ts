import type { IpAssignment } from '../../schemas/fly/app.ts';
import type { AddressStep } from '../../src/model/plan.ts';
import { addressType } from '../../src/plan/kinds/addresses.ts';
import type { AppPass } from '../pass/app-pass.ts';
import type { StepDone } from '../pass/services.ts';
import { createOnce } from '../pass/intents.ts';

/** address.allocate (with an intent: a second POST is a second, billed address) and address.release. */
export async function applyAddressStep(pass: AppPass, step: AddressStep): Promise<StepDone> {
  const { fly } = pass.services;
  const { app } = pass;
  if (step.kind === 'address.release') {
    await fly.releaseAddress(app.name, step.address);
    return { outcome: 'deleted' };
  }
  const wanted = step.request.type;
  const { id, found } = await createOnce<IpAssignment>(pass, {
    kind: 'address.allocate',
    target: `${step.target} ${wanted}`,
    list: async () => (await fly.addresses(app.name)).filter((address) => addressType(address) === wanted),
    idOf: (address) => address.ip,
    there: step.there,
    create: (beforeSent) => fly.allocateAddress(app.name, step.request, beforeSent),
  });
  return { outcome: 'created', message: found ? `${id} (it was there already)` : id };
}
