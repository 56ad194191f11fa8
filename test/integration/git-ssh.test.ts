import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SecretValue } from '../../src/model/base/secret-value.ts';
import { createGitCredentials, type GitCredentialValues } from '../../src/sources/git/credentials.ts';
import {
  hasSshServer,
  makeBareRepository,
  makeSshKey,
  startSshServer,
  temporaryFolder,
  type BareRepository,
  type SshServer,
} from '../servers/git-server.ts';
import { faultOf, recordMirrors, textOf, type RecordedMirrors } from '../sources/recorded-mirrors.ts';

const without = hasSshServer() ? '' : ' (skipped: /usr/sbin/sshd of openssh-server is not installed)';

describe.skipIf(!hasSshServer())(`git over ssh${without}`, () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let repository: BareRepository;
  let server: SshServer;
  let privateKey: string;
  let publicKey: string;
  let closing: (() => unknown)[];

  beforeEach(async () => {
    closing = [];
    folder = temporaryFolder("flycd ssh %h it's-"); // blanks, quotes and what ssh expands in file names
    repository = makeBareRepository(folder.path, 'config.git');
    ({ privateKey, publicKey } = makeSshKey(folder.path, 'key'));
    server = await startSshServer({ folder: plainFolder(), authorizedKey: publicKey });
    closing.push(() => server.close());
  });

  afterEach(async () => {
    for (const close of closing.toReversed()) await close();
    folder.remove();
  });

  /** sshd's own settings know no quotes. */
  function plainFolder(): string {
    const plain = temporaryFolder();
    closing.push(() => plain.remove());
    return plain.path;
  }

  function mirrorsWith(values: Omit<GitCredentialValues, 'directory'>): RecordedMirrors {
    const directory = join(folder.path, 'data', 'ssh');
    const plain = plainFolder();
    const recorded = recordMirrors({ folder: plain, credentials: createGitCredentials({ ...values, directory }) });
    closing.push(() => recorded.mirrors.close());
    return recorded;
  }

  function request(): { readonly url: string; readonly ref: string; readonly trust: 'config' } {
    return { url: `${server.url}${encodeURI(repository.directory)}`, ref: 'main', trust: 'config' };
  }

  it('opens a repository with the key it was given, and learns the host', async () => {
    const commit = repository.commit({ 'app.yaml': 'app: a\n' });
    const { mirrors, calls } = mirrorsWith({ sshPrivateKey: new SecretValue(privateKey), sshPrivateKeyName: 'deploy' });
    const tree = await mirrors.tree(request());
    expect(tree.revision).toBe(commit);
    expect(await textOf(tree, 'app.yaml')).toBe('app: a\n');
    const key = join(folder.path, 'data', 'ssh', 'deploy');
    expect(statSync(key).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(folder.path, 'data', 'ssh', 'known_hosts'), 'utf8')).toContain(
      `[127.0.0.1]:${server.port}`,
    );
    expect(calls().join('\n')).not.toContain(privateKey.split('\n')[1] ?? privateKey);
  });

  it.each([
    ['without its last line end', (key: string) => key.trimEnd()],
    ['with carriage returns', (key: string) => key.replaceAll('\n', '\r\n')],
    ['on one line', (key: string) => key.trimEnd().replaceAll('\n', String.raw`\n`)],
  ])('takes a key %s', async (_name, spoil) => {
    const commit = repository.commit({ a: '1' });
    const { mirrors } = mirrorsWith({ sshPrivateKey: new SecretValue(spoil(privateKey)) });
    expect((await mirrors.tree(request())).revision).toBe(commit);
  });

  it('holds when the host key has changed', async () => {
    repository.commit({ a: '1' });
    const { mirrors } = mirrorsWith({ sshPrivateKey: new SecretValue(privateKey) });
    await mirrors.tree(request());
    const { port } = server;
    await server.close();
    server = await startSshServer({ folder: plainFolder(), authorizedKey: publicKey, port });
    const fault = await faultOf(mirrors.tree(request()));
    expect(fault.kind).toBe('held');
    expect(fault.what).toContain('127.0.0.1 is not trusted');
  });

  it("learns hosts into the operator's known_hosts where one is given", async () => {
    repository.commit({ a: '1' });
    const knownHostsFile = join(folder.path, 'known_hosts');
    const { mirrors } = mirrorsWith({ sshPrivateKey: new SecretValue(privateKey), knownHostsFile });
    await mirrors.tree(request());
    expect(readFileSync(knownHostsFile, 'utf8')).toContain('ssh-ed25519');
  });

  it('says how to get in with a key that is refused, or none', async () => {
    repository.commit({ a: '1' });
    const stranger = makeSshKey(folder.path, 'stranger');
    for (const values of [{ sshPrivateKey: new SecretValue(stranger.privateKey) }, {}]) {
      const fault = await faultOf(mirrorsWith(values).mirrors.tree(request()));
      expect(fault.kind).toBe('transient');
      expect(fault.what).toContain('does not let FlyCD in');
      expect(fault.next).toContain('FLY_SSH_PRIVATE_KEY');
    }
  });
});
