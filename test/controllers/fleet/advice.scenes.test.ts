import { execFileSync } from 'node:child_process';
import { afterEach, describe, expect, test } from 'vitest';
import { arena, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const app = (name: string, more = ''): string =>
  `app: ${name}\nprimary_region: arn\nbuild: {image: "docker.io/library/caddy:2.10.2"}\n${more}`;
const mounted = 'mounts: [{source: data, destination: /data}]\n';
const served = 'services: [{internal_port: 80, protocol: tcp, processes: [web]}]\n';

const before: Readonly<Record<string, string>> = {
  leaves: `extra_regions: [ams]\nmachines: {count_per_region: {arn: 1, ams: 1}}\n${mounted}`,
  drops: `processes: {web: run, worker: work}\n${served}`,
  remounts: mounted,
  // Called like reasons, which others are held for as well.
  volume: mounted,
  destructive: `processes: {web: run, worker: work}\n${served}`,
  strange: '',
  secretive: `secrets:\n${['A', 'B', 'C', 'D', 'E'].map((name) => `  - {name: ${name}, type: raw, raw: b}\n`).join('')}`,
};
const after: Readonly<Record<string, string>> = {
  leaves: `machines: {count_per_region: {arn: 1}}\n${mounted}`,
  drops: 'processes: {worker: work}\n',
  remounts: '',
  volume: '',
  destructive: 'processes: {worker: work}\n',
  secretive: '',
};

/** A fleet in which everything is held that a person's word may destroy. */
async function heldFleet(): Promise<void> {
  world = await arena();
  world.write({ 'flycd.yaml': 'fleet: acme\nsync: {prune: [app, secrets]}\n' });
  for (const [name, more] of Object.entries(before)) world.write({ [`${name}/app.yaml`]: app(name, more) });
  const { code, stdout } = await world.flycd(['sync', '--once']);
  expect(code, stdout).toBe(0);
  for (const name of Object.keys(before)) {
    const more = after[name];
    if (more === undefined) world.remove(name);
    else world.write({ [`${name}/app.yaml`]: app(name, more) });
  }
  await world.asPerson('POST', '/apps/strange/machines', { region: 'arn', config: { image: 'busybox:1' } });
  await world.flycd(['sync', '--once']);
}

interface Held {
  readonly app: string;
  readonly holds: readonly { readonly reason: string; readonly next: string }[];
}

async function holdsOf(name: string): Promise<Held['holds']> {
  const { stdout } = await world.flycd(['diff', '--output', 'json']);
  const { apps } = JSON.parse(stdout) as { readonly apps: readonly Held[] };
  return apps.find((one) => one.app === name)?.holds ?? [];
}

/** Machines and secrets of each app. */
const contents = (): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(
    world.simulator.world
      .snapshot()
      .map(({ name, machines }) => [
        name,
        [
          ...machines.map(({ id, version }) => `${id} ${version}`),
          ...(world.simulator.world.apps.get(name)?.secrets.byName.keys() ?? []),
        ],
      ]),
  );

const others = (names: readonly string[]): unknown =>
  Object.entries(contents()).filter(([name]) => !names.includes(name));

const commandIn = /flycd (sync(?: --(?:once|now|accept(?!-))| --(?:accept-only|app) [\w:-]+)*)/;

describe('a command that a hold names does what it says, and nothing to other apps', () => {
  test.each([
    ['leaves', 'volume', ['leaves']],
    ['drops', 'destructive', ['drops']],
    ['remounts', 'volume', ['remounts']],
    ['volume', 'volume', ['volume']],
    ['destructive', 'destructive', ['destructive']],
    ['strange', 'destructive', ['strange']],
    ['secretive', 'brake', ['secretive']],
  ])('%s, held as %s', async (name, reason, meant) => {
    await heldFleet();
    const hold = (await holdsOf(name)).find((one) => one.reason === reason);
    const command = commandIn.exec(hold?.next ?? '')?.[1];
    expect(command, JSON.stringify(await holdsOf(name))).toBeDefined();
    const [mine, theirs] = [contents()[name], others(meant)];
    await world.flycd((command ?? '').split(' '));
    // What is destroyed is listed for some seconds more.
    await world.clock.sleep(60_000);
    expect(contents()[name]).not.toEqual(mine);
    expect(others(meant)).toEqual(theirs);
  });
});

/** What each `flycd` that a shell meets in this text gets as its arguments. */
function asShell(text: string): readonly string[] {
  const script = `flycd() { printf '%s\\n' "$@"; }\n${text}`;
  return execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8', cwd: '/' }).split('\n').slice(0, -1);
}

test.each([
  ['evil; echo ran', 'evil; echo ran'],
  ["$(id)`id`'", "$(id)`id`'"],
  ['--all', '--all'],
  ['one\u001B[1A\u001B[2Kline', 'one\\x1b[1A\\x1b[2Kline'],
])('a fleet that somebody called %j is one word in the command that takes over its apps', async (fleet, word) => {
  world = await arena();
  world.write({ 'flycd.yaml': 'fleet: acme\n', 'shop/app.yaml': app('shop') });
  await world.flycd(['sync', '--once']);
  for (const { id } of world.simulator.world.snapshot().flatMap(({ machines }) => machines))
    await world.asPerson('POST', `/apps/shop/machines/${id}/metadata/flycd_fleet`, { value: fleet });
  for (const argv of [['diff'], ['why', 'shop'], ['diff', '--output', 'markdown']]) {
    const { stdout } = await world.flycd(argv);
    const command = /flycd adopt --all --from .*?(?=\)\. Then remove)/.exec(stdout)?.[0] ?? '';
    expect(asShell(command), stdout).toEqual(['adopt', '--all', '--from', word]);
    // oxlint-disable-next-line no-control-regex -- it is what must not be there
    expect(stdout).not.toMatch(/[\0-\x09\x0B-\x1F\x7F-\x9F]/);
  }
});
