import type { Row } from './row.ts';

const httpPorts = [
  { port: 80, handlers: ['http'] },
  { port: 443, handlers: ['http', 'tls'] },
];

/** Every top-level key, and every key of every table: internal/appconfig/config.go, service.go, toplevelcheck.go. */
export const fields: readonly Row[] = [
  { row: '3.1 app', says: 'is the app’s name and nothing in the machine', input: { app: 'shop' }, machine: {} },
  { row: '3.1 app', says: 'may be missing', input: {}, machine: {} },
  {
    row: '3.1 primary_region',
    flyctl: 'machines.go updateMachineConfig',
    says: 'is PRIMARY_REGION of the machine',
    input: { primary_region: 'arn' },
    machine: { env: { PRIMARY_REGION: 'arn', FLY_PROCESS_GROUP: 'app' } },
  },
  {
    row: '3.1 kill_signal',
    says: 'is the signal of stop_config',
    input: { kill_signal: 'SIGTERM' },
    machine: { stop_config: { signal: 'SIGTERM' } },
  },
  {
    row: '3.1 kill_signal',
    says: 'one that Fly does not name is sent as written',
    input: { kill_signal: 'SIGWINCH' },
    machine: { stop_config: { signal: 'SIGWINCH' } },
    warnings: [['kill_signal', /may refuse the signal "SIGWINCH"/]],
  },
  {
    row: '3.1 kill_timeout',
    says: 'is the timeout of stop_config; Fly waits at most five minutes',
    input: { kill_timeout: '5m' },
    machine: { stop_config: { timeout: '5m0s' } },
  },
  {
    row: '3.1 kill_timeout',
    says: 'over five minutes is what Fly refuses, whatever unit it has',
    input: { kill_timeout: 301 },
    errors: [['kill_timeout', /refuses more than 5m0s, found 5m1s/]],
  },
  {
    row: '3.1 kill_timeout',
    says: 'a fraction that flyctl takes for nothing',
    input: { kill_timeout: 0.5, checks: { alive: { type: 'tcp', port: 1, interval: 0.25 } } },
    errors: [
      ['kill_timeout', /takes 0.5 for 0$/],
      ['checks.alive.interval', /takes 0.25 for 0$/],
    ],
  },
  {
    row: '3.1 swap_size_mb',
    says: 'is swap of init',
    input: { swap_size_mb: 512 },
    machine: { init: { swap_size_mb: 512 } },
  },
  {
    row: '3.1 console_command',
    says: 'is for fly console alone',
    input: { console_command: '/bin/bash' },
    machine: {},
  },
  {
    row: '3.1 host_dedication_id',
    says: 'goes along with a size',
    input: { host_dedication_id: 'host', vm: {} },
    machine: { guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 256, host_dedication_id: 'host' } },
  },
  {
    row: '3.1 machine_config',
    flyctl: 'machine.go ParseConfig',
    says: 'says what a fly config has no word for',
    input: { machine_config: '{"schedule": "daily", "dns": {"skip_registration": true}}' },
    machine: { schedule: 'daily', dns: { skip_registration: true } },
  },
  {
    row: '3.1 container',
    flyctl: 'parse.go ParseContainerConfig',
    says: 'names the container that runs the app',
    input: {
      container: 'web',
      machine_config: '{"containers": [{"name": "app", "image": "redis"}, {"name": "web"}]}',
    },
    machine: {
      containers: [
        { name: 'app', image: 'redis' },
        { name: 'web', image: '.' },
      ],
    },
  },
  {
    row: '3.1 container',
    says: 'has no effect by itself',
    input: { container: 'web' },
    machine: {},
    warnings: [['container', /no effect without machine_config/]],
  },
  {
    row: '3.1 machine_checks',
    says: 'need machines of their own',
    input: { machine_checks: [{ command: ['curl'] }] },
    errors: [['machine_checks', /not supported yet/]],
  },
  {
    row: '3.2 machine_checks',
    says: 'in services too',
    input: {
      http_service: { internal_port: 1, machine_checks: [{ command: ['x'], image: 'y', entrypoint: ['z'] }] },
      services: [
        { internal_port: 2, ports: [{ port: 3 }], machine_checks: [{ kill_signal: 'SIGINT', kill_timeout: '1s' }] },
      ],
    },
    errors: [
      ['http_service.machine_checks', /not supported yet/],
      ['services[0].machine_checks', /not supported yet/],
    ],
  },
  {
    row: '3.1 experimental',
    says: 'commands reach init',
    input: { experimental: { entrypoint: ['/entry'] } },
    machine: { init: { entrypoint: ['/entry'] } },
  },
  {
    row: '3.2 experimental',
    flyctl: 'config.go Experimental',
    says: 'cmd, entrypoint and exec; the dead ones say nothing',
    input: { experimental: { cmd: ['a'], entrypoint: ['b'], exec: ['c'], auto_rollback: true, attached: {} } },
    machine: { init: { cmd: ['a'], entrypoint: ['b'], exec: ['c'] } },
    warnings: [['experimental.auto_rollback', /no longer reads/]],
  },
  {
    row: '3.2 experimental',
    flyctl: 'config.go AttachedSecrets, which nothing reads',
    says: 'attached secrets have no effect',
    input: { experimental: { attached: { secrets: { export: { A: 'B' } } }, lazy_load_images: true } },
    machine: {},
    warnings: [
      ['experimental.attached', /no longer reads/],
      ['experimental.lazy_load_images', /no longer reads/],
    ],
  },
  { row: '3.1 build', says: 'is not in the machine', input: { build: { image: 'nginx' } }, machine: {} },
  {
    row: '3.2 build',
    flyctl: 'config.go Build',
    says: 'every key is known',
    input: {
      build: {
        args: { A: '1' },
        settings: { a: 1 },
        dockerfile: 'Dockerfile',
        ignorefile: '.dockerignore',
        'build-target': 'prod',
        compression: 'zstd',
        compression_level: 3,
      },
    },
    machine: {},
  },
  {
    row: '3.2 build',
    flyctl: 'config.go Build',
    says: 'values of another kind',
    input: { build: { args: { A: 1, B: 'x' }, dockerfile: 5, buildpacks: 'x' } },
    errors: [
      ['build.args.A', /expected text, found a whole number/],
      ['build.dockerfile', /expected text/],
      ['build.buildpacks', /expected a list of texts, found text/],
    ],
  },
  {
    row: '3.2 build',
    flyctl: 'validation.go validateBuildStrategies',
    says: 'more than one way to an image',
    input: { build: { image: 'nginx', dockerfile: 'Dockerfile', buildpacks: ['x'], builtin: 'node' } },
    machine: {},
    warnings: [['build', /more than one way to an image: image, buildpacks, dockerfile and builtin/]],
  },
  {
    row: '3.2 build',
    flyctl: 'config.go Build',
    says: 'a builder and its buildpacks are one way',
    input: { build: { builder: 'paketobuildpacks/builder:base', buildpacks: ['gcr.io/paketo-buildpacks/go'] } },
    machine: {},
  },
  { row: '3.1 deploy', says: 'is not in the machine', input: { deploy: { strategy: 'rolling' } }, machine: {} },
  {
    row: '3.2 deploy',
    flyctl: 'config.go Deploy',
    says: 'every key is known; a seed command waits until FlyCD runs it',
    input: {
      deploy: {
        release_command: 'migrate',
        release_command_timeout: '10m',
        release_command_vm: { size: 'shared-cpu-2x' },
        seed_command: 'seed',
        strategy: 'immediate',
        max_unavailable: 0.5,
        wait_timeout: '10m',
      },
    },
    errors: [['deploy.seed_command', /not supported yet/]],
  },
  {
    row: '3.2 deploy',
    flyctl: 'config.go Deploy',
    says: 'the others say nothing of a machine',
    input: {
      deploy: {
        release_command: 'migrate',
        release_command_timeout: '10m',
        release_command_vm: { size: 'shared-cpu-2x' },
        strategy: 'immediate',
        max_unavailable: 0.5,
        wait_timeout: '10m',
      },
    },
    machine: {},
  },
  {
    row: '3.1 env',
    says: 'is the machine’s',
    input: { env: { A: 'x' } },
    machine: { env: { PRIMARY_REGION: 'arn', FLY_PROCESS_GROUP: 'app', A: 'x' } },
  },
  {
    row: '3.1 processes',
    says: 'name groups and their commands',
    input: { processes: { web: 'run' } },
    groups: { web: { init: { cmd: ['run'] } } },
  },
  {
    row: '3.1 http_service',
    says: 'is the first service',
    input: { http_service: { internal_port: 8080 } },
    machine: { services: [{ protocol: 'tcp', internal_port: 8080, ports: httpPorts }] },
  },
  {
    row: '3.1 services',
    says: 'are services',
    input: { services: [{ internal_port: 25, protocol: 'tcp', ports: [{ port: 25 }] }] },
    machine: { services: [{ protocol: 'tcp', internal_port: 25, ports: [{ port: 25 }] }] },
  },
  {
    row: '3.1 files',
    says: 'are files',
    input: { files: [{ guest_path: '/a', secret_name: 'A' }] },
    machine: { files: [{ guest_path: '/a', secret_name: 'A' }] },
  },
  {
    row: '3.2 files',
    flyctl: 'config.go File: it has no mode',
    says: 'every key; a mode is dropped',
    input: {
      files: [
        { guest_path: '/a', local_path: 'a.txt' },
        { guest_path: '/b', raw_value: 'b', mode: 420 },
        { guest_path: '/c', secret_name: 'C', processes: ['app'] },
      ],
    },
    files: { 'a.txt': 'a' },
    machine: {
      files: [
        { guest_path: '/a', raw_value: 'YQ==' },
        { guest_path: '/b', raw_value: 'Yg==' },
        { guest_path: '/c', secret_name: 'C' },
      ],
    },
    warnings: [['files[1].mode', /no such field/]],
  },
  {
    row: '3.1 restart',
    says: 'is the restart policy',
    input: { restart: [{ policy: 'always' }] },
    machine: { restart: { policy: 'always' } },
  },
  {
    row: '3.2 restart',
    says: 'every key',
    input: { restart: [{ policy: 'on-failure', retries: 3, processes: ['app'] }] },
    machine: { restart: { policy: 'on-failure', max_retries: 3 } },
  },
  {
    row: '3.1 vm',
    says: 'is the size',
    input: { vm: { size: 'shared-cpu-2x' } },
    machine: { guest: { cpu_kind: 'shared', cpus: 2, memory_mb: 512 } },
  },
  {
    row: '3.2 vm',
    flyctl: 'config.go Compute, fly-go MachineGuest',
    says: 'every key',
    input: {
      vm: [
        {
          size: 'performance-8x',
          memory: '32gb',
          cpu_kind: 'performance',
          cpus: 8,
          memory_mb: 32_768,
          max_memory_mb: 65_536,
          gpus: 1,
          gpu_kind: 'a10',
          host_dedication_id: 'host',
          kernel_args: ['quiet'],
          persist_rootfs: 'always',
          processes: ['app'],
        },
      ],
    },
    machine: {
      guest: {
        cpu_kind: 'performance',
        cpus: 8,
        memory_mb: 32_768,
        max_memory_mb: 65_536,
        gpus: 1,
        gpu_kind: 'a10',
        host_dedication_id: 'host',
        kernel_args: ['quiet'],
        persist_rootfs: 'always',
      },
    },
  },
  {
    row: '3.2 vm',
    flyctl: 'fly-go machine_types.go MachinePersistRootfs',
    says: 'persist_rootfs was a number; none leaves it to Fly',
    input: {
      processes: { app: '', b: '', c: '' },
      vm: [
        { persist_rootfs: 2, processes: ['app'] },
        { persist_rootfs: 'none', processes: ['b'] },
        { persist_rootfs: 0, processes: ['c'] },
      ],
    },
    groups: {
      app: { guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 256, persist_rootfs: 'restart' } },
      b: { guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 256 } },
      c: { guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 256 } },
    },
  },
  {
    row: '3.1 statics',
    says: 'are statics',
    input: { statics: [{ guest_path: '/app/public', url_prefix: '/' }] },
    machine: { statics: [{ guest_path: '/app/public', url_prefix: '/' }] },
  },
  {
    row: '3.2 statics',
    says: 'every key',
    input: {
      statics: [{ guest_path: '/a', url_prefix: '/s', tigris_bucket: 'bucket', index_document: 'index.html' }],
    },
    machine: {
      statics: [{ guest_path: '/a', url_prefix: '/s', tigris_bucket: 'bucket', index_document: 'index.html' }],
    },
  },
  {
    row: '3.1 metrics',
    says: 'are metrics',
    input: { metrics: { port: 9091, path: '/metrics' } },
    machine: { metrics: { port: 9091, path: '/metrics' } },
  },
  {
    row: '3.2 metrics',
    says: 'every key',
    input: { metrics: [{ port: 9091, path: '/metrics', https: true, processes: ['app'] }] },
    machine: { metrics: { port: 9091, path: '/metrics', https: true } },
  },
  {
    row: '3.2 metrics',
    flyctl: 'config.go Metrics: its own fields are a pointer, left at nil',
    says: 'a section that says nothing of where is none; an empty path is not sent',
    input: {
      processes: { app: '', web: '', worker: '' },
      metrics: [{}, { processes: ['worker'] }, { port: 1, path: '', processes: ['web'] }],
    },
    groups: { app: {}, web: { metrics: { port: 1 } }, worker: {} },
  },
];
