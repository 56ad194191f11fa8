import { describe, expect, test } from 'vitest';
import { runsMarkdown, runsText } from '../../src/render/history.ts';
import type { Hold } from '../../src/model/plan.ts';
import type { Run } from '../../src/model/run.ts';
import { oneRunJson, oneRunText } from '../../src/render/run.ts';
import { statusJson, statusMarkdown, statusText } from '../../src/render/status.ts';
import { syncJson, syncMarkdown, syncText } from '../../src/render/sync.ts';
import { failedRun, goodRun, plan, start } from './fixture.ts';

const runs = [failedRun, goodRun];
const nothing = { fleet: 'acme', deliveries: [], due: [] };

test('history', async () => {
  await expect(runsText(runs, false)).toMatchFileSnapshot('golden/history.txt');
  await expect(runsMarkdown(runs)).toMatchFileSnapshot('golden/history.md');
  expect(runsText([], false)).toContain('No runs yet');
});

test('one run', async () => {
  await expect(oneRunText(goodRun, false) + oneRunText(failedRun, false)).toMatchFileSnapshot('golden/run.txt');
  await expect(`${JSON.stringify(oneRunJson(failedRun), undefined, 2)}\n`).toMatchFileSnapshot('golden/run.json');
});

test('a run that was cut short has no end', () => {
  const running = { ...goodRun, outcome: undefined, finishedAt: undefined, status: 'applying' } as const;
  expect(oneRunText(running, false)).toContain('still running');
  expect(oneRunJson(running)).toMatchObject({ outcome: null, finishedAt: null });
});

test('status is the last pass over each app, and says when that was', async () => {
  const status = { fleet: 'acme', runs, deliveries: [], due: [], now: start + 5 * 60_000 };
  await expect(statusText(status, false)).toMatchFileSnapshot('golden/status.txt');
  await expect(statusMarkdown(status)).toMatchFileSnapshot('golden/status.md');
  expect(statusJson(status)).toMatchObject({
    lastRunAt: '2026-01-01T00:00:14.000Z',
    apps: [{ app: 'api' }, { app: 'web' }],
  });
  expect(statusText({ ...status, runs: [] }, false)).toContain('no pass yet');
});

test('a sync ends with what became of each app', async () => {
  const sync = { plan, runs };
  await expect(syncText(sync, false)).toMatchFileSnapshot('golden/sync.txt');
  await expect(syncMarkdown(sync)).toMatchFileSnapshot('golden/sync.md');
  expect(syncJson(sync)).toMatchObject({ planId: plan.planId, runs: [{ id: 13 }, { id: 12 }] });
});

describe('status of a run without an end', () => {
  const hour = 60 * 60_000;
  const open: Run = { ...goodRun, outcome: undefined, finishedAt: undefined, status: 'applying' };
  const startedAt = open.startedAt;
  const last = Math.max(...open.results.map(({ finishedAt }) => finishedAt));
  const seen = (run: Run, now: number) => {
    const status = { ...nothing, runs: [run], now };
    const { apps } = statusJson(status);
    return { status: apps[0]?.status, why: apps[0]?.why ?? '', text: statusText(status, false) };
  };

  test.each([
    ['one that has written nothing down', { ...open, results: [] }, startedAt],
    ['one that has done steps', open, last],
  ])('%s goes on for an hour after its last sign, and has ended after that', (_what, run, sign) => {
    const during = seen(run, sign + hour);
    expect(during).toMatchObject({ status: 'applying', text: expect.stringMatching(/applying +12 +running/) });
    expect(during.why).toMatch(/^began .* ago/);
    expect(during.why).not.toContain('ended');
    const after = seen(run, sign + hour + 1);
    expect(after).toMatchObject({ status: 'pending', text: expect.stringMatching(/pending +12 +no end/) });
    expect(after.text).toContain('1 app, 1 pending.');
    expect(after.why).toContain('its FlyCD was probably ended; flycd sync --once goes on from there');
  });

  test('one that has ended stays what it was, however long ago', () => {
    expect(seen(goodRun, last + 99 * hour).status).toBe('synced');
  });
});

test('status says what is known to come, in every form', () => {
  const repo = 'https://example.com/a_b.git';
  const deliveries = [
    { repo, ref: 'refs/heads/main', receivedAt: start + 3000 },
    { repo, ref: 'refs/heads/first', receivedAt: start + 1000 },
  ];
  const status = { fleet: 'acme', runs, deliveries, due: ['web', 'api', 'web'], now: start + 61_000 };
  const lines = [
    `2 webhook deliveries are not worked through yet, the oldest from 60 s ago: refs/heads/first of ${repo}.`,
    'A pass is due: api, web.',
  ];
  expect(statusText(status, false)).toContain(`Z.\n${lines.join('\n')}\n`);
  expect(statusText({ ...status, runs: [] }, false)).toContain(`makes it.\n${lines.join('\n')}\n`);
  expect(statusMarkdown(status)).toContain(String.raw`of https://example.com/a\_b.git.`);
  expect(statusJson(status)).toMatchObject({
    deliveries: [{ repo, ref: 'refs/heads/main', receivedAt: '2026-01-01T00:00:03.000Z' }, { ref: 'refs/heads/first' }],
    due: ['api', 'web'],
  });
  expect(statusText({ ...status, deliveries: deliveries.slice(1), due: [] }, false)).toContain(
    '1 webhook delivery is not',
  );
});

test.each([
  ['short', 'another machine is leased', 'secret TOKEN has no value'],
  ['long', `suspended by alice: ${'a long story '.repeat(20)}`, 'secret TOKEN has no value'],
])('each of two holds is named beside the other, also where the first is %s', (_what, first, second) => {
  const [app] = plan.apps;
  if (app === undefined) throw new Error('no app');
  const holdOf = (because: string): Hold => ({
    app: 'web',
    reason: 'busy',
    because,
    next: `after: ${because}`,
    steps: [],
  });
  const holds = [holdOf(first), holdOf(second), holdOf(second)];
  const run: Run = { ...goodRun, app: 'web', outcome: 'held', status: 'held', plan: { ...goodRun.plan, holds } };
  const table = statusText({ ...nothing, runs: [run], now: start + 60_000 }, false);
  const synced = syncText({ plan, runs: [run] }, false);
  for (const text of [table, runsText([run], false), synced]) {
    expect(text).toContain(first.slice(0, 60).trimEnd());
    expect(text.split(second)).toHaveLength(text === synced || text === table ? 3 : 2);
  }
  expect(statusJson({ ...nothing, runs: [run], now: start }).apps[0]?.why).toBe(`${first}; ${second}`);
});

test('of an app that ran twice in a pass the last run counts', () => {
  const again = { ...failedRun, id: 14, outcome: 'created', status: 'synced', results: [] } as const;
  expect(syncJson({ plan, runs: [failedRun, again] }).runs.map((run) => run.id)).toEqual([14]);
});
