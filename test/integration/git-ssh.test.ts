import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHostGuard, type HostGuard } from '../../src/http/guard.ts';
import { parseAllowedHosts } from '../../src/http/hosts.ts';
import { systemClock } from '../../src/model/base/clock.ts';
import { SecretValue } from '../../src/model/base/secret-value.ts';
import { knownHostsText } from '../../src/sources/access/known-hosts.ts';
import { shippedHosts } from '../../src/sources/access/shipped-hosts.ts';
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

  function mirrorsWith(
    values: Omit<GitCredentialValues, 'directory'>,
    { prepare, hosts }: { readonly prepare?: (bin: string) => void; readonly hosts?: HostGuard } = {},
  ): RecordedMirrors {
    const directory = join(folder.path, 'data', 'ssh');
    const plain = plainFolder();
    mkdirSync(join(plain, 'bin'));
    prepare?.(join(plain, 'bin'));
    const credentials = createGitCredentials({ ...values, directory });
    const recorded = recordMirrors({ folder: plain, credentials, ...(hosts && { hosts }) });
    closing.push(() => recorded.mirrors.close());
    return recorded;
  }

  function request(): { readonly url: string; readonly ref: string; readonly trust: 'config' } {
    return { url: `${server.url}${encodeURI(repository.directory)}`, ref: 'main', trust: 'config' };
  }

  /** As ssh and the hosts' own pages show it. */
  function fingerprintOf(knownHost: string): string {
    const bytes = Buffer.from(knownHost.split(' ')[2] ?? '', 'base64');
    return `SHA256:${createHash('sha256').update(bytes).digest('base64').replace(/=+$/, '')}`;
  }

  it('opens a repository with the key it was given', async () => {
    const commit = repository.commit({ 'app.yaml': 'app: a\n' });
    const { mirrors, calls } = mirrorsWith({
      sshPrivateKey: new SecretValue(privateKey),
      sshPrivateKeyName: 'deploy',
      knownHosts: [server.knownHost],
    });
    const tree = await mirrors.tree(request());
    expect(tree.revision).toBe(commit);
    expect(await textOf(tree, 'app.yaml')).toBe('app: a\n');
    const key = join(folder.path, 'data', 'ssh', 'deploy');
    expect(statSync(key).mode & 0o777).toBe(0o600);
    expect(calls().join('\n')).not.toContain(privateKey.split('\n')[1] ?? privateKey);
  });

  it('refuses a host that it does not know, with its fingerprint and the line that lets it in', async () => {
    const commit = repository.commit({ a: '1' });
    const values = { sshPrivateKey: new SecretValue(privateKey) };
    const fault = await faultOf(mirrorsWith(values).mirrors.tree(request()));
    expect(fault).toMatchObject({ kind: 'held', what: `the SSH host key of 127.0.0.1 is not known` });
    expect(fault.why).toContain(fingerprintOf(server.knownHost));
    const [, line = ''] = /under known_hosts: in flycd\.yaml: - "([^"]+)"/.exec(fault.next ?? '') ?? [];
    expect(line).toBe(server.knownHost);
    expect(existsSync(join(folder.path, 'data', 'ssh', 'known_hosts'))).toBe(false); // nothing is learned
    const tree = await mirrorsWith({ ...values, knownHosts: [line] }).mirrors.tree(request());
    expect(tree.revision).toBe(commit);
  });

  it('refuses an unknown host also where its key cannot be asked for, and says how to ask', async () => {
    repository.commit({ a: '1' });
    const { mirrors } = mirrorsWith(
      { sshPrivateKey: new SecretValue(privateKey) },
      {
        prepare: (bin) => {
          writeFileSync(join(bin, 'ssh-keyscan'), '#!/bin/sh\necho "$@" >&2\nexit 1\n');
          chmodSync(join(bin, 'ssh-keyscan'), 0o755);
        },
      },
    );
    const fault = await faultOf(mirrors.tree(request()));
    expect(fault).toMatchObject({ kind: 'held', what: 'the SSH host key of 127.0.0.1 is not known' });
    expect(fault.next).toContain(`\`ssh-keyscan -p ${server.port} 127.0.0.1\``);
  });

  it('waits neither long nor for much where a host sends something else than keys', async () => {
    repository.commit({ a: '1' });
    const { mirrors } = mirrorsWith(
      { sshPrivateKey: new SecretValue(privateKey) },
      {
        prepare: (bin) => {
          writeFileSync(join(bin, 'ssh-keyscan'), '#!/bin/sh\nexec yes "127.0.0.1 ssh-ed25519 AAAAB3NzaC1yc2E="\n');
          chmodSync(join(bin, 'ssh-keyscan'), 0o755);
        },
      },
    );
    const fault = await faultOf(mirrors.tree(request()));
    expect(fault.what).toBe('the SSH host key of 127.0.0.1 is not known');
    expect(`${fault.why} ${fault.next}`).not.toContain('AAAAB3NzaC1yc2E');
  });

  it('keeps to a host that it has learned before', async () => {
    const commit = repository.commit({ a: '1' });
    mkdirSync(join(folder.path, 'data', 'ssh'), { recursive: true });
    writeFileSync(join(folder.path, 'data', 'ssh', 'known_hosts'), `${server.knownHost}\n`);
    const { mirrors } = mirrorsWith({ sshPrivateKey: new SecretValue(privateKey) });
    expect((await mirrors.tree(request())).revision).toBe(commit);
  });

  it.each([
    ['without its last line end', (key: string) => key.trimEnd()],
    ['with carriage returns', (key: string) => key.replaceAll('\n', '\r\n')],
    ['on one line', (key: string) => key.trimEnd().replaceAll('\n', String.raw`\n`)],
  ])('takes a key %s', async (_name, spoil) => {
    const commit = repository.commit({ a: '1' });
    const { mirrors } = mirrorsWith({
      sshPrivateKey: new SecretValue(spoil(privateKey)),
      knownHosts: [server.knownHost],
    });
    expect((await mirrors.tree(request())).revision).toBe(commit);
  });

  it('holds when the host key has changed, until its new one is written', async () => {
    const commit = repository.commit({ a: '1' });
    const { port, knownHost } = server;
    const values = { sshPrivateKey: new SecretValue(privateKey), knownHosts: [knownHost] };
    const { mirrors } = mirrorsWith(values);
    await mirrors.tree(request());
    await server.close();
    server = await startSshServer({ folder: plainFolder(), authorizedKey: publicKey, port });
    const fault = await faultOf(mirrors.tree(request()));
    expect(fault).toMatchObject({ kind: 'held', what: 'the SSH host key of 127.0.0.1 has changed' });
    expect(fault.why).toContain(fingerprintOf(server.knownHost));
    expect(fault.why).toContain('known_hosts: of flycd.yaml');
    expect(fault.next).not.toContain(server.knownHost); // nobody copies it without a look at what the host publishes
    const tree = await mirrorsWith({ ...values, knownHosts: [knownHost, server.knownHost] }).mirrors.tree(request());
    expect(tree.revision).toBe(commit);
  });

  it('says which file holds the key of a host that has another one now', async () => {
    repository.commit({ a: '1' });
    mkdirSync(join(folder.path, 'data', 'ssh'), { recursive: true });
    const learned = join(folder.path, 'data', 'ssh', 'known_hosts');
    writeFileSync(learned, `${server.knownHost}\n`);
    const { port } = server;
    await server.close();
    server = await startSshServer({ folder: plainFolder(), authorizedKey: publicKey, port });
    const fault = await faultOf(mirrorsWith({ sshPrivateKey: new SecretValue(privateKey) }).mirrors.tree(request()));
    expect(fault.what).toBe('the SSH host key of 127.0.0.1 has changed');
    expect(fault.why).toContain(`${learned}:1`);
  });

  it('refuses a key that known_hosts calls revoked', async () => {
    repository.commit({ a: '1' });
    const revoked = `@revoked * ${server.knownHost.split(' ').slice(1).join(' ')}`;
    const { mirrors } = mirrorsWith({
      sshPrivateKey: new SecretValue(privateKey),
      knownHosts: [server.knownHost, revoked],
    });
    const fault = await faultOf(mirrors.tree(request()));
    expect(fault).toMatchObject({ kind: 'held', what: 'the SSH host key of 127.0.0.1 is revoked' });
  });

  it("takes the hosts of the operator's known_hosts where one is given, and leaves that file alone", async () => {
    const commit = repository.commit({ a: '1' });
    const knownHostsFile = join(folder.path, 'known_hosts');
    writeFileSync(knownHostsFile, `${server.knownHost}\n`);
    const { mirrors } = mirrorsWith({ sshPrivateKey: new SecretValue(privateKey), knownHostsFile });
    expect((await mirrors.tree(request())).revision).toBe(commit);
    expect(readFileSync(knownHostsFile, 'utf8')).toBe(`${server.knownHost}\n`);
  });

  it('opens a repository with the key of its own prefix, and another one with the key for all', async () => {
    const named = makeBareRepository(plainFolder(), 'acme.git');
    const commit = named.commit({ a: '1' });
    repository.commit({ a: '1' });
    const stranger = makeSshKey(folder.path, 'stranger');
    const sshKey = { variable: 'ACME_KEY', value: new SecretValue(privateKey) };
    const { mirrors, calls } = mirrorsWith({
      rules: [{ prefix: `127.0.0.1:${server.port}${named.directory}`, sshKey }],
      sshPrivateKey: new SecretValue(stranger.privateKey),
      knownHosts: [server.knownHost],
    });
    const tree = await mirrors.tree({ ...request(), url: `${server.url}${named.directory}` });
    expect(tree.revision).toBe(commit);
    const fault = await faultOf(mirrors.tree(request()));
    expect(fault.next).toMatch(/^put a key that may read it into FLY_SSH_PRIVATE_KEY, .*\{ ssh_key: GIT_KEY \} \}$/);
    const files = readdirSync(join(folder.path, 'data', 'ssh')).toSorted();
    expect(files.map((name) => name.replace(/[0-9a-f]{16}$/, ''))).toEqual(['credential-', 'id_rsa', 'known_hosts.']);
    for (const name of files) expect(statSync(join(folder.path, 'data', 'ssh', name)).mode & 0o777).toBe(0o600);
    expect(calls().join('\n')).not.toContain(privateKey.split('\n')[1] ?? privateKey);
  });

  it.each(shippedHosts.flatMap(({ names }) => names))('ssh finds the keys of %s in what comes with FlyCD', (name) => {
    const file = join(plainFolder(), 'known_hosts');
    writeFileSync(file, knownHostsText([]));
    const found = spawnSync('ssh-keygen', ['-F', name, '-f', file], { encoding: 'utf8' }).stdout;
    expect([...found.matchAll(/ (ssh-ed25519|ecdsa-sha2-nistp256|ssh-rsa) /g)]).toHaveLength(3);
  });

  it('connects to the address that was checked, and believes the key of the name', async () => {
    const commit = repository.commit({ a: '1' });
    const allowed = parseAllowedHosts(['git.example']);
    if ('wrong' in allowed) throw new Error(allowed.wrong);
    const guardAt = (address: string): HostGuard =>
      createHostGuard({
        allowed,
        fetch,
        proxyOf: () => undefined,
        clock: systemClock,
        lookup: async () => [{ address, family: 4 }],
      });
    // No resolver knows this name: without the address nobody would get there.
    const named = { ...request(), url: request().url.replace('127.0.0.1', 'git.example') };
    const key = { sshPrivateKey: new SecretValue(privateKey) };
    const fault = await faultOf(mirrorsWith(key, { hosts: guardAt('127.0.0.1') }).mirrors.tree(named));
    expect(fault.what).toBe('the SSH host key of git.example is not known');
    const [, line = ''] = /under known_hosts: in flycd\.yaml: - "([^"]+)"/.exec(fault.next ?? '') ?? [];
    expect(line).toBe(server.knownHost.replace('127.0.0.1', 'git.example'));
    const values = { ...key, knownHosts: [line] };
    const tree = await mirrorsWith(values, { hosts: guardAt('127.0.0.1') }).mirrors.tree(named);
    expect(tree.revision).toBe(commit);
    const elsewhere = await faultOf(mirrorsWith(values, { hosts: guardAt('127.9.9.9') }).mirrors.tree(named));
    expect(elsewhere.why).toContain('127.9.9.9');
  });

  it('says how to get in with a key that is refused, or none', async () => {
    repository.commit({ a: '1' });
    const stranger = makeSshKey(folder.path, 'stranger');
    const knownHosts = [server.knownHost];
    for (const values of [{ sshPrivateKey: new SecretValue(stranger.privateKey), knownHosts }, { knownHosts }]) {
      const fault = await faultOf(mirrorsWith(values).mirrors.tree(request()));
      expect(fault.kind).toBe('transient');
      expect(fault.what).toContain('does not let FlyCD in');
      expect(fault.next).toContain('FLY_SSH_PRIVATE_KEY');
    }
  });
});
