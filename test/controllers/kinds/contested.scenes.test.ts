/** An app that two owners take over, each by a person's word: one of them has it in the end, and the other is told. */
import { afterEach, describe, expect, test } from 'vitest';
import { makeClone, makeCopy, type Copy } from '../../acceptance/clones.ts';
import { arena, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const app = (image: string, count = 2, more = '') => ({
  'shop/app.yaml': `app: shop
primary_region: arn
build: { image: "${image}" }
machines: { count: ${count} }
deploy: { wait_timeout: 20s }
${more}`,
});
const copyOf = (fleet: string, files: ReturnType<typeof app>) =>
  makeCopy(world, fleet, { 'flycd.yaml': `fleet: ${fleet}\n`, ...files });
const cloneOf = (name: string, files: Readonly<Record<string, string>>) => {
  const clone = makeClone(world, name, files);
  clone.remote('origin', `https://example.com/${name}`);
  return clone;
};

const machines = () => world.simulator.world.snapshot().find(({ name }) => name === 'shop')?.machines ?? [];
const fleets = () => [...new Set(machines().map(({ metadata }) => metadata['flycd_fleet']))];
const faults = () => world.simulator.world.faults;
const latency = (latencyMs: number) => faults().add({ probability: 1, app: 'shop', fault: { latencyMs } });
const once = ['sync', '--once'];
const oneAddress = 'network: { ips: [{ v: v6 }] }\n';
const prunesOne = `${oneAddress}sync: { prune: [addresses], max_deletes: 99 }\n`;
const twoAddresses = 'network: { ips: [{ v: v6 }, { v: v4 }] }\n';
const plainly = ['adopt', 'shop'];
const from = (owner: string) => [...plainly, '--from', owner];

/** Of its machines, by somebody at work. */
const leases = () =>
  [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])].flatMap(({ lease }) => lease ?? []);
const update = 'POST /apps/{app}/machines/{machine}';
const updates = () => world.simulator.world.requests.filter(({ template }) => template === update).length;

/** A sync whose first update of a machine takes so long, once that has been sent. */
async function updateOf(copy: Copy, latencyMs: number): Promise<{ readonly ended: Promise<unknown> }> {
  faults().add({ template: update, app: 'shop', times: 1, fault: { latencyMs } });
  const sent = updates();
  const ended = copy.flycd(once);
  while (updates() === sent) await world.clock.sleep(20);
  return { ended };
}

/** The earlier owner, whose app has run for a while. */
async function owned(files = app('nginx:1')): Promise<Copy> {
  world = await arena();
  const words = copyOf('words', files);
  await words.flycd(once);
  await world.clock.sleep(600_000);
  return words;
}

interface Said {
  readonly code: number;
  readonly said: string;
}

/** Each `apartMs` after the one before it. */
function inTurn(
  apartMs: number,
  commands: readonly (() => Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>)[],
): Promise<readonly Said[]> {
  return Promise.all(
    commands.map(async (command, index) => {
      await world.clock.sleep(index * apartMs);
      const { code, stdout, stderr } = await command();
      return { code, said: stderr + stdout };
    }),
  );
}

const codesOf = (all: readonly Said[]) => all.map(({ code }) => code);
const sortedCodes = (all: readonly Said[]) => codesOf(all).toSorted((one, other) => one - other);
const textOf = (all: readonly Said[]) => all.map(({ said }) => said).join('\n');

