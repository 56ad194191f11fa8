import { expect, onTestFinished, test } from 'vitest';
import { watch } from '../storm/watch.ts';
import { filesOf, goodImage, type AppIdea } from '../storm/fleet.ts';
import { arena, type Arena } from './arena.ts';

/** Three machines of which one may be down. */
function greeting(text: string): AppIdea {
  return {
    name: 'shop',
    region: 'arn',
    // Pinned, so that each call is one to Fly: no registry is asked.
    image: `${goodImage}@sha256:${'5'.repeat(64)}`,
    env: { GREETING: text },
    memoryMb: undefined,
    secret: undefined,
    ips: ['v6'],
    groups: { web: { count: 3, serves: true, rests: false, checks: true, volumeGb: undefined } },
    strategy: 'rolling',
    maxUnavailable: 1,
    comment: 'a shop',
    broken: false,
  };
}

async function synced(): Promise<Arena> {
  const world = await arena({ orderly: true });
  world.write(filesOf({ apps: [greeting('hello')] }));
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  return world;
}

/** Which call of a sync updates the nth machine, from 1. */
async function callOfUpdate(nth: number): Promise<number> {
  const world = await synced();
  try {
    world.write(filesOf({ apps: [greeting('goodbye')] }));
    const { requests } = world.simulator.world;
    const before = requests.length;
    await world.flycd(['sync', '--once']);
    const calls = requests.slice(before).map(({ template }) => template);
    const updates = calls.flatMap((call, index) => (call === 'POST /apps/{app}/machines/{machine}' ? [index + 1] : []));
    return updates[nth - 1] ?? 0;
  } finally {
    await world.close();
  }
}

test.each([2, 3])(
  'killed while machine %i boots, then a new commit: it goes first, so that no second one is down beside it',
  async (nth) => {
    const call = await callOfUpdate(nth);
    const world = await synced();
    onTestFinished(() => world.close());
    const eyes = watch(world.simulator.world);
    world.write(filesOf({ apps: [greeting('goodbye')] }));
    await world.mortalFlycd(['sync', '--once'], { call, when: 'after' });
    const next = { apps: [greeting('hello again')] };
    world.write(filesOf(next));
    eyes.expect(next);
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
    expect(eyes.findings).toEqual([]);
  },
);
