import { request } from 'node:http';
import { test } from 'vitest';
import { pushPayload, sign } from '../server/serving.ts';
import { twoApps, webApp } from './fleet.ts';
import { eventually, startStage, type OnEnd, type Service, type Stage } from './stage.ts';

const mebibyte = 1024 * 1024;

/** A service that has nothing left to do, with the timer out of the way. */
async function settledService(onEnd: OnEnd, env: Readonly<Record<string, string>> = {}) {
  const stage = await startStage(twoApps, onEnd);
  stage.settings('interval: 24h\n');
  const service = stage.serve({ argv: ['--settings', 'settings.yaml'], env });
  const revision = stage.repository.git('rev-parse', 'main');
  await service.synced('acme-web', revision);
  await service.synced('acme-jobs', revision);
  return { stage, service };
}

/** What a push must not move: Fly, the deliveries, the runs; and git was not even asked. */
function traces(stage: Stage): unknown {
  return {
    fly: stage.simulator.world.writes().length,
    git: stage.answeredGit(),
    deliveries: stage.rows('SELECT id FROM delivery'),
    runs: stage.rows('SELECT id FROM run'),
  };
}

const cutOff = 0;

/** Streams without a content-length until it is answered; the status of that answer, or `cutOff`. */
async function stream(service: Service, body: Buffer, headers: Readonly<Record<string, string>>): Promise<number> {
  const url = await service.url();
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/webhook`, { method: 'POST', headers: { ...headers, 'transfer-encoding': 'chunked' } });
    sent.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    // A server that has heard enough closes: whoever is still sending may lose the answer.
    sent.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE' || error.code === 'ECONNRESET') resolve(cutOff);
      else reject(error);
    });
    for (let at = 0; at < body.length; at += 65_536) sent.write(body.subarray(at, at + 65_536));
    sent.end();
  });
}

test.concurrent('what is forged, unsigned, too large or none of our business changes nothing', async ({
  expect,
  onTestFinished,
}) => {
  const { stage, service } = await settledService(onTestFinished);
  // There is something to deploy, had anybody a right to tell.
  stage.repository.commit({ 'apps/web/app.yaml': webApp('acme-web', { greeting: 'bonjour' }) });
  const before = traces(stage);
  const body = pushPayload({}, { clone_url: stage.url });

  expect((await service.push({ signature: sign(body, 'another secret') })).status).toBe(401);
  expect((await service.push({ signature: 'sha256=' })).status).toBe(401);
  expect((await service.push({ signature: null })).status).toBe(401);
  // The right signature of another body.
  expect((await service.push({ signature: sign(`${body} `) })).status).toBe(401);
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const response = await fetch(`${await service.url()}/webhook`, { method });
    expect([404, 405]).toContain(response.status);
  }
  const large = Buffer.from(`{"padding":"${'x'.repeat(25 * mebibyte + 1 - 14)}"}`);
  expect(large.length).toBe(25 * mebibyte + 1);
  expect([413, cutOff]).toContain(await stream(service, large, { 'x-hub-signature-256': sign(large) }));
  // What is verified and read, and then is no push.
  const largest = large.subarray(0, mebibyte);
  expect(await stream(service, largest, { 'x-hub-signature-256': sign(largest) })).toBe(400);
  expect(await service.push({ ref: 'refs/heads/nobody-follows-this' })).toMatchObject({
    status: 202,
    body: { status: 'ignored' },
  });
  expect(traces(stage)).toEqual(before);
  expect(stage.env('acme-web', 'GREETING')).toEqual(['hello']);
  // It is not deaf.
  expect((await service.push()).status).toBe(202);
  await eventually(() => stage.env('acme-web', 'GREETING')[0] === 'bonjour', 'the push is deployed', service);
});

test.concurrent('without a secret there is no webhook, and the start says so', async ({ expect, onTestFinished }) => {
  const { stage, service } = await settledService(onTestFinished, { FLYCD_WEBHOOK_SECRET: '' });
  const before = traces(stage);
  expect((await service.push()).status).toBe(404);
  // An empty secret would let anybody sign.
  expect((await service.push({ signature: sign(pushPayload({}, { clone_url: stage.url }), '') })).status).toBe(404);
  expect(traces(stage)).toEqual(before);
  expect(service.lines()).toContainEqual(
    expect.objectContaining({ level: 'warn', msg: expect.stringContaining('webhooks are off') as unknown }),
  );
});

test.concurrent('a delivery that is sent twice acts once', async ({ expect, onTestFinished }) => {
  const { stage, service } = await settledService(onTestFinished);
  const commit = stage.repository.commit({ 'apps/web/app.yaml': webApp('acme-web', { greeting: 'bonjour' }) });
  const delivery = '72d3162e-cc78-11e3-81ab-4c9367dc0958';
  const [one, other] = await Promise.all([service.push({ delivery }), service.push({ delivery })]);
  expect([one.status, other.status].toSorted((a, b) => a - b)).toEqual([200, 202]);
  await service.synced('acme-web', commit);
  const writes = stage.simulator.world.writes().length;
  expect((await service.push({ delivery })).status).toBe(200);
  // What it woke would be asking git by now: a push that is news gets there in a few hundred milliseconds.
  expect((await service.push()).status).toBe(202);
  await eventually(
    () => stage.rows('SELECT id FROM delivery WHERE finished_at IS NULL').length === 0,
    'the new delivery is done',
    service,
  );
  expect(stage.rows('SELECT id FROM delivery')).toHaveLength(2);
  expect(stage.simulator.world.writes()).toHaveLength(writes);
  expect(stage.rows("SELECT DISTINCT revision FROM run WHERE trigger = 'webhook'")).toEqual([{ revision: commit }]);
});

test.concurrent('killed right after its 202, it acts on the push when it is started again', async ({
  expect,
  onTestFinished,
}) => {
  const { stage, service } = await settledService(onTestFinished);
  const commit = stage.repository.commit({ 'apps/web/app.yaml': webApp('acme-web', { greeting: 'bonjour' }) });
  stage.holdGit(true);
  const delivery = '0b989ba4-242f-11e5-81e1-c7b6966d2516';
  expect((await service.push({ delivery })).status).toBe(202);
  expect((await service.kill()).signal).toBe('SIGKILL');
  expect(stage.rows('SELECT id, finished_at FROM delivery')).toEqual([{ id: delivery, finished_at: null }]);
  expect(stage.env('acme-web', 'GREETING')).toEqual(['hello']);
  stage.holdGit(false);

  const again = stage.serve({ argv: ['--settings', 'settings.yaml'] });
  await again.synced('acme-web', commit);
  expect(stage.env('acme-web', 'GREETING')).toEqual(['bonjour']);
  // The pass at start would have found it too; that the delivery was taken up shows in what the run says woke it.
  expect(stage.rows('SELECT id FROM delivery WHERE finished_at IS NOT NULL')).toEqual([{ id: delivery }]);
  expect(stage.rows(`SELECT trigger FROM run WHERE app = 'acme-web' ORDER BY id DESC LIMIT 1`)).toEqual([
    { trigger: 'webhook' },
  ]);
});
