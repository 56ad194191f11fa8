import type { Machine, MachineConfig, MachineRequest } from '../../schemas/fly/machine.ts';
import { FlyError } from '../../src/fly/http/error.ts';
import { Fault } from '../../src/model/base/fault.ts';
import { momentOf } from '../../src/model/base/moment.ts';
import { hashOf } from '../../src/model/base/json.ts';
import type { MachineCreate } from '../../src/model/plan.ts';
import { formatSent } from '../../src/model/stamps/stamps.ts';
import { formatSlot, parseSlot, type Slot } from '../../src/model/stamps/slot.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { isOwn, otherOwner } from '../../src/model/stamps/owner.ts';
import { isGone, metadataOf } from '../../src/plan/classify/machine-state.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { checkWords, giveWay } from '../pass/basis.ts';
import { begunStamp, checkOwner, keepIfFirst } from '../pass/beginning.ts';
import type { StepDone } from '../pass/services.ts';
import { waitHealthy } from './health.ts';
import { withSecretsStamp } from './secrets-stamp.ts';
import { stampReadBack } from './read-back.ts';
import { withStandby } from './standbys.ts';
import { pinnedStep } from '../../src/plan/steps/pinned.ts';
import { isBare, isStillAtRest, lookupDelayMs, sendUpdate } from './send-update.ts';
import { claimVolume, releaseClaim } from './claim-volume.ts';

/** Tries of one create: names are unique, so a second try can make no second machine. */
const createTriesMax = 3;

/**
 * Creates a slot's machine, waits until it is healthy, stamps it. Safe to repeat: the name is `group-region-n-gG`, and a
 * name that is taken by a machine with our launch id means that an earlier try succeeded. Throws a held Fault where another
 * owner has begun the app meanwhile: nothing that was made stays then.
 */
export async function createMachine(
  pass: AppPass,
  planned: MachineCreate,
  onSent: (machine: Machine) => void,
): Promise<StepDone> {
  const step = await asItRests(pass, await withStandby(pass, planned));
  const generation = await nextGeneration(pass, step);
  // Chosen once: a second try must not take a second volume.
  const volume = step.mount === undefined ? undefined : await claimVolume(pass, step.slot, step.mount.volume);
  await pass.record.opened();
  const tried = await makeMachine(pass, step, { generation, volume });
  if (tried.made === undefined) return tried.done;
  const { made } = tried;
  pass.underway.add(made.id);
  await keepIfFirst(pass, made, { stays: true });
  pass.made.set(made.id, step.group);
  onSent(made);
  const { config, version } = await launched(pass, step, { made, volume });
  const sent = { machineId: made.id, version, sent: withMount(config, made), isProven: true };
  try {
    // What it was made as comes back where Fly takes the update back that gave it its digest.
    const before = version === made.instance_id ? undefined : made;
    if (isAwaited(step)) await waitHealthy(pass, { machineId: made.id, version, before, nonce: undefined });
  } catch (error) {
    // Also of a machine that stays unhealthy: what runs is known then, and is not sent again.
    await stampReadBack(pass, { ...sent, isProven: false }).catch(() => undefined);
    throw error;
  }
  const { note } = await stampReadBack(pass, sent);
  return { outcome: 'created', message: joined(`${made.id} ${made.name}`, note) };
}

/**
 * Tries until it is made, or known not to be. The volume is given back where no try can have made what mounts it: what ends one
 * before it is sent says nothing of those before it.
 */
