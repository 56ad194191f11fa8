import PQueue from 'p-queue';
import type { Machine } from '../../schemas/fly/machine.ts';
import { isNoRoom } from '../../src/fly/http/classification.ts';
import { imageMatches } from '../../src/flyconfig/sections/image.ts';
import type { DesiredApp } from '../../src/model/desired.ts';
import { toFault, type Fault } from '../../src/model/base/fault.ts';
import type { MachineCreate, MachineRestart, MachineUpdate } from '../../src/model/plan.ts';
import { parseSent, parseSlot, stampKeys } from '../../src/model/stamps/stamps.ts';
import { isHostOk, stopsByItself } from '../../src/plan/classify/machine-state.ts';
import { whyStopped, type ApplyContext } from '../pass/app-pass.ts';
import type { Done } from '../pass/services.ts';
import { restartToGrow } from '../kinds/volume-growth.ts';
import { judge, waitHealthy } from '../machines/health.ts';
import { createMachine, updateMachine } from '../machines/create.ts';
import { ImagePin } from '../images/pin.ts';

/** As flyctl: stopped machines are updated this many at once, they disturb nobody. */
const coldAtOnce = 30;
/** As flyctl: machines created or updated at once under `immediate`. */
const immediateAtOnce = 8;
/** Machines looked at at once before a roll goes on: each look is a call a second. */
const siblingsAtOnce = 16;
/** Made and not started, or on its way out: such a machine says nothing about what it runs. */
const notRunYet: ReadonlySet<string> = new Set(['created', 'destroying', 'destroyed']);
/** As flyctl: process groups that roll side by side. */
const groupsAtOnce = 16;

type Change = MachineCreate | MachineUpdate;
export type RollStep = Change | MachineRestart;

export interface RollReport {
  finished(step: RollStep, done: Done): Promise<void>;
  failed(step: RollStep, fault: Fault): Promise<void>;
  skipped(step: RollStep, because: string): Promise<void>;
  started(step: RollStep): void;
  /** Fly has taken a machine's new config. */
  sent(): void;
}

/**
 * Rolls machine changes out, group by group side by side. In a group: stopped machines first, without being started but
 * for one where a new image would otherwise run nowhere (`leadOf`), then the first running one
 * alone (one that serves nobody before one that does), then the rest, at most `maxUnavailable` at once; creates likewise,
 * the first alone. A restart counts as the update of a running machine. The first failure ends the group, and what is left
 * is reported as skipped: a broken version reaches one machine, not the fleet. Where a region has no room, only what it was
 * to take is left.
 */
export async function roll(
  context: ApplyContext,
  steps: readonly RollStep[],
  report: RollReport,
  pin: ImagePin = new ImagePin(),
): Promise<void> {
  const groups = Map.groupBy(steps, (step) => step.group);
  const queue = new PQueue({ concurrency: groupsAtOnce });
  await Promise.all([...groups.values()].map((group) => queue.add(() => rollGroup({ context, report, pin }, group))));
}

interface Rollout {
  readonly context: ApplyContext;
  readonly report: RollReport;
  readonly pin: ImagePin;
}

async function rollGroup(rollout: Rollout, steps: readonly RollStep[]): Promise<void> {
  const { context } = rollout;
  const restarts = steps.filter((step) => step.kind === 'machine.restart');
  const sent = steps.filter((step) => step.kind !== 'machine.restart');
  // Last: only then is there what they stand in for.
  const standbys = sent.filter((step) => step.standsInFor !== undefined);
  const others = sent.filter((step) => step.standsInFor === undefined);
  const creates = others.filter((step) => step.kind === 'machine.create' && !isAnew(context, step));
  const updates = others.filter((step) => step.kind === 'machine.update' || isAnew(context, step));
  const cold = updates.filter((step) => step.skipLaunch);
  const warm = [...updates.filter((step) => !step.skipLaunch), ...restarts];
  const immediate = context.app.strategy === 'immediate';
  const lead = immediate || warm.length + creates.length > 0 ? undefined : leadOf(context, cold);
  const run = new GroupRun(rollout, steps[0]?.group ?? '', lead);
  if (!immediate && !(await run.checkSiblings(steps))) return;
  if (lead !== undefined) await run.batch([lead], 1);
  await run.batch(
    cold.filter((step) => step !== lead),
    coldAtOnce,
  );
  if (immediate) {
    await run.send([...warm, ...creates], immediateAtOnce);
  } else {
    const inTurn = run.unwellFirst(warm);
    await run.batch(inTurn.slice(0, 1), 1);
    await run.batch(inTurn.slice(1), atOnce(context.app.maxUnavailable, warm.length));
    await run.create(creates);
  }
  await run.batch(standbys, coldAtOnce);
  const made = steps.filter((step) => step.kind === 'machine.create');
  if (made.some((step) => step.config.metadata?.[stampKeys.first] !== undefined)) await run.endFirst();
}

