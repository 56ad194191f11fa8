import type { Volume } from '../../schemas/fly/app.ts';
import type { Machine, MachineConfig, MachineRequest } from '../../schemas/fly/machine.ts';
import { isNoRoom } from '../../src/fly/http/classification.ts';
import { FlyError } from '../../src/fly/http/error.ts';
import { Fault } from '../../src/model/base/fault.ts';
import { hashOf } from '../../src/model/base/json.ts';
import type { MachineAction, MachineCreate, MachineLabel, MachineUpdate } from '../../src/model/plan.ts';
import { formatSent, formatSlot, parseSlot, stampKeys, type Slot } from '../../src/model/stamps/stamps.ts';
import { secretsStampText } from '../../src/plan/kinds/secret-evidence.ts';
import { bootedAt, isGone } from '../../src/plan/classify/machine-state.ts';
import { inItsPlace } from '../../src/plan/machines/replace.ts';
import { callsStamp, passLockOn } from '../pass/pending-calls.ts';
import type { ApplyContext } from '../pass/app-pass.ts';
import type { Done } from '../pass/services.ts';
import { waitHealthy } from './health.ts';
import { holdLease } from '../pass/lease.ts';
import { withSecretsStamp } from './secrets-stamp.ts';
import { stampReadBack } from './read-back.ts';
import { newestWords, withStanding } from './rollout-state-stamp.ts';
import { withStandby } from './standbys.ts';

/** Tries of one create: names are unique, so a second try can make no second machine. */
const createTriesMax = 3;
/** Tries of one update whose answers were lost: each is refused where an earlier one got through. */
const updateTriesMax = 3;
/** A host that is down comes back in minutes or hours. */
const deadHostMs = 5 * 60_000;
/** A machine that is not booted is replaced within a second; longer than this, and nothing is known of it. */
const replacedMs = 20_000;
/** Get Machine is limited to 5 a second and machine. */
const replacedLookMs = 1000;
/** Lists lag: Fly's own client waits this long before it looks for a machine whose create answer was lost. */
const lookupDelayMs = 500;

/**
 * Creates a slot's machine, waits until it is healthy, stamps it. Safe to repeat: the name is `group-region-n-gG`, and a
 * name that is taken by a machine with our launch id means that an earlier try succeeded.
 */
export async function createMachine(
  context: ApplyContext,
  planned: MachineCreate,
  onSent: (machine: Machine) => void,
): Promise<Done> {
  const { fly, app } = context;
  const step = await asItRests(context, await withStandby(context, planned));
  let generation = await nextGeneration(context, step);
  // Chosen once: a second try must not take a second volume.
  const volume = step.mount === undefined ? undefined : await claimVolume(context, step.slot, step.mount.volume);
  let made: Machine | undefined;
  let tries = 0;
  while (made === undefined) {
    const launch = hashOf([app.name, formatSlot(step.slot), generation, formatSent(step.sent)]);
    const name = machineName(step.slot, generation);
    try {
      made = await fly.createMachine(app.name, createRequest(context, step, { name, launch, volume }));
    } catch (error) {
      if (!(error instanceof FlyError)) throw error;
      const there = await findByName(context, error, name);
      if (there?.config?.metadata?.[stampKeys.launch] === launch) {
        // What it runs is not what was sent: stamped as read back, nobody would see that again.
        if (isChanged(there)) return { outcome: 'unchanged', message: `${there.id} ${there.name} was changed since` };
        made = there;
      } else if (there !== undefined && holdsSlot(context, there, step)) {
        return { outcome: 'unchanged', message: `${there.id} ${there.name} has its place already` };
      } else if (there !== undefined) generation += 1;
      else if (error.outcome === 'refused') throw error;
      tries += 1;
      if (made === undefined && tries >= createTriesMax) throw error;
    }
  }
  onSent(made);
  const sent = { machineId: made.id, version: made.instance_id, sent: withMount(step.config, made), isProven: true };
  try {
    if (isAwaited(step)) await waitHealthy(context, { machineId: made.id, version: made.instance_id });
  } catch (error) {
    // Also of a machine that stays unhealthy: what runs is known then, and is not sent again.
    await stampReadBack(context, { ...sent, isProven: false }).catch(() => undefined);
    throw error;
  }
  const { note } = await stampReadBack(context, sent);
  return { outcome: 'created', message: joined(`${made.id} ${made.name}`, note) };
}

