/** Of two FlyCDs on one database the first to begin a run of an app has it: when it is this one's turn. */
import { formatTime } from '../../src/model/base/clock.ts';
import { Fault, toFault } from '../../src/model/base/fault.ts';
import type { AppPlan } from '../../src/model/plan.ts';
import type { StepResult } from '../../src/model/run.ts';
import { writesOf } from '../../src/plan/steps/bookkeeping.ts';
import { Overruled } from '../pass/basis.ts';
import type { SyncAppRequest } from './types.ts';

/** When the loop looks again: a pass may take minutes, and a process that died in the middle of one is known as dead within one. */
const otherProcessMs = 30_000;
/** A command waits as long as a release of a few machines takes with its command. */
export const otherProcessMsMax = 10 * 60_000;
/** A look is one query of the database. */
const otherLookMs = 1000;

/** What of a request tells whose turn it is. */
export interface TurnRequest extends Pick<
  SyncAppRequest,
  'clock' | 'runId' | 'patience' | 'signal' | 'othersLeft' | 'onProgress' | 'yieldSlot'
> {
  readonly app: Pick<SyncAppRequest['app'], 'name'>;
  readonly plan: AppPlan;
  readonly store: Pick<SyncAppRequest['store'], 'workedOnBefore'>;
  readonly planAgain?: (() => Promise<{ readonly plan: AppPlan }>) | undefined;
}

interface Other {
  readonly instance: string;
  readonly startedAt: number;
}

/**
 * The request, once no other process that shares the database is at work on the app since before this run began. A command waits
 * for that in its place among others that wait, and plans the app again from there. `fault`: nothing is to be done now.
 */
export async function ownTurn<Request extends TurnRequest>(
  request: Request,
  save: (result: StepResult) => Promise<void>,
): Promise<{ readonly request: Request; readonly fault?: Fault }> {
  const startedAt = request.clock.now();
  let now = request;
  for (;;) {
    const [first] = writesOf(now.plan);
    const other = first === undefined ? undefined : await now.store.workedOnBefore(now.runId);
    if (first === undefined || other === undefined) return { request: now };
    const again = (await waitFor(now, other)) ? await plannedAgain(now, other) : behind(now, other);
    if (!(again instanceof Fault)) {
      now = again;
      continue;
    }
    const { kind, target } = first;
    const { message, next } = again;
    const outcome = again.kind === 'waiting' ? 'skipped' : 'failed';
    await save({ kind, target, outcome, message, next, startedAt, finishedAt: now.clock.now() });
    return { request: now, fault: again };
  }
}

async function plannedAgain<Request extends TurnRequest>(request: Request, other: Other): Promise<Request | Fault> {
  try {
    return { ...request, ...(await request.planAgain?.()) };
  } catch (error) {
    if (request.signal.aborted) return behind(request, other);
    return toFault(error, `${request.app.name} could not be planned again`);
  }
}

function behind({ app, clock, patience }: TurnRequest, other: Other): Fault {
  const parts = {
    kind: 'waiting',
    what: `another FlyCD on this database is at work on ${app.name}`,
    why: `${other.instance} began at ${formatTime(other.startedAt)}`,
    next:
      patience === 'requeue'
        ? 'FlyCD goes on when that one is done'
        : 'flycd status shows how far it is; run `flycd sync --once` again when it is done',
    where: app.name,
    retryAt: clock.now() + otherProcessMs,
  } as const;
  return new Overruled(parts, 'blocked');
}

/** true: the other processes are done with the app, or dead. false: one goes on after all that time, or nobody waits here. */
async function waitFor(request: TurnRequest, other: Other): Promise<boolean> {
  const { store, app, clock, runId, signal, onProgress, yieldSlot, planAgain, othersLeft } = request;
  if (planAgain === undefined || othersLeft === undefined) return false;
  const [beganAt, leftMs] = [clock.monotonic(), othersLeft.ms];
  const because = `another FlyCD on this database, ${other.instance}, is at work on it`;
  onProgress({ type: 'waiting', app: app.name, because, until: clock.now() + leftMs });
  while (othersLeft.ms > 0 && !signal.aborted) {
    await yieldSlot(() => clock.sleep(otherLookMs, signal)).catch(() => undefined);
    othersLeft.ms = leftMs - (clock.monotonic() - beganAt);
    if ((await store.workedOnBefore(runId)) === undefined) return !signal.aborted;
  }
  return false;
}
