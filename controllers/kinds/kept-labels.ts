/**
 * Labels that take machines over from another fleet. To that one the app may be its own still: it may be destroying it, and an
 * update of it that is on its way writes its own labels over them.
 */
import type { Machine } from '../../schemas/fly/machine.ts';
import { orUndefined } from '../../src/fly/http/absence.ts';
import { allEnded } from '../../src/model/base/ending.ts';
import { Fault, toFault } from '../../src/model/base/fault.ts';
import type { MachineLabel } from '../../src/model/plan.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { isFlycdLease } from '../../src/model/stamps/lease-holder.ts';
import {
  isOwn,
  isPresumed,
  isSameOwner,
  otherOwner,
  ownerStamps,
  type FleetOwner,
} from '../../src/model/stamps/owner.ts';
import { shownApp, shownMachine } from '../../src/observed/presence.ts';
import { readIfPossible } from '../../src/observed/reading.ts';
import { isGone, isHostOk, metadataOf } from '../../src/plan/classify/machine-state.ts';
import type { Store } from '../../src/record/store.ts';
import { outlasts, Watch, type Inscription, type Keeping } from './inscription.ts';

interface KeepingLabels extends Keeping {
  readonly store: Pick<Store, 'applyEvent'>;
}

interface Labelling {
  /** Whose the labels are. */
  readonly fleet: FleetOwner;
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
  { fleet, machines, labels, labelsFor, onProgress }: Labelling,
): Promise<readonly Labelled[]> {
  const { clock, fly } = context;
  // With `from`, machines that carry the earlier owner's labels would count as ours.
  const owner = { ...fleet, from: undefined };
  const beganAt = clock.monotonic();
  const done: Labelled[] = [];
  for (let there = machines, next = labels; next.length > 0;) {
    const written = await writeEach(context, app, { owner, labels: next, listed: there, onProgress });
    const labelled = written.flatMap(({ machine }) => machine ?? []);
    if (labelled.length === 0) return [...done, ...written];
    const stamped = there.filter((machine) => !isGone(machine) && metadataOf(machine)[stampKeys.fleet] !== undefined);
    const watched = [...labelled, ...there.filter((machine) => isOursAtWork(machine, owner))];
    const { inscription, theirs } = inscriptionOf(app, { owner, machines: watched, labels: next });
    const watch = new Watch(context, app, inscription, watched);
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

/** Ours already, as where the command was killed before: what somebody at work has sent may write over that as well. */
function isOursAtWork(machine: Machine, owner: FleetOwner): boolean {
  return !isGone(machine) && isOwn(metadataOf(machine), owner) && isFlycdLease(machine.lease?.description);
}

interface Writing extends Pick<Labelling, 'labels' | 'onProgress'> {
  /** Whose the labels are. */
  readonly owner: FleetOwner;
  readonly listed: readonly Machine[];
}

interface WrittenLabel extends Labelled {
  /** As it was right before. undefined: nothing was written. */
  readonly machine: Machine | undefined;
}

interface Tried extends Pick<WrittenLabel, 'fault' | 'machine'> {
  readonly isThere: boolean;
}

/** Side by side: the longer it takes, the more may come in between. A machine that is gone needs no label, unless all of them are. */
async function writeEach(
  context: KeepingLabels,
  app: string,
  { labels, ...writing }: Writing,
): Promise<readonly WrittenLabel[]> {
  const { clock } = context;
  const tried = await allEnded(
    labels.map(async (label) => {
      writing.onProgress?.(label);
      const startedAt = clock.now();
      const { isThere, ...ended } = await tryLabel(context, app, { ...writing, label });
      return { isThere, written: { label, startedAt, finishedAt: clock.now(), ...ended } };
    }),
  );
  const there = tried.filter(({ isThere }) => isThere);
  return (there.length > 0 ? there : tried).map(({ written }) => written);
}

async function tryLabel(
  context: KeepingLabels,
  app: string,
  asked: Omit<Writing, 'labels'> & Pick<WrittenLabel, 'label'>,
): Promise<Tried> {
  const { machineId } = asked.label;
  try {
    const machine = await shownMachine(context, app, machineId);
    if (machine === undefined || isGone(machine))
      return { fault: wentBefore(app, machineId), machine: undefined, isThere: false };
    await writeLabel(context, app, { ...asked, machine });
    return { fault: undefined, machine, isThere: true };
  } catch (error) {
    return { fault: toFault(error, 'a machine could not be labelled'), machine: undefined, isThere: true };
  }
}

/**
 * Lists lag, and another owner may have been faster. What says whose a machine is goes in one call: of parts of two owners' labels it
 * would be nobody's.
 */
async function writeLabel(
  { fly }: KeepingLabels,
  app: string,
  {
    owner,
    listed,
    label,
    machine,
  }: Omit<Writing, 'labels'> & Pick<WrittenLabel, 'label'> & { readonly machine: Machine },
): Promise<void> {
  if (!isHostOk(machine)) throw onDarkHost(app, machine.id);
  const metadata = metadataOf(machine);
  const before = listed.find(({ id }) => id === machine.id) ?? machine;
  const [was, is] = [before, machine].map((seen) => otherOwner(metadataOf(seen), owner));
  if (is !== undefined && !isSameOwner(is, was)) throw takenByOthers(app, machine.id);
  await fly.patchMetadata(app, machine.id, { ...label.metadata, ...ownerStamps(owner, metadata) });
}

interface Inscribed {
  readonly inscription: Inscription;
  /** Ids of those that somebody else has labelled otherwise since. */
  readonly theirs: ReadonlySet<string>;
}

interface Inscribing {
  /** Whose the labels are. */
  readonly owner: FleetOwner;
  /** As they were right before. */
  readonly machines: readonly Machine[];
  readonly labels: readonly MachineLabel[];
}

function inscriptionOf(app: string, { owner, machines, labels }: Inscribing): Inscribed {
  const wanted = new Map(labels.map(({ machineId, metadata }) => [machineId, metadata]));
  /** As it was when they were last written, or seen to stand: a label makes no version, and an update does. */
  const versions = new Map(machines.map(({ id, instance_id: version }) => [id, version]));
  const theirs = new Set<string>();
  const stands = ({ id, instance_id: version }: Machine): void => void versions.set(id, version);
  const inscription: Inscription = {
    lostOn: (live) => {
      const metadata = metadataOf(live);
      if (!versions.has(live.id)) return {};
      if (isOwn(metadata, owner) && !isPresumed(metadata, owner)) {
        stands(live);
        return {};
      }
      if (live.instance_id === versions.get(live.id)) theirs.add(live.id);
      return theirs.has(live.id) ? {} : { ...wanted.get(live.id), ...ownerStamps(owner, metadata) };
    },
    putBackOn: stands,
    // Of whatever fleet: none updates a machine that another one has taken over.
    looksFirst: ({ description }) => isFlycdLease(description),
    onEach: true,
    words: { done: 'it is taken over', subject: `that ${app} was taken over` },
  };
  return { inscription, theirs };
}

function wentBefore(app: string, id: string): Fault {
  return new Fault({
    kind: 'transient',
    what: `machine ${id} went before it could be labelled`,
    next: 'run the command again',
    where: `${app} ${id}`,
  });
}

function onDarkHost(app: string, id: string): Fault {
  return new Fault({
    kind: 'transient',
    what: `the host of machine ${id} does not answer, and it keeps its owner until then`,
    next: 'run the command again when the host is back',
    where: `${app} ${id}`,
  });
}

function takenByOthers(app: string, id: string): Fault {
  return new Fault({
    kind: 'held',
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