/** Updates a machine in place under its lease, waits until it is healthy, stamps it. */
export async function updateMachine(
  context: ApplyContext,
  planned: MachineUpdate,
  onSent: (machine: Machine) => void,
): Promise<Done> {
  const ready = await withStandby(context, planned);
  await using lease = await holdLease(context, ready.machineId);
  const step = await withStanding(context, ready);
  const skipLaunch = step.skipLaunch && (await isStillAtRest(context, step.machineId));
  const metadata = {
    ...withSecretsStamp(context, step.config.metadata),
    ...context.record.stamps,
    ...callsStamp(context, step.machineId),
    ...(skipLaunch ? {} : unproven),
  };
  const config = { ...step.config, metadata };
  const request: MachineRequest = { config, skip_launch: skipLaunch };
  if (step.currentVersion !== undefined) request.current_version = step.currentVersion;
  if (context.secretsVersion !== undefined) request.min_secrets_version = context.secretsVersion;
  const updated = await sendUpdate(context, step, request, lease.nonce).catch((error: unknown) => {
    if (skipLaunch || !mayMove(step, error)) throw error;
  });
  if (updated === undefined) return replaceMachine(context, step, { onSent, nonce: lease.nonce });
  onSent(updated);
  lease.check();
  const made = { machineId: step.machineId, version: updated.instance_id, sent: step.config, isProven: true };
  try {
    if (!skipLaunch) await waitHealthy(context, { machineId: step.machineId, version: updated.instance_id });
    const { note } = await stampReadBack(context, made);
    return { outcome: 'updated', message: note };
  } catch (error) {
    if (!skipLaunch) await stampReadBack(context, { ...made, isProven: false }).catch(() => undefined);
    throw error;
  }
}

/** Its host has no room for it, and nothing ties it there. A standby serves nobody, and waits. */
function mayMove(step: MachineUpdate, error: unknown): boolean {
  const hasMount = (step.config.mounts ?? []).length > 0;
  return isNoRoom(error) && !hasMount && (step.config.standbys ?? []).length === 0;
}

/**
 * Where a machine's own host cannot take the update, another one takes its place: made first, and the old one serves until
 * it is healthy. Killed in between, the next plan knows both by the new one's stamp.
 */
async function replaceMachine(
  context: ApplyContext,
  step: MachineUpdate,
  { onSent, nonce }: { readonly onSent: (machine: Machine) => void; readonly nonce: string },
): Promise<Done> {
  const create: MachineCreate = { ...inItsPlace(step, undefined), skipLaunch: false };
  const { message } = await createMachine(context, create, onSent);
  const lock = await passLockOn(context, step.machineId);
  try {
    await context.fly.destroyMachine(context.app.name, step.machineId, nonce);
  } finally {
    await lock?.[Symbol.asyncDispose]();
  }
  context.moved.add(step.machineId);
  return { outcome: 'updated', message: joined('its host had no room: made anew elsewhere', message) };
}

/** One that takes the place of a machine at rest is not started either. */
async function asItRests(context: ApplyContext, step: MachineCreate): Promise<MachineCreate> {
  const [before] = step.replaces ?? [];
  if (!step.skipLaunch || before === undefined) return step;
  return { ...step, skipLaunch: await isStillAtRest(context, before) };
}

/**
 * The proxy may have started it since the plan was made: then it serves somebody, and must run on after the update. One that
 * is still being replaced shows where it ends once that is over.
 */
async function isStillAtRest({ fly, app, clock }: ApplyContext, machineId: string): Promise<boolean> {
  const until = clock.now() + replacedMs;
  for (;;) {
    const machine = await fly.machine(app.name, machineId);
    if (machine?.state !== 'replacing' || clock.now() >= until)
      return machine === undefined || !['starting', 'started'].includes(machine.state);
    await clock.sleep(replacedLookMs);
  }
}

/**
 * A lost answer is settled by looking: the machine carries our stamp and another version when the update was done. One
 * that still has the version it had may be sent again: Fly refuses the second of two updates of the same version.
 */
async function sendUpdate(
  context: ApplyContext,
  step: MachineUpdate,
  request: MachineRequest,
  nonce: string,
): Promise<Machine> {
  const { fly, app } = context;
  for (let tries = 1; ; tries += 1) {
    try {
      return await fly.updateMachine(app.name, step.machineId, request, nonce);
    } catch (error) {
      if (!(error instanceof FlyError) || (error.outcome !== 'unknown' && tries === 1)) throw error;
      await context.clock.sleep(lookupDelayMs);
      const machine = await fly.machine(app.name, step.machineId);
      if (machine !== undefined && isUpdated(machine, step)) return machine;
      const untouched = step.currentVersion !== undefined && machine?.instance_id === step.currentVersion;
      if (error.outcome !== 'unknown' || !untouched || tries >= updateTriesMax) throw error;
    }
  }
}

