import type { Machine, MachineConfig, MachineRequest } from '../../schemas/fly/machine.ts';
import { isNoRoom } from '../../src/fly/http/classification.ts';
import type { MachineUpdate, MachineCreate, MachineLabel } from '../../src/model/plan.ts';
import { formatSent } from '../../src/model/stamps/stamps.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { secretsStampText } from '../../src/plan/kinds/secret-evidence.ts';
import { inItsPlace } from '../../src/plan/machines/replace.ts';
import { pinnedStep } from '../../src/plan/steps/pinned.ts';
import { callsStamp, passLockOn } from '../pass/pending-calls.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { giveWay } from '../pass/basis.ts';
import { givingWay, lookNow } from '../pass/before-sent.ts';
import type { StepDone } from '../pass/services.ts';
import { waitHealthy } from './health.ts';
import { holdLease } from '../pass/lease.ts';
import { withSecretsStamp } from './secrets-stamp.ts';
import { stampReadBack, succeeds } from './read-back.ts';
import { putBackWords, withStanding, newestWords } from './rollout-state-stamp.ts';
import { checkStayingNow } from './staying.ts';
import { withStandby } from './standbys.ts';
import { waitReplaced } from './taken-back.ts';
import { unproven, createMachine, joined } from './create.ts';
import { isBare, isStillAtRest, sendAsItIs, type Launch, type SentAs } from './send-update.ts';

type OnSent = (machine: Machine) => void;

/** Updates a machine in place under its lease, waits until it is healthy, stamps it. */
export function updateMachine(pass: AppPass, planned: MachineUpdate, onSent: OnSent): Promise<StepDone> {
  return givingWay(pass, planned.machineId, () => update(pass, planned, onSent));
}

async function update(pass: AppPass, planned: MachineUpdate, onSent: OnSent): Promise<StepDone> {
  const ready = await withStandby(pass, planned);
  await using lease = await holdLease(pass, ready.machineId);
  const step = await withStanding(pass, ready);
  await pass.record.opened();
  const { machineId } = step;
  pass.touched.add(machineId);
  let rests = step.skipLaunch;
  const requestFor = (launch: Launch): MachineRequest => {
    rests = launch.skipLaunch;
    return requestOf(pass, step, launch);
  };
  const first = await sendAsItIs(pass, step, { step, nonce: lease.nonce, requestFor }).catch((error: unknown) => {
    if (rests || !mayMove(step, error)) throw error;
  });
  if (first === undefined) return replaceMachine(pass, step, { onSent, nonce: lease.nonce });
  pass.underway.add(machineId);
  onSent(first.updated);
  await lease.check();
  // As it was looked at right before it was sent.
  const seen = { ...first, before: pass.seen.get(machineId)?.machine, sent: step.config };
  const last = waitsForDigest(step, first.launch) ? await withDigest(pass, step, seen, lease.nonce) : seen;
  const { sent, before, request } = last;
  const { skipLaunch } = last.launch;
  await putBackWords(pass, machineId, request.config.metadata ?? {});
  const version = last.updated.instance_id;
  const made = { machineId, version, sent, isProven: true };
  try {
    if (skipLaunch) await waitReplaced(pass, machineId, { version, before });
    else await waitHealthy(pass, { machineId, version, before, nonce: lease.nonce });
    const { note } = await stampReadBack(pass, made);
    return { outcome: 'updated', message: note };
  } catch (error) {
    if (!skipLaunch) await stampReadBack(pass, { ...made, isProven: false }).catch(() => undefined);
    throw error;
  }
}

function requestOf(pass: AppPass, step: MachineUpdate, launch: Launch): MachineRequest {
  const metadata = {
    ...withSecretsStamp(pass, step.config.metadata),
    ...pass.record.stamps,
    ...callsStamp(pass, step.machineId),
    ...(launch.skipLaunch ? {} : unproven),
  };
  const config = { ...step.config, metadata };
  const request: MachineRequest = { config, skip_launch: launch.skipLaunch || waitsForDigest(step, launch) };
  if (step.currentVersion !== undefined) request.current_version = step.currentVersion;
  if (pass.secretsVersion !== undefined) request.min_secrets_version = pass.secretsVersion;
  return request;
}

/** Killed between two updates, a standby that is needed would stay down. */
function waitsForDigest(step: MachineUpdate, { rests, skipLaunch }: Launch): boolean {
  return rests && isBare(step) && (skipLaunch || (step.config.standbys ?? []).length === 0);
}

interface Sent extends SentAs {
  /** What comes back where Fly takes the update back. */
  readonly before: Machine | undefined;
  readonly sent: MachineConfig;
}

