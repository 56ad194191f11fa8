import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startSimulator } from '../../../simulator/simulator.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { fetchFrom, run } from '../../cli/terminal.ts';
import { platform, type Platform } from '../platform.ts';

/** Sends all at once, in this order, some later by turns of the event loop, and reads the order they were served in. */
async function served(it: Platform, apps: readonly string[]): Promise<readonly string[]> {
  it.world.requests.length = 0;
  await Promise.all(
    apps.map(async (app, index) => {
      for (let turn = 0; turn < (index * 7) % 5; turn++) await it.clock.busy(async () => Promise.resolve());
      await it.call('POST', `/apps/${app}/secrets`, { values: { A: app } });
      await it.call('GET', `/apps/${app}/secrets`);
    }),
  );
  return it.world.requests.map(({ method, app }) => `${method} ${app}`);
}

const names = ['delta', 'alpha', 'echo', 'charlie', 'bravo'];

async function orderly(options = {}): Promise<Platform> {
  const it = await platform({ orderly: true, ...options });
  for (const name of names) await it.app(name);
  return it;
}

describe('an orderly simulator', () => {
  test('serves what is asked at once by app, whatever order it was sent in', async () => {
    const it = await orderly();
    const first = await served(it, names);
    expect(await served(it, names.toReversed())).toEqual(first);
    expect(await served(it, names.toSorted())).toEqual(first);
    expect(first[0]).toBe('POST alpha');
    expect(first.filter((line) => line.startsWith('POST')).map((line) => line.slice(5))).toEqual(names.toSorted());
  });

  test('sorts by method, path and body within an app', async () => {
    const it = await orderly();
    const order = async (values: readonly string[]): Promise<readonly string[]> => {
      const asked = values.map((value) => it.call('POST', '/apps/alpha/secrets', { values: { A: value } }));
      const versions = (await Promise.all(asked)).map(({ body }) => body.version as number);
      return values.toSorted((a, b) => (versions[values.indexOf(a)] ?? 0) - (versions[values.indexOf(b)] ?? 0));
    };
    expect(await order(['3', '1', '2'])).toEqual(await order(['1', '2', '3']));
    expect(await order(['2', '3', '1'])).toEqual(await order(['1', '3', '2']));
  });

  test('spends no time on it, and keeps to latency', async () => {
    const it = await orderly({ latencyMs: 50 });
    const began = it.clock.now();
    await Promise.all(names.map((name) => it.call('GET', `/apps/${name}`)));
    expect(it.clock.now() - began).toBe(50);
  });

  test('a client that gives up while it waits changes nothing for the others', async () => {
    const it = await orderly({ latencyMs: 10 });
    const abort = new AbortController();
    const { simulator, clock } = it;
    const headers = { authorization: `Bearer ${simulator.token}` };
    const given = clock
      .busy(() => fetch(`${simulator.url}/v1/apps/alpha`, { headers, signal: abort.signal }))
      .catch(() => 'gone');
    const others = names.map((name) => it.call('GET', `/apps/${name}`));
    clock.timer(10, () => {
      abort.abort();
    });
    const statuses = (await Promise.all(others)).map(({ status }) => status);
    expect(statuses).toEqual([200, 200, 200, 200, 200]);
    await given;
    const began = clock.now();
    await clock.sleep(1000);
    expect(clock.now() - began).toBe(1000);
    expect(clock.pending).toBe(0);
    expect((await it.call('GET', '/apps/alpha')).status).toBe(200);
  });

  test('waits of a minute and waits of nothing stand side by side', async () => {
    const it = await orderly();
    const { id } = await it.machine({}, 'alpha');
    const began = it.clock.now();
    const [waited] = await Promise.all([
      it.call('GET', `/apps/alpha/machines/${id}/wait?state=stopped&timeout=60`),
      it.clock.sleep(5000).then(() => it.call('POST', `/apps/alpha/machines/${id}/stop`)),
    ]);
    expect(waited.status).toBe(200);
    expect(it.clock.now() - began).toBeLessThan(6000);
  });
});

describe('a whole sync under faults', () => {
  const app = (name: string) => `app: ${name}
primary_region: arn
build:
  image: docker.io/library/caddy:2.10.2
http_service:
  internal_port: 8080
machines:
  count: 2
`;

  /** Every request with its time and answer, and how the world ended. */
  async function synced(): Promise<unknown> {
    const folder = mkdtempSync(join(tmpdir(), 'flycd-order-'));
    const clock = new IdleClock();
    const simulator = await startSimulator({ clock, seed: 5, orderly: true });
    try {
      for (const name of names) {
        mkdirSync(join(folder, 'config', name), { recursive: true });
        writeFileSync(join(folder, 'config', name, 'app.yaml'), app(name));
      }
      const { world } = simulator;
      world.faults.add({ fault: '503', probability: 0.05 });
      world.faults.add({ fault: 'reset-after', probability: 0.05 });
      world.faults.add({ fault: { latencyMs: 500 }, probability: 0.2 });
      const env = { ...simulator.environment, XDG_STATE_HOME: join(folder, 'state'), USER: 'alice' };
      const options = { env, cwd: folder, clock, fetch: fetchFrom(simulator.url) };
      const key = { FLYCD_EVIDENCE_KEY: 'the same key for every run of this' };
      await run(['sync', '--once', join(folder, 'config')], { ...options, env: { ...env, ...key } });
      expect(world.requests.length).toBeGreaterThan(100);
      expect(world.faults.list().every(({ hit }) => hit > 0)).toBe(true);
      return JSON.parse(JSON.stringify([world.requests, world.snapshot()])) as unknown;
    } finally {
      await simulator.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }

  test('reruns request by request', async () => {
    expect(await synced()).toEqual(await synced());
  });
});
