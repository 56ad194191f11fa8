import { promises as dns } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { Clock } from '../model/base/clock.ts';
import { endsWithin } from '../model/base/ending.ts';
import { checkHost, checkResolved, type AllowedHosts } from './hosts.ts';
import { withDispatcher, type ProxyOf } from './proxies.ts';

interface Resolved {
  readonly address: string;
  readonly family: number;
}

export interface HostGuardOptions {
  readonly allowed: AllowedHosts;
  /** Hosts that the operator named for something else, with or without a port: as good as allowed. Lower case. */
  readonly exempt?: ReadonlySet<string> | undefined;
  /** Carries out what was admitted; through a proxy where one is named. */
  readonly fetch: typeof fetch;
  readonly proxyOf: ProxyOf;
  readonly clock: Clock;
  /** Default: the system's resolver. */
  readonly lookup?: ((host: string) => Promise<readonly Resolved[]>) | undefined;
}

/** Keeps addresses that stand in config files, and where those redirect to, from leading into private networks. */
export interface HostGuard {
  /**
   * `fetch` that connects to admitted hosts alone: a name is resolved once for a connection, checked, and that address is
   * connected to. Behind a proxy names and literal addresses are all that can be checked. Rejects with a HostRefused, by itself
   * or as the cause. Redirects are the caller's: each is a call of its own.
   */
  readonly fetch: typeof fetch;
  /**
   * The addresses that a program of its own has to connect to for this call; none where a proxy resolves the name or the host is exempt. Rejects with
   * a HostRefused, and with the resolver's error.
   */
  admit(url: URL): Promise<readonly string[]>;
}

/** Two tries of this for each of two name servers, and the system's own resolver after them. */
const answerTimeoutMs = 3_000;
const answerTries = 2;
const lookupTimeoutMs = 20_000;

export function createHostGuard(options: HostGuardOptions): HostGuard {
  const { allowed, exempt, clock, proxyOf, lookup = resolved } = options;

  async function admitted(host: string): Promise<readonly Resolved[]> {
    const found = await lookup(host);
    const addresses = found.map(({ address }) => address);
    checkResolved(host, addresses, allowed);
    return found;
  }

  const connect: LookupFunction = (host, { all = false }, callback) => {
    admitted(host).then(
      (found) => (all ? callback(null, [...found]) : callback(null, found[0]?.address ?? '', found[0]?.family)),
      (error: unknown) => callback(error as Error, ''),
    );
  };
  let agent: object | undefined;
  const isExempt = ({ host, hostname }: URL): boolean => exempt?.has(host) === true || exempt?.has(hostname) === true;

  return {
    async fetch(input, init) {
      const url = new URL(input instanceof Request ? input.url : input);
      if (isExempt(url)) return options.fetch(input, { ...init, redirect: 'manual' });
      checkHost(url.hostname, allowed);
      const { Agent } = await clock.busy(() => import('undici'));
      agent ??= new Agent({ connect: { lookup: connect } });
      return options.fetch(input, { ...init, redirect: 'manual', ...withDispatcher(agent) });
    },
    async admit(url) {
      const { hostname } = url;
      if (isExempt(url)) return [];
      checkHost(hostname, allowed);
      if (isResolvedByProxy(proxyOf(url))) return [];
      const resolving = clock.busy(() => admitted(hostname.replace(/^\[(.*)\]$/, '$1')));
      if (!(await endsWithin(clock, resolving, { ms: lookupTimeoutMs })))
        throw new Error(`${hostname} was not resolved within ${lookupTimeoutMs / 1000} s`);
      return (await resolving).map(({ address }) => address);
    },
  };
}

/** Others have their names resolved where they connect from. */
function isResolvedByProxy(proxy: string | undefined): boolean {
  return proxy !== undefined && !/^socks(?:4|5)?:/i.test(proxy);
}

/**
 * The system's resolver has four places for the whole process, and keeps one for as long as a name server takes: whoever names hosts
 * whose name servers never answer would stop all of it. So names are asked for beside it first, and those that nobody answers for
 * are left at that; it knows of hosts files and search domains besides.
 */
async function resolved(host: string): Promise<readonly Resolved[]> {
  const resolver = new dns.Resolver({ timeout: answerTimeoutMs, tries: answerTries });
  const [four, six] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
  const found = [
    ...(four.status === 'fulfilled' ? four.value.map((address) => ({ address, family: 4 })) : []),
    ...(six.status === 'fulfilled' ? six.value.map((address) => ({ address, family: 6 })) : []),
  ];
  if (found.length > 0) return found;
  const silent = [four, six].find((one) => one.status === 'rejected' && isSilent(one.reason));
  if (silent?.status === 'rejected') throw silent.reason;
  return dns.lookup(host, { all: true, order: 'ipv4first' });
}

function isSilent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ETIMEOUT';
}
