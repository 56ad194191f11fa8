import { expect, test } from 'vitest';
import type { AppPlan, Plan } from '../../../src/model/plan.ts';
import type { Run } from '../../../src/model/run.ts';
import { apiPlan, appPlan, failedRun, goodRun, plan as fixture, webPlan } from '../../render/fixture.ts';
import { exitOfPlan, exitOfRollback, exitOfSync, exitOfTakeOver } from '../../../src/cli/shell/verdict.ts';

const synced = appPlan({ app: 'quiet', status: 'synced' });
const changed = webPlan;
const hold = apiPlan.holds.slice(0, 1);
const held = appPlan({ app: 'held', status: 'held', holds: hold });
const changedAndHeld = { ...webPlan, app: 'both', holds: hold };
const unread = appPlan({
  app: 'unread',
  status: 'pending',
  holds: hold.map((one) => ({ ...one, reason: 'unread' as const })),
});
const failed = appPlan({ app: 'failed', status: 'failed' });
const problem = { severity: 'error', file: 'x', line: 1, column: 1, path: '', message: 'broken' } as const;
const invalid = appPlan({ app: 'invalid', status: 'invalid', problems: [problem] });
const warned = appPlan({ app: 'warned', status: 'synced', problems: [{ ...problem, severity: 'warning' }] });
const orphan = appPlan({ app: 'orphan', status: 'orphaned' });
const heldOrphan = { ...orphan, holds: hold };

function planOf(apps: readonly AppPlan[], problems: Plan['problems'] = []): Plan {
  return { ...fixture, apps, problems };
}

test.each<[string, readonly AppPlan[], number]>([
  ['nothing to do', [synced], 0],
  ['a warning', [warned], 0],
  ['an orphan', [synced, orphan], 0],
  ['an orphan whose destroy is held', [synced, heldOrphan], 4],
  ['an orphan whose destroy is held beside changes', [changed, heldOrphan], 2],
  ['changes', [synced, changed], 2],
  ['only holds', [synced, held], 4],
  ['holds beside changes', [held, changed], 2],
  ['holds beside changes of one app', [changedAndHeld], 2],
  ['an invalid app', [invalid, synced], 3],
  ['an invalid app beside changes and holds', [invalid, changed, held], 3],
  ['an app that could not be read', [unread], 1],
  ['an app that could not be read beside everything', [unread, invalid, changed, held], 1],
  ['an app that failed', [failed, changed], 1],
])('diff: %s', (_name, apps, code) => {
  expect(exitOfPlan(planOf(apps))).toBe(code);
});

test('diff: an error that belongs to no app', () => {
  expect(exitOfPlan(planOf([changed], [problem]))).toBe(3);
  expect(exitOfPlan(planOf([changed], [{ ...problem, severity: 'warning' }]))).toBe(2);
});

function runOf(app: AppPlan, parts: Partial<Run>): Run {
  return { ...goodRun, app: app.app, plan: app, ...parts };
}

const noHolds = { ...webPlan, holds: [] };

test.each<[string, readonly AppPlan[], readonly Run[], number]>([
  ['all synced', [synced], [runOf(synced, { outcome: 'no-change', status: 'synced' })], 0],
  ['changes made', [noHolds], [runOf(noHolds, { outcome: 'updated', status: 'synced' })], 0],
  ['a run that failed', [noHolds], [failedRun, runOf(noHolds, { outcome: 'failed', status: 'failed' })], 1],
  ['something still held', [held], [runOf(held, { outcome: 'held', status: 'held' })], 4],
  ['changes made, the rest held', [changedAndHeld], [runOf(changedAndHeld, { outcome: 'updated', status: 'held' })], 4],
  ['a kind unread', [unread], [runOf(unread, { outcome: 'held', status: 'pending' })], 1],
  ['an invalid app, the others synced', [invalid, noHolds], [runOf(noHolds, { outcome: 'updated' })], 3],
  ['a failure beside an invalid app', [invalid, noHolds], [runOf(noHolds, { outcome: 'failed' })], 1],
  ['an app that could not be planned', [failed], [], 1],
  ['an orphan', [orphan], [], 0],
  ['an orphan that was told of', [orphan], [runOf(orphan, { outcome: 'no-change', status: 'orphaned' })], 0],
  ['an orphan that is destroyed', [orphan], [runOf(orphan, { outcome: 'deleted', status: 'orphaned' })], 0],
  ['an orphan whose destroy is held', [heldOrphan], [], 4],
  ['a run of one', [heldOrphan], [runOf(heldOrphan, { outcome: 'held', status: 'orphaned' })], 4],
  ['changes that nobody made', [changed], [], 4],
  ['a run cut short', [noHolds], [runOf(noHolds, { outcome: 'interrupted' })], 130],
])('sync --once: %s', (_name, apps, runs, code) => {
  expect(exitOfSync(planOf(apps), runs)).toBe(code);
});

test('sync --once: of an app that ran twice the last run counts', () => {
  const first = runOf(noHolds, { id: 1, outcome: 'held', status: 'held' });
  const second = runOf(noHolds, { id: 2, outcome: 'updated', status: 'synced' });
  expect(exitOfSync(planOf([noHolds]), [second, first])).toBe(0);
});

test.each<[string, readonly AppPlan[], readonly Run[], number]>([
  ['nothing was there to take', [], [], 0],
  ['taken over, whatever git wants besides', [noHolds], [runOf(noHolds, { outcome: 'updated', status: 'pending' })], 0],
  ['part of it', [changedAndHeld], [runOf(changedAndHeld, { outcome: 'held', status: 'pending' })], 4],
  ['beside one that is held', [held, noHolds], [runOf(noHolds, { outcome: 'updated', status: 'pending' })], 4],
  ['beside one that could not be read', [unread, noHolds], [runOf(noHolds, { outcome: 'updated' })], 1],
  ['beside one that is invalid', [invalid, noHolds], [runOf(noHolds, { outcome: 'updated' })], 3],
  ['a label that failed', [noHolds], [runOf(noHolds, { outcome: 'failed', status: 'failed' })], 1],
  ['stopped before its turn', [noHolds], [], 4],
])('adopt --all: %s', (_name, apps, runs, code) => {
  expect(exitOfTakeOver(planOf(apps), runs)).toBe(code);
});

const [firstHold] = hold;
const rolledBack = appPlan({
  app: 'there',
  status: 'held',
  holds: firstHold === undefined ? [] : [{ ...firstHold, reason: 'rollback' }],
});
const there = runOf(rolledBack, { outcome: 'held', status: 'held' });
test.each<[string, readonly AppPlan[], readonly Run[], number]>([
  ['held there', [rolledBack], [there], 0],
  ['another hold beside it', [held], [runOf(held, { outcome: 'held', status: 'held' })], 4],
  ['a kind that could not be read', [unread], [runOf(unread, { outcome: 'held', status: 'pending' })], 1],
  ['a step that failed', [rolledBack], [{ ...there, outcome: 'failed' }], 1],
  ['an app that could not be planned', [failed], [], 1],
  ['cut short', [rolledBack], [{ ...there, outcome: 'interrupted', status: 'pending' }], 130],
])('rollback: %s', (_name, apps, runs, code) => {
  expect(exitOfRollback(planOf(apps), runs)).toBe(code);
});
