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
    says: 'a group that does not exist, in any other section',
    input: {
      ...two,
      services: [{ internal_port: 1, ports: [{ port: 1 }], processes: ['x'] }],
      checks: { alive: { type: 'tcp', port: 1, processes: ['x'] } },
      mounts: [{ ...mount, processes: ['x'] }],
      files: [{ guest_path: '/a', secret_name: 'A', processes: ['x'] }],
    },
    errors: [
      ['services[0].processes[0]', /no process group "x"/],
      ['checks.alive.processes[0]', /no process group "x"/],
      ['mounts[0].processes[0]', /no process group "x"/],
      ['files[0].processes[0]', /no process group "x"/],
    ],
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
    row: '3.7 statics',
    says: 'ten are taken',
    input: { statics: Array.from({ length: 10 }, () => ({ guest_path: '/a', url_prefix: '/' })) },
    machine: { statics: Array.from({ length: 10 }, () => ({ guest_path: '/a', url_prefix: '/' })) },
  },
  {
    row: '3.7 strategy',
    says: 'a strategy that is none',
    input: { deploy: { strategy: 'rolling-eyes' } },
    errors: [['deploy.strategy', /expected rolling or immediate, found/]],
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
    flyctl: 'validation.go validateDeploySection, which refuses canary alone',
    says: 'canary beside mounts',
    input: { deploy: { strategy: 'canary' }, mounts: [mount] },
    errors: [['deploy.strategy', /canary runs new machines beside the old ones, which hold the volumes/]],
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
  ...['0s', '0', '0.4ns'].map((time): Row => ({
    row: '4.2 release command',
    says: `a release command that has no time: ${time}`,
    input: { deploy: { release_command: 'migrate', release_command_timeout: time } },
    errors: [['deploy.release_command_timeout', /the command needs some time, found 0s/]],
  })),
  {
    row: '4.2 release command',
    says: 'one that has no time, and no command either',
    input: { deploy: { release_command_timeout: '0s' } },
    errors: [['deploy.release_command_timeout', /the command needs some time, found 0s/]],
  },
];
