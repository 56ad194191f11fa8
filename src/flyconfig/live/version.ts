import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import { hashOf } from '../../model/base/json.ts';
import { namedFields } from './named.ts';
import { settle, settleWritten } from './settle.ts';

/**
 * Version of a mapped machine config: 32 hex. Order, older forms and platform defaults written out do not move it, nor
 * do the image, volume ids, FlyCD's and flyctl's metadata, FLYCD_* env. A size moves it only where the config names one.
 */
export function configVersion(config: MachineConfig): string {
  return hashOf(settleWritten(config));
}

/**
 * Version of what git wants of a group's machines. Metadata moves it not: it is written without a restart. A field named
 * to be empty (`schedule: none`) does: it takes away what a machine has.
 */
export function desiredVersion(desired: MachineConfig): string {
  const { metadata: _metadata, ...config } = desired;
  const named = namedFields(config);
  return named.length === 0 ? configVersion(config) : hashOf({ config: settleWritten(config), named });
}

/** Version of a live config as read back, the image as written in it included: 32 hex. */
export function readHash(live: MachineConfig): string {
  return hashOf({ image: live.image, config: settle(live) });
}
