import { isIP } from 'node:net';
import fastify, { type FastifyError, type FastifyInstance, type FastifyRequest } from 'fastify';
import type { Clock } from '../model/base/clock.ts';
import { Fault } from '../model/base/fault.ts';
import type { Log } from '../model/base/log.ts';
import type { SecretValue } from '../model/base/secret-value.ts';
import type { Loop } from '../loop/loop.ts';
import type { Store } from '../record/store.ts';
import { Bodies } from './bounds/bodies.ts';
import { boundConnections } from './bounds/connections.ts';
import { Refusals } from './bounds/refusals.ts';
import { isSignature } from './signature.ts';
import { createHealth, type HealthOptions } from './health.ts';
import { addWebhook } from './webhook.ts';

export interface ServerOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<Store, 'storeDelivery' | 'checkStorage'>;
  readonly loop: Pick<Loop, 'wake'> & HealthOptions['loop'];
  readonly webhook: {
    /** Default `/webhook`. */
    readonly path?: string | undefined;
    /** undefined or empty: there is no webhook. An empty one would let anybody sign. */
    readonly secret: SecretValue | undefined;
  };
  /** true: some app or project follows one of these repositories, at a ref for which `matches` is true. */
  follows(repos: readonly string[], matches: (ref: string) => boolean): boolean;
  readonly unready?: HealthOptions['unready'];
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** true: Fly's proxy is in front, and says in Fly-Client-IP who asks. Elsewhere anybody could write that. */
  readonly behindFlyProxy?: boolean | undefined;
  /** Default: `defaultLimits`. */
  readonly limits?: Partial<ServerLimits> | undefined;
}

interface ServerLimits {
  /** From a request's first byte to its last, and for its headers. */
  readonly requestMs: number;
  /** How often those that are late are looked for. */
  readonly lateEachMs: number;
  readonly connections: number;
  /** Of bodies, kept of all requests at once. */
  readonly keptBytes: number;
}

export interface Server {
  /** Throws a stalled Fault where the port cannot be had. */
  listen(): Promise<{ readonly url: string }>;
  /** Requests under way are answered, idle connections closed, senders that do not finish within 5 s cut off. */
  close(): Promise<void>;
}

export const defaultWebhookPath = '/webhook';
/** A body of this size is verified even for an address that was refused too often: it takes a millisecond, and holds some hundred commits. */
const verifiedBytesMax = 256 * 1024;
/** Requests on one connection: a health check each 15 s opens a new one after 25 minutes, and nobody sends thousands at once. */
const requestsMax = 100;
/** A connection closes after so long without traffic, unread answers included: longer than Fastify keeps an idle one. */
const idleMs = 75_000;
/** Of a path that somebody asked for, in the log. */
const pathMax = 64;
const defaultLimits: ServerLimits = {
  // GitHub gives up after 10 seconds; whoever is slower holds a connection and nothing else.
  requestMs: 10_000,
  // Node looks each 30 seconds unless told.
  lateEachMs: 1_000,
  // Each may hold 64 kB of what Node has read, and answers that nobody reads. Fly's proxy opens 25 unless told otherwise.
  connections: 256,
  // 32 of the longest that are kept, in a machine of 256 MB.
  keptBytes: 32 * 1024 * 1024,
};
/** Answers take milliseconds; a sender that is still at it after this long would hold up the stop for ever. */
const closeGraceMs = 5_000;

/** The HTTP face: webhook, health, readiness. Nothing listens before `listen`. */
export function createServer(options: ServerOptions): Server {
  const { log, host, port } = options;
  const path = webhookPath(options.webhook.path ?? defaultWebhookPath);
  const server = build(options, path);
  return {
    async listen() {
      try {
        const address = await server.listen({ host, port });
        if (!hasSecret(options.webhook.secret)) {
          log.warn({ next: 'set FLYCD_WEBHOOK_SECRET' }, 'webhooks are off: there is no secret to verify them with');
        } else log.info({ path }, 'webhooks are on');
        return { url: forPeople(address) };
      } catch (error) {
        throw portFault(error, host, port);
      }
    },
    async close() {
      const cancel = options.clock.timer(closeGraceMs, () => server.server.closeAllConnections());
      await server.close();
      cancel();
    },
  };
}

