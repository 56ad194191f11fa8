import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { IdleClock } from '../../src/model/base/clock.ts';
import { silentLog } from '../../src/model/base/log.ts';
import { Refusals, sourceOf } from '../../src/server/bounds/refusals.ts';
import { answerOf, pushPayload, serving, sign } from './serving.ts';

const forged = { 'x-hub-signature-256': sign('another body') };

/** Sent by this address, as Fly's proxy tells it. */
const from = (address: string) => ({ 'fly-client-ip': address });

test('without a signature the answer comes before the body', async () => {
  const { url, said } = await serving();
  const answer = await answerOf(url, 'POST /webhook HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n');
  expect(answer).toMatch(/^HTTP\/1\.1 401 [^]*connection: close[^]*the signature is missing/);
  expect(said.join()).toContain('webhook refused: the signature is missing');
});

test('a body that stalls is cut off, and a line says so; nobody is held up meanwhile', async () => {
  const { url, post, said } = await serving({ limits: { requestMs: 200, lateEachMs: 20 } });
  const head = `POST /webhook HTTP/1.1\r\nhost: x\r\nx-hub-signature-256: ${sign('')}\r\ncontent-length: 100\r\n\r\nhalf`;
  const stalled = answerOf(url, head);
  expect((await post(pushPayload())).status).toBe(202);
  expect(await stalled).toMatch(/^(HTTP\/1\.1 408 |$)/);
  await expect.poll(() => said.join()).toContain('webhook not read: the connection ended before its body was whole');
});

test.each(['', 'POST /web', 'POST /webhook HTTP/1.1\r\nhost: x\r\n'])('so do headers, after %j', async (bytes) => {
  const { url } = await serving({ limits: { requestMs: 200, lateEachMs: 20 } });
  expect(await answerOf(url, bytes)).toMatch(/^(HTTP\/1\.1 408 |$)/);
});

test('of too many connections the oldest goes, and a push that comes last is taken', async () => {
  const { url, post } = await serving({ limits: { connections: 4 } });
  const port = Number(new URL(url).port);
  const closed: number[] = [];
  for (const number of [0, 1, 2, 3, 4, 5]) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.on('close', () => closed.push(number));
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  }
  await expect.poll(() => closed).toEqual([0, 1]);
  expect((await post(pushPayload())).status).toBe(202);
  await expect.poll(() => closed).toEqual([0, 1, 2]);
});

test('a push that is being stored keeps its connection', async () => {
  const stored = Promise.withResolvers<boolean>();
  const asked = Promise.withResolvers<void>();
  const store = { storeDelivery: () => (asked.resolve(), stored.promise), checkStorage: () => Promise.resolve() };
  const { url, post } = await serving({ limits: { connections: 1 }, store });
  const answer = post(pushPayload());
  await asked.promise;
  const port = Number(new URL(url).port);
  for (const _ of [1, 2]) {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  }
  stored.resolve(true);
  expect((await answer).status).toBe(202);
});

/** A push that takes a while to verify. */
const large = pushPayload({ padding: 'x'.repeat(300 * 1024) });

test('an address that is refused over and over is read no more for a while, but for small pushes; others are', async () => {
  const { post, clock, said } = await serving({ behindFlyProxy: true });
  const [hostile, forge] = [from('192.0.2.1'), from('192.0.2.2')];
  for (let i = 0; i < 60; i += 1) expect((await post('x', { ...forged, ...hostile })).status).toBe(401);
  // Not for the millisecond alone in which it was refused.
  for (const ms of [0, 1, 1_000, 10_000]) {
    await clock.sleep(ms);
    expect((await post('x', { 'x-hub-signature-256': '', ...hostile })).status).toBe(429);
    expect((await post(large, hostile)).status).toBe(429);
  }
  // Behind a proxy, or on a forge, somebody else may have that address.
  expect((await post(pushPayload(), hostile)).status).toBe(202);
  // Forges push in bursts.
  for (let i = 0; i < 100; i += 1) expect((await post(pushPayload(), forge)).status).toBeLessThan(203);
  await clock.sleep(20_000);
  expect((await post(large, hostile)).status).toBe(200);
  expect(said.filter((line) => line.startsWith('webhook refused')).length).toBe(10);
  expect(said.filter((line) => line.startsWith('requests not read')).length).toBe(8);
});

test('health is answered whoever asks', async () => {
  const { post, url } = await serving();
  for (let i = 0; i < 61; i += 1) await post('x', forged);
  expect((await post(large)).status).toBe(429);
  for (const path of ['/', '/healthz', '/readyz']) expect((await fetch(`${url}${path}`)).status).toBe(200);
});

