import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/model/json.ts';
import { mapGroups } from '../../src/flyconfig/machine.ts';
import { mapped } from './mapping.ts';

const http = { internal_port: 8080 };
const two = { processes: { app: 'a', web: 'b' } };
const many = Object.fromEntries(Array.from({ length: 60 }, (_unused, index) => [`g${index}`, '']));

interface Row {
  readonly what: string;
  readonly input: JsonObject;
  readonly path: string;
  readonly says: RegExp;
}

const errors: readonly Row[] = [
  {
    what: 'http_service without internal_port',
    input: { http_service: {} },
    path: 'http_service',
    says: /internal_port is required/,
  },
  {
    what: 'a service without internal_port',
    input: { services: [{ protocol: 'tcp', ports: [{ port: 80 }] }] },
    path: 'services[0]',
    says: /internal_port is required/,
  },
  {
    what: 'a port out of range',
    input: { http_service: { internal_port: 70_000 } },
    path: 'http_service.internal_port',
    says: /1 to 65535, found 70000/,
  },
  {
    what: 'a group that does not exist',
    input: { ...two, metrics: [{ port: 1, processes: ['wbe'] }] },
    path: 'metrics[0].processes[0]',
    says: /no process group "wbe"/,
  },
  {
    what: 'a group without [processes]',
    input: { http_service: { ...http, processes: ['web'] } },
    path: 'http_service.processes[0]',
    says: /no process group/,
  },
  {
    what: 'a vm of a group that does not exist',
    input: { ...two, vm: { processes: ['x'] } },
    path: 'vm[0].processes[0]',
    says: /no process group/,
  },
  {
    what: 'a reserved group name',
    input: { processes: { fly_app_console: '' } },
    path: 'processes.fly_app_console',
    says: /Fly's own tools/,
  },
  {
    what: 'a group name that cannot be',
    input: { processes: { 'a/b': '' } },
    path: 'processes["a/b"]',
    says: /named with/,
  },
  { what: 'too many groups', input: { processes: many }, path: 'processes', says: /at most 20/ },
  {
    what: 'services without processes among several groups',
    input: { ...two, services: [{ internal_port: 1, ports: [{ port: 1 }] }] },
    path: 'services[0]',
    says: /several process groups/,
  },
  {
    what: 'two mounts in a group',
    input: {
      mounts: [
        { source: 'a', destination: '/a' },
        { source: 'b', destination: '/b' },
      ],
    },
    path: 'mounts[1]',
    says: /mounts one volume/,
  },
  {
    what: 'a mount without destination',
    input: { mounts: [{ source: 'a' }] },
    path: 'mounts[0]',
    says: /destination is required/,
  },
  {
    what: 'a snapshot retention over 60',
    input: { mounts: [{ source: 'a', destination: '/a', snapshot_retention: 61 }] },
    path: 'mounts[0].snapshot_retention',
    says: /1 to 60, found 61/,
  },
  {
    what: 'a volume under 1 GB',
    input: { mounts: [{ source: 'a', destination: '/a', initial_size: '500mb' }] },
    path: 'mounts[0].initial_size',
    says: /1 GB or more, such as 3gb, found 0 GB/,
  },
  {
    what: 'an extend threshold under 50',
    input: {
      mounts: [{ source: 'a', destination: '/a', auto_extend_size_threshold: 40, auto_extend_size_increment: 1 }],
    },
    path: 'mounts[0].auto_extend_size_threshold',
    says: /50 to 99/,
  },
  {
    what: 'an increment over 100',
    input: {
      mounts: [{ source: 'a', destination: '/a', auto_extend_size_threshold: 80, auto_extend_size_increment: '101gb' }],
    },
    path: 'mounts[0].auto_extend_size_increment',
    says: /1 to 100 GB/,
  },
  {
    what: 'a limit over 500',
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
    path: 'mounts[0].auto_extend_size_limit',
    says: /1 to 500 GB/,
  },
  {
    what: 'a threshold alone',
    input: { mounts: [{ source: 'a', destination: '/a', auto_extend_size_threshold: 80 }] },
    path: 'mounts[0].auto_extend_size_threshold',
    says: /both/,
  },
  { what: 'a check without type', input: { checks: { a: { port: 1 } } }, path: 'checks.a', says: /needs a type/ },
  {
    what: 'a check of another type',
    input: { checks: { a: { port: 1, type: 'script' } } },
    path: 'checks.a.type',
    says: /http or tcp, found "script"/,
  },
  {
    what: 'a check interval under 2 s',
    input: { checks: { a: { port: 1, type: 'tcp', interval: 1999 } } },
    path: 'checks.a.interval',
    says: /at least 2s, found 1.999s/,
  },
  {
    what: 'a check timeout over 60 s',
    input: { checks: { a: { port: 1, type: 'tcp', timeout: '61s' } } },
    path: 'checks.a.timeout',
    says: /at most 1m0s/,
  },
  {
    what: 'a check without a port to take',
    input: { checks: { a: { type: 'tcp' } } },
    path: 'checks.a',
    says: /no port/,
  },
  {
    what: 'a duration that is none',
    input: { kill_timeout: 'soon' },
    path: 'kill_timeout',
    says: /expected a duration.*"soon"/,
  },
  { what: 'an unknown size', input: { vm: { size: 'shared-cpu-3x' } }, path: 'vm[0].size', says: /no machine size/ },
  {
    what: 'more than two vm sections for a group',
    input: { vm: [{}, {}, { processes: ['app'] }] },
    path: 'vm',
    says: /3 vm sections/,
  },
  {
    what: 'a command that does not split',
    input: { processes: { app: 'echo "x' } },
    path: 'processes.app',
    says: /never closed/,
  },
  {
    what: 'a console command that does not split',
    input: { console_command: `'` },
    path: 'console_command',
    says: /never closed/,
  },
  { what: 'an env name of Fly', input: { env: { FLY_REGION: 'arn' } }, path: 'env.FLY_REGION', says: /FLY_/ },
  {
    what: 'an env name of FlyCD',
    input: { env: { FLYCD_CONFIG_VERSION: 'x' } },
    path: 'env.FLYCD_CONFIG_VERSION',
    says: /FlyCD writes/,
  },
  {
    what: 'an env value that is nothing',
    input: { env: { A: null } },
    path: 'env.A',
    says: /expected text, found nothing/,
  },
  {
    what: 'an env value that is a table',
    input: { env: { A: { b: 1 } } },
    path: 'env.A',
    says: /expected text, found a table/,
  },
  {
    what: 'a restart policy that is none',
    input: { restart: [{ policy: 'sometimes' }] },
    path: 'restart[0].policy',
    says: /always, on-failure or never/,
  },
  {
    what: 'an autostop that is none',
    input: { http_service: { ...http, auto_stop_machines: 'yes' } },
    path: 'http_service.auto_stop_machines',
    says: /off, stop or suspend/,
  },
  {
    what: 'a handler that is none',
    input: { services: [{ internal_port: 1, ports: [{ port: 1, handlers: ['https'] }] }] },
    path: 'services[0].ports[0].handlers[0]',
    says: /http, tls, pg_tls or proxy_proto/,
  },
  {
    what: 'a local file that is not there',
    input: { files: [{ guest_path: '/a', local_path: 'a' }] },
    path: 'files[0].local_path',
    says: /no file "a"/,
  },
  {
    what: 'a local file outside',
    input: { files: [{ guest_path: '/a', local_path: '../a' }] },
    path: 'files[0].local_path',
    says: /leads out/,
  },
  { what: 'a file from nowhere', input: { files: [{ guest_path: '/a' }] }, path: 'files[0]', says: /found none/ },
  {
    what: 'a file with two contents',
    input: { files: [{ guest_path: '/a', raw_value: 'x', secret_name: 'X' }] },
    path: 'files[0]',
    says: /secret_name and raw_value/,
  },
  {
    what: 'statics that would have to be pushed',
    input: { statics: [{ guest_path: 'public', url_prefix: '/' }] },
    path: 'statics[0].guest_path',
    says: /not supported yet/,
  },
  {
    what: 'over ten statics',
    input: { statics: Array.from({ length: 11 }, () => ({ guest_path: '/a', url_prefix: '/' })) },
    path: 'statics',
    says: /at most 10/,
  },
  {
    what: 'a strategy that is none',
    input: { deploy: { strategy: 'rolling-eyes' } },
    path: 'deploy.strategy',
    says: /canary, rolling, immediate or bluegreen/,
  },
  {
    what: 'a section of the wrong type',
    input: { http_service: [] },
    path: 'http_service',
    says: /expected a table, found a list/,
  },
];

