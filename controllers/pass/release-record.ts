import { FlyError } from '../../src/fly/http/error.ts';
import type { FlyWriter, ReleaseMade, ReleaseStatus } from '../../src/fly/api.ts';
import type { Clock } from '../../src/model/base/clock.ts';
import type { DesiredApp } from '../../src/model/desired.ts';
import { toFault } from '../../src/model/base/fault.ts';
import type { Log } from '../../src/model/base/log.ts';
import { formatTold, type Told } from '../../src/model/stamps/stamps.ts';
import { flyctlKeys, stampKeys } from '../../src/model/stamps/keys.ts';
import type { KnownRelease } from '../../src/plan/target/release-record.ts';
import type { Store } from '../../src/record/store.ts';

/** A record that Fly made shows in its list by then, where the answer was lost. */
const lookupDelayMs = 500;
/** What stands on machines as their writer, where flyctl writes its version. */
const writer = 'flycd';

interface RecordParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly fly: FlyWriter;
  readonly store: Store;
  readonly app: DesiredApp;
  readonly known: KnownRelease;
}

/**
 * Tells Fly of a release, so that `fly releases`, `fly status` and `fly deploy` by hand know of it: one record for each
 * version and image, taken up again by a retry. It is made right before the first machine that names it, for a pass that has to
 * give way to another one releases nothing. It stays `pending` until a machine names it, so that one whose FlyCD died
 * before that holds nobody up. Nothing of it ever fails or holds up a pass for more than seconds: machines need no record.
 */
export class ReleaseRecord {
  readonly #parts: RecordParts;
  #told: Told | undefined;
  #image = '';
  #isRunning = false;
  #opening: Promise<void> | undefined;
  /** Calls nobody waits for until the end. */
  #telling: Promise<void> = Promise.resolve();

  constructor(parts: RecordParts) {
    this.#parts = parts;
    this.#told = parts.known.told;
  }

  /** Metadata for each machine that is written: which release it runs. Without a record, what it says stays. */
  get stamps(): Record<string, string> {
    const told = this.#told;
    if (told === undefined) return {};
    return {
      [flyctlKeys.releaseId]: told.id,
      [flyctlKeys.releaseVersion]: String(told.number),
      [flyctlKeys.writer]: writer,
      // Beside flyctl's from the start: a machine whose stamps were not read back must not pass for one of flyctl's.
      [stampKeys.release]: told.id,
      [stampKeys.told]: formatTold(told),
      [stampKeys.firstRelease]: String(this.#first(told)),
    };
  }

  #first({ number }: Told): number {
    return this.#parts.known.first ?? number;
  }

  /** An earlier pass began it and did not come to its end. */
  get isUnfinished(): boolean {
    return this.#parts.known.status === 'unfinished';
  }

  /** Of a release that is about to begin; `image` as it will be sent. A heal to what Fly knows as complete is no news. */
  announce(image: string): void {
    if (this.#parts.known.status !== 'complete') this.#image = image;
  }

  /** true: it is this pass's own. */
  is(id: string | undefined): boolean {
    return id !== undefined && id === this.#told?.id;
  }

  /** Before a machine is written that may be the first to name it. */
  opened(): Promise<void> {
    if (this.#image === '') return Promise.resolve();
    return (this.#opening ??= this.#open());
  }

  async #open(): Promise<void> {
    const { known, app, log } = this.#parts;
    try {
      if (known.open !== undefined && known.open.id !== this.#told?.id) this.#tell(known.open.id, 'interrupted');
      this.#told ??= { ...(await this.#make()), version: known.version };
      await this.#remember(true);
    } catch (error) {
      log.warn({ app: app.name, error: toFault(error, 'release').message }, 'Fly was not told of a release');
    }
  }

  /** A machine names it now. */
  running(): void {
    if (this.#told === undefined || this.#image === '' || this.#isRunning) return;
    this.#isRunning = true;
    this.#tell(this.#told.id, 'running');
  }

  /** How it went. One of which this pass has done nothing is for whoever is at it. */
  async close(status: Exclude<ReleaseStatus, 'running'>): Promise<void> {
    if (status === 'interrupted' && this.#opening === undefined) return;
    if (this.#told === undefined || this.#image === '') return this.closeStale();
    this.#tell(this.#told.id, status, () => this.#remember(false));
    await this.#telling;
  }

  /** A record that an earlier FlyCD left open, in a pass that has nothing to release. `isWell`: of what it found either. */
  async closeStale(isWell = true): Promise<void> {
    const { open, told } = this.#parts.known;
    if (open === undefined || (open.id === told?.id && !isWell)) return;
    this.#tell(open.id, open.id === told?.id ? 'complete' : 'interrupted', () =>
      this.#parts.store.setTold(this.#parts.app.name, { ...open, isOpen: false }),
    );
    await this.#telling;
  }

  #tell(id: string, status: ReleaseStatus, then: () => Promise<void> = () => Promise.resolve()): void {
    const { fly, app, log } = this.#parts;
    this.#telling = this.#telling
      .then(() => fly.updateRelease(app.name, id, status))
      .then(then)
      .catch((error: unknown) => {
        log.warn(
          { app: app.name, error: toFault(error, 'release').message },
          `Fly was not told of a ${status} release`,
        );
      });
  }

  async #remember(isOpen: boolean): Promise<void> {
    const told = this.#told;
    if (told === undefined) return;
    const { store, app } = this.#parts;
    await store.setTold(app.name, { ...told, first: this.#first(told), image: this.#image, isOpen });
  }

  /** A lost answer is settled by looking once: the newest record with our image of which nothing came yet. */
  async #make(): Promise<ReleaseMade> {
    const { fly, app, clock } = this.#parts;
    const definition = { ...app.fly, app: app.name };
    try {
      return await fly.createRelease(app.name, { definition, image: this.#image, strategy: app.strategy });
    } catch (error) {
      if (!(error instanceof FlyError) || error.outcome === 'refused') throw error;
      await clock.sleep(lookupDelayMs);
      const [last] = (await fly.releases(app.name)).toSorted((a, b) => b.version - a.version);
      if (last?.id === undefined || last.status !== 'pending' || last.image_ref !== this.#image) throw error;
      return { id: last.id, number: last.version };
    }
  }
}
