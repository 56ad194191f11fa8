import type { IncomingMessage, ServerResponse } from 'node:http';
import { refusal, type Reply } from './replies.ts';

/** Enough for any machine config with files in it; more is a client gone wrong. */
const bodyBytesMost = 8 * 1024 * 1024;

/** The whole body as text; refused with 413 when it is too long. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const buffer = chunk as Buffer;
    bytes += buffer.length;
    if (bytes <= bodyBytesMost) chunks.push(buffer);
  }
  if (bytes > bodyBytesMost) throw refusal(413, 'request body too large');
  return Buffer.concat(chunks).toString();
}

export function parseBody(text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw refusal(400, 'invalid JSON body');
  }
}

/** Text as it is (a proxy's page), anything else as JSON. */
export function send(response: ServerResponse, reply: Reply, requestId: string): void {
  const { status, body } = reply;
  const headers: Record<string, string | number> = { 'fly-request-id': requestId };
  if (body === undefined) {
    if (status !== 204) headers['content-length'] = 0;
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
