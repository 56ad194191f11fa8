import type { ServerResponse } from 'node:http';
import * as fc from '../property.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digest, startRegistry, type FakeRegistry } from '../servers/registry.ts';
import { IdleClock } from '../../src/model/base/clock.ts';
import type { Log } from '../../src/model/base/log.ts';
import { SecretValue } from '../../src/model/base/secret-value.ts';
import { createImageDigests, type ImageDigests } from '../../src/oci/digest.ts';
import { parseReference } from '../../src/oci/reference.ts';
import type { RegistryCredentials } from '../../src/oci/registry.ts';

let registry: FakeRegistry;
let clock: IdleClock;
let logged: string[];
let log: Log;

beforeEach(async () => {
  registry = await startRegistry();
  clock = new IdleClock();
  logged = [];
  const write = (fields: object, message: string): void => void logged.push(JSON.stringify([message, fields]));
  log = { debug: write, info: write, warn: write, error: write };
});

afterEach(() => registry.close());

function digests(credentials?: RegistryCredentials): ImageDigests {
  return createImageDigests({ fetch, clock, log, credentials });
}

const lines = (): readonly string[] => registry.requests.map(({ line }) => line);
const image = (tag = 'v1'): string => `${registry.host}/a/b:${tag}`;

describe('parseReference', () => {
  const sha = `sha256:${'a'.repeat(64)}`;
  it.each([
    ['nginx', 'registry-1.docker.io', 'library/nginx', 'latest', undefined],
    ['nginx:1.27', 'registry-1.docker.io', 'library/nginx', '1.27', undefined],
    ['flyio/hellofly:latest', 'registry-1.docker.io', 'flyio/hellofly', 'latest', undefined],
    ['docker.io/nginx', 'registry-1.docker.io', 'library/nginx', 'latest', undefined],
    ['ghcr.io/o/r/x:v1', 'ghcr.io', 'o/r/x', 'v1', undefined],
    ['localhost/x', 'localhost', 'x', 'latest', undefined],
    ['localhost:5000/x:y', 'localhost:5000', 'x', 'y', undefined],
    [`registry.fly.io/a:deployment-01@${sha}`, 'registry.fly.io', 'a', 'deployment-01', sha],
    [`nginx@${sha}`, 'registry-1.docker.io', 'library/nginx', 'latest', sha],
  ])('reads %s', (text, host, repository, tag, digest) => {
    expect(parseReference(text)).toEqual({ host, repository, tag, digest });
  });

  it.each([
    '',
    'UPPER',
    'a b',
    'a/',
    '/a',
    'a//b',
    'a:',
    'a:b c',
    'a@sha256:zz',
    'a@b@c',
    'host.x/../v2',
    'a:../x',
    'https://ghcr.io/o/r',
    'user:pw@ghcr.io/o/r',
    '-x.io/a',
  ])('refuses %j', (text) => expect(parseReference(text)).toBeUndefined());

  it('never lets a reference change the path or host of a question', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (text) => {
        const found = parseReference(text);
        if (found === undefined) return;
        const url = new URL(`https://${found.host}/v2/${found.repository}/manifests/${found.tag}`);
        expect(url.pathname).toBe(`/v2/${found.repository}/manifests/${found.tag}`);
        expect(url.username + url.search + url.hash).toBe('');
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the digest of a tag', () => {
  it('comes from one HEAD that asks for indexes first', async () => {
    expect(await digests().resolve(image())).toBe(digest);
    expect(lines()).toEqual(['HEAD /v2/a/b/manifests/v1']);
    expect(registry.requests[0]?.accept).toMatch(/^application\/vnd\.oci\.image\.index\.v1\+json, /);
    expect(clock.pending).toBe(0);
  });

  it('is the pinned one where there is one, without a question', async () => {
    const pinned = `sha256:${'b'.repeat(64)}`;
    expect(await digests().resolve(`${image()}@${pinned}`)).toBe(pinned);
    expect(lines()).toEqual([]);
  });

  it.each([
    ['HEAD is not allowed', (response: ServerResponse) => response.writeHead(405).end()],
    ['HEAD names no digest', (response: ServerResponse) => response.writeHead(200).end()],
    [
      'HEAD names nonsense',
      (response: ServerResponse) => response.writeHead(200, { 'docker-content-digest': 'x' }).end(),
    ],
  ])('is computed from the manifest where %s', async (_name, answer) => {
    registry.rule = (request, response) => {
      if (request.method !== 'HEAD') return false;
      answer(response);
      return true;
    };
    expect(await digests().resolve(image())).toBe(digest);
    expect(lines()).toEqual(['HEAD /v2/a/b/manifests/v1', 'GET /v2/a/b/manifests/v1']);
  });

  it('is had with a token for anybody, kept for the next questions until it ends', async () => {
    registry.login = 'anybody';
    const all = digests();
    expect(await all.resolve(image())).toBe(digest);
    expect(lines()).toEqual([
      'HEAD /v2/a/b/manifests/v1',
      'GET /token?service=fake&scope=repository%3Aa%2Fb%3Apull',
      'HEAD /v2/a/b/manifests/v1',
    ]);
    await all.resolve(image('v2'));
    expect(lines().filter((line) => line.includes('/token'))).toHaveLength(1);
    await clock.sleep(301_000);
    expect(await all.resolve(image())).toBe(digest);
    expect(lines().filter((line) => line.includes('/token'))).toHaveLength(2);
  });

  describe('with a token from before', () => {
    const renewals = (): number => lines().filter((line) => line.startsWith('GET /token')).length;
    /** All questions but those for a token, with the token of each. */
    const sent = () =>
      registry.requests.flatMap(({ line, authorization }) => (line.startsWith('GET /token') ? [] : [authorization]));

    it.each([
      ['is had with a new one where the machine slept since', () => Promise.resolve(clock.set(3_600_000))],
      [
        'is had with a new one once time says so, though the clock was set back',
        async () => {
          clock.set(-3_600_000);
          await clock.sleep(301_000);
        },
      ],
    ])('%s', async (_when, pass) => {
      registry.login = 'anybody';
      const all = digests();
      await all.resolve(image());
      await pass();
      await all.resolve(image('v2'));
      expect(sent()).toEqual([undefined, 'Bearer token-0', undefined, 'Bearer token-1']);
    });

    it('is had with it as long as it lasts, counted from when it was asked for', async () => {
      registry.login = 'anybody';
      registry.rule = ({ url }) => {
        if (url?.startsWith('/token') === true) clock.set(280_000);
        return false;
      };
      const all = digests();
      await all.resolve(image());
      await clock.sleep(9_000);
      await all.resolve(image('v2'));
      expect(renewals()).toBe(1);
      await clock.sleep(1_000);
      await all.resolve(image('v3'));
      expect(renewals()).toBe(2);
    });

    it.each([
      ['says so and names no service', 401],
      ['forbids what it asks', 403],
    ])('is had with a new one where the registry %s', async (_how, status) => {
      registry.login = 'anybody';
      const all = digests();
      await all.resolve(image('v2'));
      registry.rule = ({ headers }, response) => {
        if (headers.authorization !== 'Bearer token-0') return false;
        response.writeHead(status).end();
        return true;
      };
      expect(await all.resolve(image())).toBe(digest);
      expect(renewals()).toBe(2);
    });

    it('is unknown where the registry does not take the new one either, which is asked for once', async () => {
      registry.login = 'anybody';
      const all = digests();
      await all.resolve(image('v2'));
      registry.rule = ({ headers }, response) => {
        if (headers.authorization === undefined) return false;
        response.writeHead(403).end();
        return true;
      };
      expect(await all.resolve(image())).toBeUndefined();
      expect(renewals()).toBe(2);
      expect(sent().slice(2)).toEqual(['Bearer token-0', undefined, 'Bearer token-1']);
    });
  });

  it("is had with the host's credentials, which go to no other host and into no log", async () => {
    registry.login = 'me:canary-password';
    const asked: string[] = [];
    const credentials: RegistryCredentials = (host) => {
      asked.push(host);
      return host === registry.host ? { user: 'me', password: new SecretValue('canary-password') } : undefined;
    };
    expect(await digests(credentials).resolve(image())).toBe(digest);
    expect(asked).toEqual([registry.host]);
    expect(await digests().resolve(image())).toBeUndefined();
    expect(logged.join()).toContain('does not let FlyCD in');
    registry.login = 'other:x';
    expect(await digests(credentials).resolve(image())).toBeUndefined();
    expect(logged.join()).not.toContain('canary');
    expect(logged.join()).not.toContain(Buffer.from('me:canary-password').toString('base64'));
  });

  it('is had with basic authentication where the registry wants that', async () => {
    registry.rule = (request, response) => {
      if (request.headers.authorization === `Basic ${Buffer.from('me:pw').toString('base64')}`) return false;
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      return true;
    };
    const credentials: RegistryCredentials = () => ({ user: 'me', password: new SecretValue('pw') });
    expect(await digests(credentials).resolve(image())).toBe(digest);
    expect(await digests().resolve(image())).toBeUndefined();
  });

  it('follows a redirect, without the authorization', async () => {
    const other = await startRegistry();
    try {
      registry.login = 'anybody';
      registry.rule = (request, response) => {
        if (request.headers.authorization === undefined || request.url?.startsWith('/token') === true) return false;
        response.writeHead(307, { location: `http://${other.host}${request.url}` }).end();
        return true;
      };
      expect(await digests().resolve(image())).toBe(digest);
      expect(other.requests.map(({ authorization }) => authorization)).toEqual([undefined]);
    } finally {
      await other.close();
    }
  });

  it('gives no credentials to the token service that a host behind a redirect names', async () => {
    const other = await startRegistry();
    try {
      registry.rule = (request, response) => {
        response.writeHead(307, { location: `http://${other.host}${request.url}` }).end();
        return true;
      };
      other.login = 'me:pw';
      const credentials: RegistryCredentials = () => ({ user: 'me', password: new SecretValue('pw') });
      expect(await digests(credentials).resolve(image())).toBeUndefined();
      expect(other.requests.map(({ line, authorization }) => [line, authorization])).toEqual([
        ['HEAD /v2/a/b/manifests/v1', undefined],
      ]);
    } finally {
      await other.close();
    }
  });

  it.each([
    ['http://example.com/v2', 'is named without https'],
    ['/v2/a/b/manifests/v1', 'redirects in a circle'],
    ['file:///etc/passwd', 'is named without https'],
  ])('is unknown behind a redirect to %s', async (location, why) => {
    registry.rule = (_request, response) => {
      response.writeHead(302, { location }).end();
      return true;
    };
    expect(await digests().resolve(image())).toBeUndefined();
    expect(logged.join()).toContain(why);
  });

  it('sends no credentials to a token service without https', async () => {
    registry.rule = (_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Bearer realm="http://example.com/token"' }).end();
      return true;
    };
    const credentials: RegistryCredentials = () => ({ user: 'me', password: new SecretValue('pw') });
    expect(await digests(credentials).resolve(image())).toBeUndefined();
    expect(logged.join()).toContain('example.com is named without https');
  });

  it('is unknown for a tag that is not there, and asked again after a minute', async () => {
    const all = digests();
    expect(await all.resolve(image('v9'))).toBeUndefined();
    expect(await all.resolve(image('v9'))).toBeUndefined();
    expect(lines()).toHaveLength(1);
    expect(logged.join()).toContain('no such image or tag');
    await clock.sleep(60_001);
    await all.resolve(image('v9'));
    expect(lines()).toHaveLength(2);
  });

  it('is unknown, never an error, for nonsense and for hosts that cannot be reached', async () => {
    const { host } = registry;
    await registry.close();
    expect(await digests().resolve(`${host}/a/b`)).toBeUndefined();
    expect(logged.join()).toMatch(/cannot be reached \(.*ECONNREFUSED/);
    expect(await digests().resolve('not an image')).toBeUndefined();
    registry = await startRegistry();
  });

  it.each([
    ['garbage for a token', (response: ServerResponse) => response.end('{"token": 5}')],
    ['no JSON for a token', (response: ServerResponse) => response.end('<html>')],
    ['a line end in a token', (response: ServerResponse) => response.end(JSON.stringify({ token: 'a\r\nb: c' }))],
    ['too much for a token', (response: ServerResponse) => response.end('x'.repeat(70_000))],
  ])('is unknown when the token service sends %s', async (_name, answer) => {
    registry.login = 'anybody';
    registry.rule = (request, response) => {
      if (request.url?.startsWith('/token') !== true) return false;
      answer(response);
      return true;
    };
    expect(await digests().resolve(image())).toBeUndefined();
    expect(logged).toHaveLength(1);
  });

  it('reads no more of a manifest than the limit', async () => {
    registry.rule = (request, response) => {
      response.writeHead(200);
      if (request.method === 'HEAD') response.end();
      else response.end(Buffer.alloc(5 * 1024 * 1024));
      return true;
    };
    expect(await digests().resolve(image())).toBeUndefined();
    expect(logged.join()).toContain('more than 4194304 bytes');
  });

  it('is asked once by many at the same time, and remembered for five minutes', async () => {
    const all = digests();
    const found = await Promise.all(Array.from({ length: 20 }, () => all.resolve(image())));
    expect(new Set(found)).toEqual(new Set([digest]));
    expect(lines()).toHaveLength(1);
    await clock.sleep(299_000);
    await all.resolve(image());
    expect(lines()).toHaveLength(1);
    await clock.sleep(2000);
    await all.resolve(image());
    expect(lines()).toHaveLength(2);
  });

  it('is asked for again where the machine slept since, and not where its clock was set back', async () => {
    const all = digests();
    await all.resolve(image());
    clock.set(3_600_000);
    await all.resolve(image());
    expect(lines()).toHaveLength(2);
    clock.set(-7_200_000);
    await all.resolve(image());
    expect(lines()).toHaveLength(2);
    await clock.sleep(301_000);
    await all.resolve(image());
    expect(lines()).toHaveLength(3);
  });

  it('has at most six questions in flight', async () => {
    const open: ServerResponse[] = [];
    let most = 0;
    registry.rule = (_request, response) => {
      open.push(response);
      most = Math.max(most, open.length);
      setImmediate(() => setImmediate(() => open.splice(open.indexOf(response), 1)[0]?.writeHead(404).end()));
      return true;
    };
    const all = digests();
    await Promise.all(Array.from({ length: 30 }, (_unused, index) => all.resolve(image(`t${index}`))));
    expect(lines()).toHaveLength(30);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(6);
  });

  it('leaves a host alone for as long as it asks to be', async () => {
    registry.rule = (_request, response) => {
      response.writeHead(429, { 'retry-after': '120' }).end();
      return true;
    };
    const all = digests();
    await all.resolve(image('v1'));
    await all.resolve(image('v2'));
    expect(lines()).toHaveLength(1);
    registry.rule = undefined;
    await clock.sleep(120_001);
    expect(await all.resolve(image())).toBe(digest);
  });

  it('gives up on a registry that never answers', async () => {
    registry.rule = () => true;
    // time that moves although the question is open: a real clock would
    const impatient = { ...clockParts(clock), busy: <T>(work: () => Promise<T>): Promise<T> => work() };
    const all = createImageDigests({ fetch, clock: impatient, log });
    expect(await all.resolve(image())).toBeUndefined();
    expect(logged.join()).toContain('no answer within 15 s');
  });

  function clockParts(real: IdleClock) {
    return {
      now: () => real.now(),
      monotonic: () => real.monotonic(),
      sleep: (ms: number, signal?: AbortSignal) => real.sleep(ms, signal),
      timer: (ms: number, callback: () => void) => real.timer(ms, callback),
      park: (ms: number) => real.park(ms),
    };
  }
});
