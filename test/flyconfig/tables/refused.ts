import type { Row } from './row.ts';

const http = { internal_port: 8080 };
const two = { processes: { app: 'a', web: 'b' } };
const many = Object.fromEntries(Array.from({ length: 60 }, (_unused, index) => [`g${index}`, '']));
const mount = { source: 'a', destination: '/a' };

/** What flyctl or Fly refuses: internal/appconfig/validation.go, and the answers of Fly's API. */
export const refused: readonly Row[] = [
  {
    row: '3.7 internal_port',
    says: 'http_service without internal_port',
    input: { http_service: {} },
    errors: [['http_service', /internal_port is required/]],
  },
  {
    row: '3.7 internal_port',
    says: 'a service without internal_port',
    input: { services: [{ protocol: 'tcp', ports: [{ port: 80 }] }] },
    errors: [['services[0]', /internal_port is required/]],
  },
  {
    row: '3.7 internal_port',
    says: 'a port out of range',
    input: { http_service: { internal_port: 70_000 } },
    errors: [['http_service.internal_port', /1 to 65535, found 70000/]],
  },
  {
    row: '3.7 groups',
    says: 'a group that does not exist',
    input: { ...two, metrics: [{ port: 1, processes: ['wbe'] }] },
    errors: [['metrics[0].processes[0]', /no process group "wbe"/]],
  },
  {
    row: '3.7 groups',
    says: 'a group without [processes]',
    input: { http_service: { ...http, processes: ['web'] } },
    errors: [['http_service.processes[0]', /no process group/]],
  },
  {
    row: '3.7 groups',
    says: 'a vm of a group that does not exist',
    input: { ...two, vm: { processes: ['x'] } },
    errors: [['vm[0].processes[0]', /no process group/]],
  },
  {
    row: '3.7 groups',
    says: 'a group name that cannot be',
    input: { processes: { 'a/b': '' } },
    errors: [['processes["a/b"]', /named with/]],
  },
  { row: '3.7 groups', says: 'too many groups', input: { processes: many }, errors: [['processes', /at most 20/]] },
  {
    row: '3.7 values',
    says: 'a mount without destination',
    input: { mounts: [{ source: 'a' }] },
    errors: [['mounts[0]', /destination is required/]],
  },
  {
    row: '3.7 snapshot_retention',
    says: 'a snapshot retention over 60',
    input: { mounts: [{ source: 'a', destination: '/a', snapshot_retention: 61 }] },
    errors: [['mounts[0].snapshot_retention', /1 to 60, found 61/]],
  },
  {
    row: '3.7 values',
    says: 'a volume under 1 GB',
    input: { mounts: [{ source: 'a', destination: '/a', initial_size: '500mb' }] },
    errors: [['mounts[0].initial_size', /1 GB or more, such as 3gb, found 0 GB/]],
  },
  {
    row: '3.7 extend settings',
    says: 'an extend threshold under 50',
    input: {
      mounts: [{ source: 'a', destination: '/a', auto_extend_size_threshold: 40, auto_extend_size_increment: '1gb' }],
    },
    errors: [['mounts[0].auto_extend_size_threshold', /50 to 99/]],
  },
  {
    row: '3.7 extend settings',
    says: 'an increment over 100',
    input: {
      mounts: [{ source: 'a', destination: '/a', auto_extend_size_threshold: 80, auto_extend_size_increment: '101gb' }],
    },
    errors: [['mounts[0].auto_extend_size_increment', /1 to 100 GB/]],
  },
  {
    row: '3.7 extend settings',
    says: 'a limit over 500',
    input: {
      mounts: [
        {
          source: 'a',
          destination: '/a',
          auto_extend_size_threshold: 80,
          auto_extend_size_increment: '1gb',
          auto_extend_size_limit: '501gb',
        },
      ],
    },
    errors: [['mounts[0].auto_extend_size_limit', /1 to 500 GB/]],
  },
  {
    row: '3.7 extend settings',
    says: 'a threshold alone',
    input: { mounts: [{ source: 'a', destination: '/a', auto_extend_size_threshold: 80 }] },
    errors: [['mounts[0].auto_extend_size_threshold', /both/]],
  },
  {
    row: '3.7 check times',
    says: 'a check without type',
    input: { checks: { a: { port: 1 } } },
    errors: [['checks.a', /needs a type/]],
  },
  {
    row: '3.7 check times',
    says: 'a check of another type',
    input: { checks: { a: { port: 1, type: 'script' } } },
    errors: [['checks.a.type', /http or tcp, found "script"/]],
  },
  {
    row: '3.7 check times',
    says: 'a check interval under 2 s',
    input: { checks: { a: { port: 1, type: 'tcp', interval: 1999 } } },
    errors: [['checks.a.interval', /at least 2s, found 1.999s/]],
  },
  {
    row: '3.7 check times',
    says: 'a check timeout over 60 s',
    input: { checks: { a: { port: 1, type: 'tcp', timeout: '61s' } } },
    errors: [['checks.a.timeout', /at most 1m0s/]],
  },
  {
    row: '3.7 check times',
    says: 'a duration that is none',
    input: { kill_timeout: 'soon' },
    errors: [['kill_timeout', /expected a duration.*"soon"/]],
  },
  {
    row: '3.7 commands',
    says: 'a command that does not split',
    input: { processes: { app: 'echo "x' } },
    errors: [['processes.app', /never closed/]],
  },
  {
    row: '3.7 commands',
    says: 'a console command that does not split',
    input: { console_command: `'` },
    errors: [['console_command', /never closed/]],
  },
  {
    row: '3.7 values',
    says: 'an env name of Fly',
    input: { env: { FLY_REGION: 'arn' } },
    errors: [['env.FLY_REGION', /FLY_/]],
  },
  {
    row: '3.7 values',
    says: 'an env name of FlyCD',
    input: { env: { FLYCD_CONFIG_VERSION: 'x' } },
    errors: [['env.FLYCD_CONFIG_VERSION', /FlyCD writes/]],
  },
  {
    row: '3.7 values',
    says: 'an env value that is nothing',
    input: { env: { A: null } },
    errors: [['env.A', /expected text, found nothing/]],
  },
  {
    row: '3.7 values',
    says: 'an env value that is a table',
    input: { env: { A: { b: 1 } } },
    errors: [['env.A', /expected text, found a table/]],
  },
  {
    row: '3.7 values',
    says: 'an autostop that is none',
    input: { http_service: { ...http, auto_stop_machines: 'yes' } },
    errors: [['http_service.auto_stop_machines', /off, stop or suspend/]],
  },
  {
    row: '3.7 values',
    says: 'a handler that is none',
    input: { services: [{ internal_port: 1, ports: [{ port: 1, handlers: ['https'] }] }] },
    errors: [['services[0].ports[0].handlers[0]', /http, tls, pg_tls or proxy_proto/]],
  },
  {
    row: '3.7 values',
    says: 'a local file that is not there',
    input: { files: [{ guest_path: '/a', local_path: 'a' }] },
    errors: [['files[0].local_path', /no file "a"/]],
  },
  {
    row: '3.7 values',
    says: 'a local file outside',
    input: { files: [{ guest_path: '/a', local_path: '../a' }] },
    errors: [['files[0].local_path', /leads out/]],
  },
  {
    row: '3.7 values',
    says: 'a file from nowhere',
    input: { files: [{ guest_path: '/a' }] },
    errors: [['files[0]', /found none/]],
  },
  {
    row: '3.7 statics',
    says: 'over ten statics',
    input: { statics: Array.from({ length: 11 }, () => ({ guest_path: '/a', url_prefix: '/' })) },
    errors: [['statics', /at most 10/]],
  },
  {
    row: '3.7 strategy',
    says: 'a strategy that is none',
    input: { deploy: { strategy: 'rolling-eyes' } },
    errors: [['deploy.strategy', /canary, rolling, immediate or bluegreen/]],
  },
  {
    row: '3.7 strategy',
    says: 'an empty one is none',
    input: { deploy: { strategy: '' } },
    machine: {},
  },
  {
    row: '3.7 canary and bluegreen',
    says: 'are refused beside mounts: new machines would need the volumes that the old ones hold',
    input: { deploy: { strategy: 'bluegreen' }, mounts: [mount] },
    errors: [['deploy.strategy', /bluegreen runs new machines beside the old ones, which hold the volumes/]],
  },
  {
    row: '3.7 canary and bluegreen',
    says: 'bluegreen',
    input: { deploy: { strategy: 'bluegreen' } },
    errors: [['deploy.strategy', /bluegreen is not supported yet/]],
  },
  {
    row: '3.7 canary and bluegreen',
    says: 'canary',
    input: { deploy: { strategy: 'canary' } },
    errors: [['deploy.strategy', /canary is not supported yet/]],
  },
  {
    row: '3.7 extend settings',
    flyctl: 'config.go Mount: sizes of growth are text',
    says: 'a number as an increment',
    input: { mounts: [{ ...mount, auto_extend_size_threshold: 80, auto_extend_size_increment: 1 }] },
    errors: [['mounts[0].auto_extend_size_increment', /expected text, found a whole number/]],
  },
  {
    row: '3.7 restart',
    flyctl: 'validation.go validateRestartPolicy',
    says: 'a policy that is none, a group that does not exist',
    input: { restart: [{ policy: 'sometimes' }, { policy: 'always', processes: ['web'] }] },
    errors: [
      ['restart[0].policy', /always, on-failure or never, found "sometimes"/],
      ['restart[1].processes[0]', /no process group "web"/],
    ],
  },
  {
    row: '3.7 compression',
    flyctl: 'validation.go validateCompression',
    says: 'gzip or zstd, 0 to 9',
    input: { build: { compression: 'lz4', compression_level: 10 } },
    errors: [
      ['build.compression', /gzip or zstd, found "lz4"/],
      ['build.compression_level', /0 to 9, found 10/],
    ],
  },
  {
    row: '3.7 commands',
    says: 'a release command that does not split',
    input: { deploy: { release_command: `echo "x` } },
    errors: [['deploy.release_command', /never closed/]],
  },
];