/** Our update takes the stamp of what was read away; somebody else's keeps it. */
function isUpdated(machine: Machine, step: MachineUpdate): boolean {
  const metadata = machine.config?.metadata ?? {};
  return (
    machine.instance_id !== step.currentVersion &&
    metadata[stampKeys.sent] === formatSent(step.sent) &&
    metadata[stampKeys.read] === undefined
  );
}

/** What is started has to be seen healthy: a pass that ends before leaves this behind, and the next one looks. */
const unproven = { [stampKeys.unproven]: '1' } as const;

/** One at rest that takes another's place has to be stopped before that one goes: Fly starts none that is only created. */
function isAwaited({ skipLaunch, replaces = [] }: MachineCreate): boolean {
  return !skipLaunch || replaces.length > 0;
}

/**
 * New stamps by metadata patch: no restart, no new version, no lease. Where the machine has yet to be seen healthy, that is
 * waited for, from when it began on: one that had its time fails at once.
 */
export async function labelMachine(context: ApplyContext, step: MachineLabel): Promise<Done> {
  const metadata: Record<string, string | null> = { ...step.metadata, ...(await newestWords(context, step)) };
  // A secret may have been set since the plan was made, when this machine was perhaps not ours yet.
  const secrets = secretsStampText(context.stamped);
  const hasNone = secrets === null && !Object.hasOwn(metadata, stampKeys.secrets);
  if (secrets !== undefined && !hasNone) metadata[stampKeys.secrets] = secrets;
  const { [stampKeys.unproven]: _proven, ...others } = metadata;
  const { fly, app } = context;
  if (Object.keys(others).length > 0) await fly.patchMetadata(app.name, step.machineId, others);
  if (step.proves !== true) return { outcome: 'updated' };
  const machine = await fly.machine(app.name, step.machineId);
  const since = machine === undefined ? undefined : bootedAt(machine);
  await waitHealthy(context, { machineId: step.machineId, version: machine?.instance_id, since });
  await fly.patchMetadata(app.name, step.machineId, { [stampKeys.unproven]: null });
  return { outcome: 'updated', message: 'it is healthy now' };
}

/** start, cordon, uncordon and destroy, each under the machine's lease. Repeating one is harmless. */
export async function actOnMachine(context: ApplyContext, step: MachineAction): Promise<Done> {
  const { fly, app } = context;
  if (step.kind === 'machine.destroy') return destroyMachine(context, step);
  await using lease = await holdLease(context, step.machineId);
  switch (step.kind) {
    case 'machine.start':
      await fly.startMachine(app.name, step.machineId, lease.nonce);
      await waitHealthy(context, { machineId: step.machineId, version: undefined });
      break;
    case 'machine.cordon':
      await fly.cordonMachine(app.name, step.machineId, lease.nonce);
      break;
    case 'machine.uncordon':
      await fly.uncordonMachine(app.name, step.machineId, lease.nonce);
      break;
  }
  return { outcome: 'updated' };
}

async function destroyMachine(context: ApplyContext, step: MachineAction): Promise<Done> {
  const { fly, app } = context;
  const there = await fly.machine(app.name, step.machineId);
  if (there === undefined || there.state === 'destroyed')
    return { outcome: 'unchanged', message: 'it was gone already' };
  const lease = await holdLease(context, step.machineId);
  const lock = await passLockOn(context, step.machineId);
  try {
    await fly.destroyMachine(app.name, step.machineId, lease.nonce);
  } finally {
    await lease[Symbol.asyncDispose]();
    await lock?.[Symbol.asyncDispose]();
  }
  return { outcome: 'deleted' };
}

function machineName(slot: Slot, generation: number): string {
  return `${slot.group}-${slot.region}-${slot.number}-g${generation}`;
}

/** 1 + the highest generation that a machine of this slot, destroyed ones included, bears in its name. */
async function nextGeneration(context: ApplyContext, step: MachineCreate): Promise<number> {
  const { slot } = step;
  const prefix = `${slot.group}-${slot.region}-${slot.number}-g`;
  const machines = await context.fly.machines(context.app.name, { includeDeleted: true });
  const taken = machines.filter((machine) => machine.name.startsWith(prefix));
  // A live machine with our slot and launch id is a create whose answer was lost: the same generation finds it again.
  const live = taken.filter((machine) => holdsSlot(context, machine, step));
  const generations = (list: readonly Machine[]): number[] =>
    list.map((machine) => Number(machine.name.slice(prefix.length))).filter((number) => Number.isInteger(number));
  if (live.length > 0) return Math.max(...generations(live));
  return Math.max(0, ...generations(taken)) + 1;
}

/**
 * A second one beside it would be one too many, even where it was made for another commit, by a FlyCD that works at the
 * same time or before the lists show it: the next plan sees it and brings it up to date.
 */
