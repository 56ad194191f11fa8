import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { IdleClock } from '../../src/model/base/clock.ts';
import { silentLog } from '../../src/model/base/log.ts';
import { createImagePulls, type ImagePulls } from '../../src/oci/pulls.ts';
import { digest, startRegistry, type FakeRegistry } from '../servers/registry.ts';

let registry: FakeRegistry;
let clock: IdleClock;

beforeEach(async () => {
  registry = await startRegistry();
  clock = new IdleClock();
});
afterEach(() => registry.close());

const pulls = (ownHost = 'registry.fly.io'): ImagePulls => createImagePulls({ fetch, clock, log: silentLog, ownHost });
const image = (tag = 'v1'): string => `${registry.host}/a/b:${tag}`;
const lines = (): readonly string[] => registry.requests.map(({ line }) => line);

/** The registry answers manifests so, to whoever asks with a token or without. */
function answering(status: number, headers: Record<string, string> = {}): void {
  registry.rule = ({ url = '' }, response) => {
    if (!url.includes('/manifests/')) return false;
    response.writeHead(status, headers).end();
    return true;
  };
}

describe('an image that its registry gives to everybody', () => {
  test.each([
    ['without a token', undefined],
    ['with the token that anybody gets', 'anybody'],
  ])('%s', async (_what, login) => {
    registry.login = login;
    expect(await pulls().refusal(image())).toBeUndefined();
    expect(registry.requests.every(({ authorization }) => authorization?.startsWith('Basic') !== true)).toBe(true);
  });

  test('by its digest', async () => {
    expect(await pulls().refusal(`${image()}@${digest}`)).toBeUndefined();
    expect(lines()).toEqual([`HEAD /v2/a/b/manifests/${digest}`]);
  });
});

describe('an image that its registry refuses', () => {
  test('its token service gives no token', async () => {
    registry.login = 'alice:password';
    expect(await pulls().refusal(image())).toBe(`${registry.host} answers 401 to whoever asks without credentials`);
    expect(lines()).toEqual(['HEAD /v2/a/b/manifests/v1', expect.stringMatching(/^GET \/token/)]);
  });

  test.each([401, 403])('with a token it still answers %i', async (status) => {
    registry.login = 'anybody';
    let manifests = 0;
    registry.rule = ({ url = '' }, response) => {
      if (!url.includes('/manifests/')) return false;
      manifests += 1;
      if (manifests === 1) return false;
      response.writeHead(status).end();
      return true;
    };
    expect(await pulls().refusal(image())).toContain(`answers ${status}`);
  });

  test('it wants a password, and knows no tokens', async () => {
    answering(401, { 'www-authenticate': 'Basic realm="private"' });
    expect(await pulls().refusal(image())).toContain('answers 401');
  });
});

describe('what is no plain no is unknown', () => {
  test.each([400, 404, 408, 418, 429, 500, 502, 503])('%i', async (status) => {
    answering(status);
    expect(await pulls().refusal(image())).toBeUndefined();
  });

  test.each([404, 429, 500, 503])('a token service that answers %i', async (status) => {
    registry.login = 'anybody';
    registry.rule = ({ url = '' }, response) => {
      if (!url.startsWith('/token')) return false;
      response.writeHead(status).end();
      return true;
    };
    expect(await pulls().refusal(image())).toBeUndefined();
  });

  test('a registry that cannot be reached, and what is no image', async () => {
    expect(await pulls().refusal('127.0.0.1:1/a/b:v1')).toBeUndefined();
    expect(await pulls().refusal('no image')).toBeUndefined();
  });

  test.each([
    ['by its usual name', () => `registry.fly.io/shop:v1@${digest}`, 'registry.example.com'],
    ['by the name that it has here', () => image(), undefined],
  ])("Fly's own registry is not asked: %s", async (_what, ref, ownHost) => {
    answering(401);
    expect(await pulls(ownHost ?? registry.host).refusal(ref())).toBeUndefined();
    expect(lines()).toEqual([]);
  });
});

test('one question does for many apps; a no is asked for again soon, a yes later', async () => {
  const asked = pulls();
  answering(403);
  await Promise.all([asked.refusal(image()), asked.refusal(image()), asked.refusal(image())]);
  expect(lines()).toHaveLength(1);
  answering(200);
  expect(await asked.refusal(image()), 'just asked').toContain('403');
  await clock.sleep(31_000);
  expect(await asked.refusal(image())).toBeUndefined();
  await clock.sleep(200_000);
  await asked.refusal(image());
  expect(lines()).toHaveLength(2);
  await clock.sleep(200_000);
  await asked.refusal(image());
  expect(lines()).toHaveLength(3);
});
