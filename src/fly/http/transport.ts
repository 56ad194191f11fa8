import type { z } from 'zod';
import type { Clock } from '../../model/base/clock.ts';
import type { Log } from '../../model/base/log.ts';
import type { Redactor } from '../../model/base/secret-value.ts';
import { classify, retryAfterMsBelieved, retryAfterMsMax, wordsOf, type Failure } from './classification.ts';
import { currentTokens, endpointOf, requestOf, whereOf, type Call, type Sender } from './call.ts';
import { decoder, type Decode } from './decoding.ts';
import type { FlyError } from './error.ts';
import { FlyTime } from './fly-time.ts';
import { exchange, type Exchange, type ExchangeRequest } from '../../http/exchange.ts';
import { createLane, type Lane } from '../../http/lane.ts';
import { LastQuestion } from './last-question.ts';
import { LeftAlones, type LeftAlone, type Sent } from './left-alone.ts';
import { actionLimit, createRateLimiter, type RateLimiter } from './rate-limit.ts';
import { baseOf, below } from './surfaces.ts';
import { TokenProof } from './token-proof.ts';
import { authorizationsOf } from './token.ts';

export interface FlyClientOptions {
  /** FLY_FLAPS_BASE_URL or https://api.machines.dev. Any path in it is dropped, as Fly's own SDK does. */
  readonly baseUrl: string;
  /** FLY_UIEX_BASE_URL or https://api.fly.io. A path in it is kept, as flyctl does. */
  readonly webBaseUrl: string;
  readonly token: string;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly log: Log;
  readonly userAgent: string;
  readonly redactor: Redactor;
  /** 0 up to 1: spreads retries. */
  readonly random: () => number;
}

/** What all resources share: one token, one set of limits, one way of failing. Every failure is a FlyError. */
export interface Transport {
  readonly clock: Clock;
  readonly redactor: Redactor;
  /** Milliseconds that Fly's clock is ahead of `clock`; below 0: behind. */
  aheadMs(): number;
  /** The decoded answer. */
  ask<T>(call: Call, answer: z.ZodType<T>): Promise<T>;
  /** For answers that say nothing beyond success: their bodies are not looked at. */
  tell(call: Call): Promise<void>;
}

/** Reads are cheap for Fly and many; above this, sockets cost more than they bring. */
const readsInFlightMax = 96;
/** Writes make machines move: few at once keep a failing pass small. */
const writesInFlightMax = 8;
/** Lease calls take milliseconds; one machine in each slot of a wide rollout may renew at the same moment. */
const urgentInFlightMax = 64;
/** Labels and records take milliseconds, too, and are many at once where a wide rollout ends. */
const briefInFlightMax = 64;
/** Waits only hold a socket open. More than this many machines on the move at once wait for each other. */
const waitsInFlightMax = 256;

const triesMax = 4;
const firstPauseMs = 500;
/**
 * Other clients share an app's limits. Fly does nothing of what it refuses for them, so such a call is tried for longer: a script
 * that somebody runs by hand is over in less.
 */
const limitedMsMax = 60_000;
/** Fly gives a token a second: a pause that grows on would leave them all to the other client. */
const limitedPauseMsMax = 4000;
/** Statuses that say "not now", whatever was asked. */
const passingStatuses = new Set([408, 500, 502, 503, 504]);

type LaneName = 'read' | 'write' | 'urgent' | 'brief' | 'wait';

interface Core {
  readonly options: FlyClientOptions;
  readonly sender: Sender;
  readonly limiter: RateLimiter;
  readonly proof: TokenProof;
  readonly leftAlone: LeftAlones;
  readonly time: FlyTime;
  readonly lanes: Readonly<Record<LaneName, Lane>>;
}

interface Try {
  readonly timeoutMsMax: number;
  /** Tries of the call before this one that may have been done. */
  readonly timesUnclear: number;
}

type Attempt<T> = { readonly ok: true; readonly value: T } | Failed;

interface Failed {
  readonly ok: false;
  readonly error: FlyError;
  readonly retryAfterMs: number | undefined;
  /** true: Fly had asked to be left alone, and that is not over in time. */
  readonly isUnsent?: boolean | undefined;
}

