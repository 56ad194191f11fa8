import { beforeEach, expect, test } from 'vitest';
import { defaultPolicy } from '../../../../src/model/base/policy.ts';
import type { DesiredFleet } from '../../../../src/model/desired.ts';
import type { Store } from '../../../../src/record/store.ts';
import { desiredApp, group } from '../../../plan/builders.ts';
import { testStore } from '../../../record/stores.ts';
import { fleetOf, ownFly } from '../../reconcilers.ts';

const fly = ownFly();
let store: Store;
let wanted: DesiredFleet;

const said = (inputs: string, auto = true): DesiredFleet =>
  fleetOf({
    revision: inputs.repeat(40),
    apps: [
      desiredApp({
        name: 'shop',
        inputs,
        groups: [group({ counts: { arn: 1 } })],
        policy: { ...defaultPolicy, auto },
      }),
    ],
  });

function running() {
  const reconciler = fly.reconciler(() => wanted, { store });
  const { signal } = new AbortController();
  return async (): Promise<{ readonly failed: boolean }> => {
    await reconciler.refresh(signal);
    return reconciler.reconcile('shop', 'webhook', signal);
  };
}

const stamps = (): readonly unknown[] => fly.machinesOf('shop').map(({ config }) => config.metadata?.['flycd_inputs']);

beforeEach(() => {
  store = testStore({ clock: fly.clock });
  wanted = said('1');
});

test('the loop writes stamps once, and its history says nothing of them', async () => {
  const pass = running();
  await pass();
  const [first] = await store.runs({ app: 'shop', limit: 9 });
  wanted = said('2');
  await pass();
  expect(stamps()).toEqual(['2']);
  const told = await store.runs({ app: 'shop', limit: 9 });
  expect(told).toEqual([first]);
  const [quiet] = await store.runs({ app: 'shop', all: true, limit: 1 });
  expect(quiet).toMatchObject({ outcome: 'no-change', status: 'synced', results: [], plan: { steps: [], holds: [] } });
  expect(quiet?.plan).not.toHaveProperty('bookkeeping');
  const writes = fly.simulator.world.writes().length;
  await pass();
  expect(fly.simulator.world.writes()).toHaveLength(writes);
  expect(await store.runs({ app: 'shop', all: true, limit: 9 })).toHaveLength(2);
});

test('a stamp that cannot be written is told, and tried again', async () => {
  const pass = running();
  await pass();
  wanted = said('2');
  const template = 'PATCH /apps/{app}/machines/{machine}/metadata';
  fly.simulator.world.faults.add({ template, times: 99, fault: { status: 422, body: { error: 'invalid_argument' } } });
  await pass();
  const [run] = await store.runs({ app: 'shop', limit: 1 });
  expect(run).toMatchObject({ outcome: 'failed', results: [{ kind: 'machine.label', outcome: 'failed' }] });
  fly.simulator.world.faults.clear();
  wanted = said('3');
  await pass();
  expect(stamps()).toEqual(['3']);
});

test('nothing is written behind the back of who said sync.auto: false', async () => {
  const pass = running();
  await pass();
  wanted = said('2', false);
  const writes = fly.simulator.world.writes().length;
  await pass();
  expect([fly.simulator.world.writes().length - writes, stamps()]).toEqual([0, ['1']]);
  const [run] = await store.runs({ app: 'shop', all: true, limit: 1 });
  expect(run).toMatchObject({ status: 'synced' });
});
