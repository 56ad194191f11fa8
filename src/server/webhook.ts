import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../model/base/clock.ts';
import type { Log } from '../model/base/log.ts';
import type { SecretValue } from '../model/base/secret-value.ts';
import type { Loop } from '../loop/loop.ts';
import type { Store } from '../record/store.ts';
import { bodyBytesMax, UnreadBody, type Bodies, type Body } from './bounds/bodies.ts';
import { keepUntilAnswered } from './bounds/connections.ts';
import type { Refusals } from './bounds/refusals.ts';
import { pushOf, type Push } from './push.ts';
import { signatureCheck, type SignatureCheck } from './signature.ts';

export interface WebhookOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<Store, 'storeDelivery'>;
  readonly loop: Pick<Loop, 'wake' | 'ready'>;
  readonly path: string;
  readonly secret: SecretValue;
  readonly bodies: Bodies;
  readonly refusals: Refusals;
  addressOf(request: FastifyRequest): string;
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
 * POST of GitHub pushes. Answers: 202 stored durably, or not for us (ping, another event, a ref nobody follows), or too long to
 * be read, so that git is asked about everything; 200 known already; 400 not JSON; 401 signature missing (before the body is
 * read) or wrong; 413 over 25 MB; 429 many refused requests of that address before; 503 could not be stored.
 */
export function addWebhook(server: FastifyInstance, options: WebhookOptions): void {
  const checks = new WeakMap<FastifyRequest, SignatureCheck>();

  /** The rest of its body is not waited for. */
  const refuse = (request: FastifyRequest, reply: FastifyReply, { code, body }: Answer, fields: object = {}) => {
    options.refusals.refuse(options.addressOf(request), fields, `webhook refused: ${body['error']}`);
    return reply.code(code).header('connection', 'close').send(body);
  };

  server.post(
    options.path,
    {
      onRequest: async (request, reply) => {
        const check = signatureCheck(headerOf(request, 'x-hub-signature-256'), options.secret);
        if (check === undefined) return refuse(request, reply, unsigned);
        if (Number(request.headers['content-length'] ?? 0) > bodyBytesMax) return refuse(request, reply, tooLarge);
        checks.set(request, check);
        return undefined;
      },
    },
    async (request, reply) => {
      const check = checks.get(request);
      if (check === undefined) return refuse(request, reply, unsigned);
      try {
        return await options.bodies.read(
          request.raw,
          (bytes) => check.update(bytes),
          async (read) => {
            if (!check.holds()) return refuse(request, reply, forged);
            keepUntilAnswered(request.raw, reply.raw);
            const { code, body } = await receive(request, read, options);
            return reply.code(code).send(body);
          },
        );
      } catch (error) {
        if (!(error instanceof UnreadBody)) throw error;
        if (error.reason === 'too large') return refuse(request, reply, tooLarge);
        const address = options.addressOf(request);
        options.refusals.tell('warn', { address }, 'webhook not read: the connection ended before its body was whole');
        return reply.hijack();
      }
    },
  );
}

const unsigned: Answer = {
  code: 401,
  body: {
    error: 'the signature is missing',
    next: 'give the webhook, where it is set up, the secret of FLYCD_WEBHOOK_SECRET',
  },
};
const forged: Answer = {
  code: 401,
  body: { error: 'the signature is wrong', next: 'compare the webhook secrets' },
};
const tooLarge: Answer = {
  code: 413,
  body: { error: 'the body is over 25 MB', next: 'no forge sends as much: send pushes alone' },
};

async function receive(request: FastifyRequest, { bytes, unkept }: Body, options: WebhookOptions): Promise<Answer> {
  const { clock, log, store, loop, refusals } = options;
  const ignored = (reason: string, fields: object = {}): Answer => {
    refusals.tell('info', { why: reason, ...fields }, 'webhook ignored');
    return { code: 202, body: { status: 'ignored', reason } };
  };
  const event = headerOf(request, 'x-github-event')?.slice(0, 64) ?? 'push';
  if (event !== 'push') return ignored(`event ${event}`);
  if (bytes === undefined) {
    const why = unkept === 'too long' ? 'it is over 1 MB' : 'too much is being received at once';
    refusals.tell('info', { why }, 'push not read: git is asked about every app');
    loop.wake('timer');
    return { code: 202, body: { status: 'accepted', reason: `not read, since ${why}: git is asked about every app` } };
  }
  const payload = parsed(bytes);
  if (payload === undefined) {
    refusals.tell(
      'warn',
      { next: 'set its content type to application/json' },
      'webhook refused: the body is not JSON',
    );
    return { code: 400, body: { error: 'the body is not JSON', next: 'set the content type to application/json' } };
  }
  const push = pushOf(payload);
  if (push === undefined) return ignored('it is no push of a branch or a tag');
  const repo = concerned(push, options);
  if (repo === undefined) {
    return ignored('nothing follows this repository and ref', { repo: push.repos[0], ref: push.ref });
  }
  const id = idOf(request, bytes);
  let isNew: boolean;
  try {
    isNew = await store.storeDelivery({ id, repo, ref: push.ref, receivedAt: clock.now() });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    refusals.tell('error', { delivery: id, why }, 'webhook not stored');
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
