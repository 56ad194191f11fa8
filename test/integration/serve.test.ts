import { expect, onTestFinished, test } from 'vitest';
import { twoApps, webApp } from './fleet.ts';
import { eventually, startStage } from './stage.ts';

/** From the webhook's arrival to the changed machine. */
const pushBoundMs = 3_000;
/** Fly kills a machine 5 s after SIGTERM unless told otherwise; where there is no step to finish, nothing is waited for. */
const stopBoundMs = 5_000;

test('serve deploys what git says, and a push with its webhook reaches Fly within three seconds', async () => {
  const stage = await startStage(twoApps, onTestFinished);
  const service = stage.serve();
  const first = stage.repository.git('rev-parse', 'main');
  await service.synced('acme-web', first);
  await service.synced('acme-jobs', first);
  expect(stage.env('acme-web', 'GREETING')).toEqual(['hello']);
  expect(stage.env('acme-jobs', 'GREETING')).toEqual(['hello']);
  const jobs = stage.machines('acme-jobs');

  const second = stage.repository.commit({ 'apps/web/app.yaml': webApp('acme-web', { greeting: 'bonjour' }) });
  const pushedAt = performance.now();
  expect(await service.push()).toMatchObject({ status: 202, body: { status: 'accepted' } });
  await eventually(() => stage.env('acme-web', 'GREETING')[0] === 'bonjour', 'the machine is changed', service);
  expect(performance.now() - pushedAt).toBeLessThan(pushBoundMs);
  await service.synced('acme-web', second);
  expect(stage.machines('acme-jobs')).toEqual(jobs);
  expect(await service.stop()).toEqual({ code: 0, signal: null });
});

test.concurrent('it is alive at once and ready when it knows what git wants', async ({ expect, onTestFinished }) => {
  const stage = await startStage(twoApps, onTestFinished);
  stage.holdGit(true);
  const service = stage.serve();
  const url = await service.url();
  await eventually(() => stage.heldGit() > 0, 'git is asked', service);
  const health = await fetch(`${url}/healthz`);
  expect({ status: health.status, body: await health.json() }).toMatchObject({ status: 200, body: { status: 'ok' } });
  const before = await fetch(`${url}/readyz`);
  expect({ status: before.status, body: await before.json() }).toMatchObject({
    status: 503,
    body: { ready: false, reasons: [expect.stringContaining('first desired state')] },
  });
  // Nobody knows yet who follows what: a signed push is kept, a forged one is not.
  expect((await service.push()).status).toBe(202);
  expect((await service.push({ signature: null })).status).toBe(401);
  stage.holdGit(false);
  await eventually(() => stage.env('acme-web', 'GREETING')[0] === 'hello', 'the first pass runs', service);
  const after = await fetch(`${url}/readyz`);
  expect({ status: after.status, body: await after.json() }).toEqual({
    status: 200,
    body: { ready: true, reasons: [] },
  });
});

test.concurrent('a push that comes right after git was read for the first time is not lost', async ({
  expect,
  onTestFinished,
}) => {
  const stage = await startStage(twoApps, onTestFinished);
  const reading = await stage.run(['validate', stage.url], {}, 'rehearsal').ended;
  expect(reading.code).toBe(0);
  const service = stage.serve();
  await stage.afterGit(stage.answeredGit());
  stage.repository.commit({ 'apps/web/app.yaml': webApp('acme-web', { greeting: 'bonjour' }) });
  await service.push();
  await eventually(() => stage.env('acme-web', 'GREETING')[0] === 'bonjour', 'the push is deployed', service);
});

test.concurrent('asked to stop while git does not answer, it stops', async ({ expect, onTestFinished }) => {
  const stage = await startStage(twoApps, onTestFinished);
  stage.holdGit(true);
  const starting = stage.serve();
  await eventually(() => stage.heldGit() > 0, 'git is asked', starting);
  const stoppedAt = performance.now();
  expect(await starting.stop()).toEqual({ code: 0, signal: null });
  expect(performance.now() - stoppedAt).toBeLessThan(stopBoundMs);
  stage.holdGit(false);
  const service = stage.serve();
  await service.synced('acme-web', stage.repository.git('rev-parse', 'main'));
  await service.synced('acme-jobs', stage.repository.git('rev-parse', 'main'));
  stage.holdGit(true);
  await service.push();
  await eventually(() => stage.heldGit() > 0, 'git is asked', service);
  const stoppedAgainAt = performance.now();
  expect(await service.stop()).toEqual({ code: 0, signal: null });
  expect(performance.now() - stoppedAgainAt).toBeLessThan(stopBoundMs);
});

test.concurrent('without webhooks the timer finds a push', async ({ expect, onTestFinished }) => {
  const stage = await startStage(twoApps, onTestFinished);
  stage.settings('interval: 10s\n');
  const service = stage.serve({ argv: ['--settings', 'settings.yaml'], env: { FLYCD_WEBHOOK_SECRET: '' } });
  await service.synced('acme-web', stage.repository.git('rev-parse', 'main'));
  const commit = stage.repository.commit({ 'apps/web/app.yaml': webApp('acme-web', { greeting: 'bonjour' }) });
  await service.synced('acme-web', commit);
  expect(stage.env('acme-web', 'GREETING')).toEqual(['bonjour']);
  expect(stage.rows('SELECT trigger FROM run ORDER BY id DESC LIMIT 1')).toEqual([{ trigger: 'timer' }]);
});
