import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createHostGuard } from '../../../src/http/guard.ts';
import { parseAllowedHosts } from '../../../src/http/hosts.ts';
import { IdleClock, systemClock, type Clock } from '../../../src/model/base/clock.ts';
import { silentLog } from '../../../src/model/base/log.ts';
import { SecretValue } from '../../../src/model/base/secret-value.ts';
import { createGitCredentials } from '../../../src/sources/git/credentials.ts';
import { createRoute } from '../../../src/sources/mirror/route.ts';
import { createGitMirrors, type OpenGitMirrors } from '../../../src/sources/mirror/mirror.ts';
import { admittedLocation } from '../../../src/sources/tree/admitted-location.ts';
import { startGitServer, type GitServer, type GitServerOptions } from '../../servers/git-server.ts';
import { faultOf, MirrorPlace, textOf } from '../recorded-mirrors.ts';

const place = new MirrorPlace();
let opened = 0;

async function serve(options: Partial<GitServerOptions> = {}): Promise<GitServer> {
  const server = await startGitServer({ root: place.served, ...options });
  place.closing(() => server.close());
  return server;
}

interface Given {
  readonly clock?: Clock;
  readonly allow?: readonly string[];
  /** Names beside the literal addresses, which are what they are. */
  readonly resolves?: Readonly<Record<string, string>>;
  readonly tokenFor?: string;
}

function guarded({ allow = [], resolves = {}, tokenFor, clock = systemClock }: Given = {}): OpenGitMirrors {
  const allowed = parseAllowedHosts(allow);
  if ('wrong' in allowed) throw new Error(allowed.wrong);
  const lookup = async (host: string) => [{ address: resolves[host] ?? host, family: 4 }];
  opened += 1;
  const token = new SecretValue('canary-token-19c4');
  const mirrors = createGitMirrors({
    directory: join(place.path, `guarded-${opened}`),
    clock,
    log: silentLog,
    credentials: createGitCredentials({
      directory: join(place.path, `keys-${opened}`),
      tokens: tokenFor === undefined ? [] : [{ origin: tokenFor, user: 'me', token }],
    }),
    environment: process.env,
    hosts: createHostGuard({ allowed, fetch, proxyOf: () => undefined, clock, lookup }),
  });
  place.closing(() => mirrors.close());
  return mirrors;
}

describe('an address out of a config file', () => {
  it('leads to no private host, and the words say what to write', async () => {
    const server = await serve();
    const fault = await faultOf(guarded().tree({ url: `${server.url}/config.git`, ref: 'main', trust: 'config' }));
    expect(fault).toMatchObject({
      kind: 'stalled',
      what: `git repository ${server.url}/config.git is refused`,
      why: '127.0.0.1 is this machine itself',
      next: 'where this host is meant, add it to your flycd.yaml: allow_hosts: ["127.0.0.1"], or to FLYCD_ALLOW_HOSTS',
    });
    expect(server.requests).toEqual([]);
  });

  it.each(['ssh://git@127.0.0.1:1/a/b', 'git@app.internal:a/b', 'https://[::1]:1/a/b', 'https://0x7f.1:1/a/b'])(
    'not as %s either',
    async (url) => {
      const fault = await faultOf(guarded().tree({ url, ref: 'main', trust: 'config' }));
      expect(fault.what).toContain('is refused');
    },
  );

  it('leads to what the operator allows', async () => {
    const commit = place.repository.commit({ a: '1' });
    const server = await serve();
    const mirrors = guarded({ allow: ['127.0.0.0/8'] });
    const tree = await mirrors.tree({ url: `${server.url}/config.git`, ref: 'main', trust: 'config' });
    expect(tree.revision).toBe(commit);
  });

  it('is connected to at the address that was checked', async () => {
    place.repository.commit({ a: '1' });
    const server = await serve();
    const url = `${server.url.replace('127.0.0.1', 'git.localhost')}/config.git`;
    const right = guarded({ allow: ['git.localhost'], resolves: { 'git.localhost': '127.0.0.1' } });
    expect(await textOf(await right.tree({ url, ref: 'main', trust: 'config' }), 'a')).toBe('1');
    // git's own resolver knows the name, and would find the server.
    const nobodyThere = guarded({ allow: ['git.localhost'], resolves: { 'git.localhost': '127.9.9.9' } });
    const before = server.requests.length;
    const fault = await faultOf(nobodyThere.tree({ url, ref: 'main', trust: 'config' }));
    expect(fault).toMatchObject({ kind: 'transient', what: `git repository ${url} cannot be reached` });
    expect(server.requests).toHaveLength(before);
  });

  it.each([
    ['ENOTFOUND', 'failed'],
    ['ETIMEOUT', 'timeout'],
  ])('that is not resolved (%s) is told as git would: %s', async (code, reason) => {
    const allowed = parseAllowedHosts([]);
    if ('wrong' in allowed) throw new Error(allowed.wrong);
    const lookup = () => Promise.reject(Object.assign(new Error(`queryA ${code} git.example`), { code }));
    const location = admittedLocation({ url: 'https://git.example/a/b', trust: 'config' });
    const guard = createHostGuard({ allowed, fetch, proxyOf: () => undefined, clock: systemClock, lookup });
    const route = createRoute({ location, clock: systemClock, guard: () => guard });
    await expect(route.call(() => Promise.resolve())).rejects.toMatchObject({ name: 'GitError', reason });
  });

  it('is the operator’s own where they named it themselves', async () => {
    const commit = place.repository.commit({ a: '1' });
    const server = await serve();
    const mirrors = guarded();
    const request = { url: `${server.url}/config.git`, ref: 'main' };
    expect((await mirrors.tree({ ...request, trust: 'operator' })).revision).toBe(commit);
    expect((await mirrors.tree({ ...request, trust: 'config' })).revision).toBe(commit);
    const other = await serve();
    const fault = await faultOf(mirrors.tree({ url: `${other.url}/config.git`, ref: 'main', trust: 'config' }));
    expect(fault.what).toContain('is refused');
  });
});