/** Throws a stalled Fault for a token or base URL that cannot be used; sends nothing. */
export function createTransport(options: FlyClientOptions): Transport {
  const authorizations = authorizationsOf(options.token, options.redactor);
  const core: Core = {
    options,
    sender: {
      userAgent: options.userAgent,
      surfaces: {
        machines: { base: new URL('/v1', baseOf('machines', options.baseUrl)), authorization: authorizations.machines },
        web: { base: below(baseOf('web', options.webBaseUrl), '/api/v1'), authorization: authorizations.web },
      },
    },
    limiter: createRateLimiter(options.clock),
    proof: new TokenProof(options.clock),
    leftAlone: new LeftAlones(options.clock),
    time: new FlyTime(options),
    lanes: {
      read: createLane(readsInFlightMax),
      write: createLane(writesInFlightMax),
      urgent: createLane(urgentInFlightMax),
      brief: createLane(briefInFlightMax),
      wait: createLane(waitsInFlightMax),
    },
  };
  return {
    clock: options.clock,
    redactor: options.redactor,
    aheadMs: () => core.time.aheadMs,
    ask: (call, answer) => perform(core, call, decoder(answer)),
    tell: (call) => perform(core, call, () => ({ state: 'fits', value: undefined })),
  };
}

async function perform<T>(core: Core, call: Call, decode: Decode<T>): Promise<T> {
  const { clock, log, random } = core.options;
  const startedAt = clock.monotonic();
  let timesUnclear = 0;
  for (let tries = 1; ; tries += 1) {
    const remainingMs = startedAt + (call.patienceMs ?? Infinity) - clock.monotonic();
    const result = await attempt(core, call, decode, { timeoutMsMax: remainingMs, timesUnclear });
    if (result.ok) return result.value;
    const { error } = result;
    if (error.outcome === 'unknown') timesUnclear += 1;
    const spentMs = clock.monotonic() - startedAt;
    const outOfTime = call.holdsMs !== undefined && spentMs >= call.holdsMs;
    if (isOver(call, error, { tries, spentMs }) || outOfTime || !mayRepeat(call, result)) throw error;
    // Half of the pause is fixed, half is spread, so that calls that failed together do not return together.
    const pauseMs = Math.min(firstPauseMs * 2 ** (tries - 1), error.status === 429 ? limitedPauseMsMax : Infinity);
    const backoffMs = pauseMs * (0.5 + random() / 2);
    const waitMs = Math.ceil(Math.max(backoffMs, Math.min(result.retryAfterMs ?? 0, retryAfterMsMax)));
    if (call.patienceMs !== undefined && spentMs + waitMs >= call.patienceMs) throw error;
    if (isImpatient(call) && waitMs > limitedPauseMsMax) throw error;
    const { operation, where, status, requestId } = error;
    log.debug({ operation, where, status, requestId, tries, waitMs }, 'a call to Fly is tried again');
    await clock.sleep(waitMs, call.signal);
  }
}

/** Whoever holds a lease, or looks at the machine itself beside a wait, has better use for that time. */
function isImpatient({ urgent, holdsMs }: Call): boolean {
  return urgent === true || holdsMs !== undefined;
}

/** A lease that waited for long would be over before its renewal. */
function isOver(
  call: Call,
  { status }: FlyError,
  { tries, spentMs }: { readonly tries: number; readonly spentMs: number },
): boolean {
  if (status === 429 && call.urgent !== true) return spentMs >= limitedMsMax;
  return tries >= triesMax;
}

/** 429 says that nothing was done. No answer, 408 and 5xx say nothing: only what may happen twice is sent again. */
function mayRepeat({ effect, holdsMs }: Call, { error, retryAfterMs = 0, isUnsent }: Failed): boolean {
  if (isUnsent === true) return false;
  if (error.status === 429) return retryAfterMs <= retryAfterMsMax;
  if (error.kind !== 'transient') return false;
  // Of a call that Fly holds open it is the answer.
  if (effect === 'read' && holdsMs !== undefined && error.status === 408) return false;
  return effect !== 'once' && (error.status === undefined || passingStatuses.has(error.status));
}

