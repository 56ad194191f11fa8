import * as fc from '../../property.ts';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../../src/model/base/fault.ts';
import { isGitLocation, sameRepository, withoutCredentials } from '../../../src/sources/tree/location.ts';
import { admittedLocation } from '../../../src/sources/tree/admitted-location.ts';
import { checkRef } from '../../../src/sources/tree/ref.ts';

function refusal(url: string, trust: 'operator' | 'config'): string {
  try {
    admittedLocation({ url, trust });
    return 'admitted';
  } catch (error) {
    expect(error).toBeInstanceOf(Fault);
    expect((error as Fault).kind).toBe('stalled');
    return (error as Fault).message;
  }
}

describe('isGitLocation', () => {
  it.each([
    'https://github.com/o/r',
    'http://127.0.0.1:8080/r.git',
    'ssh://git@github.com/o/r.git',
    'git@github.com:o/r.git',
    'github.com:o/r',
    'file:///srv/r.git',
    'git+ssh://git@host/o/r',
    // No addresses that could be fetched from, but meant for some: what refuses them hides their credentials.
    'https://user:secret@',
    'ftp://x/y',
  ])('takes %s for git', (text) => expect(isGitLocation(text)).toBe(true));

  it.each(['.', '/srv/r.git', './a:b', 'examples/fleet', 'a:b', 'C:\\config', ''])('takes %s for a path', (text) =>
    expect(isGitLocation(text)).toBe(false),
  );
});

describe('withoutCredentials', () => {
  it.each([
    ['https://user:secret@host/o/r.git', 'https://host/o/r.git'],
    ['https://ghp_secret@host:8443/o/r', 'https://host:8443/o/r'],
    ['https://host/o/r?token=secret#secret', 'https://host/o/r'],
    ['ssh://git:secret@host/o/r', 'ssh://git@host/o/r'],
    ['git@host:o/r', 'git@host:o/r'],
    ['https://user:sec@ret@/o/r', 'https:///o/r'],
    ['weird://user:secret@host/x?secret', 'weird://host/x'],
    ['/srv/r.git', '/srv/r.git'],
  ])('shows %s as %s', (url, shown) => expect(withoutCredentials(url)).toBe(shown));

  it('never shows a password', () => {
    const word = fc.stringMatching(/^[A-Za-z0-9%+=._~-]{8,30}$/).map((text) => `SECRET${text}`);
    fc.assert(
      fc.property(
        fc.constantFrom('https', 'http', 'ssh', 'git', 'ext', 'ftp'),
        word,
        word,
        (scheme, user, password) => {
          const shown = withoutCredentials(`${scheme}://${user}:${password}@host/owner/repo`);
          expect(shown).not.toContain(password);
        },
      ),
    );
  });
});

describe('sameRepository', () => {
  const forms = [
    'https://github.com/Owner/Repo',
    'https://github.com/owner/repo.git',
    'https://user:token@github.com/owner/repo/',
    'git@github.com:owner/repo.git',
    'ssh://git@github.com:22/owner/repo',
    'git://github.com/owner/repo.git',
    'HTTPS://GitHub.com/OWNER/REPO.GIT',
  ];

  it('finds all forms of one repository equal', () => {
    for (const a of forms) for (const b of forms) expect(sameRepository(a, b), `${a} ${b}`).toBe(true);
  });

  it.each([
    ['https://github.com/owner/repo', 'https://github.com/owner/repo2'],
    ['https://github.com/owner/repo', 'https://gitlab.com/owner/repo'],
    ['https://host:8443/o/r', 'https://host:9443/o/r'],
    ['file:///srv/R', 'file:///srv/r'],
    ['file:///srv/r', 'https://host/srv/r'],
    ['not a url', 'not a url'],
  ])('tells %s from %s', (a, b) => expect(sameRepository(a, b)).toBe(false));

  it('finds folders equal with and without .git', () => {
    expect(sameRepository('file:///srv/r.git', '/srv/r')).toBe(true);
  });
});

describe('admittedLocation', () => {
  it.each(['https://github.com/o/r', 'ssh://git@host/o/r', 'git@host:o/r', 'http://127.0.0.1:1/r', 'http://[::1]:1/r'])(
    'admits %s from a config file',
    (url) => expect(refusal(url, 'config')).toBe('admitted'),
  );

  it.each([
    ['file:///etc/passwd', 'may not name files'],
    ['/etc', 'may not name files'],
    ['https://user:hunter22@host/o/r', 'carries credentials'],
    ['https://hunter22@host/o/r', 'carries credentials'],
    ['ssh://git:hunter22@host/o/r', 'carries credentials'],
    ['http://example.com/o/r', 'not encrypted'],
    ['http://127.0.0.1.example.com/o/r', 'not encrypted'],
    ['https://host/o/r?token=hunter22', 'no ? or #'],
    ['git://host/o/r', 'neither encrypted'],
    ['ext::sh -c id', 'no address'],
    ['-oProxyCommand=id:x', 'no address'],
    ['ssh://-oProxyCommand=id/x', 'is refused'],
    ['-oProxyCommand=id@host:x', 'no name'],
    ['git@-oProxyCommand.x:path', 'no host name'],
    ['git@host:-x', 'begins with a dash'],
    ['https://host/a b', 'blanks'],
    ['https://host/a%0ahost', 'blanks'],
    ['https://host/a\nb', 'blanks'],
    ['--upload-pack=id', 'no address'],
  ])('refuses %s from a config file', (url, why) => {
    const message = refusal(url, 'config');
    expect(message).toContain(why);
    expect(message).not.toContain('hunter22');
  });

  it.each(['file:///srv/r.git', '/srv/r.git', 'https://user:hunter22@host/o/r', 'http://git.internal/o/r'])(
    'admits %s from the operator',
    (url) => expect(refusal(url, 'operator')).toBe('admitted'),
  );
});

describe('checkRef', () => {
  it.each([
    'main',
    'HEAD',
    'feature/a-b',
    'v1.2.3',
    'refs/tags/v1',
    'dependabot/npm_and_yarn/x-1.2',
    'größe',
    'a'.repeat(40),
  ])('admits %s', (ref) => expect(() => checkRef(ref, 'it')).not.toThrow());

  it.each([
    '',
    '-x',
    '--upload-pack=id',
    'a..b',
    'a b',
    'a:b',
    'a~1',
    'a^',
    'x*',
    'a\n',
    'a/',
    '/a',
    '.a',
    'a/.b',
    'a.lock',
    'a@{1}',
    '@',
    'a\\b',
    'a?',
    'a'.repeat(300),
  ])('refuses %j', (ref) => expect(() => checkRef(ref, 'it')).toThrow(/is refused/));
});
