import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.index.v1+json',
});
export const digest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;

export interface FakeRegistry {
  readonly host: string;
  /** `METHOD path` and authorization of each request. */
  readonly requests: { line: string; authorization: string | undefined; accept: string | undefined }[];
  /** Answers before the registry does; true = answered. */
  rule: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  /** `user:password` that the token service wants; undefined: no authentication. */
  login: string | undefined;
  close(): Promise<void>;
}

/** As much of a registry as a pull by tag needs, with a token service beside it. */
export async function startRegistry(): Promise<FakeRegistry> {
  const tokens = new Set<string>();

  function giveToken(authorization: string | undefined, response: ServerResponse): void {
    const basic = `Basic ${Buffer.from(registry.login ?? '').toString('base64')}`;
    if (registry.login !== 'anybody' && authorization !== basic) {
      response.writeHead(401).end();
      return;
    }
    const token = `token-${tokens.size}`;
    tokens.add(`Bearer ${token}`);
    response.end(JSON.stringify({ token, expires_in: 300 }));
  }

  const server = createServer((request, response) => {
    const { method = '', url = '' } = request;
    const { authorization, accept } = request.headers;
    registry.requests.push({ line: `${method} ${url}`, authorization, accept });
    if (registry.rule?.(request, response) === true) return;
    if (url.startsWith('/token')) giveToken(authorization, response);
    else if (registry.login !== undefined && !tokens.has(authorization ?? '')) {
      const challenge = `Bearer realm="http://${registry.host}/token",service="fake",scope="repository:a/b:pull,push"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
    } else if (url === '/v2/a/b/manifests/v1') {
      response.writeHead(200, { 'docker-content-digest': digest, 'content-length': manifest.length });
      response.end(method === 'HEAD' ? undefined : manifest);
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const registry: FakeRegistry = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    rule: undefined,
    login: undefined,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return registry;
}
