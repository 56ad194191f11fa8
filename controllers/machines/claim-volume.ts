import type { Volume } from '../../schemas/fly/app.ts';
import { allEnded } from '../../src/model/base/ending.ts';
import { Fault } from '../../src/model/base/fault.ts';
import type { Slot } from '../../src/model/stamps/slot.ts';
import { byClaim } from '../../src/plan/kinds/free-volumes.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { shellWord } from '../../src/model/base/shell.ts';

/** A host that is down comes back in minutes or hours. */
const deadHostMs = 5 * 60_000;

/** A mount attaches at create only. Chosen in the planner's order, so that two runs and the plan choose alike. */
export async function claimVolume(pass: AppPass, { group, region }: Slot, name: string): Promise<string> {
  const { app: desired, services } = pass;
  const volumes = await volumesOf(pass);
  const { made } = await services.store.memory(desired.name);
  const free = volumes
    .filter((volume) => volume.name === name && volume.region === region && (volume.attached_machine_id ?? '') === '')
    .filter((volume) => !pass.claimedVolumes.has(volume.id));
  const namesakes = desired.volumes.filter((volume) => volume.name === name);
  const own = namesakes.find((volume) => volume.group === group) ?? namesakes[0];
  const order = byClaim({ desired, volume: { name, sizeGb: own?.sizeGb ?? 0 }, made });
  const [best] = free.filter((volume) => (volume.host_status ?? 'ok') === 'ok').toSorted(order);
  if (best === undefined) throw noVolume(pass, { name, region, unreachable: free[0]?.id });
  pass.claimedVolumes.add(best.id);
  return best.id;
}

/** Those that are listed, and those of this pass that the list does not show yet. */
async function volumesOf({ app, madeVolumes, claimedVolumes, services: { fly } }: AppPass): Promise<readonly Volume[]> {
  const listed = await fly.volumes(app.name);
  const late = [...madeVolumes].filter((id) => !claimedVolumes.has(id) && !listed.some((volume) => volume.id === id));
  const found = await allEnded(late.map((id) => fly.volume(app.name, id)));
  return [...listed, ...found.filter((volume) => volume !== undefined)];
}

/** Nothing was made that mounts it: the pass's next machine may. */
export function releaseClaim(pass: AppPass, volume: string | undefined): void {
  if (volume !== undefined) pass.claimedVolumes.delete(volume);
}

function noVolume(
  { app, services: { clock } }: AppPass,
  wanted: { readonly name: string; readonly region: string; readonly unreachable: string | undefined },
): Fault {
  const what = `no free volume ${wanted.name} in ${wanted.region}`;
  const where = `${app.name}/${wanted.name}/${wanted.region}`;
  if (wanted.unreachable === undefined) {
    return new Fault({
      kind: 'transient',
      what,
      why: 'another machine took it since the plan was made',
      next: 'FlyCD plans again from what it sees',
      where,
    });
  }
  // An empty volume instead would start the app without its data: that is for a person to choose.
  return new Fault({
    kind: 'waiting',
    what,
    why: `the host of ${wanted.unreachable} does not answer`,
    next: `FlyCD looks again in 5 minutes; if its data is not needed: fly volumes destroy ${shellWord(wanted.unreachable)}`,
    where,
    retryAt: clock.now() + deadHostMs,
  });
}
