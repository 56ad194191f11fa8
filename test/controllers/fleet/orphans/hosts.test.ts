/** A machine of an app that git no longer names that cannot be held, or seen: what a person says there would go with the app, unread. */
import { describe, expect, test } from 'vitest';
import { hostDown, hostUp } from '../../../../simulator/machines/host-failures.ts';
import { stampKeys } from '../../../../src/model/stamps/keys.ts';
import { orphanScene } from './scene.ts';

const scene = orphanScene();
const { names, removed, suspendOld, machinesOf } = scene;
const template = 'DELETE /apps/{app}';
const lease = 'POST /apps/{app}/machines/{machine}/lease';

const isHeld = () => machinesOf('old').some((machine) => (machine.lease?.expiresAt ?? 0) > scene.clock.now());
const asked = () => scene.simulator.world.requests.filter((one) => one.template === template).length;
const hostOf = (place: number): string => machinesOf('old')[place]?.host ?? '';
const down = (place: number): void => hostDown(scene.simulator.world, hostOf(place));
const up = (place: number): void => hostUp(scene.simulator.world, hostOf(place));

/** As the loop comes back: a pass that finds how the others are to be looked at first is followed by another one at once. */
async function untilGone(turn: (app: string) => Promise<unknown>): Promise<void> {
  for (let turns = 0; turns < 2 && names().includes('old'); turns += 1) await turn('old');
}

/** While this call is under way, the next time that it is made. */
async function during(what: string, turn: (app: string) => Promise<unknown>, work: () => unknown): Promise<void> {
  scene.simulator.world.faults.add({ template: what, app: 'old', times: 1, fault: { latencyMs: 4000 } });
  const count = () => scene.simulator.world.requests.filter((one) => one.template === what && one.app === 'old').length;
  const before = count();
  const turned = turn('old');
  while (count() === before) await scene.clock.sleep(50);
  await scene.clock.busy(async () => work());
  await turned;
}

describe('while a host of it does not answer it is held, and goes once the host does', () => {
  test.each([
    ['its only one', 1, [0]],
    ['all of three', 3, [0, 1, 2]],
    ['one of two', 2, [1]],
    ['the first of two', 2, [0]],
  ])('%s', async (_which, machines, silent) => {
    const { turn, store } = await removed({ machines });
    silent.forEach(down);
    const { nextWakeAt = Infinity } = await turn('old');
    expect(asked()).toBe(0);
    const [run] = await store.runs({ app: 'old', limit: 1 });
    expect(run).toMatchObject({ outcome: 'held', plan: { holds: [{ reason: 'unreachable' }] } });
    expect(run?.plan.holds[0]?.next).toContain('fly apps destroy old');
    expect(isHeld()).toBe(false);
    silent.forEach(up);
    await scene.clock.sleep(Math.max(0, nextWakeAt - scene.clock.now()));
    await untilGone(turn);
    expect(names()).toEqual(['rest']);
  });
});

test.each([
  ['while it is leased', lease],
  ['once it is leased', 'GET /apps/{app}/volumes'],
  ['while Fly makes the destroy wait', template],
])('a host that falls silent %s keeps it', async (_when, what) => {
  const { turn, store } = await removed({ machines: 2 });
  const fault = { status: 429, body: {}, headers: { 'retry-after': '10' } };
  scene.simulator.world.faults.add({ template, app: 'old', times: 1, fault });
  if (what !== lease && what !== template)
    scene.simulator.world.faults.add({ template: what, app: 'old', times: 1, fault: { latencyMs: 1 } });
  await during(what, turn, () => down(1));
  expect(names()).toEqual(['old', 'rest']);
  const [run] = await store.runs({ app: 'old', limit: 1 });
  expect(run).toMatchObject({ outcome: 'held', plan: { holds: [{ reason: 'unreachable' }] } });
  expect(isHeld()).toBe(false);
});

describe('a machine that Fly shows, and gives no lease on', () => {
  const fault = { status: 404, body: { error: 'machine not found' } };

  test('keeps it', async () => {
    const { turn } = await removed();
    scene.simulator.world.faults.add({ template: lease, app: 'old', times: 9, fault });
    await turn('old');
    expect(names()).toEqual(['old', 'rest']);
    scene.simulator.world.faults.clear();
    await scene.clock.sleep(60_000);
    await untilGone(turn);
    expect(names()).toEqual(['rest']);
  });
});

test('what a person has said keeps it also while a host is silent, and is what is told', async () => {
  const { turn, store } = await removed({ machines: 2 });
  await suspendOld();
  down(1);
  await turn('old');
  const [run] = await store.runs({ app: 'old', limit: 1 });
  expect(run).toMatchObject({ outcome: 'held', plan: { holds: [{ reason: 'suspended' }] } });
  expect(machinesOf('old')[0]?.config.metadata).toHaveProperty(stampKeys.suspend);
});
