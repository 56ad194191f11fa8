/** What Fly answers by list and by id, right before an app is destroyed that git no longer names: what is not shown is not gone. */
import { describe, expect, test } from 'vitest';
import { stampKeys } from '../../../../src/model/stamps/keys.ts';
import { orphanScene } from './scene.ts';

const scene = orphanScene();
const { names, removed, suspendOld, machinesOf } = scene;
const template = 'DELETE /apps/{app}';
const lease = 'POST /apps/{app}/machines/{machine}/lease';

const isHeld = () => machinesOf('old').some((machine) => (machine.lease?.expiresAt ?? 0) > scene.clock.now());
const words = () => machinesOf('old').filter(({ config }) => config.metadata?.[stampKeys.suspend] !== undefined);
const asked = (what: string) => scene.simulator.world.requests.filter((one) => one.template === what).length;

/** Fly, which answers otherwise where `other` says so of a path below /v1/apps/old. */
const answering =
  (other: (path: string) => Response | undefined): typeof fetch =>
  async (input, init) => {
    const { pathname } = new URL(input instanceof Request ? input.url : String(input));
    const path = /^\/v1\/apps\/old(.*)$/.exec(pathname)?.[1];
    const isRead = (init?.method ?? 'GET') === 'GET' && path !== undefined;
    return (isRead ? other(path) : undefined) ?? fetch(input, init);
  };

/** As a person is shown it. */
async function shown(place: number): Promise<object> {
  const { url, token } = scene.simulator;
  const at = `${url}/v1/apps/old/machines/${machinesOf('old')[place]?.id}`;
  const machine: unknown = await (await fetch(at, { headers: { authorization: `Bearer ${token}` } })).json();
  if (typeof machine !== 'object' || machine === null) throw new Error('a machine');
  return machine;
}

/** While FlyCD waits for its first lease, which tells nobody yet. */
async function atLease(turn: (app: string) => Promise<unknown>, work: () => Promise<unknown>): Promise<void> {
  scene.simulator.world.faults.add({ template: lease, app: 'old', times: 1, fault: { latencyMs: 20_000 } });
  const before = asked(lease);
  const turned = turn('old');
  while (asked(lease) === before) await scene.clock.sleep(50);
  await scene.clock.busy(async () => work());
  await turned;
}

const notFound = () => Response.json({ error: 'machine not found' }, { status: 404 });
const dark = (machine: object) =>
  Response.json({ ...machine, config: null, incomplete_config: null, host_status: 'unreachable' });

describe.each([
  ['shows no config', dark],
  ['says that there is none', notFound],
])('where Fly, asked for a machine by its id, %s for a moment', (_how, answer) => {
  /** Such an answer, once. */
  const once = () => {
    let path: string | undefined;
    let response = notFound();
    const way = answering((at) => {
      if (at !== path) return undefined;
      path = undefined;
      return response;
    });
    const begin = async (place: number): Promise<void> => {
      response = answer(await shown(place));
      path = `/machines/${machinesOf('old')[place]?.id}`;
    };
    return { way, begin };
  };

  test.each([0, 1])('a suspension that stands on it alone, machine %d of two, keeps the app', async (place) => {
    const { way, begin } = once();
    const { turn, ofOld } = await removed({ machines: 2, ways: [way] });
    await atLease(turn, async () => {
      await suspendOld();
      delete machinesOf('old')[1 - place]?.config.metadata?.[stampKeys.suspend];
      await begin(place);
    });
    expect(words()).toHaveLength(1);
    expect((await ofOld())[0]).toBe('held');
    expect(isHeld()).toBe(false);
    await scene.clock.sleep(60_000);
    await turn('old');
    expect(names()).toEqual(['old', 'rest']);
  });

  test('a machine of somebody’s that the list shows keeps the app', async () => {
    const { way, begin } = once();
    const { turn } = await removed({ ways: [way] });
    await atLease(turn, async () => {
      await scene.call('POST', '/apps/old/machines', { region: 'arn', config: { image: 'postgres:16' } });
      await begin(1);
    });
    expect(machinesOf('old')).toHaveLength(2);
    expect(isHeld()).toBe(false);
  });
});

describe('where Fly lists no machine of it for a moment', () => {
  /** An empty list, once, to whoever asks next. */
  const emptyOnce = () => {
    let isDue = false;
    const way = answering((path) => {
      if (!isDue || path !== '/machines') return undefined;
      isDue = false;
      return Response.json([]);
    });
    return { way, begin: async () => void (isDue = true) };
  };

  test('a suspension keeps it that was said behind a try of which no answer came', async () => {
    const { way, begin } = emptyOnce();
    const { turn } = await removed({ ways: [way] });
    scene.simulator.world.faults.add({ template, app: 'old', times: 1, fault: { latencyMs: 20_000 } });
    scene.simulator.world.faults.add({ template, app: 'old', times: 1, fault: { status: 504, body: {} } });
    const turned = turn('old');
    while (asked(template) === 0) await scene.clock.sleep(50);
    await scene.clock.busy(suspendOld);
    await begin();
    await turned;
    expect(words()).toHaveLength(1);
    expect(asked(template)).toBe(1);
  });

  test('so does one that was said before the first try', async () => {
    const { way, begin } = emptyOnce();
    const { turn, ofOld } = await removed({ ways: [way] });
    await atLease(turn, async () => {
      await suspendOld();
      await begin();
    });
    expect((await ofOld())[0]).toBe('held');
    expect(words()).toHaveLength(1);
  });

  test('one that nobody speaks for goes all the same', async () => {
    const { way, begin } = emptyOnce();
    const { turn } = await removed({ ways: [way] });
    await atLease(turn, begin);
    expect(names()).toEqual(['rest']);
  });
});

