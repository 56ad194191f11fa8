import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { pushPayload, secret, sign } from '../server/serving.ts';
import { fakeFlyctl } from '../servers/fake-flyctl.ts';
import { makeBareRepository } from '../servers/git-server.ts';
import { webApp } from './fleet.ts';
import { eventually, startStage } from './stage.ts';

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('a commit during a build stops it, and the newer one is built and runs; image apps do not wait', async () => {
  const stage = await startStage({ 'flycd.yaml': 'fleet: acme\n' }, onTestFinished);
  const source = makeBareRepository(join(stage.folder, 'git'), 'acme/code.git');
  source.commit({ 'service/Dockerfile': 'FROM scratch\nRUN hang\n' });
  const url = stage.url.replace('fleet.git', 'code.git');
  const shop = `app: acme-shop
primary_region: arn
source: { type: git, repo: "${url}", path: service }
machines: { count: 1 }
`;
  stage.repository.commit({ 'shop/app.yaml': shop, 'web/app.yaml': webApp('acme-web') });
  const tools = join(stage.folder, 'tools');
  mkdirSync(tools);
  const flyctl = fakeFlyctl(tools);
  stage.settings('interval: 24h\nconcurrency: 1\n');
  const service = stage.serve({ argv: ['--settings', 'settings.yaml'], env: { FLYCTL_PATH: flyctl.path } });
  const runs = (app: string) => stage.machines(app).some(({ state }) => state === 'started');
  await eventually(() => flyctl.calls().length === 1, 'the build begins');
  // There is one place, and the build has it not.
  await eventually(() => runs('acme-web'), 'the image app runs');
  source.commit({ 'service/Dockerfile': 'FROM scratch\n' });
  const body = pushPayload({}, { clone_url: url });
  const delivered = await fetch(`${await service.url()}/webhook`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-github-delivery': 'one',
      'x-hub-signature-256': sign(body, secret),
    },
  });
  expect(delivered.status).toBe(202);
  await eventually(() => runs('acme-shop'), 'the newer build runs');
  expect(flyctl.calls()).toHaveLength(2);
  expect(service.told()).toContain('git says something newer of it');
  await eventually(() => !isAlive(flyctl.calls()[0]?.pid ?? 0), 'the older build is stopped');
  expect(await service.stop()).toMatchObject({ code: 0 });
  const left = join(stage.folder, 'state', 'flycd', 'builds');
  expect(existsSync(left) ? readdirSync(left) : []).toEqual([]);
});
