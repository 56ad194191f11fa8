import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fakeFlyctl } from '../servers/fake-flyctl.ts';
import { makeBareRepository } from '../servers/git-server.ts';
import { eventually, startStage } from './stage.ts';

const config = (url: string): string => `app: acme-web
primary_region: arn
source: { type: git, repo: "${url}", path: service }
machines: { count: 1 }
`;

test('killed during a build, FlyCD leaves nothing for good, builds again, and once only after that', async () => {
  const stage = await startStage({ 'flycd.yaml': 'fleet: acme\n' }, onTestFinished);
  const source = makeBareRepository(join(stage.folder, 'git'), 'acme/shop.git');
  source.commit({ 'service/Dockerfile': 'FROM scratch\nRUN stall\n' });
  stage.repository.commit({ 'app.yaml': config(stage.url.replace('fleet.git', 'shop.git')) });
  const tools = join(stage.folder, 'tools');
  mkdirSync(tools);
  const flyctl = fakeFlyctl(tools);
  const env = { FLYCTL_PATH: flyctl.path };
  const builds = join(stage.folder, 'state', 'flycd', 'builds');
  const child = stage.run(['sync', '--once', stage.url], env);
  await eventually(() => flyctl.calls().length === 1, 'the build begins');
  expect(await child.kill()).toMatchObject({ signal: 'SIGKILL' });
  process.kill(flyctl.calls()[0]?.pid ?? 0, 'SIGKILL');
  expect(readdirSync(builds), 'nobody was left to remove it').toHaveLength(1);

  const again = stage.run(['sync', '--once', stage.url], env);
  expect(await again.ended, again.told()).toMatchObject({ code: 0 });
  expect(flyctl.calls()).toHaveLength(2);
  expect(existsSync(builds) ? readdirSync(builds) : []).toEqual([]);
  const [machine] = stage.machines('acme-web');
  expect(machine?.config.image).toMatch(/\/acme-web:flycd-[0-9a-f]{32}@sha256:/);

  const third = stage.run(['sync', '--once', stage.url], env, 'another-state');
  expect(await third.ended, third.told()).toMatchObject({ code: 0 });
  expect(flyctl.calls(), 'an empty database builds nothing').toHaveLength(2);
});
