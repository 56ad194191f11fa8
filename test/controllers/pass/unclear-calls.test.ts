/** When lists are certain about a call without a key whose answer was lost: by when it was sent and given up, whoever sets the clock. */
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { createOnce } from '../../../controllers/pass/intents.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { certainOf } from '../../../src/plan/kinds/intents.ts';
import { callsOnLock } from '../../../controllers/pass/pending-calls.ts';
import { formatCalls, parseCalls } from '../../../src/model/stamps/calls-stamp.ts';
import { desiredApp, machine } from '../../plan/builders.ts';
import { temporaryFolder, testStore } from '../../record/stores.ts';
import type { Call as FlyCall } from '../answered-fly.ts';
import { passOver, volumeCall } from './passes.ts';

const minute = 60_000;
const hour = 60 * minute;
let clock: IdleClock;
beforeEach(() => {
  clock = new IdleClock();
});

interface Call {
  /** Before it is sent. */
  readonly waitsMs?: number;
  /** From its sending until it is given up. */
  readonly hangsMs?: number;
  readonly onSent?: () => Promise<void> | void;
}

/** A volume whose create nobody hears the answer of. */
async function lost({ waitsMs = 0, hangsMs = 0, onSent }: Call = {}) {
  const { pass } = passOver(clock, () => []);
  const create = async (beforeSent: (timesSent: number) => Promise<void>): Promise<string> => {
    await clock.sleep(waitsMs);
    await beforeSent(0);
    await onSent?.();
    await clock.sleep(hangsMs);
    throw new Error('no answer');
  };
  const call = volumeCall({ create });
  const intents = async () => (await pass.services.store.memory('shop')).intents;
  const msLeft = async () => (await intents()).map((intent) => certainOf(intent) - clock.now());
  return { msLeft, thrown: await createOnce(pass, call).catch((error: unknown) => error), intents };
}

describe('lists are certain', () => {
  it('a minute after the call was given up', async () => {
    const { msLeft, thrown } = await lost({ hangsMs: 59_000 });
    expect(thrown).toMatchObject({ kind: 'waiting' });
    const [left = 0] = await msLeft();
    expect(left).toBeGreaterThanOrEqual(minute);
    expect(left).toBeLessThan(1.5 * minute);
    expect(thrown).toMatchObject({ state: { retryAt: clock.now() + left } });
  });

  it('a minute after it was sent, where whoever sent it was killed', async () => {
    let left: readonly number[] = [];
    const { pass } = passOver(clock, () => []);
    const create = async (beforeSent: (timesSent: number) => Promise<void>): Promise<string> => {
      await clock.sleep(50_000);
      await beforeSent(0);
      left = (await pass.services.store.memory('shop')).intents.map((intent) => certainOf(intent) - clock.now());
      return 'vol_1';
    };
    await createOnce(pass, volumeCall({ create }));
    expect(left).toHaveLength(1);
    expect(left[0]).toBeGreaterThanOrEqual(minute);
  });

  it.each([
    ['back', -hour],
    ['forward', hour],
  ])('no sooner and no later where the clock is set %s after it', async (_way, byMs) => {
    const { msLeft } = await lost();
    const before = await msLeft();
    clock.set(byMs);
    expect(await msLeft()).toEqual(before);
    await clock.sleep(30_000);
    expect(await msLeft()).toEqual(before.map((ms) => ms - 30_000));
  });
});