const notYet: readonly (readonly [string, JsonObject])[] = [
  ['machine_checks', { machine_checks: [{ command: ['x'] }] }],
  ['http_service.machine_checks', { http_service: { ...http, machine_checks: [{ command: ['x'] }] } }],
  ['services[0].machine_checks', { services: [{ ...http, machine_checks: [{ command: ['x'] }] }] }],
  ['machine_config', { machine_config: '{}' }],
  ['experimental.machine_config', { experimental: { machine_config: 'a.json' } }],
  ['build.compose', { build: { compose: {} } }],
  ['experimental.enable_consul', { experimental: { enable_consul: true } }],
  ['experimental.enable_etcd', { experimental: { enable_etcd: true } }],
  ['host_dedication_id', { host_dedication_id: 'x' }],
  ['deploy.release_command', { deploy: { release_command: 'migrate' } }],
  ['deploy.seed_command', { deploy: { seed_command: 'seed' } }],
  ['deploy.strategy', { deploy: { strategy: 'bluegreen' } }],
];

describe('refused, with the place', () => {
  test.each(errors)('$what', ({ input, path, says }) => {
    const found = mapped(input).notes.filter((note) => note.severity === 'error' && note.path === path);
    expect(found.map((note) => note.message).join('\n')).toMatch(says);
  });

  test.each(notYet)('%s is not supported yet', (path, input) => {
    expect(mapped(input).notes).toContainEqual(
      expect.objectContaining({
        severity: 'error',
        path,
        message: expect.stringContaining('not supported yet') as string,
      }),
    );
  });

  test('what says nothing of an unsupported field is fine', () => {
    const input = { machine_checks: [], machine_config: '', experimental: { enable_consul: false }, deploy: {} };
    expect(mapped(input).notes).toEqual([]);
  });
});

