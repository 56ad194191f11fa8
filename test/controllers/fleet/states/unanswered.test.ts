import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FaultRule } from '../../../../simulator/world/faults.ts';
import { arena, type Arena } from '../../arena.ts';

let world: Arena;
const yaml = "primary_region: arn\nbuild: { image: 'nginx:1' }\nmachines: { count: 1 }\n";

beforeEach(async () => {
  world = await arena();
  world.write({ 'a/app.yaml': `app: a\n${yaml}`, 'b/app.yaml': `app: b\n${yaml}` });
  await world.flycd(['sync', '--once']);
});
afterEach(() => world.close());

async function status() {
  const { apps } = JSON.parse((await world.flycd(['status', '--output', 'json'])).stdout) as {
    readonly apps: readonly {
      readonly app: string;
      readonly status: string;
      readonly why: string;
      readonly run: { readonly outcome: string };
    }[];
  };
  return apps;
}

async function history(app: string): Promise<readonly string[]> {
  const { runs } = JSON.parse((await world.flycd(['history', '--app', app, '--output', 'json'])).stdout) as {
    readonly runs: readonly { readonly outcome: string; readonly status: string }[];
  };
  return runs.map((run) => `${run.outcome} ${run.status}`);
}

/** Of a plan that a person has read. */
const planned = async (): Promise<readonly string[]> => {
  world.write({
    'a/app.yaml': `app: a\n${yaml}env: { MORE: '1' }\n`,
    'b/app.yaml': `app: b\n${yaml}env: { MORE: '1' }\n`,
  });
  const { stdout } = await world.flycd(['diff', '--output', 'json']);
  return ['sync', '--plan', (JSON.parse(stdout) as { readonly planId: string }).planId];
};

const faults: readonly (readonly [string, FaultRule, string])[] = [
  ['answers 500', { fault: '500', probability: 1 }, 'failed failed'],
  ['answers 429', { fault: '429', probability: 1 }, 'held pending'],
  ['cuts connections', { fault: 'reset-before', probability: 1 }, 'failed failed'],
];

const passes: readonly (readonly [string, () => Promise<readonly string[]>])[] = [
  ['sync --once', () => Promise.resolve(['sync', '--once'])],
  ['sync --plan', planned],
  ['adopt --all --from', () => Promise.resolve(['adopt', '--all', '--from', 'elsewhere'])],
];

test.each(faults.flatMap(([fault, rule, word]) => passes.map(([name, asks]) => ({ name, fault, asks, rule, word }))))(
  '$name while Fly $fault is told by status and history, once',
  async ({ asks, rule, word }) => {
    const argv = await asks();
    world.simulator.world.faults.add(rule);
    expect((await world.flycd(argv)).code).toBeGreaterThan(0);
    const after = await status();
    expect(after.map((one) => `${one.run.outcome} ${one.status}`)).toEqual([word, word]);
    expect(after.map(({ why }) => why)).toEqual([expect.stringContaining('Fly'), expect.stringContaining('Fly')]);
    await world.flycd(argv);
    expect(await history('a')).toEqual([word, 'created synced']);
    world.simulator.world.faults.clear();
    await world.clock.sleep(60_000);
    await world.flycd(['sync', '--once']);
    expect((await status()).map((one) => one.status)).toEqual(['synced', 'synced']);
  },
);

test('a pass over one app says nothing of another', async () => {
  world.simulator.world.faults.add({ fault: '500', probability: 1 });
  await world.flycd(['sync', '--once', '--app', 'a']);
  expect((await status()).map((one) => one.status)).toEqual(['failed', 'synced']);
});

test.each([
  ['an app that there is none of', ['--app', 'nothing']],
  ['what is not held', ['--accept-only', 'app:nothing']],
])('%s says nothing of the apps that there are', async (_what, words) => {
  expect((await world.flycd(['sync', '--once', ...words])).code).toBe(1);
  expect((await status()).map((one) => one.status)).toEqual(['synced', 'synced']);
});

test.each([
  ['nothing', { fault: '500', probability: 1 } as const],
  ['not its machines', { template: 'GET /apps/{app}/machines', app: 'a', fault: '500', probability: 1 } as const],
])('a takeover of one app of which Fly shows %s: that app is told of, and that nobody knows', async (_what, rule) => {
  const before = await status();
  world.simulator.world.faults.add(rule);
  const argv = ['adopt', 'a', '--from', 'elsewhere'];
  const { code, stderr } = await world.flycd(argv);
  expect(code).toBe(1);
  expect(stderr).not.toContain('has no machine');
  const [a, b] = await status();
  expect([a?.why, b]).toEqual([expect.stringContaining('Fly failed to'), before[1]]);
  expect((await world.flycd(argv)).stderr).not.toContain('has no machine');
  expect(await history('a')).toHaveLength(2);
});
