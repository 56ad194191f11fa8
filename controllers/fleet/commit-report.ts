import type { DesiredFleet } from '../../src/model/desired.ts';
import type { AppStatus } from '../../src/model/plan.ts';
import type { Run } from '../../src/model/run.ts';
import type { CommitStatus } from '../../src/notify/commit-status.ts';

/** Nothing here waits for the config repo's host: what it is told is told beside the work. */
export interface CommitReporter {
  /** A new commit was read; these apps have yet to have their pass at it. */
  begin(fleet: DesiredFleet, moved: readonly string[]): void;
  /** An app had its pass at the fleet as it was then. */
  finished(fleet: DesiredFleet, run: Run): void;
  /** An app could not be looked at, and neither time nor another try mends that. */
  failed(fleet: DesiredFleet, app: string): void;
  /** Resolves when everything was told, or could not be. */
  told(): Promise<void>;
}

export interface CommitReporterOptions {
  readonly status: CommitStatus;
  /** The config repo's git address. */
  readonly repo: string;
}

/** A pass may outlive this many commits before its app counts as not yet passed. */
const generationsMax = 100;
/** As git shortens an id. */
const shortLength = 7;

/**
 * Tells the config repo's host how a commit fares: pending when it is read, and one terminal state with the counts once
 * every app that it, or one before it, moved has had its pass. An app that fails and recovers later turns the state again.
 */
export function createCommitReporter(options: CommitReporterOptions): CommitReporter {
  return new Reporter(options);
}

class Reporter implements CommitReporter {
  readonly #options: CommitReporterOptions;
  /** Counts the commits read. */
  #generation = 0;
  readonly #generations = new Map<string, number>();
  /** Apps that have yet to have their pass, at this generation or a later one. */
  readonly #outstanding = new Map<string, number>();
  readonly #statuses = new Map<string, AppStatus>();
  #newest: DesiredFleet | undefined;
  #told: Promise<void> = Promise.resolve();

  constructor(options: CommitReporterOptions) {
    this.#options = options;
  }

  begin(fleet: DesiredFleet, moved: readonly string[]): void {
    if (this.#newest?.revision !== fleet.revision) this.#overtake(fleet);
    this.#newest = fleet;
    this.#generation += 1;
    // Put last, so that the oldest is the one forgotten.
    this.#generations.delete(fleet.revision);
    this.#generations.set(fleet.revision, this.#generation);
    for (const oldest of this.#generations.keys()) {
      if (this.#generations.size > generationsMax) this.#generations.delete(oldest);
    }
    for (const app of moved) {
      this.#outstanding.set(app, this.#generation);
      this.#statuses.delete(app);
    }
    const wanted = new Set(fleet.apps.map((app) => app.name));
    for (const known of [this.#outstanding, this.#statuses]) {
      for (const app of known.keys()) if (!wanted.has(app)) known.delete(app);
    }
    this.#report();
  }

  finished(fleet: DesiredFleet, { app, outcome, status, plan }: Run): void {
    // A stop, and what cannot be read just now, are no end: the app has another pass.
    if (outcome === 'interrupted' || status === 'pending') return;
    // The app is held at the version before; the commit has failed all the same.
    const failed = outcome === 'failed' || plan.holds.some(({ reason }) => reason === 'failed');
    this.#ended(fleet, app, failed ? 'failed' : status);
  }

  failed(fleet: DesiredFleet, app: string): void {
    this.#ended(fleet, app, 'failed');
  }

  told(): Promise<void> {
    return this.#told;
  }

  #ended(fleet: DesiredFleet, app: string, status: AppStatus): void {
    if (this.#newest?.apps.every((wanted) => wanted.name !== app) !== false) return;
    const since = this.#outstanding.get(app);
    // Moved again since that pass began: it has another one.
    if (since !== undefined && (this.#generations.get(fleet.revision) ?? 0) < since) return;
    const isNews = since !== undefined || this.#statuses.get(app) !== status;
    this.#outstanding.delete(app);
    this.#statuses.set(app, status);
    if (isNews && this.#outstanding.size === 0) this.#report();
  }

  /** Left pending, a commit would look like a deploy that hangs. */
  #overtake(by: DesiredFleet): void {
    if (this.#newest === undefined || this.#outstanding.size === 0 || !isCommit(this.#newest)) return;
    const description = `overtaken by ${by.revision.slice(0, shortLength)}`;
    const { status, repo } = this.#options;
    this.#told = status.report({ repo, commit: this.#newest.revision, state: 'error', description });
  }

  #report(): void {
    const fleet = this.#newest;
    if (fleet === undefined || !isCommit(fleet)) return;
    const bad = [...this.#statuses.values()].filter((status) => status !== 'synced');
    const failed = bad.filter((status) => status === 'failed').length;
    this.#told = this.#options.status.reportFleet({
      repo: this.#options.repo,
      commit: fleet.revision,
      pending: this.#outstanding.size,
      synced: fleet.apps.length - bad.length - this.#outstanding.size,
      failed,
      held: bad.length - failed,
      invalid: fleet.invalid.length,
      whole: fleet.whole,
    });
  }
}

function isCommit(fleet: DesiredFleet): boolean {
  return /^[0-9a-f]{40}$/.test(fleet.revision);
}
