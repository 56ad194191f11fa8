import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Ran } from '../../cli/terminal.ts';
import { arena, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const app = (name: string, more = ''): string =>
  `app: ${name}\nprimary_region: arn\nbuild:\n  image: docker.io/library/caddy:2.10.2\nmachines: {count: 2}\n${more}`;

/** A config repo of its own beside the arena's. */
class Fleet {
  readonly name: string;
  readonly folder: string;
  constructor(name: string) {
    this.name = name;
    this.folder = join(world.folder, '..', name);
    this.write('flycd.yaml', `fleet: ${name}\nsync: {prune: [app]}\n`);
    this.write(`${name}-own/app.yaml`, app(`${name}-own`));
  }
  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), text);
  }
  remove(path: string): void {
    rmSync(join(this.folder, path), { recursive: true });
  }
  flycd(argv: readonly string[]): Promise<Ran> {
    return world.flycdAt(this.folder, argv);
  }
  sync(): Promise<Ran> {
    return this.flycd(['sync', '--once']);
  }
  /** What a hold of the app says to do next. */
  async adviceFor(name: string): Promise<string> {
    const { stdout } = await this.flycd(['diff', '--app', name, '--output', 'json']);
    const plan = JSON.parse(stdout) as { apps: { app: string; holds: { reason: string; next: string }[] }[] };
    const hold = plan.apps.find((one) => one.app === name)?.holds.find(({ reason }) => reason === 'owner');
    if (hold === undefined) throw new Error(`no owner hold in ${stdout}`);
    return hold.next;
  }
}

/** Of fleet one, and named by fleet two as well. */
async function namedByBoth(more = ''): Promise<{ readonly one: Fleet; readonly two: Fleet }> {
  world = await arena();
  const one = new Fleet('one');
  const two = new Fleet('two');
  one.write('moved/app.yaml', app('moved'));
  expect((await one.sync()).code).toBe(0);
  two.write('moved/app.yaml', app('moved', more));
  expect((await two.sync()).code).toBe(4);
  return { one, two };
}

const bothGroups = 'processes: {app: run, worker: work}\n';
const uncounted = (more = ''): string => app('moved', more).replace('machines: {count: 2}\n', '');

/** Of fleet one, with a group that fleet two does not name yet. */
async function ofTwoGroups(): Promise<{ readonly one: Fleet; readonly two: Fleet }> {
  world = await arena();
  const fleets = { one: new Fleet('one'), two: new Fleet('two') };
  fleets.one.write('moved/app.yaml', uncounted(bothGroups));
  expect((await fleets.one.sync()).code).toBe(0);
  return fleets;
}

const machines = (): readonly string[] => [...(world.simulator.world.apps.get('moved')?.machines.keys() ?? [])];

const owners = (): readonly (string | undefined)[] =>
  [...(world.simulator.world.apps.get('moved')?.machines.values() ?? [])].map(
    ({ config }) => config.metadata?.['flycd_fleet'],
  );

/** The advice as somebody follows it: its parts in the order in which they stand, each fleet syncing after each of them. */
async function follow(advice: string, { one, two }: { readonly one: Fleet; readonly two: Fleet }): Promise<void> {
  const acts: [number, () => Promise<unknown>][] = [];
  const command = /flycd (adopt \w+(?: --from \w+)?)/.exec(advice);
  if (command !== null) acts.push([command.index, () => two.flycd(command[1]?.split(' ') ?? [])]);
  const removal = /remove \w+ from/.exec(advice);
  if (removal !== null) acts.push([removal.index, () => Promise.resolve(one.remove('moved'))]);
  expect(acts).toHaveLength(2);
  for (const [, act] of acts.toSorted(([a], [b]) => a - b)) {
    await act();
    for (const fleet of [one, two]) await fleet.sync();
  }
}

describe('an app that another fleet has', () => {
  test('moves by what the hold says, with its machines, also where that fleet prunes apps', async () => {
    const fleets = await namedByBoth();
    const before = machines();
    expect(before).toHaveLength(2);
    await follow(await fleets.two.adviceFor('moved'), fleets);
    expect(machines()).toEqual(before);
    expect((await fleets.two.sync()).stdout).toContain('2 apps: 2 synced');
    expect((await fleets.one.flycd(['diff'])).stdout).not.toContain('moved');
  });

  const changed = 'env: {A: b}\n';
  const closed = 'sync: {windows: [{schedule: "0 0 1 6 *", duration: 1h}]}\n';
  test.each([
    ['whose release waits for a window', changed + closed],
    ['of which a secret has no value', `${changed}secrets: [{name: TOKEN, type: env, env: NOWHERE}]\n`],
  ])('moves by it as well where %s', async (_why, more) => {
    const fleets = await namedByBoth(more);
    const before = machines();
    await follow(await fleets.two.adviceFor('moved'), fleets);
    expect(machines()).toEqual(before);
    expect(owners()).toEqual(['two', 'two']);
  });

  test('is taken over whole where it has a group that the fleet which adopts it does not name', async () => {
    const { one, two } = await ofTwoGroups();
    two.write('moved/app.yaml', app('moved', changed));
    const before = machines();
    expect((await two.flycd(['adopt', 'moved'])).code).toBe(4);
    expect(new Set(owners())).toEqual(new Set(['one']));
    const advice = await two.adviceFor('moved');
    expect(advice).toContain('flycd adopt moved --from one');
    await follow(advice, { one, two });
    expect(machines()).toEqual(expect.arrayContaining([...before]));
    expect(new Set(owners())).toEqual(new Set(['two']));
  });

  test('moves whole the other way, too: its groups are named, it is adopted, and then removed', async () => {
    const { one, two } = await ofTwoGroups();
    two.write('moved/app.yaml', uncounted());
    const before = machines();
    const advice = await two.adviceFor('moved');
    const [, way = ''] = advice.split('. Or ');
    expect(way).toMatch(
      /^name worker in git, then flycd adopt moved\. Then remove moved from one's config repo; not before/,
    );
    two.write('moved/app.yaml', uncounted(bothGroups));
    for (const act of [() => two.flycd(['adopt', 'moved']), () => Promise.resolve(one.remove('moved'))]) {
      await act();
      for (const fleet of [one, two]) await fleet.sync();
    }
    expect(machines()).toEqual(before);
    expect(new Set(owners())).toEqual(new Set(['two']));
    expect((await two.flycd(['diff'])).code).toBe(0);
  });
});
