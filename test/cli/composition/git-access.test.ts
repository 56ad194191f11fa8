import { expect, test } from 'vitest';
import { credentialValues, readGitAccess } from '../../../src/cli/composition/git-access.ts';
import { Settings } from '../../../schemas/settings.ts';
import { Fault } from '../../../src/model/base/fault.ts';
import { Redactor } from '../../../src/model/base/secret-value.ts';
import { shippedHosts } from '../../../src/sources/access/shipped-hosts.ts';

type Environment = Readonly<Record<string, string>>;

const key = shippedHosts[0]?.keys[0] ?? '';
const line = `git.example.com ${key}`;

const redactor = new Redactor();

function access(written: object, env: Environment = {}) {
  return readGitAccess(
    { io: { env }, redactor },
    { file: '/etc/flycd.yaml', isNamed: true, written: Settings.parse(written) },
  );
}

function faultOf(written: object, env: Environment = {}): Fault {
  try {
    access(written, env);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('this was taken');
}

function shown({ rules }: ReturnType<typeof access>) {
  return rules.map(({ prefix, token, user, sshKey }) => ({
    prefix,
    ...(token && { token: [token.variable, token.value?.reveal()] }),
    ...(user !== undefined && { user }),
    ...(sshKey && { sshKey: [sshKey.variable, sshKey.value?.reveal()] }),
  }));
}

test('a name alone is a token’s; a table may hold a user and a key for ssh', () => {
  const credentials = {
    'gitlab.com': 'GITLAB_TOKEN',
    'git.example.com:8443/acme': { token: 'ACME_TOKEN', user: 'deploy', ssh_key: 'ACME_KEY' },
  };
  expect(shown(access({ credentials }, { GITLAB_TOKEN: ' one ', ACME_KEY: 'two' }))).toEqual([
    { prefix: 'gitlab.com', token: ['GITLAB_TOKEN', 'one'] },
    {
      prefix: 'git.example.com:8443/acme',
      token: ['ACME_TOKEN', undefined],
      user: 'deploy',
      sshKey: ['ACME_KEY', 'two'],
    },
  ]);
});

test('FLYCD_CREDENTIALS says the same, adds to the file and wins over it', () => {
  const credentials = { 'gitlab.com': 'GITLAB_TOKEN', 'github.com/acme': { ssh_key: 'FILE_KEY' } };
  const given = `GitLab.com=oauth2@OTHER_TOKEN, github.com/acme=ACME_TOKEN\n ssh://[::1]:2222/x=X_KEY`;
  expect(shown(access({ credentials }, { FLYCD_CREDENTIALS: given }))).toEqual([
    { prefix: 'GitLab.com', token: ['OTHER_TOKEN', undefined], user: 'oauth2' },
    { prefix: 'github.com/acme', token: ['ACME_TOKEN', undefined], sshKey: ['FILE_KEY', undefined] },
    { prefix: '[::1]:2222/x', sshKey: ['X_KEY', undefined] },
  ]);
});

test.each([
  'gitlab.com',
  'gitlab.com=glpat-canarytoken',
  'gitlab.com=ghp_canarytoken',
  'https://gitlab.com=GITLAB_TOKEN',
  'ssh://gitlab.com=git@GITLAB_KEY',
  '=GITLAB_TOKEN',
  'gitlab.com/../x=GITLAB_TOKEN',
])('FLYCD_CREDENTIALS=%s is refused, and not repeated', (entry) => {
  const fault = faultOf({}, { FLYCD_CREDENTIALS: `github.com=GITHUB_TOKEN ${entry}` });
  expect(fault).toMatchObject({ kind: 'stalled', what: 'FLYCD_CREDENTIALS cannot be read' });
  expect(fault.why).toContain('entry 2 of 2');
  expect(`${fault.message} ${fault.next}`).not.toContain('canarytoken');
});

test.each(['FLY_API_TOKEN', 'FLY_ACCESS_TOKEN', 'FLYCD_EVIDENCE_KEY'])('%s opens no git host', (name) => {
  expect(faultOf({ credentials: { 'evil.example.com': name } }).why).toContain(name);
  expect(faultOf({}, { FLYCD_CREDENTIALS: `ssh://evil.example.com=${name}` }).kind).toBe('stalled');
});

test('one that opens nothing is refused', () => {
  expect(faultOf({ credentials: { 'gitlab.com': { user: 'deploy' } } }).why).toBe(
    'it names neither a token nor an ssh_key',
  );
});

test('two credentials for one place are refused', () => {
  const fault = faultOf({ credentials: { 'gitlab.com/acme': 'ONE', 'GitLab.com/Acme.git/': 'TWO' } });
  expect(fault).toMatchObject({ what: 'two credentials are for one place', where: '/etc/flycd.yaml' });
});

test('known hosts of the file and of FLYCD_KNOWN_HOSTS count both', () => {
  const other = `[git.example.com]:2222,10.0.0.1 ${key} a comment`;
  const given = `# git.example.com:2222 SSH-2.0\n${other}\\n\n@revoked * ${key}`;
  expect(access({ known_hosts: [line] }, { FLYCD_KNOWN_HOSTS: given }).knownHosts).toEqual([
    line,
    other,
    `@revoked * ${key}`,
  ]);
  expect(access({ known_hosts: line }).knownHosts).toEqual([line]);
});

test.each([
  ['without its host', key],
  ['whose key was cut', line.slice(0, -8)],
  ['whose key is of another type', line.replace('ssh-ed25519', 'ssh-rsa')],
  ['with a fingerprint for a key', 'git.example.com ssh-ed25519 SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU'],
])('a line of known_hosts %s is refused', (_what, wrong) => {
  expect(Settings.safeParse({ known_hosts: [line, wrong] }).success).toBe(false);
  expect(faultOf({}, { FLYCD_KNOWN_HOSTS: `${line}\n${wrong}` }).why).toContain('entry 2 of 2');
});

test('which variables it takes is known to others', () => {
  const read = access({ credentials: { 'GitLab.com:8443/x': 'A', 'gitlab.com/y': { ssh_key: 'B' } } });
  expect([...read.variables]).toEqual(['A', 'B']);
});

test('what FlyCD had before goes on', () => {
  const env = { GITHUB_TOKEN: 'one', GITHUB_SERVER_URL: 'https://github.example.com', FLY_SSH_PRIVATE_KEY: 'two' };
  const values = credentialValues({ env }, access({}), '/data');
  expect(values).toMatchObject({ directory: '/data/git-credentials', githubOrigin: 'https://github.example.com' });
  expect([values.githubToken?.reveal(), values.sshPrivateKey?.reveal()]).toEqual(['one', 'two']);
});

test('no value shows in what is printed of it, and none in any text from then on', () => {
  const credentials = { 'gitlab.com': { token: 'T', ssh_key: 'K' } };
  const read = access({ credentials }, { T: 'canary-token', K: 'first canary-line\\nsecond canary-line' });
  expect(JSON.stringify(read)).not.toContain('canary');
  expect(redactor.redact('it said canary-token, second canary-line')).toBe('it said [secret], [secret]');
});