describe.each(['bbb', 'words'])(
  'while the next pass of the one that took the app over is at work, %s takes it over from that one',
  (who) => {
    test.each([
      [3000, 0],
      [8000, 0],
      [3000, 3000],
      [8000, 8000],
    ])('%i ms later (lists lag by %i ms): nothing is destroyed or released any more', async (apartMs, listMs) => {
      world = await arena();
      const owners = {
        words: copyOf('words', app('nginx:1', 3, twoAddresses)),
        bbb: copyOf('bbb', app('nginx:1', 3, twoAddresses)),
      };
      const aaa = copyOf('aaa', app('nginx:2', 1, prunesOne));
      await owners.words.flycd(once);
      await world.clock.sleep(600_000);
      // It would lose an address and two machines, which no plan has shown.
      expect((await aaa.flycd(plainly)).code).toBe(4);
      await world.clock.sleep(600_000);
      world.simulator.world.lag.set({ listMs });
      const said = await inTurn(apartMs, [
        () => aaa.flycd(once),
        () => owners[who as 'bbb' | 'words'].flycd(from('aaa'), 'laptop'),
      ]);
      expect(codesOf(said), textOf(said)).toEqual([4, 0]);
      expect(said[0]?.said).toContain(`carries the labels of fleet ${who} since`);
      expect(fleets()).toEqual([who]);
      expect(machines()).toHaveLength(3);
      expect(world.simulator.world.apps.get('shop')?.addresses.size).toBe(2);
    });
  },
);

describe.each([
  ['an address more', app('nginx:1', 2, twoAddresses), 2],
  ['a machine more', app('nginx:1', 3, oneAddress), 3],
  ['a machine fewer', app('nginx:1', 1, oneAddress), 1],
  ['another image and a secret', app('nginx:2', 2, `${oneAddress}secrets: [{ name: A, type: raw, raw: one }]\n`), 2],
])('%s, with the app', (_what, files, count) => {
  test.each([500, 3000, 8000])('while lists lag by %i ms: the labels before are nobody’s word', async (listMs) => {
    await owned(app('nginx:1', 2, oneAddress));
    const aaa = copyOf('aaa', files);
    world.simulator.world.lag.set({ listMs });
    const said = await inTurn(0, [() => aaa.flycd(plainly)]);
    const isLess = count < 2;
    expect(codesOf(said), textOf(said)).toEqual([isLess ? 4 : 0]);
    expect(textOf(said)).not.toContain('was taken over');
    expect(fleets()).toEqual(['aaa']);
    await world.clock.sleep(30_000);
    if (isLess) expect((await aaa.flycd(once)).code).toBe(0);
    await world.clock.sleep(30_000);
    expect(machines()).toHaveLength(count);
    expect((await aaa.flycd(['diff'])).code).toBe(0);
  });
});

test.each([3000, 8000, 30_000])(
  'a release that fails goes back to what ran before the app was taken over, while lists lag by %i ms',
  async (listMs) => {
    await owned(app('nginx:1', 3));
    const aaa = copyOf('aaa', app('nginx:crash-loop', 3));
    world.simulator.world.lag.set({ listMs });
    const said = await inTurn(0, [() => aaa.flycd(plainly)]);
    expect(codesOf(said), textOf(said)).toEqual([1]);
    expect(fleets()).toEqual(['aaa']);
    const images = machines().map(({ config, state }) => `${config.image?.split('@')[0]} ${state}`);
    expect(images).toEqual(Array.from({ length: 3 }, () => 'nginx:1 started'));
  },
);

test.each([26_500, 30_000, 31_750, 33_500, 35_250, 38_500])(
  'a later try of a pass that took it over, whose lists lag, releases nothing once bbb has taken it from there %i ms later',
  async (apartMs) => {
    const three = (image: string, more: string) => app(image, 3, more);
    await owned(three('nginx:1', twoAddresses));
    const aaa = copyOf('aaa', three('nginx:2', prunesOne));
    const bbb = copyOf('bbb', three('nginx:1', twoAddresses));
    world.simulator.world.lag.set({ listMs: 5000 });
    latency(60);
    let [endedAt, takenAt] = [Infinity, Infinity];
    const watch = (): void => {
      if (fleets().join() === 'bbb') takenAt = world.clock.now();
      else world.clock.timer(20, watch);
    };
    watch();
    const adopted = () => aaa.flycd(plainly).finally(() => (endedAt = world.clock.now()));
    const said = await inTurn(apartMs, [adopted, () => bbb.flycd(from('aaa'), 'laptop')]);
    // What ended before, or sent its last call at that moment, was right.
    const isBefore = endedAt <= takenAt + 200;
    const released = world.simulator.world.requests.filter(
      ({ method, path, at }) => method === 'DELETE' && path.includes('/ip_assignments/') && at > takenAt + 100,
    );
    expect(released.map(({ path }) => path)).toEqual([]);
    if (!isBefore) expect(codesOf(said), textOf(said)).toEqual([4, 0]);
    expect(fleets()).toEqual(['bbb']);
  },
);

