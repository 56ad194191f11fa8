/** An organization's list that always takes longer than anybody waits for it: what the last whole one told counts for a while. */
import { expect, test } from 'vitest';
import type { DesiredFleet } from '../../../../src/model/desired.ts';
import { fleetOf, pruning, ownFly, servingApp } from '../../reconcilers.ts';

const fly = ownFly();

const [both, one] = [['old', 'rest'], ['rest']].map((names, index) =>
  fleetOf({ apps: names.map(servingApp), revision: `content:${index}`, policy: pruning }),
) as [DesiredFleet, DesiredFleet];

const list = 'GET /orgs/{org}/machines';
const late = (): void => fly.simulator.world.faults.add({ template: list, times: 999, fault: { latencyMs: 15_000 } });

/** Both apps run. */
async function settled() {
  const { signal } = new AbortController();
  let wanted = both;
  const reconciler = fly.reconciler(() => wanted);
  /** And so many minutes go by. */
  const refresh = async (minutes: number): Promise<void> => {
    await reconciler.refresh(signal, 'timer');
    await fly.clock.sleep(minutes * 60_000);
  };
  const turn = (name: string) => reconciler.reconcile(name, 'timer', signal);
  await refresh(0);
  for (const name of ['old', 'rest']) await turn(name);
  await refresh(3);
  wanted = one;
  late();
  return { refresh, turn };
}

test('no orphan waits for ever', async () => {
  const { refresh, turn } = await settled();
  for (let times = 0; times < 3; times += 1) {
    await refresh(0);
    await turn('old');
    await fly.clock.sleep(180_000);
  }
  expect(fly.names()).toEqual(['rest']);
});

test('one of before git said what it says now tells nothing', async () => {
  const { refresh, turn } = await settled();
  await refresh(0);
  await turn('old');
  expect(fly.names()).toEqual(['old', 'rest']);
});

test('one of more than ten minutes ago tells nothing', async () => {
  const { refresh, turn } = await settled();
  await refresh(10);
  await refresh(0);
  await turn('old');
  expect(fly.names()).toEqual(['old', 'rest']);
});

test('one with gaps that came since is the newer word', async () => {
  const { refresh, turn } = await settled();
  await refresh(1);
  const gaps = { status: 200, body: { machines: [], error_regions: ['syd'], next_cursor: '' } };
  fly.simulator.world.faults.add({ template: list, times: 1, fault: gaps });
  await refresh(1);
  await refresh(0);
  await turn('old');
  expect(fly.names()).toEqual(['old', 'rest']);
});

test('one of before the machine slept tells nothing', async () => {
  const { refresh, turn } = await settled();
  await refresh(1);
  fly.clock.set(3_600_000);
  await refresh(0);
  await turn('old');
  expect(fly.names()).toEqual(['old', 'rest']);
});
