import { expect, test } from 'vitest';
import type { Hold, Plan, Step } from '../../src/model/plan.ts';
import { closingLine, planJson, planMarkdown, planText } from '../../src/render/plan.ts';
import { apiPlan, appPlan, plan, webPlan } from './fixture.ts';

test('a plan in a terminal: destructive first, marks, from and to, holds with what lifts them, counts', async () => {
  await expect(planText(plan, false)).toMatchFileSnapshot('golden/plan.txt');
});

test('colour changes nothing but colour', () => {
  const coloured = planText(plan, true);
  expect(coloured).toContain('\u001b[');
  // oxlint-disable-next-line no-control-regex -- the escape sequences are what is removed
  expect(coloured.replaceAll(/\u001b\[[0-9;]*m/g, '')).toBe(planText(plan, false));
});

test('a plan for a pull request: one fold an app', async () => {
  await expect(planMarkdown(plan)).toMatchFileSnapshot('golden/plan.md');
});

test('a plan as JSON has the contract of diff, and nothing of the configs to send', async () => {
  const text = JSON.stringify(planJson(plan), undefined, 2);
  await expect(`${text}\n`).toMatchFileSnapshot('golden/plan.json');
  expect(text).not.toContain('SECRET_LOOKING');
});

test('nothing to do', () => {
  const quiet: Plan = {
    ...plan,
    apps: [appPlan({ app: 'quiet', status: 'synced' })],
    summary: { apps: 1, synced: 1, changed: 0, invalid: 0, failed: 0, held: 0 },
  };
  expect(planText(quiet, false)).toBe(
    'Fleet acme at 3f2a1b9c0d21, plan 0123456789ab\n\nPlan: 1 app, 0 to change, 1 synced; 0 to create, 0 to update, 0 to destroy, 0 held.\n',
  );
});

test('a release counts as its machines', () => {
  expect(closingLine(plan)).toBe(
    'Plan: 4 apps, 2 to change, 1 synced, 1 invalid; 2 to create, 1 to update, 1 to destroy, 1 held.',
  );
});

test('all that goes with an app is listed, volumes too, however much it is', () => {
  const names = Array.from({ length: 60 }, (_none, index) => `SECRET_${index}`);
  const changes = names.map((from) => ({ path: 'secrets', from, to: undefined }));
  const volume = { path: 'volumes[vol_1]', from: 'data, 3 GB', to: undefined };
  const step: Step = {
    kind: 'app.destroy',
    app: 'old',
    target: 'old',
    because: 'git no longer names it',
    risk: 'destructive',
    changes: [...changes, volume],
  };
  const hold: Hold = { app: 'old', reason: 'volume', because: 'it has volumes', next: 'accept it', steps: [step] };
  for (const parts of [{ steps: [step] }, { holds: [hold] }]) {
    const going: Plan = { ...plan, apps: [appPlan({ app: 'old', status: 'orphaned', ...parts })] };
    for (const text of [planText(going, false), planMarkdown(going), JSON.stringify(planJson(going))]) {
      expect(names.filter((name) => !text.includes(name))).toEqual([]);
      expect(text).toContain('data, 3 GB');
    }
  }
});

test.each([
  ['read', { path: 'volumes[vol_1]', from: 'data, 3 GB', to: undefined }],
  ['unread', { path: 'volumes', from: 'could not be read: 503', to: undefined }],
])('volumes that go with an app (%s) come first, and are not cut where the list is', (_what, volume) => {
  const secrets = Array.from({ length: 250 }, (_none, index) => ({
    path: 'secrets',
    from: `SECRET_${index}`,
    to: undefined,
  }));
  const step: Step = {
    kind: 'app.destroy',
    app: 'old',
    target: 'old',
    because: 'git no longer names it',
    risk: 'destructive',
    changes: [...secrets, volume],
  };
  const text = planText({ ...plan, apps: [appPlan({ app: 'old', status: 'orphaned', steps: [step] })] }, false);
  const [, first] = /app\.destroy old.*\n *- (.*)\n/.exec(text) ?? [];
  expect(first).toBe(`${volume.path}: ${JSON.stringify(volume.from)}`);
  expect(text).toMatch(/… and 51 more\n/);
});

test('a config that did not load whole says so', () => {
  expect(planText({ ...plan, whole: false }, false)).toContain('did not load whole');
  expect(planMarkdown({ ...plan, whole: false })).toContain('did not load whole');
});

const evil = 'a\u001b[2J\u001b]0;title\u0007\r\nPlan: 0 apps\u202egnp.exe\u009b31m\u2028';
const evilPlan: Plan = {
  ...plan,
  apps: [
    {
      ...apiPlan,
      file: `apps/${evil}/app.yaml`,
      notes: [evil],
      holds: apiPlan.holds.map((hold) => ({ ...hold, because: evil, next: evil })),
      steps: webPlan.steps.map((step) => ({
        ...step,
        because: evil,
        target: `api/${evil}`,
        changes: [{ path: evil, from: evil, to: { [evil]: evil } }],
      })),
      problems: [{ severity: 'error', file: evil, line: 1, column: 1, path: evil, message: evil, hint: evil }],
    },
  ],
  problems: [{ severity: 'warning', file: evil, line: 0, column: 0, path: '', message: evil }],
};

test('control, bidirectional and separator characters from config or Fly reach no terminal', () => {
  const text = planText(evilPlan, false);
  expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u);
  expect(text).toContain(String.raw`\x1b[2J`);
  expect(text.split('\n').filter((line) => line.startsWith('Plan:'))).toHaveLength(1);
});

test('a value cannot end the fence of a pull request comment nor mention people', () => {
  const hostile = { ...webPlan, app: 'web', notes: ['```\n# owned @everyone <img src=x>'] };
  const text = planMarkdown({ ...plan, fleet: '@acme <b>', apps: [hostile] });
  expect(text).toContain('````diff');
  expect(text.split('\n').filter((line) => line.startsWith('# owned'))).toHaveLength(0);
  expect(text).toContain('&lt;b&gt;');
});

test('long values are cut where they differ, and a comment never outgrows its limit', () => {
  const long = `registry.example/${'a'.repeat(400)}`;
  const change = { path: 'image', from: `${long}-old`, to: `${long}-new` };
  const steps = webPlan.steps.map((step) => ({ ...step, changes: [change] }));
  const text = planText({ ...plan, apps: [{ ...webPlan, steps }] }, false);
  expect(text).toContain('aaa-old" -> …');
  expect(text).toContain('aaa-new"');
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThan(600);

  const many = Array.from({ length: 500 }, (_unused, index) => ({ ...webPlan, app: `web-${index}` }));
  const comment = planMarkdown({ ...plan, apps: many });
  expect(comment.length).toBeLessThan(60_500);
  expect(comment).toMatch(/… and \d+ more apps: run `flycd diff`/);
});