/**
 * Where no registry could be asked, a machine at rest gets the digest that Fly found its tag to mean, as one that is made does,
 * and only then is started. One that runs keeps the bare tag: it would be down for two updates, and stay so where FlyCD is
 * killed between them. Killed there, the next plan updates what was to start; what stays at rest keeps the tag, too.
 */
async function withDigest(pass: AppPass, step: MachineUpdate, seen: Sent, nonce: string): Promise<Sent> {
  const ref = step.config.image ?? '';
  const digest = seen.updated.image_ref?.digest ?? '';
  if (digest === '' && seen.launch.skipLaunch) return seen;
  const { instance_id: version } = seen.updated;
  // Where Fly takes this one back, what was there before comes back; after another one it would not.
  await waitReplaced(pass, step.machineId, { version, before: seen.before });
  // The proxy may have started it by now.
  if (!(await isStillAtRest(pass, step.machineId))) return seen;
  const whole = digest === '' ? step : pinnedStep(step, ref, digest);
  const sending = { machineId: step.machineId, currentVersion: version, sent: whole.sent };
  const again = { ...whole, currentVersion: version };
  const requestFor = (launch: Launch): MachineRequest => {
    const { config, ...request } = requestOf(pass, again, launch);
    const metadata = { ...config.metadata, [stampKeys.sent]: formatSent(whole.sent) };
    return { ...request, config: { ...config, metadata }, skip_launch: launch.skipLaunch };
  };
  const sent = await sendAsItIs(pass, step, { step: sending, nonce, requestFor });
  return { ...sent, before: seen.updated, sent: whole.config };
}

/** Its host has no room for it, and nothing ties it there. A standby serves nobody, and waits. */
function mayMove(step: MachineUpdate, error: unknown): boolean {
  const hasMount = (step.config.mounts ?? []).length > 0;
  return isNoRoom(error) && !hasMount && (step.config.standbys ?? []).length === 0;
}

/**
 * Where a machine's own host cannot take the update, another one takes its place: made first, and the old one serves until
 * it is healthy, and goes while that is there. Killed in between, the next plan knows both by the new one's stamp. Throws a
 * waiting Fault where the one in its place is somebody else's doing: nobody here has seen that healthy.
 */
async function replaceMachine(
  pass: AppPass,
  step: MachineUpdate,
  { onSent, nonce }: { readonly onSent: OnSent; readonly nonce: string },
): Promise<StepDone> {
  const create: MachineCreate = { ...inItsPlace(step, undefined), skipLaunch: false };
  const { outcome, message } = await createMachine(pass, create, onSent);
  if (outcome !== 'created') throw giveWay(pass, `machine ${message}`);
  const lock = await passLockOn(pass, step.machineId);
  // Others of the group that go at the same moment do not count on it.
  pass.moved.add(step.machineId);
  try {
    await pass.services.fly.destroyMachine(pass.app.name, step.machineId, nonce, () => checkStayingNow(pass, step));
  } finally {
    await lock?.[Symbol.asyncDispose]();
  }
  return { outcome: 'updated', message: joined('its host had no room: made anew elsewhere', message) };
}

/**
 * New stamps by metadata patch: no restart, no new version, no lease. Where the machine has yet to be seen healthy, that is
 * waited for, from when it began on: one that had its time fails at once.
 */
export function labelMachine(pass: AppPass, step: MachineLabel): Promise<StepDone> {
  return givingWay(pass, step.machineId, () => label(pass, step));
}

async function label(pass: AppPass, step: MachineLabel): Promise<StepDone> {
  // Whoever has taken it over since the plan was made would lose it by this.
  if (stampKeys.fleet in step.metadata || stampKeys.origin in step.metadata) await lookNow(pass, step.machineId);
  const metadata: Record<string, string | null> = { ...step.metadata, ...(await newestWords(pass, step)) };
  // A secret may have been set since the plan was made, when this machine was perhaps not ours yet.
  const secrets = secretsStampText(pass.stamped);
  const hasNone = secrets === null && !Object.hasOwn(metadata, stampKeys.secrets);
  if (secrets !== undefined && !hasNone) metadata[stampKeys.secrets] = secrets;
  const { [stampKeys.unproven]: _proven, ...others } = metadata;
  const { fly } = pass.services;
  const { app } = pass;
  if (Object.keys(others).length > 0) await fly.patchMetadata(app.name, step.machineId, others);
  if (step.proves !== true) return { outcome: 'updated' };
  const machine = await fly.machine(app.name, step.machineId);
  await waitHealthy(pass, {
    machineId: step.machineId,
    version: machine?.instance_id,
    isResumed: true,
    nonce: undefined,
  });
  await fly.patchMetadata(app.name, step.machineId, { [stampKeys.unproven]: null });
  if (machine !== undefined) succeeds(pass, machine);
  return { outcome: 'updated', message: 'it is healthy now' };
}