test.each([
  ['an address more', app('nginx:1', 3, twoAddresses)],
  ['another image and an address', app('nginx:2', 3, twoAddresses)],
  ['a machine fewer', app('nginx:1', 2, oneAddress)],
  ['a machine more', app('nginx:1', 4, oneAddress)],
])('%s: one that lists show, and Fly does not show by its id for some seconds, is not gone', async (_what, files) => {
  let [since, hidden] = [Infinity, ''];
  const isHidden = () => world.clock.now() >= since && world.clock.now() < since + 5000;
  world = await arena({
    others: ({ pathname }, method) =>
      method === 'GET' && pathname.endsWith(`/machines/${hidden}`) && isHidden()
        ? Response.json({ error: 'machine not found' }, { status: 404 })
        : undefined,
  });
  const words = copyOf('words', app('nginx:1', 3, oneAddress));
  const aaa = copyOf('aaa', files);
  await words.flycd(once);
  await world.clock.sleep(600_000);
  world.simulator.world.lag.set({ listMs: 3000 });
  latency(20);
  hidden = machines().find(({ name }) => name === 'app-arn-1-g1')?.id ?? '';
  world.simulator.world.onRequest = ({ phase, request }) => {
    // Once it is seen that the labels stay.
    if (phase === 'after' && request.method === 'PATCH') since = Math.min(since, world.clock.now() + 100);
  };
  const sent = world.simulator.world.requests.length;
  const [said] = await inTurn(0, [() => aaa.flycd(plainly)]);
  const creates = world.simulator.world.requests
    .slice(sent)
    .filter(({ method, template }) => method === 'POST' && template === 'POST /apps/{app}/machines');
  expect(creates.filter(({ status }) => status === 409)).toEqual([]);
  world.simulator.world.lag.set({});
  if (said?.code === 0) expect((await aaa.flycd(['diff'])).code, said.said).toBe(0);
  else
    expect(said?.said).toMatch(
      /nothing shows that it is gone|flycd adopt leaves that to a sync|which no plan has shown/,
    );
  await world.clock.sleep(60_000);
  const again = await aaa.flycd(once);
  expect(again.code, again.stderr + again.stdout).toBe(0);
  expect((await aaa.flycd(['diff'])).code).toBe(0);
});

test.each([
  [1, 0],
  [1, 300],
  [3, 0],
  [3, 1000],
])('two who adopt it plainly (%i machines, %i ms apart): one has it, and the other is told', async (count, apartMs) => {
  await owned(app('nginx:1', count));
  const both = ['aaa', 'bbb'].map((fleet) => copyOf(fleet, app('nginx:1', count)));
  latency(100);
  const said = await inTurn(
    apartMs,
    both.map((one) => () => one.flycd(plainly)),
  );
  expect(sortedCodes(said), textOf(said)).toEqual([0, 4]);
  expect(fleets()).toEqual([said[0]?.code === 0 ? 'aaa' : 'bbb']);
});

test.each([0, 200, 1000])(
  'two who adopt it plainly and would roll it, %i ms apart: no two have it',
  async (apartMs) => {
    await owned(app('nginx:1', 3));
    const both = ['aaa', 'bbb'].map((fleet, index) => copyOf(fleet, app(`nginx:${index + 2}`, 3)));
    latency(400);
    const said = await inTurn(
      apartMs,
      both.map((one) => () => one.flycd(plainly)),
    );
    const winners = ['aaa', 'bbb'].filter((_fleet, index) => said[index]?.code === 0);
    expect(winners.length, textOf(said)).toBeLessThan(2);
    if (winners.length === 1) expect(fleets(), textOf(said)).toEqual(winners);
  },
);

