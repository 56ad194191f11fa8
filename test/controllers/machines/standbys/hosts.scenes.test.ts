/** The hosts of standbys' machines fail and come back while FlyCD is at work. */
import { afterEach, describe, expect, test } from 'vitest';
import { hostDown, hostUp } from '../../../../simulator/machines/host-failures.ts';
import { restart } from '../../../../simulator/machines/lifecycle.ts';
import type { Machine } from '../../../../simulator/world/records.ts';
import { prepared, type Arena, type ArenaOptions } from '../../arena.ts';
import { worker } from './worker.ts';

let world: Arena | undefined;
afterEach(() => world?.close());

interface Pair {
  readonly at: Arena;
  readonly primary: Machine;
  readonly standby: Machine;
}

async function pair(next = worker(), before = worker(), options: ArenaOptions = {}): Promise<Pair> {
  const at = await prepared([before], next, options);
  world = at;
  await at.endState();
  const [primary, standby] = at.simulator.world.apps.get('shop')?.machines.values() ?? [];
  if (primary === undefined || standby === undefined) throw new Error('there is no standby');
  return { at, primary, standby };
}

/** As an update of before left it. */
function fail(machine: Machine): void {
  machine.config = { ...machine.config, image: 'docker.io/library/failing-launch:1' };
  machine.state = 'failed';
}

/** Once, at the first request of this kind for the standby. */
function once({ at, standby }: Pair, [phase, path]: readonly ['before' | 'after', string], act: () => void) {
  let times = 0;
  at.simulator.world.onRequest = ({ phase: seen, request }) => {
    const isIt = seen === phase && request.method === 'POST' && request.path.endsWith(`/machines/${standby.id}${path}`);
    if (!isIt || times > 0) return;
    times += 1;
    act();
  };
  return () => times;
}

const sync = async ({ at }: Pair) => {
  const { code, stdout, stderr } = await at.flycd(['sync', '--once']);
  await at.endState();
  return { code, said: stderr + stdout };
};

test('one that was failed boots where its host goes down before the update', async () => {
  const two = await pair();
  fail(two.standby);
  const times = once(two, ['before', '/lease'], () => hostDown(two.at.simulator.world, two.primary.host));
  const ran = await sync(two);
  expect(times()).toBe(1);
  expect([ran.code, two.standby.state, two.primary.hostStatus], ran.said).toEqual([0, 'started', 'unreachable']);
  hostUp(two.at.simulator.world, two.primary.host);
  await two.at.endState();
  expect([two.primary.state, two.standby.state]).toEqual(['started', 'stopped']);
});

test('one that was failed boots as planned where Fly does not say how that host is', async () => {
  let dark = '';
  const others = ({ pathname }: URL): Response | undefined =>
    pathname.endsWith(`/machines/${dark}`) ? Response.json({ error: 'oops' }, { status: 500 }) : undefined;
  const two = await pair(worker(), worker(), { others });
  fail(two.standby);
  hostDown(two.at.simulator.world, two.primary.host);
  dark = two.primary.id;
  const ran = await sync(two);
  expect([ran.code, two.standby.state], ran.said).toEqual([0, 'started']);
});

test.each([
  ['failed', fail],
  ['running', () => undefined],
] as const)('one that was %s stays down where that host is back before the update', async (_what, before) => {
  const two = await pair(worker('blue'));
  const { world: fly } = two.at.simulator;
  before(two.standby);
  hostDown(fly, two.primary.host);
  await two.at.clock.sleep(10_000);
  const booted: string[] = [];
  const times = once(two, ['before', '/lease'], () => {
    hostUp(fly, two.primary.host);
    fly.onStateChange = ({ name, state }) => {
      if (state === 'starting') booted.push(name);
    };
  });
  const ran = await sync(two);
  // Its machine could not get the commit when the plan was made.
  expect([times(), ran.code], ran.said).toEqual([1, 4]);
  expect([two.primary.state, two.standby.state, booted]).toEqual(['started', 'stopped', []]);
  expect((await sync(two)).code).toBe(0);
  expect((await two.at.flycd(['diff'])).code).toBe(0);
  expect([two.primary.state, two.standby.state]).toEqual(['started', 'stopped']);
});

