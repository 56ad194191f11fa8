import { expect, test } from 'vitest';
import { createCommitReporter } from '../../../controllers/fleet/commit-report.ts';
import type { DesiredFleet } from '../../../src/model/desired.ts';
import type { AppStatus } from '../../../src/model/plan.ts';
import type { Run, RunOutcome } from '../../../src/model/run.ts';
import { describeOutcome } from '../../../src/notify/outcome.ts';
import { desiredApp } from '../../plan/builders.ts';
import { planOf } from '../../record/stores.ts';
import { fleetOf } from '../reconcilers.ts';

function commit(letter: string, apps: readonly string[] = ['shop', 'cart']): DesiredFleet {
  return fleetOf({ revision: letter.repeat(40), apps: apps.map((name) => desiredApp({ name })) });
}

function run(app: string, status: AppStatus, outcome: RunOutcome = status === 'failed' ? 'failed' : 'updated'): Run {
  return {
    id: 1,
    fleet: 'acme',
    app,
    trigger: 'webhook',
    actor: 'flycd',
    revision: '',
    startedAt: 0,
    finishedAt: 1,
    outcome,
    status,
    plan: planOf(app),
    results: [],
    nextWakeAt: undefined,
  };
}

function reporting() {
  const told: string[] = [];
  const tell = (commit: string, state: string, description: string): Promise<void> => {
    told.push(`${commit.slice(0, 1)} ${state}: ${description}`);
    return Promise.resolve();
  };
  const reporter = createCommitReporter({
    repo: 'https://github.com/acme/fleet.git',
    status: {
      report: ({ commit, state, description }) => tell(commit, state, description),
      reportFleet({ repo: _repo, commit, ...outcome }) {
        const { state, description } = describeOutcome(outcome);
        return tell(commit, state, description);
      },
    },
  });
  return { reporter, told: () => told.splice(0) };
}

test('a commit is over when all it moved have had their pass, and turns when one of them does', () => {
  const { reporter, told } = reporting();
  const a = commit('a');
  reporter.begin(a, ['shop', 'cart']);
  reporter.finished(a, run('shop', 'synced'));
  expect(told()).toEqual(['a pending: syncing: 2 of 2 apps to go']);
  reporter.finished(a, run('cart', 'failed'));
  reporter.finished(a, run('cart', 'failed'));
  expect(told()).toEqual(['a failure: 1 failed, 1 of 2 apps synced']);
  reporter.finished(a, run('cart', 'synced'));
  expect(told()).toEqual(['a success: 2 apps synced']);
});

test('a pass that was cut short or could not read everything is no end', () => {
  const { reporter, told } = reporting();
  const a = commit('a', ['shop']);
  reporter.begin(a, ['shop']);
  reporter.finished(a, run('shop', 'pending', 'interrupted'));
  reporter.finished(a, run('shop', 'pending', 'held'));
  expect(told()).toEqual(['a pending: syncing: 1 of 1 app to go']);
  reporter.failed(a, 'shop');
  expect(told()).toEqual(['a failure: 1 failed, 0 of 1 app synced']);
});

test('a commit that moves nothing waits for what the one before it moved', () => {
  const { reporter, told } = reporting();
  const [a, b] = [commit('a'), commit('b')];
  reporter.begin(a, ['shop', 'cart']);
  reporter.finished(a, run('shop', 'synced'));
  reporter.begin(b, []);
  expect(told()).toEqual([
    'a pending: syncing: 2 of 2 apps to go',
    'a error: overtaken by bbbbbbb',
    'b pending: syncing: 1 of 2 apps to go',
  ]);
  // Its pass began at the commit before, which for this app is the same.
  reporter.finished(a, run('cart', 'failed'));
  expect(told()).toEqual(['b failure: 1 failed, 1 of 2 apps synced']);
});

test('a pass at an older commit says nothing of an app that moved since', () => {
  const { reporter, told } = reporting();
  const [a, b] = [commit('a'), commit('b', ['shop'])];
  reporter.begin(a, ['shop', 'cart']);
  reporter.begin(b, ['shop']);
  told();
  reporter.finished(a, run('shop', 'synced'));
  reporter.finished(a, run('cart', 'failed'));
  expect(told()).toEqual([]);
  reporter.finished(b, run('shop', 'synced'));
  expect(told()).toEqual(['b success: 1 app synced']);
});

test('a folder has no commit to tell of', () => {
  const { reporter, told } = reporting();
  const folder = { ...commit('a'), revision: 'content:abc' };
  reporter.begin(folder, ['shop']);
  reporter.begin({ ...folder, revision: 'content:def' }, []);
  reporter.finished(folder, run('shop', 'failed'));
  expect(told()).toEqual([]);
});
