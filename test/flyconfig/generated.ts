import * as fc from '../property.ts';
import type { MachineConfig } from '../../schemas/fly/machine.ts';
import type { JsonObject } from '../../src/model/base/json.ts';

const duration = fc.oneof(
  fc.constantFrom('15s', '60s', '1m0s', '1m', '500ms', '2h', 'soon', ''),
  fc.integer({ min: 0, max: 200_000_000_000 }),
  fc.constant(null),
);
const word = fc.constantFrom(
  'a',
  'b',
  'FOO',
  'constructor',
  '__proto__',
  'flycd_sent',
  'fly_release_id',
  'FLYCD_APP_VERSION',
);
const words = fc.dictionary(word, fc.constantFrom('', '1', 'x'), { maxKeys: 4 });

function fields(model: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Record<string, unknown>> {
  const optional = Object.fromEntries(
    Object.entries(model).map(([key, value]) => [
      key,
      fc.oneof({ weight: 6, arbitrary: value }, { weight: 1, arbitrary: fc.constant(null) }),
    ]),
  );
  return fc.record(optional, { requiredKeys: [] });
}

const list = (item: fc.Arbitrary<unknown>): fc.Arbitrary<unknown[]> => fc.array(item, { maxLength: 3 });

const header = fields({ name: word, values: list(fc.constantFrom('x', 'y')) });
const check = fields({
  type: fc.constantFrom('tcp', 'http'),
  port: fc.integer({ min: 1, max: 9 }),
  interval: duration,
  timeout: duration,
  grace_period: duration,
  headers: list(header),
  kind: fc.constantFrom('informational', 'readiness'),
});
const port = fields({
  port: fc.constantFrom(80, 443, 8080),
  start_port: fc.constantFrom(1, 2),
  end_port: fc.constantFrom(3, 4),
  handlers: list(fc.constantFrom('http', 'tls')),
  force_https: fc.boolean(),
  http_options: fields({ compress: fc.boolean(), response: fields({ headers: words }) }),
});
const service = fields({
  protocol: fc.constantFrom('tcp', 'udp', ''),
  internal_port: fc.constantFrom(80, 8080),
  autostop: fc.constantFrom('off', 'stop', 'suspend', true, false),
  autostart: fc.boolean(),
  min_machines_running: fc.constantFrom(0, 1),
  ports: list(port),
  checks: list(check),
  concurrency: fields({
    type: fc.constantFrom('connections', 'requests'),
    soft_limit: fc.constantFrom(0, 20, 25),
    hard_limit: fc.constantFrom(0, 25),
  }),
});
const mount = fields({
  volume: fc.constantFrom('vol_1', 'vol_2'),
  name: fc.constantFrom('data', 'logs', ''),
  path: fc.constantFrom('/data', '/logs'),
  size_gb: fc.integer({ min: 1, max: 3 }),
  encrypted: fc.boolean(),
  add_size_gb: fc.constantFrom(0, 1),
});
const junk = fc.jsonValue({ maxDepth: 3 });

/** Machine configs as Fly may answer with them: null, empty and odd values included. */
export const machineConfig: fc.Arbitrary<MachineConfig> = fields({
  image: fc.constantFrom('nginx', 'nginx:1@sha256:a'),
  env: words,
  metadata: words,
  init: fields({
    cmd: list(word),
    exec: list(word),
    swap_size_mb: fc.constantFrom(0, 512),
    tty: fc.boolean(),
    kernel_args: list(word),
  }),
  guest: fields({
    cpu_kind: fc.constantFrom('shared', 'performance'),
    cpus: fc.constantFrom(0, 1, 2),
    memory_mb: fc.constantFrom(256, 512),
    size: fc.constantFrom('shared-cpu-2x', 'x'),
  }),
  services: list(service),
  checks: fc.dictionary(word, check, { maxKeys: 3 }),
  mounts: list(mount),
  files: list(
    fields({
      guest_path: fc.constantFrom('/a', '/b'),
      raw_value: fc.constantFrom('eA==', 'eQ=='),
      mode: fc.constantFrom(0, 420),
    }),
  ),
  metrics: fields({ port: fc.constantFrom(1, 2), path: word, https: fc.boolean() }),
  restart: fields({
    policy: fc.constantFrom('no', 'always', 'on-failure', ''),
    max_retries: fc.constantFrom(0, 3, 10),
  }),
  stop_config: fields({ timeout: duration, signal: fc.constantFrom('SIGTERM') }),
  dns: fields({ skip_registration: fc.boolean() }),
  schedule: fc.constantFrom('', 'daily'),
  auto_destroy: fc.boolean(),
  standbys: list(fc.constantFrom('m1')),
  rootfs: junk,
  statics: list(
    fields({
      guest_path: fc.constantFrom('/a'),
      url_prefix: fc.constantFrom('/', '/b'),
      tigris_bucket: fc.constantFrom('', 'b'),
    }),
  ),
  something_new: junk,
});

/** Any document at all, with the keys of a fly config more often than chance would have them. */
const key = fc.oneof(
  fc.constantFrom(
    'env',
    'processes',
    'http_service',
    'services',
    'checks',
    'mounts',
    'mount',
    'vm',
    'compute',
    'files',
    'restart',
    'metrics',
    'statics',
    'experimental',
    'build',
    'deploy',
    'kill_timeout',
    'swap_size_mb',
    'internal_port',
    'ports',
    'tcp_checks',
    'http_checks',
    'interval',
    'headers',
    'concurrency',
    'source',
    'destination',
    'initial_size',
    'memory',
    'size',
    'cpus',
    'guest_path',
    'local_path',
    'raw_value',
    'policy',
    'type',
    'port',
    'handlers',
    'cmd',
    'release_command',
    'machine_checks',
    'compose',
    'kill_signal',
    'host_dedication_id',
    'http_options',
    'response',
    'replay_cache',
    'tls_options',
  ),
  fc.string({ maxLength: 6 }),
  fc.constantFrom('__proto__', 'constructor', 'toString'),
);
const { document } = fc.letrec((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom(null, true, false, 0, -1, 8080, 1.5, '', 'app', '10s', '1gb', '"', '512'),
    fc.string({ maxLength: 8 }),
  ),
  value: fc.oneof(
    { depthSize: 'small' },
    tie('leaf'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4 }),
  ),
  document: fc.dictionary(key, tie('value'), { maxKeys: 8 }),
}));
export const anyDocument = document as fc.Arbitrary<JsonObject>;

/** Another order of keys and lists that mean the same, and null for what is absent. */
export function rewritten(config: MachineConfig, reverse: boolean): MachineConfig {
  const shuffled = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map((item) => shuffled(item));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([name, item]) => [name, shuffled(item)] as const);
    return Object.fromEntries(reverse ? entries.toReversed() : entries);
  };
  return shuffled(config) as MachineConfig;
}
