import type { IncomingMessage, ServerResponse } from 'node:http';
import { refusal, type Reply } from '../wire/replies.ts';

/** Enough for any machine config with files in it; more is a client gone wrong. */
const bodyBytesMost = 8 * 1024 * 1024;

/** The whole body; refused with 413 when it is too long. */
export async function readBody(request: IncomingMessage, bytesMost = bodyBytesMost): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const buffer = chunk as Buffer;
    bytes += buffer.length;
    if (bytes <= bytesMost) chunks.push(buffer);
  }
  if (bytes > bytesMost) throw refusal(413, 'request body too large');
  return Buffer.concat(chunks);
}

export function parseBody(text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw refusal(400, 'invalid JSON body');
  }
}

interface Sending {
  readonly requestId: string;
  /** Milliseconds since the epoch by the simulator's clock: Node would write the machine's. */
  readonly at: number;
}

/** Bytes and text (a proxy's page) as they are, anything else as JSON. */
export function send(response: ServerResponse, reply: Reply, { requestId, at }: Sending): void {
  const { status, body } = reply;
  const headers: Record<string, string | number> = {
    date: new Date(at).toUTCString(),
    'fly-request-id': requestId,
    ...reply.headers,
  };
  if (body instanceof Uint8Array) {
    response.writeHead(status, { 'content-length': body.length, ...headers }).end(body);
    return;
  }
  if (body === undefined) {
    if (status !== 204) headers['content-length'] ??= 0;
    response.writeHead(status, headers).end();
    return;
  }
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  headers['content-type'] = typeof body === 'string' ? 'text/html' : 'application/json; charset=utf-8';
  headers['content-length'] = Buffer.byteLength(text);
  response.writeHead(status, headers).end(text);
}

/** Ends the connection as a host that fell over does: the client reads ECONNRESET. */
export function reset(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}
