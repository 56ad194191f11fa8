import PQueue from 'p-queue';
import type { Clock } from '../../../src/model/base/clock.ts';
import { allEnded, endsWithin } from '../../../src/model/base/ending.ts';
import { isFleetWide, toFault } from '../../../src/model/base/fault.ts';
import { momentOf } from '../../../src/model/base/moment.ts';
import type { Log } from '../../../src/model/base/log.ts';
import type { DesiredApp, DesiredFleet } from '../../../src/model/desired.ts';
import type { PlannedApp } from '../../app/types.ts';
import type { AppStates, Look } from './app-states.ts';

/**
 * Apps looked at side by side. Looking writes nothing, so what a pass may write at once does not bound it: each look is
 * five calls at once, twenty fill the client's 96 reads in flight, and a few more keep it full while plans are computed.
 */
export const looksAtOnce = 24;
/** A look takes less than a second, and with a failure or two that the client tries again still less than this. */
export const lookMsMax = 10_000;
/** A thousand apps are looked at in half a minute. Where Fly is so slow that this is not enough, passes begin all the same. */
const surveyMsMax = 60_000;

/** An app as a look found it. `app`: with its organization. */
interface Looked {
  readonly app: DesiredApp;
  readonly surveyed: PlannedApp;
}

interface SurveyParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly states: AppStates;
  /** Observes and plans one app. */
  plan(fleet: DesiredFleet, app: DesiredApp): Promise<Looked>;
}

/**
 * Looks at many apps, so that the brakes count what is to be done in all of them together. Nobody waits without end for an app
 * that does not answer: when its time is over it counts as one that nobody can see, until its look comes to an end.
 */
export class Survey {
  readonly #parts: SurveyParts;
  readonly #queue = new PQueue({ concurrency: looksAtOnce });
  #newest: Promise<unknown> = Promise.resolve();

  constructor(parts: SurveyParts) {
    this.#parts = parts;
  }

  /** Begins to look at apps that moved, before any of them is touched. */
  begin(fleet: DesiredFleet, apps: readonly DesiredApp[], signal: AbortSignal): void {
    this.#newest = allEnded([this.#newest, this.#lookAtAll(apps, { fleet, signal, priority: 0 })]);
  }

  /** Resolves when what was begun has been looked at, as far as there is time for it, or at the signal's abort. */
  async ended(signal: AbortSignal): Promise<void> {
    await endsWithin(this.#parts.clock, this.#newest, { ms: surveyMsMax, signal });
  }

  /** The same of any apps, for a pass. Never rejects: an app that cannot be looked at is one that nobody can see. */
  lookAtAll(fleet: DesiredFleet, apps: readonly DesiredApp[], signal: AbortSignal): Promise<void> {
    return this.#lookAtAll(apps, { fleet, signal, priority: 1 });
  }

  async #lookAtAll(
    apps: readonly DesiredApp[],
    {
      fleet,
      signal,
      priority,
    }: { readonly fleet: DesiredFleet; readonly signal: AbortSignal; readonly priority: number },
  ): Promise<void> {
    const looks = apps.map((app) => this.#queue.add(() => this.#lookInTime(fleet, app, signal), { priority }));
    await endsWithin(this.#parts.clock, allEnded(looks), { ms: surveyMsMax, signal });
  }

  /** One app, however long it takes. Throws why it cannot be looked at. */
  lookAt(fleet: DesiredFleet, found: DesiredApp): Promise<Looked> {
    return this.#look(fleet, found, this.#parts.states.lookBegun(momentOf(this.#parts.clock)));
  }

  async #look(fleet: DesiredFleet, found: DesiredApp, look: Look): Promise<Looked> {
    const { states } = this.#parts;
    try {
      const looked = await this.#parts.plan(fleet, found);
      states.surveyed(looked.app, looked.surveyed, look);
      return looked;
    } catch (error) {
      states.unseeable(found.name, look);
      throw error;
    }
  }

  async #lookInTime(fleet: DesiredFleet, found: DesiredApp, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { clock, log, states } = this.#parts;
    const look = states.lookBegun(momentOf(clock));
    const looking = this.#look(fleet, found, look).catch((error: unknown) => {
      // Said by whoever reads git: once, not for each app.
      if (isFleetWide(error) || signal.aborted) return;
      log.warn({ app: found.name, error: toFault(error, 'survey').message }, 'app could not be surveyed');
    });
    const isInTime = await endsWithin(clock, looking, { ms: lookMsMax, signal });
    if (isInTime || signal.aborted) return;
    states.overdue(found.name, look);
    log.warn({ app: found.name, waitedMs: lookMsMax }, 'Fly is slow to tell of an app; others do not wait for it');
  }
}
