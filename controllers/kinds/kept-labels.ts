/**
 * Labels that take machines over from another fleet. To that one the app may be its own still: it may be destroying it, and an
 * update of it that is on its way writes its own labels over them.
 */
import type { Machine } from '../../schemas/fly/machine.ts';
import { orUndefined } from '../../src/fly/http/absence.ts';
import { Fault, toFault } from '../../src/model/base/fault.ts';
import type { MachineLabel } from '../../src/model/plan.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { isFlycdLease } from '../../src/model/stamps/lease-holder.ts';
import { shownApp } from '../../src/observed/presence.ts';
import { readIfPossible } from '../../src/observed/reading.ts';
import { isGone, metadataOf } from '../../src/plan/classify/machine-state.ts';
import type { Store } from '../../src/record/store.ts';
import { outlasts, Watch, type Inscription, type Keeping } from './inscription.ts';

/** By which of its labels a machine is another owner's: an update of the earlier one may write whatever else it likes. */
const whoseKeys = [stampKeys.fleet, stampKeys.origin] as const;

type Labels = Readonly<Record<string, string | null>>;

interface KeepingLabels extends Keeping {
  readonly store: Pick<Store, 'applyEvent'>;
}

interface Labelling {
  /** Of the app, as they were listed before. */
  readonly machines: readonly Machine[];
  /** Of those machines. */
  readonly labels: readonly MachineLabel[];
  /** Of others that came meanwhile, as they are listed then. */
  readonly labelsFor: (machines: readonly Machine[]) => readonly MachineLabel[];
  readonly onProgress?: ((label: MachineLabel) => void) | undefined;
}

/** A label, and what came of it. */
export interface Labelled {
  readonly label: MachineLabel;
  readonly startedAt: number;
  readonly finishedAt: number;
  /** undefined: it is written, and stays. */
  readonly fault: Fault | undefined;
}

/**
 * Writes the labels, each that can be written, and ends when nobody who was destroying the app takes it along any more and no
 * update that was on its way can write over them: what was written over is put back. Where somebody was at work, machines that were
 * made meanwhile are labelled, too. Throws a transient Fault where the app is gone, with nothing remembered of it, where nobody
 * could see whether it is, or where somebody who looks at nothing first is at work all that time.
 */
export async function writeLabels(
  context: KeepingLabels,
  app: string,
  { machines, labels, labelsFor, onProgress }: Labelling,
): Promise<readonly Labelled[]> {
  const { clock, fly } = context;
  const beganAt = clock.monotonic();
  const done: Labelled[] = [];
  for (let there = machines, next = labels; next.length > 0;) {
    const written = await writeEach(context, app, { labels: next, onProgress });
    const kept = new Map(
      written.flatMap(({ label, fault }) => (fault === undefined ? [[label.machineId, label]] : [])),
    );
    if (kept.size === 0) return [...done, ...written];
    const stamped = there.filter((machine) => !isGone(machine) && metadataOf(machine)[stampKeys.fleet] !== undefined);
    const labelled = there.filter(({ id }) => kept.has(id));
    const { inscription, theirs } = inscriptionOf(app, labelled, kept);
    const watch = new Watch(context, app, inscription, labelled);
    const stays = await outlasts(context, app, { watch, there: stamped, beganAt });
    const isTaken = ({ label: { machineId } }: Labelled): boolean => theirs.has(machineId);
    done.push(
      ...written.map((one) => (isTaken(one) ? { ...one, fault: takenByOthers(app, one.label.machineId) } : one)),
    );
    if (stays && !watch.sawWork) return done;
    // Of an app that is gone Fly lists none: that call fails.
    there = (await orUndefined(fly.machines(app))) ?? [];
    const known = new Set(done.map(({ label }) => label.machineId));
    next = labelsFor(there).filter(({ machineId }) => !known.has(machineId));
    if (!stays && next.length === 0) throw await wentMeanwhile(context, app);
  }
  return done;
}

async function writeEach(
  { clock, fly }: KeepingLabels,
  app: string,
  { labels, onProgress }: Pick<Labelling, 'onProgress'> & { readonly labels: readonly MachineLabel[] },
): Promise<readonly Labelled[]> {
  const written: Labelled[] = [];
  for (const label of labels) {
    onProgress?.(label);
    const startedAt = clock.now();
    let fault: Fault | undefined;
    try {
      await fly.patchMetadata(app, label.machineId, label.metadata);
    } catch (error) {
      fault = toFault(error, 'a machine could not be labelled');
    }
    written.push({ label, startedAt, finishedAt: clock.now(), fault });
  }
  return written;
}

interface Inscribed {
  readonly inscription: Inscription;
  /** Ids of those that somebody else has labelled otherwise since. */
  readonly theirs: ReadonlySet<string>;
}

function inscriptionOf(
  app: string,
  machines: readonly Machine[],
  labels: ReadonlyMap<string, MachineLabel>,
): Inscribed {
  const before = new Map(machines.map((machine) => [machine.id, machine]));
  /** As it was seen last: a label makes no version, and an update does. */
  const versions = new Map(machines.map(({ id, instance_id: version }) => [id, version]));
  const theirs = new Set<string>();
  const inscription: Inscription = {
    lostOn: (live) => {
      const [label, listed] = [labels.get(live.id), before.get(live.id)];
      if (label === undefined || listed === undefined) return {};
      const [there, was] = [metadataOf(live), metadataOf(listed)];
      const owner: Labels = Object.fromEntries(whoseKeys.map((key) => [key, was[key] ?? null]));
      const wanted: Labels = { ...owner, ...label.metadata };
      const lost = whoseKeys.filter((key) => (there[key] ?? null) !== wanted[key]);
      const isUpdated = live.instance_id !== versions.get(live.id);
      versions.set(live.id, live.instance_id);
      const isAsBefore = lost.some((key) => (there[key] ?? null) === owner[key]);
      const isTheirs = lost.length > 0 && !isUpdated && !isAsBefore;
      if (isTheirs) theirs.add(live.id);
      else theirs.delete(live.id);
      return isTheirs || lost.length === 0 ? {} : wanted;
    },
    // Of whatever fleet: none updates a machine that another one has taken over.
    looksFirst: ({ description }) => isFlycdLease(description),
    onEach: true,
    words: { done: 'it is taken over', subject: `that ${app} was taken over` },
  };
  return { inscription, theirs };
}

function takenByOthers(app: string, id: string): Fault {
  return new Fault({
    kind: 'transient',
    what: `machine ${id} was taken over by somebody else at that moment`,
    next: 'agree on whose the app is, and run the command of that one again',
    where: `${app} ${id}`,
  });
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
