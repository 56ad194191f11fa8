import { afterEach, expect, test } from 'vitest';
import { arena, type Arena } from '../../arena.ts';

let world: Arena;

afterEach(() => world.close());

const app = (name: string, color: string): Record<string, string> => ({
  [`${name}/app.yaml`]: `app: ${name}\nprimary_region: arn\nbuild: { image: "nginx:1" }\nenv: { COLOR: ${color} }\nmachines: { count: 1 }\n`,
});

interface Told {
  readonly app: string;
  readonly outcome: string;
  readonly revision: string;
}

const runs = async (): Promise<readonly Told[]> => {
  const { stdout } = await world.flycd(['history', '--all', '--limit', '1000', '--fleet', 'acme', '--output', 'json']);
  return (JSON.parse(stdout) as { readonly runs: readonly Told[] }).runs;
};
const outcomes = (all: readonly Told[], app: string) =>
  all.filter((run) => run.app === app).map(({ outcome }) => outcome);

async function started(): Promise<void> {
  world = await arena({ repository: true });
  world.write({ 'flycd.yaml': 'fleet: acme\n', ...app('shop', 'red'), ...app('api', 'red') });
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
}

test.each([
  ['by command', async () => void (await world.flycd(['sync', '--once']))],
  [
    'by the loop',
    async () => {
      const stop = new AbortController();
      const loop = world.flycd(['sync'], undefined, stop.signal);
      await world.clock.sleep(400_000);
      stop.abort();
      await loop;
    },
  ],
])('twenty commits that an app has no part in leave one row of it, at the newest: %s', async (_how, pass) => {
  await started();
  for (let commit = 1; commit <= 20; commit += 1) {
    world.write({ 'notes.md': `commit ${commit}\n`, ...(commit === 10 ? app('api', 'blue') : {}) });
    await pass();
    await world.clock.sleep(30_000);
  }
  const all = await runs();
  expect(outcomes(all, 'shop')).toEqual(['no-change', 'created']);
  expect(outcomes(all, 'api')).toEqual(['no-change', 'updated', 'no-change', 'created']);
  const { stdout } = await world.flycd(['status', '--output', 'json']);
  const { apps } = JSON.parse(stdout) as { readonly apps: readonly { readonly run: Told }[] };
  const newest = new Set(apps.map(({ run }) => run.revision));
  expect(newest.size).toBe(1);
  const revision = JSON.parse((await world.flycd(['validate', '--output', 'json'])).stdout) as Told;
  expect([...newest]).toEqual([revision.revision]);
});
