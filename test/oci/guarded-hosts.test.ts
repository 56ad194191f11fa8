import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHostGuard } from '../../src/http/guard.ts';
import { parseAllowedHosts } from '../../src/http/hosts.ts';
import { IdleClock } from '../../src/model/base/clock.ts';
import type { Log } from '../../src/model/base/log.ts';
import { createImageDigests, type ImageDigests } from '../../src/oci/digest.ts';
import { digest, startRegistry, type FakeRegistry } from '../servers/registry.ts';

let registry: FakeRegistry;
let inside: FakeRegistry;
let warnings: string[];

beforeEach(async () => {
  [registry, inside] = await Promise.all([startRegistry(), startRegistry()]);
  warnings = [];
});

afterEach(() => Promise.all([registry.close(), inside.close()]));

/** `registry` is allowed by its name, `registry.localhost`; `inside` is at 127.0.0.1, which nobody allows. */
function digests(allow: readonly string[] = ['registry.localhost']): ImageDigests {
  const allowed = parseAllowedHosts(allow);
  if ('wrong' in allowed) throw new Error(allowed.wrong);
  const clock = new IdleClock();
  const lookup = async () => [{ address: '127.0.0.1', family: 4 }];
  const guard = createHostGuard({ allowed, fetch, proxyOf: () => undefined, clock, lookup });
  const ignore = (): void => {};
  const warn = (fields: object, message: string): void => void warnings.push(`${message}: ${JSON.stringify(fields)}`);
  const log: Log = { debug: ignore, info: ignore, warn, error: ignore };
  return createImageDigests({ fetch: guard.fetch, clock, log });
}

const at = (found: FakeRegistry): string => `${found.host.replace('127.0.0.1', 'registry.localhost')}/a/b:v1`;

describe('an image out of a config file', () => {
  it('is asked for where the operator allows its registry', async () => {
    expect(await digests().resolve(at(registry))).toBe(digest);
    expect(await digests(['127.0.0.0/8']).resolve(`${registry.host}/a/b:v1`)).toBe(digest);
    expect(warnings).toEqual([]);
  });

  it('is not asked for at a private host, which is told once', async () => {
    const refusing = digests();
    expect(await refusing.resolve(`${inside.host}/a/b:v1`)).toBeUndefined();
    expect(await refusing.resolve(`${inside.host}/a/b:v2`)).toBeUndefined();
    expect(await refusing.resolve('app.internal:5000/a/b:v1')).toBeUndefined();
    expect(inside.requests).toEqual([]);
    expect(warnings).toEqual([
      expect.stringContaining(
        `${inside.host} is not asked: 127.0.0.1 is this machine itself; where this host is meant, add it to your flycd.yaml: allow_hosts: [\\"127.0.0.1\\"]`,
      ),
      expect.stringContaining('app.internal is a name of a private network'),
    ]);
  });

  it('leads nowhere else by a redirect', async () => {
    registry.rule = (_request, response) => {
      response.writeHead(307, { location: `http://${inside.host}/v2/a/b/manifests/v1` }).end();
      return true;
    };
    expect(await digests().resolve(at(registry))).toBeUndefined();
    expect(inside.requests).toEqual([]);
    expect(warnings).toHaveLength(1);
  });

  it('leads nowhere else by the token service that its registry names', async () => {
    registry.rule = (_request, response) => {
      response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${inside.host}/token",service="x"` }).end();
      return true;
    };
    expect(await digests().resolve(at(registry))).toBeUndefined();
    expect(inside.requests).toEqual([]);
    expect(warnings).toHaveLength(1);
  });
});
