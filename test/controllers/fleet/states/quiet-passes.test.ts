import { afterEach, describe, expect, test } from 'vitest';
import { byText } from '../../../../src/model/base/text.ts';
import { arena, type Arena } from '../../arena.ts';

let world: Arena;

afterEach(() => world.close());

const app = (name: string, color: string): Record<string, string> => ({
  [`${name}/app.yaml`]: `app: ${name}\nprimary_region: arn\nbuild: { image: "nginx:1" }\nenv: { COLOR: ${color} }\nmachines: { count: 1 }\n`,
});

interface Told {
  readonly id: number;
  readonly trigger: string;
  readonly startedAt: string;
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

const ways: readonly [string, () => Promise<void>][] = [
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
];

test.each(ways)(
  'twenty commits that an app has no part in leave one row of it, at the newest: %s',
  async (_how, pass) => {
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
  },
);

describe.each(ways)('passes over an app that is only held: %s', (_how, pass) => {
  test('tell of it once, until something else is held', async () => {
    await started();
    const held = (color: string) => {
      const files = app('shop', color);
      return Object.fromEntries(
        Object.entries(files).map(([path, text]) => [
          path,
          `${text}sync: { windows: [{ schedule: "0 12 * * *", duration: 1h }] }\n`,
        ]),
      );
    };
    for (let commit = 1; commit <= 12; commit += 1) {
      world.write({ 'notes.md': `commit ${commit}\n`, ...held(commit > 6 ? 'green' : 'blue') });
      await pass();
    }
    expect(outcomes(await runs(), 'shop')).toEqual(['held', 'held', 'created']);
    const { stdout } = await world.flycd(['status', '--output', 'json']);
    const { apps } = JSON.parse(stdout) as { readonly apps: readonly { readonly run: Told }[] };
    expect(new Set(apps.map(({ run }) => run.revision)).size).toBe(1);
  });

  test('leave a person’s word as a run of its own', async () => {
    await started();
    await world.flycd(['suspend', 'shop', '--reason', 'a look']);
    for (let commit = 1; commit <= 4; commit += 1) {
      world.write({ 'notes.md': `commit ${commit}\n` });
      await pass();
    }
    expect(outcomes(await runs(), 'shop')).toEqual(['held', 'held', 'created']);
    expect((await runs()).filter(({ trigger }) => trigger === 'suspend')).toHaveLength(1);
    await world.flycd(['resume', 'shop']);
    await world.flycd(['resume', 'shop']);
    const said = (await runs()).filter(({ trigger }) => trigger === 'resume');
    await pass();
    world.write({ 'notes.md': 'more\n' });
    await pass();
    expect((await runs()).filter(({ trigger }) => trigger === 'resume')).toEqual(said);
  });
});

test('history is in the order of time, the newest first, whatever was recorded as one', async () => {
  await started();
  for (let commit = 1; commit <= 6; commit += 1) {
    world.write({ 'notes.md': `commit ${commit}\n`, ...(commit === 3 ? app('api', 'blue') : {}) });
    await world.flycd(['sync', '--once']);
    await world.clock.sleep(60_000);
  }
  const all = await runs();
  expect(all.map(({ startedAt }) => startedAt)).toEqual(
    all.map(({ startedAt }) => startedAt).toSorted((a, b) => byText(b, a)),
  );
  const { stdout } = await world.flycd(['history', '--all', '--limit', '2', '--fleet', 'acme', '--output', 'json']);
  const two = (JSON.parse(stdout) as { readonly runs: readonly Told[] }).runs;
  expect(two.map(({ outcome, revision }) => [outcome, revision])).toEqual([
    ['no-change', all[0]?.revision],
    ['no-change', all[0]?.revision],
  ]);
});
