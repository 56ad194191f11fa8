import { allEnded } from '../../src/model/base/ending.ts';
import { Fault, toFault } from '../../src/model/base/fault.ts';
import type {
  AppPlan,
  MachineAction,
  MachineCreate,
  ReleaseStep,
  SecretStep,
  Step,
  StepKind,
  RolloutStep,
} from '../../src/model/plan.ts';
import { writesOf } from '../../src/plan/steps/bookkeeping.ts';
import type { GuardedPlan } from '../../src/plan/steps/guarded.ts';
import { waves } from '../../src/plan/steps/order.ts';
import type { StepOutcome, StepResult } from '../../src/model/run.ts';
import { applyAddressStep } from '../kinds/addresses.ts';
import { applyAppStep } from '../kinds/apps.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { provideImage, withBuiltImage } from '../images/build-step.ts';
import { whyStopped, type StepDone } from '../pass/services.ts';
import { lockApp } from '../pass/app-lock.ts';
import { isUnseen } from '../pass/beginning.ts';
import { actOnMachine, isLostByStart } from '../machines/actions.ts';
import { isSilence } from '../machines/silent-host.ts';
import { labelMachine } from '../machines/update.ts';
import { afterCommand } from '../rollout/release-command.ts';
import { ImagePin } from '../images/pin.ts';
import { roll, unverifiedGroups } from '../rollout/rolling.ts';
import { applySecretSteps } from '../kinds/secrets.ts';
import { mayOweRestart } from '../kinds/volume-growth.ts';
import { applyVolumeStep } from '../kinds/volumes.ts';
import {
  dependents,
  imageToTell,
  isMadeAnew,
  isProving,
  isRolling,
  rollingKinds,
  unfinished,
  type RollingStep,
} from './step-kinds.ts';

/** What happened, step by step, and the faults behind the failures. */
export interface Applied {
  readonly results: readonly StepResult[];
  readonly faults: readonly Fault[];
}

/**
 * Applies one app's plan, wave by wave. A failed step stops what depends on it and nothing else; all failures are
 * reported. It decides nothing: which machine, which config, which order were fixed by the planner.
 */
export async function applyPlan(
  pass: AppPass,
  plan: GuardedPlan,
  save: (result: StepResult) => Promise<void>,
): Promise<Applied> {
  const apply = new Apply(pass, save, plan);
  const writes = writesOf(plan);
  for (const kinds of waves) {
    const steps = writes.filter((step) => (kinds as readonly StepKind[]).includes(step.kind));
    if (steps.length > 0) await apply.wave(steps);
  }
  await apply.closeRecord();
  return { results: apply.results, faults: apply.faults };
}

class Apply {
  readonly results: StepResult[] = [];
  readonly faults: Fault[] = [];
  readonly #pass: AppPass;
  readonly #save: (result: StepResult) => Promise<void>;
  /** The first of each kind that did not go well, and how. */
  readonly #failed = new Map<StepKind, string>();
  /** `volume/region` pairs that could not be made. */
  readonly #missingVolumes = new Set<string>();
  /** Process groups with a machine that is not healthy since it was changed: no more of its kind are made. */
  readonly #unproven = new Set<string>();
  /** Process groups with a machine that went behind its start, or of which nobody can tell: the next one may go the same way. */
  readonly #lostByStart = new Set<string>();
  readonly #startedAt = new Map<Step, number>();
  /** Destroys of machines that are made anew: each goes as soon as the one in its place is healthy. */
  readonly #madeAnew: readonly MachineAction[];
  readonly #replaced = new Set<Step>();

  /** Stamps are told of only where they could not be written. */
  readonly #untold: Set<Step>;

  constructor(pass: AppPass, save: (result: StepResult) => Promise<void>, { steps, bookkeeping = [] }: AppPlan) {
    this.#pass = pass;
    this.#save = save;
    this.#madeAnew = steps.filter(isMadeAnew);
    this.#untold = new Set(bookkeeping.filter(({ kind }) => kind === 'machine.label'));
  }

