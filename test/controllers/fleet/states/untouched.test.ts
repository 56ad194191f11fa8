import { beforeEach, expect, test } from 'vitest';
import { signal, start } from '../../../../simulator/machines/lifecycle.ts';
import { recordUnreached } from '../../../../controllers/fleet/untouched.ts';
import { Fault } from '../../../../src/model/base/fault.ts';
import type { DesiredFleet } from '../../../../src/model/desired.ts';
import type { Store } from '../../../../src/record/store.ts';
import { desiredApp, group } from '../../../plan/builders.ts';
import { testStore } from '../../../record/stores.ts';
import { arena, type Arena } from '../../arena.ts';
import { fleetOf, ownFly } from '../../reconcilers.ts';

const fly = ownFly();
let store: Store;
let wanted: DesiredFleet;
let refused = false;
/** What stands between FlyCD and Fly. undefined: nothing. */
let answers: (() => Response) | undefined;
let tries = 0;

const shop = (region = 'arn') =>
  desiredApp({ name: 'shop', inputs: region, groups: [group({ counts: { [region]: 1 } })], primaryRegion: region });
const valid = (region?: string): DesiredFleet => fleetOf({ apps: [shop(region)] });

const refusal = (): Promise<Response> => Promise.resolve(Response.json({ error: 'unauthorized' }, { status: 401 }));

const asking: typeof fetch = async (...asked) => {
  if (refused) return refusal();
  tries += 1;
  return answers === undefined ? fetch(...asked) : answers();
};

function running() {
  const reconciler = fly.reconciler(() => wanted, { fetch: asking, store });
  return async (signal = new AbortController().signal): Promise<void> => {
    try {
      await reconciler.refresh(signal);
      await reconciler.reconcile('shop', 'timer', signal);
    } catch {
      // The loop tells of it, and tries again.
    }
  };
}

const words = async () => (await store.latestRuns()).map(({ app, status }) => `${app} ${status}`);
const runs = async (): Promise<number> => (await store.runs({ app: 'shop', all: true, limit: 99 })).length;

beforeEach(() => {
  store = testStore({ clock: fly.clock });
  wanted = valid();
  refused = false;
  answers = undefined;
});

/** What the loop finds instead of an app that it synced before, and how the app is called while that is so. */
const cases: readonly (readonly [string, string, () => void])[] = [
  [
    'its file is invalid',
    'invalid',
    () => (wanted = fleetOf({ apps: [], invalid: [{ name: 'shop', file: 'shop/app.yaml' }] })),
  ],
  ['the token is refused', 'failed', () => (refused = true)],
  ['its region is none of Fly’s', 'failed', () => (wanted = valid('xyz'))],
];

test.each(cases)('where %s, status says %s, once, until that is over', async (_what, word, befalls) => {
  const pass = running();
  // The second one finds nothing to do, as the last one will again.
  await pass();
  await pass();
  expect(await words()).toEqual(['shop synced']);
  befalls();
  await pass();
  expect(await words()).toEqual([`shop ${word}`]);
  const told = await runs();
  await pass();
  await pass();
  expect(await runs()).toBe(told);
  refused = false;
  wanted = valid();
  // A token that was refused is not tried again for half of that.
  await fly.clock.sleep(60_000);
  await pass();
  expect(await words()).toEqual(['shop synced']);
});

test.each([
  ['answers 500', 'failed', () => new Response('upstream', { status: 500 })],
  ['answers no two times alike', 'failed', () => new Response('upstream', { status: 500 + (tries % 4) })],
  ['asks to be left alone', 'pending', () => new Response('', { status: 503, headers: { 'retry-after': '1200' } })],
])(
  'where Fly %s, an app that cannot be looked at is told of by status, in one run, until that is over',
  async (_what, word, answer) => {
    const pass = running();
    await pass();
    answers = answer;
    // Which organization it is in has to be asked for.
    wanted = fleetOf({ apps: [{ ...shop(), org: undefined }] });
    for (let times = 0; times < 4; times += 1) {
      await pass();
      await fly.clock.sleep(60_000);
    }
    const [run] = await store.latestRuns();
    expect(await words()).toEqual([`shop ${word}`]);
    expect(run?.plan.problems[0]?.message).toContain('Fly');
    expect(await runs()).toBe(2);
    answers = undefined;
    await fly.clock.sleep(1_200_000);
    await pass();
    expect(await words()).toEqual(['shop synced']);
    expect(await runs()).toBe(3);
  },
);

