import { addressReads, addressWrites } from './resources/addresses.ts';
import type { FlyReader, FlyWriter } from './api.ts';
import { appReads, appWrites } from './resources/apps.ts';
import { certificateReads } from './resources/certificates.ts';
import { leaseCalls } from './resources/leases.ts';
import { machineReads, machineWrites } from './resources/machines.ts';
import { organizationReads } from './resources/organization.ts';
import { releaseCalls } from './resources/releases.ts';
import { secretReads, secretWrites } from './resources/secrets.ts';
import type { Transport } from './http/transport.ts';
import { volumeReads, volumeWrites } from './resources/volumes.ts';

/** Speaks to Fly and changes nothing there. Share one transport with the writer: limits are counted in it. */
export function createFlyReader(transport: Transport): FlyReader {
  const { releases } = releaseCalls(transport);
  return {
    aheadMs: () => transport.aheadMs(),
    ...appReads(transport),
    ...machineReads(transport),
    ...volumeReads(transport),
    ...secretReads(transport),
    ...addressReads(transport),
    ...certificateReads(transport),
    releases,
    ...organizationReads(transport),
  };
}

export function createFlyWriter(transport: Transport): FlyWriter {
  return {
    ...createFlyReader(transport),
    ...appWrites(transport),
    ...machineWrites(transport),
    ...leaseCalls(transport),
    ...volumeWrites(transport),
    ...secretWrites(transport),
    ...addressWrites(transport),
    ...releaseCalls(transport),
  };
}
