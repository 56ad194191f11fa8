import type { Machine } from '../../schemas/fly/machine.ts';
import type { MachineLabel, MachineUpdate } from '../../src/model/plan.ts';
import { standingKeys, type StandingTexts } from '../../src/model/standing/standing.ts';
import { readStanding } from '../../src/model/standing/standing-text.ts';
import { metadataOf } from '../../src/plan/classify/machine-state.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { checkWords, giveWay } from '../pass/basis.ts';

/**
 * The update with what stands about the app by now, and the machine as it was right before it. It writes all metadata anew,
 * and another FlyCD may have stamped a person's word since the plan was made: a patch changes no version, so Fly would not
 * refuse to write over it. Such a word ends the roll here: whoever goes back would otherwise have machines down beside ours;
 * so does an update by somebody else. Throws a waiting Fault then.
 */
export async function withStanding(
  pass: AppPass,
  step: MachineUpdate,
): Promise<{ readonly step: MachineUpdate; readonly before: Machine | undefined }> {
  const live = await pass.services.fly.machine(pass.app.name, step.machineId);
  const metadata = { ...step.config.metadata };
  if (live !== undefined) checkWords(pass, [live]);
  const isMoved = live !== undefined && step.currentVersion !== undefined && live.instance_id !== step.currentVersion;
  if (isMoved) throw giveWay(pass, `machine ${step.machineId} was updated meanwhile`);
  const config = { ...step.config, metadata: { ...metadata, ...newest(live, metadata) } };
  return { step: { ...step, config }, before: live };
}

/** A label that brings a word to a machine which missed it writes over no newer one. */
export async function newestWords(
  { app, services: { fly } }: AppPass,
  { machineId, metadata }: MachineLabel,
): Promise<StandingTexts> {
  const planned = standingKeys.flatMap((key) => (typeof metadata[key] === 'string' ? [[key, metadata[key]]] : []));
  if (planned.length === 0) return {};
  return newest(await fly.machine(app.name, machineId), Object.fromEntries(planned));
}

function newest(live: Machine | undefined, planned: StandingTexts): StandingTexts {
  return readStanding([live === undefined ? {} : metadataOf(live), planned]).texts;
}