test('one that Fly stops before its checks have passed, for its host is back, is not started again', async () => {
  const checks = 'checks: { alive: { type: tcp, port: 8080, interval: 5s, timeout: 2s, grace_period: 60s } }\n';
  const checked = (color: string) => {
    const files = worker(color);
    return { ...files, 'shop/app.yaml': `${files['shop/app.yaml']}${checks}` };
  };
  const two = await pair(checked('blue'), checked('red'));
  const { world: fly } = two.at.simulator;
  hostDown(fly, two.primary.host);
  await two.at.endState();
  two.standby.checkRule = 'fail';
  once(two, ['after', ''], () => void two.at.clock.timer(20_000, () => hostUp(fly, two.primary.host)));
  const ran = await sync(two);
  expect([ran.code, two.primary.state, two.standby.state], ran.said).toEqual([4, 'started', 'stopped']);
  expect((await sync(two)).code).toBe(0);
  expect([two.primary.state, two.standby.state]).toEqual(['started', 'stopped']);
});

test('one that Fly left at rest, or running, is named with the command that mends it', async () => {
  const two = await pair();
  two.standby.state = 'stopping';
  hostDown(two.at.simulator.world, two.primary.host);
  two.standby.state = 'stopped';
  const down = await two.at.flycd(['diff']);
  expect([down.code, down.stdout]).toEqual([
    0,
    expect.stringContaining(
      `app/arn/2 does not run, and the host of the machine it stands in for (${two.primary.id}) does not answer; fly machine start ${two.standby.id} --app shop starts it`,
    ),
  ]);
  await two.at.asPerson('POST', `/apps/shop/machines/${two.standby.id}/start`);
  await two.at.endState();
  expect((await two.at.flycd(['diff'])).stdout).not.toContain('fly machine start');
  two.standby.state = 'starting';
  hostUp(two.at.simulator.world, two.primary.host);
  await two.at.endState();
  two.standby.state = 'started';
  const up = await two.at.flycd(['diff']);
  expect([up.code, up.stdout]).toEqual([
    0,
    expect.stringContaining(
      `app/arn/2 runs beside the machine it stands in for (${two.primary.id}); fly machine stop ${two.standby.id} --app shop stops it`,
    ),
  ]);
});

/** Answers the nth update of the standby so, and sees how many are sent. */
function refusing(status: number, nth = 1) {
  const seen = { id: '', updates: 0, act: (): void => undefined };
  const others = ({ pathname }: URL, method: string): Response | undefined => {
    if (seen.id === '' || method !== 'POST' || !pathname.endsWith(`/machines/${seen.id}`)) return undefined;
    seen.updates += 1;
    if (seen.updates !== nth || status === 200) return undefined;
    seen.act();
    return Response.json({ error: 'later' }, { status, headers: { 'retry-after': '40' } });
  };
  return { seen, others };
}

test.each([
  ['one that failed', fail, worker(), 429, 0],
  ['one that failed', fail, worker(), 503, 0],
  // Its machine could not get the commit when the plan was made.
  ['one that runs', () => undefined, worker('blue'), 429, 4],
] as const)('%s stays down where that host is back before Fly takes its update', async (...row) => {
  const [, before, next, status, code] = row;
  const { seen, others } = refusing(status);
  const two = await pair(next, worker(), { others });
  const { world: fly } = two.at.simulator;
  before(two.standby);
  hostDown(fly, two.primary.host);
  await two.at.clock.sleep(10_000);
  seen.id = two.standby.id;
  seen.act = () => void two.at.clock.timer(5000, () => hostUp(fly, two.primary.host));
  const ran = await sync(two);
  expect([ran.code, two.primary.state, two.standby.state], ran.said).toEqual([code, 'started', 'stopped']);
  expect((await two.at.flycd(['diff'])).stdout).not.toContain('runs beside');
});

