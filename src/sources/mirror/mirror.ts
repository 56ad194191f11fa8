import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Patience } from '../../http/patience.ts';
import type { Clock } from '../../model/base/clock.ts';
import type { Descent } from '../../model/removal.ts';
import type { HostGuard } from '../../http/guard.ts';
import type { Log } from '../../model/base/log.ts';
import { SecretValue } from '../../model/base/secret-value.ts';
import type { Origin } from '../../model/stamps/origin.ts';
import type { GitCredential, GitCredentials } from '../git/credentials.ts';
import type { GitLocation } from '../tree/location.ts';
import { admittedLocation } from '../tree/admitted-location.ts';
import { originOf } from '../tree/origin.ts';
import { checkRef } from '../tree/ref.ts';
import { Mirror } from './mirror-repository.ts';
import { createRoute } from './route.ts';
import { defaultMirrorLimits, type MirrorLimits } from './mirror-size.ts';
import { createPermits } from './permits.ts';
import type { GitMirrors, GitSourceRequest, Tree } from '../tree/tree.ts';

export interface GitMirrorsOptions {
  /** Folder of FlyCD's own; a cache, removed without harm. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly credentials: GitCredentials;
  /** PATH, proxies and certificates; nothing else of it reaches git. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** For what a ref points to; 30 s otherwise. */
  readonly askTimeoutMs?: number | undefined;
  /** For a fetch, the first and largest included; 5 min otherwise. */
  readonly fetchTimeoutMs?: number | undefined;
  /** Where addresses out of config files may lead; undefined: anywhere. */
  readonly hosts?: HostGuard | undefined;
  /** For sources that config names, while others wait. undefined: each is waited for as long as its calls may take. */
  readonly patience?: Patience | undefined;
  /** Default: `defaultMirrorLimits`. */
  readonly limits?: Partial<MirrorLimits> | undefined;
}

export interface OpenGitMirrors extends GitMirrors {
  /** Where the repository of a tree that was asked for comes from: its address, and where the commit's history begins. */
  origin(request: GitSourceRequest, commit: string): Promise<Origin | undefined>;
  /** Whether a commit of a tree that was asked for has another one in its history. */
  descends(request: GitSourceRequest, commit: string, from: string): Promise<Descent>;
  /** Ends the git children that were kept for reading. Trees stay usable; what is not closed ends with the process. */
  close(): void;
}

const askTimeoutMs = 30_000;
/** A big repository's history over a slow line. */
const fetchTimeoutMs = 5 * 60_000;
/** Mirrors that keep a child for reading: some 5 MB each. */
const readersMax = 4;

/**
 * Bare mirrors, one for each address (of the operator's a second one for refs that config files name), fetched when a ref has
 * moved. Calls for one mirror run one after the other;
 * calls that wait for the same ref share one answer, asked after the last of them came.
 */
export function createGitMirrors(options: GitMirrorsOptions): OpenGitMirrors {
  const mirrors = new Map<string, Mirror>();
  /** What the operator named: repositories, and each with a ref. */
  const given = new Set<string>();
  const passes = new WeakMap<object, Map<string, Promise<Tree>>>();
  const permits = createPermits(options.clock);
  const readers = new Set<Mirror>();

  function reading(mirror: Mirror): void {
    readers.delete(mirror);
    readers.add(mirror); // newest last
    const [oldest] = readers;
    if (readers.size <= readersMax || oldest === undefined) return;
    readers.delete(oldest);
    oldest.close();
  }

  function mirrorOf(location: GitLocation, { trust, ref }: GitSourceRequest): Mirror {
    const key = keyOf(location);
    const asked = `${key} ${ref}`;
    // The operator's own config repo is no other one where a config file names it too.
    if (trust === 'operator') given.add(key).add(asked);
    // But for other refs of it, which are not to fill up the operator's mirror.
    const name = given.has(key) && !given.has(asked) ? `${key}-named` : key;
    const known = mirrors.get(name);
    if (known !== undefined) return known;
    const guard = (): HostGuard | undefined => (given.has(key) ? undefined : options.hosts);
    const mirror = new Mirror({
      directory: join(options.directory, `${name}.git`),
      location,
      credential: (asked) => credentialOf(asked, options.credentials),
      route: createRoute({ location, clock: options.clock, guard }),
      environment: options.environment ?? {},
      clock: options.clock,
      log: options.log,
      permits,
      patience: options.patience,
      reading,
      askTimeoutMs: options.askTimeoutMs ?? askTimeoutMs,
      fetchTimeoutMs: options.fetchTimeoutMs ?? fetchTimeoutMs,
      limits: { ...defaultMirrorLimits, ...options.limits },
    });
    mirrors.set(name, mirror);
    return mirror;
  }

  function once(request: GitSourceRequest, location: GitLocation): Promise<Tree> {
    const mirror = mirrorOf(location, request);
    const ask = (): Promise<Tree> =>
      request.trust === 'config' ? mirror.treeSoon(request.ref) : mirror.tree(request.ref);
    if (request.pass === undefined) return ask();
    const seen = passes.get(request.pass) ?? new Map<string, Promise<Tree>>();
    passes.set(request.pass, seen);
    const key = `${keyOf(location)} ${request.ref}`;
    const tree = seen.get(key) ?? ask();
    seen.set(key, tree);
    return tree;
  }

  return {
    async tree(request) {
      const location = admittedLocation(request);
      checkRef(request.ref, location.remote);
      return once(request, location);
    },
    async origin(request, commit) {
      const location = admittedLocation(request);
      const root = await mirrorOf(location, request).root(request.ref, commit);
      return originOf({ address: location.remote, root });
    },
    descends: (request, commit, from) => mirrorOf(admittedLocation(request), request).descends(commit, from),
    close() {
      for (const mirror of mirrors.values()) mirror.close();
    },
  };
}

/** An address with credentials of its own has a mirror of its own: what they open is not shown to others. */
function keyOf({ remote, user, password }: GitLocation): string {
  const hash = createHash('sha256').update(remote.replace(/\/+$/, ''));
  if (password !== '' || (user !== '' && !remote.includes('@'))) hash.update(`\0${user}\0${password}`);
  return hash.digest('hex').slice(0, 32);
}

async function credentialOf(location: GitLocation, credentials: GitCredentials): Promise<GitCredential | undefined> {
  const { scheme, user, password } = location;
  const inAddress = (scheme === 'https' || scheme === 'http') && (user !== '' || password !== '');
  if (inAddress) return { kind: 'token', user, token: new SecretValue(password) };
  return credentials.credentialsFor(location.remote);
}
