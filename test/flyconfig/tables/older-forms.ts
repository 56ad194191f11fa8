import type { Row } from './row.ts';

const service = { protocol: 'tcp', internal_port: 8080 };
const ports = [{ port: 80, handlers: ['http'] }];
const served = { ...service, ports };

/** Forms of older flyctls, repaired before a config is decoded: internal/appconfig/patches.go. */
export const olderForms: readonly Row[] = [
  {
    row: '3.3 env',
    flyctl: 'patches.go patchEnv',
    says: 'tables in a list are merged, the last wins; numbers and switches become text as Go writes them',
    input: {
      env: [
        { FOO: 'a', PORT: 8080, RATE: 0.25, TINY: 0.00001, WIDE: 1234567.5 },
        { FOO: 'b', DEBUG: true },
      ],
    },
    machine: {
      env: {
        PRIMARY_REGION: 'arn',
        FLY_PROCESS_GROUP: 'app',
        FOO: 'b',
        PORT: '8080',
        RATE: '0.25',
        TINY: '1e-05',
        WIDE: '1.2345675e+06',
        DEBUG: 'true',
      },
    },
  },
  {
    row: '3.3 compute',
    flyctl: 'patches.go patchCompute',
    says: 'compute, computes and vm are one list, in this order',
    input: {
      processes: { app: '', b: '', c: '' },
      compute: { size: 'shared-cpu-2x', processes: ['app'] },
      computes: [{ size: 'shared-cpu-4x', processes: ['b'] }],
      vm: [{ size: 'shared-cpu-8x', processes: ['c'] }],
    },
    groups: {
      app: { guest: { cpu_kind: 'shared', cpus: 2, memory_mb: 512 } },
      b: { guest: { cpu_kind: 'shared', cpus: 4, memory_mb: 1024 } },
      c: { guest: { cpu_kind: 'shared', cpus: 8, memory_mb: 2048 } },
    },
  },
  {
    row: '3.3 vm.memory',
    flyctl: 'patches.go patchCompute',
    says: 'a number is MB',
    input: { vm: { memory: 512 } },
    machine: { guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 512 } },
  },
  {
    row: '3.3 mount',
    flyctl: 'patches.go patchMounts',
    says: 'mount is mounts',
    input: { mount: { source: 'data', destination: '/data' } },
    machine: { mounts: [{ name: 'data', path: '/data' }] },
  },
  {
    row: '3.3 mount',
    says: 'mounts may be a single table',
    input: { mounts: { source: 'data', destination: '/data' } },
    machine: { mounts: [{ name: 'data', path: '/data' }] },
  },
  { row: '3.3 mount', says: 'mounts = []', input: { mounts: [] }, machine: {} },
  {
    row: '3.3 initial_size',
    flyctl: 'patches.go patchMounts',
    says: 'a number is GB, for the volume and not the machine',
    input: { mounts: [{ source: 'data', destination: '/data', initial_size: 20 }] },
    machine: { mounts: [{ name: 'data', path: '/data' }] },
  },
  {
    row: '3.3 metric',
    flyctl: 'patches.go patchMetrics',
    says: 'metric is metrics and comes first',
    input: { metric: { port: 9091, path: '/m' }, metrics: [{ port: 1 }] },
    machine: { metrics: { port: 9091, path: '/m' } },
  },
  {
    row: '3.3 metric',
    flyctl: 'patches.go patchExperimental',
    says: 'experimental.metrics_port and metrics_path',
    input: { experimental: { metrics_port: 9091, metrics_path: '/m' } },
    machine: { metrics: { port: 9091, path: '/m' } },
  },
  {
    row: '3.3 metric',
    flyctl: 'patches.go patchExperimental',
    says: 'metrics beats the experimental form',
    input: { experimental: { metrics_port: 1 }, metrics: [{ port: 9091 }] },
    machine: { metrics: { port: 9091 } },
    warnings: [['experimental', /have no effect beside metrics/]],
  },
  {
    row: '3.3 processes',
    flyctl: 'patches.go patchProcesses',
    says: 'a list of name and command; one without a command runs the image',
    input: { processes: [{ name: 'web', command: 'run web' }, { name: 'idle' }] },
    groups: { web: { init: { cmd: ['run', 'web'] } }, idle: {} },
  },
  { row: '3.3 processes', says: 'processes = []', input: { processes: [] }, machine: {} },
  {
    row: '3.3 processes',
    flyctl: 'patches.go patchProcesses',
    says: 'items of a list that are no such table are dropped',
    input: { processes: ['app', { command: 'x' }] },
    machine: {},
    warnings: [
      ['processes[0]', /has no effect/],
      ['processes[1]', /has no effect/],
    ],
  },
  {
    row: '3.3 build_target',
    flyctl: 'patches.go patchBuild',
    says: 'build_target is build-target and beats it',
    input: { build: { build_target: 'prod', 'build-target': 'test' } },
    machine: {},
    warnings: [['build.build-target', /build_target beats it/]],
  },
  {
    row: '3.3 experimental commands',
    flyctl: 'patches.go patchExperimental',
    says: 'one text is one word',
    input: { experimental: { cmd: '/run it', entrypoint: '/first', exec: ['a', 'b'] } },
    machine: { init: { cmd: ['/run it'], entrypoint: ['/first'], exec: ['a', 'b'] } },
  },
  {
    row: '3.3 experimental.kill_timeout',
    flyctl: 'patches.go patchExperimental',
    says: 'is the kill timeout, in seconds',
    input: { experimental: { kill_timeout: 30 } },
    machine: { stop_config: { timeout: '30s' } },
  },
  {
    row: '3.3 experimental.kill_timeout',
    flyctl: 'patches.go patchExperimental',
    says: 'the top-level one beats it',
    input: { kill_timeout: '10s', experimental: { kill_timeout: 30 } },
    machine: { stop_config: { timeout: '10s' } },
    warnings: [['experimental.kill_timeout', /top-level/]],
  },
  {
    row: '3.3 kill_timeout number',
    flyctl: 'patches.go patchTopFields',
    says: 'a number is seconds',
    input: { kill_timeout: 90 },
    machine: { stop_config: { timeout: '1m30s' } },
  },
  {
    row: '3.3 kill_timeout number',
    flyctl: 'patches.go _castDuration',
    says: 'what is neither number nor text is dropped',
    input: { kill_timeout: true },
    machine: {},
    warnings: [['kill_timeout', /no duration from true; it has no effect/]],
  },
  {
    row: '3.3 concurrency text',
    flyctl: 'patches.go _patchService',
    says: '"soft,hard" limits requests',
    input: { services: [{ ...served, concurrency: '12,23' }] },
    machine: { services: [{ ...served, concurrency: { type: 'requests', soft_limit: 12, hard_limit: 23 } }] },
  },
  {
    row: '3.3 concurrency text',
    flyctl: 'patches.go _patchService',
    says: 'another text is refused',
    input: { services: [{ ...served, concurrency: '12, 23' }] },
    errors: [['services[0].concurrency', /expected a table, found "12, 23"/]],
  },
  {
    row: '3.3 concurrency text',
    flyctl: 'patches.go patchServices',
    says: 'http_service never had this form',
    input: { http_service: { internal_port: 8080, concurrency: '12,23' } },
    errors: [['http_service.concurrency', /expected a table/]],
  },
  {
    row: '3.3 ports as text',
    flyctl: 'patches.go castToInt',
    says: 'internal_port and port of a service',
    input: { services: [{ protocol: 'tcp', internal_port: '8080', ports: [{ port: '80', handlers: ['http'] }] }] },
    machine: { services: [served] },
  },
  {
    row: '3.3 ports as text',
    flyctl: 'patches.go patchServices',
    says: 'no others: those of http_service, of ranges and of checks are refused',
    input: {
      http_service: { internal_port: '8080' },
      services: [{ ...service, ports: [{ start_port: '1', end_port: 2 }] }],
      checks: { alive: { type: 'tcp', port: '80' } },
    },
    errors: [
      ['http_service.internal_port', /expected a whole number, found text/],
      ['services[0].ports[0].start_port', /expected a whole number, found text/],
      ['checks.alive.port', /expected a whole number, found text/],
    ],
  },
  {
    row: '3.3 check times',
    flyctl: 'patches.go _patchCheck',
    says: 'numbers are milliseconds; an empty text is none; what is neither is dropped',
    input: {
      services: [
        {
          ...served,
          tcp_checks: { interval: 10_000, timeout: 2000, grace_period: '' },
          http_checks: [{ interval: 1500, timeout: [] }],
        },
      ],
      checks: { alive: { type: 'tcp', port: 1, interval: 15_000, timeout: '2s' } },
    },
    machine: {
      services: [
        {
          ...served,
          checks: [
            { type: 'tcp', interval: '10s', timeout: '2s' },
            { type: 'http', interval: '1.5s' },
          ],
        },
      ],
      checks: { alive: { type: 'tcp', port: 1, interval: '15s', timeout: '2s' } },
    },
    warnings: [
      ['services[0].http_checks[0].timeout', /no duration from a list/],
      ['checks.alive.port', /no service of app listens on port 1/],
    ],
  },
  {
    row: '3.3 check times',
    flyctl: 'patches.go patchServices, fly-go Duration.ParseDuration',
    says: 'those of http_service are not repaired: a number is nanoseconds',
    input: { http_service: { internal_port: 8080, checks: [{ interval: 10_000, timeout: '2s' }] } },
    machine: {
      services: [
        {
          ...service,
          ports: [
            { port: 80, handlers: ['http'] },
            { port: 443, handlers: ['http', 'tls'] },
          ],
          checks: [{ type: 'http', interval: '10µs', timeout: '2s' }],
        },
      ],
    },
    warnings: [
      ['http_service.checks[0].interval', /nanoseconds, so this is 10µs/],
      ['http_service.checks[0].interval', /Fly raises 10µs to 1s/],
    ],
  },
  {
    row: '3.3 check headers',
    flyctl: 'patches.go _patchCheckHeaders',
    says: 'a list of name and value; values of any kind are text; none at all',
    input: {
      services: [
        {
          ...served,
          http_checks: [
            { headers: [{ name: 'Origin', value: 'x' }, { name: 'Empty' }] },
            { headers: { A: 1, B: true } },
            { headers: [] },
          ],
        },
      ],
    },
    machine: {
      services: [
        {
          ...served,
          checks: [
            {
              type: 'http',
              headers: [
                { name: 'Empty', values: [''] },
                { name: 'Origin', values: ['x'] },
              ],
            },
            {
              type: 'http',
              headers: [
                { name: 'A', values: ['1'] },
                { name: 'B', values: ['true'] },
              ],
            },
            { type: 'http' },
          ],
        },
      ],
    },
  },
  {
    row: '3.3 check headers',
    flyctl: 'patches.go _patchCheckHeaders',
    says: 'a header in a list needs a name',
    input: { services: [{ ...served, http_checks: [{ headers: [{ value: 'x' }] }] }] },
    errors: [['services[0].http_checks[0].headers[0]', /a table with a name/]],
  },
  {
    row: '3.3 checks list',
    flyctl: 'patches.go patchTopLevelChecks',
    says: 'a list with names',
    input: { checks: [{ name: 'alive', type: 'tcp', port: 5, interval: 5000 }] },
    machine: { checks: { alive: { type: 'tcp', port: 5, interval: '5s' } } },
  },
  {
    row: '3.3 checks list',
    flyctl: 'patches.go patchTopLevelChecks',
    says: 'one without a name is refused; none is none',
    input: { checks: [{ type: 'tcp', port: 5 }] },
    errors: [['checks[0]', /a table with a name, found a table/]],
  },
  { row: '3.3 checks list', says: 'checks = []', input: { checks: [] }, machine: {} },
  {
    row: '3.3 empty services',
    flyctl: 'patches.go patchServices',
    says: 'an empty [[services]] is dropped; a single table counts as a list',
    input: { services: { ...served, tcp_checks: [], http_checks: [] } },
    machine: { services: [served] },
  },
  { row: '3.3 empty services', says: 'nothing is left', input: { services: [{}, { tcp_checks: [] }] }, machine: {} },
  {
    row: '3.3 ignored keys',
    says: 'keys of older platforms have no effect; empty ones say nothing',
    input: {
      allowed_public_ports: [80],
      experimental: { auto_rollback: true, allowed_public_ports: [], lazy_load_images: true },
      services: [
        {
          ...service,
          script_checks: [],
          max_machines_running: 3,
          ports: [{ ...ports[0], protocol: 'tcp' }],
          tcp_checks: [{ restart_limit: 6 }],
        },
      ],
    },
    machine: { services: [{ ...served, checks: [{ type: 'tcp' }] }] },
    warnings: [
      ['allowed_public_ports', /no longer reads/],
      ['experimental.auto_rollback', /no longer reads/],
      ['experimental.lazy_load_images', /no longer reads/],
      ['services[0].max_machines_running', /no longer reads/],
      ['services[0].ports[0].protocol', /no longer reads/],
      ['services[0].tcp_checks[0].restart_limit', /no longer reads/],
    ],
  },
  {
    row: '3.3 what is no form',
    flyctl: 'patches.go ensureArrayOfMap',
    says: 'values of another kind are refused',
    input: { env: 5, processes: 'web', services: true, compute: 7, http_service: [], mounts: [1] },
    errors: [
      ['env', /expected a table/],
      ['processes', /expected a table/],
      ['services', /expected a list of tables/],
      ['vm[0]', /expected a table/],
      ['http_service', /expected a table, found a list/],
      ['mounts[0]', /expected a table/],
    ],
  },
  {
    row: '3.3 what is no form',
    flyctl: 'serde.go mapToConfig: lists that no patch makes of a table',
    says: 'single tables of files, restart, statics and checks of http_service are refused',
    input: {
      files: { guest_path: '/a', raw_value: 'x' },
      restart: { policy: 'always' },
      statics: { guest_path: '/a', url_prefix: '/' },
      http_service: { internal_port: 8080, checks: { interval: '10s' } },
    },
    errors: [
      ['files', /expected a list of tables, found a table/],
      ['restart', /expected a list of tables, found a table/],
      ['statics', /expected a list of tables, found a table/],
      ['http_service.checks', /expected a list of tables, found a table/],
    ],
  },
  {
    row: '3.3 what is no form',
    flyctl: 'fly-go machine_types.go MachineAutostop',
    says: 'auto_stop_machines is a switch or one of three words, not a text that looks like a switch',
    input: { http_service: { internal_port: 8080, auto_stop_machines: 'true' } },
    errors: [['http_service.auto_stop_machines', /off, stop or suspend/]],
  },
];