test('one that failed boots where that host goes down before Fly takes its update', async () => {
  const { seen, others } = refusing(429);
  const two = await pair(worker(), worker(), { others });
  fail(two.standby);
  seen.id = two.standby.id;
  seen.act = () => void two.at.clock.timer(5000, () => hostDown(two.at.simulator.world, two.primary.host));
  const ran = await sync(two);
  expect([ran.code, two.standby.state, two.primary.hostStatus], ran.said).toEqual([0, 'started', 'unreachable']);
});

test.each([1, 2])('one that Fly starts while it asks for patience with update %i runs on', async (nth) => {
  const { seen, others } = refusing(429, nth);
  const tagged = { ...worker(), 'shop/app.yaml': worker()['shop/app.yaml']?.replace('busybox:1', 'busybox:2') ?? '' };
  const two = await pair(tagged, worker(), { others });
  seen.id = two.standby.id;
  seen.act = () => void two.at.clock.timer(5000, () => hostDown(two.at.simulator.world, two.primary.host));
  await sync(two);
  const { config, state } = two.standby;
  expect([seen.updates > nth, state, config.image?.includes('busybox:2')]).toEqual([true, 'started', true]);
});

test('a release command runs once where the host of a standby’s machine fails while Fly asks for patience', async () => {
  const { seen, others } = refusing(429);
  const migrating = (color: string, image: string) => ({
    ...worker(color),
    'shop/app.yaml': `${worker(color)['shop/app.yaml']?.replace('busybox:1', image)}deploy: { release_command: bin/migrate }\n`,
  });
  const two = await pair(migrating('blue', 'busybox:2'), migrating('red', 'busybox:1'), { others });
  const { world: fly } = two.at.simulator;
  const ran: string[] = [];
  fly.onStateChange = ({ name, state }) => {
    if (name.startsWith('release') && state === 'starting') ran.push(name);
  };
  seen.id = two.standby.id;
  seen.act = () => void two.at.clock.timer(5000, () => hostDown(fly, two.primary.host));
  await sync(two);
  expect([ran.length, two.standby.state, two.standby.config.env?.['COLOR']]).toEqual([1, 'started', 'blue']);
});

test.each([
  ['one that is needed is updated once', true, [1, 'started', false]],
  ['one that rests gets the digest, and a second update for it', false, [2, 'stopped', true]],
] as const)('%s, where nobody tells what its tag means', async (_what, isNeeded, expected) => {
  const { seen, others } = refusing(200);
  const tagged = { ...worker(), 'shop/app.yaml': worker()['shop/app.yaml']?.replace('busybox:1', 'busybox:2') ?? '' };
  const two = await pair(tagged, worker(), { others });
  if (isNeeded) {
    fail(two.standby);
    hostDown(two.at.simulator.world, two.primary.host);
    await two.at.clock.sleep(10_000);
  }
  seen.id = two.standby.id;
  await sync(two);
  const { config, state } = two.standby;
  expect([seen.updates, state, config.image?.includes('busybox:2@sha256:')]).toEqual(expected);
});

test('one that Fly starts before its update runs on, also where it is being restarted right then', async () => {
  for (const again of [false, true]) {
    const two = await pair(worker('blue'));
    const { world: fly } = two.at.simulator;
    const times = once(two, ['before', '/lease'], () => {
      hostDown(fly, two.primary.host);
      if (again) restart(fly, two.standby);
    });
    await sync(two);
    expect([times(), two.standby.state, two.standby.config.env?.['COLOR']]).toEqual([1, 'started', 'blue']);
    await two.at.close();
  }
  world = undefined;
});

