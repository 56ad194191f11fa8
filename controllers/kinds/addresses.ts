import type { IpAssignment } from '../../schemas/fly/app.ts';
import type { AddressStep } from '../../src/model/plan.ts';
import { addressType } from '../../src/plan/kinds/addresses.ts';
import type { ApplyContext } from '../pass/app-pass.ts';
import type { Done } from '../pass/services.ts';
import { createOnce } from '../pass/intents.ts';

/** address.allocate (with an intent: a second POST is a second, billed address) and address.release. */
export async function applyAddressStep(context: ApplyContext, step: AddressStep): Promise<Done> {
  const { fly, app } = context;
  if (step.kind === 'address.release') {
    await fly.releaseAddress(app.name, step.address);
    return { outcome: 'deleted' };
  }
  const wanted = step.request.type;
  const { id, found } = await createOnce<IpAssignment>(context, {
    kind: 'address.allocate',
    target: `${step.target} ${wanted}`,
    list: async () => (await fly.addresses(app.name)).filter((address) => addressType(address) === wanted),
    idOf: (address) => address.ip,
    there: step.there,
    create: () => fly.allocateAddress(app.name, step.request),
  });
  return { outcome: 'created', message: found ? `${id} (it was there already)` : id };
}