test.each([
  ['the named one first', 0],
  ['the named one first', 50],
  ['the other one first', 0],
  ['the other one first', 50],
])(
  'a fleet with a name and one without, %s, %i ms apart: a machine carries labels of one of them',
  async (order, apartMs) => {
    world = await arena();
    const words = cloneOf('words', { 'flycd.yaml': 'fleet: words\n', ...app('nginx:1') });
    const named = cloneOf('named', { 'flycd.yaml': 'fleet: aaa\n', ...app('nginx:1') });
    const other = cloneOf('other', app('nginx:1'));
    await words.flycd(once);
    await world.clock.sleep(600_000);
    latency(100);
    const both = order.startsWith('the named') ? [named, other] : [other, named];
    const said = await inTurn(
      apartMs,
      both.map((one) => () => one.flycd(from('words'))),
    );
    expect(sortedCodes(said), textOf(said)).toEqual([0, 4]);
    const winner = both[codesOf(said).indexOf(0)];
    expect((await winner?.flycd(['diff']))?.code).toBe(0);
  },
);

describe.each([
  ['the shallow one first', 0],
  ['the shallow one first', 50],
  ['the whole one first', 0],
  ['the whole one first', 50],
])('two clones of one repo, %s, %i ms apart', (order, apartMs) => {
  test.each([false, true])('are one owner (beside a roll: %s)', async (isRolled) => {
    world = await arena();
    const old = cloneOf('old', app('nginx:1'));
    const whole = makeClone(world, 'whole', app('nginx:1'));
    whole.commit({ 'README.md': 'another\n' });
    const shallow = whole.clone('shallow', 1);
    for (const one of [whole, shallow]) one.remote('origin', 'https://example.com/new');
    await old.flycd(once);
    await world.clock.sleep(600_000);
    latency(100);
    old.commit(app('nginx:2'));
    const roll = isRolled ? await updateOf(old, 8000) : undefined;
    const both = order.startsWith('the shallow') ? [shallow, whole] : [whole, shallow];
    const said = await inTurn(
      apartMs,
      both.map((one) => () => one.flycd(from('https://example.com/old'))),
    );
    await roll?.ended;
    expect(codesOf(said), textOf(said)).toEqual([0, 0]);
  });
});

test.each([500, 2000, 4000])(
  'what somebody has taken over %i ms before, lists do not show it yet, stays theirs',
  async (ms) => {
    await owned();
    const both = ['aaa', 'bbb'].map((fleet) => copyOf(fleet, app('nginx:1')));
    world.simulator.world.lag.set({ listMs: 5000 });
    const said = await inTurn(
      ms,
      both.map((one) => () => one.flycd(from('words'))),
    );
    expect(codesOf(said), textOf(said)).toEqual([0, 4]);
    expect(fleets()).toEqual(['aaa']);
  },
);

test('so it does among repos that nobody named', async () => {
  world = await arena();
  const old = cloneOf('old', app('nginx:1'));
  const both = ['one', 'two'].map((name) => cloneOf(name, app('nginx:1')));
  await old.flycd(once);
  await world.clock.sleep(600_000);
  const origins = () => [...new Set(machines().map(({ metadata }) => metadata['flycd_origin']))];
  const before = origins();
  world.simulator.world.lag.set({ listMs: 5000 });
  const said = await inTurn(
    500,
    both.map((one) => () => one.flycd(from('https://example.com/old'))),
  );
  expect(codesOf(said), textOf(said)).toEqual([0, 4]);
  await world.clock.sleep(60_000);
  expect((await both[0]?.flycd(['diff']))?.code).toBe(0);
  expect(origins()).not.toEqual(before);
});

