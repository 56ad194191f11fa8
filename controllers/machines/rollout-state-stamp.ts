import type { Machine } from '../../schemas/fly/machine.ts';
import { Fault } from '../../src/model/base/fault.ts';
import type { MachineLabel, MachineUpdate } from '../../src/model/plan.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { standingKeys, type StandingTexts } from '../../src/model/stamps/rollout-state.ts';
import { readStanding } from '../../src/model/stamps/rollout-state-text.ts';
import { metadataOf } from '../../src/plan/classify/machine-state.ts';
import type { AppPass } from '../pass/app-pass.ts';

/**
 * The update with what stands about the app by now, and the machine as it was right before it. It writes all metadata anew, and another FlyCD may have stamped a
 * person's word since the plan was made: a patch changes no version, so Fly would not refuse to write over it. To go back
 * or to leave the app alone ends the roll here: whoever goes back would otherwise have machines down beside ours. Throws
 * a waiting Fault then.
 */
export async function withStanding(
  { app, services: { fly, clock } }: AppPass,
  step: MachineUpdate,
): Promise<{ readonly step: MachineUpdate; readonly before: Machine | undefined }> {
  const live = await fly.machine(app.name, step.machineId);
  const metadata = { ...step.config.metadata };
  const by = overruled(metadata, live === undefined ? {} : metadataOf(live));
  if (by !== undefined) throw new Overruled(app.name, by, clock.now());
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

interface Word {
  readonly by: string;
  /** How the app is by it. */
  readonly status: 'held' | 'suspended';
}

/** Who has said something of the app since the plan was made. What the plan knows to be lifted is no news where it still stands. */
function overruled(planned: StandingTexts, live: StandingTexts): Word | undefined {
  const { suspension, hold, texts } = readStanding([planned, live]);
  if (suspension !== undefined && texts[stampKeys.suspend] !== planned[stampKeys.suspend])
    return { by: suspension.by, status: 'suspended' };
  if (hold === undefined || texts[stampKeys.hold] === planned[stampKeys.hold]) return undefined;
  return { by: hold.by, status: 'held' };
}

/** What a person said by another FlyCD ends the pass, and says how the app is from then on. */
export class Overruled extends Fault {
  readonly status: Word['status'];

  constructor(app: string, { by, status }: Word, now: number) {
    super({
      kind: 'waiting',
      what: `${app} was suspended or rolled back in the middle of this`,
      why: `${by} said so by another FlyCD`,
      next: 'FlyCD plans again from there',
      where: app,
      retryAt: now,
    });
    this.status = status;
  }
}

function newest(live: Machine | undefined, planned: StandingTexts): StandingTexts {
  return readStanding([live === undefined ? {} : metadataOf(live), planned]).texts;
}
