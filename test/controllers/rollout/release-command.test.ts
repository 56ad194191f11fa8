import { afterEach, expect, test } from 'vitest';
import { prepared, type Arena, type Files } from '../arena.ts';

let world: Arena | undefined;
afterEach(() => world?.close());

interface Parts {
  readonly image?: string;
  readonly color?: string;
  readonly command?: string;
  readonly more?: string;
}

const fleet = ({ image = 'shop:1', color = 'red', command = 'bin/migrate', more = '' }: Parts = {}): Files => ({
  'flycd.yaml': 'fleet: commands\n',
  'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: docker.io/library/${image}
env:
  COLOR: ${color}
deploy:
  release_command: ${command}
${more}machines:
  count: 2
`,
});

function machinesOf(of: Arena) {
  return [...(of.simulator.world.apps.get('shop')?.machines.values() ?? [])];
}

const isRelease = (machine: { readonly name: string }): boolean => machine.name.startsWith('release-');
const runs = (of: Arena): number => machinesOf(of).filter(isRelease).length;
const colors = (of: Arena): readonly unknown[] =>
  machinesOf(of)
    .filter((machine) => !isRelease(machine))
    .map(({ config }) => config.env?.['COLOR']);

async function sync(of: Arena, files?: Files) {
  if (files !== undefined) of.write(files);
  const { code, stdout, stderr } = await of.flycd(['sync', '--once']);
  return { code, said: stderr + stdout };
}

test('it runs once, before any machine of the app, with the size and settings of its own', async () => {
  world = await prepared([], fleet({ more: '  release_command_vm:\n    size: shared-cpu-4x\n' }));
  const plan = await world.flycd(['diff']);
  expect(plan.stdout).toContain('+ release_command: "bin/migrate"');
  const { code, said } = await sync(world);
  expect(code, said).toBe(0);
  const [release, ...others] = machinesOf(world).toSorted((a, b) => a.createdAt - b.createdAt);
  expect(release).toMatchObject({
    name: expect.stringMatching(/^release-/),
    state: 'destroyed',
    region: 'arn',
    config: {
      env: { RELEASE_COMMAND: '1', COLOR: 'red' },
      init: { cmd: ['bin/migrate'] },
      guest: { cpus: 4 },
      restart: { policy: 'no' },
      auto_destroy: true,
      metadata: { fly_process_group: 'fly_app_release_command', flycd_fleet: 'commands' },
    },
  });
  expect(others.map(({ name }) => name)).toEqual(['app-arn-1-g1', 'app-arn-2-g1']);
  // Named by the command, so that of two FlyCDs that run the same one Fly makes one machine.
  expect(release?.name).toBe(`release-${release?.config.metadata?.['flycd_command']?.slice(0, 12)}-1`);
  const exit = release?.events.find(({ type }) => type === 'exit');
  expect(exit?.timestamp ?? Infinity).toBeLessThanOrEqual(others[0]?.createdAt ?? 0);
  const diff = await world.flycd(['diff']);
  expect(diff.code, diff.stdout).toBe(0);
  const { stdout } = await world.flycd(['history', '1', '--output', 'json']);
  const { results } = JSON.parse(stdout) as { results: { kind: string; startedAt: string }[] };
  const [of] = results.filter(({ kind }) => kind === 'release');
  expect(Date.parse(of?.startedAt ?? ''), 'its time begins with the command').toBeLessThan(release?.createdAt ?? 0);
});

test('the same command does not run again on the same image; a new image or command runs it', async () => {
  world = await prepared([fleet()], fleet({ color: 'blue' }));
  expect((await sync(world)).code).toBe(0);
  expect([runs(world), colors(world)]).toEqual([1, ['blue', 'blue']]);
  expect((await sync(world, fleet({ color: 'blue', image: 'shop:2' }))).code).toBe(0);
  expect(runs(world)).toBe(2);
  expect((await sync(world, fleet({ color: 'green', image: 'shop:2', command: 'bin/other' }))).code).toBe(0);
  expect(runs(world)).toBe(3);
  const diff = await world.flycd(['diff']);
  expect(diff.code, diff.stdout).toBe(0);
});

test('a rolled secret, a machine more and a heal never run it; a new image runs it once', async () => {
  const secret = (value: string, image = 'shop:1', count = 2): Files => {
    const text = fleet({ image })['shop/app.yaml'] ?? '';
    const secrets = `secrets: [{ name: PASSWORD, type: raw, raw: ${value} }]\n`;
    return { 'shop/app.yaml': text.replace('machines:\n  count: 2\n', `${secrets}machines: { count: ${count} }\n`) };
  };
  world = await prepared([fleet(), secret('one')], secret('two'));
  expect((await sync(world)).code).toBe(0);
  expect((await sync(world, secret('two', 'shop:1', 3))).code).toBe(0);
  const [machine] = machinesOf(world).filter((one) => !isRelease(one));
  const config = { ...machine?.config, env: { COLOR: 'changed by hand' } };
  await world.asPerson('POST', `/apps/shop/machines/${machine?.id ?? ''}`, { config });
  await world.clock.sleep(60_000);
  expect((await sync(world)).code).toBe(0);
  expect([runs(world), colors(world)]).toEqual([1, ['red', 'red', 'red']]);
  expect((await sync(world, secret('two', 'shop:2', 3))).code).toBe(0);
  expect(runs(world)).toBe(2);
});

test('where it fails no machine is touched, its exit code is told, and a new commit goes on', async () => {
  world = await prepared([fleet()], fleet({ color: 'blue', image: 'shop:failing-release' }));
  const { code, said } = await sync(world);
  expect(code).toBe(1);
  expect(said).toContain('the release command failed: bin/migrate');
  expect(said).toContain('it exited with code 1 (launch created, start started, exit stopped); no machine');
  expect(colors(world)).toEqual(['red', 'red']);
  expect((await sync(world, fleet({ color: 'blue', image: 'shop:2' }))).code).toBe(0);
  expect(colors(world)).toEqual(['blue', 'blue']);
});

test('where it does not end in time its machine goes, and no other is touched', async () => {
  const slow = fleet({ image: 'shop:long-job', color: 'blue', more: '  release_command_timeout: 5s\n' });
  world = await prepared([fleet()], slow);
  const { code, said } = await sync(world);
  expect(code).toBe(1);
  expect(said).toContain('it did not end within 5 s (launch created, start started)');
  expect(colors(world)).toEqual(['red', 'red']);
  await world.clock.sleep(60_000);
  expect(machinesOf(world).filter((machine) => isRelease(machine) && machine.state !== 'destroyed')).toEqual([]);
});

test('where it does not end in time and its machine cannot be taken away, it has failed all the same', async () => {
  const slow = fleet({ image: 'shop:long-job', color: 'blue', more: '  release_command_timeout: 5s\n' });
  world = await prepared([fleet()], slow);
  const fault = { status: 403, body: { error: 'no' } };
  world.simulator.world.faults.add({ template: 'DELETE /apps/{app}/machines/{machine}', fault });
  const { code, said } = await sync(world);
  expect(code).toBe(1);
  expect(said).toContain('it did not end within 5 s (launch created, start started)');
  const stamps = machinesOf(world).filter((machine) => !isRelease(machine));
  expect(stamps.map(({ config }) => config.metadata?.['flycd_failed'])).not.toContain(undefined);
});

test.each([2000, 6000])('it runs once where Fly does not show its machine for %i ms', async (lagMs) => {
  const others = (url: URL, method: string): Response | undefined => {
    const id = /machines\/([0-9a-f]+)(\/wait)?$/.exec(url.pathname)?.[1];
    const made = world === undefined ? undefined : machinesOf(world).find((machine) => machine.id === id);
    if (world === undefined || method !== 'GET' || made === undefined || !isRelease(made)) return undefined;
    const isHidden = world.clock.now() - made.createdAt <= lagMs;
    return isHidden ? Response.json({ error: 'machine not found' }, { status: 404 }) : undefined;
  };
  world = await prepared([], fleet(), { others });
  const { code, said } = await sync(world);
  expect(code, said).toBe(0);
  expect(runs(world)).toBe(1);
  expect((await sync(world, fleet({ image: 'shop:2' }))).code).toBe(0);
  expect(runs(world)).toBe(2);
});

test('it has failed also where its machine cannot be taken away: the same is not run again', async () => {
  world = await prepared([], fleet({ image: 'shop:long-job', more: '  release_command_timeout: 5s\n' }));
  world.simulator.world.faults.add({ template: 'DELETE /apps/{app}/machines/{machine}', times: 99, fault: '503' });
  expect((await sync(world)).code).toBe(1);
  world.simulator.world.faults.clear();
  const { code, said } = await sync(world);
  expect(code, said).toBe(4);
  expect(said).toContain('the release command failed');
  expect(runs(world)).toBe(1);
});
