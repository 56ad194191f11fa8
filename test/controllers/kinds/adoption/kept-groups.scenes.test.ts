/** An app that is adopted from a fleet which has process groups in it that git does not name. */
import { afterEach, describe, expect, test } from 'vitest';
import { makeCopy } from '../../../acceptance/clones.ts';
import { arena, type Arena } from '../../arena.ts';

let world: Arena;
afterEach(() => world.close());

const adopt = ['adopt', 'shop'];
const adoptFrom = [...adopt, '--from', 'words'];

function copyOf(fleet: string, groups: readonly string[], more = 'network: { ips: [{ v: v6 }] }\n') {
  const file = `app: shop
primary_region: arn
build: { image: "nginx:1" }
env: { BY: ${fleet} }
${more}processes:
${groups.map((name) => `  ${name}: run ${name}\n`).join('')}machines: { count: 1 }
`;
  return makeCopy(world, fleet, { 'flycd.yaml': `fleet: ${fleet}\n`, 'shop/app.yaml': file });
}

const machines = () => world.simulator.world.snapshot().flatMap((app) => app.machines);
// Of a group without services there is a standby, too.
const owners = () =>
  [
    ...new Set(machines().map(({ metadata }) => `${metadata['fly_process_group']} of ${metadata['flycd_fleet']}`)),
  ].toSorted();
const seen = () => machines().map(({ id, version, config }) => `${id} ${version} ${config.env?.['BY']}`);

/** One after the other, while lists lag and Fly takes its time for each call. */
function apart(
  all: readonly ReturnType<typeof copyOf>[],
  { apartMs, listMs }: { readonly apartMs: number; readonly listMs: number },
) {
  world.simulator.world.lag.set({ listMs });
  world.simulator.world.faults.add({ probability: 1, app: 'shop', fault: { latencyMs: 60 } });
  return Promise.all(
    all.map(async (one, index) => {
      await world.clock.sleep(index * apartMs);
      return one.flycd(adopt);
    }),
  );
}

async function owned(groups: readonly string[]): Promise<void> {
  world = await arena({ orderly: true });
  const words = copyOf('words', groups);
  await words.flycd(['sync', '--once']);
  await world.clock.sleep(600_000);
}

describe('nothing of it is labelled before a word about all of it', () => {
  // Of two groups that it names, one may be to be made.
  test.each([[['web']], [['api', 'web']], [['api']]])('git names %j', async (named) => {
    await owned(['web', 'worker']);
    const aaa = copyOf('aaa', named);
    const before = seen();
    const said = await aaa.flycd(adopt);
    expect(said.code, said.stdout + said.stderr).toBe(4);
    expect(said.stdout).toMatch(/fleet words has \d machines? of process groups? (?:web, )?worker, which git /);
    expect(said.stdout).toContain('flycd adopt shop --from words takes over all that it has in the app');
    expect(said.stdout).not.toContain('synced');
    expect([owners(), seen()]).toEqual([['web of words', 'worker of words'], before]);

    await world.clock.sleep(60_000);
    // Once it is asked for all of it, all of it is ours, and nothing else is done.
    const whole = await aaa.flycd(adoptFrom);
    expect(whole.code, whole.stdout + whole.stderr).toBe(0);
    expect([owners(), seen()]).toEqual([['web of aaa', 'worker of aaa'], before]);
    const diff = await aaa.flycd(['diff']);
    expect(diff.stdout).not.toContain('(owner)');
    expect((await aaa.flycd(['sync', '--once'])).stdout).not.toContain('(owner)');
  });
});

test('said again it says the same, and naming the groups is the other way out', async () => {
  await owned(['web', 'worker']);
  const aaa = copyOf('aaa', ['web']);
  for (const command of [adopt, adopt, ['diff'], adopt]) {
    const { code, stdout } = await aaa.flycd(command);
    expect([code, stdout.includes('flycd adopt shop --from words')], stdout).toEqual([4, true]);
    await world.clock.sleep(60_000);
  }
  const both = copyOf('aaa', ['web', 'worker']);
  const said = await both.flycd(adopt);
  expect(said.code, said.stdout + said.stderr).toBe(0);
  expect(owners()).toEqual(['web of aaa', 'worker of aaa']);
  await world.clock.sleep(60_000);
  expect((await both.flycd(['diff'])).code).toBe(0);
});

test.each([
  [0, 0],
  [20, 500],
  [60, 3000],
  [120, 8000],
  [300, 0],
])('two who adopt it, each naming another group, are both told (%i ms apart, lists lag by %i ms)', async (...times) => {
  const [apartMs, listMs] = times;
  await owned(['web', 'worker']);
  const both = [copyOf('aaa', ['web']), copyOf('bbb', ['worker'])];
  const said = await apart(both, { apartMs, listMs });
  expect(
    said.map(({ code }) => code),
    said.map(({ stdout, stderr }) => stderr + stdout).join('\n'),
  ).toEqual([4, 4]);
  for (const { stdout } of said) expect(stdout).toMatch(/--from (?:aaa|bbb|words)\b/);
});

test.each([
  [200, 0],
  [300, 500],
  [400, 500],
  [600, 0],
])(
  'an app that the other one begins is not taken in part (%i ms apart, lists lag by %i ms)',
  async (apartMs, listMs) => {
    world = await arena({ orderly: true });
    await world.asPerson('POST', '/apps', { app_name: 'shop', org_slug: 'personal' });
    const both = [copyOf('aaa', ['web', 'api'], ''), copyOf('bbb', ['web'], '')];
    await world.clock.sleep(600_000);
    const said = await apart(both, { apartMs, listMs });
    expect(said.map(({ code }) => code)).toEqual([0, 4]);
    expect(owners()).toEqual(['api of aaa', 'web of aaa']);
  },
);
