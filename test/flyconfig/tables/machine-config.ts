import type { Row } from './row.ts';

const containers = JSON.stringify({
  containers: [
    { name: 'app', files: [{ guest_path: '/a', local_path: 'a.txt' }] },
    { name: 'proxy', image: 'nginx', env: { A: '1' } },
  ],
  volumes: [{ name: 'scratch', temp_dir: { storage_type: 'memory' } }],
});

/** What `machine_config` puts beneath the fly config: internal/config/machine.go, internal/containerconfig/parse.go. */
export const machineConfigs: readonly Row[] = [
  {
    row: '3.5 machine_config',
    flyctl: 'machines.go updateMachineConfig',
    says: 'is laid under the fly config; what that decides has no effect in it',
    input: {
      swap_size_mb: 512,
      kill_signal: 'SIGINT',
      machine_config: JSON.stringify({
        env: { A: 'x' },
        init: { cmd: ['x'], tty: true },
        guest: { cpu_kind: 'shared', cpus: 2, memory_mb: 512 },
        metadata: { team: 'shop' },
        services: [],
        stop_config: { signal: 'SIGTERM' },
        auto_destroy: null,
        surprise: 1,
      }),
    },
    machine: {
      init: { tty: true, swap_size_mb: 512 },
      guest: { cpu_kind: 'shared', cpus: 2, memory_mb: 512 },
      metadata: { team: 'shop' },
      stop_config: { signal: 'SIGINT' },
    },
    warnings: [
      ['machine_config.env', /env decides/],
      ['machine_config.services', /services decides/],
      ['machine_config.stop_config', /kill_signal and kill_timeout decides/],
      ['machine_config.surprise', /no such field/],
      ['machine_config.init.cmd', /processes decides/],
    ],
  },
  {
    row: '3.5 machine_config',
    flyctl: 'machine.go ParseConfig',
    says: 'may be a file; experimental.machine_config beats it',
    input: { machine_config: '{}', experimental: { machine_config: 'machine.json' } },
    files: { 'machine.json': '{"schedule": "hourly", "size": "shared-cpu-2x"}' },
    machine: { schedule: 'hourly', guest: { cpu_kind: 'shared', cpus: 2, memory_mb: 512 } },
    warnings: [['machine_config', /experimental.machine_config beats it/]],
  },
  {
    row: '3.5 machine_config',
    flyctl: 'parse.go ParseContainerConfig, machine.go readLocalFiles',
    says: 'containers: the app’s own is called app, or is the first; its files may be the app’s',
    input: { machine_config: containers },
    files: { 'a.txt': 'a' },
    machine: {
      containers: [
        { name: 'app', image: '.', files: [{ guest_path: '/a', raw_value: 'YQ==' }] },
        { name: 'proxy', image: 'nginx', env: { A: '1' } },
      ],
      volumes: [{ name: 'scratch', temp_dir: { storage_type: 'memory' } }],
    },
  },
  {
    row: '3.5 machine_config',
    flyctl: 'parse.go ParseContainerConfig',
    says: 'containers without an image, or not the one that is named, are refused',
    input: { container: 'web', machine_config: '{"containers": [{"name": "a", "image": "x"}, {"name": "b"}]}' },
    errors: [
      ['container', /no container "web"/],
      ['machine_config.containers[1]', /needs an image/],
    ],
  },
  {
    row: '3.5 machine_config',
    flyctl: 'machine.go ParseConfig',
    says: 'what is no JSON, no path of one, or of the wrong kind is refused',
    input: { machine_config: 'machine.yaml' },
    errors: [['machine_config', /JSON that begins with {, or the path of a .json file, found "machine.yaml"/]],
  },
  {
    row: '3.5 machine_config',
    says: 'broken JSON',
    input: { machine_config: '{"schedule": ' },
    errors: [['machine_config', /the JSON cannot be read/]],
  },
  {
    row: '3.5 machine_config',
    says: 'a part of a size, stamps, values of the wrong kind',
    input: { machine_config: '{"guest": {"memory_mb": 512}, "metadata": {"fly_process_group": "x"}}' },
    errors: [
      ['machine_config.guest', /names no cpu_kind, cpus/],
      ['machine_config.metadata.fly_process_group', /write this name themselves/],
    ],
  },
  {
    row: '3.5 machine_config',
    says: 'a container that takes longer to stop than Fly waits',
    input: { machine_config: '{"containers": [{"name": "a", "image": "x", "stop": {"timeout": "5m1s"}}]}' },
    errors: [['machine_config.containers[0].stop.timeout', /refuses more than 5m0s, found 5m1s/]],
  },
  {
    row: '3.5 machine_config',
    says: 'values of the wrong kind',
    input: { machine_config: '{"schedule": 5}' },
    errors: [['machine_config', /^schedule: /]],
  },
];