describe('a redirect', () => {
  const to = (target: () => string): Partial<GitServerOptions> => ({
    before(request, response) {
      response.writeHead(301, { location: `${target()}${request.url}` }).end();
      return true;
    },
  });

  it('is followed to a host that is admitted, and remembered', async () => {
    place.repository.commit({ a: '1' });
    const now = await serve();
    const before = await serve(to(() => now.url));
    const mirrors = guarded({ allow: ['127.0.0.1'] });
    const request = { url: `${before.url}/config.git`, ref: 'main', trust: 'config' as const };
    const tree = await mirrors.tree(request);
    expect(tree.name).toBe(request.url);
    expect(await textOf(tree, 'a')).toBe('1');
    const asked = before.requests.length;
    place.repository.commit({ a: '2' });
    expect(await textOf(await mirrors.tree(request), 'a')).toBe('2');
    expect(before.requests).toHaveLength(asked);
  });

  it('that is over is gone by for some minutes, and no longer', async () => {
    place.repository.commit({ a: '1' });
    const other = await serve();
    let isOver = false;
    const own = await serve({
      before(request, response) {
        if (!isOver) response.writeHead(302, { location: `${other.url}${request.url}` }).end();
        return !isOver;
      },
    });
    const clock = new IdleClock();
    const mirrors = guarded({ allow: ['127.0.0.1'], clock });
    const request = { url: `${own.url}/config.git`, ref: 'main', trust: 'config' as const };
    await mirrors.tree(request);
    isOver = true;
    await clock.sleep(11 * 60_000);
    const before = { own: own.requests.length, other: other.requests.length };
    await mirrors.tree(request);
    expect(own.requests.length).toBeGreaterThan(before.own);
    expect(other.requests).toHaveLength(before.other);
  });

  it('is not followed to a private host', async () => {
    place.repository.commit({ a: '1' });
    const inside = await serve();
    const outside = await serve(to(() => inside.url));
    const url = `${outside.url.replace('127.0.0.1', 'git.localhost')}/config.git`;
    const mirrors = guarded({ allow: ['git.localhost'], resolves: { 'git.localhost': '127.0.0.1' } });
    const fault = await faultOf(mirrors.tree({ url, ref: 'main', trust: 'config' }));
    expect(fault).toMatchObject({ kind: 'stalled', why: '127.0.0.1 is this machine itself' });
    expect(inside.requests).toEqual([]);
  });

  it('carries no token along', async () => {
    place.repository.commit({ a: '1' });
    const now = await serve();
    const before = await serve(to(() => now.url));
    const mirrors = guarded({ allow: ['127.0.0.1'], tokenFor: before.url });
    await mirrors.tree({ url: `${before.url}/config.git`, ref: 'main', trust: 'config' });
    expect(now.requests.length).toBeGreaterThan(0);
    expect(now.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
  });

  it('in a circle, or to what is no git server, is told', async () => {
    const circle: GitServer = await serve(to(() => circle.url));
    const request = { url: `${circle.url}/config.git`, ref: 'main', trust: 'config' as const };
    const mirrors = guarded({ allow: ['127.0.0.1'] });
    expect(await faultOf(mirrors.tree(request))).toMatchObject({ kind: 'stalled' });
    expect(circle.requests.length).toBeLessThan(8);
    const login = await serve({
      before(_request, response) {
        response.writeHead(302, { location: '/login' }).end();
        return true;
      },
    });
    expect(await faultOf(mirrors.tree({ ...request, url: `${login.url}/config.git` }))).toMatchObject({
      kind: 'stalled',
    });
  });
});