test.each([
  [plainly, 500],
  [plainly, 3000],
  [from('words'), 500],
  [from('words'), 3000],
])('%j %i ms after machines went, which lists still show: those need no labels', async (adopt, ms) => {
  const words = await owned(app('nginx:1', 3));
  const aaa = copyOf('aaa', app('nginx:1', 1));
  world.simulator.world.lag.set({ listMs: 5000 });
  words.commit(app('nginx:1', 1));
  const [, said] = await inTurn(ms, [() => words.flycd(once), () => aaa.flycd(adopt)]);
  // To the plan those that lists still show would go.
  expect(said?.code, said?.said).toBe(adopt.includes('--from') ? 0 : 4);
  expect([machines().length, fleets()]).toEqual([1, ['aaa']]);
  expect((await aaa.flycd(['status'])).stdout).not.toContain('failed');
});

test.each([20_000, 50_000])(
  'the earlier owner takes it back beside an update of %i ms: nobody fights for it',
  async (latencyMs) => {
    const words = await owned();
    const aaa = copyOf('aaa', app('nginx:1'));
    words.commit(app('nginx:2'));
    const roll = await updateOf(words, latencyMs);
    const began = world.clock.now();
    const said = await inTurn(5000, [() => aaa.flycd(from('words')), () => words.flycd(from('aaa'), 'laptop')]);
    expect(codesOf(said), textOf(said)).toEqual([4, 0]);
    expect(said[0]?.said).toContain('was taken over by somebody else at that moment');
    expect(world.clock.now() - began).toBeLessThan(80_000);
    await roll.ended;
    expect(fleets()).toEqual(['words']);
  },
);

describe.each([from('aaa'), ['adopt', '--all', '--from', 'aaa']])('%s %s %s %s', (...adopt) => {
  test('while a pass that took the app over waits to plan again: it is not taken back', async () => {
    world = await arena();
    const words = copyOf('words', app('nginx:1', 4, twoAddresses));
    const bbb = copyOf('bbb', app('nginx:1', 4, twoAddresses));
    const aaa = copyOf('aaa', app('nginx:2', 2, prunesOne));
    await words.flycd(once);
    await world.clock.sleep(600_000);
    const adopting = aaa.flycd(plainly);
    await world.clock.sleep(4000);
    const [, second] = machines().toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const config = { ...second?.config, env: { ...second?.config.env, BY: 'hand' } };
    await world.asPerson('POST', `/apps/shop/machines/${second?.id}`, { config });
    while (leases().length > 0) await world.clock.sleep(20);
    await world.clock.sleep(300);
    const taken = await bbb.flycd(adopt, 'laptop');
    expect(taken.code, taken.stderr + taken.stdout).toBe(0);
    const { code, stdout, stderr } = await adopting;
    expect(code, stderr + stdout).toBe(4);
    expect([fleets(), machines().length]).toEqual([['bbb'], 4]);
    expect(world.simulator.world.apps.get('shop')?.addresses.size).toBe(2);
  });
});

test.each([from('words'), ['adopt', '--all', '--from', 'words']])(
  '%s %s %s %s killed between two labels and said again puts back what an update writes over the first',
  async (...adopt) => {
    const words = await owned();
    const aaa = copyOf('aaa', app('nginx:1'));
    words.commit(app('nginx:2'));
    const roll = await updateOf(words, 9000);
    const [first] = machines();
    // As it was left behind: of the two labels one is written.
    await world.asPerson('PATCH', `/apps/shop/machines/${first?.id}/metadata`, { metadata: { flycd_fleet: 'aaa' } });
    const { code, stdout, stderr } = await aaa.flycd(adopt);
    await roll.ended;
    expect([code, fleets()], stderr + stdout).toEqual([0, ['aaa']]);
  },
);

test.each([plainly, from('words'), ['adopt', '--all', '--from', 'words']])(
  '%s %s %s %s: a host that does not answer, though the list says it does, is named',
  async (...adopt) => {
    await owned();
    const aaa = copyOf('aaa', app('nginx:1'));
    world.simulator.world.lag.set({ listMs: 5000 });
    const dark = [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])][0];
    if (dark === undefined) throw new Error('there is no machine');
    dark.hostStatus = 'unreachable';
    const { code, stdout, stderr } = await aaa.flycd(adopt);
    expect(code, stderr + stdout).toBe(1);
    expect(stderr + stdout).toContain(`the host of machine ${dark.id} does not answer`);
  },
);
