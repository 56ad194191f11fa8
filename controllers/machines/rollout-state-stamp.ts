import type { Machine } from '../../schemas/fly/machine.ts';
import type { MachineLabel, MachineUpdate } from '../../src/model/plan.ts';
import { personsKeys, standingKeys, type StandingTexts } from '../../src/model/standing/standing.ts';
import { readStanding } from '../../src/model/standing/standing-text.ts';
import { isOwn } from '../../src/model/stamps/owner.ts';
import { shownMachine } from '../../src/observed/presence.ts';
import { isGone, metadataOf } from '../../src/plan/classify/machine-state.ts';
import { asKnown } from '../../src/plan/target/rollout-state.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { giveWay } from '../pass/basis.ts';
import { saidSince } from '../pass/before-sent.ts';
import { lookUntilShown } from './shown.ts';

type Metadata = Readonly<Record<string, string>>;

/**
 * The update with what stands about the app by now. It writes all metadata anew,
 * and another FlyCD may have stamped a person's word since the plan was made: a patch changes no version, so Fly would not
 * refuse to write over it. Such a word ends the roll here: whoever goes back would otherwise have machines down beside ours;
 * so does an update by somebody else. Throws a waiting Fault then.
 */
export async function withStanding(pass: AppPass, step: MachineUpdate): Promise<MachineUpdate> {
  const live = await lookUntilShown(pass, step.machineId);
  if (live === undefined || isGone(live)) throw giveWay(pass, `machine ${step.machineId} went meanwhile`);
  const metadata = { ...step.config.metadata };
  const isMoved = step.currentVersion !== undefined && live.instance_id !== step.currentVersion;
  if (isMoved) throw giveWay(pass, `machine ${step.machineId} was updated meanwhile`);
  const config = { ...step.config, metadata: { ...metadata, ...newest(pass, live, metadata) } };
  return { ...step, config };
}

/**
 * A word that reached the machine between the last look and its update is written over. What this SQLite knows of it is put
 * back here; where another machine tells of it, the next write's look or the next pass does that, and whoever said it looks
 * until this is over (`kept-words.ts`). It ends nothing that is under way, and fails nothing.
 */
export async function putBackWords(pass: AppPass, machineId: string, sent: Metadata): Promise<void> {
  const { fly, log } = pass.services;
  const { app } = pass;
  try {
    const { texts } = readStanding([sent, ...(await saidSince(pass))]);
    const lost = personsKeys.filter((key) => texts[key] !== undefined && texts[key] !== sent[key]);
    if (lost.length === 0) return;
    await fly.patchMetadata(app.name, machineId, Object.fromEntries(lost.map((key) => [key, texts[key] ?? null])));
  } catch (error) {
    log.warn({ app: app.name, machine: machineId, error: String(error) }, 'nobody looked whether a word was lost');
  }
}

/** A label that brings a word to a machine which missed it writes over no newer one. */
export async function newestWords(pass: AppPass, { machineId, metadata }: MachineLabel): Promise<StandingTexts> {
  const planned = standingKeys.flatMap((key) => (typeof metadata[key] === 'string' ? [[key, metadata[key]]] : []));
  if (planned.length === 0) return {};
  const { app, services } = pass;
  const live = await shownMachine(services, app.name, machineId);
  return newest(pass, live, Object.fromEntries(planned));
}

function newest({ fleet, basis }: AppPass, live: Machine | undefined, planned: StandingTexts): StandingTexts {
  const machines = live === undefined ? [] : [live];
  const seen = asKnown({ machines, isKnown: basis.isKnown, among: basis.machines }).map(metadataOf);
  return readStanding([...seen.filter((metadata) => isOwn(metadata, fleet)), planned]).texts;
}
