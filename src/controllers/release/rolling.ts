import PQueue from 'p-queue';
import { toFault, type Fault } from '../../model/fault.ts';
import type { MachineCreate, MachineUpdate } from '../../model/plan.ts';
import { parseSlot, stampKeys } from '../../model/stamps.ts';
import type { ApplyContext } from '../context.ts';
import type { Done } from '../done.ts';
import { waitHealthy } from '../health.ts';
import { createMachine, updateMachine } from '../machines.ts';
import { ImagePin } from './image-pin.ts';

/** As flyctl: stopped machines are updated this many at once, they disturb nobody. */
const coldAtOnce = 30;
/** As flyctl: machines created or updated at once under `immediate`. */
const immediateAtOnce = 8;
/** As flyctl: process groups that roll side by side. */
const groupsAtOnce = 16;

type RollStep = MachineCreate | MachineUpdate;

export interface RollReport {
  finished(step: RollStep, done: Done): Promise<void>;
  failed(step: RollStep, fault: Fault): Promise<void>;
  skipped(step: RollStep, because: string): Promise<void>;
  started(step: RollStep): void;
}

/**
 * Rolls machine changes out, group by group side by side. In a group: stopped machines first, then the first running one
 * alone, then the rest, at most `maxUnavailable` at once; creates likewise, the first alone. The first failure ends the
 * group, and what is left is reported as skipped: a broken version reaches one machine, not the fleet.
 */
export async function roll(context: ApplyContext, steps: readonly RollStep[], report: RollReport): Promise<void> {
  const groups = Map.groupBy(steps, (step) => step.group);
  const queue = new PQueue({ concurrency: groupsAtOnce });
  const pin = new ImagePin();
  await Promise.all([...groups.values()].map((group) => queue.add(() => rollGroup({ context, report, pin }, group))));
}

interface Rollout {
  readonly context: ApplyContext;
  readonly report: RollReport;
  readonly pin: ImagePin;
}

async function rollGroup(rollout: Rollout, steps: readonly RollStep[]): Promise<void> {
  const { context } = rollout;
  const run = new GroupRun(rollout, steps[0]?.group ?? '');
  const updates = steps.filter((step) => step.kind === 'machine.update');
  const creates = steps.filter((step) => step.kind === 'machine.create');
  const cold = updates.filter((step) => step.skipLaunch);
  const warm = updates.filter((step) => !step.skipLaunch);
  const immediate = context.app.strategy === 'immediate';
  if (!immediate) await run.checkSiblings(steps);
  await run.batch(cold, coldAtOnce);
  if (immediate) {
    await run.batch([...warm, ...creates], immediateAtOnce);
  } else {
    await run.batch(warm.slice(0, 1), 1);
    await run.batch(warm.slice(1), atOnce(context.app.maxUnavailable, warm.length));
    await run.batch(creates.slice(0, 1), 1);
    await run.batch(creates.slice(1), immediateAtOnce);
  }
  if (creates.some((step) => step.config.metadata?.[stampKeys.first] !== undefined)) await run.endFirst();
}

/** `maxUnavailable` under 1 is a fraction of the machines, else a number. At least one, or nothing would move. */
export function atOnce(maxUnavailable: number, machines: number): number {
  return Math.max(1, maxUnavailable < 1 ? Math.ceil(machines * maxUnavailable) : Math.floor(maxUnavailable));
}

class GroupRun {
  readonly #context: ApplyContext;
  readonly #report: RollReport;
  readonly #pin: ImagePin;
  readonly #group: string;
  #stopped: string | undefined;

  constructor(rollout: Rollout, group: string) {
    this.#context = rollout.context;
    this.#report = rollout.report;
    this.#pin = rollout.pin;
    this.#group = group;
  }

  /**
   * Machines of the group that carry the new version already (an earlier pass was cut short) must be healthy before
   * another one is touched: else a version that failed on the first machine would creep on pass by pass.
   */
  async checkSiblings(steps: readonly RollStep[]): Promise<void> {
    const { fly, app } = this.#context;
    const group = this.#group;
    const configs = new Set(steps.map((step) => step.sent.config));
    const touched = new Set(steps.map((step) => (step.kind === 'machine.update' ? step.machineId : '')));
    // Healing and scaling up go on beside an unhealthy machine: they are how it gets better.
    if (!steps.some((step) => step.kind === 'machine.update' && !step.skipLaunch && step.reason === 'change')) return;
    const siblings = (await fly.machines(app.name)).filter((machine) => {
      const metadata = machine.config?.metadata ?? {};
      const carries = configs.has((metadata[stampKeys.sent] ?? '').split(':')[1] ?? '');
      const ours = (metadata[stampKeys.slot] ?? '').startsWith(`${group}/`);
      return carries && ours && !touched.has(machine.id) && ['started', 'starting', 'failed'].includes(machine.state);
    });
    for (const sibling of siblings) {
      try {
        await waitHealthy(this.#context, sibling.id, sibling.instance_id);
      } catch (error) {
        const fault = toFault(error, 'a machine with the new version is not healthy');
        for (const step of steps) await this.#report.failed(step, fault);
        this.#stopped = fault.message;
        return;
      }
    }
  }

  /** All of a group's first machines are there: from now on what is there says how many there should be. */
  async endFirst(): Promise<void> {
    const { fly, app } = this.#context;
    if (this.#stopped !== undefined) return;
    const machines = await fly.machines(app.name);
    const first = machines.filter((machine) => {
      const metadata = machine.config?.metadata ?? {};
      return metadata[stampKeys.first] !== undefined && parseSlot(metadata[stampKeys.slot])?.group === this.#group;
    });
    await Promise.all(first.map((machine) => fly.patchMetadata(app.name, machine.id, { [stampKeys.first]: null })));
  }

  async batch(steps: readonly RollStep[], concurrency: number): Promise<void> {
    const queue = new PQueue({ concurrency });
    await Promise.all(steps.map((step) => queue.add(() => this.#one(step))));
  }

  async #one(planned: RollStep): Promise<void> {
    if (this.#context.signal.aborted) this.#stopped ??= 'FlyCD was asked to stop';
    if (this.#stopped !== undefined) return this.#report.skipped(planned, this.#stopped);
    this.#report.started(planned);
    try {
      const done = await this.#pin.during(planned, (step, onSent) =>
        step.kind === 'machine.create'
          ? createMachine(this.#context, step, onSent)
          : updateMachine(this.#context, step, onSent),
      );
      await this.#report.finished(planned, done);
    } catch (error) {
      const fault = toFault(error, `${planned.kind} ${planned.target} failed`);
      this.#stopped ??= `${planned.target} failed: ${fault.message}`;
      await this.#report.failed(planned, fault);
    }
  }
}
