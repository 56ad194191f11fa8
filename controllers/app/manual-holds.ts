/** What a person says of one app: leave it alone, go back and stay there, or follow git again. */
import { allEnded } from '../../src/model/base/ending.ts';
import type { Machine } from '../../schemas/fly/machine.ts';
import type { DesiredApp, DesiredFleet } from '../../src/model/desired.ts';
import { Fault } from '../../src/model/base/fault.ts';
import type { AppPlan } from '../../src/model/plan.ts';
import type { Run, Trigger } from '../../src/model/run.ts';
import type { Standing, StandingKey } from '../../src/model/standing/standing.ts';
import {
  formatHold,
  formatLifted,
  formatSuspension,
  nextCount,
  nextTime,
} from '../../src/model/standing/standing-text.ts';
import { knowsApp } from '../../src/model/standing/memory.ts';
import { isAnotherApp, memoryOf } from '../../src/model/standing/remembered.ts';
import { parseGood, isSameVersion, type GoodVersion } from '../../src/model/stamps/app-version.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { shortOrigin } from '../../src/model/stamps/origin.ts';
import type { OtherOwner } from '../../src/model/stamps/owner.ts';
import { ownerBefore, provesOurs } from '../../src/plan/classify/beginning.ts';
import { metadataOf } from '../../src/plan/classify/machine-state.ts';
import { suspensionOf } from '../../src/model/standing/in-force.ts';
import { ownerWords } from '../../src/plan/guards/owner.ts';
import { suspensionWords } from '../../src/plan/target/suspension.ts';
import { asKnown, standingMachines, standingOf } from '../../src/plan/target/rollout-state.ts';
import { versionOf } from '../../src/plan/target/app-version.ts';
import type { RecordedGood } from '../../src/record/store.ts';
import type { SyncContext } from './types.ts';
import { flyNow } from '../pass/fly-now.ts';
import { appIdOf } from '../../src/observed/app.ts';
import { listedMachines } from '../../src/observed/presence.ts';
import { snapshotAt } from '../rollout/snapshot.ts';
import { keepWords } from '../rollout/kept-words.ts';
import { over, presenceOf, sayOfOrphan } from './presence.ts';
import { stampRolloutState, type Stamping } from '../rollout/rollout-state.ts';
import { shellWord } from '../../src/model/base/shell.ts';

/** What a person's word is about. */
export interface Subject {
  readonly name: string;
  /** true: git no longer names it, so that no app will come after it. */
  readonly isOrphan?: boolean;
  /** Looks at it, and says what is to be done with it now. */
  plan(): Promise<AppPlan>;
}

/** Metadata has no documented limit; a sentence has. */
export const reasonCharactersMax = 200;
/** Machines asked which versions they ran before, where SQLite does not know. */
const machinesAskedMax = 2;

export interface Told {
  readonly app: string;
  readonly run: Run;
  /** What was lifted, in words; of a resume only. */
  readonly lifted: readonly string[];
  /** Of a suspension: its words. */
  readonly because?: string;
  /** Of a suspension. false: there is no machine to write it on, so that other FlyCDs do not know of it. */
  readonly isStamped?: boolean;
}

interface Stood {
  readonly appId: string | undefined;
  /** true: what SQLite knows is of an earlier app by the name. */
  readonly isAnother: boolean;
  readonly machines: readonly Machine[];
  readonly standing: Standing;
}

/**
 * What stands about the app, by its machines and by SQLite. What others have said is remembered with what is said now. Throws a
 * Fault where nothing can be said of it here: it is another owner's, or git does not name it and it is gone.
 */
