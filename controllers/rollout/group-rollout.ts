import PQueue from 'p-queue';
import { allEnded } from '../../src/model/base/ending.ts';
import type { Machine } from '../../schemas/fly/machine.ts';
import { isNoRoom } from '../../src/fly/http/classification.ts';
import { imageMatches } from '../../src/flyconfig/sections/image.ts';
import { toFault, type Fault } from '../../src/model/base/fault.ts';
import type { MachineChange, MachineCreate, RolloutStep } from '../../src/model/plan.ts';
import { parseSent } from '../../src/model/stamps/stamps.ts';
import { parseSlot } from '../../src/model/stamps/slot.ts';
import { isOwn } from '../../src/model/stamps/owner.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { isHostOk, metadataOf } from '../../src/plan/classify/machine-state.ts';
import type { AppPass } from '../pass/app-pass.ts';
import type { StepDone } from '../pass/services.ts';
import { restartToGrow } from '../kinds/volume-growth.ts';
import { waitHealthy } from '../machines/health.ts';
import { judge } from '../../src/plan/classify/health.ts';
import { createMachine } from '../machines/create.ts';
import { updateMachine } from '../machines/update.ts';
import type { ImagePin } from '../images/pin.ts';

/** As flyctl: machines created or updated at once under `immediate`. */
export const immediateAtOnce = 8;

/** Machines looked at at once before a roll goes on: each look is a call a second. */
const siblingsAtOnce = 16;

/** Made and not started, or on its way out: such a machine says nothing about what it runs. */
const notRunYet: ReadonlySet<string> = new Set(['created', 'destroying', 'destroyed']);

export interface RollReport {
  finished(step: RolloutStep, done: StepDone): Promise<void>;
  failed(step: RolloutStep, fault: Fault): Promise<void>;
  skipped(step: RolloutStep, because: string): Promise<void>;
  started(step: RolloutStep): void;
  /** Fly has taken a machine's new config. */
  sent(): void;
}

export interface Rollout {
  readonly pass: AppPass;
  readonly report: RollReport;
  readonly pin: ImagePin;
}

/** It takes the place of a machine that goes when it is healthy: an update in all but the machine's id. */
export function isAnew({ leaving }: AppPass, step: RolloutStep): boolean {
  return step.kind === 'machine.create' && (step.replaces ?? []).some((id) => leaving.has(id));
}

/** Machines that serve until then. */
function touchedBy(step: RolloutStep): readonly string[] {
  return step.kind === 'machine.create' ? (step.replaces ?? []) : [step.machineId];
}

/** It was sent what one of the steps sends, image and all: a tag sent first and the digest sent afterwards are one image. */
function carriesAny(machine: Machine, steps: readonly RolloutStep[]): boolean {
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
  return state === 'waiting' || state === 'failed' || state === 'silent';
}

export class GroupRun {
  readonly #pass: AppPass;
  readonly #report: RollReport;
  readonly #pin: ImagePin;
  readonly #group: string;
  /** Started, though it is at rest. */
  readonly #lead: MachineChange | undefined;
  /** Of the machines to be touched: those that serve nobody now. */
  readonly #unwell = new Set<string>();
  #stopped: string | undefined;
  /** Regions without room, and how each was found out. */
  readonly #full = new Map<string, string>();

