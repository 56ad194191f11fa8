/** Two config repos that begin one app at the same moment, when it has no machine yet: neither can see the other's stamp. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { arena, type Arena } from '../controllers/arena.ts';
import { makeClone, makeCopy, type Clone } from './clones.ts';

interface Idea {
  readonly greeting: string;
  readonly groups: Readonly<Record<string, number>>;
  readonly more?: string;
}

function appOf({ greeting, groups, more = '' }: Idea): string {
  const processes = Object.keys(groups).map((name) => `  ${name}: run ${name}\n`);
  const counts = Object.entries(groups).map(([name, count]) => `    ${name}: { count: ${count} }\n`);
  return `app: shop
primary_region: arn
build: { image: "nginx:1.27" }
env: { GREETING: ${greeting} }
processes:
${processes.join('')}machines:
  groups:
${counts.join('')}${more}`;
}

/** The app is there, and has nothing in it. */
async function open(): Promise<Arena> {
  const world = await arena({ orderly: true });
  onTestFinished(() => world.close());
  await world.asPerson('POST', '/apps', { app_name: 'shop', org_slug: 'personal' });
  return world;
}

const sync = ['sync', '--once'];
const settledMs = 60_000;
const alive = (world: Arena) => world.simulator.world.snapshot().flatMap(({ machines }) => machines);
const versions = (world: Arena) => alive(world).map(({ id, version }) => `${id} ${version}`);

/** Both at once, then in turn until what is left to either is done. */
async function begin(world: Arena, both: readonly Clone[]): Promise<void> {
  // What a command imports when it first runs takes time that no clock sees.
  await both[0]?.flycd(['diff']);
  await Promise.all(both.map((clone) => clone.flycd(sync)));
  await settle(world, both);
}

async function settle(world: Arena, both: readonly Clone[]): Promise<void> {
  for (let round = 0; round < 2; round += 1) {
    for (const clone of both) {
      await world.clock.sleep(settledMs);
      await clone.flycd(sync);
    }
  }
  await world.clock.sleep(settledMs);
}

/** One has the app, whole and in sync; the other is held and says whose it is. Neither writes anything more. */
async function expectOneOwner(world: Arena, both: readonly Clone[], ideas: readonly Idea[]): Promise<Idea> {
  const plans = [];
  for (const clone of both) plans.push(await clone.flycd(['diff']));
  const codes = plans.map(({ code }) => code);
  expect(
    codes.toSorted((a, b) => a - b),
    plans.map(({ stdout, stderr }) => stdout + stderr).join('\n'),
  ).toEqual([0, 4]);
  expect(plans[codes.indexOf(4)]?.stdout).toContain('(owner)');
  const idea = ideas[codes.indexOf(0)];
  if (idea === undefined) throw new Error('nobody owns the app');
  const groups = alive(world).map(({ metadata }) => metadata['fly_process_group'] ?? '');
  const wanted = Object.entries(idea.groups).flatMap(([name, count]) => Array.from({ length: count }, () => name));
  expect(groups.toSorted()).toEqual(wanted.toSorted());
  expect(new Set(alive(world).map(({ config }) => config.env?.['GREETING']))).toEqual(new Set([idea.greeting]));
  expect(new Set(alive(world).map(({ metadata }) => metadata['flycd_origin'])).size).toBe(1);
  const before = [versions(world), world.simulator.world.requests.filter(isWrite).length];
  for (const clone of both) await clone.flycd(sync);
  expect([versions(world), world.simulator.world.requests.filter(isWrite).length]).toEqual(before);
  return idea;
}

const isWrite = ({ method, reads }: { readonly method: string; readonly reads?: boolean }): boolean =>
  method !== 'GET' && reads !== true;

const cases: readonly (readonly [string, readonly [Idea, Idea]])[] = [
  [
    'of the same names',
    [
      { greeting: 'ours', groups: { app: 2 } },
      { greeting: 'theirs', groups: { app: 2 } },
    ],
  ],
  [
    'that are alike to the letter',
    [
      { greeting: 'same', groups: { app: 2 } },
      { greeting: 'same', groups: { app: 2 } },
    ],
  ],
  [
    'of other names',
    [
      { greeting: 'ours', groups: { web: 2 } },
      { greeting: 'theirs', groups: { worker: 3 } },
    ],
  ],
  [
    'of which some have one name',
    [
      { greeting: 'ours', groups: { web: 1, worker: 2 } },
      { greeting: 'theirs', groups: { worker: 1, zone: 2 } },
    ],
  ],
];

const lags = [0, 5000];

test.each(cases.flatMap(([name, ideas]) => lags.map((listMs) => ({ name, ideas, listMs }))))(
  'one of two repos owns the app, with groups $name and lists $listMs ms behind',
  async ({ ideas, listMs }) => {
    const world = await open();
    const [ours, theirs] = ideas;
    const both = [
      makeClone(world, 'ours', { 'shop/app.yaml': appOf(ours) }),
      makeClone(world, 'theirs', { 'shop/app.yaml': appOf(theirs) }),
    ];
    if (listMs > 0) world.simulator.world.lag.set({ listMs });
    await begin(world, both);
    await expectOneOwner(world, both, ideas);
  },
);

