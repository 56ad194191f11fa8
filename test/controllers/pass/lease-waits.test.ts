/** Who waits for a lease gives way to a newer commit, whatever Fly answered last; and what is said of a lease is who holds it. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startSimulator, type Simulator } from '../../../simulator/simulator.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import type { DesiredApp, DesiredFleet } from '../../../src/model/desired.ts';
import { desiredApp, group, webService } from '../../plan/builders.ts';
import { testStore } from '../../record/stores.ts';
import { flyAnswering } from '../answered-fly.ts';
import { fleetOf, reconcilerOf } from '../reconcilers.ts';

let simulator: Simulator;
let clock: IdleClock;

beforeEach(async () => {
  clock = new IdleClock();
  simulator = await startSimulator({ clock });
});
afterEach(() => simulator.close());

function app(color: string): DesiredApp {
  const groups = [group({ counts: { arn: 1 }, config: { env: { COLOR: color }, services: [webService] } })];
  return desiredApp({ name: 'shop', groups, inputs: color });
}

const json =
  (body: unknown, status: number, headers: Readonly<Record<string, string>> = {}) =>
  () =>
    Response.json(body, { status, headers });

const lease = (description: string, owner = 'me') =>
  json(
    {
      status: 'success',
      data: { nonce: 'x', expires_at: Math.ceil(clock.now() / 1000) + 25, owner, description, version: '' },
    },
    200,
  )();

const heldBy = (owner: string) => {
  const message = `machine ID x lease currently held by ${owner}, expires at ${new Date(clock.now() + 25_000).toISOString()}`;
  return json({ status: 'error', message, code: 'x' }, 409)();
};

const silence = (): never => {
  throw new TypeError('fetch failed');
};

/** A release that waits for the lease on its machine, where Fly answers so; git moves on after eight seconds, where it does. */
async function waiting(
  answers: { readonly taken: (nth: number) => Response; readonly read: (() => Response) | undefined },
  isNewer = true,
) {
  const { url, token } = simulator;
  const store = testStore({ clock });
  let isArmed = false;
  let asked = 0;
  const hooked: typeof fetch = async (input, init) => {
    const { pathname } = new URL(input instanceof Request ? input.url : String(input));
    if (!isArmed || !pathname.endsWith('/lease')) return fetch(input, init);
    if (init?.method === 'POST') return answers.taken((asked += 1));
    return answers.read?.() ?? fetch(input, init);
  };
  let wanted: DesiredFleet = fleetOf({ apps: [app('red')], revision: '1'.repeat(40) });
  const reconciler = reconcilerOf(
    { wanted: () => wanted, url, token, fetch: hooked, clock, store },
    { configRepo: undefined, reporter: undefined },
  );
  const { signal } = new AbortController();
  const says = async (color: string, digit: string): Promise<void> => {
    wanted = fleetOf({ apps: [app(color)], revision: digit.repeat(40) });
    await reconciler.refresh(signal);
  };
  await says('red', '1');
  await reconciler.reconcile('shop', 'webhook', signal);
  await says('blue', '2');
  isArmed = true;
  const pass = reconciler.reconcile('shop', 'webhook', signal);
  if (isNewer) await clock.sleep(8000).then(() => says('green', '3'));
  await pass;
  const [run] = await store.latestRuns();
  return { outcome: run?.outcome, said: JSON.stringify(run?.results), kinds: run?.results.map((one) => one.outcome) };
}

describe('git moves on while a release waits for a lease', () => {
  test.each<readonly [string, () => Response, (() => Response) | undefined]>([
    [
      'that Fly asks to be left alone with',
      json({ error: 'rate limit exceeded' }, 429, { 'retry-after': '30' }),
      undefined,
    ],
    ['for which Fly is not well', json({ error: 'no' }, 503, { 'retry-after': '30' }), undefined],
    ['of an earlier FlyCD', () => heldBy('me'), () => lease('flycd:acme:other')],
    ['of which no answer tells', silence, () => lease('flycd:acme:other')],
  ])('%s: nothing has failed', async (_what, taken, read) => {
    const { outcome, said, kinds } = await waiting({ taken, read });
    expect(outcome, said).not.toBe('failed');
    expect(kinds, said).not.toContain('failed');
  });
});

test('who holds a lease is said also where the first answer was lost', async () => {
  const taken = (nth: number): Response => (nth <= 1 ? silence() : heldBy('bob'));
  const { outcome, said } = await waiting({ taken, read: () => lease('fly deploy', 'bob') }, false);
  expect(said).toContain('bob is working on the machine');
  expect(outcome, said).not.toBe('failed');
});

test('a lease that was lost is said to be, also where the new one cannot be given back', async () => {
  const fly = flyAnswering(clock, ({ method }) =>
    method === 'DELETE' ? json({ error: 'no' }, 500)() : json({ data: { nonce: 'another' } }, 201)(),
  );
  const renewed = fly.refreshLease('shop', '1', 'mine', { ttlSeconds: 30, patienceMs: 10_000 });
  await expect(renewed).rejects.toThrow('The lease on the machine ran out before it was renewed');
});
