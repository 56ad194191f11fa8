/** What a pass does while another process on its database is at work on its app. */
import { expect, test } from 'vitest';
import { ownTurn, type TurnRequest } from '../../../../controllers/app/own-turn.ts';
import { IdleClock } from '../../../../src/model/base/clock.ts';
import { Fault, retryAtOf } from '../../../../src/model/base/fault.ts';
import type { StepResult } from '../../../../src/model/run.ts';
import { desiredApp, observed, plan } from '../../../plan/builders.ts';

const minuteMs = 60_000;
const rolls = plan(desiredApp(), observed());
const idle = { ...rolls, steps: [], bookkeeping: [] };

/** `isBusy`: whether another process is at the app, by the time since the beginning. */
function turn(isBusy: (ms: number) => boolean, parts: Partial<TurnRequest> = {}) {
  const clock = new IdleClock();
  const startedAt = clock.now();
  const since = () => clock.now() - startedAt;
  const seen = { waits: 0, planned: [] as number[], said: [] as number[], saved: [] as StepResult[] };
  const request: TurnRequest = {
    clock,
    app: { name: 'shop' },
    plan: rolls,
    runId: 7,
    patience: 'wait',
    signal: new AbortController().signal,
    othersLeft: { ms: 10 * minuteMs },
    store: {
      workedOnBefore: (runId: number) =>
        Promise.resolve(runId === 7 && isBusy(since()) ? { instance: 'service', startedAt } : undefined),
    },
    onProgress: () => seen.said.push(since()),
    yieldSlot: <T>(wait: () => Promise<T>) => {
      seen.waits += 1;
      return wait();
    },
    planAgain: () => {
      seen.planned.push(since());
      return Promise.resolve({ plan: { ...rolls } });
    },
    ...parts,
  };
  const save = (result: StepResult): Promise<void> => {
    seen.saved.push(result);
    return Promise.resolve();
  };
  return { clock, since, seen, request, ended: () => ownTurn(request, save) };
}

const kept = (seen: { readonly saved: readonly StepResult[] }) =>
  seen.saved.map(({ kind, outcome, message }) => [kind, outcome, message]);

test('it is its turn where nobody is before it, or where it writes nothing', async () => {
  const free = turn(() => false);
  expect(await free.ended()).toEqual({ request: free.request });
  const nothing = turn(() => true, { plan: idle });
  expect(await nothing.ended()).toEqual({ request: nothing.request });
  expect([...free.seen.said, ...nothing.seen.said]).toEqual([]);
});

test('stamps that only FlyCD reads are writes, too', async () => {
  const stamps = { ...idle, bookkeeping: rolls.steps };
  const { ended } = turn(() => true, { plan: stamps, planAgain: undefined });
  expect((await ended()).fault).toBeInstanceOf(Fault);
});

test('a command waits beside others, and goes on with what it plans then', async () => {
  const { ended, request, seen } = turn((ms) => ms < 3 * minuteMs);
  const { request: now, fault } = await ended();
  expect(fault).toBeUndefined();
  expect(now.plan).not.toBe(request.plan);
  expect(now.runId).toBe(7);
  expect(seen).toMatchObject({ waits: 180, planned: [3 * minuteMs], said: [0], saved: [] });
});

test('all its waits together take ten minutes, and then it is blocked, with the command to run', async () => {
  const isBusy = (ms: number): boolean => ms < 6 * minuteMs || ms > 6 * minuteMs + 500;
  const it = turn(isBusy, {
    planAgain: async () => {
      await it.clock.sleep(minuteMs);
      return { plan: rolls };
    },
  });
  const { fault } = await it.ended();
  expect(it.since()).toBe(11 * minuteMs);
  expect(it.request.othersLeft).toEqual({ ms: 0 });
  expect(fault).toMatchObject({ kind: 'waiting', status: 'blocked' });
  expect(fault?.next).toBe('flycd status shows how far it is; run `flycd sync --once` again when it is done');
  expect(kept(it.seen)).toEqual([[rolls.steps[0]?.kind, 'skipped', fault?.message]]);
  // A later try of the same command has no time left.
  expect((await it.ended()).fault).toMatchObject({ status: 'blocked' });
  expect(it.since()).toBe(11 * minuteMs);
});

test('the loop does not wait, and comes back in half a minute', async () => {
  const it = turn(() => true, { planAgain: undefined, othersLeft: undefined, patience: 'requeue' });
  const { fault } = await it.ended();
  expect(fault).toMatchObject({ status: 'blocked', next: 'FlyCD goes on when that one is done' });
  expect(fault && retryAtOf(fault, it.clock.now())).toBe(it.clock.now() + 30_000);
  expect(it.seen).toMatchObject({ waits: 0, said: [] });
});

test.each(['while it waits', 'while it plans'])('a stop %s ends it at once, and nothing has failed', async (when) => {
  const stop = new AbortController();
  const it = turn((ms) => ms < (when === 'while it waits' ? 5 : 2) * minuteMs, {
    signal: stop.signal,
    planAgain: async () => {
      await it.clock.sleep(3 * minuteMs, stop.signal);
      return { plan: rolls };
    },
  });
  it.clock.timer(3.5 * minuteMs, () => stop.abort(new Error('stopped')));
  expect((await it.ended()).fault).toMatchObject({ kind: 'waiting' });
  expect(it.since()).toBe(3.5 * minuteMs);
  expect(kept(it.seen)).toMatchObject([[rolls.steps[0]?.kind, 'skipped', expect.any(String)]]);
});

test('a stop at the moment when the other one is done begins nothing', async () => {
  const stop = new AbortController();
  const it = turn(() => !stop.signal.aborted, { signal: stop.signal });
  it.clock.timer(minuteMs, () => stop.abort(new Error('stopped')));
  expect((await it.ended()).fault).toMatchObject({ kind: 'waiting' });
  expect(it.seen.planned).toEqual([]);
});

test('an app that cannot be planned again has failed, and says why', async () => {
  const fault = new Fault({ kind: 'transient', what: 'Fly did not answer' });
  const it = turn((ms) => ms < minuteMs, { planAgain: () => Promise.reject(fault) });
  expect((await it.ended()).fault).toBe(fault);
  expect(kept(it.seen)).toEqual([[rolls.steps[0]?.kind, 'failed', fault.message]]);
});