test('Fly-Client-IP counts only behind the proxy of Fly', async () => {
  const { post } = await serving();
  for (let i = 0; i < 60; i += 1) await post('x', { ...forged, ...from(`192.0.2.${i}`) });
  expect((await post(large, from('192.0.2.99'))).status).toBe(429);
});

test('a connection that sends more than it may is cut off, and a line says nothing of it', async () => {
  const { url, post } = await serving();
  const told = await answerOf(url, 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(1_000));
  expect(told.match(/HTTP\/1\.1 200/g)?.length ?? 0).toBeLessThanOrEqual(100);
  expect((await post(pushPayload())).status).toBe(202);
});

test('of the busiest address the oldest connection goes, whoever comes last', async () => {
  const { url, said } = await serving({ limits: { connections: 4 } });
  const port = Number(new URL(url).port);
  const closed: string[] = [];
  const open = async (name: string, localAddress: string): Promise<void> => {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    socket.on('error', () => undefined);
    socket.on('close', () => closed.push(name));
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  };
  await open('forge', '127.0.0.9');
  for (const name of ['1', '2', '3', '4', '5']) await open(name, '127.0.0.7');
  await expect.poll(() => closed).toEqual(['1', '2']);
  expect(said.join()).toContain('connections are closed: there are too many');
});

test('a POST to where nothing is leaves a line that says where webhooks go', async () => {
  const { post, said } = await serving();
  expect((await post(pushPayload(), {}, '/webhook/')).status).toBe(404);
  expect(said.at(-1)).toBe(
    'webhook refused: nothing is there {"address":"127.0.0.1","path":"/webhook/","next":"send webhooks to /webhook"}',
  );
});

test('a push that nobody follows, and what is none, leave a line that says why', async () => {
  const { post, said, wakes } = await serving();
  await post(pushPayload({ ref: 'refs/heads/other' }));
  expect(said.at(-1)).toBe(
    'webhook ignored {"why":"nothing follows this repository and ref","repo":"https://github.com/acme/fleet.git","ref":"refs/heads/other"}',
  );
  await post(pushPayload(), { 'x-github-event': 'ping' });
  expect(said.at(-1)).toBe('webhook ignored {"why":"event ping"}');
  await post('{}');
  expect(said.at(-1)).toBe('webhook ignored {"why":"it is no push of a branch or a tag"}');
  expect(wakes).toEqual([]);
});

test('of ten thousand addresses the one that was refused longest ago is forgotten', () => {
  const refusals = new Refusals({ clock: new IdleClock(), log: silentLog });
  const refuse = (address: string, times: number): void => {
    for (let i = 0; i < times; i += 1) refusals.refuse(address, {}, 'refused');
  };
  refuse('first', 60);
  refuse('second', 60);
  refuse('first', 1);
  for (let i = 0; i < 9_999; i += 1) refuse(`other ${i}`, 1);
  expect([refusals.waitSeconds('first'), refusals.waitSeconds('second')]).toEqual([30, 0]);
});

test('an address that is over its budget stays so while small pushes of it are refused', async () => {
  const clock = new IdleClock();
  const refusals = new Refusals({ clock, log: silentLog });
  for (let i = 0; i < 60; i += 1) refusals.refuse('a', {}, 'refused');
  await clock.sleep(10_000);
  refusals.refuse('a', {}, 'refused');
  expect(refusals.waitSeconds('a')).toBe(21);
  await clock.sleep(21_000);
  expect(refusals.waitSeconds('a')).toBe(0);
  refusals.refuse('a', {}, 'refused');
  expect(refusals.waitSeconds('a')).toBe(0);
});

test('lines that were left out are counted in the next one', async () => {
  const clock = new IdleClock();
  const said: object[] = [];
  const refusals = new Refusals({ clock, log: { ...silentLog, warn: (fields) => void said.push(fields) } });
  for (let i = 0; i < 25; i += 1) refusals.refuse('a', {}, 'refused');
  expect(said).toHaveLength(10);
  expect(said.at(-1)).toEqual({ address: 'a', next: 'more in this minute are counted' });
  await clock.sleep(60_000);
  refusals.refuse('b', {}, 'refused');
  expect(said.slice(10)).toEqual([{ address: 'b', untold: 15 }]);
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:0:1:2:3:4:5', '2001:db8:0:1::/64'],
  ['2001:DB8:0000:0001::9', '2001:db8:0:1::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
])('%s counts as %s', (address, source) => {
  expect(sourceOf(address)).toBe(source);
});