/** One try, once Fly may be asked again: a pause that is short enough is waited out. */
async function attempt<T>(core: Core, call: Call, decode: Decode<T>, one: Try): Promise<Attempt<T>> {
  const { timeoutMsMax, timesUnclear } = one;
  const { clock } = core.options;
  const startedAt = clock.monotonic();
  const leftMs = (): number => startedAt + timeoutMsMax - clock.monotonic();
  const endpoint = endpointOf(call);
  for (;;) {
    const said = core.leftAlone.of(endpoint);
    if (said !== undefined) {
      const pauseMs = said.until - clock.now();
      if (isImpatient(call) || pauseMs > retryAfterMsMax || pauseMs >= leftMs()) return unsent(core, call, said);
      await clock.sleep(pauseMs, call.signal);
      continue;
    }
    const result = await attemptNow(core, call, decode, { timeoutMsMax: leftMs(), timesUnclear });
    // Fly has asked for a pause while the call waited for its turn.
    if (!result.ok && result.isUnsent === true) continue;
    return result;
  }
}

/** Nothing was sent: Fly's answer is the one from before. */
function unsent(core: Core, call: Call, { until, status, words, code }: LeftAlone): Failed {
  const now = core.options.clock.now();
  const retryAfterMs = until - now;
  const error = classify({
    ...failureOf(call),
    now,
    aheadMs: core.time.aheadMs,
    requestId: undefined,
    retryAfterMs,
    isTokenRefused: false,
    isUnsent: true,
    status,
    words,
    code,
  });
  return { ok: false, error, retryAfterMs, isUnsent: true };
}

function failureOf(call: Call): Pick<Failure, 'operation' | 'purpose' | 'where' | 'effect'> {
  const { method, route, purpose, effect } = call;
  return { operation: `${method} ${route}`, purpose, where: whereOf(call), effect };
}

async function attemptNow<T>(core: Core, call: Call, decode: Decode<T>, one: Try): Promise<Attempt<T>> {
  if (call.surface === 'web') {
    const answer = await send(core, call, one);
    return judge(core, call, { answer, isTakenElsewhere: !core.proof.isRefused }, decode);
  }
  const sent = await core.proof.send({
    // What Fly holds open answers nobody else's question, and a lease cannot wait for another call.
    isRead: laneOf(call) === 'read',
    call: () => send(core, call, one),
    ask: () => send(core, currentTokens, one),
  });
  return judge(core, call, sent, decode);
}

/** Where its question takes long it gives its place back, and comes first with the answer: each place goes to somebody who may send. */
async function send(core: Core, call: Call, { timeoutMsMax, timesUnclear }: Try): Promise<Sent> {
  const request = requestOf(core.sender, call, timeoutMsMax);
  const question = new LastQuestion(core.options.clock, call, timesUnclear);
  for (;;) {
    const sent = await sendIfAnswered(core, call, request, question);
    if (sent !== undefined) return sent;
    await question.comesBack();
  }
}

/** undefined: what is asked before it is sent has no answer yet, and nobody waits for its place meanwhile. */
async function sendIfAnswered(
  core: Core,
  call: Call,
  request: ExchangeRequest,
  question: LastQuestion,
): Promise<Sent | undefined> {
  const { clock, fetch } = core.options;
  const { isBack } = question;
  const endpoint = endpointOf(call);
  const admission = await admit(core, call, isBack);
  let answer: Sent | undefined;
  let isSent = false;
  try {
    // Later on it is asked in its place alone.
    if (!isBack && !(await question.isAnswered())) return undefined;
    answer = await core.lanes[laneOf(call)].run(async () => {
      // It has waited for its place.
      if (!(await question.isAnswered())) return undefined;
      const said = core.leftAlone.of(endpoint);
      if (said !== undefined) return { kind: 'left alone', said };
      const sentAt = clock.now();
      isSent = true;
      const heard = await exchange({ fetch, clock }, request);
      if (heard.kind === 'answer') {
        core.time.heard(heard.headers, sentAt);
        // Before its place goes to the next one, who may be about to ask the same.
        hearPause(core, endpoint, heard);
      }
      return heard;
    }, isBack);
    return answer;
  } finally {
    if (!isSent) admission?.unused();
    else if (answer?.kind === 'answer' && answer.status === 429) admission?.exhausted();
    else admission?.done();
  }
}

