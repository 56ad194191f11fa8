import type { Machine } from '../../schemas/fly/machine.ts';
import type { MachineLabel, MachineUpdate } from '../model/plan.ts';
import { readStanding, standingKeys, type StandingTexts } from '../model/standing.ts';
import { metadataOf } from '../plan/live.ts';
import type { ApplyContext } from './context.ts';

/**
 * The update with what stands about the app by now. It writes all metadata anew, and another FlyCD may have stamped a
 * person's word since the plan was made: to go back, or to leave the app alone. A patch changes no version, so Fly would
 * not refuse to write over it.
 */
export async function withStanding({ fly, app }: ApplyContext, step: MachineUpdate): Promise<MachineUpdate> {
  const live = await fly.machine(app.name, step.machineId);
  const metadata = { ...step.config.metadata };
  return { ...step, config: { ...step.config, metadata: { ...metadata, ...newest(live, metadata) } } };
}

/** A label that brings a word to a machine which missed it writes over no newer one. */
export async function newestWords(
  { fly, app }: ApplyContext,
  { machineId, metadata }: MachineLabel,
): Promise<StandingTexts> {
  const planned = standingKeys.flatMap((key) => (typeof metadata[key] === 'string' ? [[key, metadata[key]]] : []));
  if (planned.length === 0) return {};
  return newest(await fly.machine(app.name, machineId), Object.fromEntries(planned));
}

function newest(live: Machine | undefined, planned: StandingTexts): StandingTexts {
  return readStanding([live === undefined ? {} : metadataOf(live), planned]).texts;
}