test.each([
  ['stalled', 2],
  ['held', 2],
  ['transient', 1],
] as const)('an app that is %s for another reason than before: %d runs tell of it', async (kind, told) => {
  const recording = { store, fleet: valid(), trigger: 'timer', actor: 'flycd' } as const;
  for (const what of ['its host is full', 'its host is full', 'its place is not there'])
    await recordUnreached(recording, [shop()], new Fault({ kind, what }));
  const [run] = await store.latestRuns();
  expect(run?.plan.problems[0]?.message).toContain('its place is not there');
  expect(await runs()).toBe(told);
});

test('a machine that crashes for good is written down by the loop, once, and so is that it runs again', async () => {
  const pass = running();
  await pass();
  const { world } = fly.simulator;
  const [machine] = world.apps.get('shop')?.machines.values() ?? [];
  if (machine === undefined) throw new Error('no machine');
  const crash = (): void => {
    if (machine.state === 'started') signal(world, machine, 'KILL');
  };
  world.onStateChange = (changed) => {
    if (changed === machine && changed.state === 'started') fly.clock.timer(1000, crash);
  };
  crash();
  await fly.clock.sleep(600_000);
  for (let times = 0; times < 3; times += 1) await pass();
  expect(await words()).toEqual(['shop synced']);
  expect((await store.latestRuns())[0]?.plan.degraded).toHaveLength(1);
  expect(await runs()).toBe(2);
  world.onStateChange = undefined;
  start(world, machine);
  await fly.clock.sleep(60_000);
  for (let times = 0; times < 2; times += 1) await pass();
  expect((await store.latestRuns())[0]?.plan.degraded).toBe(undefined);
  expect(await runs()).toBe(3);
});

test('a pass that a stop of FlyCD ends says nothing of its app', async () => {
  const pass = running();
  await pass();
  const stop = new AbortController();
  answers = () => {
    stop.abort(new Error('FlyCD is stopping'));
    return new Response('upstream', { status: 500 });
  };
  wanted = fleetOf({ apps: [{ ...shop(), org: undefined }] });
  await pass(stop.signal);
  expect(await words()).toEqual(['shop synced']);
});

test('a pass that a refused token ends says so of each app, once', async () => {
  const world: Arena = await arena();
  const yaml = "primary_region: arn\nbuild: { image: 'nginx:1' }\nmachines: { count: 1 }\n";
  world.write({ 'a/app.yaml': `app: a\n${yaml}`, 'b/app.yaml': `app: b\n${yaml}` });
  const status = async () => {
    const { apps } = JSON.parse((await world.flycd(['status', '--output', 'json'])).stdout) as {
      readonly apps: readonly {
        readonly app: string;
        readonly status: string;
        readonly run: { readonly id: number };
      }[];
    };
    return apps.map((one) => [one.app, one.status, one.run.id]);
  };
  await world.flycd(['sync', '--once']);
  const before = await status();
  expect(before.map(([, word]) => word)).toEqual(['synced', 'synced']);
  const bad = { FLY_API_TOKEN: 'another', FLY_ACCESS_TOKEN: '' };
  expect((await world.flycd(['sync', '--once'], 'state', undefined, bad)).code).toBe(1);
  const after = await status();
  expect(after.map(([, word]) => word)).toEqual(['failed', 'failed']);
  await world.flycd(['sync', '--once'], 'state', undefined, bad);
  expect(await status()).toEqual(after);
  await world.flycd(['sync', '--once']);
  expect((await status()).map(([, word]) => word)).toEqual(['synced', 'synced']);
  await world.close();
});
