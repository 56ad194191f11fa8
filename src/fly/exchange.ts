import type { Clock } from '../model/clock.ts';

export interface ExchangeRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly timeoutMs: number;
  readonly bytesMax: number;
  readonly signal: AbortSignal | undefined;
}

/** What came of one request: an answer, whose body may have broken off, or none. */
export type Exchange =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly requestId: string | undefined;
      /** Milliseconds the answer asks us to wait. */
      readonly retryAfterMs: number | undefined;
      readonly body: Body;
    }
  | { readonly kind: 'silence'; readonly why: string };

/** A refusal is a line of JSON or an edge's HTML page; what is longer is not read on. */
const errorBytesMax = 16 * 1024;

export type Body =
  | { readonly state: 'whole'; readonly text: string }
  /** The connection or our patience ended before the body did. */
  | { readonly state: 'broken'; readonly why: string }
  | { readonly state: 'too large'; readonly start: string };

/**
 * One request with its body, inside `clock.busy`, ended by our own timer on the clock. Rejects only with the reason of
 * the caller's signal; everything the network does is a value.
 *
 * Written on `fetch` itself rather than ky: with ky's retry and timeout off (they wait on the machine's clock), and the
 * body read here under the same timeout and a cap in bytes, nothing of it would be left in use.
 */
export async function exchange(
  tools: { readonly fetch: typeof fetch; readonly clock: Clock },
  request: ExchangeRequest,
): Promise<Exchange> {
  request.signal?.throwIfAborted();
  const controller = new AbortController();
  const end = (): void => controller.abort();
  let timedOut = false;
  const cancelTimer = tools.clock.timer(request.timeoutMs, () => {
    timedOut = true;
    end();
  });
  request.signal?.addEventListener('abort', end, { once: true });
  const why = (error: unknown): string => {
    // Our own timer and the caller's wish both end the fetch; only the first is the network's doing.
    request.signal?.throwIfAborted();
    return timedOut ? `no answer within ${request.timeoutMs / 1000} s` : networkReason(error);
  };
  try {
    return await tools.clock.busy(() => converse(tools, request, controller.signal, why));
  } finally {
    cancelTimer();
    request.signal?.removeEventListener('abort', end);
  }
}

async function converse(
  tools: { readonly fetch: typeof fetch; readonly clock: Clock },
  request: ExchangeRequest,
  signal: AbortSignal,
  why: (error: unknown) => string,
): Promise<Exchange> {
  let response: Response;
  try {
    response = await tools.fetch(request.url, {
      method: request.method,
      headers: request.headers,
      ...(request.body === undefined ? {} : { body: request.body }),
      // Fly's API does not redirect; following one would carry the request somewhere nobody chose.
      redirect: 'manual',
      signal,
    });
  } catch (error) {
    return { kind: 'silence', why: why(error) };
  }
  return {
    kind: 'answer',
    status: response.status,
    requestId: /^[\w-]{1,100}$/.exec(response.headers.get('fly-request-id') ?? '')?.[0],
    retryAfterMs: retryAfterMs(response.headers.get('retry-after'), tools.clock.now()),
    body: await readBody(response, response.ok ? request.bytesMax : errorBytesMax, why),
  };
}

async function readBody(response: Response, bytesMax: number, why: (error: unknown) => string): Promise<Body> {
  if (response.body === null) return { state: 'whole', text: '' };
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = '';
  try {
    for await (const chunk of response.body) {
      text += decoder.decode(chunk.subarray(0, bytesMax - bytes), { stream: true });
      bytes += chunk.byteLength;
      // Leaving the loop cancels the rest of the body.
      if (bytes > bytesMax) return { state: 'too large', start: text };
    }
  } catch (error) {
    return { state: 'broken', why: why(error) };
  }
  return { state: 'whole', text: text + decoder.decode() };
}

/** Seconds or an HTTP date (RFC 9110, 10.2.3). Fly documents no Retry-After; its edge may send one. */
function retryAfterMs(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\s*(\d{1,9})\s*$/.exec(header)?.[1];
  if (seconds !== undefined) return Number(seconds) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** `fetch failed` says nothing; what lies beneath names the address or the code. */
function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return 'the connection failed';
  const cause = error.cause instanceof Error ? error.cause : error;
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
  if (cause.message === '') return code ?? 'the connection failed';
  return code === undefined || cause.message.includes(code) ? cause.message : `${cause.message} (${code})`;
}
