import { z } from 'zod';
import { goneVolumeStates, Volume, VolumeExtended } from '../../../schemas/fly/app.ts';
import { orUndefined } from '../http/absence.ts';
import type { FlyReader, FlyWriter } from '../api.ts';
import type { Call } from '../http/call.ts';
import type { Transport } from '../http/transport.ts';

const Volumes = z.array(Volume);
const gone: ReadonlySet<string> = new Set(goneVolumeStates);

export function volumeReads(transport: Transport): Pick<FlyReader, 'volumes' | 'volume'> {
  return {
    async volumes(app) {
      const call: Call = {
        method: 'GET',
        route: '/apps/{app}/volumes',
        path: { app },
        purpose: 'list the volumes',
        effect: 'read',
      };
      return (await transport.ask(call, Volumes)).filter((volume) => !gone.has(volume.state));
    },
    volume(app, id) {
      const call: Call = {
        method: 'GET',
        route: '/apps/{app}/volumes/{volume}',
        path: { app, volume: id },
        purpose: 'read the volume',
        effect: 'read',
      };
      return orUndefined(transport.ask(call, Volume));
    },
  };
}

export function volumeWrites(
  transport: Transport,
): Pick<FlyWriter, 'createVolume' | 'extendVolume' | 'configureVolume'> {
  return {
    createVolume(app, request, beforeSent) {
      const call: Call = {
        method: 'POST',
        route: '/apps/{app}/volumes',
        path: { app },
        body: request,
        purpose: `create a volume ${request.name} in ${request.region}`,
        effect: 'once',
        beforeSent,
      };
      return transport.ask(call, Volume);
    },
    async extendVolume(app, id, sizeGb, beforeSent) {
      const call: Call = {
        method: 'PUT',
        route: '/apps/{app}/volumes/{volume}/extend',
        path: { app, volume: id },
        body: { size_gb: sizeGb },
        purpose: `extend the volume to ${sizeGb} GB`,
        effect: 'once',
        beforeSent,
      };
      const { volume, needs_restart: needsRestart } = await transport.ask(call, VolumeExtended);
      return { volume, needsRestart };
    },
    configureVolume(app, id, { snapshotRetentionDays, scheduledSnapshots }, beforeSent) {
      const call: Call = {
        method: 'PUT',
        route: '/apps/{app}/volumes/{volume}',
        path: { app, volume: id },
        // What is undefined is left out of the JSON, and so left as it is.
        body: { snapshot_retention: snapshotRetentionDays, auto_backup_enabled: scheduledSnapshots },
        purpose: 'configure the volume',
        effect: 'repeatable',
        beforeSent,
      };
      return transport.ask(call, Volume);
    },
  };
}
