import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createHostGuard, type HostGuard } from '../../src/http/guard.ts';
import { HostRefused, parseAllowedHosts } from '../../src/http/hosts.ts';
import { proxiedFetch, readProxies } from '../../src/http/proxies.ts';
import { systemClock } from '../../src/model/base/clock.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

interface Listening {
  readonly port: number;
  readonly asked: string[];
}

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** Answers with the host that it was asked for; `/away` leads to another name. */
async function site(): Promise<Listening> {
  const asked: string[] = [];
  const server = createServer(({ url, headers }, response) => {
    asked.push(`${headers.host} ${url}`);
    if (url === '/away') response.writeHead(302, { location: 'http://inside.example/' });
    response.end(`this is ${headers.host}`);
  });
  return { port: await listen(server), asked };
}

/** A proxy as companies have one: it resolves names itself, here all to this machine. */
async function proxy(): Promise<Listening> {
  const asked: string[] = [];
  const server = createServer();
  server.on('connect', ({ url = '' }, socket, head) => {
    asked.push(url);
    const onward = connect(Number(url.split(':').at(-1)), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      onward.write(head);
      onward.pipe(socket);
      socket.pipe(onward);
    });
  });
  return { port: await listen(server), asked };
}

interface Guarded {
  readonly guard: HostGuard;
  readonly looked: string[];
}

function guarded(
  resolves: Record<string, readonly string[]>,
  { allow = [], env = {} }: { readonly allow?: readonly string[]; readonly env?: Record<string, string> } = {},
): Guarded {
  const allowed = parseAllowedHosts(allow);
  if ('wrong' in allowed) throw new Error(allowed.wrong);
  const looked: string[] = [];
  const guard = createHostGuard({
    allowed,
    fetch: proxiedFetch(env, { fetch, clock: systemClock }),
    proxyOf: readProxies(env),
    clock: systemClock,
    lookup: async (host) => {
      looked.push(host);
      const found = resolves[host];
      if (found === undefined) throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' });
      return found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    },
  });
  return { guard, looked };
}

async function refusal(work: Promise<unknown>): Promise<HostRefused> {
  const error: unknown = await work.then(
    () => new Error('it was let through'),
    (found: unknown) => found,
  );
  const found = error instanceof HostRefused ? error : (error as Error).cause;
  if (found instanceof HostRefused) return found;
  throw error;
}

describe('a guarded fetch', () => {
  test('sends nothing to a name that resolves to this machine', async () => {
    const { port, asked } = await site();
    const { guard } = guarded({ 'git.example': ['127.0.0.1'] });
    const { message } = await refusal(guard.fetch(`http://git.example:${port}/`));
    expect(message).toBe('git.example is 127.0.0.1, which is this machine itself');
    expect(asked).toEqual([]);
  });

  test('sends nothing to a literal address, nor to a name that is only known inside', async () => {
    const { port, asked } = await site();
    const { guard, looked } = guarded({});
    for (const host of ['127.0.0.1', '0x7f.1', '[::1]', 'localhost', 'app.internal'])
      await refusal(guard.fetch(`http://${host}:${port}/`));
    expect(asked).toEqual([]);
    expect(looked).toEqual([]);
  });

  test('connects to the very address that was checked, looked up once', async () => {
    const { port } = await site();
    const { guard, looked } = guarded({ 'git.example': ['127.0.0.1'] }, { allow: ['127.0.0.0/8'] });
    const response = await guard.fetch(`http://git.example:${port}/`);
    expect(await response.text()).toBe(`this is git.example:${port}`);
    expect(looked).toEqual(['git.example']);
  });

  test('follows no redirect by itself', async () => {
    const { port } = await site();
    const { guard } = guarded({ 'git.example': ['127.0.0.1'] }, { allow: ['git.example'] });
    const response = await guard.fetch(`http://git.example:${port}/away`, { redirect: 'follow' });
    expect(response.status).toBe(302);
  });

  test('goes through the proxy that the environment names, which resolves; names and literal addresses are checked still', async () => {
    const { port, asked } = await site();
    const way = await proxy();
    const env = { HTTP_PROXY: `http://127.0.0.1:${way.port}`, no_proxy: 'direct.example' };
    const { guard, looked } = guarded({ 'direct.example': ['127.0.0.1'] }, { env });
    const response = await guard.fetch(`http://git.example:${port}/`);
    expect(await response.text()).toBe(`this is git.example:${port}`);
    expect(way.asked).toEqual([`git.example:${port}`]);
    expect(looked).toEqual([]);
    await refusal(guard.fetch(`http://10.0.0.1:${port}/`));
    await refusal(guard.fetch(`http://app.internal:${port}/`));
    // What NO_PROXY names is resolved here, and so checked.
    await refusal(guard.fetch(`http://direct.example:${port}/`));
    expect(asked).toHaveLength(1);
    expect(way.asked).toHaveLength(1);
  });
});

test('a proxy that only git speaks with keeps no name from being resolved here, and checked', async () => {
  const { port, asked } = await site();
  for (const env of [{ ALL_PROXY: 'socks5://127.0.0.1:1' }, { http_proxy: 'socks5h://127.0.0.1:1' }]) {
    const { guard, looked } = guarded({ 'git.example': ['127.0.0.1'] }, { env });
    await refusal(guard.fetch(`http://git.example:${port}/`));
    expect(looked).toEqual(['git.example']);
  }
  expect(asked).toEqual([]);
  const { guard } = guarded({ 'git.example': ['1.1.1.1'] }, { env: { ALL_PROXY: 'socks5://127.0.0.1:1' } });
  expect(await guard.admit(new URL('https://git.example/'))).toEqual(['1.1.1.1']);
  const remote = guarded({}, { env: { ALL_PROXY: 'socks5h://127.0.0.1:1' } });
  expect(await remote.guard.admit(new URL('https://git.example/'))).toEqual([]);
});

describe('what a program of its own connects to', () => {
  test('is what was resolved and checked', async () => {
    const { guard } = guarded({ 'git.example': ['1.1.1.1', '2606:4700::1111'], inside: ['10.0.0.1'] });
    expect(await guard.admit(new URL('https://git.example/'))).toEqual(['1.1.1.1', '2606:4700::1111']);
    await refusal(guard.admit(new URL('https://inside/')));
    await refusal(guard.admit(new URL('ssh://127.0.0.1/')));
    await expect(guard.admit(new URL('https://nowhere.example/'))).rejects.toThrow('ENOTFOUND');
  });

  test('is left to the proxy, but for ssh', async () => {
    const env = { https_proxy: 'http://127.0.0.1:1' };
    const { guard, looked } = guarded({ 'git.example': ['1.1.1.1'] }, { env });
    expect(await guard.admit(new URL('https://git.example/'))).toEqual([]);
    expect(looked).toEqual([]);
    expect(await guard.admit(new URL('ssh://git.example/'))).toEqual(['1.1.1.1']);
  });
});