test('one that a person started beside its machine, or stopped beside a dead host, stays so with a commit', async () => {
  const two = await pair(worker('blue'));
  await two.at.asPerson('POST', `/apps/shop/machines/${two.standby.id}/start`);
  await two.at.endState();
  expect((await sync(two)).code).toBe(0);
  expect([two.standby.state, two.standby.config.env?.['COLOR']]).toEqual(['started', 'blue']);
  hostDown(two.at.simulator.world, two.primary.host);
  await two.at.asPerson('POST', `/apps/shop/machines/${two.standby.id}/stop`);
  await two.at.endState();
  two.at.write(worker('green'));
  const ran = await sync(two);
  expect([ran.code, two.standby.state, two.standby.config.env?.['COLOR']], ran.said).toEqual([4, 'stopped', 'green']);
});

describe('one that runs is brought to rest by the update that points it at a machine that is well', () => {
  test('where a person gave its machine up', async () => {
    const two = await pair();
    hostDown(two.at.simulator.world, two.primary.host);
    await two.at.endState();
    await two.at.asPerson('DELETE', `/apps/shop/machines/${two.primary.id}?force=true`);
    await two.at.endState();
    expect(two.standby.state).toBe('started');
    const ran = await sync(two);
    const made = [...two.primary.app.machines.values()].find(({ name }) => name === 'app-arn-1-g2');
    expect([ran.code, made?.state, two.standby.state], ran.said).toEqual([0, 'started', 'stopped']);
    expect(two.standby.config.standbys).toEqual([made?.id]);
    const diff = await two.at.flycd(['diff']);
    expect([diff.code, diff.stdout.includes('fly machine')]).toEqual([0, false]);
  });

  test.each(['off', 'report', 'heal'] as const)('but not where that machine rests (drift: %s)', async (drift) => {
    const counted = (count: number) => ({
      ...worker(),
      'shop/app.yaml': `${worker()['shop/app.yaml']}machines: { count: ${count} }\nsync: { drift: ${drift} }\n`,
    });
    const two = await pair(counted(2));
    const { at, primary, standby } = two;
    await sync(two);
    const second = [...primary.app.machines.values()].find((one) => one !== primary && one !== standby);
    await at.asPerson('POST', `/apps/shop/machines/${second?.id}/stop`);
    hostDown(at.simulator.world, primary.host);
    await at.endState();
    await at.asPerson('DELETE', `/apps/shop/machines/${primary.id}?force=true`);
    at.write(counted(1));
    await sync(two);
    expect([standby.state, second?.state]).toEqual(['started', drift === 'heal' ? 'started' : 'stopped']);
    await at.asPerson('POST', `/apps/shop/machines/${second?.id}/start`);
    await at.endState();
    await sync(two);
    // That is held under `drift: report`, as all drift is.
    const pointed = drift === 'report' ? ['started', [primary.id]] : ['stopped', [second?.id]];
    expect([standby.state, standby.config.standbys]).toEqual(pointed);
  });

  test('where FlyCD made its machine anew, whose host does not answer', async () => {
    const file = `${worker()['shop/app.yaml']}sync: { replace_unreachable: true }\n`;
    const replacing = { ...worker(), 'shop/app.yaml': file };
    const two = await pair(replacing, replacing);
    hostDown(two.at.simulator.world, two.primary.host);
    await sync(two);
    await two.at.clock.sleep(16 * 60_000);
    const ran = await sync(two);
    const made = [...two.primary.app.machines.values()].find(({ name }) => name === 'app-arn-1-g2');
    expect([ran.code, made?.state, two.standby.state], ran.said).toEqual([0, 'started', 'stopped']);
    expect(two.standby.config.standbys).toEqual([made?.id]);
    expect((await two.at.flycd(['diff'])).code).toBe(0);
    hostUp(two.at.simulator.world, two.primary.host);
    await two.at.endState();
    await sync(two);
    expect([two.primary.state, made?.state, two.standby.state]).toEqual(['destroyed', 'started', 'stopped']);
  });
});
