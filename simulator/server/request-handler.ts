import type { IncomingMessage, ServerResponse } from 'node:http';
import { administration, adminPrefix } from '../admin/routes.ts';
import type { FlyctlActor } from '../flyctl/actor.ts';
import type { RequestContext, Route } from '../http/request-context.ts';
import { heldLease } from '../http/resources.ts';
import { parseBody, readBody, reset, send } from './connection.ts';
import { changesSomething } from '../graphql/route.ts';
import { faultAnswer, isReset, rateLimited, strikesAfter, type FinalFault } from '../world/fault-answers.ts';
import { documentedRateLimits, type RateLimits } from './rate-limits.ts';
import { waitingRoom, type WaitingRoom } from './request-sequencer.ts';
import type { TokenGrant } from '../world/records.ts';
import { foreignLease } from '../api/machine-leases.ts';
import { isRegistryPath, registryBodyBytesMost, registryRefusal } from '../web/registry.ts';
import { Refusal, refusal, type Reply } from '../wire/replies.ts';
import { remember, type RequestRecord } from '../world/requests.ts';
import { compiledRouter, type Match, type Router } from '../http/router.ts';
import type { World } from '../world/world.ts';

export interface Reception {
  /** Never rejects. */
  receive(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Requests received and not over. */
  underway(): number;
  /** Waits under way end without an answer. */
  close(): void;
}

export interface ReceptionOptions {
  readonly world: World;
  readonly flyctl: FlyctlActor;
  /** Of the Machines API, without its /v1. */
  readonly routes: readonly Route[];
  /** With their whole path. */
  readonly webRoutes: readonly Route[];
  readonly latencyMs: number;
  readonly rateLimits: boolean;
  /** Requests are held until the client is idle and served sorted. */
  readonly orderly: boolean;
}

const apiPrefix = '/v1';
const graphqlPath = '/graphql';

interface Desk {
  readonly world: World;
  readonly administer: ReturnType<typeof administration>;
  readonly router: Router;
  readonly webRouter: Router;
  readonly latencyMs: number;
  readonly limits: RateLimits | undefined;
  readonly waitingRoom: WaitingRoom | undefined;
  open: boolean;
}

/** A request and its place in the world. */
interface Visit {
  readonly record: RequestRecord;
  readonly call: RequestContext;
  readonly match: Match;
  cut: boolean;
}

/** What every request passes: token, latency, faults, limits, its handler, the log. */
export function reception(options: ReceptionOptions): Reception {
  const desk: Desk = {
    world: options.world,
    administer: administration(options.world, options.flyctl),
    router: compiledRouter(options.routes),
    webRouter: compiledRouter(options.webRoutes),
    latencyMs: options.latencyMs,
    limits: options.rateLimits ? documentedRateLimits() : undefined,
    waitingRoom: options.orderly ? waitingRoom(options.world.clock) : undefined,
    open: true,
  };
  let received = 0;
  let underway = 0;
  return {
    async receive(request, response) {
      received += 1;
      underway += 1;
      const requestId = `simulator-${String(received).padStart(8, '0')}`;
      try {
        const reply = await answer(desk, request, response);
        if (reply === undefined) reset(response);
        else send(response, reply, { requestId, at: desk.world.now() });
      } catch (error) {
        // A body that broke off: there is nobody left to answer.
        if (!(error instanceof Refusal)) return reset(response);
        send(response, refusedWith(error), { requestId, at: desk.world.now() });
      } finally {
        underway -= 1;
      }
    },
    underway: () => underway,
    close() {
      desk.open = false;
    },
  };
}

/** undefined: the connection is cut instead of answered. */
async function answer(desk: Desk, request: IncomingMessage, response: ServerResponse): Promise<Reply | undefined> {
  const [path, search] = split(request.url ?? '/', '?');
  const bytes = await readBody(request, isRegistryPath(path) ? registryBodyBytesMost : undefined);
  const text = isRegistryPath(path) ? bytes.toString('latin1') : bytes.toString();
  const query = new URLSearchParams(search);
  const method = request.method ?? 'GET';
  if (path === adminPrefix || path.startsWith(`${adminPrefix}/`)) {
    requireLocal(request);
    const body = parseBody(text);
    return desk.administer({ method, path: path.slice(adminPrefix.length) || '/', query, body });
  }
  const match = path.startsWith(`${apiPrefix}/`)
    ? desk.router.match(method, path.slice(apiPrefix.length))
    : desk.webRouter.match(method, path);
  const presence = presenceOf(response);
  const pause = pauses(desk, presence);
  if (desk.latencyMs > 0) await pause(desk.latencyMs);
  const app = match?.params['app'];
  if (desk.waitingRoom !== undefined) {
    const gone = presence();
    const by = headerOf(request, 'authorization') ?? '';
    await desk.waitingRoom.enter({ app: app ?? '', method, path: request.url ?? '', body: text, by }, gone);
    if (gone.aborted) return undefined;
  }
  if (!desk.open) return undefined;
  const grant = grantOf(desk.world, request);
  const template = match?.route?.operation ?? 'unknown';
  const reads = path === graphqlPath && !changesSomething(text);
  const record: RequestRecord = {
    method,
    path,
    template,
    app,
    ...(reads ? { reads } : {}),
    at: desk.world.now(),
    status: undefined,
  };
  remember(desk.world.requests, record);
  const refuse = isRegistryPath(path) ? registryRefusal : refusal;
  if (match === undefined) return answered(record, refusedWith(refuse(404, '404 page not found')));
  const call: RequestContext = {
    world: desk.world,
    grant: grant ?? nobody,
    params: match.params,
    query,
    body: undefined,
    content: {
      bytes,
      type: headerOf(request, 'content-type') ?? '',
      range: headerOf(request, 'content-range') ?? headerOf(request, 'range') ?? '',
    },
    nonce: headerOf(request, 'fly-machine-lease-nonce'),
    pause,
  };
  const visit: Visit = { record, call, match, cut: false };
  if (grant === undefined && match.route?.anonymous !== true)
    return answered(record, refusedWith(refuse(401, 'unauthorized: invalid or missing token')));
  return serve(desk, visit, text);
}

const nobody: TokenGrant = { id: '', organizations: [], owner: '', readOnly: true };

/** Faults strike before or after the work; hooks see both sides of it. */
async function serve(desk: Desk, visit: Visit, text: string): Promise<Reply | undefined> {
  const { world } = desk;
  const { record } = visit;
  notice(world, visit, 'before');
  if (visit.cut) return undefined;
  const { fault, latencyMs, foreignLease } = world.faults.match(record.template, record.app);
  if (latencyMs > 0) await visit.call.pause(latencyMs);
  if (foreignLease) takeForeignLease(world, visit.match);
  if (!desk.open) return undefined;
  if (fault !== undefined && !strikesAfter(fault)) return struck(record, fault);
  if (desk.limits !== undefined && !desk.limits.take(record.template, visit.match.params, world.now())) {
    return answered(record, refusedWith(rateLimited()));
  }
  const reply = await handled(visit, text);
  if (!desk.open) return undefined;
  if (fault !== undefined) {
    notice(world, visit, 'after');
    return struck(record, fault);
  }
  record.status = reply.status;
  notice(world, visit, 'after');
  if (!visit.cut) return reply;
  record.status = undefined;
  return undefined;
}

/** As by somebody's deploy elsewhere: on a machine that nobody holds. */
function takeForeignLease(world: World, match: Match): void {
  const app = world.apps.get(match.params['app'] ?? '');
  const machine = app?.machines.get(match.params['machine'] ?? '');
  if (machine !== undefined && heldLease(world, machine) === undefined) foreignLease(world, machine);
}

async function handled(visit: Visit, text: string): Promise<Reply> {
  const { call, match, record } = visit;
  try {
    if (match.route === undefined) throw refusal(405, 'method not allowed');
    const reads = record.method === 'GET' || record.method === 'HEAD';
    if (call.grant.readOnly && !reads && match.route.anonymous !== true) throw refusal(403, 'unauthorized');
    return await match.route.handle({ ...call, body: match.route.binary === true ? undefined : parseBody(text) });
  } catch (error) {
    if (error instanceof Refusal) return refusedWith(error);
    const why = error instanceof Error ? error.stack : String(error);
    return refusedWith(refusal(500, `the simulator itself failed: ${why}`));
  }
}

function notice(world: World, visit: Visit, phase: 'before' | 'after'): void {
  world.onRequest?.({
    phase,
    request: visit.record,
    by: visit.call.grant.id,
    cut() {
      visit.cut = true;
    },
  });
}

function struck(record: RequestRecord, fault: FinalFault): Reply | undefined {
  return isReset(fault) ? undefined : answered(record, refusedWith(faultAnswer(fault)));
}

function answered(record: RequestRecord, reply: Reply): Reply {
  record.status = reply.status;
  return reply;
}

const refusedWith = ({ status, body, headers }: Refusal): Reply => ({ status, body, headers });

/** Waits on behalf of one request, which end early when its connection does. false: nobody waits for the answer. */
function pauses(desk: Desk, presence: () => AbortSignal): RequestContext['pause'] {
  return async (ms) => {
    const gone = presence();
    await desk.world.clock.park(ms, gone);
    return desk.open && !gone.aborted;
  };
}

/** Aborted once nobody waits for the answer any more; made when it is asked for. */
function presenceOf(response: ServerResponse): () => AbortSignal {
  let gone: AbortSignal | undefined;
  return () => (gone ??= closeOf(response));
}

const over = 'nobody waits for the answer any more';

function closeOf(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  // With a reason of ours: without one each answer that is over costs an exception with its stack.
  if (response.destroyed) controller.abort(over);
  else response.once('close', () => controller.abort(over));
  return controller.signal;
}

/** `Bearer` and `FlyV1` both do, and in `Basic` the password, as docker logs in; of a comma list any token counts. */
function grantOf(world: World, request: IncomingMessage): TokenGrant | undefined {
  const [scheme, sent] = split(headerOf(request, 'authorization') ?? '', ' ');
  if (!['bearer', 'flyv1', 'basic'].includes(scheme.toLowerCase())) return undefined;
  const list = scheme.toLowerCase() === 'basic' ? split(Buffer.from(sent, 'base64').toString(), ':')[1] : sent;
  for (const token of list.replace(/^FlyV1 /, '').split(',')) {
    const grant = world.tokens.get(token.trim());
    if (grant !== undefined && (grant.expiresAt === undefined || grant.expiresAt > world.now())) return grant;
  }
  return undefined;
}

/** A page in a browser must not reach the world through a name that points here. */
function requireLocal(request: IncomingMessage): void {
  const host = (headerOf(request, 'host') ?? '').replace(/:\d+$/, '');
  if (host !== '127.0.0.1' && host !== 'localhost') throw refusal(403, 'the simulator answers on the loopback only');
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function split(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
