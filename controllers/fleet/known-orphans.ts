import { momentOf, msSince, type Moment } from '../../src/model/base/moment.ts';
import { endsWithin } from '../../src/model/base/ending.ts';
import { isFleetWide, toFault } from '../../src/model/base/fault.ts';
import { hashOf } from '../../src/model/base/json.ts';
import type { Log } from '../../src/model/base/log.ts';
import type { DesiredApp, DesiredFleet } from '../../src/model/desired.ts';
import { namesOf } from '../../src/model/names.ts';
import type { OrphanedApp, UnreadOrganization } from '../../src/model/observed.ts';
import type { Trigger } from '../../src/model/run.ts';
import type { SeenOrphan } from '../../src/observed/orphans.ts';
import type { AppStates } from './states/app-states.ts';
import { recordGone } from './gone-apps.ts';
import { findOrphans, rememberOrphan, type FoundOrphans, type OrphanRequest } from './orphans.ts';

interface KnownOrphansParts extends Omit<OrphanRequest, 'fleet' | 'plan' | 'trigger' | 'signal' | 'isGone' | 'isLeft'> {
  readonly log: Log;
  readonly reached: () => Promise<readonly string[]>;
  readonly states: AppStates;
  /** Its apps, each with the organization that it is in. */
  readonly named: (fleet: DesiredFleet) => Promise<readonly DesiredApp[]>;
  /** Resolves when the apps that moved have been looked at. */
  readonly surveyed: (signal: AbortSignal) => Promise<void>;
}

/**
 * Lists of thousands of machines come within seconds, and with a failure or two that the client tries again still within this.
 * They only tell of apps that nobody has named for a while: a push waits no longer for them.
 */
const listsMsMax = 10_000;
/**
 * Three of the loop's looks (three minutes each by default): one of them may take minutes and another one be lost to a commit. What
 * came into an organization since its list was asked for is missed for no longer; an orphan is asked about once more before it goes.
 */
const wholeForMs = 10 * 60_000;

interface Wanted {
  readonly fleet: DesiredFleet;
  readonly trigger: Trigger;
  readonly signal: AbortSignal;
}

/** A list that came whole. */
interface Whole {
  /** Right before it was asked for. */
  readonly askedAt: Moment;
  /** What git said then: another one names other apps. */
  readonly revision: string;
  readonly isGuessed: boolean;
}

interface Looking {
  /** Nobody waits for it after that, by the monotonic clock. */
  readonly until: number;
  readonly ended: Promise<void>;
}

/** Apps of the fleet on Fly that git does not name, as the loop knows them from one refresh to the next. */
export class KnownOrphans {
  readonly #parts: KnownOrphansParts;
  #all: readonly OrphanedApp[] = [];
  #unread: readonly UnreadOrganization[] = [];
  /** true: a list has not come in time, and what is unread may have been read a while ago. */
  #isLate = false;
  /** By organization, as the newest look that came to an end found them. */
  #whole: ReadonlyMap<string, Whole> = new Map();
  /** By name: those that a refresh was told of. */
  #answered: ReadonlySet<string> = new Set();
  #wanted: Wanted | undefined;
  #looking: Looking | undefined;
  #isSlow = false;
  /** By what went wrong with the newest look: a hash of how. */
  readonly #told = new Map<string, string>();

  constructor(parts: KnownOrphansParts) {
    this.#parts = parts;
  }

  get all(): readonly OrphanedApp[] {
    return this.#all;
  }

  /** Organizations that the newest look could not look through whole. While it is late, what the one before it read counts. */
  get unread(): readonly UnreadOrganization[] {
    return this.#isLate ? this.#unread.filter(({ org }) => !this.#isWhole(org)) : this.#unread;
  }

