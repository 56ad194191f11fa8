import type { Machine, MachineConfig, MachineRequest } from '../../schemas/fly/machine.ts';
import { isNoRoom } from '../../src/fly/http/classification.ts';
import type { MachineUpdate, MachineCreate, MachineLabel } from '../../src/model/plan.ts';
import { formatSent } from '../../src/model/stamps/stamps.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { secretsStampText } from '../../src/plan/kinds/secret-evidence.ts';
import { inItsPlace } from '../../src/plan/machines/replace.ts';
import { momentOf, msSince, type Moment } from '../../src/model/base/moment.ts';
import { pinnedStep } from '../../src/plan/steps/pinned.ts';
import { callsStamp, passLockOn } from '../pass/pending-calls.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { giveWay } from '../pass/basis.ts';
import { givingWay, lookNow } from '../pass/before-sent.ts';
import type { StepDone } from '../pass/services.ts';
import { waitHealthy } from './health.ts';
import { holdLease } from '../pass/lease.ts';
import { withSecretsStamp } from './secrets-stamp.ts';
import { stampReadBack } from './read-back.ts';
import { putBackWords, withStanding, newestWords } from './rollout-state-stamp.ts';
import { checkStayingNow } from './staying.ts';
import { staysDown, withStandby } from './standbys.ts';
import { waitReplaced } from './taken-back.ts';
import { isBare, isStillAtRest, unproven, createMachine, joined } from './create.ts';
import { sendUpdate } from './send-update.ts';

/** A call, and what Fly needs for it. */
const freshMs = 1000;

type OnSent = (machine: Machine) => void;

/** Updates a machine in place under its lease, waits until it is healthy, stamps it. */
export function updateMachine(pass: AppPass, planned: MachineUpdate, onSent: OnSent): Promise<StepDone> {
  return givingWay(pass, planned.machineId, () => update(pass, planned, onSent));
}

async function update(pass: AppPass, planned: MachineUpdate, onSent: OnSent): Promise<StepDone> {
  const ready = await withStandby(pass, planned);
  await using lease = await holdLease(pass, ready.machineId);
  const step = await withStanding(pass, ready);
  const { rests, skipLaunch } = await launchOf(pass, step);
  const decidedAt = momentOf(pass.services.clock);
  // Killed between two updates, a standby that is needed would stay down.
  const waitsForDigest = rests && isBare(step) && (skipLaunch || !standsBy(step));
  await pass.record.opened();
  const metadata = {
    ...withSecretsStamp(pass, step.config.metadata),
    ...pass.record.stamps,
    ...callsStamp(pass, step.machineId),
    ...(skipLaunch ? {} : unproven),
  };
  const config = { ...step.config, metadata };
  const request: MachineRequest = { config, skip_launch: skipLaunch || waitsForDigest };
  if (step.currentVersion !== undefined) request.current_version = step.currentVersion;
  if (pass.secretsVersion !== undefined) request.min_secrets_version = pass.secretsVersion;
  pass.touched.add(step.machineId);
  const asDecided = (): Promise<void> => checkLaunch(pass, step, { rests, skipLaunch }, decidedAt);
  const updated = await sendUpdate(pass, step, request, { nonce: lease.nonce, asDecided }).catch((error: unknown) => {
    if (skipLaunch || !mayMove(step, error)) throw error;
  });
  if (updated === undefined) return replaceMachine(pass, step, { onSent, nonce: lease.nonce });
  const { machineId } = step;
  pass.underway.add(machineId);
  onSent(updated);
  await lease.check();
  // As it was looked at right before it was sent.
  const seen = { updated, before: pass.seen.get(machineId)?.machine, sent: step.config };
  const again = { request: { ...request, skip_launch: skipLaunch }, nonce: lease.nonce };
  const { sent, before, ...last } = waitsForDigest ? await withDigest(pass, step, seen, again) : seen;
  await putBackWords(pass, machineId, metadata);
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

interface Launch {
  /** Nothing of it runs now, as far as the update has to know. */
  readonly rests: boolean;
  readonly skipLaunch: boolean;
}

async function launchOf(pass: AppPass, step: MachineUpdate): Promise<Launch> {
  const { machineId } = step;
  const mayRest = step.skipLaunch || standsBy(step) || (step.risk === 'safe' && isBare(step));
  const rests = mayRest && (await isStillAtRest(pass, machineId));
  const hasFailed = pass.seen.get(machineId)?.machine?.state === 'failed';
  return { rests, skipLaunch: await staysDown(pass, step, { rests, hasFailed }) };
}

function standsBy({ config }: MachineUpdate): boolean {
  return (config.standbys ?? []).length > 0;
}

/**
 * What was waited for since may have taken longer than the proxy needs to start a machine, or a host to fail or to come back.
 * Gives way then.
 */
async function checkLaunch(pass: AppPass, step: MachineUpdate, decided: Launch, decidedAt: Moment): Promise<void> {
  if (msSince(pass.services.clock, decidedAt) <= freshMs) return;
  const { skipLaunch } = await launchOf(pass, step);
  if (skipLaunch === decided.skipLaunch) return;
  throw giveWay(pass, `machine ${step.machineId} is to ${skipLaunch ? 'rest' : 'run'} by now`);
}

interface Sent {
  readonly updated: Machine;
  /** What comes back where Fly takes the update back. */
  readonly before: Machine | undefined;
  readonly sent: MachineConfig;
}

/**
 * Where no registry could be asked, a machine at rest gets the digest that Fly found its tag to mean, as one that is made does,
 * and only then is started. One that runs keeps the bare tag: it would be down for two updates, and stay so where FlyCD is
 * killed between them. Killed there, the next plan updates what was to start; what stays at rest keeps the tag, too.
 */
async function withDigest(
  pass: AppPass,
  step: MachineUpdate,
  seen: Sent,
  { request, nonce }: { readonly request: MachineRequest; readonly nonce: string },
): Promise<Sent> {
  const ref = step.config.image ?? '';
  const digest = seen.updated.image_ref?.digest ?? '';
  if (digest === '' && request.skip_launch === true) return seen;
  const { instance_id: version } = seen.updated;
  // Where Fly takes this one back, what was there before comes back; after another one it would not.
  await waitReplaced(pass, step.machineId, { version, before: seen.before });
  // The proxy may have started it by now.
  if (!(await isStillAtRest(pass, step.machineId))) return seen;
  const whole = digest === '' ? step : pinnedStep(step, ref, digest);
  const metadata = { ...request.config.metadata, [stampKeys.sent]: formatSent(whole.sent) };
  const config = { ...whole.config, metadata };
  const again = version === undefined ? {} : { current_version: version };
  const sending = { machineId: step.machineId, currentVersion: version, sent: whole.sent };
  const updated = await sendUpdate(pass, sending, { ...request, config, ...again }, { nonce });
  return { updated, before: seen.updated, sent: whole.config };
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
  return { outcome: 'updated', message: 'it is healthy now' };
}
