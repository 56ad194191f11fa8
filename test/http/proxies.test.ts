import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/model/base/clock.ts';
import { proxiedFetch, readProxies } from '../../src/http/proxies.ts';

const tools = { fetch, clock: systemClock };
const proxy = 'http://proxy.example:3128';

describe('which proxy is asked', () => {
  test.each<[string, Record<string, string>, string, string | undefined]>([
    ['none named', {}, 'https://github.com/', undefined],
    ['https', { HTTPS_PROXY: proxy }, 'https://github.com/', proxy],
    ['https only', { HTTPS_PROXY: proxy }, 'http://github.com/', undefined],
    ['http', { HTTP_PROXY: proxy }, 'http://github.com/', proxy],
    ['small letters win', { HTTPS_PROXY: 'http://other', https_proxy: proxy }, 'https://github.com/', proxy],
    ['an empty one is none', { https_proxy: '', HTTPS_PROXY: ' ' }, 'https://github.com/', undefined],
    ['for all', { ALL_PROXY: proxy }, 'https://github.com/', proxy],
    ['never for ssh', { ALL_PROXY: proxy }, 'ssh://github.com/', undefined],
    ['everything is direct', { ALL_PROXY: proxy, NO_PROXY: '*' }, 'https://github.com/', undefined],
    ['a name', { ALL_PROXY: proxy, NO_PROXY: 'a.example, github.com' }, 'https://github.com/', undefined],
    ['names below it', { ALL_PROXY: proxy, NO_PROXY: 'github.com' }, 'https://api.github.com/', undefined],
    ['with a dot', { ALL_PROXY: proxy, NO_PROXY: '.github.com' }, 'https://api.github.com/', undefined],
    ['no other name that ends so', { ALL_PROXY: proxy, NO_PROXY: 'hub.com' }, 'https://github.com/', proxy],
    ['a port', { ALL_PROXY: proxy, NO_PROXY: 'github.com:8443' }, 'https://github.com/', proxy],
    ['its port', { ALL_PROXY: proxy, NO_PROXY: 'github.com:443' }, 'https://github.com/', undefined],
    ['an address', { ALL_PROXY: proxy, NO_PROXY: '127.0.0.1' }, 'http://127.0.0.1:8080/', undefined],
    ['an IPv6 address', { ALL_PROXY: proxy, NO_PROXY: '::1' }, 'http://[::1]:8080/', undefined],
    ['one in brackets', { ALL_PROXY: proxy, NO_PROXY: '[::1]:8080' }, 'http://[::1]:8080/', undefined],
  ])('%s', (_what, env, url, expected) => {
    expect(readProxies(env)(new URL(url))).toBe(expected);
  });
});

test('without one, fetch is the one that was given', () => {
  expect(proxiedFetch({ NO_PROXY: 'a' }, tools)).toBe(fetch);
});

test('one that is no URL is told of without its text', async () => {
  const env = { HTTPS_PROXY: 'http://user:canary@[broken' };
  await expect(proxiedFetch(env, tools)('https://github.com/')).rejects.toThrow(
    /^the proxy that the environment names is no URL$/,
  );
});
