import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkHost, checkResolved, HostRefused, parseAllowedHosts, type AllowedHosts } from '../../src/http/hosts.ts';

function allowing(...texts: string[]): AllowedHosts {
  const allowed = parseAllowedHosts(texts);
  if ('wrong' in allowed) throw new Error(allowed.wrong);
  return allowed;
}

const refusal = (host: string, allowed = allowing()): string | undefined => refusedBy(() => checkHost(host, allowed));

const resolvedRefusal = (...args: Parameters<typeof checkResolved>): string | undefined =>
  refusedBy(() => checkResolved(...args));

function refusedBy(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof HostRefused) return error.message;
    throw error;
  }
}

describe('hosts of a private network', () => {
  test.each([
    ['localhost', 'localhost is a name of a private network'],
    ['LOCALHOST.', 'LOCALHOST. is a name of a private network'],
    ['git.localhost', 'git.localhost is a name of a private network'],
    ['my-app.internal', 'my-app.internal is a name of a private network'],
    ['_api.internal', '_api.internal is a name of a private network'],
    ['metadata.google.internal', 'metadata.google.internal is a name of a private network'],
    ['printer.local', 'printer.local is a name of a private network'],
    ['router.home.arpa', 'router.home.arpa is a name of a private network'],
    ['127.0.0.1', '127.0.0.1 is this machine itself'],
    ['127.1', '127.1 is 127.0.0.1, which is this machine itself'],
    ['2130706433', '2130706433 is 127.0.0.1, which is this machine itself'],
    ['0x7f000001', '0x7f000001 is 127.0.0.1, which is this machine itself'],
    ['0177.0.0.1', '0177.0.0.1 is 127.0.0.1, which is this machine itself'],
    ['0.0.0.0', '0.0.0.0 is this machine itself'],
    ['10.1.2.3', '10.1.2.3 is an address of a private network'],
    ['172.16.0.1', '172.16.0.1 is an address of a private network'],
    ['172.31.255.255', '172.31.255.255 is an address of a private network'],
    ['192.168.0.1', '192.168.0.1 is an address of a private network'],
    ['100.64.0.1', '100.64.0.1 is an address of a private network'],
    ['169.254.169.254', '169.254.169.254 is a link-local address'],
    ['224.0.0.1', '224.0.0.1 is not public'],
    ['255.255.255.255', '255.255.255.255 is not public'],
    ['[::1]', '::1 is this machine itself'],
    ['[::]', ':: is this machine itself'],
    ['[::ffff:127.0.0.1]', '[::ffff:127.0.0.1] is 127.0.0.1, which is this machine itself'],
    ['[fdaa:0:18::3]', 'fdaa:0:18::3 is an address of a private network'],
    ['[fe80::1]', 'fe80::1 is a link-local address'],
    ['[64:ff9b::a00:1]', '64:ff9b::a00:1 is not public'],
    ['[::7f00:1]', '::7f00:1 is not public'],
    ['[4000::1]', '4000::1 is not public'],
    ['[2002:7f00:1::]', '2002:7f00:1:: is not public'],
  ])('%s is refused', (host, why) => {
    expect(refusal(host)).toBe(why);
  });

  test.each([
    'github.com',
    'internal.example.com',
    'localhost.example.com',
    'notinternal',
    '1.1.1.1',
    '172.32.0.1',
    '[2606:4700::1111]',
    'registry-1.docker.io',
  ])('%s is public', (host) => {
    expect(refusal(host)).toBeUndefined();
  });

  test('an IPv4 address of a private range is refused however it is written', () => {
    const privateRange = fc.constantFrom(0x0a, 0x7f);
    fc.assert(
      fc.property(privateRange, fc.integer({ min: 1, max: 0xfffffe }), (first, rest) => {
        const number = first * 2 ** 24 + rest;
        for (const host of [String(number), `0x${number.toString(16)}`, `0${number.toString(8)}`, `${first}.${rest}`])
          expect(refusal(host), host).toBeDefined();
      }),
    );
  });

  test('no text of a host makes the check fail otherwise', () => {
    fc.assert(fc.property(fc.string(), (host) => void refusal(host)));
  });
});

describe('what the operator allows', () => {
  test('a name, however it is resolved', () => {
    const allowed = allowing('git.corp.internal', 'registry.example.com');
    expect(refusal('git.corp.internal', allowed)).toBeUndefined();
    expect(refusal('GIT.corp.internal.', allowed)).toBeUndefined();
    expect(refusal('other.corp.internal', allowed)).toBeDefined();
    expect(resolvedRefusal('registry.example.com', ['10.0.0.1'], allowed)).toBeUndefined();
    expect(() => checkResolved('other.example.com', ['10.0.0.1'], allowed)).toThrow(HostRefused);
  });

  test('all names below one', () => {
    const allowed = allowing('*.corp.internal');
    expect(refusal('git.corp.internal', allowed)).toBeUndefined();
    expect(refusal('a.b.corp.internal', allowed)).toBeUndefined();
    expect(refusal('corp.internal', allowed)).toBeDefined();
    expect(refusal('evilcorp.internal', allowed)).toBeDefined();
  });

  test('a range, for addresses and for what names resolve to', () => {
    const allowed = allowing('10.0.0.0/8', 'fdaa::/16');
    expect(refusal('10.200.0.1', allowed)).toBeUndefined();
    expect(refusal('[fdaa:0:18::3]', allowed)).toBeUndefined();
    expect(refusal('192.168.0.1', allowed)).toBeDefined();
    expect(resolvedRefusal('git.example.com', ['10.1.1.1', '1.1.1.1'], allowed)).toBeUndefined();
    expect(() => checkResolved('git.example.com', ['10.1.1.1', '127.0.0.1'], allowed)).toThrow(HostRefused);
  });

  test('one address', () => {
    expect(refusal('127.0.0.1', allowing('127.0.0.1'))).toBeUndefined();
    expect(refusal('[::1]', allowing('[::1]'))).toBeUndefined();
    expect(refusal('127.0.0.2', allowing('127.0.0.1'))).toBeDefined();
  });

  test('what is none of them is told', () => {
    const short = ['10.20/16', '192.168.1/24', '10/8', '010.0.0.0/8', '::ffff:10.0.0.0/104'];
    for (const text of ['https://git.corp', '10.0.0.0/40', 'a b', '*', '', '127.1', ...short])
      expect(parseAllowedHosts(['ok.example.com', text]), text).toEqual({ wrong: text });
  });
});

test('one private address among public ones is enough, and the words say what to write', () => {
  let refused: unknown;
  try {
    checkResolved('git.example.com', ['1.1.1.1', 'fe80::1%eth0'], allowing());
  } catch (error) {
    refused = error;
  }
  expect(refused).toMatchObject({
    host: 'git.example.com',
    message: 'git.example.com is fe80::1, which is a link-local address',
    next: 'where this host is meant, add it to your flycd.yaml: allow_hosts: ["git.example.com"], or to FLYCD_ALLOW_HOSTS',
  });
});
