import type { Machine } from '../../schemas/fly/machine.ts';
import type { BeforeSent, FlyWriter } from '../../src/fly/api.ts';
import { FlyError } from '../../src/fly/http/error.ts';
import { allEnded } from '../../src/model/base/ending.ts';
import { Fault } from '../../src/model/base/fault.ts';
import type { AppStep, MachineLabel } from '../../src/model/plan.ts';
import { appIdOf, observeApp } from '../../src/observed/app.ts';
import { shownApp } from '../../src/observed/presence.ts';
import { isHostOk } from '../../src/plan/classify/machine-state.ts';
import { classifyMachines } from '../../src/plan/classify/machines.ts';
import { unlabelledOf } from '../../src/plan/guards/owner.ts';
import { adoptable, ownerLabels } from '../../src/plan/kinds/owner-labels.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { takenOver } from '../pass/basis.ts';
import { checkAdopted, isOfOwnerBefore } from '../pass/beginning.ts';
import { flyNow } from '../pass/fly-now.ts';
import type { AppServices, StepDone } from '../pass/services.ts';
import { writeLabels } from './kept-labels.ts';

const createOperation = 'POST /apps';

/** A first sync is over by then, or has machines whose leases tell. */
const otherCreatorMs = 60_000;

/** app.create and app.adopt. Creating is repeated safely: a name that is ours already is success. */
export async function applyAppStep(pass: AppPass, step: AppStep): Promise<StepDone> {
  switch (step.kind) {
    case 'app.create':
      return createApp(pass, step.org, step.network);
    case 'app.adopt':
      return adoptApp(pass);
    case 'app.destroy':
      return destroyApp({ fly: pass.services.fly, isGone: () => isAppGone(pass.services, step.app) }, step.app);
  }
}

/**
 * What is taken over from another fleet says so at once, whatever of the plan is held: to that fleet it would still be an
 * app of its own, which it may destroy. A group that git does not name stays that fleet's, else the next pass would remove it.
 */
async function adoptApp(pass: AppPass): Promise<StepDone> {
  const { services, app, fleet, basis } = pass;
  const { fly, store, clock } = services;
  const theirsIn = (machines: readonly Machine[]): readonly Machine[] => {
    const moment = { now: clock.now(), aheadMs: fly.aheadMs() };
    return adoptable(classifyMachines({ desired: app, machines, releases: undefined, fleet, ...moment }), fleet);
  };
  // What somebody else has begun or taken over since it was planned stays theirs, made before our labels or after.
  const labelsFor = (machines: readonly Machine[]): readonly MachineLabel[] => {
    const theirs = theirsIn(machines).filter((machine) => isOfOwnerBefore(pass, machine));
    return ownerLabels({ app: app.name, machines: theirs, fleet, because: 'taken over' });
  };
  const listed = await fly.machines(app.name);
  // What was planned from, and one list does not show, may be there all the same.
  const unlisted = theirsIn(basis.machines ?? []).filter(({ id }) => listed.every((machine) => machine.id !== id));
  const looked = await allEnded(unlisted.map(({ id }) => fly.machine(app.name, id)));
  const machines = [...listed, ...looked.filter((machine) => machine !== undefined)];
  // The labels go to machines of the owner that was planned from: one who has taken the app over since keeps it.
  const planned = new Map(basis.machines?.map((machine) => [machine.id, machine]));
  const asPlanned = machines.map((machine) => (isHostOk(machine) && planned.get(machine.id)) || machine);
  const labels = labelsFor(asPlanned);
  // Beside another owner who stands in it by now, labels of ours would leave each of the two a part.
  checkAdopted(pass, machines, labels);
  let seen: readonly Machine[] = machines;
  const labelled = await writeLabels(services, app.name, {
    fleet,
    machines: asPlanned,
    labels,
    labelsFor: (listed) => {
      seen = listed;
      return labelsFor(listed);
    },
  });
  const taken = labelled.flatMap(({ label, fault }) => (fault === undefined ? [label] : []));
  for (const known of [pass.adopted, services.adopted]) for (const { machineId } of taken) known?.add(machineId);
  const failed = labelled.find(({ fault }) => fault !== undefined)?.fault;
  if (failed !== undefined) throw failed;
  checkAdopted(pass, seen, taken);
  await store.markKnown(app.name);
  const dark = unlabelledOf(app.name, theirsIn(machines), fleet);
  const wasDark = unlabelledOf(app.name, theirsIn(basis.machines ?? []), fleet);
  // The plan says so of those of which it knew.
  if (dark === undefined || dark.because === wasDark?.because) return { outcome: 'updated' };
  const { because: what, next } = dark;
  throw new Fault({ kind: 'waiting', what, next, where: app.name, retryAt: clock.now() });
}

