import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Arena, Files } from '../arena.ts';
import { heirs, walk } from '../kill-walk.ts';

const image = `docker.io/library/caddy:2.10.2@sha256:${'5'.repeat(64)}`;
const values = { PASSWORD: 'correct-horse' };

/** What flyctl makes of the fly.toml that says the same as `shop('hello')`. */
const config = {
  image,
  env: { GREETING: 'hello' },
  guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 256 },
  services: [
    {
      protocol: 'tcp',
      internal_port: 8080,
      ports: [{ port: 80, handlers: ['http'] }],
      checks: [{ type: 'http', path: '/health', interval: '5s', timeout: '2s' }],
    },
  ],
};

async function deployedByHand(world: Arena): Promise<void> {
  const { flyctl } = world.simulator;
  await world.asPerson('POST', '/apps', { app_name: 'shop', org_slug: 'personal' });
  expect(await flyctl.setSecrets('shop', { values, stage: true })).toEqual({ ok: true });
  const configs = { app: config };
  expect(await flyctl.deploy('shop', { image, configs, primaryRegion: 'arn' })).toEqual({ ok: true });
  await world.clock.sleep(60_000);
}

const shop = (greeting: string): Files => ({
  'flycd.yaml': 'fleet: walk\n',
  'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: ${image}
env:
  GREETING: ${greeting}
services:
  - internal_port: 8080
    protocol: tcp
    ports:
      - port: 80
        handlers: [http]
    http_checks:
      - path: /health
        interval: 5s
        timeout: 2s
secrets:
  - name: PASSWORD
    type: raw
    raw: correct-horse
`,
});

interface Seen {
  readonly name: string;
  readonly machines: readonly { readonly metadata: Readonly<Record<string, string>>; readonly config: unknown }[];
}

const isOurs = (endState: unknown): void => {
  const [app] = endState as readonly Seen[];
  expect(app?.machines.map(({ metadata }) => metadata['flycd_fleet'])).toEqual(['walk', 'walk']);
};

describe.each(heirs)(
  'kill -9 at each API call while an app of flyctl’s is taken over, then again by %s',
  (_who, heir) => {
    test('by labels alone, with the machines that run', async () => {
      const versions = new Map<Arena, readonly string[]>();
      const prepare = async (world: Arena): Promise<void> => {
        await deployedByHand(world);
        versions.set(world, versionsOf(world));
      };
      const settled = (world: Arena): void => expect(versionsOf(world)).toEqual(versions.get(world));
      const files = shop('hello');
      expect(await walk({ before: [], files, prepare, judge: isOurs, settled, heir })).toBeGreaterThan(10);
    }, 120_000);

    test('by a person who adopts what would restart', async () => {
      const adopt = ['adopt', 'shop'];
      const files = shop('goodbye');
      const asked = { before: [], files, prepare: deployedByHand, judge: isOurs, heir, argv: adopt, next: adopt };
      expect(await walk(asked)).toBeGreaterThan(10);
    }, 120_000);

    test('by a person who adopts what is another fleet’s', async () => {
      const adopt = ['adopt', 'shop'];
      const before = [{ ...shop('hello'), 'flycd.yaml': 'fleet: theirs\n' }];
      const asked = { before, files: shop('goodbye'), judge: isOurs, heir, argv: adopt, next: adopt };
      expect(await walk(asked)).toBeGreaterThan(10);
    }, 120_000);
  },
);

function versionsOf({ simulator }: Arena): readonly string[] {
  return simulator.world.snapshot().flatMap(({ machines }) => machines.map(({ id, version }) => `${id} ${version}`));
}

test('kill -9 at each API call while all apps of another fleet are taken over: what it remembered goes with them', async () => {
  const argv = ['adopt', '--all', '--from', 'theirs'];
  const before = [{ ...shop('hello'), 'flycd.yaml': 'fleet: theirs\n' }];
  const settled = (world: Arena): void => expect(remembering(world)).toEqual(['walk']);
  const asked = { before, files: { 'flycd.yaml': 'fleet: walk\n' }, judge: isOurs, settled, argv, next: argv };
  expect(await walk(asked)).toBeGreaterThan(3);
}, 120_000);

/** Fleets under whose name something is remembered of the app's secret. */
function remembering({ stateFolder }: Arena): readonly unknown[] {
  const database = new Sqlite(join(stateFolder, 'flycd', 'flycd.db'), { readonly: true });
  onTestFinished(() => void database.close());
  return database.prepare('SELECT DISTINCT fleet FROM evidence').pluck().all();
}
