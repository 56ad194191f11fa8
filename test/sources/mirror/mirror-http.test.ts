import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { IdleClock, systemClock } from '../../../src/model/base/clock.ts';
import { silentLog } from '../../../src/model/base/log.ts';
import { SecretValue } from '../../../src/model/base/secret-value.ts';
import type { CredentialRule, NamedSecret } from '../../../src/sources/access/credential-rules.ts';
import { createGitCredentials, type GitCredentialValues } from '../../../src/sources/git/credentials.ts';
import { createGitMirrors } from '../../../src/sources/mirror/mirror.ts';
import { makeBareRepository, startGitServer, type GitServer, type GitServerOptions } from '../../servers/git-server.ts';
import { faultOf, MirrorPlace, textOf, type RecordedMirrors } from '../recorded-mirrors.ts';

const token = 'canary-token-7f3a';

const place = new MirrorPlace();

async function serve(options: Partial<GitServerOptions> = {}): Promise<GitServer> {
  const server = await startGitServer({ root: place.served, ...options });
  place.closing(() => server.close());
  return server;
}

/** Every byte FlyCD has written, searched for a word. */
function filesHolding(directory: string, word: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => readFileSync(file).includes(word));
}

describe('over HTTP', () => {
  it('reads a public repository named in a config file', async () => {
    const commit = place.repository.commit({ 'app.yaml': 'app: a\n' });
    const server = await serve();
    const tree = await place.mirrors().mirrors.tree({
      url: `${server.url}/config.git`,
      ref: 'HEAD',
      trust: 'config',
    });
    expect(tree.revision).toBe(commit);
    expect(await textOf(tree, 'app.yaml')).toBe('app: a\n');
  });

  it('fetches a single commit that no branch names, or says that it is not there', async () => {
    const lost = place.repository.commit({ a: 'lost' });
    place.repository.git('update-ref', '-d', 'refs/heads/main');
    place.repository.commit({ a: 'kept' });
    const server = await serve();
    const { mirrors } = place.mirrors();
    const tree = await mirrors.tree({ url: `${server.url}/config.git`, ref: lost, trust: 'config' });
    expect(await textOf(tree, 'a')).toBe('lost');
  });

  it('sends a token to its own host only, and leaves it in no argument, file or error', async () => {
    place.repository.commit({ a: '1' });
    const server = await serve({ user: { name: 'x-access-token', password: token } });
    const other = await serve();
    const credentials = createGitCredentials({
      directory: join(place.path, 'data', 'ssh'),
      githubToken: new SecretValue(token),
      githubOrigin: server.url,
    });
    const { mirrors, calls, data } = place.mirrors({ credentials });
    const tree = await mirrors.tree({ url: `${server.url}/config.git`, ref: 'main', trust: 'config' });
    expect(await textOf(tree, 'a')).toBe('1');
    expect(server.requests.every(({ authorization }) => authorization !== undefined)).toBe(true);
    await mirrors.tree({ url: `${other.url}/config.git`, ref: 'main', trust: 'config' });
    expect(other.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
    const fault = await faultOf(mirrors.tree({ url: `${server.url}/missing.git`, ref: 'main', trust: 'config' }));
    const encoded = Buffer.from(`x-access-token:${token}`).toString('base64');
    expect(calls().length).toBeGreaterThan(5);
    for (const secret of [token, encoded]) {
      expect(calls().join('\n')).not.toContain(secret);
      expect(filesHolding(data, secret)).toEqual([]);
      expect(`${fault.stack} ${fault.next} ${JSON.stringify(fault)}`).not.toContain(secret);
    }
  });

  /** Two organizations on one host, each with a token of its own, as `git http-backend` behind a GitLab has them. */
  async function startHost(passwords: Readonly<Record<string, string>>): Promise<GitServer> {
    for (const name of ['acme/shop', 'acme-labs/lab', 'other/bank']) {
      makeBareRepository(place.served, `${name}.git`).commit({ name });
    }
    return serve({
      before(request, response) {
        const [, organization = ''] = (request.url ?? '').split('/');
        const expected = passwords[organization] ?? '';
        const given = Buffer.from(request.headers.authorization?.replace('Basic ', '') ?? '', 'base64').toString();
        if (given === expected) return false;
        response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end('who are you?');
        return true;
      },
    });
  }

  function named(variable: string, value?: string): NamedSecret {
    return { variable, value: value === undefined ? undefined : new SecretValue(value) };
  }

  function mirrorsWith(rules: readonly CredentialRule[], more: Partial<GitCredentialValues> = {}): RecordedMirrors {
    const directory = join(place.path, 'data', 'ssh');
    return place.mirrors({ credentials: createGitCredentials({ directory, rules, ...more }) });
  }

  it('opens two organizations of one host with two tokens, and sends neither to a third', async () => {
    const server = await startHost({ acme: 'git:token-of-acme', other: 'deploy:token-of-other' });
    const { host } = new URL(server.url);
    const { mirrors, calls, data } = mirrorsWith([
      { prefix: `${host}/ACME`, token: named('ACME_TOKEN', 'token-of-acme') },
      { prefix: `${host}/other`, token: named('OTHER_TOKEN', 'token-of-other'), user: 'deploy' },
    ]);
    const open = (path: string) => mirrors.tree({ url: `${server.url}/${path}`, ref: 'main', trust: 'config' });
    expect(await textOf(await open('acme/shop.git'), 'name')).toBe('acme/shop');
    expect(await textOf(await open('other/bank.git'), 'name')).toBe('other/bank');
    const labs = await open('acme-labs/lab.git'); // open to everybody who sends nothing
    expect(await textOf(labs, 'name')).toBe('acme-labs/lab');
    const sent = server.requests
      .filter(({ authorization }) => authorization !== undefined)
      .map(({ url }) => url.split('/')[1] ?? '');
    expect(new Set(sent)).toEqual(new Set(['acme', 'other']));
    for (const secret of ['token-of-acme', 'token-of-other', btoa('git:token-of-acme')]) {
      expect(calls().join('\n')).not.toContain(secret);
      expect(filesHolding(data, secret)).toEqual([]);
    }
  });

  it('tells a repository without a credential from its neighbour, and says the line that opens it', async () => {
    const server = await startHost({ acme: 'git:token-of-acme', other: 'git:token-of-other' });
    const { host } = new URL(server.url);
    const { mirrors } = mirrorsWith([{ prefix: `${host}/acme`, token: named('ACME_TOKEN', 'token-of-acme') }]);
    await mirrors.tree({ url: `${server.url}/acme/shop.git`, ref: 'main', trust: 'config' });
    const fault = await faultOf(mirrors.tree({ url: `${server.url}/other/bank.git`, ref: 'main', trust: 'config' }));
    expect(fault.what).toContain('does not let FlyCD in');
    expect(fault.next).toContain(`in flycd.yaml: credentials: { ${host}/other: GIT_TOKEN }`);
    expect(fault.next).not.toContain('GITHUB_TOKEN');
  });

  it('names the variable whose token was refused, and not the token', async () => {
    const server = await startHost({ acme: 'git:token-of-acme' });
    const { host } = new URL(server.url);
    const { mirrors } = mirrorsWith([{ prefix: host, token: named('OLD_TOKEN', 'token-of-yore') }]);
    const fault = await faultOf(mirrors.tree({ url: `${server.url}/acme/shop.git`, ref: 'main', trust: 'config' }));
    expect(fault.next).toContain('OLD_TOKEN');
    expect(`${fault.stack} ${fault.next} ${JSON.stringify(fault)}`).not.toContain('token-of-yore');
  });

  it('asks for a variable that is not set only where its repository is asked for', async () => {
    const server = await startHost({ acme: 'git:token-of-acme' });
    const { host } = new URL(server.url);
    const { mirrors } = mirrorsWith([
      { prefix: `${host}/acme`, token: named('ACME_TOKEN', 'token-of-acme') },
      { prefix: `${host}/other`, token: named('OTHER_TOKEN') },
    ]);
    await mirrors.tree({ url: `${server.url}/acme/shop.git`, ref: 'main', trust: 'config' });
    const asked = server.requests.length;
    const fault = await faultOf(mirrors.tree({ url: `${server.url}/other/bank.git`, ref: 'main', trust: 'config' }));
    expect(fault).toMatchObject({
      kind: 'stalled',
      what: `the credential for ${host}/other cannot be used`,
      why: 'it names $OTHER_TOKEN, which is not set',
    });
    expect(server.requests.length).toBe(asked);
  });

  it('takes no key for a token and no token for a key, and writes and sends neither', async () => {
    const rules = [
      { prefix: 'git.example.com/a', token: named('A', '-----BEGIN OPENSSH PRIVATE KEY-----\\ncanary\\n-----END') },
      { prefix: 'git.example.com/b', sshKey: named('B', token) },
    ];
    const directory = join(place.path, 'data', 'ssh');
    const credentials = createGitCredentials({ directory, rules });
    const key = await faultOf(credentials.credentialsFor('https://git.example.com/a/x'));
    expect(key).toMatchObject({ kind: 'stalled', why: 'A holds a private key' });
    expect(key.next).toContain('{ git.example.com/a: { ssh_key: A } }');
    const none = await faultOf(credentials.credentialsFor('git@git.example.com:b/x'));
    expect(none).toMatchObject({ kind: 'stalled', why: 'B holds no private key' });
    expect(existsSync(directory)).toBe(false);
  });

  it('keeps to GITHUB_TOKEN for what no credential is for', async () => {
    const server = await startHost({ acme: 'x-access-token:token-of-acme', other: 'x-access-token:token-of-github' });
    const { host } = new URL(server.url);
    const { mirrors } = mirrorsWith([{ prefix: `${host}/acme`, token: named('ACME_TOKEN', 'token-of-acme') }], {
      githubOrigin: server.url,
      githubToken: new SecretValue('token-of-github'),
    });
    for (const path of ['acme/shop', 'other/bank']) {
      const tree = await mirrors.tree({ url: `${server.url}/${path}.git`, ref: 'main', trust: 'config' });
      expect(await textOf(tree, 'name')).toBe(path);
    }
  });

  it.each([
    ['https://github.com/acme/shop', 'x-access-token'],
    ['https://gitlab.com/acme/shop', 'oauth2'],
    ['https://bitbucket.org/acme/shop', 'x-token-auth'],
    ['https://git.example.com/acme/shop', 'git'],
    ['https://github.example.com/acme/shop', 'x-access-token'],
  ])('%s takes its token beside %s', async (url, user) => {
    const { host } = new URL(url);
    const rules = [{ prefix: host, token: named('T', token) }];
    const githubOrigin = host === 'github.example.com' ? `https://${host}` : undefined;
    const credentials = createGitCredentials({ directory: join(place.path, 'ssh'), rules, githubOrigin });
    expect(await credentials.credentialsFor(url)).toMatchObject({ kind: 'token', user, variable: 'T' });
    expect(await credentials.credentialsFor(url.replace('https:', 'http:'))).toBeUndefined();
  });

  it('does not carry a token along a redirect', async () => {
    place.repository.commit({ a: '1' });
    const elsewhere = await serve();
    const server = await serve({
      before(request, response) {
        response.writeHead(301, { location: `${elsewhere.url}${request.url}` }).end();
        return true;
      },
    });
    const credentials = createGitCredentials({
      directory: join(place.path, 'data', 'ssh'),
      tokens: [{ origin: server.url, user: 'me', token: new SecretValue(token) }],
    });
    const { mirrors } = place.mirrors({ credentials });
    const fault = await faultOf(mirrors.tree({ url: `${server.url}/config.git`, ref: 'main', trust: 'config' }));
    expect(fault.kind).toBe('stalled');
    expect(fault.what).toContain('has moved');
    expect(elsewhere.requests).toEqual([]);
    // without credentials there is nothing to lose
    const open = createGitMirrors({
      directory: join(place.path, 'open'),
      clock: new IdleClock(),
      log: silentLog,
      credentials: createGitCredentials({ directory: join(place.path, 'open-ssh') }),
      environment: process.env,
    });
    place.closing(() => open.close());
    const tree = await open.tree({ url: `${server.url}/config.git`, ref: 'main', trust: 'config' });
    expect(await textOf(tree, 'a')).toBe('1');
  });

  it("uses credentials in the operator's address and shows them nowhere", async () => {
    place.repository.commit({ a: '1' });
    const server = await serve({ user: { name: 'me', password: token } });
    const url = `${server.url.replace('http://', `http://me:${token}@`)}/config.git`;
    const { mirrors, calls, data } = place.mirrors();
    const tree = await mirrors.tree({ url, ref: 'main', trust: 'operator' });
    expect(await textOf(tree, 'a')).toBe('1');
    expect(tree.name).toBe(`${server.url}/config.git`);
    expect(calls().join('\n')).not.toContain(token);
    expect(filesHolding(data, token)).toEqual([]);
    const wrong = `${server.url.replace('http://', 'http://me:wrong-canary@')}/config.git`;
    const fault = await faultOf(mirrors.tree({ url: wrong, ref: 'main', trust: 'operator' }));
    expect(fault.kind).toBe('transient');
    expect(fault.what).toContain('does not let FlyCD in');
    expect(`${fault.stack} ${fault.next}`).not.toContain('wrong-canary');
    const refused = await faultOf(mirrors.tree({ url, ref: 'main', trust: 'config' }));
    expect(refused.kind).toBe('stalled');
    expect(`${refused.stack} ${refused.next}`).not.toContain(token);
  });

  it('says how to get in where credentials are missing, and does not prompt', async () => {
    const server = await serve({ user: { name: 'me', password: token } });
    const { mirrors } = place.mirrors();
    const fault = await faultOf(mirrors.tree({ url: `${server.url}/config.git`, ref: 'main', trust: 'config' }));
    expect(fault.kind).toBe('transient');
    expect(fault.next).toMatch(
      /^give a token that may read it: name the variable .*credentials: \{ 127\.0\.0\.1:\d+: GIT_TOKEN \}$/,
    );
  });

  it('is transient when nobody listens', async () => {
    const server = await startGitServer({ root: place.path });
    await server.close();
    const fault = await faultOf(
      place.mirrors().mirrors.tree({ url: `${server.url}/config.git`, ref: 'main', trust: 'config' }),
    );
    expect(fault.kind).toBe('transient');
    expect(fault.why).toMatch(/Failed to connect|Couldn't connect/);
  });

  it.skipIf(!existsSync('/proc'))('gives up on a host that never answers, and leaves no child behind', async () => {
    const server = await serve({ before: () => true });
    const { mirrors } = place.mirrors({ clock: systemClock, askTimeoutMs: 250 });
    const fault = await faultOf(mirrors.tree({ url: `${server.url}/config.git`, ref: 'main', trust: 'config' }));
    expect(fault.kind).toBe('transient');
    expect(fault.message).toContain('no answer within 0.25 s');
    const children = (name: string): readonly string[] =>
      commandLines().filter((line) => line.includes(server.url) && line.includes(name));
    await expect.poll(() => children('ls-remote'), { timeout: 800, interval: 20 }).toEqual([]); // stopped
    await expect.poll(() => children('remote-http'), { timeout: 3000 }).toEqual([]); // ends itself
  });

  it('runs no hook, prompt or helper of the user', async () => {
    place.repository.commit({ a: '1' });
    const { mirrors, data } = place.mirrors();
    await mirrors.tree({ url: place.repository.url, ref: 'main', trust: 'operator' });
    const [mirror = ''] = readdirSync(join(data, 'mirrors'));
    const trace = join(place.path, 'hook-ran');
    const hook = join(data, 'mirrors', mirror, 'hooks', 'reference-transaction');
    writeFileSync(hook, `#!/bin/sh\ntouch '${trace}'\n`);
    chmodSync(hook, 0o755);
    place.repository.commit({ a: '2' });
    await mirrors.tree({ url: place.repository.url, ref: 'main', trust: 'operator' });
    expect(existsSync(trace)).toBe(false);
  });
});

function commandLines(): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' ');
      } catch {
        return ''; // gone meanwhile
      }
    });
}
