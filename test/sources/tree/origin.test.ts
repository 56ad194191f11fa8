import { createHash } from 'node:crypto';
import { describe, expect, it, test } from 'vitest';
import * as fc from '../../property.ts';
import { addressHash, canonicalAddress, originOf } from '../../../src/sources/tree/origin.ts';
import { predecessorOf } from '../../../src/sources/tree/predecessor.ts';

describe('canonicalAddress', () => {
  it.each([
    ['https://github.com/Acme/Config.git', 'github.com/acme/config'],
    ['https://ghp_token@github.com/acme/config', 'github.com/acme/config'],
    ['https://user:secret@github.com:443/acme/config/?token=secret#secret', 'github.com/acme/config'],
    ['http://GitHub.com//acme//config//', 'github.com/acme/config'],
    ['git@github.com:acme/config.git', 'github.com/acme/config'],
    ['github.com:/acme/config', 'github.com/acme/config'],
    ['ssh://git@github.com:22/acme/config.git/', 'github.com/acme/config'],
    ['git+ssh://git@github.com./acme/config', 'github.com/acme/config'],
    ['git://github.com/acme/%63onfig', 'github.com/acme/config'],
    ['https://github.com/acme/other/../config', 'github.com/acme/config'],
    // Where only port 443 is open.
    ['ssh://git@ssh.github.com:443/acme/config.git', 'github.com/acme/config'],
    ['git@altssh.gitlab.com:group/sub/config.git', 'gitlab.com/group/sub/config'],
    ['ssh://git@altssh.bitbucket.org:443/acme/config.git', 'bitbucket.org/acme/config'],
    // One repository with two paths.
    ['git@ssh.dev.azure.com:v3/acme/Shop/config', 'dev.azure.com/acme/shop/_git/config'],
    ['https://acme@dev.azure.com/acme/Shop/_git/config', 'dev.azure.com/acme/shop/_git/config'],
    ['https://git.acme.com/scm/ops/config.git', 'git.acme.com/ops/config'],
    ['ssh://git@git.acme.com:7999/ops/config.git', 'git.acme.com/ops/config'],
    ['https://github.com/scm/config', 'github.com/scm/config'],
    ['https://10.0.0.7:8443/ops/config.git', '10.0.0.7/ops/config'],
    ['ssh://git@müller.example/ops/config', 'xn--mller-kva.example/ops/config'],
    ['https://müller.example/ops/config', 'xn--mller-kva.example/ops/config'],
  ])('%s is %s', (address, canonical) => expect(canonicalAddress(address)).toBe(canonical));

  it.each([
    '/srv/config.git',
    'file:///srv/config.git',
    '../config',
    'config',
    '',
    // Names out of somebody's ssh config, and machines that mean themselves.
    'git@work:acme/config.git',
    'git@github.com-work:acme/config.git',
    'ssh://git@gitserver/acme/config',
    'http://localhost:3000/acme/config',
    'http://git.localhost/acme/config',
    'http://127.0.0.1:3000/acme/config',
    'http://[::1]:3000/acme/config',
    // No repository.
    'https://github.com/',
    'https://github.com/.git',
  ])('%s means nothing elsewhere', (address) => expect(canonicalAddress(address)).toBeUndefined());

  const word = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,10}[a-z0-9])?$/);
  const host = fc.tuple(word, fc.constantFrom('com', 'dev', 'example', 'co.uk')).map((parts) => parts.join('.'));
  const path = fc.array(word, { minLength: 2, maxLength: 4 }).filter(([first]) => first !== 'scm');

  it('is one for every spelling of an address, and says nothing that should not be said', () => {
    const secret = fc.stringMatching(/^[a-z0-9]{8,20}$/).map((text) => `SECRET${text}`);
    const port = fc.integer({ min: 1, max: 65_535 });
    fc.assert(
      fc.property(host, path, secret, port, fc.boolean(), (name, parts, password, number, isLoud) => {
        const loud = (text: string): string => (isLoud ? text.toUpperCase() : text);
        const repo = loud(parts.join('/'));
        const at = loud(name);
        const spellings = [
          `https://${at}/${repo}`,
          `https://${at}:${number}/${repo}.git`,
          `https://${password}@${at}/${repo}/`,
          `https://user:${password}@${at}/${repo}.git/`,
          `http://${at}/${repo}?token=${password}`,
          `ssh://git@${at}/${repo}.git`,
          `ssh://git:${password}@${at}:${number}//${repo}`,
          `git@${at}:${repo}.git`,
          `${at}:/${repo}`,
          `git://${at}/${repo}#${password}`,
        ];
        expect(new Set(spellings.map(canonicalAddress))).toEqual(new Set([`${name}/${parts.join('/')}`]));
      }),
    );
  });

  it('stays as it is when it is read again, and tells paths and hosts apart', () => {
    fc.assert(
      fc.property(host, path, host, path, (one, repo, other, another) => {
        const a = canonicalAddress(`https://${one}/${repo.join('/')}`);
        const b = canonicalAddress(`git@${other}:${another.join('/')}`);
        expect(canonicalAddress(`https://${a}`)).toBe(a);
        expect(a === b).toBe(one === other && repo.join('/') === another.join('/'));
      }),
    );
  });
});

test('a hash that anybody can compute, and no name', () => {
  const expected = createHash('sha256').update('github.com/acme/config').digest('hex').slice(0, 32);
  expect(addressHash('github.com/acme/config')).toBe(expected);
  const root = 'a'.repeat(40);
  expect(originOf({ address: 'git@github.com:acme/config', root })).toEqual({ address: expected, root });
  expect(originOf({ address: '/srv/config', root })).toEqual({ address: undefined, root });
  expect(originOf({ address: '/srv/config', root: undefined })).toBeUndefined();
  expect(originOf({ address: undefined, root: undefined })).toBeUndefined();
});

describe('predecessorOf', () => {
  const hash = addressHash('github.com/acme/config');

  it.each([
    ['git@github.com:Acme/config.git', { name: undefined, digits: hash }],
    ['https://github.com/acme/config', { name: undefined, digits: hash }],
    ['github.com/acme/config', { name: undefined, digits: hash }],
    [hash.slice(0, 12), { name: hash.slice(0, 12), digits: hash.slice(0, 12) }],
    [`o1:${hash}`, { name: undefined, digits: hash }],
    ['acme', { name: 'acme', digits: undefined }],
    ['abcdef', { name: 'abcdef', digits: undefined }],
  ])('%s', (text, expected) => expect(predecessorOf(text)).toEqual({ text, ...expected }));

  it.each(['/srv/config', './config', 'git@work:acme/config', '', 'a b', 'o1::'])('refuses %j', (text) =>
    expect(() => predecessorOf(text)).toThrow('is not an owner'),
  );

  it('forgets the password of an address', () => {
    expect(JSON.stringify(predecessorOf('https://user:secret@github.com/acme/config'))).not.toContain('secret');
    expect(() => predecessorOf('https://user:secret@localhost/acme/config')).not.toThrow('secret');
  });
});
