import fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import type { Clock } from '../model/base/clock.ts';
import { Fault } from '../model/base/fault.ts';
import type { Log } from '../model/base/log.ts';
import type { SecretValue } from '../model/base/secret-value.ts';
import type { Loop, LoopStatus } from '../loop/loop.ts';
import type { Store } from '../record/store.ts';
import { addWebhook } from './webhook.ts';

export interface ServerOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<Store, 'storeDelivery'>;
  readonly loop: Pick<Loop, 'wake' | 'ready'> & { status(): Pick<LoopStatus, 'refreshFault'> };
  readonly webhook: {
    /** Default `/webhook`. */
    readonly path?: string | undefined;
    /** undefined or empty: there is no webhook. An empty one would let anybody sign. */
    readonly secret: SecretValue | undefined;
  };
  /** true: some app or project follows one of these repositories, at a ref for which `matches` is true. */
  follows(repos: readonly string[], matches: (ref: string) => boolean): boolean;
  /** What else keeps FlyCD from being ready, each for a person and read by anybody: "the Fly token is not accepted". */
  unready?(): readonly string[];
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

export interface Server {
  /** Throws a stalled Fault where the port cannot be had. */
  listen(): Promise<{ readonly url: string }>;
  /** Requests under way are answered, idle connections closed, senders that do not finish within 5 s cut off. */
  close(): Promise<void>;
}

export const defaultWebhookPath = '/webhook';
/** GitHub sends at most 25 MB, but a push worth acting on is a few kilobytes; more is not kept in memory for anyone. */
const bodyBytesMax = 1024 * 1024;
/** GitHub gives up after 10 seconds; whoever is slower holds a connection and nothing else. */
const requestTimeoutMs = 10_000;
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
  const { log, loop } = options;
  const server = fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    requestTimeout: requestTimeoutMs,
    forceCloseConnections: 'idle',
  });
  // Signatures are of bytes, so bytes is what a handler gets, whatever the content type claims.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  server.setErrorHandler((error: FastifyError, request, reply) => {
    const code = error.statusCode ?? 500;
    if (code >= 500) log.error({ route: request.routeOptions.url, why: error.message }, 'request failed');
    return reply.code(code).send({ error: code >= 500 ? 'internal error' : error.message });
  });
  server.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'not found' }));

  // Anybody reads these: no version to look up holes for, no name of a repository or an app.
  server.get('/', (_request, reply) => reply.type('text/plain; charset=utf-8').send('FlyCD\n'));
  server.get('/healthz', (_request, reply) => reply.send({ status: 'ok' }));
  server.get('/readyz', (_request, reply) => {
    const reasons = [...(loop.ready ? [] : [notReady(loop)]), ...(options.unready?.() ?? [])];
    return reply.code(reasons.length === 0 ? 200 : 503).send({ ready: reasons.length === 0, reasons });
  });
  const { secret } = options.webhook;
  if (hasSecret(secret)) {
    addWebhook(server, { ...options, follows: (repos, matches) => options.follows(repos, matches), path, secret });
  }
  return server;
}

function notReady(loop: Pick<ServerOptions['loop'], 'status'>): string {
  const waiting = 'the first desired state is not computed yet';
  return loop.status().refreshFault === undefined ? waiting : `${waiting}: the log says why`;
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
