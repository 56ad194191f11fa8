import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fakeFlyctl } from '../../servers/fake-flyctl.ts';
import { makeBareRepository } from '../../servers/git-server.ts';
import { startRegistry } from '../../servers/registry.ts';
import { webApp } from '../fleet.ts';
import { eventually, startStage } from '../stage.ts';

/** Ten seconds of patience, and what two apps take besides on a busy machine. */
const firstBoundMs = 30_000;
/** Nobody waits for what is known to be late. */
const pushBoundMs = 5_000;

test('an app repo and a registry that hang keep no other app waiting, and are taken up once they answer', async () => {
  const stage = await startStage({ 'flycd.yaml': 'fleet: acme\n' }, onTestFinished);
  const registry = await startRegistry();
  onTestFinished(() => registry.close());
  registry.rule = () => true;
  const source = makeBareRepository(join(stage.folder, 'git'), 'acme/code.git');
  source.commit({ Dockerfile: 'FROM scratch\n' });
  const code = stage.url.replace('fleet.git', 'code.git');
  const shop = `app: acme-shop
primary_region: arn
source: { type: git, repo: "${code}" }
machines: { count: 1 }
`;
  const files = { 'shop/app.yaml': shop, 'tag/app.yaml': webApp('acme-tag', { image: `${registry.host}/a/b:v1` }) };
  stage.repository.commit({ ...files, 'web/app.yaml': webApp('acme-web') });
  const tools = join(stage.folder, 'tools');
  mkdirSync(tools);
  const flyctl = fakeFlyctl(tools);
  stage.settings('interval: 24h\n');
  stage.holdGit(true, '/acme/code.git');
  const service = stage.serve({ argv: ['--settings', 'settings.yaml'], env: { FLYCTL_PATH: flyctl.path } });
  const began = performance.now();
  await eventually(() => stage.env('acme-web', 'GREETING')[0] === 'hello', 'the other app runs', service);
  expect(performance.now() - began).toBeLessThan(firstBoundMs);
  expect(stage.heldGit()).toBe(1);

  const url = await service.url();
  const health = async (path: string): Promise<unknown> => (await fetch(`${url}${path}`)).json();
  expect(await health('/healthz')).toMatchObject({ status: 'ok' });
  expect(await health('/readyz')).toEqual({ ready: true, reasons: [] });
  const told = async (): Promise<string> => {
    const status = stage.run(['status', '--fleet', 'acme']);
    await status.ended;
    return status.stdout();
  };
  await eventually(() => service.told().includes('acme-shop'), 'the app that hangs has had its pass', service);
  const status = await told();
  expect(status).toMatch(/acme-shop +blocked .*git has not answered for more than 10 s/);

  // Nobody waits for it a second time.
  stage.repository.commit({ 'web/app.yaml': webApp('acme-web', { greeting: 'bonjour' }) });
  const pushedAt = performance.now();
  await service.push();
  await eventually(() => stage.env('acme-web', 'GREETING')[0] === 'bonjour', 'a push reaches the other app', service);
  expect(performance.now() - pushedAt).toBeLessThan(pushBoundMs);
  expect(flyctl.calls()).toEqual([]);

  stage.holdGit(false);
  await eventually(
    () => stage.machines('acme-shop').some(({ state }) => state === 'started'),
    'it is built and runs',
    service,
  );
  expect(await told()).not.toContain('git has not answered');
  expect(await service.stop()).toMatchObject({ code: 0 });
}, 120_000);