const otherNames: readonly [Idea, Idea] = [
  { greeting: 'ours', groups: { web: 2 } },
  { greeting: 'theirs', groups: { worker: 3 } },
];

test.each([
  ['another that has one', { 'flycd.yaml': 'fleet: theirs\n' }],
  ['one that nobody named', {}],
])('so it is between a fleet that has a name and %s', async (_which, theirs) => {
  const world = await open();
  const both = [
    makeClone(world, 'ours', { 'flycd.yaml': 'fleet: ours\n', 'shop/app.yaml': appOf(otherNames[0]) }),
    makeClone(world, 'theirs', { ...theirs, 'shop/app.yaml': appOf(otherNames[1]) }),
  ];
  await begin(world, both);
  await expectOneOwner(world, both, otherNames);
});

test.each([11, 14, 17, 20])('one is killed after its call %i, and comes back later', async (call) => {
  const world = await open();
  const both = [
    makeClone(world, 'ours', { 'shop/app.yaml': appOf(otherNames[0]) }),
    makeClone(world, 'theirs', { 'shop/app.yaml': appOf(otherNames[1]) }),
  ];
  const [ours, theirs] = both;
  if (ours === undefined || theirs === undefined) throw new Error('no clones');
  await ours.flycd(['diff']);
  const elsewhere = { path: theirs.folder, env: {} };
  await Promise.all([ours.flycd(sync), world.mortalFlycd(sync, { call, when: 'after' }, 'theirs', elsewhere)]);
  await settle(world, both);
  await expectOneOwner(world, both, otherNames);
});

/** Of the other repo, with the name that ours would give its first. */
const theirFirst = {
  name: 'app-arn-1-g1',
  region: 'arn',
  config: {
    image: 'docker.io/library/nginx:1.27',
    guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 256 },
    metadata: {
      fly_platform_version: 'v2',
      fly_process_group: 'app',
      flycd_fleet: 'flycd',
      flycd_origin: `o1::${'b'.repeat(40)}`,
      flycd_slot: 'app/arn/1',
    },
  },
};

// Each call takes its time, so that with the lag moves which of them is the first that sees it.
test.each([300, 900, 1500, 2100, 2700, 3300])(
  'a pass that sees another’s first machine after %i ms makes none beside it that stays',
  async (listMs) => {
    const world = await open();
    const secret = 'secrets: [{ name: TOKEN, type: raw, raw: correct-horse }]\n';
    const ours = makeClone(world, 'ours', {
      'shop/app.yaml': appOf({ greeting: 'ours', groups: { app: 2 }, more: secret }),
    });
    const { world: fly } = world.simulator;
    await ours.flycd(['diff']);
    fly.faults.add({ fault: { latencyMs: 300 }, probability: 1 });
    fly.lag.set({ listMs });
    await world.asPerson('POST', '/apps/shop/machines', theirFirst);
    const { code, stdout, stderr } = await ours.flycd(sync);
    expect(code, stdout + stderr).toBe(4);
    expect(stdout).toContain('another config repo owns this app');
    const made = [...(fly.apps.get('shop')?.machines.values() ?? [])].map(({ name }) => name);
    expect(made).toEqual(['app-arn-1-g1']);
  },
);

interface Adopting {
  readonly apartMs: number;
  readonly listMs: number;
  readonly count?: number;
  /** The process groups that each of them names. Default: web. */
  readonly groups?: readonly Idea['groups'][];
  /** The FlyCD of all of them. Default: each has its own. */
  readonly state?: string;
}

/** Each `apartMs` after the one before it adopts an app in which no machine of its git's groups stands, while lists lag. */
async function adopt(world: Arena, { apartMs, listMs, count = 2, groups = [], state }: Adopting) {
  const fleets = ['aaa', 'bbb', 'ccc'].slice(0, count);
  const all = fleets.map((fleet, index) => {
    const file = appOf({
      greeting: fleet,
      groups: groups[index] ?? { web: 2 },
      more: 'network: { ips: [{ v: v6 }] }\n',
    });
    return makeCopy(world, fleet, { 'flycd.yaml': `fleet: ${fleet}\n`, 'shop/app.yaml': file });
  });
  await world.clock.sleep(3_600_000);
  world.simulator.world.lag.set({ listMs });
  world.simulator.world.faults.add({ probability: 1, app: 'shop', fault: { latencyMs: 60 } });
  const said = await Promise.all(
    all.map(async (one, index) => {
      await world.clock.sleep(index * apartMs);
      return one.flycd(['adopt', 'shop'], state);
    }),
  );
  const text = said.map(({ stdout, stderr }) => stderr + stdout).join('\n');
  // Who lost is told, by a hold or by what went wrong.
  expect(
    said.map(({ code }) => code).filter((code) => code !== 0 && code !== 4),
    text,
  ).toEqual([]);
  expect(alive(world).filter(({ metadata }) => 'flycd_begun' in metadata)).toEqual([]);
  const winners = fleets.filter((_fleet, index) => said[index]?.code === 0);
  const owners = alive(world).flatMap(
    ({ metadata }) => fleets.find((fleet) => fleet === metadata['flycd_fleet']) ?? [],
  );
  return { winners, owners, text, codes: said.map(({ code }) => code) };
}