  constructor(rollout: Rollout, group: string, lead: MachineChange | undefined) {
    this.#pass = rollout.pass;
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
  async checkSiblings(steps: readonly RolloutStep[]): Promise<boolean> {
    const { fly } = this.#pass.services;
    const { app } = this.#pass;
    // Creating goes on beside an unhealthy machine: more of them may be how it gets better.
    const first = steps.find((step) => step.risk === 'restart') ?? this.#lead;
    if (first === undefined) return true;
    const touched = new Set(steps.flatMap(touchedBy));
    const isSibling = (machine: Machine): boolean => {
      const stays = !touched.has(machine.id) && !this.#pass.leaving.has(machine.id);
      return (
        stays &&
        this.#isOurs(machine) &&
        isHostOk(machine) &&
        !notRunYet.has(machine.state) &&
        carriesAny(machine, steps)
      );
    };
    const queue = new PQueue({ concurrency: siblingsAtOnce });
    const look = async (): Promise<Fault | undefined> => {
      const machines = await fly.machines(app.name);
      for (const machine of machines) if (touched.has(machine.id) && isUnwell(machine)) this.#unwell.add(machine.id);
      const siblings = machines.filter(isSibling);
      const looks = siblings.map((sibling) => queue.add(() => this.#lookAt(sibling)));
      return (await allEnded(looks)).find((found) => found !== undefined);
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
  unwellFirst(steps: readonly RolloutStep[]): readonly RolloutStep[] {
    const unwell = (step: RolloutStep): number => Number(touchedBy(step).some((id) => this.#unwell.has(id)));
    return steps.toSorted((a, b) => unwell(b) - unwell(a));
  }

  async #lookAt(sibling: Machine): Promise<Fault | undefined> {
    try {
      await waitHealthy(this.#pass, { machineId: sibling.id, version: sibling.instance_id, nonce: undefined });
      return undefined;
    } catch (error) {
      return toFault(error, 'a machine with the wanted version is not healthy');
    }
  }

  /**
   * All of a group's first machines, or the first of a region, are there: from now on what is there says how many there
   * should be.
   */
  async endFirst(made: readonly MachineCreate[]): Promise<void> {
    const { fly, log } = this.#pass.services;
    const { app } = this.#pass;
    if (this.#stopped !== undefined || this.#full.size > 0) return;
    const { regions } = stampKeys;
    // Those in a region that was named newly say the most.
    const [named] = made
      .flatMap(({ config }) => config.metadata?.[regions] ?? [])
      .toSorted((a, b) => b.length - a.length);
    const patchOf = (metadata: Readonly<Record<string, string>>): Record<string, string | null> => ({
      ...(metadata[stampKeys.first] === undefined ? {} : { [stampKeys.first]: null }),
      ...(named === undefined || metadata[regions] === undefined || metadata[regions] === named
        ? {}
        : { [regions]: named }),
    });
    try {
      const patches = (await fly.machines(app.name)).flatMap((machine) => {
        const patch = this.#isOurs(machine) ? patchOf(metadataOf(machine)) : {};
        return Object.keys(patch).length === 0 ? [] : [{ id: machine.id, patch }];
      });
      await allEnded(patches.map(({ id, patch }) => fly.patchMetadata(app.name, id, patch)));
    } catch (error) {
      // The machines are there and well. The next plan sees that, too, and stamps the others.
      log.warn({ app: app.name, error: String(error) }, 'a first rollout was not marked as complete');
    }
  }

  /** Of the group, and of this fleet: another's may be named alike. */
  #isOurs(machine: Machine): boolean {
    const metadata = metadataOf(machine);
    return isOwn(metadata, this.#pass.fleet) && parseSlot(metadata[stampKeys.slot])?.group === this.#group;
  }

  async batch(steps: readonly RolloutStep[], concurrency: number): Promise<void> {
    const queue = new PQueue({ concurrency });
    await allEnded(steps.map((step) => queue.add(() => this.#one(step))));
  }

  /** The first alone. One that its region has no room for shows nothing of the version: the next one is the first. */
  async create(steps: readonly MachineChange[]): Promise<void> {
    let shown = 0;
    for (const step of steps) {
      await this.batch([step], 1);
      shown += 1;
      if (!this.#full.has(step.slot.region)) break;
    }
    await this.batch(steps.slice(shown), immediateAtOnce);
  }

  /** Like `batch`, but the next may go as soon as one is sent: health is waited for side by side. */
  async send(steps: readonly RolloutStep[], concurrency: number): Promise<void> {
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
    await allEnded(done);
  }

  async #one(planned: RolloutStep, onceSent: () => void = () => undefined): Promise<void> {
    this.#stopped ??= this.#pass.whyStopped();
    const because = this.#stopped ?? this.#noRoomFor(planned);
    if (because !== undefined) return this.#report.skipped(planned, because);
    this.#report.started(planned);
    try {
      const done =
        planned.kind === 'machine.restart'
          ? await restartToGrow(this.#pass, planned, onceSent)
          : await this.#send(planned, onceSent);
      await this.#report.finished(planned, done);
    } catch (error) {
      const fault = toFault(error, `${planned.kind} ${planned.target} failed`);
      const why = `${planned.target} ${fault.kind === 'waiting' ? 'waits' : 'failed'}: ${fault.message}`;
      const isOneMore = planned.kind === 'machine.create' && !isAnew(this.#pass, planned);
      if (isOneMore && isNoRoom(error)) this.#full.set(planned.slot.region, why);
      else this.#stopped ??= this.#pass.whyStopped() ?? why;
      await this.#report.failed(planned, fault);
    }
  }

  /** A standby needs the machine that it stands in for, which may be one that could not be made. */
  #noRoomFor(step: RolloutStep): string | undefined {
    if (step.kind === 'machine.restart') return undefined;
    const awaited = step.standsInFor?.machineId === undefined ? step.standsInFor?.slot.region : undefined;
    const own = step.kind === 'machine.create' ? step.slot.region : undefined;
    return this.#full.get(own ?? '') ?? this.#full.get(awaited ?? '');
  }

  #send(planned: MachineChange, onceSent: () => void): Promise<StepDone> {
    const launched = planned === this.#lead ? { ...this.#lead, skipLaunch: false } : planned;
    return this.#pin.during(launched, (step, onAnswer) => {
      const onSent = (machine: Machine): void => {
        onAnswer(machine);
        this.#report.sent();
        onceSent();
      };
      return step.kind === 'machine.create'
        ? createMachine(this.#pass, step, onSent)
        : updateMachine(this.#pass, step, onSent);
    });
  }
}
