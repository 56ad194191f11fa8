import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** git as tests run it: nobody's config, fixed names and times, so that equal commits have equal ids. */
const testGitEnvironment: Readonly<Record<string, string>> = {
  PATH: process.env['PATH'] ?? '/usr/bin:/bin',
  HOME: '/nonexistent',
  LC_ALL: 'C',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'Test',
  GIT_AUTHOR_EMAIL: 'test@example.test',
  GIT_COMMITTER_NAME: 'Test',
  GIT_COMMITTER_EMAIL: 'test@example.test',
  GIT_AUTHOR_DATE: '1767225600 +0000',
  GIT_COMMITTER_DATE: '1767225600 +0000',
  // A commit would start a child that looks whether there is something to pack.
  GIT_CONFIG_COUNT: '1',
  GIT_CONFIG_KEY_0: 'maintenance.auto',
  GIT_CONFIG_VALUE_0: 'false',
};

/** Runs git to its end and gives its trimmed output; throws with its words when it fails. */
export function git(directory: string, args: readonly string[], input?: string | Buffer): string {
  const result = spawnSync('git', args, {
    cwd: directory,
    env: testGitEnvironment,
    input,
    maxBuffer: 64 * 1024 * 1024,
  });
  if (result.status !== 0) throw new Error(`git ${args.join(' ')}: ${String(result.stderr)}`);
  return String(result.stdout).trim();
}

/**
 * Several calls of git, each after the one before it went well, in one child: a child of this process costs the copy of its
 * memory map, ten times what git itself does. All that they say, trimmed.
 */
export function gitEach(directory: string, calls: readonly (readonly string[])[]): string {
  const script = calls.map((args) => ['git', ...args].map(quoted).join(' ')).join(' && ');
  const result = spawnSync('/bin/sh', ['-c', script], { cwd: directory, env: testGitEnvironment });
  if (result.status !== 0) throw new Error(`${script}: ${String(result.stderr)}`);
  return String(result.stdout).trim();
}

/** One word of a shell's line. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** What a commit does to a path: new content, a symbolic link, or null to remove it (a file or a folder). */
export type FileChange = string | Uint8Array | { readonly link: string } | { readonly submodule: string } | null;

interface CommitOptions {
  /** `main` unless said otherwise; made when it is not there. */
  readonly branch?: string;
  readonly message?: string;
  /** true: only these files, nothing of the branch's last commit. */
  readonly replace?: boolean;
}

export interface BareRepository {
  readonly directory: string;
  /** file:// */
  readonly url: string;
  /** Commits on top of the branch, without a work tree, and gives the commit's id. */
  commit(files: Readonly<Record<string, FileChange>>, options?: CommitOptions): string;
  /** An annotated tag, or a plain one. */
  tag(name: string, commit: string, kind?: 'annotated' | 'plain'): void;
  git(...args: readonly string[]): string;
}

/** A real bare repository. Give a folder to put it where a server finds it; otherwise remove `directory` afterwards. */
export function makeBareRepository(parent: string, name = 'repository.git'): BareRepository {
  const directory = join(parent, name);
  beRepository(directory, true);
  let commits = 0;
  return {
    directory,
    url: pathToFileURL(directory).href,
    commit(files, options = {}) {
      commits += 1;
      const { branch = 'main', message = `Commit ${commits}`, replace = false } = options;
      // times that move make two commits of the same files two commits
      const head = `commit refs/heads/${branch}\nmark :1\ncommitter Test <test@example.test> ${1767225600 + commits} +0000\n`;
      const parts: Buffer[] = [Buffer.from(head), data(Buffer.from(message))];
      if (hasBranch(directory, branch)) parts.push(Buffer.from(`from refs/heads/${branch}^0\n`));
      if (replace) parts.push(Buffer.from('deleteall\n'));
      for (const [path, change] of Object.entries(files)) parts.push(...changeLines(path, change));
      return git(
        directory,
        ['fast-import', '--quiet', '--force'],
        Buffer.concat([...parts, Buffer.from('get-mark :1\n')]),
      );
    },
    tag(tagName, commit, kind = 'annotated') {
      git(directory, kind === 'plain' ? ['tag', tagName, commit] : ['tag', '-a', '-m', tagName, tagName, commit]);
    },
    git: (...args) => git(directory, args),
  };
}

/** What `git init` makes of a folder, without its samples and without a child: most tests with a work tree begin so. */
export function initWorkTree(folder: string): void {
  beRepository(join(folder, '.git'), false);
}

/** A branch `main` that has no commit yet. */
function beRepository(directory: string, bare: boolean): void {
  for (const folder of ['objects', 'refs/heads']) mkdirSync(join(directory, folder), { recursive: true });
  writeFileSync(join(directory, 'HEAD'), 'ref: refs/heads/main\n');
  const config = `[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = ${bare}\n`;
  writeFileSync(join(directory, 'config'), bare ? config : `${config}\tlogallrefupdates = true\n`);
}

function hasBranch(directory: string, branch: string): boolean {
  if (existsSync(join(directory, 'refs/heads', branch))) return true;
  const packed = join(directory, 'packed-refs');
  return existsSync(packed) && readFileSync(packed, 'utf8').includes(` refs/heads/${branch}\n`);
}