async function makeMachine(
  pass: AppPass,
  step: MachineCreate,
  first: { readonly generation: number; readonly volume: string | undefined },
): Promise<{ readonly made: Machine } | { readonly made?: never; readonly done: StepDone }> {
  const { fly, clock } = pass.services;
  const { app } = pass;
  const { volume } = first;
  let { generation } = first;
  let mayBeMade = false;
  try {
    for (let tries = 1; ; tries += 1) {
      const launch = hashOf([app.name, formatSlot(step.slot), generation, formatSent(step.sent)]);
      const name = machineName(step.slot, generation);
      pass.touched.add(name);
      try {
        const request = createRequest(pass, step, { name, launch, volume });
        const asked = isBare(step) ? { ...request, skip_launch: true } : request;
        return { made: await fly.createMachine(app.name, asked) };
      } catch (error) {
        if (!(error instanceof FlyError)) {
          mayBeMade ||= !(error instanceof Fault);
          throw error;
        }
        const wasUnclear: boolean = mayBeMade || error.outcome !== 'refused';
        // Until somebody has looked.
        mayBeMade = true;
        const there = await findByName(pass, error, name);
        const isOurs = there !== undefined && otherOwner(metadataOf(there), pass.fleet) === undefined;
        if (isOurs && metadataOf(there)[stampKeys.launch] === launch && !pass.leaving.has(there.id)) {
          // What it runs is not what was sent: stamped as read back, nobody would see that again.
          if (isChanged(there)) return { done: asPlanned(pass, step, { there, why: 'was changed since' }) };
          return { made: there };
        }
        // Names are unique: no try can have made what another one is called.
        mayBeMade = there === undefined && wasUnclear;
        if (there !== undefined && !isOurs) {
          const askedAt = momentOf(clock);
          checkOwner(pass, [...(await fly.machines(app.name)), there], askedAt);
        } else if (there !== undefined && holdsSlot(pass, there, step)) {
          releaseClaim(pass, volume);
          return { done: asPlanned(pass, step, { there, why: 'has its place already' }) };
        } else if (there === undefined && error.outcome === 'refused') throw error;
        if (there !== undefined) generation += 1;
        if (tries >= createTriesMax) throw error;
      }
    }
  } catch (error) {
    if (!mayBeMade) releaseClaim(pass, volume);
    throw error;
  }
}

/**
 * One that the plan did not see, as where lists lag, and that got just this. Throws a waiting Fault where it got something else:
 * it is planned again, with that machine in sight.
 */
function asPlanned(
  pass: AppPass,
  { sent }: MachineCreate,
  { there, why }: { readonly there: Machine; readonly why: string },
): StepDone {
  const message = `${there.id} ${there.name} ${why}`;
  if (metadataOf(there)[stampKeys.sent] === formatSent(sent)) return { outcome: 'unchanged', message };
  throw giveWay(pass, `machine ${message}, and runs something else`);
}

/**
 * One that was made with a bare tag has run nothing yet: it gets the digest that Fly found the tag to mean, as all machines
 * after it do, and only then is started. Killed in between, the next plan updates what was never started.
 */
async function launched(
  pass: AppPass,
  step: MachineCreate,
  { made, volume }: { readonly made: Machine; readonly volume: string | undefined },
): Promise<{ readonly config: MachineConfig; readonly version: string | undefined }> {
  const ref = step.config.image;
  if (ref === undefined || !isBare(step)) return { config: step.config, version: made.instance_id };
  const digest = made.image_ref?.digest ?? '';
  const whole = digest === '' ? step : pinnedStep(step, ref, digest);
  const launch = metadataOf(made)[stampKeys.launch] ?? '';
  const request = createRequest(pass, whole, { name: made.name, launch, volume });
  if (made.instance_id !== undefined) request.current_version = made.instance_id;
  if (!isAwaited(step)) delete request.config.metadata?.[stampKeys.unproven];
  // As with every update: it tells of the create.
  delete request.config.metadata?.[stampKeys.launch];
  const sending = { machineId: made.id, currentVersion: made.instance_id, sent: whole.sent };
  const updated = await sendUpdate(pass, sending, request);
  return { config: whole.config, version: updated.instance_id };
}

/** One that takes the place of a machine at rest is not started either. */
async function asItRests(pass: AppPass, step: MachineCreate): Promise<MachineCreate> {
  const [before] = step.replaces ?? [];
  if (!step.skipLaunch || before === undefined) return step;
  return { ...step, skipLaunch: await isStillAtRest(pass, before) };
}

/** What is started has to be seen healthy: a pass that ends before leaves this behind, and the next one looks. */
export const unproven = { [stampKeys.unproven]: '1' } as const;