/** It takes the place of a machine that goes when it is healthy: an update in all but the machine's id. */
function isAnew({ leaving }: ApplyContext, step: RollStep): boolean {
  return step.kind === 'machine.create' && (step.replaces ?? []).some((id) => leaving.has(id));
}

/** Machines that serve until then. */
function touchedBy(step: RollStep): readonly string[] {
  return step.kind === 'machine.create' ? (step.replaces ?? []) : [step.machineId];
}

/**
 * Nothing of the group runs: one that the proxy starts anyhow is started for a new image, to be seen healthy before the
 * others get it. One that a schedule starts would do its work once more.
 */
function leadOf({ app }: ApplyContext, cold: readonly Change[]): Change | undefined {
  const serves = app.groups.find(({ name }) => name === cold[0]?.group)?.hasServices === true;
  return serves ? cold.find((step) => bringsImage(step) && stopsByItself(step.config)) : undefined;
}

/** Process groups to which a new image came that was not seen running there: nothing of them was started for it. */
export function unverifiedGroups(steps: readonly Change[], app: DesiredApp): readonly string[] {
  const groups = Map.groupBy(
    steps.filter((step) => step.standsInFor === undefined),
    (step) => step.group,
  );
  return [...groups].flatMap(([name, changes]) => {
    const cold = changes.filter((step) => step.skipLaunch && (step.kind === 'machine.update' || step.replaces));
    if (cold.length < changes.length || !cold.some(bringsImage)) return [];
    const serves = app.groups.find((group) => group.name === name)?.hasServices === true;
    const started = app.strategy !== 'immediate' && serves && cold.some((step) => stopsByItself(step.config));
    return started ? [] : [name];
  });
}

function bringsImage(step: RollStep): boolean {
  return step.changes.some(({ path }) => path === 'image');
}

/** It was sent what one of the steps sends, image and all: a tag sent first and the digest sent afterwards are one image. */
function carriesAny(machine: Machine, steps: readonly RollStep[]): boolean {
  const config = parseSent(machine.config?.metadata?.[stampKeys.sent])?.config;
  const live = { image: machine.config?.image, imageRef: machine.image_ref };
  return steps.some((step) => {
    if (config === undefined || step.sent?.config !== config) return false;
    const ref = step.kind === 'machine.restart' ? live.image : step.config.image;
    return ref !== undefined && imageMatches({ ref, digest: undefined }, live);
  });
}