function build(options: ServerOptions, path: string): FastifyInstance {
  const { log } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const server = fastify({
    logger: false,
    requestTimeout: limits.requestMs,
    maxRequestsPerSocket: requestsMax,
    connectionTimeout: idleMs,
    http: { headersTimeout: limits.requestMs, connectionsCheckingInterval: limits.lateEachMs },
    forceCloseConnections: 'idle',
  });
  const refusals = new Refusals(options);
  boundConnections(server.server, limits.connections, () => {
    refusals.tell('warn', { most: limits.connections }, 'connections are closed: there are too many');
  });
  const addressOf = addresses(options);
  // Bodies are read by whoever wants one, as they come, whatever the content type claims: signatures are of bytes.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', (_request, _body, done) => done(null));
  server.addHook('onRequest', async (request, reply) => {
    // Health checks and people who look are not counted, and nothing of theirs is read.
    const seconds = request.method === 'POST' ? refusals.waitSeconds(addressOf(request)) : 0;
    // Behind a proxy, and on a forge's machines, many share an address: what costs little to verify is not made to wait.
    if (seconds === 0 || isSmallAndSigned(request)) return undefined;
    refusals.tell('warn', { address: addressOf(request) }, 'requests not read: too many of that address were refused');
    const body = { error: 'too many requests of this address were refused', next: `wait ${seconds} s` };
    return reply.code(429).header('retry-after', seconds).header('connection', 'close').send(body);
  });
  server.setErrorHandler((error: FastifyError, request, reply) => {
    const code = error.statusCode ?? 500;
    if (code >= 500) log.error({ route: request.routeOptions.url, why: error.message }, 'request failed');
    return reply.code(code).send({ error: code >= 500 ? 'internal error' : error.message });
  });
  server.setNotFoundHandler((request, reply) => {
    const isPost = request.method === 'POST';
    if (!isPost) return reply.code(404).send({ error: 'not found' });
    const next = hasSecret(options.webhook.secret) ? `send webhooks to ${path}` : 'set FLYCD_WEBHOOK_SECRET';
    refusals.refuse(
      addressOf(request),
      { path: request.url.slice(0, pathMax), next },
      'webhook refused: nothing is there',
    );
    return reply.code(404).header('connection', 'close').send({ error: 'not found' });
  });

  // Anybody reads these: no version to look up holes for, no name of a repository or an app.
  server.get('/', (_request, reply) => reply.type('text/plain; charset=utf-8').send('FlyCD\n'));
  const health = createHealth(options);
  server.get('/healthz', async (_request, reply) => {
    const reasons = await health.live();
    const isWell = reasons.length === 0;
    return reply.code(isWell ? 200 : 503).send(isWell ? { status: 'ok' } : { status: 'failing', reasons });
  });
  server.get('/readyz', async (_request, reply) => {
    const reasons = await health.ready();
    return reply.code(reasons.length === 0 ? 200 : 503).send({ ready: reasons.length === 0, reasons });
  });
  const { secret } = options.webhook;
  if (hasSecret(secret)) {
    addWebhook(server, {
      ...options,
      follows: (repos, matches) => options.follows(repos, matches),
      path,
      secret,
      bodies: new Bodies(limits.keptBytes),
      refusals,
      addressOf,
    });
  }
  return server;
}

/** It may be signed, at least: who is verified is told by its body. */
function isSmallAndSigned({ headers }: FastifyRequest): boolean {
  const length = Number(headers['content-length'] ?? Number.NaN);
  return length <= verifiedBytesMax && isSignature(headers['x-hub-signature-256']);
}

function addresses({ behindFlyProxy = false }: ServerOptions): (request: FastifyRequest) => string {
  return (request) => {
    const told = behindFlyProxy ? request.headers['fly-client-ip'] : undefined;
    return typeof told === 'string' && isIP(told) !== 0 ? told : request.ip;
  };
}

function hasSecret(secret: SecretValue | undefined): secret is SecretValue {
  return secret !== undefined && secret.reveal() !== '';
}

/** v0 took the path as it came; a router would read `:` and `*` in it as something else. */
function webhookPath(text: string): string {
  const path = text.startsWith('/') ? text : `/${text}`;
  if (/^\/[\w./~%-]*$/.test(path)) return path;
  throw new Fault({
    kind: 'stalled',
    what: `webhook path ${JSON.stringify(text)} cannot be used`,
    why: 'a path has letters, digits and . _ ~ % / - only',
    next: `set WEBHOOK_PATH, for example to ${defaultWebhookPath}`,
  });
}

/** An address to open: "any interface" is none that a browser could ask. */
function forPeople(address: string): string {
  return address.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}

function portFault(error: unknown, host: string, port: number): Fault {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another process has it',
    EACCES: 'ports under 1024 need a privilege',
    EADDRNOTAVAIL: 'this machine has no such interface',
  };
  return new Fault({
    kind: 'stalled',
    what: `FlyCD cannot listen on ${host}:${port}`,
    why: reasons[String(code)] ?? (error instanceof Error ? error.message : String(error)),
    next: 'set WEBHOOK_PORT and WEBHOOK_INTERFACE',
    cause: error,
  });
}
