import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { onTestFinished } from 'vitest';
import type { LoopStatus } from '../../src/loop/loop.ts';
import { IdleClock } from '../../src/model/base/clock.ts';
import { silentLog } from '../../src/model/base/log.ts';
import { SecretValue } from '../../src/model/base/secret-value.ts';
import { createServer, type ServerOptions } from '../../src/server/server.ts';
import { testStore } from '../record/stores.ts';

export const secret = 'correct horse battery staple';

export const idle: LoopStatus = {
  ready: true,
  refreshingMs: undefined,
  running: [],
  queued: [],
  retries: [],
  nextPassAt: undefined,
  refreshFault: undefined,
  refreshRetryAt: undefined,
};

export function sign(body: string | Uint8Array, key = secret): string {
  return `sha256=${createHmac('sha256', key).update(body).digest('hex')}`;
}

/** What GitHub sends for a push to acme/fleet, as far as anything reads it. */
export function pushPayload(parts: Record<string, unknown> = {}, repository: Record<string, unknown> = {}): string {
  return JSON.stringify({
    ref: 'refs/heads/main',
    before: '0'.repeat(40),
    after: 'c'.repeat(40),
    repository: {
      id: 1,
      full_name: 'acme/fleet',
      url: 'https://github.com/acme/fleet',
      html_url: 'https://github.com/acme/fleet',
      git_url: 'git://github.com/acme/fleet.git',
      ssh_url: 'git@github.com:acme/fleet.git',
      clone_url: 'https://github.com/acme/fleet.git',
      svn_url: 'https://github.com/acme/fleet',
      default_branch: 'main',
      ...repository,
    },
    pusher: { name: 'somebody' },
    ...parts,
  });
}

/** What a server says to these bytes until it closes the connection. */
export function answerOf(url: string, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    let text = '';
    socket.on('data', (data: Buffer) => (text += data.toString()));
    socket.on('close', () => resolve(text));
    socket.on('error', () => undefined);
    socket.write(bytes);
  });
}

/** A listening server over a real store; `followed` pairs of address and ref are what somebody follows. */
export async function serving(
  options: Partial<ServerOptions> & { followed?: readonly (readonly [string, string])[]; ready?: boolean } = {},
) {
  const clock = new IdleClock();
  const store = options.store === undefined ? testStore({ clock, synchronous: 'off' }) : undefined;
  const wakes: string[] = [];
  const said: string[] = [];
  const say = (fields: object, message: string): void => void said.push(`${message} ${JSON.stringify(fields)}`);
  const followed = options.followed ?? [['https://github.com/acme/fleet.git', 'main']];
  const server = createServer({
    clock,
    log: { ...silentLog, info: say, warn: say, error: say },
    store: options.store ?? store ?? testStore(),
    loop: { ready: options.ready ?? true, wake: (trigger) => void wakes.push(trigger), status: () => idle },
    webhook: { secret: new SecretValue(secret) },
    follows: (repos, matches) => followed.some(([repo, ref]) => repos.includes(repo) && matches(ref)),
    host: '127.0.0.1',
    port: 0,
    ...options,
  });
  onTestFinished(() => server.close());
  const { url } = await server.listen();
  const post = async (
    body: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
    path = '/webhook',
  ) => {
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'x-github-event': 'push',
        'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
        'x-hub-signature-256': sign(body),
        ...headers,
      },
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const pending = async () => (await store?.pendingDeliveries()) ?? [];
  return { clock, server, url, post, wakes, said, pending };
}
