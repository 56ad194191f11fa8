import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { Fault } from '../../src/model/base/fault.ts';
import { SecretValue } from '../../src/model/base/secret-value.ts';
import { idle, pushPayload, serving, sign } from './serving.ts';

const get = async (url: string): Promise<readonly [number, string]> => {
  const response = await fetch(url);
  return [response.status, await response.text()];
};

test('/ and /healthz answer 200, unknown paths 404', async () => {
  const { url } = await serving();
  expect(await get(`${url}/`)).toEqual([200, 'FlyCD\n']);
  expect((await fetch(`${url}/`, { method: 'HEAD' })).status).toBe(200);
  expect(await get(`${url}/healthz`)).toEqual([200, '{"status":"ok"}']);
  expect(await get(`${url}/elsewhere`)).toEqual([404, '{"error":"not found"}']);
  expect((await get(`${url}/webhook`))[0]).toBe(404);
});

test('/readyz answers 503 with every reason, then 200', async () => {
  const fault = new Fault({ kind: 'transient', what: 'no route to git', why: 'timed out' });
  const state: { ready: boolean; fault?: Fault } = { ready: false, fault };
  const reasons = ['the Fly token is not accepted'];
  const { url } = await serving({
    loop: {
      get ready() {
        return state.ready;
      },
      wake() {},
      status: () => ({ ...idle, refreshFault: state.fault }),
    },
    unready: () => reasons,
  });
  expect(await get(`${url}/readyz`)).toEqual([
    503,
    JSON.stringify({
      ready: false,
      reasons: ['the first desired state is not computed yet: the log says why', 'the Fly token is not accepted'],
    }),
  ]);
  state.ready = true;
  delete state.fault;
  expect((await get(`${url}/readyz`))[0]).toBe(503);
  reasons.pop();
  expect(await get(`${url}/readyz`)).toEqual([200, '{"ready":true,"reasons":[]}']);
  expect((await get(`${url}/healthz`))[0]).toBe(200);
});

test.each([undefined, new SecretValue('')])(
  'without a secret there is no webhook, and the start says so',
  async (secret) => {
    const { post, said, wakes, pending } = await serving({ webhook: { secret } });
    expect((await post(pushPayload())).status).toBe(404);
    expect(said.join()).toContain('webhooks are off');
    expect(said.join()).toContain('FLYCD_WEBHOOK_SECRET');
    expect(wakes).toEqual([]);
    expect(await pending()).toEqual([]);
  },
);

test("v0's WEBHOOK_PATH is honoured, with or without its slash", async () => {
  for (const path of ['hooks/github', '/hooks/github']) {
    const { post } = await serving({ webhook: { path, secret: new SecretValue('correct horse battery staple') } });
    expect((await post(pushPayload(), {}, '/hooks/github')).status).toBe(202);
    expect((await post(pushPayload(), {}, '/webhook')).status).toBe(404);
  }
  await expect(serving({ webhook: { path: '/:any', secret: undefined } })).rejects.toThrow('cannot be used');
});

test('a port in use is a stalled fault that names what to set', async () => {
  const { url } = await serving();
  const port = Number(new URL(url).port);
  const taken = serving({ port });
  await expect(taken).rejects.toThrow(`FlyCD cannot listen on 127.0.0.1:${port}: another process has it`);
  await expect(taken).rejects.toMatchObject({ kind: 'stalled', next: 'set WEBHOOK_PORT and WEBHOOK_INTERFACE' });
});

test('any interface is shown as one that can be opened', async () => {
  const { url } = await serving({ host: '0.0.0.0' });
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect((await get(`${url}/healthz`))[0]).toBe(200);
});

test('a close answers what is under way', async () => {
  let release = (): void => undefined;
  const stored = new Promise<boolean>((resolve) => {
    release = () => resolve(true);
  });
  let asked = (): void => undefined;
  const underWay = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const { server, post, wakes, url } = await serving({
    store: {
      storeDelivery() {
        asked();
        return stored;
      },
      checkStorage: () => Promise.resolve(),
    },
  });
  const answer = post(pushPayload());
  await underWay;
  const closing = server.close();
  release();
  expect((await answer).status).toBe(202);
  await closing;
  expect(wakes).toEqual(['webhook']);
  await expect(fetch(`${url}/healthz`)).rejects.toThrow('fetch failed');
});

test('a sender that never finishes does not hold up the close', async () => {
  const { server, url, clock } = await serving();
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const gone = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => {
    const head = `POST /webhook HTTP/1.1\r\nhost: x\r\nx-hub-signature-256: ${sign('')}\r\ncontent-length: 100\r\n\r\n`;
    socket.write(`${head}half`, () => resolve());
  });
  expect((await get(`${url}/healthz`))[0]).toBe(200); // by now the half request has arrived too
  const before = clock.now();
  await server.close();
  await gone;
  expect(clock.now() - before).toBe(5_000);
});
