import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startStage } from './stage.ts';

const files = { 'app.yaml': 'app: shop\nprimary_region: arn\nbuild:\n  image: docker.io/library/nginx:1\n' };

/** Hands a request on as it is. */
function passOn(target: URL, incoming: IncomingMessage, response: ServerResponse): void {
  const { method, headers } = incoming;
  const onward = request(target, { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  incoming.pipe(onward);
}

async function listening(server: ReturnType<typeof createHttpServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test('git trusts the certificates that NODE_EXTRA_CA_CERTS names, as all else does', async () => {
  const stage = await startStage(files, onTestFinished);
  const key = join(stage.folder, 'key.pem');
  const certificate = join(stage.folder, 'certificate.pem');
  const names = ['-subj', '/CN=git of a company', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', certificate];
  execFileSync('openssl', [...made, ...names], { stdio: 'ignore' });
  const inside = new URL(stage.url);
  const server = createHttpsServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (incoming, response) =>
    passOn(new URL(incoming.url ?? '/', inside.origin), incoming, response),
  );
  const url = `https://127.0.0.1:${await listening(server)}${inside.pathname}`;

  const refused = stage.run(['diff', url]);
  expect(await refused.ended).toMatchObject({ code: 1 });
  expect(refused.told()).toContain('certificate');
  const read = stage.run(['diff', url], { NODE_EXTRA_CA_CERTS: certificate });
  expect(await read.ended, read.told()).toMatchObject({ code: 2 });
  expect(read.stdout()).toContain('shop');
});

test('Fly and git are asked through the proxy of the environment, but for what NO_PROXY names', async () => {
  const stage = await startStage(files, onTestFinished);
  const asked = new Set<string>();
  const proxy = createHttpServer((incoming, response) => {
    const target = new URL(incoming.url ?? '/');
    asked.add(target.host);
    passOn(target, incoming, response);
  });
  proxy.on('connect', (incoming, socket, head) => {
    const target = incoming.url ?? '';
    asked.add(target);
    const onward = connect(Number(target.split(':').at(-1)), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      onward.write(head);
      onward.pipe(socket);
      socket.pipe(onward);
    });
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
  });
  const env = { http_proxy: `http://127.0.0.1:${await listening(proxy)}` };
  const git = new URL(stage.url).host;
  const fly = new URL(stage.simulator.url).host;

  const through = stage.run(['diff', stage.url], env);
  expect(await through.ended, through.told()).toMatchObject({ code: 2 });
  expect([...asked].toSorted()).toEqual([git, fly].toSorted());
  asked.clear();
  const direct = stage.run(['diff', stage.url], { ...env, NO_PROXY: '127.0.0.1' });
  expect(await direct.ended, direct.told()).toMatchObject({ code: 2 });
  expect([...asked]).toEqual([]);
});
