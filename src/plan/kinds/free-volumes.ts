import type { Volume } from '../../../schemas/fly/app.ts';
import type { DesiredApp, DesiredVolume } from '../../model/desired.ts';
import { bySeniority, type Equal } from '../classify/seniority.ts';

export interface FreeVolumesFor {
  readonly desired: DesiredApp;
  readonly volume: Pick<DesiredVolume, 'name' | 'sizeGb'>;
  /** Ids of what FlyCD made. */
  readonly made: readonly string[];
}

/**
 * Which of several free volumes of one name a machine gets first: the one that FlyCD made, then the oldest, for that is
 * where its data is; a larger or better-fitting one made by hand since is empty. Only where groups mount volumes of one
 * name and several sizes, each takes those nearest to its own size first.
 */
export function byClaim({ desired, volume, made }: FreeVolumesFor): (a: Volume, b: Volume) => number {
  const namesakes = desired.volumes.filter(({ name }) => name === volume.name);
  const isMixed = namesakes.some(({ sizeGb }) => sizeGb !== namesakes[0]?.sizeGb);
  const off = ({ size_gb: size }: Volume): number => (isMixed ? Math.abs(size - volume.sizeGb) : 0);
  const senior = bySeniority(made);
  const equal = ({ id, created_at: createdAt }: Volume): Equal => ({ id, createdAt: createdAt ?? undefined });
  return (a, b) => off(a) - off(b) || senior(equal(a), equal(b));
}
