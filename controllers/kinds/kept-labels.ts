/** Labels that take machines over from another fleet: to that one the app may be its own still, which it is destroying. */
import type { Machine } from '../../schemas/fly/machine.ts';
import type { FlyWriter } from '../../src/fly/api.ts';
import { Fault } from '../../src/model/base/fault.ts';
import type { MachineLabel } from '../../src/model/plan.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { shownApp } from '../../src/observed/presence.ts';
import { readIfPossible } from '../../src/observed/reading.ts';
import { isGone, isHostOk, metadataOf } from '../../src/plan/classify/machine-state.ts';
import type { Store } from '../../src/record/store.ts';
import { outlastsDestroys, type Sight } from './outlasting.ts';

/** By which of its labels a machine is another owner's: an update of the earlier one may write whatever else it likes. */
const whoseKeys = [stampKeys.fleet, stampKeys.origin] as const;

interface KeepingLabels extends Omit<Parameters<typeof outlastsDestroys>[0], 'fly'> {
  readonly fly: FlyWriter;
  readonly store: Pick<Store, 'applyEvent'>;
}

interface Labelled {
  readonly labels: readonly Pick<MachineLabel, 'machineId' | 'metadata'>[];
  /** Of the app, as they were listed before. */
  readonly machines: readonly Machine[];
}

/**
 * Ends when nobody who was destroying the app takes it along any more. Throws a transient Fault where it is gone, with nothing
 * remembered of it, or nobody could see whether it is.
 */
export async function keepLabels(context: KeepingLabels, app: string, { labels, machines }: Labelled): Promise<void> {
  const { fly } = context;
  if (labels.length === 0) return;
  const before = new Map(machines.map((machine) => [machine.id, metadataOf(machine)]));
  const patches = new Map(labels.map(({ machineId, metadata }) => [machineId, metadata]));
  const look = async (id: string): Promise<Sight> => {
    const machine = await fly.machine(app, id);
    const patch = patches.get(id);
    const isThere = machine !== undefined && !isGone(machine) && isHostOk(machine);
    if (!isThere || patch === undefined) return { machine, isWritten: false };
    // As before, by an update that was on its way. What somebody has labelled otherwise since is theirs.
    const there = metadataOf(machine);
    const whose = whoseKeys.find((key) => key in patch && patch[key] !== before.get(id)?.[key]);
    const isLost = whose !== undefined && there[whose] === before.get(id)?.[whose];
    if (isLost) await fly.patchMetadata(app, id, patch);
    return { machine, isWritten: !isLost };
  };
  const stamped = machines.filter((machine) => !isGone(machine) && metadataOf(machine)[stampKeys.fleet] !== undefined);
  const written = new Set(patches.keys());
  if (await outlastsDestroys(context, app, { machines: stamped, written, look })) return;
  throw await wentMeanwhile(context, app);
}

/** What was remembered of it would be remembered of the next app by the name. */
async function wentMeanwhile({ fly, clock, store }: KeepingLabels, app: string): Promise<Fault> {
  const shown = await readIfPossible(shownApp({ fly, clock }, app));
  const isOver = shown.status === 'read' && shown.value.presence.state === 'absent' && !shown.value.isListed;
  if (isOver) {
    await store.applyEvent(app, { kind: 'destroying' });
    await store.applyEvent(app, { kind: 'destroyed' });
  }
  return new Fault({
    kind: 'transient',
    what: isOver
      ? `${app} was destroyed while it was taken over`
      : `the machines of ${app} were destroyed while it was taken over`,
    why: 'the labels came too late for somebody who was destroying it already',
    next: 'flycd sync makes it as git says',
    where: app,
  });
}