function holdsSlot(context: ApplyContext, machine: Machine, { slot, replaces = [] }: MachineCreate): boolean {
  const metadata = machine.config?.metadata ?? {};
  const stamped = parseSlot(metadata[stampKeys.slot]);
  const same = stamped !== undefined && formatSlot(stamped) === formatSlot(slot);
  return same && metadata[stampKeys.fleet] === context.fleet.name && !isGone(machine) && !replaces.includes(machine.id);
}

function createRequest(
  context: ApplyContext,
  step: MachineCreate,
  chosen: { readonly name: string; readonly launch: string; readonly volume: string | undefined },
): MachineRequest {
  const { name, launch, volume } = chosen;
  const metadata = {
    ...withSecretsStamp(context, step.config.metadata),
    ...context.record.stamps,
    [stampKeys.launch]: launch,
    ...(isAwaited(step) ? unproven : {}),
  };
  const config: MachineConfig = { ...step.config, metadata };
  if (step.mount !== undefined && volume !== undefined) {
    const mounts = step.config.mounts ?? [{ name: step.mount.volume, path: step.mount.path }];
    config.mounts = mounts.map((mount) => ({ ...mount, volume }));
  }
  const request: MachineRequest = { name, region: step.slot.region, config, skip_launch: step.skipLaunch };
  if (context.secretsVersion !== undefined) request.min_secrets_version = context.secretsVersion;
  return request;
}

/**
 * A mount attaches at create only. Where groups mount volumes of one name and several sizes, each takes those of its own
 * size first. Then the largest, as the planner counts them; then the lowest id, so that two runs choose alike.
 */
async function claimVolume(context: ApplyContext, { group, region }: Slot, name: string): Promise<string> {
  const volumes = await context.fly.volumes(context.app.name);
  const free = volumes
    .filter((volume) => volume.name === name && volume.region === region && (volume.attached_machine_id ?? '') === '')
    .filter((volume) => !context.claimedVolumes.has(volume.id));
  const namesakes = context.app.volumes.filter((volume) => volume.name === name);
  const isMixed = namesakes.some(({ sizeGb }) => sizeGb !== namesakes[0]?.sizeGb);
  const ownSize = isMixed ? namesakes.find((volume) => volume.group === group)?.sizeGb : undefined;
  const misfit = ({ size_gb: size }: Volume): number => (size === ownSize ? 0 : 1);
  const [best] = free
    .filter((volume) => (volume.host_status ?? 'ok') === 'ok')
    .toSorted((a, b) => misfit(a) - misfit(b) || b.size_gb - a.size_gb || a.id.localeCompare(b.id));
  if (best === undefined) throw noVolume(context, { name, region, unreachable: free[0]?.id });
  context.claimedVolumes.add(best.id);
  return best.id;
}

function noVolume(
  { app, clock }: ApplyContext,
  wanted: { readonly name: string; readonly region: string; readonly unreachable: string | undefined },
): Fault {
  const what = `no free volume ${wanted.name} in ${wanted.region}`;
  const where = `${app.name}/${wanted.name}/${wanted.region}`;
  if (wanted.unreachable === undefined) {
    return new Fault({
      kind: 'transient',
      what,
      why: 'another machine took it since the plan was made',
      next: 'FlyCD plans again from what it sees',
      where,
    });
  }
  // An empty volume instead would start the app without its data: that is for a person to choose.
  return new Fault({
    kind: 'waiting',
    what,
    why: `the host of ${wanted.unreachable} does not answer`,
    next: `FlyCD looks again in 5 minutes; if its data is not needed: fly volumes destroy ${wanted.unreachable}`,
    where,
    retryAt: clock.now() + deadHostMs,
  });
}

/** Since it was made: Fly tells of each update. */
function isChanged({ events }: Machine): boolean {
  return (events ?? []).some(({ type }) => type === 'update');
}

async function findByName(context: ApplyContext, error: FlyError, name: string): Promise<Machine | undefined> {
  const taken = /machine ID (\S+) already exists with name/.exec(error.reply ?? '')?.[1];
  if (taken !== undefined) return context.fly.machine(context.app.name, taken);
  if (error.outcome === 'refused') return undefined;
  await context.clock.sleep(lookupDelayMs);
  const machines = await context.fly.machines(context.app.name);
  return machines.find((machine) => machine.name === name && machine.state !== 'destroyed');
}

/** The volume's id belongs to what was sent, but not to what is compared: settle leaves it out on both sides. */
function withMount(config: MachineConfig, made: Machine): MachineConfig {
  return made.config?.mounts === undefined ? config : { ...config, mounts: config.mounts ?? made.config.mounts };
}

function joined(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join('; ');
}
