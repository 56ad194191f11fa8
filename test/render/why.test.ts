import { expect, test } from 'vitest';
import type { AppPlan } from '../../src/model/plan.ts';
import type { Run } from '../../src/model/run.ts';
import { statusText } from '../../src/render/status.ts';
import { whyText } from '../../src/render/why.ts';

const invalid = (app: string): AppPlan => ({
  app,
  file: 'shop/app.yaml',
  org: undefined,
  status: 'invalid',
  steps: [],
  holds: [],
  notes: [],
  problems: [{ severity: 'error', file: 'shop/app.yaml', line: 1, column: 6, path: 'app', message: 'no name' }],
  planId: '',
});

test.each([
  ['shop', 'shop'],
  ['shop; reboot', "'shop; reboot'"],
  ['$(reboot)', "'$(reboot)'"],
  ['\u001B]0;x\u0007', "\\\\'x1b]0;x'\\\\'x07'"],
])('the command for an app that git calls %j holds that as one word', (name, word) => {
  expect(whyText({ apps: [invalid(name)], run: undefined, isManual: false, now: 0 }, false)).toContain(
    `    look: flycd validate --app ${word}\n`,
  );
});

test.each([
  [false, '  1 step to do with the next pass: flycd diff --app shop\n'],
  [true, '  1 step to do that the loop leaves to you (sync.auto: false): flycd sync --once --app shop\n'],
])('what is to be done says who does it: by hand %s', (isManual, line) => {
  const what = { app: 'shop', target: 'shop', because: '', risk: 'safe', changes: [] } as const;
  const step = { ...what, kind: 'app.create', org: undefined, network: undefined } as const;
  const app: AppPlan = { ...invalid('shop'), problems: [], status: 'pending', steps: [step] };
  expect(whyText({ apps: [app], run: undefined, isManual, now: 0 }, false)).toContain(line);
});

test('an app whose drift is left alone is not said to be as git says', () => {
  const app: AppPlan = { ...invalid('shop'), problems: [], status: 'synced' };
  const textOf = (...notes: readonly string[]) =>
    whyText({ apps: [{ ...app, notes }], run: undefined, isManual: false, now: 0 }, false);
  expect(textOf('git does not list an address')).toContain('  it waits for nothing: Fly is as git says\n');
  expect(textOf('web has no machine; drift is not healed here (sync.drift: off)')).toContain(
    '  it waits for nothing: drift is not healed here (sync.drift: off)\n',
  );
});

const ended = {
  id: 1,
  fleet: 'acme',
  app: 'shop',
  trigger: 'timer',
  actor: 'flycd',
  revision: 'a'.repeat(40),
  startedAt: 0,
  finishedAt: 1,
} as const;

test.each([
  [undefined, 'with growing pauses while flycd serve runs, 5 minutes apart at most, an hour for what Fly refused'],
  [Date.UTC(2026, 4, 14, 10), 'at 2026-05-14 10:00:00Z'],
])('what failed says when it is tried again: %s', (nextWakeAt, words) => {
  const shop: AppPlan = { ...invalid('shop'), problems: [], status: 'pending' };
  const run: Run = {
    ...ended,
    outcome: 'failed',
    status: 'failed',
    plan: shop,
    results: [],
    nextWakeAt,
  };
  expect(whyText({ apps: [shop], run, isManual: false, now: 0 }, false)).toContain(`    tries again: ${words}\n`);
  expect(statusText({ fleet: 'acme', deliveries: [], due: [], runs: [run], now: 0 }, false)).not.toContain(
    'tries again',
  );
  const results: Run['results'] = [
    {
      kind: 'app.create',
      target: 'shop',
      outcome: 'failed',
      message: 'no',
      next: undefined,
      startedAt: 0,
      finishedAt: 1,
    },
  ];
  const text = statusText({ fleet: 'acme', deliveries: [], due: [], runs: [{ ...run, results }], now: 0 }, false);
  expect(text.includes(`(tries again ${words})`)).toBe(nextWakeAt !== undefined);
});

test.each<readonly [string, number | undefined, string]>([
  ['as the loop will', 60_000, '1970-01-01 00:01:00Z'],
  ['as the hold asks, where the loop says nothing', undefined, '1970-01-01 00:00:30Z'],
])('what waits says once when it is looked at again: %s', (_what, nextWakeAt, at) => {
  const hold = { app: 'shop', reason: 'busy', because: 'a lease', next: 'time', steps: [], retryAt: 30_000 } as const;
  const app: AppPlan = { ...invalid('shop'), problems: [], status: 'held', holds: [hold] };
  const run: Run = {
    ...ended,
    outcome: 'held',
    status: 'held',
    plan: app,
    results: [],
    nextWakeAt,
  };
  const text = whyText({ apps: [app], run, isManual: false, now: 1 }, false);
  expect(text).toContain(`    looks again: at ${at}\n`);
  expect(text.match(/1970-01-01/g)).toHaveLength(1);
  expect(text).not.toContain('tries again');
});
