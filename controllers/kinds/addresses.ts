import type { IpAssignment } from '../../schemas/fly/app.ts';
import type { AddressStep } from '../../src/model/plan.ts';
import { addressType } from '../../src/plan/kinds/addresses.ts';
import type { AppPass } from '../pass/app-pass.ts';
import type { StepDone } from '../pass/services.ts';
import { giveWay } from '../pass/basis.ts';
import { createOnce } from '../pass/intents.ts';

/** address.allocate (with an intent: a second POST is a second, billed address) and address.release. */
export async function applyAddressStep(pass: AppPass, step: AddressStep): Promise<StepDone> {
  const { fly } = pass.services;
  const { app } = pass;
  if (step.kind === 'address.release') {
    await checkStaying(pass, step.staying);
    await fly.releaseAddress(app.name, step.address);
    return { outcome: 'deleted' };
  }
  const wanted = step.request.type;
  const ofType = (address: IpAssignment): boolean => addressType(address) === wanted;
  const { id, found } = await createOnce<IpAssignment>(pass, {
    kind: 'address.allocate',
    target: `${step.target} ${wanted}`,
    list: async () => (await fly.addresses(app.name)).filter(ofType),
    idOf: (address) => address.ip,
    counted: pass.basis.addresses.filter(ofType),
    there: step.there,
    create: (beforeSent) => fly.allocateAddress(app.name, step.request, beforeSent),
  });
  return { outcome: 'created', message: found ? `${id} (it was there already)` : id };
}

/** The plan is of before the machines: a person may have released what was to stay. Throws a waiting Fault then. */
async function checkStaying(pass: AppPass, staying: readonly string[]): Promise<void> {
  if (staying.length === 0) return;
  const there = new Set((await pass.services.fly.addresses(pass.app.name)).map(({ ip }) => ip));
  const gone = staying.find((ip) => !there.has(ip));
  if (gone !== undefined) throw giveWay(pass, `address ${gone} went meanwhile`);
}
