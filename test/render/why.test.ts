import { expect, test } from 'vitest';
import type { AppPlan } from '../../src/model/plan.ts';
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
