import * as fc from '../../property.ts';
import { expect, test } from 'vitest';
import { arena } from '../arena.ts';

/** Configs a team may write: every shape of count, check, volume, secret and address that this FlyCD maps. */
const region = fc.constantFrom('arn', 'ams', 'iad');
const app = fc.record(
  {
    primary: region,
    extra: fc.subarray(['arn', 'ams', 'iad'], { maxLength: 2 }),
    groups: fc.subarray(['app', 'worker'], { minLength: 1 }),
    count: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    service: fc.constantFrom('none', 'http_service', 'services'),
    autostop: fc.constantFrom('off', 'stop', 'suspend', undefined),
    check: fc.boolean(),
    memory: fc.constantFrom(undefined, '256mb', '512mb', '1gb'),
    mount: fc.boolean(),
    env: fc.dictionary(
      fc.stringMatching(/^[A-Z][A-Z_]{0,5}$/).filter((name) => !name.startsWith('FLY')),
      fc.string({ unit: 'grapheme-ascii', maxLength: 12 }),
      { maxKeys: 3 },
    ),
    secret: fc.option(fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 12 }), { nil: undefined }),
    ips: fc.option(fc.subarray(['v6', 'shared', 'v4', 'private']), { nil: undefined }),
    kill: fc.constantFrom(undefined, 30, '45s'),
    restart: fc.constantFrom(undefined, 'always', 'never', 'on-failure'),
    metrics: fc.boolean(),
    file: fc.boolean(),
    strategy: fc.constantFrom(undefined, 'rolling', 'immediate'),
  },
  { requiredKeys: ['primary', 'groups', 'service'] },
);

type App = typeof app extends fc.Arbitrary<infer T> ? T : never;

const addresses: Readonly<Record<string, object>> = {
  v6: { v: 'v6' },
  shared: { v: 'v4', shared: true },
  v4: { v: 'v4' },
  private: { v: 'v6', private: true },
};

function checks(wanted: App) {
  return wanted.check === true ? [{ method: 'GET', path: '/', interval: '5s', timeout: '2s' }] : [];
}

function services(wanted: App, first: string): object {
  const stops = wanted.autostop === undefined ? {} : { auto_stop_machines: wanted.autostop };
  if (wanted.service === 'http_service') {
    return { http_service: { internal_port: 8080, processes: [first], checks: checks(wanted), ...stops } };
  }
  if (wanted.service === 'none') return {};
  const ports = [{ port: 443, handlers: ['tls', 'http'] }];
  return {
    services: [
      { internal_port: 8080, protocol: 'tcp', ports, processes: [first], http_checks: checks(wanted), ...stops },
    ],
  };
}

function document(name: string, wanted: App): object {
  const [first = 'app'] = wanted.groups;
  return {
    app: name,
    primary_region: wanted.primary,
    ...(wanted.extra === undefined ? {} : { extra_regions: wanted.extra }),
    build: { image: `docker.io/library/${name}:1.0` },
    ...(wanted.groups.length === 1 && first === 'app'
      ? {}
      : { processes: Object.fromEntries(wanted.groups.map((group) => [group, `run ${group}`])) }),
    ...services(wanted, first),
    ...(wanted.count === undefined
      ? {}
      : { machines: { groups: Object.fromEntries(wanted.groups.map((group) => [group, { count: wanted.count }])) } }),
    ...(wanted.memory === undefined ? {} : { vm: [{ size: 'shared-cpu-1x', memory: wanted.memory }] }),
    ...(wanted.mount === true ? { mounts: [{ source: 'data', destination: '/data', processes: [first] }] } : {}),
    ...(wanted.env === undefined ? {} : { env: wanted.env }),
    ...(wanted.secret === undefined ? {} : { secrets: [{ name: 'SECRET', type: 'raw', raw: wanted.secret }] }),
    ...(wanted.ips === undefined ? {} : { network: { ips: wanted.ips.map((ip) => addresses[ip]) } }),
    ...(wanted.kill === undefined ? {} : { kill_timeout: wanted.kill, kill_signal: 'SIGTERM' }),
    ...(wanted.restart === undefined ? {} : { restart: [{ policy: wanted.restart }] }),
    ...(wanted.metrics === true ? { metrics: [{ port: 9091, path: '/metrics' }] } : {}),
    ...(wanted.file === true ? { files: [{ guest_path: '/etc/motd', raw_value: 'hello' }] } : {}),
    ...(wanted.strategy === undefined ? {} : { deploy: { strategy: wanted.strategy } }),
  };
}

test('for generated configs, sync then diff is empty, and a sync after it makes no writing call', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(app, { minLength: 1, maxLength: 2 }), async (wanted) => {
      const world = await arena();
      try {
        world.write({ 'flycd.yaml': 'fleet: generated\n' });
        for (const [index, one] of wanted.entries()) {
          world.write({ [`app-${index}/app.yaml`]: JSON.stringify(document(`app-${index}`, one)) });
        }
        const first = await world.flycd(['sync', '--once']);
        expect(first.code, first.stderr + first.stdout).toBe(0);
        const diff = await world.flycd(['diff']);
        expect(diff.code, diff.stderr + diff.stdout).toBe(0);
        const writes = world.simulator.world.writes().length;
        const second = await world.flycd(['sync', '--once']);
        expect(second.code).toBe(0);
        expect(world.simulator.world.writes().length).toBe(writes);
      } finally {
        await world.close();
      }
    }),
    { numRuns: 40, seed: 7 },
  );
}, 120_000);
