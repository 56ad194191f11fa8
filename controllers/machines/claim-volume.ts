import type { Volume } from '../../schemas/fly/app.ts';
import { Fault } from '../../src/model/base/fault.ts';
import type { Slot } from '../../src/model/stamps/slot.ts';
import type { AppPass } from '../pass/app-pass.ts';

/** A host that is down comes back in minutes or hours. */
const deadHostMs = 5 * 60_000;

/**
 * A mount attaches at create only. Where groups mount volumes of one name and several sizes, each takes those of its own
 * size first. Then the largest, as the planner counts them; then the lowest id, so that two runs choose alike.
 */
export async function claimVolume(pass: AppPass, { group, region }: Slot, name: string): Promise<string> {
  const volumes = await pass.services.fly.volumes(pass.app.name);
  const free = volumes
    .filter((volume) => volume.name === name && volume.region === region && (volume.attached_machine_id ?? '') === '')
    .filter((volume) => !pass.claimedVolumes.has(volume.id));
  const namesakes = pass.app.volumes.filter((volume) => volume.name === name);
  const isMixed = namesakes.some(({ sizeGb }) => sizeGb !== namesakes[0]?.sizeGb);
  const ownSize = isMixed ? namesakes.find((volume) => volume.group === group)?.sizeGb : undefined;
  const misfit = ({ size_gb: size }: Volume): number => (size === ownSize ? 0 : 1);
  const [best] = free
    .filter((volume) => (volume.host_status ?? 'ok') === 'ok')
    .toSorted((a, b) => misfit(a) - misfit(b) || b.size_gb - a.size_gb || a.id.localeCompare(b.id));
  if (best === undefined) throw noVolume(pass, { name, region, unreachable: free[0]?.id });
  pass.claimedVolumes.add(best.id);
  return best.id;
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
    next: `FlyCD looks again in 5 minutes; if its data is not needed: fly volumes destroy ${wanted.unreachable}`,
    where,
    retryAt: clock.now() + deadHostMs,
  });
}
