import { describe, expect, test } from 'vitest';
import { runsMarkdown, runsText } from '../../src/render/history.ts';

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
  const { startedAt } = open;
  const seen = (run: Run, now: number) => {
    const status = { ...nothing, runs: [run], now };
    const { apps } = statusJson(status);
    return { status: apps[0]?.status, why: apps[0]?.why ?? '', text: statusText(status, false) };
  };

  test.each([
    ['one that has written nothing down', { ...open, results: [] }],
    ['one that has done steps', open],
  ])('%s goes on, however long', (_what, run) => {
    const during = seen(run, startedAt + 9 * hour);
    expect(during).toMatchObject({ status: 'applying', text: expect.stringMatching(/applying +12 +running/) });
    expect(during.why).toMatch(/^began .* ago/);
  });

  test('one whose FlyCD was ended says what goes on from there', () => {
    const cut = { ...open, outcome: 'interrupted', status: 'pending', finishedAt: startedAt } as const;
    const after = seen(cut, startedAt + hour);
    expect(after).toMatchObject({ status: 'pending', text: expect.stringMatching(/pending +12 +interrupted/) });
    expect(after.text).toContain('1 app, 1 pending.');
    expect(after.why).toContain('its FlyCD was ended in the middle of it; flycd sync --once goes on from there');
  });
});