test('a word that the list alone shows keeps it', async () => {
  let before: object | undefined;
  const late = answering((path) =>
    before !== undefined && /^\/machines\/[^/]+$/.test(path) ? Response.json(before) : undefined,
  );
  const { turn, ofOld } = await removed({ ways: [late] });
  await atLease(turn, async () => {
    before = await shown(0);
    await suspendOld();
  });
  expect(words()).toHaveLength(1);
  expect((await ofOld())[0]).toBe('held');
});

describe('an app that stands is not said to be deleted', () => {
  const noApp = () => Response.json({ error: 'app not found' }, { status: 404 });
  const nothing = { status: 404, body: { error: 'app not found' } };
  const unclear = { status: 503, body: { error: 'unavailable' } };

  /** Fly shows neither the app nor a list of its machines, for so many looks from then on. */
  const hidden = () => {
    const left = { '': 0, '/machines': 0 };
    const way = answering((path) => {
      if ((path !== '' && path !== '/machines') || left[path] === 0) return undefined;
      left[path] -= 1;
      return noApp();
    });
    return { way, begin: (looks: number) => Object.assign(left, { '': looks, '/machines': looks }) };
  };
  const refuse = (...faults: readonly { readonly status: number; readonly body: unknown }[]) => {
    for (const [at, fault] of faults.entries())
      scene.simulator.world.faults.add({ template, app: 'old', nth: at + 1, times: 1, fault });
  };
  /** What is said to be deleted is gone, and what is gone is said to be. */
  const isTrue = async (ofOld: () => Promise<readonly (string | undefined)[]>) =>
    expect((await ofOld())[0] === 'deleted').toBe(!names().includes('old'));

  test('where Fly answers the destroy once that there is none', async () => {
    const { turn, ofOld } = await removed({ machines: 2 });
    refuse(nothing);
    await turn('old');
    expect(names()).toEqual(['old', 'rest']);
    await isTrue(ofOld);
    expect(isHeld()).toBe(false);
    await scene.clock.sleep(30_000);
    await turn('old');
    expect(names()).toEqual(['rest']);
    await isTrue(ofOld);
  });

  test('where Fly answers so behind a try of which no answer came', async () => {
    const { turn, ofOld, store } = await removed();
    refuse(unclear, nothing);
    await turn('old');
    expect(names()).toEqual(['old', 'rest']);
    await isTrue(ofOld);
    // The first of them may still be done.
    expect(isHeld()).toBe(true);
    const [run] = await store.runs({ app: 'old', limit: 1 });
    expect(run?.results[0]?.next).toContain('its machines stay leased');
    await scene.clock.sleep(90_000);
    await turn('old');
    await isTrue(ofOld);
    expect(names()).toEqual(['rest']);
  });

  test.each([1, 2])('where Fly does not show it behind such a try, %d times', async (looks) => {
    const { way, begin } = hidden();
    const { turn, ofOld } = await removed({ ways: [way] });
    refuse(unclear);
    scene.simulator.world.faults.add({ template, app: 'old', times: 1, fault: { latencyMs: 8000 } });
    const turned = turn('old');
    while (asked(template) === 0) await scene.clock.sleep(50);
    begin(looks);
    await turned;
    await isTrue(ofOld);
  });

  test.each([1, 2])('where Fly does not show it behind the last of such tries, %d times', async (looks) => {
    const { way, begin } = hidden();
    const { turn, ofOld } = await removed({ ways: [way] });
    refuse(unclear, unclear, unclear, unclear);
    scene.simulator.world.faults.add({ template, app: 'old', nth: 4, times: 1, fault: { latencyMs: 8000 } });
    const turned = turn('old');
    while (asked(template) < 4) await scene.clock.sleep(50);
    begin(looks);
    await turned;
    expect(names()).toEqual(['old', 'rest']);
    await isTrue(ofOld);
  });

  test.each([1, 2])('where Fly does not show it to the look before its plan, %d times', async (looks) => {
    const { way, begin } = hidden();
    const { turn, ofOld } = await removed({ ways: [way] });
    begin(looks);
    await turn('old');
    await isTrue(ofOld);
  });

  test.each([1, 2])('where Fly does not show it to the look behind the leases, %d times', async (looks) => {
    const { way, begin } = hidden();
    const { turn, ofOld } = await removed({ ways: [way] });
    await atLease(turn, async () => begin(looks));
    await isTrue(ofOld);
    if (names().includes('old')) expect(isHeld()).toBe(false);
  });
});
