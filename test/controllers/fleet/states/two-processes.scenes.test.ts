import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Redactor } from '../../../../src/model/base/secret-value.ts';
import { openStore } from '../../../../src/record/database.ts';
import { runStart } from '../../../record/stores.ts';
import type { Ran } from '../../../cli/terminal.ts';
import type { Arena } from '../../arena.ts';
import { prepared } from '../../arena.ts';

let world: Arena;

afterEach(() => world.close());

const shop = (image: string, count = 2): Readonly<Record<string, string>> => ({
  'flycd.yaml': 'fleet: shown\n',
  'app.yaml': [
    'app: shop',
    'primary_region: arn',
    `build: { image: "docker.io/library/shop:${image}" }`,
    'http_service: { internal_port: 8080 }',
    `machines: { count: ${count} }`,
    '',
  ].join('\n'),
});

const cases = [
  ['an update', [shop('1')], shop('2')],
  ['an app made', [], shop('1')],
  ['more machines', [shop('1')], shop('1', 4)],
] as const;

const when = [0, 100, 1000, 3000, 8000];

describe('two FlyCDs on one database', () => {
  test.each(cases.flatMap((one) => when.map((ms) => [...one, ms] as const)))(
    '%s: the one that comes later waits for the other, and finds it done',
    async (_what, before, files, ms) => {
      world = await prepared(before, files);
      const first = world.flycd(['sync', '--once']);
      await world.clock.sleep(ms);
      const both = await Promise.all([first, world.flycd(['sync', '--once'])]);
      for (const { code, stdout, stderr } of both) expect(code, stdout + stderr).toBe(0);
      const said = both.map(({ stderr }) => stderr).join('');
      expect(said).toMatch(/waiting until .*: another FlyCD on this database, host-\w+, is at work on it/);
      expect(said).not.toContain('moved on since');
      const { stdout } = await world.flycd(['status', '--output', 'json']);
      expect(JSON.parse(stdout)).toMatchObject({ apps: [{ app: 'shop', status: 'synced' }] });
      expect((await world.flycd(['diff'])).code).toBe(0);
    },
  );

  test('a command that has waited for ten minutes ends as blocked, says who is at work, and goes on once they are done', async () => {
    world = await prepared([shop('1')], shop('2'));
    const path = join(world.stateFolder, 'flycd', 'flycd.db');
    const parts = { path, fleet: 'shown', clock: world.clock, redactor: new Redactor(), instance: 'service' };
    const other = openStore(parts);
    const run = await other.startRun(runStart('shop'));
    const beganAt = world.clock.now();
    const { code, stdout } = await world.flycd(['sync', '--once']);
    expect(stdout).toMatch(/another FlyCD on this database is at work on shop: service began at /);
    expect(stdout).toMatch(/shop +held +blocked/);
    expect(code).toBe(4);
    expect(Math.round((world.clock.now() - beganAt) / 60_000)).toBe(10);
    await other.finishRun(run, { outcome: 'no-change', status: 'synced', nextWakeAt: undefined });
    await other.close();
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  });

  test('of seven commands in a row, each with a newer commit, each has its turn in the order in which they came', async () => {
    world = await prepared([shop('1')], {}, { repository: true });
    const all: Promise<Ran>[] = [];
    const codes = async () => (await Promise.all(all)).map(({ code }) => code);
    const seen: (string | undefined)[] = [];
    world.simulator.world.onStateChange = ({ config }) => {
      const image = config.image?.split('@')[0]?.split(':')[1];
      if (image !== seen.at(-1)) seen.push(image);
    };
    for (let job = 2; job <= 8; job += 1) {
      world.write(shop(String(job)));
      all.push(world.flycd(['sync', '--once']));
      await world.clock.sleep(3000);
    }
    expect(await codes()).toEqual([0, 0, 0, 0, 0, 0, 0]);
    expect(seen).toEqual(['2', '3', '4', '5', '6', '7', '8']);
    const { stdout } = await world.flycd(['history', '--all', '--fleet', 'shown', '--output', 'json']);
    const { runs } = JSON.parse(stdout) as { readonly runs: readonly { readonly outcome: string }[] };
    expect(runs.map(({ outcome }) => outcome)).toEqual([...Array.from({ length: 7 }, () => 'updated'), 'created']);
  });

  test('status tells of the command that is at work, also where the loop has given way to it meanwhile', async () => {
    world = await prepared([shop('1')], shop('2', 5));
    const command = world.flycd(['sync', '--once']);
    await world.clock.sleep(3000);
    const stop = new AbortController();
    const loop = world.flycd(['sync'], undefined, stop.signal);
    for (let seconds = 0; seconds < 30; seconds += 5) {
      await world.clock.sleep(5000);
      const { stdout } = await world.flycd(['status']);
      expect(stdout).toMatch(/shop +applying .* began .* ago/);
    }
    expect((await command).code).toBe(0);
    await world.clock.sleep(60_000);
    expect((await world.flycd(['status'])).stdout).toMatch(/shop +synced/);
    stop.abort();
    await loop;
  });

  test('a command that is asked to stop while it waits ends at once', async () => {
    world = await prepared([shop('1')], shop('2'));
    const first = world.flycd(['sync', '--once']);
    await world.clock.sleep(2000);
    const stop = new AbortController();
    world.clock.timer(3000, () => stop.abort(new Error('stopped')));
    const beganAt = world.clock.now();
    const { code } = await world.flycd(['sync', '--once'], undefined, stop.signal);
    expect(code).toBe(130);
    expect(world.clock.now() - beganAt).toBeLessThan(5000);
    expect((await first).code).toBe(0);
  });

  test('a rollback beside the loop at work ends well, once that has given way to it', async () => {
    world = await prepared([shop('1'), shop('2')], shop('3', 4));
    const stop = new AbortController();
    const loop = world.flycd(['sync'], undefined, stop.signal);
    await world.clock.sleep(5000);
    const { code, stdout, stderr } = await world.flycd(['rollback', 'shop']);
    expect(code, stdout + stderr).toBe(0);
    await world.clock.sleep(60_000);
    const images = [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])].map(
      ({ config }) => config.image,
    );
    expect(new Set(images.map((image) => image?.split('@')[0]))).toEqual(new Set(['docker.io/library/shop:2']));
    stop.abort();
    await loop;
  });

  test('a FlyCD that was killed keeps nobody waiting', async () => {
    world = await prepared([shop('1')], shop('2'));
    await world.mortalFlycd(['sync', '--once'], { call: 16, when: 'after' });
    const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
    expect(code, stdout + stderr).toBe(0);
  });

  test('a command beside the loop leaves its run, and the loop ends it', async () => {
    world = await prepared([shop('1')], shop('2'));
    const stop = new AbortController();
    const loop = world.flycd(['sync'], undefined, stop.signal);
    await world.clock.sleep(5000);
    const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
    expect(code, stdout + stderr).toBe(0);
    await world.clock.sleep(60_000);
    const history = await world.flycd(['history', '--fleet', 'shown', '--output', 'json']);
    const { runs } = JSON.parse(history.stdout) as { readonly runs: readonly { readonly outcome: string }[] };
    // The command found nothing left to do.
    expect(runs.map(({ outcome }) => outcome)).toEqual(['updated', 'created']);
    stop.abort();
    await loop;
  });

  test('the loop comes back to an app that a command was at', async () => {
    world = await prepared([shop('1')], shop('2'));
    const command = world.flycd(['sync', '--once']);
    await world.clock.sleep(2000);
    const stop = new AbortController();
    const loop = world.flycd(['sync'], undefined, stop.signal);
    expect((await command).code).toBe(0);
    await world.clock.sleep(60_000);
    const { stdout } = await world.flycd(['status', '--output', 'json']);
    expect(JSON.parse(stdout)).toMatchObject({ apps: [{ app: 'shop', status: 'synced' }] });
    stop.abort();
    await loop;
  });
});