async function look(
  context: SyncContext,
  fleet: DesiredFleet,
  { name: app, isOrphan = false }: Pick<Subject, 'name' | 'isOrphan'>,
): Promise<Stood> {
  const { store } = context;
  const stored = await store.memory(app);
  const presence = await presenceOf(context, app);
  const listed = presence.state === 'present' ? await listedMachines(context, app) : [];
  const id = presence.state === 'present' ? appIdOf(presence.app) : undefined;
  const isThere = presence.state === 'present';
  const isKnown = knowsApp(memoryOf(stored, { isThere, id, isStamped: true }));
  const machines = asKnown({ machines: listed, isKnown });
  const isStamped = standingMachines(machines, fleet).length > 0;
  const other = isStamped ? undefined : ownerBefore(machines, fleet);
  if (other !== undefined) throw anothers(app, other);
  if (isOrphan && !isStamped) throw over(app);
  const shown = { isThere, id, isStamped };
  const standing = standingOf({ machines, fleet }, memoryOf(stored, shown));
  // One that has come since is for a pass to get to know.
  if (id !== undefined && !isAnotherApp(stored, shown)) {
    const seen = { ...shown, id, isProven: provesOurs(machines, fleet) };
    await store.applyEvent(app, { kind: 'seen', shown: seen, texts: standing.texts, remembered: stored });
  }
  return { appId: id, isAnother: shown.isThere && isAnotherApp(stored, shown), machines, standing };
}

/** Its machines would not carry it, and what SQLite alone knows would count from the day on which the app is taken over. */
function anothers(app: string, other: OtherOwner): Fault {
  const from = shortOrigin(other.origin);
  return new Fault({
    kind: 'stalled',
    what: `${app} is not this fleet's`,
    why: `${ownerWords(other)} owns it`,
    next: `nothing was said of it. To take it over, flycd adopt ${shellWord(app)}${from === undefined ? '' : ` --from ${shellWord(from)}`} first; else say it with the config of its owner`,
    where: app,
  });
}

/** From now on the app is looked at and not touched; what runs at this moment ends first. */
export async function suspendApp(
  context: SyncContext,
  fleet: DesiredFleet,
  wish: { readonly app: Subject; readonly reason: string; readonly forMs: number | undefined },
): Promise<Told> {
  const { actor } = context;
  const { app, reason, forMs } = wish;
  const { appId, machines, standing } = await look(context, fleet, app);
  const at = flyNow(context);
  const until = forMs === undefined ? undefined : at + forMs;
  const suspension = { reason, by: actor, at, until, count: nextCount(standing.texts[stampKeys.suspend]) };
  const texts = { [stampKeys.suspend]: formatSuspension(suspension) };
  const say = () => stampOrThrow(context, fleet, { app: app.name, appId, texts, machines });
  const run = await recordSaid(context, fleet, {
    app,
    trigger: 'suspend',
    say: () => (app.isOrphan === true ? sayOfOrphan(context, { app: app.name, appId, say }) : say()),
  });
  const isStamped = standingMachines(machines, fleet).length > 0;
  return { app: app.name, run, lifted: [], because: suspensionWords(suspension), isStamped };
}

/** Lifts whatever keeps the app from following git: a suspension, a hold after a rollback, a release that failed. */
export async function resumeApp(context: SyncContext, fleet: DesiredFleet, app: Subject): Promise<Told> {
  const { actor } = context;
  const { appId, machines, standing } = await look(context, fleet, app);
  const at = flyNow(context);
  const said: readonly (readonly [StandingKey, string | undefined])[] = [
    [stampKeys.suspend, suspensionOf(standing, at) && `suspended by ${standing.suspension?.by ?? ''}`],
    [stampKeys.hold, standing.hold && `rolled back by ${standing.hold.by}`],
    [stampKeys.failed, standing.failed && 'a release that failed'],
  ];
  const lifted = said.filter(([, words]) => words !== undefined);
  const texts = Object.fromEntries(
    said.flatMap(([key, words]) => {
      const text = standing.texts[key];
      if (words !== undefined)
        return [
          [
            key,
            formatLifted({
              by: actor,
              at: key === stampKeys.failed ? nextTime(standing.texts, at) : at,
              count: nextCount(text),
            }),
          ],
        ];
      return text !== undefined && carriesAnother(machines, key, text) ? [[key, text]] : [];
    }),
  );
  const isNews = lifted.length > 0;
  const say = async (): Promise<void> => {
    if (Object.keys(texts).length > 0) await stampOrThrow(context, fleet, { app: app.name, appId, texts, machines });
  };
  const run = await recordSaid(context, fleet, { app, trigger: 'resume', isNews, say });
  return { app: app.name, run, lifted: lifted.flatMap(([, words]) => words ?? []) };
}