function changeLines(path: string, change: FileChange): readonly Buffer[] {
  const name = JSON.stringify(path);
  if (change === null) return [Buffer.from(`D ${name}\n`)];
  if (typeof change === 'string') return [Buffer.from(`M 100644 inline ${name}\n`), data(Buffer.from(change))];
  if (change instanceof Uint8Array) return [Buffer.from(`M 100644 inline ${name}\n`), data(change)];
  if ('submodule' in change) return [Buffer.from(`M 160000 ${change.submodule} ${name}\n`)];
  return [Buffer.from(`M 120000 inline ${name}\n`), data(Buffer.from(change.link))];
}

function data(content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`data ${content.length}\n`), content, Buffer.from('\n')]);
}

/** A folder under the system's temporary one; `remove` it afterwards. */
export function temporaryFolder(prefix = 'flycd-test-'): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), prefix));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

interface GitRequest {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
}

export interface GitServerOptions {
  /** Folder of bare repositories: `<root>/a.git` is served as `<url>/a.git`. */
  readonly root: string;
  /** Basic authentication: without it everybody reads. */
  readonly user?: { readonly name: string; readonly password: string };
  /** Called before a request is served: true = it has answered itself. */
  readonly before?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

export interface GitServer {
  /** http://127.0.0.1:port */
  readonly url: string;
  readonly requests: readonly GitRequest[];
  close(): Promise<void>;
}

/** git's own smart HTTP server (`git http-backend`) on the loopback interface. Serves fetches, and pushes where the repository allows them. */
export async function startGitServer(options: GitServerOptions): Promise<GitServer> {
  const requests: GitRequest[] = [];
  const server = createServer((request, response) => {
    const { method = 'GET', url = '/' } = request;
    requests.push({ method, url, authorization: request.headers.authorization });
    if (options.before?.(request, response) === true) return;
    const { user } = options;
    const expected = user && `Basic ${Buffer.from(`${user.name}:${user.password}`).toString('base64')}`;
    if (expected !== undefined && request.headers.authorization !== expected) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end('who are you?');
      return;
    }
    serve(options.root, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** CGI: the request in environment variables and standard input, the answer's head and body on standard output. */
function serve(root: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const child = spawn('git', ['http-backend'], {
    env: {
      ...testGitEnvironment,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      REQUEST_METHOD: request.method ?? 'GET',
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      HTTP_GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REMOTE_ADDR: '127.0.0.1',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  request.pipe(child.stdin);
  child.stdin.on('error', () => {}); // it may answer before the body's end
  let head: Buffer | undefined = Buffer.alloc(0);
  child.stdout.on('data', (chunk: Buffer) => {
    if (head === undefined) {
      response.write(chunk);
      return;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end === -1) return;
    const lines = head.toString('latin1', 0, end).split('\r\n');
    const headers = lines.map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]);
    const status = headers.find(([name]) => name === 'Status')?.[1] ?? '200';
    response.writeHead(Number.parseInt(status, 10), Object.fromEntries(headers.filter(([name]) => name !== 'Status')));
    response.write(head.subarray(end + 4));
    head = undefined;
  });
  child.on('close', () => {
    if (head === undefined) response.end();
    else response.writeHead(500).end('git http-backend gave no answer');
  });
}

const sshdPath = '/usr/sbin/sshd';
const sshKeygenPath = '/usr/bin/ssh-keygen';

/** Whether Debian's openssh-server is installed. */
export function hasSshServer(): boolean {
  return existsSync(sshdPath);
}

/** A new key pair: the private key's text and the public key's line. */
export function makeSshKey(folder: string, name: string): { readonly privateKey: string; readonly publicKey: string } {
  const file = join(folder, name);
  const made = spawnSync(sshKeygenPath, ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', file]);
  if (made.status !== 0) throw new Error(`ssh-keygen: ${String(made.stderr)}`);
  return { privateKey: readFileSync(file, 'utf8'), publicKey: readFileSync(`${file}.pub`, 'utf8') };
}

export interface SshServer {
  /** ssh://user@127.0.0.1:port — a repository's absolute path follows. */
  readonly url: string;
  readonly port: number;
  /** Its line for known_hosts. */
  readonly knownHost: string;
  close(): Promise<void>;
}

/** A real sshd on the loopback interface that lets one public key in as the user who runs the tests. */
export async function startSshServer(options: {
  /** For its files; a new one for each server. */
  readonly folder: string;
  readonly authorizedKey: string;
  /** A free one unless given. */
  readonly port?: number;
}): Promise<SshServer> {
  const { folder } = options;
  const port = options.port ?? (await freePort());
  mkdirSync(folder, { recursive: true });
  const [type = '', key = ''] = makeSshKey(folder, 'host_key').publicKey.split(' ');
  writeFileSync(join(folder, 'authorized_keys'), options.authorizedKey);
  const settings = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${join(folder, 'host_key')}`,
    `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
    'PidFile none',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'StrictModes no',
    'UsePAM no',
  ];
  writeFileSync(join(folder, 'sshd_config'), `${settings.join('\n')}\n`);
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 }); // a daemon's start script makes it
  const child = spawn(sshdPath, ['-D', '-e', '-f', join(folder, 'sshd_config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let words = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      words += String(chunk);
      if (words.includes('Server listening')) resolve();
    });
    child.on('close', (code) => reject(new Error(`sshd ended with code ${code}: ${words}`)));
  });
  return {
    url: `ssh://${userInfo().username}@127.0.0.1:${port}`,
    port,
    knownHost: `[127.0.0.1]:${port} ${type} ${key}`,
    close: () =>
      new Promise((resolve) => {
        child.on('close', () => resolve());
        child.kill();
      }),
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
