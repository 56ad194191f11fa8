/** What was taken away though Fly's answer was lost is told as done, whatever keeps the call from being sent once more. */
import { beforeEach, describe, expect, it, test } from 'vitest';
import { applySecretSteps } from '../../../controllers/kinds/secrets.ts';
import { startSimulator } from '../../../simulator/simulator.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { stampKeys } from '../../../src/model/stamps/keys.ts';
import { formatSuspension } from '../../../src/model/standing/standing-text.ts';
import { desiredApp, group, machine } from '../../plan/builders.ts';
import { testStore } from '../../record/stores.ts';
import { passOver } from '../pass/passes.ts';
import { fleetOf, reconcilerOf } from '../reconcilers.ts';

const counting = (count: number) =>
  fleetOf({
    revision: `content:${count}`,
    apps: [desiredApp({ name: 'shop', inputs: String(count), groups: [group({ counts: { arn: count } })] })],
  });

test.each([5000, 12_000, 35_000, 65_000])('a machine whose destroy is answered after %i ms, to nobody', async (ms) => {
  const clock = new IdleClock();
  const simulator = await startSimulator({ clock });
  let [wanted, losesOne] = [counting(3), false];
  const store = testStore({ path: ':memory:', clock });
  const losing: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    const path = input instanceof Request ? input.url : String(input);
    if (!losesOne || init?.method !== 'DELETE' || path.includes('/lease')) return response;
    losesOne = false;
    await response.text();
    await clock.park(ms, init.signal ?? undefined);
    throw new Error('socket hang up');
  };
  const { signal } = new AbortController();
  const { url, token } = simulator;
  const reconciler = reconcilerOf(
    { wanted: () => wanted, url, token, fetch: losing, clock, store },
    { configRepo: undefined, reporter: undefined },
  );
  try {
    await reconciler.refresh(signal);
    await reconciler.reconcile('shop', 'timer', signal);
    [wanted, losesOne] = [counting(2), true];
    await reconciler.refresh(signal);
    await reconciler.reconcile('shop', 'timer', signal);
    const [run] = await store.runs({ app: 'shop', limit: 1 });
    expect(run?.results.map(({ kind, outcome }) => [kind, outcome])).toEqual([['machine.destroy', 'deleted']]);
    expect(run?.outcome).toBe('updated');
  } finally {
    await simulator.close();
  }
});

describe('a person suspends the app before it is sent once more', () => {
  let clock: IdleClock;
  beforeEach(() => {
    clock = new IdleClock();
  });

  /** The first of these writes is done or not; its answer is lost after 12 s, and by then somebody has said something. */
  function shop(method: string, { isDone, lostTimes = 1 }: { readonly isDone: boolean; readonly lostTimes?: number }) {
    let [isSaid, isThere] = [lostTimes > 1, true];
    let sent = 0;
    const word = formatSuspension({ reason: 'incident', by: 'bob', at: 0, until: undefined, count: 1 });
    const { pass } = passOver(clock, async (call) => {
      const metadata = isSaid && lostTimes === 1 ? { [stampKeys.suspend]: word } : {};
      const machines = ['a1', 'a2'].map((id) => machine(desiredApp(), { id, metadata }));
      if (call.method === method) {
        sent += 1;
        if (sent <= lostTimes) {
          isThere = !(isDone && sent === lostTimes);
          isSaid = true;
          await clock.park(12_000);
          throw new Error('socket hang up');
        }
        isThere = false;
        return {};
      }
      if (call.path.endsWith('/machines')) return isThere ? machines : machines.slice(1);
      if (call.path.endsWith('/ip_assignments')) return { ips: isThere ? [{ ip: '1.2.3.4' }] : [] };
      if (call.path.endsWith('/secrets')) return { secrets: isThere ? [{ name: 'OLD', digest: 'd' }] : [] };
      if (call.path.endsWith('a1') && !isThere) return new Response('{"error":"not found"}', { status: 404 });
      return machines[0];
    });
    const step = { kind: 'secret.unset', app: 'shop', target: 'OLD', name: 'OLD' } as const;
    const writes = {
      machine: () => pass.services.fly.destroyMachine('shop', 'a1'),
      address: () => pass.services.fly.releaseAddress('shop', '1.2.3.4'),
      secret: () => applySecretSteps(pass, [{ ...step, because: '', changes: [], risk: 'destructive' }]),
    };
    return (what: keyof typeof writes) =>
      writes[what]()
        .then(() => 'done')
        .catch(String);
  }
  const rows = [
    ['machine', 'DELETE'],
    ['address', 'DELETE'],
    ['secret', 'POST'],
  ] as const;

  it.each(rows)('what has been done is done: %s', async (what, method) => {
    expect(await shop(method, { isDone: true })(what)).toBe('done');
  });

  it.each(rows)('what has not is not sent: %s', async (what, method) => {
    expect(await shop(method, { isDone: false })(what)).toContain('bob said so');
  });

  it.each(rows)('it is where the answer of the last try is lost: %s', async (what, method) => {
    expect(await shop(method, { isDone: true, lostTimes: what === 'secret' ? 3 : 4 })(what)).toBe('done');
  });
});