/** A word that was overruled and still stands somewhere: on a clone, or on a machine whose host was down. */
function carriesAnother(machines: readonly Machine[], key: StandingKey, text: string): boolean {
  return machines.some((machine) => (metadataOf(machine)[key] ?? text) !== text);
}

/**
 * Decides where the app goes back to, makes sure that it can, and holds it there. The pass that takes it there comes
 * afterwards: whoever comes later finds the hold and goes on. Without a run: the newest version that ran well and is not
 * what git says now. Throws a Fault where there is nothing to go back to.
 */
export async function holdBackAt(
  context: SyncContext,
  fleet: DesiredFleet,
  wish: { readonly app: DesiredApp; readonly run: number | undefined },
): Promise<GoodVersion> {
  const { actor, fly } = context;
  const { app, run } = wish;
  const stood = await look(context, fleet, app);
  const suspension = suspensionOf(stood.standing, flyNow(context));
  if (suspension !== undefined) throw suspended(app.name, suspension.by);
  const to =
    run === undefined ? await before(context, fleet, { app, stood }) : await leftBy(context, app.name, { run, stood });
  const snapshot = await snapshotAt({ fly, fleet, app, version: to, machines: stood.machines });
  if (snapshot.status === 'lost') throw lost(app.name, snapshot.because);
  const count = nextCount(stood.standing.texts[stampKeys.hold]);
  const text = formatHold({ to, by: actor, at: flyNow(context), count });
  const texts = { [stampKeys.hold]: text };
  await stampOrThrow(context, fleet, { ...stood, app: app.name, texts });
  return to;
}

/** From SQLite, else from what the machines were sent: each update carries what was good before it. */
async function before(
  { store, fly, clock }: SyncContext,
  fleet: DesiredFleet,
  { app, stood }: { readonly app: DesiredApp; readonly stood: Stood },
): Promise<GoodVersion> {
  const { machines, standing } = stood;
  const wanted = versionOf({ desired: app, machines, fleet, now: clock.now(), aheadMs: fly.aheadMs() });
  const newest = (versions: readonly (GoodVersion | undefined)[]): GoodVersion | undefined =>
    versions
      .filter((version) => version !== undefined)
      .filter((version) => !isSameVersion(version, wanted))
      .toSorted((a, b) => b.at - a.at)[0];
  const recorded = stood.isAnother ? [] : (await store.goodVersions(app.name)).map(({ good }) => good);
  const known = newest([standing.good, ...recorded]);
  if (known !== undefined) return known;
  const asked = standingMachines(machines, fleet).slice(0, machinesAskedMax);
  const sent = await allEnded(asked.map(({ id }) => fly.machineVersions(app.name, id)));
  const stamped = newest(sent.flat().map((config) => parseGood(config.metadata?.[stampKeys.good])));
  if (stamped !== undefined) return stamped;
  throw new Fault({
    kind: 'stalled',
    what: `there is no version of ${app.name} to go back to`,
    why: 'neither the history here nor its machines know of one that ran well and is not what git says now',
    next: 'revert the commit in git: FlyCD follows',
    where: app.name,
  });
}

