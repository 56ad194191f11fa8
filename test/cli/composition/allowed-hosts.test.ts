import { describe, expect, test } from 'vitest';
import { hostGuard } from '../../../src/cli/composition/allowed-hosts.ts';
import type { OperatorSettings } from '../../../src/cli/composition/settings.ts';
import { systemClock } from '../../../src/model/base/clock.ts';

const answering: typeof fetch = () => Promise.resolve(new Response('reached'));

/** Which of these hosts are asked. */
async function reached(env: Record<string, string>, written: OperatorSettings['written'], urls: readonly string[]) {
  const guard = hostGuard({ env, fetch: answering, clock: systemClock }, { file: undefined, isNamed: false, written });
  const asked: string[] = [];
  for (const url of urls)
    await guard.fetch(url).then(
      () => asked.push(url),
      () => {},
    );
  return asked;
}

const places = ['https://10.0.0.7/', 'https://git.corp.internal/', 'http://127.0.0.1:5000/'];

describe('where config may lead to', () => {
  test('public hosts alone', async () => {
    expect(await reached({}, {}, [...places, 'https://github.com/'])).toEqual(['https://github.com/']);
  });

  test('what flycd.yaml and the environment allow, together', async () => {
    const env = { FLYCD_ALLOW_HOSTS: '10.0.0.0/8, other.internal' };
    expect(await reached(env, { allow_hosts: ['git.corp.internal'] }, places)).toEqual(places.slice(0, 2));
  });

  test('where Fly is, by port', async () => {
    const env = { FLY_REGISTRY_HOST: '127.0.0.1:5000', FLY_FLAPS_BASE_URL: 'http://127.0.0.1:4280' };
    const urls = ['http://127.0.0.1:5000/', 'http://127.0.0.1:4280/v1', 'http://127.0.0.1:5432/'];
    expect(await reached(env, {}, urls)).toEqual(urls.slice(0, 2));
    expect(await reached({}, {}, ['https://registry.fly.io/'])).toHaveLength(1);
  });

  test('hosts that the operator gave a credential for', async () => {
    const env = { FLYCD_CREDENTIALS: 'ssh://10.0.0.7/ops=OPS_KEY' };
    const credentials = { 'Git.corp.internal/acme': 'ACME_TOKEN', '127.0.0.1:5001': 'X' };
    expect(await reached(env, { credentials }, places)).toEqual(places.slice(0, 2));
    expect(await reached({}, { credentials: { '127.0.0.1:5000': 'X' } }, places)).toEqual(places.slice(2));
  });

  test('a text that names no host is told, with where it stands', () => {
    const guardOf = (env: Record<string, string>, allow_hosts: readonly string[] = []) =>
      hostGuard(
        { env, fetch, clock: systemClock },
        { file: undefined, isNamed: false, written: { allow_hosts: [...allow_hosts] } },
      );
    expect(() => guardOf({ FLYCD_ALLOW_HOSTS: 'a.example,https://b' })).toThrow(/^FLYCD_ALLOW_HOSTS is wrong/);
    expect(() => guardOf({}, ['10.0.0.0/64'])).toThrow(/^allow_hosts in flycd.yaml is wrong/);
  });
});
