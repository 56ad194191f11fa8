import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../model/base/clock.ts';
import type { Log } from '../model/base/log.ts';
import type { SecretValue } from '../model/base/secret-value.ts';
import type { Loop } from '../loop/loop.ts';
import type { Store } from '../record/store.ts';
import { pushOf, type Push } from './push.ts';
import { isSigned } from './signature.ts';

export interface WebhookOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<Store, 'storeDelivery'>;
  readonly loop: Pick<Loop, 'wake' | 'ready'>;
  readonly path: string;
  readonly secret: SecretValue;
  follows(repos: readonly string[], matches: (ref: string) => boolean): boolean;
}

/** GitHub's ids are UUIDs of 36 characters; longer ones are hashed, so that a sender cannot fill the database with one. */
const deliveryIdMax = 128;
const deliveryId = /^[\w.:-]+$/;

interface Answer {
  readonly code: number;
  readonly body: Readonly<Record<string, string>>;
}

/**
 * POST of GitHub pushes. Answers: 202 stored durably, or not for us (ping, another event, a ref nobody follows);
 * 200 known already; 400 not JSON; 401 signature missing or wrong; 413 over the body limit; 503 could not be stored.
 */
export function addWebhook(server: FastifyInstance, options: WebhookOptions): void {
  server.post(options.path, async (request: FastifyRequest, reply: FastifyReply) => {
    const { code, body } = await options.clock.busy(() => receive(request, options));
    return reply.code(code).send(body);
  });
}

async function receive(request: FastifyRequest, options: WebhookOptions): Promise<Answer> {
  const { clock, log, store, loop } = options;
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  if (!isSigned(body, headerOf(request, 'x-hub-signature-256'), options.secret)) {
    log.warn({ address: request.ip }, 'webhook refused: signature missing or wrong');
    return { code: 401, body: { error: 'the signature is missing or wrong', next: 'compare the webhook secrets' } };
  }
  const payload = parsed(body);
  if (payload === undefined) {
    return { code: 400, body: { error: 'the body is not JSON', next: 'set the content type to application/json' } };
  }
  const event = headerOf(request, 'x-github-event') ?? 'push';
  if (event !== 'push') return { code: 202, body: { status: 'ignored', reason: `event ${event.slice(0, 64)}` } };
  const push = pushOf(payload);
  const repo = push === undefined ? undefined : concerned(push, options);
  if (push === undefined || repo === undefined) {
    return { code: 202, body: { status: 'ignored', reason: 'nothing follows this repository and ref' } };
  }
  const id = idOf(request, body);
  let isNew: boolean;
  try {
    isNew = await store.storeDelivery({ id, repo, ref: push.ref, receivedAt: clock.now() });
  } catch (error) {
    log.error({ delivery: id, why: error instanceof Error ? error.message : String(error) }, 'webhook not stored');
    // Nobody may send it again: what it speaks of is in git, and all apps are looked at for it.
    loop.wake('timer');
    return { code: 503, body: { error: 'the delivery could not be stored', next: 'send it again later' } };
  }
  if (!isNew) return { code: 200, body: { status: 'known', delivery: id } };
  log.info({ delivery: id, ref: push.ref }, 'push received');
  loop.wake('webhook');
  return { code: 202, body: { status: 'accepted', delivery: id } };
}

/**
 * The address by which somebody follows what was pushed. Before the first desired state nobody knows who follows what:
 * then every signed push is kept, and costs a look at git at worst.
 */
function concerned(push: Push, options: WebhookOptions): string | undefined {
  const followed = push.repos.find((repo) => options.follows([repo], (ref) => push.matches(ref)));
  return followed ?? (options.loop.ready ? undefined : push.repos[0]);
}

function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

/** The delivery's own id, else one made of its content: the same push sent twice is one either way. */
function idOf(request: FastifyRequest, body: Buffer): string {
  const given = headerOf(request, 'x-github-delivery') ?? '';
  if (given.length <= deliveryIdMax && deliveryId.test(given)) return given;
  return `sha256:${createHash('sha256').update(given).update('\0').update(body).digest('hex')}`;
}