  async wave(steps: readonly Step[]): Promise<void> {
    const ready: Step[] = [];
    for (const step of steps) {
      if (this.#replaced.has(step)) continue;
      const because = this.#blockedBy(step);
      if (because === undefined) ready.push(step);
      else await this.#finish(step, 'skipped', because);
    }
    const rolling = ready.filter(isRolling);
    if (rolling.length > 0) await this.#roll(rolling);
    const setting = ready.filter((step) => step.kind === 'secret.set');
    const unsetting = ready.filter((step) => step.kind === 'secret.unset');
    for (const batch of [setting, unsetting]) {
      if (batch.length > 0) await this.#run(batch, () => this.#applySecrets(batch));
    }
    // Each may take minutes to become healthy; they wait side by side.
    const proving = ready.filter(isProving);
    await allEnded(proving.map((step) => this.#run([step], () => labelMachine(this.#pass, step))));
    for (const step of ready) {
      if (isProving(step)) continue;
      if (isRolling(step) || step.kind === 'secret.set' || step.kind === 'secret.unset') continue;
      // Asked again: a stop or a failure may have come since the wave began.
      const because = this.#blockedBy(step);
      if (because === undefined) await this.#run([step], () => this.#reconcile(step));
      else await this.#finish(step, 'skipped', because);
    }
  }

  async #applySecrets(steps: readonly SecretStep[]): Promise<StepDone> {
    // Values in an app that another owner has begun would reach its machines.
    if (isUnseen(this.#pass)) await lockApp(this.#pass);
    return applySecretSteps(this.#pass, steps);
  }

  #blockedBy(step: Step): string | undefined {
    const stopped = this.#pass.whyStopped();
    if (stopped !== undefined) return stopped;
    for (const [kind, target] of this.#failed) {
      const stops = dependents[kind] ?? [];
      if (stops === 'all' || stops.includes(step.kind)) return `${kind} ${target}`;
    }
    return this.#unmakeable(step);
  }

  /** Why a machine cannot be made, started or destroyed now, whatever else goes on. */
  #unmakeable(step: Step): string | undefined {
    if (step.kind === 'machine.destroy' && step.onceHealthy === true && this.#isNeeded(step))
      return 'the machine that takes over is not healthy, and this one may be what serves';
    if (isMadeAnew(step) && !this.#replaced.has(step)) return 'no other machine was made in its place';
    if (step.kind === 'machine.start' && this.#lostByStart.has(step.group))
      return `another machine of ${step.group} was started, and is gone or not seen since`;
    if (step.kind !== 'machine.create') return undefined;
    if (step.mount !== undefined && this.#missingVolumes.has(`${step.mount.volume}/${step.slot.region}`))
      return `its volume ${step.mount.volume} could not be made`;
    return this.#unproven.has(step.group) ? `another machine of ${step.group} is not healthy with the same` : undefined;
  }

  /** Of a group that git no longer names any other may take over. */
  #isNeeded({ group }: MachineAction): boolean {
    const isNamed = this.#pass.app.groups.some(({ name }) => name === group);
    return isNamed ? this.#unproven.has(group) : this.#unproven.size > 0;
  }

  /** Steps of every kind but those that go together: machines roll, secrets are one call. */
  async #reconcile(step: Exclude<Step, { kind: 'secret.set' | 'secret.unset' | 'release' }>): Promise<StepDone> {
    switch (step.kind) {
      case 'app.create':
      case 'app.adopt':
      case 'app.destroy':
        return applyAppStep(this.#pass, step);
      case 'image.build':
        return provideImage(this.#pass, step);
      case 'address.allocate':
        await lockApp(this.#pass);
        return applyAddressStep(this.#pass, step);
      case 'address.release':
        return applyAddressStep(this.#pass, step);
      case 'volume.create':
        await lockApp(this.#pass);
        return applyVolumeStep(this.#pass, step);
      case 'volume.extend':
      case 'volume.configure':
        return applyVolumeStep(this.#pass, step);
      case 'machine.label':
        return labelMachine(this.#pass, step);
      case 'machine.destroy':
      case 'machine.start':
      case 'machine.cordon':
      case 'machine.uncordon':
        return actOnMachine(this.#pass, step);
      case 'machine.create':
      case 'machine.update':
      case 'machine.restart':
      case 'certificate.add':
      case 'certificate.remove':
        // The planner holds these or they roll; reaching this is our bug, and doing nothing quietly would hide it.
        throw new Fault({ kind: 'stalled', what: `no reconciler applies ${step.kind}`, where: step.target });
    }
  }

  async #run(steps: readonly Step[], reconcile: () => Promise<StepDone>): Promise<void> {
    for (const step of steps) this.#start(step);
    try {
      const done = await reconcile();
      for (const step of steps) await this.#finish(step, done.outcome, done.message);
    } catch (error) {
      for (const step of steps) await this.#fail(step, toFault(error, `${step.kind} ${step.target} failed`));
    }
  }

  /** All machine changes of the wave at once, by the rolling rules. */
  async #roll(unpinned: readonly RollingStep[]): Promise<void> {
    const pin = new ImagePin();
    const { built } = this.#pass;
    const planned = built === undefined ? unpinned : unpinned.map((step) => withBuiltImage(step, built));
    const image = imageToTell(planned, this.#pass.record.isUnfinished);
    if (image !== undefined) this.#pass.record.announce(image);
    const steps: RollingStep[] = [];
    for (const step of planned) {
      if (step.kind === 'release') this.#start(step);
      const ready = step.kind === 'release' ? await this.#command(step, pin) : step;
      if (ready === undefined) continue;
      this.#startedAt.set(ready, this.#startedAt.get(step) ?? this.#pass.services.clock.now());
      steps.push(ready);
    }
    const machines = steps.flatMap((step) => (step.kind === 'release' ? [...step.machines] : [step]));
    const ready = machines.filter((machine) => this.#unmakeable(machine) === undefined);
    const faults = new Map<RolloutStep, Fault>();
    const left = new Map<RolloutStep, string>();
    for (const machine of machines) {
      const because = this.#unmakeable(machine);
      if (because === undefined) continue;
      left.set(machine, because);
      // It may be there to take the place of what would be destroyed next.
      this.#failed.set('machine.create', `${machine.target} failed`);
    }
    try {
      const makesSome = ready.some((machine) => machine.kind === 'machine.create');
      if (makesSome || (await mayOweRestart(this.#pass, ready))) await lockApp(this.#pass);
      await roll(
        this.#pass,
        ready,
        {
          started: (step) => this.#start(step),
          sent: () => this.#pass.record.running(),
          finished: async (step, done) => {
            await this.#finish(step, done.outcome, done.message);
            if (step.kind === 'machine.create' && done.outcome === 'created') await this.#retire(step);
          },
          failed: async (step, fault) => {
            faults.set(step, fault);
            await this.#fail(step, fault);
          },
          skipped: async (step, because) => {
            left.set(step, because);
            await this.#finish(step, 'skipped', because);
          },
        },
        pin,
      );
    } catch (error) {
      const fault = toFault(error, 'the app could not be locked');
      for (const machine of ready) {
        faults.set(machine, fault);
        await this.#fail(machine, fault);
      }
    }
    for (const step of steps) if (step.kind === 'release') await this.#finishRelease(step, faults, left);
  }

  /** The machine in their place is healthy. */
  async #retire({ replaces = [] }: MachineCreate): Promise<void> {
    for (const step of this.#madeAnew.filter(({ machineId }) => replaces.includes(machineId))) {
      this.#replaced.add(step);
      const because = this.#blockedBy(step);
      if (because === undefined) await this.#run([step], () => actOnMachine(this.#pass, step));
      else await this.#finish(step, 'skipped', because);
    }
  }

  /** The release's command first. undefined: it failed, and with it the release; nothing of it was touched. */
  async #command(step: ReleaseStep, pin: ImagePin): Promise<ReleaseStep | undefined> {
    if (step.command === undefined) return step;
    try {
      await lockApp(this.#pass);
    } catch (error) {
      const fault = toFault(error, 'the app could not be locked');
      return this.#leave(step, fault, fault.message);
    }
    try {
      return await afterCommand(this.#pass, step, { run: step.command, pin });
    } catch (error) {
      const fault = toFault(error, 'the release command could not be run');
      return this.#leave(step, fault, 'the release command did not succeed');
    }
  }

  /** Nothing of the release was touched. */
  async #leave(step: ReleaseStep, fault: Fault, because: string): Promise<undefined> {
    const end = this.#endOf(fault);
    this.faults.push(fault);
    this.#failed.set('release', `${step.target} ${wordOf(end)}`);
    for (const machine of step.machines) await this.#finish(machine, 'skipped', because);
    await this.#finish(step, end, fault.message, this.#nextOf(step, fault));
  }

  async #finishRelease(
    step: ReleaseStep,
    faults: ReadonlyMap<RolloutStep, Fault>,
    left: ReadonlyMap<RolloutStep, string>,
  ): Promise<void> {
    const fault = step.machines.map((machine) => faults.get(machine)).find((found) => found !== undefined);
    const skipped = step.machines.map((machine) => left.get(machine)).find((found) => found !== undefined);
    const done = step.machines.filter((machine) => !faults.has(machine) && !left.has(machine)).length;
    const progress = `${done} of ${step.machines.length} machines done`;
    if (fault !== undefined) {
      const end = this.#endOf(fault) === 'skipped' && done > 0 ? 'interrupted' : this.#endOf(fault);
      this.#failed.set('release', `${step.target} ${wordOf(end)}`);
      await this.#finish(step, end, `${progress}; ${fault.message}`, this.#nextOf(step, fault));
    } else if (skipped !== undefined) await this.#finish(step, 'skipped', `${progress}; ${skipped}`);
    else {
      const unverified = unverifiedGroups(step.machines, this.#pass.app);
      const note = `; unverified: no machine of ${unverified.join(', ')} was started to see the image run`;
      await this.#finish(step, 'updated', unverified.length === 0 ? progress : progress + note);
    }
  }

  /** Tells Fly how the release went: what somebody else or a stop holds up is not failed. */
  async closeRecord(): Promise<void> {
    const { record, overtaken } = this.#pass;
    // Whoever was faster is at it, and the next plan says how it ends.
    if (overtaken !== undefined) return;
    const outcomes = new Set(this.results.filter(({ kind }) => rollingKinds.has(kind)).map(({ outcome }) => outcome));
    const waits = this.faults.every(({ kind }) => kind === 'waiting' || kind === 'held');
    if (outcomes.size === 0) await record.closeStale(this.faults.length === 0);
    else if (outcomes.has('failed') && !waits) await record.close('failed');
    else await record.close(unfinished.some((outcome) => outcomes.has(outcome)) ? 'interrupted' : 'complete');
  }

  #start(step: Step): void {
    this.#startedAt.set(step, this.#pass.services.clock.now());
    if (this.#untold.has(step)) return;
    this.#pass.services.onProgress({ type: 'step.started', app: this.#pass.app.name, step });
  }

  async #fail(step: Step, fault: Fault): Promise<void> {
    this.faults.push(fault);
    // Also where it only waits: a pass that gives way for it says why.
    this.#untold.delete(step);
    const end = this.#endOf(fault);
    if (!this.#failed.has(step.kind)) this.#failed.set(step.kind, `${step.target} ${wordOf(end)}`);
    if (step.kind === 'volume.create') this.#missingVolumes.add(`${step.request.name}/${step.request.region}`);
    if (isProving(step) && step.group !== undefined) this.#unproven.add(step.group);
    const where = fault.where === undefined ? '' : ` (${fault.where})`;
    await this.#finish(step, end, `${fault.message}${where}`, this.#nextOf(step, fault));
    if (step.kind === 'machine.start' && (await this.#isLost(step))) this.#lostByStart.add(step.group);
  }

  /** What Fly refused to start has not gone by its start. */
  async #isLost({ machineId }: MachineAction): Promise<boolean> {
    return this.#pass.underway.has(machineId) && isLostByStart(this.#pass, machineId);
  }

  /** Beside what mends it, what ends the hold: the version that the app is held at may run no more, and trying again brings nothing. */
  #nextOf(step: Step, fault: Fault): string | undefined {
    const { wayOn } = this.#pass;
    const isMeant = (isRolling(step) || isProving(step)) && this.#endOf(fault) === 'failed';
    if (wayOn === undefined || !isMeant || (!wayOn.isHeld && fault.blames === undefined)) return fault.next;
    return fault.next === undefined ? wayOn.next : `${fault.next}; or ${wayOn.next}`;
  }

  /** What waits has not gone wrong, be it for git, somebody else, room on Fly, or a host with what was begun there. */
  #endOf(fault: Fault): 'failed' | 'interrupted' | 'skipped' {
    if (fault.kind !== 'waiting') return 'failed';
    const { newer, services } = this.#pass;
    const isStopped = whyStopped({ signal: services.signal, newer }) !== undefined;
    return isStopped || isSilence(fault) ? 'interrupted' : 'skipped';
  }

  async #finish(step: Step, outcome: StepOutcome, message: string | undefined, next?: string): Promise<void> {
    if (this.#untold.has(step) && outcome !== 'failed') return;
    const finishedAt = this.#pass.services.clock.now();
    const startedAt = this.#startedAt.get(step) ?? finishedAt;
    const result: StepResult = { kind: step.kind, target: step.target, outcome, message, next, startedAt, finishedAt };
    this.results.push(result);
    await this.#save(result);
    this.#pass.services.onProgress({ type: 'step.finished', app: this.#pass.app.name, step, result });
  }
}

/** What becomes of it, for what depends on it. */
function wordOf(end: 'failed' | 'interrupted' | 'skipped'): string {
  return end === 'failed' ? 'failed' : 'waits';
}
