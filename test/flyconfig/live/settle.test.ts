import * as fc from '../../property.ts';
import { describe, expect, test } from 'vitest';
import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import { fieldChanges } from '../../../src/flyconfig/live/changes.ts';
import { overlay } from '../../../src/flyconfig/live/overlay.ts';
import { settle } from '../../../src/flyconfig/live/settle.ts';
import { configVersion, readHash } from '../../../src/flyconfig/live/version.ts';
import type { JsonObject } from '../../../src/model/base/json.ts';
import { machineConfig, rewritten } from '../generated.ts';
import { mapped } from '../mapping.ts';

const second = 1e9;

function seconds(duration: unknown): number {
  const parts = /^(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$/.exec(String(duration));
  return parts === null
    ? Number.NaN
    : Number(parts[1] ?? 0) * 60 + Number(parts[2] ?? 0) + Number(parts[3] ?? 0) / 1000;
}

function goText(whole: number): string {
  return whole < 60 ? `${whole}s` : `${Math.floor(whole / 60)}m${whole % 60}s`;
}

/** What the platform answers with for a config it was sent: written from the platform's facts, not from our code. */
function platformRewrites(sent: MachineConfig): MachineConfig {
  const services = (sent.services ?? []).map((service) => ({
    ...service,
    autostop: { off: false, stop: true, suspend: 'suspend' }[String(service.autostop)] ?? false,
    force_instance_key: null,
    checks: (service.checks ?? []).map((check) => ({
      ...check,
      interval: goText(Math.min(60, Math.max(1, seconds(check.interval)))),
      timeout: goText(Math.min(60, Math.max(1, seconds(check.timeout)))),
      headers: ((check['headers'] ?? []) as object[]).toReversed(),
    })),
    ports: (service.ports ?? []).map((port) => ({ ...port, handlers: (port.handlers ?? []).toReversed() })),
  }));
  return {
    ...sent,
    dns: {},
    init: { exec: null, entrypoint: null, cmd: null, tty: false, ...sent.init },
    guest: sent.guest ?? { cpu_kind: 'shared', cpus: 1, memory_mb: 256 },
    restart: sent.restart ?? { policy: 'on-failure', max_retries: 10 },
    services: services.length === 0 ? null : services,
    mounts: (sent.mounts ?? []).map((mount) => ({ ...mount, volume: 'vol_9', size_gb: 4, encrypted: true })),
    metadata: { ...sent.metadata, fly_release_id: 'r1', fly_flyctl_version: '0.3' },
    files: sent.files ?? null,
    standbys: [],
  };
}

const documents: readonly (readonly [string, JsonObject])[] = [
  ['nothing', {}],
  [
    'a web app',
    {
      http_service: {
        internal_port: 8080,
        auto_stop_machines: true,
        force_https: true,
        checks: [{ interval: '90s', timeout: '500ms', headers: { b: '1', a: '2' } }],
      },
    },
  ],
  ['suspend', { http_service: { internal_port: 8080, auto_stop_machines: 'suspend' } }],
  [
    'a worker',
    {
      processes: { app: 'work hard' },
      mounts: { source: 'data', destination: '/data' },
      kill_timeout: 75,
      vm: { size: 'performance-1x' },
    },
  ],
  [
    'everything else',
    {
      files: [{ guest_path: '/a', raw_value: 'x' }],
      restart: [{ policy: 'always' }],
      metrics: { port: 1, path: '/m' },
      swap_size_mb: 512,
      checks: { a: { type: 'tcp', port: 1, interval: '10s', timeout: '2s' } },
    },
  ],
];

describe('what the platform rewrites is no difference', () => {
  test.each(documents)('%s', (_what, document) => {
    const sent = overlay(mapped(document).config() ?? {}, undefined);
    const live = platformRewrites(sent);
    expect(settle(live)).toEqual(settle(sent));
    expect(fieldChanges(sent, live)).toEqual([]);
    expect(fieldChanges(live, overlay(mapped(document).config() ?? {}, live))).toEqual([]);
  });

  test('durations as nanoseconds', () => {
    const checks = (interval: string | number): MachineConfig => ({ checks: { a: { type: 'tcp', interval } } });
    expect(settle(checks(15 * second))).toEqual(settle(checks('15s')));
    expect(settle(checks('60s'))).toEqual(settle(checks('1m0s')));
  });

  test('a size shorthand is expanded', () => {
    expect(settle({ size: 'shared-cpu-2x' })).toEqual(
      settle({ guest: { cpu_kind: 'shared', cpus: 2, memory_mb: 512 } }),
    );
  });

  test('a volume that moved or grew, FlyCD’s own marks and the image', () => {
    const config = (id: string, size: number, sha: string): MachineConfig => ({
      image: `nginx@${sha}`,
      mounts: [{ name: 'data', path: '/data', volume: id, size_gb: size }],
      env: { A: '1', FLYCD_APP_VERSION: sha },
      metadata: { flycd_sent: sha, fly_release_version: '7', mine: 'x' },
    });
    expect(settle(config('vol_1', 1, 'a'))).toEqual(settle(config('vol_2', 9, 'b')));
    expect(settle(config('vol_1', 1, 'a')).metadata).toEqual({ mine: 'x' });
  });
});

describe('what is a difference stays one', () => {
  const service = { protocol: 'tcp', internal_port: 8080, ports: [{ port: 443, handlers: ['tls', 'http'] }] };
  test.each<[string, MachineConfig, MachineConfig]>([
    ['autostop', { services: [{ ...service, autostop: 'stop' }] }, { services: [{ ...service, autostop: 'suspend' }] }],
    ['a handler', { services: [service] }, { services: [{ ...service, ports: [{ port: 443, handlers: ['tls'] }] }] }],
    ['autostart', { services: [service] }, { services: [{ ...service, autostart: false }] }],
    ['memory', {}, { guest: { memory_mb: 512 } }],
    ['retries', { restart: { policy: 'on-failure', max_retries: 3 } }, {}],
    ['a schedule', { schedule: 'daily' }, {}],
    ['an empty env', { env: { A: '' } }, { env: {} }],
    ['the order of a command', { init: { cmd: ['a', 'b'] } }, { init: { cmd: ['b', 'a'] } }],
    ['a stop signal', { stop_config: { signal: 'SIGINT' } }, {}],
  ])('%s', (_what, from, to) => {
    expect(fieldChanges(from, to)).not.toEqual([]);
    expect(configVersion(from)).not.toBe(configVersion(to));
  });
});

describe('for any config', () => {
  test('settling twice changes nothing', () => {
    fc.assert(
      fc.property(machineConfig, (config) => {
        expect(settle(settle(config))).toEqual(settle(config));
      }),
    );
  });

  test('no config differs from itself, nor from its settled form', () => {
    fc.assert(
      fc.property(machineConfig, (config) => {
        expect(fieldChanges(config, config)).toEqual([]);
        expect(fieldChanges(config, settle(config))).toEqual([]);
      }),
    );
  });

  test('versions do not depend on the order of keys, on settled forms, nor on marks', () => {
    fc.assert(
      fc.property(machineConfig, (config) => {
        const version = configVersion(config);
        expect(version).toMatch(/^[0-9a-f]{32}$/);
        expect(configVersion(rewritten(config, true))).toBe(version);
        const marked = {
          ...config,
          metadata: { ...config.metadata, flycd_sent: 's' },
          env: { ...config.env, FLYCD_APP_VERSION: 'v' },
        };
        expect(configVersion(marked)).toBe(version);
        expect(readHash(rewritten(config, true))).toBe(readHash(config));
      }),
    );
  });

  test('equal versions and no changes go together, but for a size that nobody named', () => {
    fc.assert(
      fc.property(machineConfig, machineConfig, (one, other) => {
        const guest = { cpu_kind: 'shared', cpus: 1, memory_mb: 256 };
        const [a, b] = [
          { ...one, guest },
          { ...other, guest },
        ];
        expect(fieldChanges(a, b).length === 0).toBe(configVersion(a) === configVersion(b));
      }),
    );
  });
});

test('a size named and the same size by default are two versions', () => {
  expect(configVersion({ guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 256 } })).not.toBe(configVersion({}));
});

test('the read hash moves with the image as written', () => {
  expect(readHash({ image: 'nginx:1' })).not.toBe(readHash({ image: 'nginx:2' }));
});
