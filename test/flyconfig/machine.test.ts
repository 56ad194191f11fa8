import { describe, expect, test } from 'vitest';
import type { MachineConfig } from '../../schemas/fly/machine.ts';
import { base64, mapped } from './mapping.ts';
import type { JsonObject } from '../../src/model/json.ts';

const ownEnv = { PRIMARY_REGION: 'arn', FLY_PROCESS_GROUP: 'app' };

interface Row {
  readonly fact: string;
  readonly input: JsonObject;
  /** The machine config less its env where the row is not about env. */
  readonly config: MachineConfig;
}

/** What flyctl makes of each field; rows of "fly.toml to machine config". */
const rows: readonly Row[] = [
  { fact: 'nothing but an app', input: { app: 'shop' }, config: {} },
  {
    fact: 'http_service: ports 80 and 443; unset autostop, autostart and minimum are not sent',
    input: { http_service: { internal_port: 8080, force_https: true } },
    config: {
      services: [
        {
          protocol: 'tcp',
          internal_port: 8080,
          ports: [
            { port: 80, handlers: ['http'], force_https: true },
            { port: 443, handlers: ['http', 'tls'] },
          ],
        },
      ],
    },
  },
  {
    fact: 'http_service with everything',
    input: {
      http_service: {
        internal_port: 8080,
        auto_stop_machines: 'suspend',
        auto_start_machines: false,
        min_machines_running: 1,
        concurrency: { type: 'requests', soft_limit: 4, hard_limit: 10 },
        tls_options: { alpn: ['h2'], versions: ['TLSv1.3'], default_self_signed: false },
        http_options: { compress: true, idle_timeout: 600, response: { headers: { a: false, b: ['x', 'y'] } } },
        checks: [{ interval: '81s', method: 'get', path: '/', headers: { b: '2', a: '1' } }],
      },
    },
    config: {
      services: [
        {
          protocol: 'tcp',
          internal_port: 8080,
          autostop: 'suspend',
          autostart: false,
          min_machines_running: 1,
          concurrency: { type: 'requests', soft_limit: 4, hard_limit: 10 },
          ports: [
            {
              port: 80,
              handlers: ['http'],
              http_options: { compress: true, idle_timeout: 600, response: { headers: { a: false, b: ['x', 'y'] } } },
            },
            {
              port: 443,
              handlers: ['http', 'tls'],
              http_options: { compress: true, idle_timeout: 600, response: { headers: { a: false, b: ['x', 'y'] } } },
              tls_options: { alpn: ['h2'], versions: ['TLSv1.3'], default_self_signed: false },
            },
          ],
          checks: [
            {
              type: 'http',
              interval: '1m21s',
              method: 'get',
              path: '/',
              headers: [
                { name: 'a', values: ['1'] },
                { name: 'b', values: ['2'] },
              ],
            },
          ],
        },
      ],
    },
  },
  {
    fact: 'http_service stands before services; tcp checks before http checks',
    input: {
      services: [
        {
          internal_port: 9999,
          protocol: 'udp',
          ports: [{ start_port: 100, end_port: 200 }],
          http_checks: [{ path: '/h' }],
          tcp_checks: [{ timeout: '4s' }],
        },
      ],
      http_service: { internal_port: 1 },
    },
    config: {
      services: [
        {
          protocol: 'tcp',
          internal_port: 1,
          ports: [
            { port: 80, handlers: ['http'] },
            { port: 443, handlers: ['http', 'tls'] },
          ],
        },
        {
          protocol: 'udp',
          internal_port: 9999,
          ports: [{ start_port: 100, end_port: 200 }],
          checks: [
            { type: 'tcp', timeout: '4s' },
            { type: 'http', path: '/h' },
          ],
        },
      ],
    },
  },
  {
    fact: 'top-level checks: method upper-cased, headers as a list',
    input: {
      checks: {
        status: {
          type: 'http',
          port: 2020,
          method: 'post',
          interval: '10s',
          headers: { A: 'x' },
          tls_skip_verify: false,
        },
      },
    },
    config: {
      checks: {
        status: {
          type: 'http',
          port: 2020,
          method: 'POST',
          interval: '10s',
          headers: [{ name: 'A', values: ['x'] }],
          tls_skip_verify: false,
        },
      },
    },
  },
  {
    fact: 'a process command is split by the shell rules and beats experimental.cmd',
    input: { processes: { app: `run "a b"` }, experimental: { cmd: ['x'], entrypoint: ['/e'], exec: ['/x'] } },
    config: { init: { cmd: ['run', 'a b'], entrypoint: ['/e'], exec: ['/x'] } },
  },
  {
    fact: 'experimental.cmd without a process command',
    input: { experimental: { cmd: ['x'] } },
    config: { init: { cmd: ['x'] } },
  },
  { fact: 'swap', input: { swap_size_mb: 512 }, config: { init: { swap_size_mb: 512 } } },
  {
    fact: 'kill_signal and kill_timeout',
    input: { kill_signal: 'SIGTERM', kill_timeout: 60 },
    config: { stop_config: { signal: 'SIGTERM', timeout: '1m0s' } },
  },
  { fact: 'kill_timeout alone', input: { kill_timeout: '10s' }, config: { stop_config: { timeout: '10s' } } },
  { fact: 'restart never is no', input: { restart: [{ policy: 'never' }] }, config: { restart: { policy: 'no' } } },
  {
    fact: 'restart retries are max_retries; the last section wins',
    input: { restart: [{ policy: 'always' }, { policy: 'on-failure', retries: 3 }] },
    config: { restart: { policy: 'on-failure', max_retries: 3 } },
  },
  {
    fact: 'the first metrics section',
    input: { metrics: [{ port: 9091, path: '/m', https: true }, { port: 1 }] },
    config: { metrics: { port: 9091, path: '/m', https: true } },
  },
  {
    fact: 'mounts name their volume; ids come at deploy',
    input: {
      mounts: {
        source: 'data',
        destination: '/data',
        initial_size: 3,
        auto_extend_size_threshold: 80,
        auto_extend_size_increment: '1GB',
        auto_extend_size_limit: '5gb',
      },
    },
    config: {
      mounts: [{ name: 'data', path: '/data', extend_threshold_percent: 80, add_size_gb: 1, size_gb_limit: 5 }],
    },
  },
  {
    fact: 'vm makes a guest; the dedication of the top level goes along',
    input: { vm: { size: 'shared-cpu-2x', memory: '1gb' }, host_dedication_id: 'h1' },
    config: { guest: { cpu_kind: 'shared', cpus: 2, memory_mb: 1024, host_dedication_id: 'h1' } },
  },
  {
    fact: 'statics',
    input: { statics: [{ guest_path: '/app/public', url_prefix: '/' }] },
    config: { statics: [{ guest_path: '/app/public', url_prefix: '/' }] },
  },
  {
    fact: 'deploy, build and console are not in the machine',
    input: { deploy: { strategy: 'rolling' }, build: { image: 'nginx' }, console_command: '/bin/bash' },
    config: {},
  },
];

