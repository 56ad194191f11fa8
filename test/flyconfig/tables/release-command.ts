import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import type { Row } from './row.ts';

const flyctl = 'machines.go ToReleaseMachineConfig';
const env = { PRIMARY_REGION: 'arn', FLY_PROCESS_GROUP: 'fly_app_release_command', RELEASE_COMMAND: '1' };
const scratch: MachineConfig = { restart: { policy: 'no' }, auto_destroy: true, dns: { skip_registration: true } };

export const releaseCommand: readonly Row[] = [
  {
    row: '4.2 release command',
    flyctl,
    says: 'has a machine that runs once and is no part of the app',
    input: { deploy: { release_command: 'bin/rails "db migrate"' } },
    release: { ...scratch, env, init: { cmd: ['bin/rails', 'db migrate'] } },
  },
  {
    row: '4.2 release command',
    flyctl,
    says: 'takes env, files, swap, stop settings, entrypoint and its own size',
    input: {
      swap_size_mb: 512,
      kill_signal: 'SIGTERM',
      kill_timeout: 10,
      env: { A: 'x', RELEASE_COMMAND: 'no' },
      files: [{ guest_path: '/a', raw_value: 'a' }],
      experimental: { entrypoint: ['/e'], cmd: ['x'], exec: ['y'] },
      deploy: { release_command: 'migrate', release_command_vm: { size: 'performance-1x', memory: '4gb' } },
    },
    release: {
      ...scratch,
      env: { ...env, A: 'x' },
      init: { entrypoint: ['/e'], cmd: ['migrate'], swap_size_mb: 512 },
      guest: { cpu_kind: 'performance', cpus: 1, memory_mb: 4096 },
      files: [{ guest_path: '/a', raw_value: 'YQ==' }],
      stop_config: { signal: 'SIGTERM', timeout: '10s' },
    },
  },
  {
    row: '4.2 release command',
    flyctl,
    says: 'takes nothing of services, mounts, checks, metrics, statics, restart, the size of the app, machine_config',
    input: {
      http_service: { internal_port: 8080 },
      mounts: [{ source: 'data', destination: '/data' }],
      checks: { alive: { type: 'tcp' } },
      metrics: [{ port: 1 }],
      statics: [{ guest_path: '/a', url_prefix: '/' }],
      restart: [{ policy: 'always' }],
      vm: { size: 'performance-2x' },
      machine_config: '{"schedule": "daily", "init": {"tty": true}}',
      deploy: { release_command: 'migrate' },
    },
    release: { ...scratch, env, init: { cmd: ['migrate'] } },
  },
  {
    row: '4.2 release command',
    flyctl: 'machines_releasecommand.go launchInputForReleaseCommand',
    says: 'has the app’s host where its size is named',
    input: {
      host_dedication_id: 'host',
      vm: {},
      deploy: { release_command: 'migrate', release_command_vm: { size: 'shared-cpu-1x' } },
    },
    release: {
      ...scratch,
      env,
      init: { cmd: ['migrate'] },
      guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 256, host_dedication_id: 'host' },
    },
  },
  {
    row: '4.2 release command',
    flyctl: 'machines_releasecommand.go launchInputForReleaseCommand',
    says: 'has the app’s host under a size that is inferred',
    input: { host_dedication_id: 'host', deploy: { release_command: 'migrate' } },
    release: { ...scratch, env, init: { cmd: ['migrate'] }, guest: { host_dedication_id: 'host' } },
  },
  {
    row: '4.2 release command',
    flyctl: 'fly-go duration.go ParseDuration',
    says: 'a number as its timeout would be nanoseconds',
    input: { deploy: { release_command: 'migrate', release_command_timeout: 300 } },
    errors: [['deploy.release_command_timeout', /as nanoseconds, found 300/]],
  },
  {
    row: '4.2 release command',
    flyctl,
    says: 'a number as its memory is refused: only vm sections had that form',
    input: { deploy: { release_command: 'migrate', release_command_vm: { memory: 512 } } },
    errors: [['deploy.release_command_vm.memory', /expected text, found a whole number/]],
  },
  {
    row: '4.2 release command',
    flyctl,
    says: 'a size that is none is refused there',
    input: { deploy: { release_command: 'migrate', release_command_vm: { size: 'huge' } } },
    errors: [['deploy.release_command_vm.size', /no machine size "huge"/]],
  },
];
