/** The way out that HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY name: read as curl, and so git, reads them, but that curl knows no ports there. */

import type { Clock } from '../model/base/clock.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The proxy that requests for this address go through, as written in the environment; undefined: none. Its text may hold a password. */
export type ProxyOf = (url: URL) => string | undefined;

export function readProxies(env: Environment): ProxyOf {
  const direct = noProxy(value(env, 'no_proxy') ?? '');
  return (url) => {
    if (!/^https?:$/.test(url.protocol) || direct(url)) return undefined;
    return value(env, url.protocol === 'https:' ? 'https_proxy' : 'http_proxy') ?? value(env, 'all_proxy');
  };
}

/** The small letters win, as in curl. */
function value(env: Environment, name: string): string | undefined {
  return [env[name], env[name.toUpperCase()]]
    .map((text) => text?.trim())
    .find((text) => text !== undefined && text !== '');
}

/** Names with all that is below them, with a port where one is written; `*` is everything. */
function noProxy(text: string): (url: URL) => boolean {
  const entries = text
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .map((entry) => /^(?:\*?\.)?(?<name>\[[^\]]*\]|[^:]+|[0-9a-f:]+)(?::(?<port>\d+))?$/.exec(entry)?.groups ?? {});
  return ({ hostname, port, protocol }) => {
    const name = hostname.toLowerCase().replace(/\.$/, '');
    const bare = name.replace(/^\[(.*)\]$/, '$1');
    const at = port === '' ? { 'https:': '443', 'http:': '80' }[protocol] : port;
    return entries.some((entry) => {
      if (entry['port'] !== undefined && entry['port'] !== at) return false;
      const written = entry['name'] ?? '';
      return written === '*' || written === name || written === bare || name.endsWith(`.${written}`);
    });
  };
}

/** `fetch` that goes through the proxies of the environment; the one that was given where it names none. */
export function proxiedFetch(
  env: Environment,
  { fetch: direct, clock }: { readonly fetch: typeof fetch; readonly clock: Clock },
): typeof fetch {
  const proxyOf = readProxies(env);
  const names = ['http_proxy', 'https_proxy', 'all_proxy'];
  if (names.every((name) => value(env, name) === undefined)) return direct;
  const agents = new Map<string, object>();
  return async (input, init) => {
    const proxy = proxyOf(new URL(input instanceof Request ? input.url : input));
    const uri = proxy === undefined ? undefined : proxyUri(proxy);
    if (uri === undefined) return direct(input, init);
    const { ProxyAgent } = await clock.busy(() => import('undici'));
    const agent = agents.get(uri) ?? new ProxyAgent({ uri });
    agents.set(uri, agent);
    return direct(input, { ...init, ...withDispatcher(agent) });
  };
}

/** What Node's fetch takes beside the standard's options; its types are those of an older undici. */
export function withDispatcher(dispatcher: object): object {
  return { dispatcher };
}

/** undefined: one that only git speaks with (socks5). Throws without its text, which may hold a password. */
function proxyUri(proxy: string): string | undefined {
  const uri = /^[a-z0-9+.-]+:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
  if (!URL.canParse(uri)) throw new TypeError('the proxy that the environment names is no URL');
  return /^https?:/i.test(uri) ? uri : undefined;
}
