/** Another owner puts a machine into an app between the plan of its adoption and the labels. */
import { afterEach, expect, test } from 'vitest';
import type { Machine } from '../../../../simulator/world/records.ts';
import { makeCopy } from '../../../acceptance/clones.ts';
import { arena, type Arena } from '../../arena.ts';

let world: Arena;
afterEach(() => world.close());

const alive = () => world.simulator.world.snapshot().flatMap(({ machines }) => machines);
const owners = () => alive().map(({ name, metadata }) => `${name} of ${metadata['flycd_fleet']}`);

const list = 'GET /apps/{app}/machines';
const label = 'PATCH /apps/{app}/machines/{machine}/metadata';

const copyOf = (fleet: string) =>
  makeCopy(world, fleet, {
    'flycd.yaml': `fleet: ${fleet}\n`,
    'shop/app.yaml': `app: shop
primary_region: arn
build: { image: "nginx:1" }
network: { ips: [{ v: v6 }] }
processes: { web: run }
machines: { count: 1 }
`,
  });

/** The app is of the fleet `words`, and `aaa` adopts it. `act` comes before the request of that place among those of the command. */
async function adopted(place?: number, act?: () => void, isThere = true) {
  world = await arena({ orderly: true });
  await copyOf('words').flycd(['sync', '--once']);
  await world.asPerson('POST', '/apps/shop/machines', { name: 'theirs', region: 'arn', config: { image: 'nginx:1' } });
  await world.clock.sleep(600_000);
  if (!isThere) theirMachine().state = 'destroyed';
  const asked: string[] = [];
  world.simulator.world.onRequest = ({ phase, request }) => {
    if (phase !== 'before' || request.app !== 'shop') return;
    if (asked.length === place) act?.();
    asked.push(request.template);
  };
  const { code, stdout, stderr } = await copyOf('aaa').flycd(['adopt', 'shop']);
  world.simulator.world.onRequest = undefined;
  return { asked, code, said: stderr + stdout };
}

function theirMachine(): Machine {
  const all = [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])];
  const theirs = all.find(({ name }) => name === 'theirs');
  if (theirs === undefined) throw new Error('it is not there');
  return theirs;
}

/** Where nobody's machine stands, or none at all, one of the fleet `bbb` does from now on. */
function make(stamps: Readonly<Record<string, string>>): void {
  const theirs = theirMachine();
  const metadata = {
    fly_process_group: 'web',
    fly_platform_version: 'v2',
    flycd_fleet: 'bbb',
    flycd_origin: 'n1:',
    ...stamps,
  };
  theirs.config = { ...theirs.config, metadata };
  theirs.state = 'started';
}

/** Of an undisturbed adoption: the list that it goes by, and its first label. */
async function places(): Promise<{ readonly listed: number; readonly labelled: number }> {
  const { asked, code, said } = await adopted();
  expect(code, said).toBe(0);
  expect(owners().filter((one) => one.includes('words'))).toEqual([]);
  await world.close();
  const labelled = asked.indexOf(label);
  return { listed: asked.lastIndexOf(list, labelled), labelled };
}

test('one that is there for good before the labels keeps the app from being adopted', async () => {
  const { listed } = await places();
  const { code, said } = await adopted(listed - 1, () => make({}));
  expect(code, said).toBe(4);
  expect(owners().filter((one) => one.includes('aaa'))).toEqual([]);
  expect(owners()).toContain('theirs of bbb');
});

test('one that comes during the labels stays its owner’s, and the next plan says so', async () => {
  const { labelled } = await places();
  await adopted(labelled, () => make({}));
  expect(owners()).toContain('theirs of bbb');
  const diff = await copyOf('aaa').flycd(['diff']);
  expect([diff.code, diff.stdout]).toEqual([4, expect.stringContaining('fleet bbb has machines in this app')]);
});

test.each([
  ['listed', true],
  ['listed', false],
  ['labelled', true],
  ['labelled', false],
] as const)('one that was but begun (%s, where one of nobody’s was: %s) is not labelled', async (when, isThere) => {
  const { [when]: place } = await places();
  const { code, said } = await adopted(
    when === 'listed' ? place - 1 : place,
    () => make({ flycd_begun: '1' }),
    isThere,
  );
  expect(code, said).toBe(0);
  expect(owners()).toContain('theirs of bbb');
});
