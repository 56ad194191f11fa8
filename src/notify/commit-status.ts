import { Octokit } from '@octokit/rest';
import type { Clock } from '../model/base/clock.ts';
import type { Log } from '../model/base/log.ts';
import type { SecretValue } from '../model/base/secret-value.ts';
import { parseGitLocation } from '../sources/tree/location.ts';
import { describeOutcome, type FleetOutcome } from './outcome.ts';

export interface CommitStatusOptions {
  /** Needs `statuses: write` on the repository. */
  readonly token: SecretValue;
  /** GitHub Enterprise Server: `https://HOST/api/v3`. Default: github.com. */
  readonly baseUrl?: string | undefined;
  /** The name the status stands under; two FlyCDs on one repository need two. Default: `flycd`. */
  readonly context?: string | undefined;
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  readonly log: Log;
}

export interface StatusReport {
  /** The repository's git address: https, ssh or git@host:owner/name. */
  readonly repo: string;
  /** 40 hex digits. */
  readonly commit: string;
  readonly state: 'pending' | 'success' | 'failure' | 'error';
  /** Cut at 140 characters, GitHub's limit. */
  readonly description: string;
  /** Default: the one of the options. */
  readonly context?: string | undefined;
  readonly targetUrl?: string | undefined;
}

export interface FleetReport extends FleetOutcome {
  readonly repo: string;
  readonly commit: string;
}

/** Tells GitHub how a commit fares. Never throws: what could not be told is logged, and told with the next report. */
export interface CommitStatus {
  report(report: StatusReport): Promise<void>;
  /** The same with state and description made of the counts. */
  reportFleet(report: FleetReport): Promise<void>;
}

interface Repository {
  readonly owner: string;
  readonly repo: string;
}

const githubApi = 'https://api.github.com';
/** https://docs.github.com/en/rest/commits/statuses: longer descriptions are refused. */
const descriptionMax = 140;
/** A status is worth a few seconds of a pass, no more: GitHub answers in well under one. */
const requestTimeoutMs = 5_000;
/** Two more tries: a terminal state that is lost would leave the commit pending until something changes. */
const retryWaitsMs = [1_000, 4_000] as const;

export function createCommitStatus(options: CommitStatusOptions): CommitStatus {
  const host = hostOf(options.baseUrl ?? githubApi);
  const told = new Map<string, string>();
  const lines = new Map<string, Promise<void>>();

  async function tell(report: StatusReport, place: Repository & { readonly context: string }): Promise<void> {
    const { commit, state, targetUrl } = report;
    const description = shorten(report.description);
    const key = `${place.owner}/${place.repo} ${place.context}`.toLowerCase();
    const text = JSON.stringify([commit, state, description, targetUrl]);
    if (told.get(key) === text) return;
    // Forgotten first: after a failure nobody knows what GitHub shows.
    told.delete(key);
    const sent = await post(options, {
      owner: place.owner,
      repo: place.repo,
      sha: commit,
      state,
      description,
      context: place.context,
      ...(targetUrl === undefined ? {} : { target_url: targetUrl }),
    });
    if (sent) told.set(key, text);
  }

  function report(report: StatusReport): Promise<void> {
    const repository = githubRepository(report.repo, host);
    if (repository === undefined || !/^[0-9a-f]{40}$/.test(report.commit)) return Promise.resolve();
    const place = { ...repository, context: report.context ?? options.context ?? 'flycd' };
    // One after the other, so that an earlier state never lands on top of a later one.
    const before = lines.get(place.context) ?? Promise.resolve();
    const next = before.then(() => tell(report, place));
    lines.set(place.context, next);
    return next;
  }

  return {
    report,
    reportFleet: ({ repo, commit, ...outcome }) => report({ repo, commit, ...describeOutcome(outcome) }),
  };
}

type StatusRequest = Parameters<Octokit['rest']['repos']['createCommitStatus']>[0];

/** true: GitHub took it. */
async function post(options: CommitStatusOptions, request: NonNullable<StatusRequest>): Promise<boolean> {
  const { clock, log } = options;
  const octokit = new Octokit({
    auth: options.token.reveal(),
    baseUrl: options.baseUrl ?? githubApi,
    request: { fetch: options.fetch },
    userAgent: 'flycd',
    // Octokit logs each request by itself; what matters of it is logged here.
    log: { debug() {}, info() {}, warn() {}, error() {} },
  });
  for (let attempt = 0; ; attempt += 1) {
    const abort = new AbortController();
    const cancel = clock.timer(requestTimeoutMs, () => {
      abort.abort(new Error(`no answer within ${requestTimeoutMs / 1000} s`));
    });
    try {
      await clock.busy(() => octokit.rest.repos.createCommitStatus({ ...request, request: { signal: abort.signal } }));
      return true;
    } catch (error) {
      const wait = retryWaitsMs[attempt];
      if (wait === undefined || !isPassing(error)) {
        log.warn(failure(request, error), 'commit status could not be posted');
        return false;
      }
      cancel();
      await clock.sleep(wait);
    } finally {
      cancel();
    }
  }
}

/** What Octokit throws carries the answer's status; 500 is also what it says of a connection that failed. */
function statusOf(error: unknown): number | undefined {
  return error instanceof Error && 'status' in error && typeof error.status === 'number' ? error.status : undefined;
}

function isPassing(error: unknown): boolean {
  const status = statusOf(error);
  return status === undefined || status === 429 || status >= 500;
}

function failure(request: NonNullable<StatusRequest>, error: unknown): object {
  const status = statusOf(error);
  const refused = status === 401 || status === 403 || status === 404;
  return {
    repo: `${request.owner}/${request.repo}`,
    commit: request.sha,
    state: request.state,
    status,
    why: error instanceof Error ? error.message : String(error),
    next: refused ? 'give a GITHUB_TOKEN with "Commit statuses: write" on this repository' : undefined,
  };
}

/** The host whose repositories an API serves: api.github.com -> github.com, ghe.example/api/v3 -> ghe.example. */
function hostOf(baseUrl: string): string {
  return new URL(baseUrl).hostname.toLowerCase().replace(/^api\./, '');
}

/** undefined: not a repository of that host. */
function githubRepository(address: string, host: string): Repository | undefined {
  const location = parseGitLocation(address);
  const name = /^\/([\w.-]+)\/([\w.-]+?)(?:\.git)?\/?$/i.exec(location?.path ?? '');
  if (location?.host !== host || name === null) return undefined;
  return { owner: name[1] ?? '', repo: name[2] ?? '' };
}

function shorten(text: string): string {
  const characters = Array.from(text);
  return characters.length <= descriptionMax ? text : `${characters.slice(0, descriptionMax - 1).join('')}…`;
}