describe('each field as flyctl maps it', () => {
  test.each(rows)('$fact', ({ input, config }) => {
    const result = mapped(input);
    expect(result.notes.filter((note) => note.severity === 'error')).toEqual([]);
    expect(result.groups).toHaveLength(1);
    expect(result.config()).toEqual({ env: ownEnv, ...config });
  });
});

test('env: PRIMARY_REGION and FLY_PROCESS_GROUP beat what the config says', () => {
  const result = mapped({ env: { PORT: 8080, PRIMARY_REGION: 'iad' }, processes: { web: 'x', worker: 'y' } });
  expect(result.config('worker')?.env).toEqual({ PORT: '8080', PRIMARY_REGION: 'arn', FLY_PROCESS_GROUP: 'worker' });
  expect(result.notes).toMatchObject([{ severity: 'warning', path: 'env.PRIMARY_REGION' }]);
});

test('files: raw values and local files are base64, secrets a reference', () => {
  const files = [
    { guest_path: '/a', raw_value: 'hello' },
    { guest_path: '/b', local_path: 'conf/b.txt' },
    { guest_path: '/c', secret_name: 'C' },
    { guest_path: '/a', raw_value: 'last' },
  ];
  const result = mapped({ files }, { 'conf/b.txt': 'from disk' });
  expect(result.config()?.files).toEqual([
    { guest_path: '/a', raw_value: base64('last') },
    { guest_path: '/b', raw_value: base64('from disk') },
    { guest_path: '/c', secret_name: 'C' },
  ]);
});