/** By the end of a pass that took the app over another owner may have done so, too. undefined: none has, as far as anybody can see. */
export async function takenSince(pass: AppPass): Promise<Fault | undefined> {
  const { app, overtaken } = pass;
  const { adopted, fly, log, signal } = pass.services;
  if (overtaken !== undefined || signal.aborted) return undefined;
  // By an earlier try of the command, too.
  for (const id of adopted ?? pass.adopted) {
    try {
      const machine = await fly.machine(app.name, id);
      const taken = machine === undefined ? undefined : takenOver(pass, [machine]);
      if (taken !== undefined) return taken;
    } catch (error) {
      log.warn({ app: app.name, machine: id, error: String(error) }, 'nobody saw whose the machine is by now');
    }
  }
  return undefined;
}

interface DestroyParts {
  readonly fly: FlyWriter;
  /** As far as can be seen. */
  readonly isGone: () => Promise<boolean>;
  readonly beforeSent?: BeforeSent;
}

/** An answer that was lost, or that there is no such app, which may be true for a moment alone, is looked into. */
export async function destroyApp({ fly, isGone, beforeSent }: DestroyParts, app: string): Promise<StepDone> {
  const done = { outcome: 'deleted' } as const;
  const isSeenGone = (): Promise<boolean> => isGone().catch(() => false);
  try {
    if (await fly.deleteApp(app, beforeSent)) return done;
  } catch (error) {
    const isLost = error instanceof FlyError && error.outcome === 'unknown';
    if (isLost && (await isSeenGone())) return done;
    throw error;
  }
  if (await isSeenGone()) return done;
  throw new Fault({
    kind: 'transient',
    what: `Fly answered that there is no app ${app}, and nothing shows that it is gone`,
    next: 'FlyCD looks again, and destroys it if it is there',
    where: app,
  });
}

async function isAppGone(services: Pick<AppServices, 'fly' | 'clock'>, app: string): Promise<boolean> {
  const { presence, isListed } = await shownApp(services, app);
  return presence.state === 'absent' && !isListed;
}

async function createApp(pass: AppPass, org: string | undefined, network: string | undefined): Promise<StepDone> {
  const { fly, store, clock } = pass.services;
  const { app } = pass;
  if (org === undefined) {
    throw new Fault({
      kind: 'stalled',
      what: `no organization is known for app ${app.name}`,
      why: 'app.yaml and its projects name none, and the token reaches several',
      next: 'write `org:` into app.yaml or project.yaml, or set FLY_ORG',
      where: app.file,
    });
  }
  const { appId: earlier, underway } = await store.memory(app.name);
  await store.applyEvent(app.name, { kind: 'creating' });
  // Of one that was asked for before, and is perhaps there, this call's answer says nothing.
  const refused = async (): Promise<void> => {
    if (underway !== 'creating') await store.applyEvent(app.name, { kind: 'refused' });
  };
  let isSent = false;
  const beforeSent: BeforeSent = async () => {
    isSent = true;
  };
  try {
    const appId = appIdOf(await fly.createApp({ name: app.name, org, network }, beforeSent));
    await store.applyEvent(app.name, { kind: 'created', appId, known: true, now: flyNow({ clock, fly }) });
    return { outcome: 'created' };
  } catch (error) {
    // What ended it before it was sent, or before another try of what Fly had refused.
    const isOwn = error instanceof Fault && !(error instanceof FlyError);
    // A read behind it that fails says nothing of the create.
    const isRefused = error instanceof FlyError && error.outcome === 'refused' && error.operation === createOperation;
    if (!isSent || isOwn || isRefused) await refused();
    if (!(error instanceof FlyError) || (error.outcome === 'refused' && error.status !== 422)) throw error;
    const presence = await fly.app(app.name);
    if (presence.state !== 'present') throw error;
    const appId = appIdOf(presence.app);
    if (earlier !== undefined && appId === earlier) {
      await store.applyEvent(app.name, { kind: 'refused' });
      throw new Fault({
        kind: 'waiting',
        what: `Fly did not show app ${app.name} for a moment`,
        next: 'FlyCD looks at it again and plans anew',
        where: app.name,
        retryAt: clock.now(),
      });
    }
    // Nothing tells whose an empty one is: it is made use of, and proves nothing.
    const empty = error.outcome === 'unknown' ? await isEmpty(pass) : false;
    if (empty === true) {
      await store.applyEvent(app.name, { kind: 'created', appId, known: false, now: flyNow({ clock, fly }) });
      return { outcome: 'created', message: 'it was there already' };
    }
    if (empty === false) await refused();
    // It was not there a moment ago: whoever made it is about to make the rest, and two would make everything twice.
    throw new Fault({
      kind: 'waiting',
      what: `somebody else created app ${app.name} at this moment`,
      next: 'FlyCD looks again in a minute and goes on from what it sees',
      where: app.name,
      retryAt: clock.now() + otherCreatorMs,
    });
  }
}

/** As FlyCD's create leaves it. Whoever has put something into it has made it. undefined: not all of it could be read. */
async function isEmpty({ services: { fly, clock }, app }: AppPass): Promise<boolean | undefined> {
  const { machines, volumes, secrets, addresses } = await observeApp({ fly, clock, app: app.name });
  const kinds = [machines, volumes, secrets, addresses];
  if (kinds.some((kind) => kind.status === 'read' && kind.value.length > 0)) return false;
  return kinds.every((kind) => kind.status === 'read') ? true : undefined;
}
