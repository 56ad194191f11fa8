import { createServer, type ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';

export interface Posted {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: Record<string, unknown>;
}

export type Answer = (response: ServerResponse, posted: Posted) => void;

/** GitHub's statuses API, as much of it as answers: keeps what it was told, says what `answer` says. */
export async function fakeGitHub(
  answer?: Answer,
  onEnd: (clean: () => void) => void = onTestFinished,
): Promise<{ readonly url: string; readonly posted: Posted[] }> {
  const posted: Posted[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
      const one: Posted = { path: request.url ?? '', authorization: request.headers.authorization, body };
      posted.push(one);
      if (answer !== undefined) answer(response, one);
      if (!response.headersSent) json(response, 201, { id: posted.length });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { url: `http://127.0.0.1:${address.port}`, posted };
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
