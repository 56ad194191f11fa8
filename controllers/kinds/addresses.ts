import type { IpAssignment } from '../../schemas/fly/app.ts';
import type { AddressStep } from '../../src/model/plan.ts';
import { addressType } from '../../src/plan/kinds/addresses.ts';
import type { AppPass } from '../pass/app-pass.ts';
import type { StepDone } from '../pass/services.ts';
import { giveWay } from '../pass/basis.ts';
import { betweenLooksMs, listedMsMax } from '../pass/fly-now.ts';
import { createOnce } from '../pass/intents.ts';

type AddressRelease = Extract<AddressStep, { kind: 'address.release' }>;

/** address.allocate (with an intent: a second POST is a second, billed address) and address.release. */
export async function applyAddressStep(pass: AppPass, step: AddressStep): Promise<StepDone> {
  const { fly } = pass.services;
  const { app } = pass;
  if (step.kind === 'address.release') {
    await untilListed(pass);
    await fly.releaseAddress(app.name, step.address, () => checkStaying(pass, step));
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
  pass.madeAddresses.add(id);
  return { outcome: 'created', message: found ? `${id} (it was there already)` : id };
}

/** Lists show seconds later what was made. What they do not show by then, they may never show. */
async function untilListed(pass: AppPass): Promise<void> {
  const { app, madeAddresses } = pass;
  const { clock, fly, yieldSlot } = pass.services;
  const until = clock.monotonic() + listedMsMax;
  while (madeAddresses.size > 0 && pass.whyStopped() === undefined) {
    const there = new Set((await fly.addresses(app.name)).map(({ ip }) => ip));
    if ([...madeAddresses].every((ip) => there.has(ip)) || clock.monotonic() >= until) return;
    await yieldSlot(() => clock.sleep(betweenLooksMs));
  }
}

/**
 * Right before a release is sent, which may have waited for Fly: a person may have released what was to stay, also what this pass
 * has made in its place. Throws a waiting Fault then.
 */
async function checkStaying(pass: AppPass, { staying }: Pick<AddressRelease, 'staying'>): Promise<void> {
  const stays = [...staying, ...pass.madeAddresses];
  if (stays.length === 0) return;
  const there = new Set((await pass.services.fly.addresses(pass.app.name)).map(({ ip }) => ip));
  const gone = stays.find((ip) => !there.has(ip));
  if (gone !== undefined) throw giveWay(pass, `address ${gone} went meanwhile`);
}
