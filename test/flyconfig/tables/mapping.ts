import type { Row } from './row.ts';

const httpPorts = [
  { port: 80, handlers: ['http'] },
  { port: 443, handlers: ['http', 'tls'] },
];
const web = { protocol: 'tcp', internal_port: 8080, ports: httpPorts };

/** From a fly config to a machine's: internal/appconfig/machines.go and service.go. */
export const mapping: readonly Row[] = [
  {
    row: '3.5 http_service',
    flyctl: 'service.go ToService, AllServices',
    says: 'ports 80 and 443, before services[]',
    input: {
      services: [{ internal_port: 9, protocol: 'udp', ports: [{ port: 53 }] }],
      http_service: { internal_port: 8080, force_https: true },
    },
    machine: {
      services: [
        {
          ...web,
          ports: [
            { port: 80, handlers: ['http'], force_https: true },
            { port: 443, handlers: ['http', 'tls'] },
          ],
        },
        { protocol: 'udp', internal_port: 9, ports: [{ port: 53 }] },
      ],
    },
  },
  {
    row: '3.5 services',
    flyctl: 'service.go toMachineService',
    says: 'tcp checks before http checks; the method of theirs stays as written',
    input: {
      services: [{ internal_port: 9, ports: [{ port: 1 }], http_checks: [{ method: 'get' }], tcp_checks: [{}] }],
    },
    machine: {
      services: [
        { internal_port: 9, ports: [{ port: 1 }], checks: [{ type: 'tcp' }, { type: 'http', method: 'get' }] },
      ],
    },
  },
  {
    row: '3.5 services',
    says: 'a udp service without ports',
    input: { services: [{ internal_port: 53, protocol: 'udp' }] },
    machine: { services: [{ internal_port: 53, protocol: 'udp' }] },
    warnings: [['services[0]', /opens no port/]],
  },
  {
    row: '3.5 services',
    flyctl: 'validation.go validateServicesSection; fly-go machine_types.go MachineService',
    says: 'port 0 is taken, and is not sent',
    input: {
      services: [
        { internal_port: '0', ports: [{ port: 80 }] },
        { internal_port: 0, ports: [{ port: 81 }] },
      ],
    },
    machine: { services: [{ ports: [{ port: 80 }] }, { ports: [{ port: 81 }] }] },
    warnings: [
      ['services[0].internal_port', /nobody is sent to port 0/],
      ['services[1].internal_port', /nobody is sent to port 0/],
    ],
  },
  {
    row: '3.5 http_service',
    flyctl: 'validation.go Validate: nothing reads the tags of HTTPService; fly-go machine_types.go MachineService',
    says: 'its port 0 is taken, too',
    input: { http_service: { internal_port: 0 } },
    machine: { services: [{ protocol: 'tcp', ports: httpPorts }] },
    warnings: [['http_service.internal_port', /nobody is sent to port 0/]],
  },
  {
    row: '3.5 auto_stop_machines unset',
    says: 'nothing is sent, which is off',
    input: { http_service: { internal_port: 8080 } },
    machine: { services: [web] },
  },
  {
    row: '3.5 auto_stop_machines unset',
    flyctl: 'fly-go machine_types.go MachineAutostop',
    says: 'false is off, true is stop',
    input: {
      services: [
        { internal_port: 1, ports: [{ port: 1 }], auto_stop_machines: false },
        { internal_port: 2, ports: [{ port: 2 }], auto_stop_machines: true },
      ],
    },
    machine: {
      services: [
        { internal_port: 1, ports: [{ port: 1 }], autostop: 'off' },
        { internal_port: 2, ports: [{ port: 2 }], autostop: 'stop' },
      ],
    },
  },
  {
    row: '3.5 auto_start_machines unset',
    says: 'nothing is sent; false is',
    input: { http_service: { internal_port: 8080, auto_start_machines: false } },
    machine: { services: [{ ...web, autostart: false }] },
  },
  {
    row: '3.5 min_machines_running unset',
    says: 'nothing is sent; 0 is',
    input: { http_service: { internal_port: 8080, min_machines_running: 0 } },
    machine: { services: [{ ...web, min_machines_running: 0 }] },
  },
  {
    row: '3.5 concurrency unset',
    flyctl: 'fly-go machine_types.go MachineServiceConcurrency',
    says: 'a limit of 0 is none, and is not sent',
    input: {
      http_service: { internal_port: 8080, concurrency: { type: 'requests', soft_limit: 0, hard_limit: 5 } },
      services: [{ internal_port: 9, ports: [{ port: 9 }], concurrency: '5,0' }],
    },
    machine: {
      services: [
        { ...web, concurrency: { type: 'requests', hard_limit: 5 } },
        { internal_port: 9, ports: [{ port: 9 }], concurrency: { type: 'requests', soft_limit: 5 } },
      ],
    },
  },
  {
    row: '3.5 concurrency unset',
    says: 'nothing is sent; a part of it is a part',
    input: { http_service: { internal_port: 8080, concurrency: { soft_limit: 5 } } },
    machine: { services: [{ ...web, concurrency: { soft_limit: 5 } }] },
  },
  {
    row: '3.5 machine_checks',
    says: 'are refused until they can be run',
    input: { machine_checks: [{ command: ['x'] }] },
    errors: [['machine_checks', /not supported yet/]],
  },
  {
    row: '3.5 processes',
    flyctl: 'processgroups.go InitCmd',
    says: 'the command is split by the shell’s rules and beats experimental.cmd',
    input: {
      processes: { app: `run "a b" # not this`, worker: '' },
      experimental: { cmd: ['x'], entrypoint: ['/e'], exec: ['/x'] },
    },
    groups: {
      app: { init: { cmd: ['run', 'a b'], entrypoint: ['/e'], exec: ['/x'] } },
      worker: { init: { cmd: ['x'], entrypoint: ['/e'], exec: ['/x'] } },
    },
  },
  {
    row: '3.5 processes',
    flyctl: 'machines.go updateMachineConfig: cmd == nil',
    says: 'a command of nothing but blanks is the image’s own, not experimental.cmd',
    input: { processes: { app: ' ' }, experimental: { cmd: ['x'] } },
    machine: {},
    warnings: [['experimental.cmd', /no effect: each process group names its own command/]],
  },
  {
    row: '3.5 swap_size_mb',
    says: 'stands in init of every group',
    input: { swap_size_mb: 512, processes: { a: 'x', b: '' } },
    groups: { a: { init: { cmd: ['x'], swap_size_mb: 512 } }, b: { init: { swap_size_mb: 512 } } },
  },
  {
    row: '3.5 env',
    flyctl: 'machines.go updateMachineConfig',
    says: 'FLY_PROCESS_GROUP and PRIMARY_REGION are set last',
    input: { env: { A: 'x', PRIMARY_REGION: 'iad' }, processes: { web: '', worker: '' } },
    groups: {
      web: { env: { A: 'x', PRIMARY_REGION: 'arn', FLY_PROCESS_GROUP: 'web' } },
      worker: { env: { A: 'x', PRIMARY_REGION: 'arn', FLY_PROCESS_GROUP: 'worker' } },
    },
    warnings: [['env.PRIMARY_REGION', /primary_region beats it: the machines get arn/]],
  },
  {
    row: '3.5 kill settings',
    says: 'only where one of them is set',
    input: { kill_signal: 'SIGTERM', kill_timeout: '1m' },
    machine: { stop_config: { signal: 'SIGTERM', timeout: '1m0s' } },
  },
  {
    row: '3.5 files',
    flyctl: 'config.go toMachineFile',
    says: 'local files and raw values are base64, secrets are references; of one path the last is used, in the place of the first',
    input: {
      files: [
        { guest_path: '/a', raw_value: 'first' },
        { guest_path: '/b', local_path: 'conf/b.txt' },
        { guest_path: '/c', secret_name: 'C' },
        { guest_path: '/a', raw_value: 'last' },
      ],
    },
    files: { 'conf/b.txt': 'from disk' },
    machine: {
      files: [
        { guest_path: '/a', raw_value: 'bGFzdA==' },
        { guest_path: '/b', raw_value: 'ZnJvbSBkaXNr' },
        { guest_path: '/c', secret_name: 'C' },
      ],
    },
    warnings: [['files[0]', /no effect: files\[3\] has the same guest_path/]],
  },
  {
    row: '3.5 files',
    flyctl: 'machines.go updateMachineConfig: MergedFiles know no groups',
    says: 'reach every group, whatever they name',
    input: {
      processes: { app: '', worker: '' },
      files: [{ guest_path: '/a', raw_value: 'a', processes: ['worker'] }],
    },
    groups: {
      app: { files: [{ guest_path: '/a', raw_value: 'YQ==' }] },
      worker: { files: [{ guest_path: '/a', raw_value: 'YQ==' }] },
    },
    warnings: [['files[0].processes', /every process group each file/]],
  },
  {
    row: '3.5 files',
    flyctl: 'config.go toMachineFile',
    says: 'local_path beats secret_name beats raw_value',
    input: { files: [{ guest_path: '/a', raw_value: 'a', secret_name: 'A' }] },
    machine: { files: [{ guest_path: '/a', secret_name: 'A' }] },
    warnings: [['files[0].raw_value', /secret_name beats it/]],
  },
  {
    row: '3.5 restart',
    flyctl: 'machines.go parseRestartPolicy',
    says: 'never is no; the last section is used',
    input: { restart: [{ policy: 'always' }, { policy: 'never' }] },
    machine: { restart: { policy: 'no' } },
    warnings: [['restart[0]', /no effect: a later section/]],
  },
  { row: '3.5 restart', says: 'unset stays unset', input: { restart: [] }, machine: {} },
  { row: '3.5 vm', says: 'without a section no size is named', input: { vm: [] }, machine: {} },
  {
    row: '3.5 metrics',
    flyctl: 'machines.go updateMachineConfig',
    says: 'the first section of the group',
    input: { metrics: [{ port: 9091, path: '/m' }, { port: 1 }] },
    machine: { metrics: { port: 9091, path: '/m' } },
    warnings: [['metrics[1]', /no effect: an earlier section/]],
  },
  {
    row: '3.5 statics',
    flyctl: 'processgroups.go Flatten, which leaves them alone',
    says: 'are on the machines of every group',
    input: { processes: { app: '', worker: '' }, statics: [{ guest_path: '/a', url_prefix: '/' }] },
    groups: {
      app: { statics: [{ guest_path: '/a', url_prefix: '/' }] },
      worker: { statics: [{ guest_path: '/a', url_prefix: '/' }] },
    },
  },
  {
    row: '3.5 statics',
    flyctl: 'deployer.go StaticIsCandidateForTigrisPush',
    says: 'a relative path without a bucket would have to be pushed',
    input: { statics: [{ guest_path: 'public', url_prefix: '/' }] },
    errors: [['statics[0].guest_path', /pushed to a bucket are not supported yet/]],
  },
  {
    row: '3.5 statics',
    flyctl: 'deployer.go StaticIsCandidateForTigrisPush',
    says: 'a relative path with a bucket is in the bucket',
    input: { statics: [{ guest_path: 'public', url_prefix: '/', tigris_bucket: 'b' }] },
    machine: { statics: [{ guest_path: 'public', url_prefix: '/', tigris_bucket: 'b' }] },
  },
  { row: '3.5 deploy', says: 'is not in the machine', input: { deploy: { max_unavailable: 1 } }, machine: {} },
  {
    row: '3.5 host_dedication_id',
    flyctl: 'machines.go computeToGuest',
    says: 'a vm section’s own beats the top-level one',
    input: { host_dedication_id: 'a', vm: { host_dedication_id: 'b' } },
    machine: { guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 256, host_dedication_id: 'b' } },
    warnings: [['vm[0].host_dedication_id', /beats the host_dedication_id of the config/]],
  },
  {
    row: '3.5 host_dedication_id',
    flyctl: 'machines_launchinput.go launchInputForUpdate',
    says: 'without a size it is laid over whatever size the machine has',
    input: { host_dedication_id: 'a' },
    machine: { guest: { host_dedication_id: 'a' } },
  },
  {
    row: '3.5 host_dedication_id',
    flyctl: 'machines_launchinput.go launchInputForLaunch',
    says: 'is laid over the size that machine_config names',
    input: {
      host_dedication_id: 'a',
      machine_config: '{"guest": {"cpu_kind": "shared", "cpus": 2, "memory_mb": 512}}',
    },
    machine: { guest: { cpu_kind: 'shared', cpus: 2, memory_mb: 512, host_dedication_id: 'a' } },
  },
  { row: '3.5 console_command', says: 'is not in the machine', input: { console_command: 'sh' }, machine: {} },
  {
    row: '3.5 build.compose',
    says: 'is refused',
    input: { build: { compose: { file: 'compose.yaml' } } },
    errors: [['build.compose', /not supported yet/]],
  },
  {
    row: '3.5 consul',
    says: 'and etcd are set up by Fly’s platform, not by a machine’s config',
    input: { experimental: { enable_consul: true, enable_etcd: true } },
    errors: [
      ['experimental.enable_consul', /not supported yet/],
      ['experimental.enable_etcd', /not supported yet/],
    ],
  },
  {
    row: '3.5 no key',
    says: 'a fly config has none for schedule, standbys, dns, auto_destroy: not even a quiet one',
    input: { schedule: 'daily', auto_destroy: true },
    machine: {},
    warnings: [
      ['schedule', /no such field/],
      ['auto_destroy', /no such field/],
    ],
  },
  {
    row: '3.8 services on the default group',
    says: 'other groups get none',
    input: { processes: { app: '', worker: '' }, http_service: { internal_port: 8080, processes: ['app'] } },
    groups: { app: { services: [web] }, worker: {} },
  },
  {
    row: '3.8 autostop unset',
    says: 'is off',
    input: { http_service: { internal_port: 8080 } },
    machine: { services: [web] },
  },
  {
    row: '3.8 PRIMARY_REGION',
    says: 'beats env',
    input: { env: { PRIMARY_REGION: 'arn' } },
    machine: { env: { PRIMARY_REGION: 'arn', FLY_PROCESS_GROUP: 'app' } },
  },
  { row: '3.8 vm omitted', says: 'keeps the size that somebody scaled to', input: {}, machine: {} },
  {
    row: '3.8 number durations',
    says: 'milliseconds in checks, seconds in kill_timeout',
    input: { kill_timeout: 5, checks: { alive: { type: 'tcp', port: 1, interval: 5000 } } },
    machine: { stop_config: { timeout: '5s' }, checks: { alive: { type: 'tcp', port: 1, interval: '5s' } } },
  },
  {
    row: '3.8 raw_value',
    says: 'is encoded twice where it is base64 already',
    input: { files: [{ guest_path: '/a', raw_value: 'YQ==' }] },
    machine: { files: [{ guest_path: '/a', raw_value: 'WVE9PQ==' }] },
  },
];
