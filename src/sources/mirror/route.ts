import type { Clock } from '../../model/base/clock.ts';
import { Fault } from '../../model/base/fault.ts';
import { exchange } from '../../http/exchange.ts';
import type { HostGuard } from '../../http/guard.ts';
import { HostRefused } from '../../http/hosts.ts';
import { admittedLocation } from '../tree/admitted-location.ts';
import type { GitLocation } from '../tree/location.ts';
import { GitError } from '../git/git-command.ts';
import { isRedirect } from '../git/git-fault.ts';

/** How a repository's server is reached, decided anew for each call. */
export interface Route {
  /**
   * Calls git with the address to ask and the addresses to connect to (undefined: wherever it leads). Throws what git throws, and a
   * Fault for a host that config may not lead to.
   */
  call<T>(run: (location: GitLocation, addresses: readonly string[] | undefined) => Promise<T>): Promise<T>;
}

export interface RouteParts {
  readonly location: GitLocation;
  readonly clock: Clock;
  /** undefined: the operator gave the address. */
  readonly guard: () => HostGuard | undefined;
}

/** A forge that renames an owner and then a repository redirects twice. git itself follows 20. */
const redirectsMax = 3;
const redirectTimeoutMs = 15_000;
/** Asking the old address first costs a call; a redirect that was a mistake is not gone by for longer. */
const movedMs = 10 * 60_000;
/** The answer of a redirect is a line of HTML. */
const redirectBytesMax = 64 * 1024;

/** What git asks first of a server that speaks HTTP. */
const firstQuestion = '/info/refs?service=git-upload-pack';

export function createRoute({ location: written, clock, guard }: RouteParts): Route {
  /** Where the address leads to, once it has been followed. */
  let moved: { readonly location: GitLocation; readonly until: number } | undefined;

  async function admitted(location: GitLocation): Promise<readonly string[] | undefined> {
    try {
      return await guard()?.admit(addressOf(location));
    } catch (error) {
      throw error instanceof HostRefused ? refused(written, error) : unresolved(error);
    }
  }

  /** Where a server without credentials says that the repository is now. undefined: it says nothing that git could go on with. */
  async function followed(from: GitLocation, guarded: HostGuard): Promise<GitLocation | undefined> {
    let url = new URL(`${from.remote.replace(/\/+$/, '')}${firstQuestion}`);
    for (let redirects = 0; redirects < redirectsMax; redirects += 1) {
      const question = { url, method: 'GET', headers: {}, body: undefined, signal: undefined };
      const limits = { timeoutMs: redirectTimeoutMs, bytesMax: redirectBytesMax };
      const answer = await exchange({ fetch: guarded.fetch, clock }, { ...question, ...limits });
      if (answer.kind === 'silence') {
        if (answer.refused !== undefined) throw refused(written, answer.refused);
        return undefined;
      }
      const to = answer.headers.get('location');
      if (answer.status < 300 || answer.status > 399 || to === null || !URL.canParse(to, url.href))
        return redirects === 0 ? undefined : locationOf(url);
      url = new URL(to, url);
    }
    return locationOf(url);
  }

  return {
    async call(run) {
      const location = moved !== undefined && clock.monotonic() < moved.until ? moved.location : written;
      try {
        return await run(location, await admitted(location));
      } catch (error) {
        moved = undefined;
        const guarded = guard();
        if (guarded === undefined || !(error instanceof GitError) || !isRedirect(error)) throw error;
        const next = await followed(written, guarded);
        if (next === undefined) throw error;
        const answer = await run(next, await admitted(next));
        moved = { location: next, until: clock.monotonic() + movedMs };
        return answer;
      }
    },
  };
}

/** git goes on below where its first question was answered. Throws a Fault for an address that config may not name. */
function locationOf({ href }: URL): GitLocation | undefined {
  if (!href.endsWith(firstQuestion)) return undefined;
  return admittedLocation({ url: href.slice(0, -firstQuestion.length), trust: 'config' });
}

/** Of an address that is none of the web's, as ssh's, just what says where it leads. */
function addressOf({ scheme, host, port }: GitLocation): URL {
  return new URL(`${scheme}://${host}${port === '' ? '' : `:${port}`}/`);
}

function refused({ remote }: GitLocation, { message, next }: HostRefused): Fault {
  return new Fault({ kind: 'stalled', what: `git repository ${remote} is refused`, why: message, next });
}

/** As git would say it. Name servers that do not answer are a silence like a server's: it is late, and nobody waits for it. */
function unresolved(error: unknown): GitError {
  const { message, code } = error as NodeJS.ErrnoException;
  return new GitError(message, code === 'ENOTFOUND' || code === 'ENODATA' ? 'failed' : 'timeout');
}
