import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FlyWriter } from '../../src/fly/api.ts';
import { createFlyWriter } from '../../src/fly/client.ts';
import { createTransport, type FlyClientOptions } from '../../src/fly/http/transport.ts';
import { IdleClock, type Clock } from '../../src/model/base/clock.ts';
import { silentLog } from '../../src/model/base/log.ts';
import { Redactor } from '../../src/model/base/secret-value.ts';

export interface Arrival {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
  /** Virtual milliseconds since the clock's start. */
  readonly at: number;
}

/** An answer, or what goes wrong: `reset` closes the connection unanswered, `truncate` after half the body. */
export type Reply =
  | { readonly status: number; readonly body?: unknown; readonly headers?: Record<string, string> }
  | { readonly truncate: unknown; readonly status?: number }
  | 'reset';

export interface FakeFly extends AsyncDisposable {
  readonly url: string;
  readonly arrivals: Arrival[];
}

/** A server that answers as the test says; for what Fly does over time there is the simulator. */
export async function startFakeFly(
  clock: Clock,
  reply: (arrival: Arrival, nth: number) => Reply | Promise<Reply>,
): Promise<FakeFly> {
  const arrivals: Arrival[] = [];
  const startedAt = clock.now();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://fake');
      const text = Buffer.concat(chunks).toString();
      const arrival: Arrival = {
        method: request.method ?? '',
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        body: text === '' ? undefined : JSON.parse(text),
        at: clock.now() - startedAt,
      };
      arrivals.push(arrival);
      void Promise.resolve(reply(arrival, arrivals.length)).then((answer) => send(response, answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    arrivals,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function send(response: ServerResponse, reply: Reply): void {
  // Node would write the time of the machine that tests run on.
  response.sendDate = false;
  if (reply === 'reset') {
    response.destroy();
    return;
  }
  if ('truncate' in reply) {
    const text = JSON.stringify(reply.truncate);
    response.writeHead(reply.status ?? 200, { 'content-length': Buffer.byteLength(text) });
    response.write(text.slice(0, text.length / 2), () => response.destroy());
    return;
  }
  const body = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body);
  response.writeHead(reply.status, { 'fly-request-id': 'req-7', ...reply.headers });
  response.end(body);
}

export const token = 'fm2_canaryMacaroonOfTheFleet';

export function optionsFor(url: string, clock: Clock, more: Partial<FlyClientOptions> = {}): FlyClientOptions {
  return {
    baseUrl: url,
    webBaseUrl: url,
    token,
    fetch,
    clock,
    log: silentLog,
    userAgent: 'flycd/test',
    redactor: new Redactor(),
    random: () => 1,
    ...more,
  };
}

export interface Bench extends AsyncDisposable {
  readonly clock: IdleClock;
  readonly fly: FlyWriter;
  readonly server: FakeFly;
}

/** A client and the server it speaks to, on one virtual clock. */
export async function speakTo(
  reply: (arrival: Arrival, nth: number, clock: IdleClock) => Reply | Promise<Reply>,
  more: Partial<FlyClientOptions> = {},
): Promise<Bench> {
  const clock = new IdleClock();
  const server = await startFakeFly(clock, (arrival, nth) => reply(arrival, nth, clock));
  const fly = createFlyWriter(createTransport(optionsFor(server.url, clock, more)));
  return { clock, fly, server, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

export const machine = { id: '148e1', name: 'web-arn-1-g1', state: 'started', region: 'arn', instance_id: '01A' };
export const volume = { id: 'vol_1', name: 'data', state: 'created', size_gb: 1, region: 'arn' };

/** What was thrown; fails the test when nothing was. */
export async function thrownBy(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