/** It should serve and does not: it boots, its checks do not pass, or it crashed. */
function isUnwell(machine: Machine): boolean {
  const { state } = judge(machine);
  return state === 'waiting' || state === 'failed';
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
  /** Started, though it is at rest. */
  readonly #lead: Change | undefined;
  /** Of the machines to be touched: those that serve nobody now. */
  readonly #unwell = new Set<string>();
  #stopped: string | undefined;
  /** Regions without room, and how each was found out. */
  readonly #full = new Map<string, string>();

  constructor(rollout: Rollout, group: string, lead: Change | undefined) {
    this.#context = rollout.context;
    this.#report = rollout.report;
    this.#pin = rollout.pin;
    this.#group = group;
    this.#lead = lead;
  }

  /**
   * The group's other machines that carry the wanted version (an earlier pass was cut short, or they need no update) must
   * be healthy before a running one is touched: else a version that failed on the first machine, be it an image, a
   * config or the value of a secret, would creep on pass by pass.
   */
  async checkSiblings(steps: readonly RollStep[]): Promise<boolean> {
    const { fly, app } = this.#context;
    // Creating goes on beside an unhealthy machine: more of them may be how it gets better.
    const first = steps.find((step) => step.risk === 'restart') ?? this.#lead;
    if (first === undefined) return true;
    const touched = new Set(steps.flatMap(touchedBy));
    const isSibling = (machine: Machine): boolean => {
      const stays = !touched.has(machine.id) && !this.#context.leaving.has(machine.id);
      const ours = parseSlot(machine.config?.metadata?.[stampKeys.slot])?.group === this.#group;
      return stays && ours && isHostOk(machine) && !notRunYet.has(machine.state) && carriesAny(machine, steps);
    };
    const queue = new PQueue({ concurrency: siblingsAtOnce });
    const look = async (): Promise<Fault | undefined> => {
      const machines = await fly.machines(app.name);
      for (const machine of machines) if (touched.has(machine.id) && isUnwell(machine)) this.#unwell.add(machine.id);
      const siblings = machines.filter(isSibling);
      const looks = siblings.map((sibling) => queue.add(() => this.#lookAt(sibling)));
      return (await Promise.all(looks)).find((found) => found !== undefined);
    };
    const fault = await look().catch((error: unknown) => toFault(error, 'the machines could not be listed'));
    if (fault === undefined) return true;
    this.#stopped = fault.message;
    await this.#report.failed(first, fault);
    for (const step of steps) if (step !== first) await this.#report.skipped(step, fault.message);
    return false;
  }

  /**
   * One that an earlier pass left booting, or that its version does not let run, is down already: another one taken down
   * before it would be one more than may be.
   */
  unwellFirst(steps: readonly RollStep[]): readonly RollStep[] {
    const unwell = (step: RollStep): number => Number(touchedBy(step).some((id) => this.#unwell.has(id)));
    return steps.toSorted((a, b) => unwell(b) - unwell(a));
  }

  async #lookAt(sibling: Machine): Promise<Fault | undefined> {
    try {
      await waitHealthy(this.#context, { machineId: sibling.id, version: sibling.instance_id });
      return undefined;
    } catch (error) {
      return toFault(error, 'a machine with the wanted version is not healthy');
    }
  }

  /** All of a group's first machines are there: from now on what is there says how many there should be. */
  async endFirst(): Promise<void> {
    const { fly, app, log } = this.#context;
    if (this.#stopped !== undefined || this.#full.size > 0) return;
    const isFirst = (machine: Machine): boolean => {
      const metadata = machine.config?.metadata ?? {};
      return metadata[stampKeys.first] !== undefined && parseSlot(metadata[stampKeys.slot])?.group === this.#group;
    };
    try {
      const first = (await fly.machines(app.name)).filter(isFirst);
      await Promise.all(first.map((machine) => fly.patchMetadata(app.name, machine.id, { [stampKeys.first]: null })));
    } catch (error) {
      // The machines are there and well. The next plan sees that, too, and takes the stamp away.
      log.warn({ app: app.name, error: String(error) }, 'a first rollout was not marked as complete');
    }
  }

  async batch(steps: readonly RollStep[], concurrency: number): Promise<void> {
    const queue = new PQueue({ concurrency });
    await Promise.all(steps.map((step) => queue.add(() => this.#one(step))));
  }

  /** The first alone. One that its region has no room for shows nothing of the version: the next one is the first. */
  async create(steps: readonly Change[]): Promise<void> {
    let shown = 0;
    for (const step of steps) {
      await this.batch([step], 1);
      shown += 1;
      if (!this.#full.has(step.slot.region)) break;
    }
    await this.batch(steps.slice(shown), immediateAtOnce);
  }

  /** Like `batch`, but the next may go as soon as one is sent: health is waited for side by side. */
  async send(steps: readonly RollStep[], concurrency: number): Promise<void> {
    const queue = new PQueue({ concurrency });
    const done = steps.map((step) => {
      const sent = Promise.withResolvers<void>();
      const ended = Promise.withResolvers<void>();
      void queue.add(() => {
        void this.#one(step, sent.resolve).then(ended.resolve, ended.reject).finally(sent.resolve);
        return sent.promise;
      });
      return ended.promise;
    });
    await Promise.all(done);
  }

  async #one(planned: RollStep, onceSent: () => void = () => undefined): Promise<void> {
    this.#stopped ??= whyStopped(this.#context);
    const because = this.#stopped ?? this.#noRoomFor(planned);
    if (because !== undefined) return this.#report.skipped(planned, because);
    this.#report.started(planned);
    try {
      const done =
        planned.kind === 'machine.restart'
          ? await restartToGrow(this.#context, planned, onceSent)
          : await this.#send(planned, onceSent);
      await this.#report.finished(planned, done);
    } catch (error) {
      const fault = toFault(error, `${planned.kind} ${planned.target} failed`);
      const why = `${planned.target} failed: ${fault.message}`;
      const isOneMore = planned.kind === 'machine.create' && !isAnew(this.#context, planned);
      if (isOneMore && isNoRoom(error)) this.#full.set(planned.slot.region, why);
      else this.#stopped ??= whyStopped(this.#context) ?? why;
      await this.#report.failed(planned, fault);
    }
  }

  /** A standby needs the machine that it stands in for, which may be one that could not be made. */
  #noRoomFor(step: RollStep): string | undefined {
    if (step.kind === 'machine.restart') return undefined;
    const awaited = step.standsInFor?.machineId === undefined ? step.standsInFor?.slot.region : undefined;
    const own = step.kind === 'machine.create' ? step.slot.region : undefined;
    return this.#full.get(own ?? '') ?? this.#full.get(awaited ?? '');
  }

  #send(planned: Change, onceSent: () => void): Promise<Done> {
    const launched = planned === this.#lead ? { ...this.#lead, skipLaunch: false } : planned;
    return this.#pin.during(launched, (step, onAnswer) => {
      const onSent = (machine: Machine): void => {
        onAnswer(machine);
        this.#report.sent();
        onceSent();
      };
      return step.kind === 'machine.create'
        ? createMachine(this.#context, step, onSent)
        : updateMachine(this.#context, step, onSent);
    });
  }
}
