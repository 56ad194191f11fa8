/** A machine that slept in the middle of a pass, or whose clock somebody set: what is old counts as old, whichever clock tells. */
import { beforeEach, describe, expect, it } from 'vitest';
import { lockApp } from '../../../controllers/pass/app-lock.ts';
import { checkStillAsPlanned } from '../../../controllers/pass/before-sent.ts';
import { isUnseen } from '../../../controllers/pass/beginning.ts';
import { createOnce } from '../../../controllers/pass/intents.ts';
import { holdLease } from '../../../controllers/pass/lease.ts';
import { observeApp } from '../../../src/observed/app.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { momentOf } from '../../../src/model/base/moment.ts';
import { flyAnswering } from '../answered-fly.ts';
import { passOver, volumeCall } from './passes.ts';

const hour = 3_600_000;
let clock: IdleClock;
beforeEach(() => {
  clock = new IdleClock();
});

/** The clock that measures stands still meanwhile. */
const sleeps = (): void => clock.set(hour);
const listed = (begins = false) => passOver(clock, () => [], { begins });
const app = { of: 'app' } as const;

describe('a look of before the machine slept', () => {
  it('at all machines is looked at again', async () => {
    const { pass, calls } = listed();
    await lockApp(pass);
    sleeps();
    await checkStillAsPlanned(pass, app);
    expect(calls).toEqual(['GET machines', 'GET machines']);
  });

  it('at one machine is looked at again', async () => {
    const { pass, calls } = passOver(clock, () => ({ id: 'a1', name: 'a1', state: 'started', region: 'arn' }));
    await checkStillAsPlanned(pass, { of: 'machine', machineId: 'a1' });
    sleeps();
    await checkStillAsPlanned(pass, { of: 'machine', machineId: 'a1' });
    expect(calls).toEqual(['GET a1', 'GET a1']);
  });

  it('says no more whose the app is', async () => {
    const { pass } = listed(true);
    await lockApp(pass);
    sleeps();
    expect(isUnseen(pass)).toBe(true);
  });

  it('does not say what there is that has no key', async () => {
    const { pass } = listed(true);
    const asked: string[] = [];
    const list = async (): Promise<readonly string[]> => (asked.push('list'), []);
    const create = async (beforeSent: (timesSent: number) => Promise<void>): Promise<string> => {
      sleeps();
      await beforeSent(0);
      return 'vol_1';
    };
    await createOnce(pass, volumeCall({ create, list }));
    expect(asked).toEqual(['list', 'list']);
  });

  it('carries no write, where it slept in the middle of a slow look', async () => {
    const listedAt: number[] = [];
    let sentAt = Infinity;
    const { pass } = passOver(clock, async ({ method }) => {
      if (method !== 'GET') {
        sentAt = clock.now();
        return { version: 1, secrets: [] };
      }
      listedAt.push(clock.now());
      await clock.park(6000);
      if (listedAt.length === 2) sleeps();
      return [];
    });
    await clock.sleep(6000);
    await pass.services.fly.setSecrets('shop', {});
    expect(listedAt).toHaveLength(3);
    expect(sentAt - (listedAt.at(-1) ?? -Infinity)).toBe(6000);
  });

  it('is none of the same moment as one after it', async () => {
    let lists = 0;
    const fly = flyAnswering(clock, ({ path }) => {
      if (path.endsWith('/shop')) return Response.json({ name: 'shop' });
      if (path.endsWith('/secrets')) return Response.json({ secrets: [] });
      if (path.endsWith('/ip_assignments')) return Response.json({ ips: [] });
      if (path.endsWith('/machines') && (lists += 1) === 1) sleeps();
      return Response.json([]);
    });
    await observeApp({ fly, app: 'shop', clock });
    expect(lists).toBe(2);
  });
});

it('a clock set back makes nothing fresh that was planned from', async () => {
  const observedAt = momentOf(clock);
  await clock.sleep(4000);
  clock.set(-hour);
  const { pass, calls } = passOver(clock, () => [], { observedAt });
  await clock.sleep(2000);
  await checkStillAsPlanned(pass, app);
  expect(calls).toEqual(['GET machines']);
});

describe('a lease of before the machine slept', () => {
  /** A pass that holds one; Fly answers a renewal with this nonce. */
  async function holding(renewedAs: string) {
    let asked = 0;
    const { pass, calls } = passOver(clock, ({ method }) => {
      if (method === 'DELETE') return {};
      asked += 1;
      return { status: 'success', data: { nonce: asked === 1 ? 'n1' : renewedAs, expires_at: 0 } };
    });
    const lease = await holdLease(pass, 'a1');
    return { lease, calls };
  }

  it('that ended meanwhile is lost, before anything is sent under it', async () => {
    const { lease } = await holding('n2');
    await clock.sleep(1000);
    sleeps();
    await expect((async () => lease.check())()).rejects.toThrow('lost the lease on a machine');
    await lease[Symbol.asyncDispose]();
  });

  it('is renewed once, for all who ask, where only the clock was set', async () => {
    const { lease, calls } = await holding('n1');
    sleeps();
    const check = async (): Promise<void> => lease.check();
    await Promise.all([check(), check()]);
    await check();
    expect(calls).toEqual(['POST lease', 'POST lease']);
    await lease[Symbol.asyncDispose]();
    expect(clock.pending).toBe(0);
  });

  it('costs nothing where the clock was set back', async () => {
    const { lease, calls } = await holding('n1');
    clock.set(-hour);
    await (async () => lease.check())();
    expect(calls).toEqual(['POST lease']);
    await lease[Symbol.asyncDispose]();
  });
});
