import type { Clock } from '../model/base/clock.ts';
import { HostRefused } from './hosts.ts';

export interface ExchangeRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
  readonly timeoutMs: number;
  /** Most bytes of a good answer's body. */
  readonly bytesMax: number;
  readonly signal: AbortSignal | undefined;
}

/** What came of one request: an answer, whose body may have broken off, or none. */
export type Exchange =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: Headers;
      /** Milliseconds the answer asks us to wait. */
      readonly retryAfterMs: number | undefined;
      readonly body: Body;
    }
  /** `refused`: no request was sent, since the host is one that config may not lead to. */
  | { readonly kind: 'silence'; readonly why: string; readonly refused?: HostRefused };

/** A refusal is a line of JSON or an edge's HTML page; what is longer is not read on. */
const errorBytesMax = 16 * 1024;

type Body =
  | { readonly state: 'whole'; readonly bytes: Uint8Array }
  /** The connection or our patience ended before the body did. */
  | { readonly state: 'broken'; readonly why: string }
  | { readonly state: 'too large'; readonly start: Uint8Array };

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
      // Following one would carry the request somewhere nobody chose; who expects one looks where it leads.
      redirect: 'manual',
      signal,
    });
  } catch (error) {
    const refused = [error, (error as Error).cause].find((one) => one instanceof HostRefused);
    return { kind: 'silence', why: why(error), ...(refused && { refused }) };
  }
  return {
    kind: 'answer',
    status: response.status,
    headers: response.headers,
    retryAfterMs: retryAfterMs(response.headers, tools.clock.now()),
    body: await readBody(response, response.ok ? request.bytesMax : errorBytesMax, why),
  };
}

async function readBody(response: Response, bytesMax: number, why: (error: unknown) => string): Promise<Body> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      chunks.push(chunk.subarray(0, bytesMax - bytes));
      bytes += chunk.byteLength;
      // Leaving the loop cancels the rest of the body.
      if (bytes > bytesMax) return { state: 'too large', start: joined(chunks) };
    }
  } catch (error) {
    return { state: 'broken', why: why(error) };
  }
  return { state: 'whole', bytes: joined(chunks) };
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
}

/** Seconds or an HTTP date (RFC 9110, 10.2.3), by the clock of who sent it. Fly documents no Retry-After; its edge may send one. */
function retryAfterMs(headers: Headers, now: number): number | undefined {
  const header = headers.get('retry-after');
  if (header === null) return undefined;
  const seconds = /^\s*(\d{1,9})\s*$/.exec(header)?.[1];
  if (seconds !== undefined) return Number(seconds) * 1000;
  const date = Date.parse(header);
  const sentAt = Date.parse(headers.get('date') ?? '');
  return Number.isNaN(date) ? undefined : Math.max(0, date - (Number.isNaN(sentAt) ? now : sentAt));
}

/** `fetch failed` says nothing; what lies beneath names the address or the code. */
function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return 'the connection failed';
  const cause = error.cause instanceof Error ? error.cause : error;
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
  if (cause.message === '') return code ?? 'the connection failed';
  return code === undefined || cause.message.includes(code) ? cause.message : `${cause.message} (${code})`;
}
