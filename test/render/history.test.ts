import { expect, test } from 'vitest';
import { runsMarkdown, runsText } from '../../src/render/history.ts';
import type { Hold } from '../../src/model/plan.ts';
import type { Run } from '../../src/model/run.ts';
import { oneRunJson, oneRunText } from '../../src/render/run.ts';
import { statusJson, statusMarkdown, statusText } from '../../src/render/status.ts';
import { syncJson, syncMarkdown, syncText } from '../../src/render/sync.ts';
import { failedRun, goodRun, plan, start } from './fixture.ts';

const runs = [failedRun, goodRun];

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
  const status = { fleet: 'acme', runs, now: start + 5 * 60_000 };
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
  const table = statusText({ fleet: 'acme', runs: [run], now: start + 60_000 }, false);
  const synced = syncText({ plan, runs: [run] }, false);
  for (const text of [table, runsText([run], false), synced]) {
    expect(text).toContain(first.slice(0, 60).trimEnd());
    expect(text.split(second)).toHaveLength(text === synced ? 3 : 2);
  }
  expect(statusJson({ fleet: 'acme', runs: [run], now: start }).apps[0]?.why).toBe(`${first}; ${second}`);
});

test('of an app that ran twice in a pass the last run counts', () => {
  const again = { ...failedRun, id: 14, outcome: 'created', status: 'synced', results: [] } as const;
  expect(syncJson({ plan, runs: [failedRun, again] }).runs.map((run) => run.id)).toEqual([14]);
});