type Answer = Extract<Exchange, { readonly kind: 'answer' }>;

function hearPause(core: Core, endpoint: string, answer: Answer): void {
  const { status, retryAfterMs } = answer;
  if (retryAfterMs === undefined || (status !== 429 && !passingStatuses.has(status))) return;
  const until = core.options.clock.now() + Math.min(retryAfterMs, retryAfterMsBelieved);
  core.leftAlone.asked(endpoint, { until, ...refusalOf(core, answer) });
}

function refusalOf({ options: { redactor } }: Core, { status, body }: Answer) {
  const said = body.state === 'broken' ? '' : body.state === 'whole' ? body.bytes : body.start;
  const text = said === '' ? said : new TextDecoder().decode(said);
  return { status, ...wordsOf(text, (words) => redactor.redact(words)) };
}

/** Only in the lane for writes somebody asks a question in his place. What it asks of Fly has no question, and other lanes. */
function laneOf(call: Call): LaneName {
  if (call.beforeSent !== undefined) return 'write';
  if (call.holdsMs !== undefined) return 'wait';
  if (call.urgent === true) return 'urgent';
  if (call.brief === true) return 'brief';
  return call.effect === 'read' ? 'read' : 'write';
}

/** Only what Fly documents is limited: calls of the Machines API about an app, a machine or a volume. */
function admit(core: Core, call: Call, isBack: boolean) {
  if (call.surface === 'web') return undefined;
  const { app, machine, volume } = call.path;
  const identifier = machine ?? volume ?? app;
  if (identifier === undefined) return undefined;
  const action = `${call.method} ${call.route}`;
  const key = call.limit?.shared === true ? action : `${action} ${identifier}`;
  return core.limiter.admit(key, call.limit?.rate ?? actionLimit, { signal: call.signal, isBack });
}

interface Judged {
  /** undefined: not sent, since Fly had refused the token just before. */
  readonly answer: Sent | undefined;
  /** true: Fly refuses the token for every call. */
  readonly isRefused?: boolean;
  /** false: another interface of Fly's has just refused it as well. Default true. */
  readonly isTakenElsewhere?: boolean;
}

function judge<T>(
  core: Core,
  call: Call,
  { answer, isRefused = false, isTakenElsewhere }: Judged,
  decode: Decode<T>,
): Attempt<T> {
  if (answer?.kind === 'left alone') return unsent(core, call, answer.said);
  const answered = answer?.kind === 'answer' ? answer : undefined;
  const retryAfterMs = answered?.retryAfterMs;
  const fail = (parts: Pick<Failure, 'status' | 'words' | 'code'>): Attempt<T> => {
    const error = classify({
      ...failureOf(call),
      now: core.options.clock.now(),
      aheadMs: core.time.aheadMs,
      requestId: answered === undefined ? undefined : requestIdOf(answered.headers),
      retryAfterMs,
      isTokenRefused: isRefused,
      isTakenElsewhere,
      ...parts,
    });
    return { ok: false, error, retryAfterMs };
  };
  if (answer === undefined) return fail({ status: 401, words: undefined, code: undefined });
  const redact = (text: string): string => core.options.redactor.redact(text);
  if (answer.kind === 'silence') return fail({ status: undefined, words: redact(answer.why), code: undefined });
  const { status, body } = answer;
  if (status < 200 || status > 299) return fail(refusalOf(core, answer));
  const decoded = decode(body);
  if (decoded.state === 'fits') return { ok: true, value: decoded.value };
  return fail({ status: decoded.state === 'lost' ? undefined : status, words: redact(decoded.why), code: undefined });
}

function requestIdOf(headers: Headers): string | undefined {
  return /^[\w-]{1,100}$/.exec(headers.get('fly-request-id') ?? '')?.[0];
}
