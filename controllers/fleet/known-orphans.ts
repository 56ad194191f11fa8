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

interface KnownOrphansParts extends Omit<OrphanRequest, 'fleet' | 'plan' | 'trigger' | 'isGone' | 'isLeft'> {
  readonly log: Log;
  readonly reached: () => Promise<readonly string[]>;
  readonly states: AppStates;
  /** Its apps, each with the organization that it is in. */
  readonly named: (fleet: DesiredFleet) => Promise<readonly DesiredApp[]>;
  /** Resolves when the apps that moved have been looked at. */
  readonly surveyed: () => Promise<void>;
}

/** Apps of the fleet on Fly that git does not name, as the loop knows them from one refresh to the next. */
export class KnownOrphans {
  readonly #parts: KnownOrphansParts;
  #all: readonly OrphanedApp[] = [];
  #unread: readonly UnreadOrganization[] = [];
  /** By what went wrong with the newest look: a hash of how. */
  readonly #told = new Map<string, string>();

  constructor(parts: KnownOrphansParts) {
    this.#parts = parts;
  }

  get all(): readonly OrphanedApp[] {
    return this.#all;
  }

  /** Organizations that the newest look could not look through whole. */
  get unread(): readonly UnreadOrganization[] {
    return this.#unread;
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
   * failed or has gaps; its own pass looks again. Answers those that were not known before.
   */
  async look(fleet: DesiredFleet, trigger: Trigger): Promise<readonly OrphanedApp[]> {
    const named = namesOf(fleet);
    const before = this.#all.filter(({ name }) => !named.has(name));
    const known = new Set(before.map(({ name }) => name));
    const seen = await this.#findOrphans(fleet, before);
    if (seen !== undefined) {
      const found = new Set(seen.orphans.map(({ name }) => name));
      const kept = seen.complete ? [] : before.filter(({ name }) => !found.has(name));
      this.#all = [...seen.orphans, ...kept];
      await this.#record(fleet, seen, trigger);
    }
    return this.#all.filter(({ name }) => !known.has(name));
  }

  /** undefined: nobody could look, and those of before stay. */
  async #findOrphans(fleet: DesiredFleet, before: readonly OrphanedApp[]): Promise<FoundOrphans | undefined> {
    const failure = 'orphaned apps could not be looked for';
    try {
      const apps = () => this.#parts.named(fleet);
      const observed = async (guesses: boolean) => {
        // Apps are looked at beside this. Not to know yet where they are would make guesses of what is known.
        if (guesses) await this.#parts.surveyed();
        return this.#parts.states.survey().map((one) => one.observed);
      };
      const seen = await findOrphans({ ...this.#parts, fleet, apps, observed });
      const { unread } = seen;
      const gaps = unread.length === 0 ? undefined : { unread };
      this.#tell('organizations could not be looked through whole for orphaned apps', gaps);
      this.#tell(failure, undefined);
      this.#unread = unread;
      return seen;
    } catch (error) {
      if (isFleetWide(error)) throw error;
      const { message: reason } = toFault(error, 'orphans');
      this.#all = before;
      const orgs = new Set([...fleet.apps, ...before].flatMap(({ org }) => org ?? []));
      this.#unread = [...orgs].map((org) => ({ org, reason }));
      this.#tell(failure, { error: reason });
      return undefined;
    }
  }

  /** What cannot be recorded now is with the next refresh: the orphans that were found are no less there. */
  async #record(fleet: DesiredFleet, found: FoundOrphans, trigger: Trigger): Promise<void> {
    const failure = 'what was found of apps that git does not name could not be recorded';
    try {
      for (const orphan of found.orphans) await rememberOrphan({ ...this.#parts, fleet }, orphan);
      for (const run of await recordGone({ ...this.#parts, fleet, trigger }, found))
        this.#parts.states.ran(run.app, run);
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
