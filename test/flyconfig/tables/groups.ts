import type { Row } from './row.ts';

const web = { internal_port: 8080 };
const ports = [
  { port: 80, handlers: ['http'] },
  { port: 443, handlers: ['http', 'tls'] },
];
const mapped = { protocol: 'tcp', internal_port: 8080, ports };
const small = { cpu_kind: 'shared', cpus: 1, memory_mb: 512 };
const large = { cpu_kind: 'performance', cpus: 2, memory_mb: 4096 };

/** Process groups: internal/appconfig/processgroups.go. */
export const groups: readonly Row[] = [
  {
    row: '3.4 default group',
    flyctl: 'processgroups.go DefaultProcessName',
    says: 'is app, where there is one',
    input: { processes: { zeta: 'z', app: 'a' }, checks: { alive: { type: 'tcp', port: 1 } } },
    groups: {
      app: { init: { cmd: ['a'] }, checks: { alive: { type: 'tcp', port: 1 } } },
      zeta: { init: { cmd: ['z'] } },
    },
  },
  {
    row: '3.4 default group',
    flyctl: 'processgroups.go DefaultProcessName',
    says: 'else the first by name',
    input: { processes: { zeta: 'z', beta: 'b' }, restart: [{ policy: 'always' }] },
    groups: { beta: { init: { cmd: ['b'] }, restart: { policy: 'always' } }, zeta: { init: { cmd: ['z'] } } },
  },
  {
    row: '3.4 section without processes',
    flyctl: 'processgroups.go Flatten',
    says: 'belongs to the default group; a section that names groups to those; an empty list names none',
    input: {
      processes: { app: '', vpn: '', foo: '' },
      http_service: { ...web, processes: ['app'] },
      services: [{ internal_port: 9, protocol: 'udp', ports: [{ port: 1 }], processes: ['vpn', 'foo'] }],
      checks: { listening: { type: 'tcp', processes: ['app', 'foo'], port: 8080 } },
      metrics: [
        { port: 1, processes: [] },
        { port: 2, processes: ['vpn'] },
      ],
      mounts: [{ source: 'data', destination: '/data', processes: ['foo'] }],
      restart: [{ policy: 'never', processes: ['vpn'] }],
    },
    groups: {
      app: {
        services: [mapped],
        checks: { listening: { type: 'tcp', port: 8080 } },
        metrics: { port: 1 },
      },
      vpn: {
        services: [{ protocol: 'udp', internal_port: 9, ports: [{ port: 1 }] }],
        metrics: { port: 2 },
        restart: { policy: 'no' },
      },
      foo: {
        services: [{ protocol: 'udp', internal_port: 9, ports: [{ port: 1 }] }],
        checks: { listening: { type: 'tcp', port: 8080 } },
        mounts: [{ name: 'data', path: '/data' }],
      },
    },
  },
  {
    row: '3.4 vm',
    flyctl: 'processgroups.go ComputeForGroup',
    says: 'without processes it is for every group, and one that names the group beats it',
    input: {
      processes: { app: '', worker: '' },
      vm: [{ size: 'performance-2x' }, { memory: '512mb', processes: ['worker'] }],
    },
    groups: { app: { guest: large }, worker: { guest: small } },
  },
  {
    row: '3.4 vm',
    flyctl: 'processgroups.go ComputeForGroup',
    says: 'a group that none applies to keeps its size',
    input: { processes: { app: '', worker: '' }, vm: [{ memory: '512mb', processes: ['worker'] }] },
    groups: { app: {}, worker: { guest: small } },
  },
  {
    row: '3.4 vm',
    flyctl: 'processgroups.go ComputeForGroup',
    says: 'of several for all groups the first is used, of several for one group the last',
    input: {
      processes: { app: '', worker: '' },
      vm: [
        { size: 'performance-2x' },
        { size: 'shared-cpu-1x' },
        { size: 'shared-cpu-4x', processes: ['worker'] },
        { memory: '512mb', processes: ['worker'] },
      ],
    },
    groups: { app: { guest: large }, worker: { guest: small } },
    warnings: [
      ['vm', /2 vm sections name the process group worker; vm\[3\] is used/],
      ['vm[1]', /has no effect/],
    ],
  },
  {
    row: '3.4 services',
    flyctl: 'validation.go validateServicesSection',
    says: 'one that names no group is refused where there are several, http_service too',
    input: {
      processes: { app: '', worker: '' },
      http_service: web,
      services: [{ ...web, ports: [{ port: 1 }] }],
    },
    errors: [
      ['http_service', /several process groups/],
      ['services[0]', /several process groups/],
    ],
  },
  {
    row: '3.4 services',
    flyctl: 'validation.go validateServicesSection, which refuses this',
    says: 'with one group it can only be that one’s',
    input: { processes: { web: 'run' }, http_service: web },
    groups: { web: { init: { cmd: ['run'] }, services: [mapped] } },
    warnings: [['http_service', /belongs to web; flyctl would refuse it/]],
  },
  {
    row: '3.4 reserved names',
    says: 'groups of flyctl’s own machines',
    input: { processes: { fly_app_release_command: '', fly_app_test_machine_command: '', fly_app_console: '' } },
    errors: [
      ['processes.fly_app_release_command', /Fly's own tools/],
      ['processes.fly_app_test_machine_command', /Fly's own tools/],
      ['processes.fly_app_console', /Fly's own tools/],
    ],
  },
];
