/** What the loop sees of people's words is remembered, and told, also where it changes nothing of an app's plan. */
import { expect, test } from 'vitest';
import { stampKeys } from '../../../../src/model/stamps/keys.ts';
import { formatHold, formatSuspension } from '../../../../src/model/standing/standing-text.ts';
import { parseGood } from '../../../../src/model/stamps/app-version.ts';
import { desiredApp, group } from '../../../plan/builders.ts';
import { testStore } from '../../../record/stores.ts';
import { fleetOf, ownFly } from '../../reconcilers.ts';

const fly = ownFly();

const hourMs = 3_600_000;
const shop = (version: string) =>
  desiredApp({
    name: 'shop',
    inputs: version,
    groups: [group({ counts: { arn: 1 }, configVersion: version.repeat(32), config: { env: { V: version } } })],
  });

/** `shop` runs as git says, and the loop keeps it. */
async function kept() {
  const real = testStore({ path: ':memory:', clock: fly.clock });
  let writes = 0;
  const store: typeof real = {
    ...real,
    applyEvent: (app, event) => {
      writes += 1;
      return real.applyEvent(app, event);
    },
    retell: (run, told) => {
      writes += 1;
      return real.retell(run, told);
    },
  };
  let wanted = fleetOf({ apps: [shop('a')] });
  const reconciler = fly.reconciler(() => wanted, { store });
  const { signal } = new AbortController();
  const turn = async (afterMs = hourMs): Promise<void> => {
    await fly.clock.sleep(afterMs);
    await reconciler.refresh(signal);
    await reconciler.reconcile('shop', 'timer', signal);
  };
  await turn(0);
  expect(machines()).toHaveLength(1);
  return {
    store,
    turn,
    writes: () => writes,
    says: (version: string) => {
      wanted = fleetOf({ apps: [shop(version)], revision: version.repeat(40) });
    },
  };
}

const machines = () => fly.machinesOf('shop').filter(({ state }) => !state.startsWith('destroy'));
const call = (method: string, path: string, body?: unknown) =>
  fetch(`${fly.simulator.url}/v1/apps/shop/machines/${path}`, {
    method,
    headers: { authorization: `Bearer ${fly.simulator.token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

/** As a person's FlyCD elsewhere writes it. */
async function said(key: string, value: string): Promise<void> {
  for (const { id } of machines()) {
    await call('POST', `${id}/metadata/${stampKeys.app}`, { value: 'shop' });
    expect((await call('POST', `${id}/metadata/${key}`, { value })).ok).toBe(true);
  }
}
let count = 0;
const suspended = (reason: string, hours?: number) => {
  const until = hours === undefined ? undefined : fly.clock.now() + hours * hourMs;
  return said(
    stampKeys.suspend,
    formatSuspension({ reason, by: 'bob', at: fly.clock.now(), until, count: (count += 1) }),
  );
};
async function allGone(): Promise<void> {
  for (const { id } of machines()) await call('DELETE', `${id}?force=true`);
  await fly.clock.sleep(60_000);
  expect(machines()).toEqual([]);
}

test('a suspension that is made longer stands once the machines are gone', async () => {
  const { turn, says } = await kept();
  await suspended('short', 4);
  await turn();
  await suspended('for good');
  await turn();
  await allGone();
  says('b');
  await turn(5 * hourMs);
  expect(machines()).toEqual([]);
});

test('one that is made shorter ends when it says once the machines are gone', async () => {
  const { turn, says } = await kept();
  await suspended('for good');
  await turn();
  await suspended('short', 4);
  await turn();
  await allGone();
  says('b');
  await turn();
  expect(machines()).toEqual([]);
  await turn(5 * hourMs);
  expect(machines()).toHaveLength(1);
});

test('a rollback that is said while the app is suspended stands once the machines are gone', async () => {
  const { turn, store } = await kept();
  await suspended('a look');
  await turn();
  const to = parseGood(machines()[0]?.config.metadata?.[stampKeys.good]);
  if (to === undefined) throw new Error('a version that ran well');
  await said(stampKeys.hold, formatHold({ to, by: 'bob', at: fly.clock.now(), count: 1 }));
  await turn();
  await allGone();
  expect((await store.memory('shop')).standing.map(({ key }) => key)).toContain(stampKeys.hold);
});

test('status tells the words of now, in the run that is there, and nothing is written while they stay', async () => {
  const { turn, store, writes } = await kept();
  await suspended('short', 40);
  await turn();
  const [before] = await store.latestRuns();
  await suspended('for good');
  await turn();
  const [run, ...more] = await store.latestRuns();
  expect(more).toEqual([]);
  expect(run?.plan.holds[0]?.because).toContain('for good');
  expect(run?.nextWakeAt).toBeUndefined();
  expect([run?.id, run?.finishedAt, run?.plan.planId]).toEqual([before?.id, before?.finishedAt, before?.plan.planId]);
  const from = writes();
  for (let times = 0; times < 3; times += 1) await turn();
  expect(writes()).toBe(from);
});

test('nothing is written of an app in sync', async () => {
  const { turn, writes } = await kept();
  await turn();
  const from = writes();
  for (let times = 0; times < 3; times += 1) await turn();
  expect(writes()).toBe(from);
});