async function leftBy(
  { store }: SyncContext,
  app: string,
  { run, stood }: { readonly run: number; readonly stood: Stood },
): Promise<GoodVersion> {
  const there = await store.run(run);
  const { firstRun = 0 } = await store.memory(app);
  if (there?.app === app && (stood.isAnother || run < firstRun)) throw ofEarlierApp(app, run);
  const good: readonly RecordedGood[] = await store.goodVersions(app, run);
  const [newest] = good;
  if (there?.app === app && there.outcome !== 'failed' && newest !== undefined) return newest.good;
  const known = (await store.goodVersions(app)).map(({ runId }) => runId);
  throw new Fault({
    kind: 'stalled',
    what: `run ${run} left no version of ${app} that ran well`,
    why:
      there === undefined
        ? 'there is no such run in the history here'
        : there.app === app
          ? `its outcome is ${there.outcome ?? 'open'}`
          : `it is a run of ${there.app}`,
    next:
      known.length === 0
        ? `flycd history --app ${shellWord(app)} lists its runs`
        : `runs that did: ${known.slice(0, 5).join(', ')}`,
    where: app,
  });
}

function ofEarlierApp(app: string, run: number): Fault {
  return new Fault({
    kind: 'stalled',
    what: `run ${run} is of an earlier app called ${app}`,
    why: 'that one was destroyed, and what ran in it says nothing of the next by its name',
    next: `revert the commit in git, or name a later run: flycd history --app ${shellWord(app)}`,
    where: app,
  });
}

/** A word that reached SQLite alone would be news to no other FlyCD: the one that serves is often another one. */
async function stampOrThrow(
  context: SyncContext,
  fleet: DesiredFleet,
  stamping: Stamping & { readonly app: string },
): Promise<void> {
  const { app } = stamping;
  const done = await stampRolloutState({ ...context, fleet }, app, stamping);
  if (done.stamped > 0) await keepWords({ ...context, fleet }, app, stamping);
  if (done.machines === 0 || done.stamped > 0) return;
  throw new Fault({
    kind: 'transient',
    what: `no machine of ${app} could be stamped`,
    why: 'the log says why; only this FlyCD knows of it now',
    next: 'run the command again',
    where: app,
  });
}

interface SaidOf {
  readonly app: Subject;
  readonly trigger: Trigger;
  readonly isNews?: boolean;
}

/**
 * Says it, and records it also where that did not end well: in SQLite it stands before it is on its way to the machines. Throws
 * what went wrong. Of an app that is gone nothing was said.
 */
async function recordSaid(
  context: SyncContext,
  fleet: DesiredFleet,
  { say, ...said }: SaidOf & { readonly say: () => Promise<void> },
): Promise<Run> {
  try {
    await say();
  } catch (error) {
    const isSaid = !(error instanceof Fault && error.kind === 'stalled');
    if (isSaid)
      await record(context, fleet, said).catch((unrecorded: unknown) => {
        context.log.warn({ app: said.app.name, error: String(unrecorded) }, 'what was said could not be recorded');
      });
    throw error;
  }
  return record(context, fleet, said);
}

/** A run without steps: history says who said what, and status how the app stands since. */
async function record(
  { store, actor }: SyncContext,
  fleet: DesiredFleet,
  { app, trigger, isNews = true }: SaidOf,
): Promise<Run> {
  const plan = await app.plan();
  const runId = await store.startRun({ app: app.name, trigger, actor, revision: fleet.revision, plan });
  const outcome = trigger === 'suspend' ? 'held' : isNews ? 'updated' : 'no-change';
  return store.finishRun(runId, { outcome, status: plan.status, nextWakeAt: retryAt(plan) });
}

function retryAt({ holds }: AppPlan): number | undefined {
  const times = holds.flatMap((hold) => hold.retryAt ?? []);
  return times.length === 0 ? undefined : Math.min(...times);
}

function suspended(app: string, by: string): Fault {
  return new Fault({
    kind: 'held',
    what: `${app} is suspended`,
    why: `${by} wants it left alone`,
    next: `flycd resume ${shellWord(app)} first`,
    where: app,
  });
}

function lost(app: string, because: string): Fault {
  return new Fault({
    kind: 'stalled',
    what: `${app} cannot go back`,
    why: because,
    next: `revert the commit in git, or name another run: flycd history --app ${shellWord(app)}`,
    where: app,
  });
}
