import { test } from 'vitest';
import { fakeGitHub, type Answer, type Posted } from '../notify/github.ts';
import { image, twoApps, webApp } from './fleet.ts';
import { eventually, startStage, type OnEnd, type Service, type Stage } from './stage.ts';

const token = 'ghp_a-token-nobody-may-see';
/** Of a push, from the webhook to the changed machine; and of a stop with nothing to finish. */
const promptMs = 3_000;

const failing = image('failing-check');
const patience = 'deploy_params: ["--wait-timeout", "3s"]\n';

/** The config repo and the API stand on one host, as on GitHub Enterprise. */
async function reportingService(
  onEnd: OnEnd,
  { files = twoApps, answer }: { readonly files?: Readonly<Record<string, string>>; readonly answer?: Answer } = {},
) {
  const github = await fakeGitHub(answer, onEnd);
  const stage = await startStage(files, onEnd);
  const service = stage.serve({ env: { GITHUB_TOKEN: token, GITHUB_API_URL: github.url } });
  return { stage, service, github };
}

/** States and descriptions told of a commit, oldest first. */
function toldOf(posted: readonly Posted[], commit: string): readonly string[] {
  return posted
    .filter((one) => one.path === `/repos/acme/fleet/statuses/${commit}`)
    .map(({ body }) => `${String(body['state'])}: ${String(body['description'])}`);
}

/** Everything that was told of the commit, once it has `last`. */
async function told(
  posted: readonly Posted[],
  commit: string,
  last: RegExp,
  service: Service,
): Promise<readonly string[]> {
  await eventually(() => last.test(toldOf(posted, commit).at(-1) ?? ''), `GitHub is told ${String(last)}`, service);
  return toldOf(posted, commit);
}

function head(stage: Stage): string {
  return stage.repository.git('rev-parse', 'main');
}

test.concurrent('a commit is pending until every app it moved has had its pass, then a success', async ({
  expect,
  onTestFinished,
}) => {
  const { stage, service, github } = await reportingService(onTestFinished);
  expect(await told(github.posted, head(stage), /success/, service)).toEqual([
    'pending: syncing: 2 of 2 apps to go',
    'success: 2 apps synced',
  ]);
  const commit = stage.repository.commit({ 'apps/web/app.yaml': webApp('acme-web', { greeting: 'bonjour' }) });
  await service.push();
  expect(await told(github.posted, commit, /success/, service)).toEqual([
    'pending: syncing: 1 of 2 apps to go',
    'success: 2 apps synced',
  ]);
  expect(stage.env('acme-web', 'GREETING')).toEqual(['bonjour']);
  expect(new Set(github.posted.map((one) => one.authorization))).toEqual(new Set([`token ${token}`]));
  expect(new Set(github.posted.map((one) => one.body['context']))).toEqual(new Set(['flycd']));
  expect(service.told()).not.toContain(token);
});

test.concurrent('a machine that fails its checks and a file that is no app fail the commit, with counts; mending them mends it', async ({
  expect,
  onTestFinished,
}) => {
  const { stage, service, github } = await reportingService(onTestFinished);
  await told(github.posted, head(stage), /success/, service);
  const sick = stage.repository.commit({
    'apps/web/app.yaml': webApp('acme-web', { image: failing, more: patience }),
  });
  await service.push();
  expect(await told(github.posted, sick, /failure/, service)).toEqual([
    'pending: syncing: 1 of 2 apps to go',
    'failure: 1 failed, 1 of 2 apps synced',
  ]);
  const broken = stage.repository.commit({
    'apps/web/app.yaml': webApp('acme-web'),
    'apps/jobs/app.yaml': webApp('acme-jobs', { more: 'machine: { cuont: 1 }\n' }),
  });
  await service.push();
  expect((await told(github.posted, broken, /failure/, service)).at(-1)).toBe('failure: 1 invalid, 1 of 2 apps synced');
  const mended = stage.repository.commit(twoApps);
  await service.push();
  expect((await told(github.posted, mended, /success/, service)).at(-1)).toBe('success: 2 apps synced');
});

test.concurrent('a GitHub that does not answer delays neither a deploy nor the stop', async ({
  expect,
  onTestFinished,
}) => {
  const { stage, service } = await reportingService(onTestFinished, {
    answer: (response) => void response.writeHead(200).write('{'),
  });
  await service.synced('acme-web', head(stage));
  await service.synced('acme-jobs', head(stage));
  stage.repository.commit({ 'apps/web/app.yaml': webApp('acme-web', { greeting: 'bonjour' }) });
  const pushedAt = performance.now();
  await service.push();
  await eventually(() => stage.env('acme-web', 'GREETING')[0] === 'bonjour', 'the push is deployed', service);
  expect(performance.now() - pushedAt).toBeLessThan(promptMs);
  await service.synced('acme-web', head(stage));
  const stoppedAt = performance.now();
  expect(await service.stop()).toEqual({ code: 0, signal: null });
  expect(performance.now() - stoppedAt).toBeLessThan(2 * promptMs);
});

test.concurrent('a commit that another one overtakes ends, and the newest tells how the fleet fares', async ({
  expect,
  onTestFinished,
}) => {
  const { stage, service, github } = await reportingService(onTestFinished);
  await told(github.posted, head(stage), /success/, service);
  const overtaken = stage.repository.commit({
    'apps/web/app.yaml': webApp('acme-web', { image: failing, more: patience }),
  });
  await service.push();
  await told(github.posted, overtaken, /pending/, service);
  // It moves no app; what the commit before it moved is not done yet.
  const newest = stage.repository.commit({ 'README.md': 'How we run things\n' });
  await service.push();
  expect(await told(github.posted, newest, /failure/, service)).toEqual([
    'pending: syncing: 1 of 2 apps to go',
    'failure: 1 failed, 1 of 2 apps synced',
  ]);
  expect(toldOf(github.posted, overtaken).at(-1)).toBe(`error: overtaken by ${newest.slice(0, 7)}`);
});

test.concurrent('a stop amid a deploy fails no commit; the next start goes on with it', async ({
  expect,
  onTestFinished,
}) => {
  const { stage, service, github } = await reportingService(onTestFinished, {
    files: { ...twoApps, 'apps/web/app.yaml': webApp('acme-web', { count: 2 }) },
  });
  await told(github.posted, head(stage), /success/, service);
  const commit = stage.repository.commit({
    'apps/web/app.yaml': webApp('acme-web', { count: 2, greeting: 'bonjour' }),
  });
  await service.push();
  await eventually(() => stage.env('acme-web', 'GREETING').includes('bonjour'), 'the deploy has begun', service);
  expect(await service.stop()).toEqual({ code: 0, signal: null });
  expect(stage.env('acme-web', 'GREETING')).toContain('hello');
  expect(toldOf(github.posted, commit)).toEqual(['pending: syncing: 1 of 2 apps to go']);
  const again = stage.serve({ env: { GITHUB_TOKEN: token, GITHUB_API_URL: github.url } });
  expect((await told(github.posted, commit, /success/, again)).at(-1)).toBe('success: 2 apps synced');
});
