import { expect, test } from 'vitest';
import { IdleClock } from '../../src/model/base/clock.ts';
import { silentLog } from '../../src/model/base/log.ts';
import { SecretValue } from '../../src/model/base/secret-value.ts';
import { createCommitStatus, type CommitStatusOptions, type StatusReport } from '../../src/notify/commit-status.ts';
import { fakeGitHub, json, type Answer } from './github.ts';

const token = 'ghp_0123456789abcdef';
const commit = 'c'.repeat(40);

async function started(answer?: Answer, options: Partial<CommitStatusOptions> = {}) {
  const github = await fakeGitHub(answer);
  const clock = new IdleClock();
  const warnings: object[] = [];
  const status = createCommitStatus({
    token: new SecretValue(token),
    baseUrl: github.url,
    clock,
    fetch,
    log: { ...silentLog, warn: (fields) => void warnings.push(fields) },
    ...options,
  });
  const report = (parts: Partial<StatusReport> = {}): Promise<void> =>
    status.report({
      repo: 'http://127.0.0.1/acme/fleet.git',
      commit,
      state: 'success',
      description: '3 apps synced',
      ...parts,
    });
  return { ...github, clock, status, report, warnings };
}

test('a status is posted where the commit is, with the token, and cut at 140 characters', async () => {
  const { report, posted } = await started();
  await report({ description: 'é'.repeat(200), targetUrl: 'https://flycd.example/' });
  expect(posted).toEqual([
    {
      path: `/repos/acme/fleet/statuses/${commit}`,
      authorization: `token ${token}`,
      body: {
        state: 'success',
        description: `${'é'.repeat(139)}…`,
        context: 'flycd',
        target_url: 'https://flycd.example/',
      },
    },
  ]);
});

test('every way to write the repository is known; those of other hosts and half commits are left alone', async () => {
  const { report, posted } = await started(undefined, { context: 'flycd/prod' });
  const same = ['ssh://git@127.0.0.1/acme/fleet', 'git@127.0.0.1:acme/fleet.git', 'https://127.0.0.1/Acme/fleet/'];
  for (const [index, repo] of same.entries()) await report({ repo, description: `${index}` });
  expect(posted.map(({ path }) => path.toLowerCase())).toEqual(same.map(() => `/repos/acme/fleet/statuses/${commit}`));
  expect(posted[0]?.body['context']).toBe('flycd/prod');
  const others = [
    'https://gitlab.com/acme/fleet',
    'https://127.0.0.1/fleet',
    'https://127.0.0.1/a/b/c',
    '/srv/fleet',
    '',
  ];
  for (const repo of others) await report({ repo });
  await report({ commit: `${commit}-dirty` });
  await report({ commit: 'content:abc' });
  expect(posted).toHaveLength(3);
});

test('the default is github.com, and the token goes to its API alone', async () => {
  const asked: string[] = [];
  const { report } = await started(undefined, {
    baseUrl: undefined,
    fetch: async (input) => {
      asked.push(input instanceof Request ? input.url : String(input));
      return Response.json({}, { status: 201 });
    },
  });
  await report({ repo: 'git@github.com:acme/fleet.git' });
  await report({ repo: 'https://127.0.0.1/acme/fleet' });
  await report({ repo: 'https://github.com.evil.example/acme/fleet' });
  expect(asked).toEqual([`https://api.github.com/repos/acme/fleet/statuses/${commit}`]);
});

test('equal states are told once, every change of state is told', async () => {
  const { report, posted } = await started();
  await report({ state: 'pending', description: 'syncing' });
  await report({ state: 'pending', description: 'syncing' });
  await report({ state: 'failure', description: '1 failed' });
  await report({ state: 'success' });
  await report({ state: 'success' });
  await report({ state: 'failure', description: '1 failed' });
  await report({ state: 'failure', description: '1 failed', context: 'other' });
  await report({ commit: 'd'.repeat(40), state: 'failure', description: '1 failed' });
  expect(posted.map(({ body }) => body['state'])).toEqual([
    'pending',
    'failure',
    'success',
    'failure',
    'failure',
    'failure',
  ]);
});

test('states told at once arrive in order, however slow the first is', async () => {
  const { report, posted } = await started();
  await Promise.all([
    report({ state: 'pending', description: 'a' }),
    report({ state: 'pending', description: 'b' }),
    report({ state: 'success', description: 'c' }),
  ]);
  expect(posted.map(({ body }) => body['description'])).toEqual(['a', 'b', 'c']);
});

test('a blip is tried again', async () => {
  let asked = 0;
  const { report, posted, clock, warnings } = await started((response) => {
    asked += 1;
    if (asked === 1) json(response, 502, { message: 'bad gateway' });
    if (asked === 2) response.destroy();
  });
  const before = clock.now();
  await report();
  expect(posted).toHaveLength(3);
  expect(clock.now() - before).toBe(5_000);
  expect(warnings).toEqual([]);
  expect(clock.pending).toBe(0);
});

test('a refusal is logged with what to do, never thrown, never with the token, and told again next time', async () => {
  let refuse = true;
  const { report, posted, warnings } = await started((response) => {
    if (refuse) json(response, 403, { message: 'Resource not accessible by personal access token' });
  });
  await report();
  expect(posted).toHaveLength(1);
  expect(warnings).toMatchObject([
    {
      repo: 'acme/fleet',
      status: 403,
      why: expect.stringContaining('not accessible') as string,
      next: expect.stringContaining('Commit statuses: write') as string,
    },
  ]);
  expect(JSON.stringify(warnings)).not.toContain(token);
  refuse = false;
  await report();
  expect(posted).toHaveLength(2);
  await report();
  expect(posted).toHaveLength(2);
});

test('a GitHub that is down is given up after three tries', async () => {
  const { report, posted, warnings } = await started((response) => json(response, 503, { message: 'maintenance' }));
  await report();
  expect(posted).toHaveLength(3);
  expect(warnings).toHaveLength(1);
});

test('a GitHub that never answers is not waited for', async () => {
  const clock = new IdleClock();
  const hang: typeof fetch = (_input, init) =>
    // The wait is on the clock: it stands for an answer that is still on its way.
    new Promise((_resolve, reject) => {
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error));
    });
  const parked = { ...wrap(clock), busy: <T>(work: () => Promise<T>) => work() };
  const { report, warnings } = await started(undefined, { clock: parked, fetch: hang });
  const before = clock.now();
  await report();
  expect(clock.now() - before).toBe(3 * 5_000 + 5_000);
  expect(warnings).toHaveLength(1);
});

function wrap(clock: IdleClock) {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    sleep: (ms: number, signal?: AbortSignal) => clock.sleep(ms, signal),
    timer: (ms: number, callback: () => void) => clock.timer(ms, callback),
    park: (ms: number) => clock.park(ms),
  };
}
