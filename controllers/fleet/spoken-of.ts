/** Whom a person's word is about: apps that git names, or one that it names no more. */
import PQueue from 'p-queue';
import type { DesiredFleet } from '../../src/model/desired.ts';
import { Fault } from '../../src/model/base/fault.ts';
import { isGlob } from '../../src/model/base/glob.ts';
import type { AppPlan } from '../../src/model/plan.ts';
import { observeOrphan } from '../../src/observed/orphans.ts';
import { gonePlan } from '../../src/plan/idle-orphan.ts';
import type { Subject, Told } from '../app/manual-holds.ts';
import { observeAndPlan } from '../app/plan-app.ts';
import type { SyncContext } from '../app/types.ts';
import { appsCalled, unknownApp } from './asked-for.ts';
import { plainPass, planWhole, type Whole } from './plan.ts';

/**
 * The app of that name; else all apps of the project of that name, and the orphan of that name. Throws a Fault where there is
 * neither, or where nobody can tell.
 */
export async function subjectsCalled(
  context: SyncContext,
  fleet: DesiredFleet,
  name: string,
): Promise<readonly Subject[]> {
  const options = { adopt: false, force: false, now: false };
  const apps = appsCalled(fleet, name);
  if (apps.length === 0) return [await orphanCalled(context, fleet, name)];
  const subjects = apps.map((app) => ({
    name: app.name,
    plan: async () => (await observeAndPlan({ ...context, fleet, app, options })).plan,
  }));
  const isProject = apps.every((app) => app.name !== name);
  const orphan = isProject && fleet.whole ? await orphanFound(context, fleet, name) : undefined;
  return orphan === undefined ? subjects : [...subjects, orphan];
}

/** The app that git no longer names, if there is one of this name. Throws a Fault as above. */
export async function orphanCalled(context: SyncContext, fleet: DesiredFleet, name: string): Promise<Subject> {
  if (!fleet.whole) throw unreadPart(name);
  const orphan = await orphanFound(context, fleet, name);
  if (orphan !== undefined) return orphan;
  const projects = fleet.apps.flatMap((app) => app.projects);
  throw unknownApp(name, [...new Set([...fleet.apps.map((app) => app.name), ...projects])]);
}

async function orphanFound(context: SyncContext, fleet: DesiredFleet, name: string): Promise<Subject | undefined> {
  if (!context.orphans || isGlob(name)) return undefined;
  // A name of nothing else is refused, but for a project's: then all are looked at.
  const isProject = fleet.apps.some(({ projects }) => projects.includes(name));
  const apps = isProject ? [] : [name];
  const look = (): Promise<Whole> => planWhole(context, fleet, { ...plainPass, apps });
  const orphan = (await look()).orphans.find((one) => one.name === name);
  if (orphan === undefined) return undefined;
  const plan = async (): Promise<AppPlan> => {
    // Somebody may destroy it meanwhile: then no look finds what was asked for.
    if ((await observeOrphan({ ...context, fleet }, orphan)).state === 'gone') return gonePlan(name);
    return (await look()).plan.apps.find(({ app }) => app === name) ?? gonePlan(name);
  };
  return { name, isOrphan: true, plan };
}

interface Failed {
  readonly app: string;
  readonly error: unknown;
}

/** So many at once; one that fails keeps no other. */
export async function eachTold(
  subjects: readonly Subject[],
  concurrency: number,
  speak: (subject: Subject) => Promise<Told>,
): Promise<{ readonly told: readonly Told[]; readonly failed: readonly Failed[] }> {
  const queue = new PQueue({ concurrency });
  const told: Told[] = [];
  const failed: Failed[] = [];
  const ended = await Promise.allSettled(subjects.map((subject) => queue.add(() => speak(subject))));
  for (const [at, one] of ended.entries()) {
    if (one.status === 'fulfilled') told.push(one.value);
    else failed.push({ app: subjects[at]?.name ?? '', error: one.reason });
  }
  return { told, failed };
}

function unreadPart(name: string): Fault {
  return new Fault({
    kind: 'stalled',
    what: `whether ${name} is an app of this fleet is not known`,
    why: 'the part of the config that may name it could not be read',
    next: 'flycd validate says why',
  });
}