  #isWhole(org: string): boolean {
    const whole = this.#whole.get(org);
    if (whole === undefined || whole.revision !== this.#wanted?.fleet.revision) return false;
    return msSince(this.#parts.clock, whole.askedAt) <= wholeForMs;
  }

  called(name: string): OrphanedApp | undefined {
    return this.#all.find((one) => one.name === name);
  }

  /** One of them was looked at by itself. */
  seenAgain(orphan: OrphanedApp, seen: SeenOrphan): void {
    this.#all = this.#all.flatMap((one) => {
      if (one !== orphan) return one;
      if (seen.state === 'unread') return { ...orphan, unread: seen.reason };
      return seen.state === 'orphan' ? seen.orphan : [];
    });
  }

  /**
   * With every refresh: a list lags, and an app of the fleet may appear without a commit. What was known stays where the list
   * failed or has gaps; its own pass looks again. Answers those that no refresh was told of before. A list that does not come
   * in time is waited for by nobody: what it tells is answered by a later refresh, and until then it counts as unread.
   */
  async look(fleet: DesiredFleet, { trigger, signal }: Omit<Wanted, 'fleet'>): Promise<readonly OrphanedApp[]> {
    const { clock } = this.#parts;
    if (signal.aborted) return [];
    this.#wanted = { fleet, trigger, signal };
    const named = namesOf(fleet);
    this.#all = this.#all.filter(({ name }) => !named.has(name));
    this.#looking ??= this.#begun();
    const { until, ended } = this.#looking;
    if (await endsWithin(clock, ended, { ms: Math.max(0, until - clock.monotonic()), signal })) await ended;
    else if (!signal.aborted) {
      this.#isSlow = true;
      this.#isLate = true;
      this.#unreadFor(fleet, `Fly has not listed its machines within ${listsMsMax / 1000} s`);
    }
    const fresh = this.#all.filter(({ name }) => !this.#answered.has(name));
    this.#answered = new Set(this.#all.map(({ name }) => name));
    return fresh;
  }

  /** Lists that were waited for in vain are not waited for again until they come in time. */
  #begun(): Looking {
    const begunAt = this.#parts.clock.monotonic();
    const ended = this.#lookUntilNewest().finally(() => {
      this.#looking = undefined;
      this.#isSlow = this.#parts.clock.monotonic() - begunAt > listsMsMax;
    });
    return { until: begunAt + (this.#isSlow ? 0 : listsMsMax), ended };
  }

  /** What was found for a git of before is nothing to go by: apps have been named since, or no longer are. */
  async #lookUntilNewest(): Promise<void> {
    for (let wanted = this.#wanted; wanted !== undefined && !wanted.signal.aborted; wanted = this.#wanted) {
      const askedAt = momentOf(this.#parts.clock);
      const seen = await this.#findOrphans(wanted);
      if (this.#wanted?.fleet.revision !== wanted.fleet.revision) continue;
      if (seen !== undefined) await this.#found(seen, wanted, askedAt);
      return;
    }
  }

  async #found(seen: FoundOrphans, { fleet, trigger, signal }: Wanted, askedAt: Moment): Promise<void> {
    const found = new Set(seen.orphans.map(({ name }) => name));
    const kept = seen.complete ? [] : this.#all.filter(({ name }) => !found.has(name));
    this.#all = [...seen.orphans, ...kept];
    this.#unread = seen.unread;
    this.#isLate = false;
    const { revision } = fleet;
    // One that came with gaps is the newer word than a whole one from before it.
    this.#whole = new Map(seen.orgs.map(({ org, isGuessed }) => [org, { askedAt, revision, isGuessed }]));
    await this.#record({ fleet, trigger, signal }, seen);
  }

  /** undefined: nobody could look, and those of before stay. */
  async #findOrphans({ fleet, signal }: Wanted): Promise<FoundOrphans | undefined> {
    const failure = 'orphaned apps could not be looked for';
    try {
      const apps = () => this.#parts.named(fleet);
      const observed = async (guesses: boolean) => {
        // Apps are looked at beside this. Not to know yet where they are would make guesses of what is known.
        if (guesses) await this.#parts.surveyed(signal);
        return this.#parts.states.observed();
      };
      const seen = await findOrphans({ ...this.#parts, fleet, apps, observed });
      const { unread } = seen;
      const gaps = unread.length === 0 ? undefined : { unread };
      this.#tell('organizations could not be looked through whole for orphaned apps', gaps);
      this.#tell(failure, undefined);
      return seen;
    } catch (error) {
      if (isFleetWide(error)) throw error;
      const { message: reason } = toFault(error, 'orphans');
      this.#isLate = false;
      this.#whole = new Map();
      this.#unreadFor(fleet, reason);
      this.#tell(failure, { error: reason });
      return undefined;
    }
  }

  #unreadFor(fleet: DesiredFleet, reason: string): void {
    // Where git names no organization, those that were looked through are all that is known.
    const orgs = new Set([
      ...[...fleet.apps, ...this.#all].flatMap(({ org }) => org ?? []),
      ...this.#unread.map(({ org }) => org),
      ...[...this.#whole].flatMap(([org, { isGuessed }]) => (isGuessed ? [] : org)),
    ]);
    this.#unread = [...orgs].map((org) => ({ org, reason }));
  }

  /** What cannot be recorded now is with the next refresh: the orphans that were found are no less there. */
  async #record(wanted: Wanted, found: FoundOrphans): Promise<void> {
    const failure = 'what was found of apps that git does not name could not be recorded';
    try {
      for (const orphan of found.orphans) await rememberOrphan({ ...this.#parts, fleet: wanted.fleet }, orphan);
      for (const run of await recordGone({ ...this.#parts, ...wanted }, found)) this.#parts.states.ran(run.app, run);
      this.#tell(failure, undefined);
    } catch (error) {
      this.#tell(failure, { error: toFault(error, 'apps that are gone').message });
    }
  }

  /** Each refresh asks anew: what goes wrong is said once, and again when that is another. undefined: nothing does. */
  #tell(text: string, how: Readonly<Record<string, unknown>> | undefined): void {
    const told = how === undefined ? '' : hashOf(how);
    if (how !== undefined && told !== this.#told.get(text)) this.#parts.log.warn(how, text);
    this.#told.set(text, told);
  }
}
