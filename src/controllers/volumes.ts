import type { Volume } from '../../schemas/fly/app.ts';
import type { VolumeStep } from '../model/plan.ts';
import type { ApplyContext } from './context.ts';
import type { Done } from './done.ts';
import { createOnce } from './intents.ts';
import { restartMachine } from './machines.ts';

/** volume.create (with an intent: names are no keys), volume.extend (grows only), volume.configure. */
export async function applyVolumeStep(context: ApplyContext, step: VolumeStep): Promise<Done> {
  const { fly, app } = context;
  switch (step.kind) {
    case 'volume.create': {
      const { name, region } = step.request;
      const { item, found } = await createOnce<Volume>(context, {
        kind: 'volume.create',
        target: step.target,
        list: async () =>
          (await fly.volumes(app.name)).filter((volume) => volume.name === name && volume.region === region),
        idOf: (volume) => volume.id,
        there: step.there,
        create: () => fly.createVolume(app.name, step.request),
      });
      return { outcome: 'created', message: found ? `${item.id} (it was there already)` : item.id };
    }
    case 'volume.extend': {
      const volume = await fly.volume(app.name, step.volumeId);
      if (volume !== undefined && volume.size_gb >= step.sizeGb) return { outcome: 'unchanged' };
      const { needsRestart, volume: extended } = await fly.extendVolume(app.name, step.volumeId, step.sizeGb);
      const machineId = extended.attached_machine_id ?? '';
      if (!needsRestart || machineId === '') return { outcome: 'updated' };
      // Fly only says so: without a restart the filesystem inside stays small. One that is stopped grows when it starts.
      if (!(await restartMachine(context, machineId))) return { outcome: 'updated' };
      return { outcome: 'updated', message: `machine ${machineId} restarted so that its filesystem grows` };
    }
    case 'volume.configure':
      await fly.configureVolume(app.name, step.volumeId, step);
      return { outcome: 'updated' };
  }
}