test('what a group tells the planner', () => {
  const result = mapped({
    processes: { web: 'x', worker: 'y' },
    http_service: { internal_port: 1, min_machines_running: 2, processes: ['web'] },
    mounts: [
      {
        source: 'data',
        destination: '/data',
        initial_size: '10gb',
        snapshot_retention: 7,
        scheduled_snapshots: false,
        processes: ['worker'],
      },
    ],
  });
  expect(result.groups).toMatchObject([
    { name: 'web', hasServices: true, mount: undefined, minMachinesRunning: 2 },
    {
      name: 'worker',
      hasServices: false,
      mount: { volume: 'data', path: '/data', initialSizeGb: 10, snapshotRetentionDays: 7, scheduledSnapshots: false },
      minMachinesRunning: 0,
    },
  ]);
});

describe('process groups', () => {
  test('the default group is app, else the first by name', () => {
    const service = { http_service: { internal_port: 1 } };
    const withApp = mapped({ ...service, processes: { zeta: 'z', app: 'a' } });
    expect(withApp.groups.map((group) => [group.name, group.hasServices])).toEqual([
      ['app', true],
      ['zeta', false],
    ]);
    const without = mapped({ ...service, processes: { zeta: 'z', beta: 'b' } });
    expect(without.groups.map((group) => [group.name, group.hasServices])).toEqual([
      ['beta', true],
      ['zeta', false],
    ]);
  });

  test('sections reach the groups they name, and the default one where they name none', () => {
    const { config, notes } = mapped({
      processes: { app: 'a', vpn: 'v', foo: 'f' },
      http_service: { internal_port: 8080, processes: ['app'] },
      services: [
        { internal_port: 9999, protocol: 'udp', ports: [{ port: 1 }], processes: ['vpn'] },
        { internal_port: 1111, protocol: 'tcp', ports: [{ port: 2 }], processes: ['vpn', 'app', 'foo'] },
      ],
      checks: { listening: { type: 'tcp', processes: ['app', 'foo'], port: 8080 } },
      metrics: [{ port: 1 }, { port: 2, processes: ['vpn'] }],
      restart: [{ policy: 'always' }],
      files: [
        { guest_path: '/all', raw_value: 'x' },
        { guest_path: '/vpn', raw_value: 'x', processes: ['vpn'] },
      ],
    });
    expect(notes).toEqual([]);
    const ports = (group: string): unknown[] => (config(group)?.services ?? []).map((service) => service.internal_port);
    expect([ports('app'), ports('vpn'), ports('foo')]).toEqual([[8080, 1111], [9999, 1111], [1111]]);
    expect(['app', 'vpn', 'foo'].map((group) => config(group)?.checks !== undefined)).toEqual([true, false, true]);
    expect(['app', 'vpn', 'foo'].map((group) => config(group)?.metrics)).toEqual([{ port: 1 }, { port: 2 }, undefined]);
    expect(['app', 'vpn', 'foo'].map((group) => config(group)?.restart)).toEqual([
      { policy: 'always' },
      undefined,
      undefined,
    ]);
    expect((config('vpn')?.files ?? []).map((file) => file['guest_path'])).toEqual(['/all', '/vpn']);
    expect((config('foo')?.files ?? []).map((file) => file['guest_path'])).toEqual(['/all']);
  });

  test('a check without a port takes the internal port of the group’s http_service', () => {
    const { config } = mapped({ http_service: { internal_port: 8080 }, checks: { alive: { type: 'tcp' } } });
    expect(config()?.checks).toEqual({ alive: { type: 'tcp', port: 8080 } });
  });

  test('vm: a section of its own beats the general one; none leaves the size open', () => {
    const { config } = mapped({
      processes: { a: '', b: '', c: '' },
      vm: [
        { memory: '512mb', processes: ['a'] },
        { cpus: 2, memory: 512, processes: ['b'] },
      ],
    });
    expect(config('a')?.guest).toEqual({ cpu_kind: 'shared', cpus: 1, memory_mb: 512 });
    expect(config('b')?.guest).toEqual({ cpu_kind: 'shared', cpus: 2, memory_mb: 512 });
    expect(config('c')?.guest).toBeUndefined();
    const general = mapped({
      processes: { a: '', b: '' },
      vm: [{ size: 'performance-2x' }, { memory: '1gb', processes: ['b'] }],
    });
    expect(general.config('a')?.guest?.memory_mb).toBe(4096);
    expect(general.config('b')?.guest?.memory_mb).toBe(1024);
  });
});
