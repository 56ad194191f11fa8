import { expect, test } from 'vitest';
import { SecretValue } from '../../../src/model/base/secret-value.ts';
import { credentialRule, prefixBeside, prefixKey } from '../../../src/sources/access/credential-rules.ts';
import { parseGitLocation, type GitLocation } from '../../../src/sources/tree/location.ts';

function at(url: string): GitLocation {
  const location = parseGitLocation(url);
  if (location === undefined) throw new Error(`${url} is no address`);
  return location;
}

function chosen(prefixes: readonly string[], url: string, need: 'token' | 'sshKey' = 'token'): string | undefined {
  const secret = { variable: 'X', value: new SecretValue('x') };
  return credentialRule(
    prefixes.map((prefix) => ({ prefix, [need]: secret })),
    at(url),
    need,
  )?.prefix;
}

test.each([
  ['gitlab.com', 'https://gitlab.com/acme/shop.git'],
  ['GitLab.com/Acme', 'https://gitlab.com/acme/shop'],
  ['gitlab.com/acme', 'https://GITLAB.com/ACME/shop/'],
  ['gitlab.com/acme/', 'https://gitlab.com/acme/deep/shop.git'],
  ['gitlab.com/acme/shop', 'https://gitlab.com/acme/shop.git'],
  ['gitlab.com/acme/shop.git', 'https://gitlab.com/acme/shop'],
  ['gitlab.com:443/acme', 'https://gitlab.com/acme/shop'],
  ['git.example.com:8443/acme', 'https://git.example.com:8443/acme/shop'],
  ['gitlab.com/acme', 'git@gitlab.com:acme/shop.git'],
  ['gitlab.com/acme', 'ssh://git@gitlab.com:22/acme/shop.git'],
  ['ssh.github.com:443/acme', 'ssh://git@ssh.github.com:443/acme/shop.git'],
  ['[::1]:8443/acme', 'https://[::1]:8443/acme/shop'],
  ['gitlab.com/acme', 'https://gitlab.com/%61cme/shop'],
])('%s opens %s', (prefix, url) => {
  expect(chosen([prefix], url)).toBe(prefix);
});

test.each([
  ['gitlab.com/acme', 'https://gitlab.com/acme-labs/shop'],
  ['gitlab.com/acme', 'https://gitlab.com/other/acme'],
  ['gitlab.com/acme/shop', 'https://gitlab.com/acme/shop-keys'],
  ['gitlab.com/acme/shop', 'https://gitlab.com/acme'],
  ['gitlab.com', 'https://gitlab.com.evil.example/acme/shop'],
  ['gitlab.com', 'https://evil.example/gitlab.com/acme'],
  ['gitlab.com', 'https://registry.gitlab.com/acme/shop'],
  ['gitlab.com', 'https://gitlab.com:8443/acme/shop'],
  ['git.example.com:8443', 'https://git.example.com/acme/shop'],
  ['gitlab.com/acme', 'git@gitlab.com:acme/../other/shop.git'],
  ['gitlab.com/acme', 'git@gitlab.com:/acme//../other/shop.git'],
  ['gitlab.com/acme', 'https://gitlab.com/acme/..%2fother/shop'],
  ['gitlab.com/acme', 'https://gitlab.com/acme/%252e%252e/other/shop'],
  ['gitlab.com/acme', String.raw`git@gitlab.com:acme\..\other/shop.git`],
  ['gitlab.com/kube', 'https://gitlab.com/%E2%84%AAube/shop'], // the Kelvin sign, whose small letter is k
])('%s does not open %s', (prefix, url) => {
  expect(chosen([prefix], url)).toBeUndefined();
});

test('the longest prefix wins, wherever it stands', () => {
  const prefixes = ['gitlab.com/acme', 'gitlab.com/acme/shop', 'gitlab.com'];
  expect(chosen(prefixes, 'https://gitlab.com/acme/shop.git')).toBe('gitlab.com/acme/shop');
  expect(chosen(prefixes, 'https://gitlab.com/acme/bank')).toBe('gitlab.com/acme');
  expect(chosen(prefixes, 'https://gitlab.com/other/bank')).toBe('gitlab.com');
  expect(chosen(prefixes, 'git@gitlab.com:acme/shop', 'sshKey')).toBe('gitlab.com/acme/shop');
});

test('a longer one that has nothing for the address leaves it to the shorter one', () => {
  const secret = { variable: 'X', value: new SecretValue('x') };
  const rules = [
    { prefix: 'gitlab.com', token: secret },
    { prefix: 'gitlab.com/acme', sshKey: secret },
  ];
  expect(credentialRule(rules, at('https://gitlab.com/acme/shop'), 'token')?.prefix).toBe('gitlab.com');
  expect(credentialRule(rules, at('git@gitlab.com:acme/shop'), 'sshKey')?.prefix).toBe('gitlab.com/acme');
});

test('prefixes of one place are equal', () => {
  expect(prefixKey('GitLab.com/Acme/Shop.git/')).toBe(prefixKey('gitlab.com/acme/shop'));
  expect(prefixKey('gitlab.com/acme')).not.toBe(prefixKey('gitlab.com/acme/shop'));
});

test.each([
  ['https://gitlab.com/acme/deep/shop.git', 'gitlab.com/acme/deep'],
  ['https://git.example.com:8443/shop.git', 'git.example.com:8443'],
  ['git@gitlab.com:acme/shop.git', 'gitlab.com/acme'],
])('beside %s is %s', (url, prefix) => {
  expect(prefixBeside(at(url))).toBe(prefix);
});