/** One at rest that takes another's place has to be stopped before that one goes: Fly starts none that is only created. */
function isAwaited({ skipLaunch, replaces = [] }: MachineCreate): boolean {
  return !skipLaunch || replaces.length > 0;
}

function machineName(slot: Slot, generation: number): string {
  return `${slot.group}-${slot.region}-${slot.number}-g${generation}`;
}

/** 1 + the highest generation that a machine of this slot, destroyed ones included, bears in its name. */
async function nextGeneration(pass: AppPass, step: MachineCreate): Promise<number> {
  const { slot } = step;
  const prefix = `${slot.group}-${slot.region}-${slot.number}-g`;
  const askedAt = momentOf(pass.services.clock);
  const machines = await pass.services.fly.machines(pass.app.name, { includeDeleted: true });
  checkOwner(pass, machines, askedAt);
  checkWords(pass, machines);
  pass.heardAt = askedAt;
  const taken = machines.filter((machine) => machine.name.startsWith(prefix));
  // A live machine with our slot and launch id is a create whose answer was lost: the same generation finds it again.
  const live = taken.filter((machine) => holdsSlot(pass, machine, step));
  const generations = (list: readonly Machine[]): number[] =>
    list.map((machine) => Number(machine.name.slice(prefix.length))).filter((number) => Number.isInteger(number));
  if (live.length > 0) return Math.max(...generations(live));
  return Math.max(0, ...generations(taken)) + 1;
}

/**
 * A second one beside it would be one too many, even where it was made for another commit, by a FlyCD that works at the
 * same time or before the lists show it: the next plan sees it and brings it up to date. One that this plan
 * destroys, as where somebody gave it to another process group, holds nothing.
 */
function holdsSlot(pass: AppPass, machine: Machine, { slot, replaces = [] }: MachineCreate): boolean {
  const metadata = metadataOf(machine);
  const stamped = parseSlot(metadata[stampKeys.slot]);
  const same = stamped !== undefined && formatSlot(stamped) === formatSlot(slot);
  const stays = !isGone(machine) && !replaces.includes(machine.id) && !pass.leaving.has(machine.id);
  return same && stays && isOwn(metadata, pass.fleet);
}

function createRequest(
  pass: AppPass,
  step: MachineCreate,
  chosen: { readonly name: string; readonly launch: string; readonly volume: string | undefined },
): MachineRequest {
  const { name, launch, volume } = chosen;
  const metadata = {
    ...withSecretsStamp(pass, step.config.metadata),
    ...pass.record.stamps,
    [stampKeys.launch]: launch,
    ...(isAwaited(step) || isBare(step) ? unproven : {}),
    ...begunStamp(pass),
  };
  const config: MachineConfig = { ...step.config, metadata };
  if (step.mount !== undefined && volume !== undefined) {
    const mounts = step.config.mounts ?? [{ name: step.mount.volume, path: step.mount.path }];
    config.mounts = mounts.map((mount) => ({ ...mount, volume }));
  }
  const request: MachineRequest = { name, region: step.slot.region, config, skip_launch: step.skipLaunch };
  if (pass.secretsVersion !== undefined) request.min_secrets_version = pass.secretsVersion;
  return request;
}

/** Since it was made: Fly tells of each update. */
function isChanged({ events }: Machine): boolean {
  return (events ?? []).some(({ type }) => type === 'update');
}

async function findByName(pass: AppPass, error: FlyError, name: string): Promise<Machine | undefined> {
  const taken = /machine ID (\S+) already exists with name/.exec(error.reply ?? '')?.[1];
  if (taken !== undefined) return pass.services.fly.machine(pass.app.name, taken);
  if (error.outcome === 'refused') return undefined;
  await pass.services.clock.sleep(lookupDelayMs);
  const machines = await pass.services.fly.machines(pass.app.name);
  return machines.find((machine) => machine.name === name && machine.state !== 'destroyed');
}

/** The volume's id belongs to what was sent, but not to what is compared: settle leaves it out on both sides. */
function withMount(config: MachineConfig, made: Machine): MachineConfig {
  return made.config?.mounts === undefined ? config : { ...config, mounts: config.mounts ?? made.config.mounts };
}

export function joined(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join('; ');
}