describe('where Fly is slow to take what stands on the lock', () => {
  /** How long the announcements take, one after the other; those after them come at once. */
  async function announced(slowMs: number[], { waitsMs = 0 }: Call = {}) {
    let metadata: Record<string, string | null> = {};
    const { pass, calls } = passOver(clock, async ({ method, path, body }) => {
      if (method !== 'GET') {
        metadata = { ...metadata, ...(JSON.parse(body) as { metadata: typeof metadata }).metadata };
        await clock.park(slowMs.shift() ?? 0);
      }
      const lock = machine(desiredApp(), { id: 'a1', metadata: metadata as Record<string, string> });
      return path.endsWith('/machines') ? [lock] : lock;
    });
    pass.lock = {
      machineId: 'a1',
      nonce: 'n',
      check: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    const stored = async () => (await pass.services.store.memory('shop')).intents;
    const onLock = () => parseCalls(metadata['flycd_calls'] ?? undefined);
    let left: readonly number[] = [];
    const create = async (beforeSent: (timesSent: number) => Promise<void>): Promise<string> => {
      await clock.sleep(waitsMs);
      await beforeSent(0);
      left = [...(await stored()), ...onLock()].map((call) => certainOf(call) - clock.now());
      return 'vol_1';
    };
    const call = volumeCall({ create });
    const ended = await createOnce(pass, call).catch((error: unknown) => error);
    return { ended, left, calls, stored, onLock };
  }

  it.each([
    ['first', [45_000], 0],
    ['second', [0, 45_000], 1500],
    ['second, and then third,', [0, 45_000, 45_000], 1500],
  ])('its %s announcement leaves lists as uncertain as the sending does', async (_which, slowMs, waitsMs) => {
    const { ended, left } = await announced(slowMs, { waitsMs });
    expect(ended).toEqual({ id: 'vol_1', found: false });
    expect(left).toHaveLength(2);
    for (const ms of left) expect(ms).toBeGreaterThan(minute - 5000);
  });

  it('SQLite knows when it was sent, however long the announcement took', async () => {
    const { left } = await announced([0, 4000], { waitsMs: 1500 });
    expect(left).toEqual([minute, minute - 4000]);
  });

  it('what has been found to stand before is looked for again', async () => {
    const { calls } = await announced([0, 45_000], { waitsMs: 1500 });
    expect(calls.slice(-5)).toEqual(['PATCH metadata', 'PATCH metadata', 'GET machines', 'GET a1', 'PATCH metadata']);
  });

  it('a call is not sent whose date would be old all the same, and nobody waits for it', async () => {
    const { ended, left, stored, onLock } = await announced([0, 45_000, 45_000, 45_000], { waitsMs: 1500 });
    expect(ended).toMatchObject({ kind: 'transient', where: 'data' });
    expect(left).toEqual([]);
    expect(await stored()).toEqual([]);
    expect(onLock()).toEqual([]);
  });
});

describe('a date that a clock which was wrong has left', () => {
  it('in SQLite keeps nobody waiting for longer than a minute', async () => {
    const path = join(temporaryFolder(), 'flycd.db');
    const wrong = new IdleClock(clock.now() + hour);
    await testStore({ path, clock: wrong }).addIntent('shop', { kind: 'volume.create', target: 'data', before: [] });
    const store = testStore({ path, clock });
    const msLeft = async () => (await store.memory('shop')).intents.map((intent) => certainOf(intent) - clock.now());
    expect(await msLeft()).toEqual([minute]);
    await clock.sleep(40_000);
    expect(await msLeft()).toEqual([20_000]);
  });

  it('on the lock is put right by whoever holds it next, so that it is waited for once', async () => {
    const stamped = { kind: 'volume.create', target: 'data', createdAt: clock.now() + hour, before: [] } as const;
    let metadata: Record<string, string | null> = { flycd_calls: formatCalls([stamped]) };
    const answer = ({ method, body }: FlyCall): unknown => {
      if (method !== 'GET') metadata = { ...metadata, ...(JSON.parse(body) as { metadata: typeof metadata }).metadata };
      return machine(desiredApp(), { id: 'a1', metadata: metadata as Record<string, string> });
    };
    const lefts: (readonly number[])[] = [];
    for (const _next of [1, 2]) {
      const { pass } = passOver(clock, answer);
      pass.lock = {
        machineId: 'a1',
        nonce: 'n',
        check: () => Promise.resolve(),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
      lefts.push((await callsOnLock(pass)).map((call) => certainOf(call) - clock.now()));
      await clock.sleep(40_000);
    }
    expect(lefts).toEqual([[minute], [20_000]]);
  });
});