/** Machines of a group that nobody's git names. */
function workers(world: Arena, owner: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const metadata = { fly_process_group: 'worker', fly_platform_version: 'v2', ...owner };
  return Promise.all(
    ['worker-1', 'worker-2'].map((name) =>
      world.asPerson('POST', '/apps/shop/machines', { name, region: 'arn', config: { image: 'nginx:0', metadata } }),
    ),
  );
}

const volume = { name: 'data', region: 'arn', size_gb: 1 };
const two = [
  [2, 0, 0],
  [2, 0, 3000],
  [2, 20, 8000],
  [2, 60, 8000],
  [2, 120, 8000],
] as const;
const three = [
  [3, 0, 8000],
  [3, 60, 3000],
] as const;

describe.each<readonly [string, (world: Arena) => Promise<unknown>]>([
  ['that is empty', () => Promise.resolve()],
  ['that has a volume alone', (world) => world.asPerson('POST', '/apps/shop/volumes', volume)],
  ['whose machines are nobody’s, of a group that git does not name', (world) => workers(world)],
])('an app %s: of those who adopt it at once one has it', (_what, made) => {
  test.each([...two, ...three])('%i of them, %i ms apart, while lists lag by %i ms', async (count, apartMs, listMs) => {
    const world = await open();
    await made(world);
    const { winners, owners, text } = await adopt(world, { count, apartMs, listMs });
    expect(winners, text).toHaveLength(1);
    expect(owners).toEqual([...winners, ...winners]);
  });
});

// Its machines stay the other fleet's, which holds the app whoever has a part: all of them are told so, and begin none.
test.each([...two, ...three])(
  'an app whose machines are another fleet’s, of such a group: none of %i makes one in it (%i ms apart, lists lag by %i ms)',
  async (count, apartMs, listMs) => {
    const world = await open();
    await workers(world, { flycd_fleet: 'words', flycd_origin: 'n1:' });
    const before = versions(world);
    const { winners, codes, text } = await adopt(world, { count, apartMs, listMs });
    expect([winners, new Set(codes)], text).toEqual([[], new Set([4])]);
    expect(versions(world)).toEqual(before);
    expect(text).toContain('flycd adopt shop --from words');
  },
);

test.each([...two, [2, 150, 3000]] as const)(
  'an app whose machines are another fleet’s, of a group that one of %i names: one has it (%i ms apart, lists lag by %i ms)',
  async (count, apartMs, listMs) => {
    const world = await open();
    await workers(world, { flycd_fleet: 'words', flycd_origin: 'n1:', fly_process_group: 'web' });
    const { winners, owners, text } = await adopt(world, {
      count,
      apartMs,
      listMs,
      groups: [{ web: 2 }, { api: 2 }],
    });
    expect(winners, text).toHaveLength(1);
    expect(new Set(owners)).toEqual(new Set(winners));
  },
);

// What the other one makes meanwhile, of whatever group, is not labelled along.
describe.each<readonly [string, (world: Arena) => Promise<unknown>, readonly [Idea['groups'], Idea['groups']]]>([
  [
    'that is empty',
    () => Promise.resolve(),
    [
      { worker: 1, api: 1, web: 2 },
      { api: 2, worker: 1 },
    ],
  ],
  [
    'whose machines are nobody’s, of a group that both name',
    (world) => workers(world, { fly_process_group: 'web' }),
    [
      { worker: 1, api: 1, web: 2 },
      { web: 2, api: 1 },
    ],
  ],
])('an app %s: of two who name some groups alike one has it', (_what, made, groups) => {
  test.each([...two, [2, 20, 500], [2, 40, 8000], [2, 60, 500], [2, 60, 3000]] as const)(
    '%i of them, %i ms apart, while lists lag by %i ms',
    async (_count, apartMs, listMs) => {
      const world = await open();
      await made(world);
      const { winners, owners, text } = await adopt(world, { apartMs, listMs, groups });
      expect(winners, text).toHaveLength(1);
      expect(new Set(owners), text).toEqual(new Set(winners));
    },
  );
});

test('of two who adopt an app at once and share a database one has it', async () => {
  const { winners, owners, text } = await adopt(await open(), { apartMs: 20, listMs: 8000, state: 'shared' });
  expect(winners, text).toHaveLength(1);
  expect(owners).toEqual([...winners, ...winners]);
});
