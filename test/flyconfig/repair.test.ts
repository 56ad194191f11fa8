import { describe, expect, test } from 'vitest';
import { repairFlyConfig } from '../../src/flyconfig/repair.ts';
import type { JsonObject } from '../../src/model/json.ts';

interface Row {
  readonly fact: string;
  readonly input: JsonObject;
  readonly config: JsonObject;
}

/** Each row is an older form that flyctl repairs before it decodes a config. */
const rows: readonly Row[] = [
  {
    fact: 'env as a list of tables, numbers and booleans as text',
    input: {
      env: [
        { FOO: 'a', PORT: 8080 },
        { FOO: 'b', DEBUG: true },
      ],
    },
    config: { env: { FOO: 'b', PORT: '8080', DEBUG: 'true' } },
  },
  {
    fact: 'compute, computes and vm gather in vm; memory as a number is MB',
    input: { compute: { size: 'a' }, computes: [{ memory: 512 }], vm: { memory: '1gb' } },
    config: { vm: [{ size: 'a' }, { memory: '512' }, { memory: '1gb' }] },
  },
  {
    fact: 'mount and a single mounts table; initial_size as a number is GB',
    input: { mount: { source: 'a', initial_size: 200 }, mounts: { source: 'b' } },
    config: { mounts: [{ source: 'a', initial_size: '200' }, { source: 'b' }] },
  },
  { fact: 'mounts = []', input: { mounts: [] }, config: {} },
  { fact: 'metric', input: { metric: { port: 9091 } }, config: { metrics: [{ port: 9091 }] } },
  {
    fact: 'experimental.metrics_port and metrics_path',
    input: { experimental: { metrics_port: 9091, metrics_path: '/m' } },
    config: { metrics: [{ port: 9091, path: '/m' }] },
  },
  {
    fact: 'processes as a list of name and command',
    input: { processes: [{ name: 'web', command: 'run web' }, { name: 'idle' }] },
    config: { processes: { web: 'run web', idle: '' } },
  },
  { fact: 'processes = []', input: { processes: [] }, config: {} },
  {
    fact: 'build.build_target',
    input: { build: { build_target: 'prod' } },
    config: { build: { 'build-target': 'prod' } },
  },
  {
    fact: 'experimental commands as one text',
    input: { experimental: { cmd: '/run', entrypoint: '/first', exec: ['a', 'b'] } },
    config: { experimental: { cmd: ['/run'], entrypoint: ['/first'], exec: ['a', 'b'] } },
  },
  { fact: 'experimental.kill_timeout', input: { experimental: { kill_timeout: 30 } }, config: { kill_timeout: '30s' } },
  { fact: 'kill_timeout counts seconds', input: { kill_timeout: 90 }, config: { kill_timeout: '1m30s' } },
  {
    fact: 'concurrency "soft,hard" limits requests; ports as text; booleans of autostop',
    input: {
      services: [
        {
          internal_port: '8080',
          concurrency: '12,23',
          auto_stop_machines: false,
          ports: [{ port: '80', handlers: ['http'] }],
        },
      ],
    },
    config: {
      services: [
        {
          internal_port: 8080,
          concurrency: { type: 'requests', soft_limit: 12, hard_limit: 23 },
          auto_stop_machines: 'off',
          ports: [{ port: 80, handlers: ['http'] }],
        },
      ],
    },
  },
  {
    fact: 'check times count milliseconds; an empty one is none; headers as a list',
    input: {
      services: {
        internal_port: 1,
        tcp_checks: { interval: 10_000, timeout: 2000, grace_period: '' },
        http_checks: [{ interval: 1500, headers: [{ name: 'origin', value: 'x' }] }, { headers: [] }],
      },
    },
    config: {
      services: [
        {
          internal_port: 1,
          tcp_checks: [{ interval: '10s', timeout: '2s' }],
          http_checks: [{ interval: '1.5s', headers: { origin: 'x' } }],
        },
      ],
    },
  },
  {
    fact: 'header values of any kind are text',
    input: { http_service: { checks: [{ interval: 81_000, headers: { a: 1, b: true, c: 's' } }] } },
    config: { http_service: { checks: [{ interval: '1m21s', headers: { a: '1', b: 'true', c: 's' } }] } },
  },
  {
    fact: 'checks as a list with names',
    input: { checks: [{ name: 'alive', type: 'tcp', interval: 5000 }] },
    config: { checks: { alive: { type: 'tcp', interval: '5s' } } },
  },
  { fact: 'empty [[services]]', input: { services: [{}] }, config: {} },
  { fact: 'an empty experimental section', input: { experimental: {} }, config: {} },
];

describe('older forms become the form of today', () => {
  test.each(rows)('$fact', ({ input, config }) => {
    const repaired = repairFlyConfig(input);
    expect(repaired).toEqual({ config, notes: [] });
    expect(repairFlyConfig(repaired.config).config).toEqual(config);
  });
});

test('the input is left as it was', () => {
  const input = { mount: { source: 'a', initial_size: 3 }, env: { A: 1 } };
  const before = structuredClone(input);
  repairFlyConfig(input);
  expect(input).toEqual(before);
});

test('what is no older form is left for the mapping to refuse', () => {
  const config = { env: 5, processes: 'web', services: true, checks: [{ type: 'tcp' }], kill_timeout: [] };
  expect(repairFlyConfig({ ...config, compute: 7 }).config).toEqual({ ...config, vm: [7] });
});

test('keys that Fly does not read are kept, with a warning at their place', () => {
  const input = {
    http_service: { internal_port: 8080, handlers: ['http'], force_htps: true },
    services: [
      { internal_port: 1, script_checks: [], tcp_checks: [{ restart_limit: 6 }], ports: [{ port: 1, protocol: 'x' }] },
    ],
    compute: { memry: '1gb' },
    checks: { alive: { type: 'tcp', prot: 80 } },
    experimental: { auto_rollback: true },
    surprise: { a: 1 },
  };
  const { config, notes } = repairFlyConfig(input);
  expect(config['surprise']).toEqual({ a: 1 });
  expect(notes.every((note) => note.severity === 'warning')).toBe(true);
  expect(notes.map(({ path, hint }) => [path, hint])).toEqual([
    ['http_service.handlers', undefined],
    ['http_service.force_htps', 'did you mean force_https?'],
    ['services[0].tcp_checks[0].restart_limit', 'remove it'],
    ['services[0].ports[0].protocol', 'remove it'],
    ['compute.memry', 'did you mean memory?'],
    ['checks.alive.prot', 'did you mean port?'],
    ['experimental.auto_rollback', 'remove it'],
    ['surprise', undefined],
  ]);
});

test('names that are also names of JavaScript are data', () => {
  const input = JSON.parse('{"env": {"__proto__": "a", "constructor": "b"}, "toString": {"x": 1}}') as JsonObject;
  const { config } = repairFlyConfig(input);
  expect(JSON.stringify(config)).toBe(JSON.stringify(input));
});
