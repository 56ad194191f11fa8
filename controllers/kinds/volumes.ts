import type { Volume } from '../../schemas/fly/app.ts';
import type { VolumeStep } from '../../src/model/plan.ts';
import type { AppPass } from '../pass/app-pass.ts';
import type { StepDone } from '../pass/services.ts';
import { extendVolume } from './volume-growth.ts';
import { createOnce } from '../pass/intents.ts';

/** volume.create (with an intent: names are no keys), volume.extend (with an intent: a restart may follow), volume.configure. */
export async function applyVolumeStep(pass: AppPass, step: VolumeStep): Promise<StepDone> {
  const { fly } = pass.services;
  const { app } = pass;
  switch (step.kind) {
    case 'volume.create': {
      const { name, region } = step.request;
      const ofPlace = (volume: Volume): boolean => volume.name === name && volume.region === region;
      const { id, found } = await createOnce<Volume>(pass, {
        kind: 'volume.create',
        target: step.target,
        list: async () => (await fly.volumes(app.name)).filter(ofPlace),
        idOf: (volume) => volume.id,
        counted: pass.basis.volumes.filter(ofPlace),
        there: step.there,
        create: (beforeSent) => fly.createVolume(app.name, step.request, beforeSent),
      });
      pass.madeVolumes.add(id);
      return { outcome: 'created', message: found ? `${id} (it was there already)` : id };
    }
    case 'volume.extend':
      return extendVolume(pass, step);
    case 'volume.configure':
      await fly.configureVolume(app.name, step.volumeId, step);
      return { outcome: 'updated' };
  }
}