describe('warned of', () => {
  test.each([
    [
      'a service check that Fly clamps',
      { http_service: { ...http, checks: [{ interval: 500, timeout: '2m' }] } },
      ['http_service.checks[0].interval', 'http_service.checks[0].timeout'],
    ],
    ['an http_service without processes among several groups', { ...two, http_service: http }, ['http_service']],
    ['a service without ports', { services: [{ internal_port: 1 }] }, ['services[0]']],
    ['a kill timeout over 5 minutes', { kill_timeout: 301 }, ['kill_timeout']],
    ['memory given twice', { vm: { memory: '1gb', memory_mb: 512 } }, ['vm[0].memory_mb']],
    ['two general vm sections', { vm: [{}, { memory: '512mb' }] }, ['vm']],
  ] as const)('%s', (_what, input, paths) => {
    const { notes } = mapped(input);
    expect(notes.map((note) => [note.severity, note.path])).toEqual(paths.map((path) => ['warning', path]));
  });

  test('a region that nobody knows', () => {
    const { notes } = mapGroups({ app: 'a', primaryRegion: 'xyz', config: {}, readFile: () => undefined });
    expect(notes).toMatchObject([{ severity: 'warning', path: 'primary_region' }]);
  });
});

test('one mistake in a section hides no other', () => {
  const { notes } = mapped({
    http_service: { internal_port: 0, auto_stop_machines: 7, checks: [{ interval: 'x' }, 3] },
  });
  expect(new Set(notes.map((note) => note.path))).toEqual(
    new Set([
      'http_service.internal_port',
      'http_service.auto_stop_machines',
      'http_service.checks[1]',
      'http_service.checks[0].interval',
    ]),
  );
});
