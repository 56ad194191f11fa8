/** fly.toml files in the shapes that people have, and what flyctl makes of each: by hand, from flyctl's own source. */
import { readFileSync } from 'node:fs';
import type { MachineConfig, MachinePort } from '../../schemas/fly/machine.ts';

export interface Shape {
  /** wild/<name>.toml */
  readonly name: string;
  readonly region: string;
  /** By process group, env less FLY_PROCESS_GROUP and PRIMARY_REGION; undefined: it is refused. */
  readonly groups: Readonly<Record<string, MachineConfig>> | undefined;
  /** Paths of the warnings, or, where it is refused, of the errors. */
  readonly notes?: readonly string[];
}

const web: readonly MachinePort[] = [
  { port: 80, handlers: ['http'] },
  { port: 443, handlers: ['http', 'tls'] },
];
const redirected: readonly MachinePort[] = web.map((port) =>
  port.port === 80 ? { ...port, force_https: true } : port,
);
const older: readonly MachinePort[] = redirected.map((port) =>
  port.port === 443 ? { ...port, handlers: ['tls', 'http'] } : port,
);
const served = (port: number, ports: readonly MachinePort[], more: object = {}) => ({
  protocol: 'tcp',
  internal_port: port,
  ports: [...ports],
  ...more,
});
const shared = (memory: number, cpus = 1) => ({ cpu_kind: 'shared', cpus, memory_mb: memory });
const resting = { autostop: 'stop', autostart: true, min_machines_running: 0 };
const tcpCheck = { type: 'tcp', interval: '15s', timeout: '2s', grace_period: '1s' };

function app(config: MachineConfig): Readonly<Record<string, MachineConfig>> {
  return { app: config };
}

export const shapes: readonly Shape[] = [
  { name: 'minimal', region: 'fra', groups: app({ services: [served(3000, redirected, resting)] }) },
  {
    name: 'generated',
    region: 'ams',
    groups: app({ services: [served(8080, redirected, resting)], guest: shared(1024) }),
  },
  {
    name: 'port-zero',
    region: 'ams',
    groups: app({
      services: [
        { protocol: 'tcp', ports: [...older], concurrency: { type: 'connections', soft_limit: 20, hard_limit: 25 } },
      ],
    }),
    notes: ['services[0].internal_port'],
  },
  {
    name: 'performance',
    region: 'lhr',
    groups: app({
      services: [served(8000, web, { ...resting, min_machines_running: 1 })],
      guest: { cpu_kind: 'performance', cpus: 1, memory_mb: 8192 },
    }),
  },
  {
    name: 'suspending',
    region: 'ord',
    groups: app({ services: [served(9000, web, { ...resting, autostop: 'suspend' })], guest: shared(2048) }),
  },
  {
    name: 'release-command',
    region: 'cdg',
    groups: app({ env: { PORT: '8000' }, services: [served(8000, redirected)] }),
  },
  {
    name: 'memory-twice',
    region: 'arn',
    groups: app({ services: [served(8080, web, { autostop: 'off' })], guest: shared(512) }),
    notes: ['vm[0].memory_mb'],
  },
  {
    name: 'build-arguments',
    region: 'nrt',
    groups: app({ env: { PORT: '4000', VERBOSE: 'true' }, services: [served(4000, web)] }),
  },
  {
    name: 'memory-number',
    region: 'syd',
    groups: app({
      services: [served(3000, web, { autostop: 'off', autostart: false, min_machines_running: 1 })],
      guest: shared(512),
    }),
  },
  {
    name: 'console-and-statics',
    region: 'gru',
    groups: app({
      env: { PORT: '8000' },
      services: [served(8000, redirected)],
      statics: [{ guest_path: '/app/public', url_prefix: '/' }],
    }),
  },
  {
    name: 'unread-keys',
    region: 'sin',
    groups: app({ services: [served(5000, web, { autostop: 'stop' })], guest: shared(512) }),
    notes: ['http_service.max_machines_running'],
  },
  {
    name: 'service-checks',
    region: 'iad',
    groups: app({
      services: [
        served(8081, redirected, {
          ...resting,
          min_machines_running: 1,
          checks: [
            { type: 'http', interval: '30s', timeout: '5s', grace_period: '10s', method: 'GET', path: '/healthz' },
          ],
        }),
      ],
      mounts: [{ name: 'tap_data', path: '/data' }],
    }),
  },
  {
    name: 'mounts-list',
    region: 'ewr',
    groups: app({
      mounts: [{ name: 'nest', path: '/var/lib/nest' }],
      services: [served(3000, web)],
      guest: shared(1024, 2),
    }),
  },
  {
    name: 'kill-signal',
    region: 'dfw',
    groups: app({
      stop_config: { signal: 'SIGTERM' },
      mounts: [{ name: 'rooms', path: '/rooms' }],
      services: [served(4000, web, { concurrency: { type: 'connections', soft_limit: 800, hard_limit: 1000 } })],
    }),
  },
  {
    name: 'backend',
    region: 'fra',
    groups: app({
      services: [
        served(8000, web, {
          checks: [
            { type: 'http', interval: '1m0s', timeout: '10s', grace_period: '30s', method: 'GET', path: '/health' },
            { type: 'http', interval: '15s', timeout: '2s', path: '/ready' },
          ],
        }),
      ],
    }),
  },
  { name: 'frontend', region: 'fra', groups: app({ services: [served(80, redirected)] }) },
  {
    name: 'placeholders',
    region: 'cdg',
    groups: app({
      env: { TZ: 'Europe/Paris', READER_PASSWORD: 'change me' },
      services: [served(8080, web, { autostop: 'off' })],
      mounts: [{ name: 'reader_data', path: '/data' }],
    }),
  },
  {
    name: 'check-without-port',
    region: 'yyz',
    groups: app({
      services: [served(8080, redirected)],
      checks: { alive: { ...tcpCheck, port: 8080, grace_period: '5s' } },
    }),
  },
  {
    name: 'tunnel',
    region: 'arn',
    groups: app({ env: { TUNNEL_STATE: '/state' }, mounts: [{ name: 'tunnel_state', path: '/state' }] }),
  },
  {
    name: 'old-generated',
    region: 'ams',
    groups: app({
      env: { PORT: '8080' },
      stop_config: { signal: 'SIGINT', timeout: '5s' },
      statics: [{ guest_path: '/app/static', url_prefix: '/static' }],
      services: [
        served(8080, older, {
          concurrency: { type: 'connections', soft_limit: 20, hard_limit: 25 },
          checks: [tcpCheck],
        }),
      ],
    }),
    notes: ['experimental.auto_rollback', 'services[0].tcp_checks[0].restart_limit'],
  },
  {
    name: 'old-mounted',
    region: 'lax',
    groups: app({
      stop_config: { timeout: '5s' },
      mounts: [{ name: 'forms', path: '/srv/forms' }],
      services: [served(8080, [{ port: 8080, handlers: ['http'] }], { checks: [tcpCheck] })],
    }),
  },
  {
    name: 'old-milliseconds',
    region: 'sjc',
    groups: app({
      services: [
        served(4000, [{ port: 80, handlers: ['http'] }], {
          concurrency: { type: 'requests', soft_limit: 80, hard_limit: 100 },
          checks: [
            {
              type: 'http',
              interval: '10s',
              timeout: '2s',
              grace_period: '5s',
              method: 'get',
              path: '/',
              protocol: 'http',
              tls_skip_verify: false,
            },
          ],
        }),
      ],
    }),
    notes: ['services[0].http_checks[0].restart_limit'],
  },
  {
    name: 'empty-mounts',
    region: 'jnb',
    groups: app({
      services: [served(80, redirected)],
      statics: [{ guest_path: '/usr/share/nginx/html', url_prefix: '/' }],
    }),
  },
  {
    name: 'replicated-database',
    region: 'ord',
    groups: app({
      init: { swap_size_mb: 512 },
      stop_config: { signal: 'SIGINT', timeout: '5s' },
      mounts: [{ name: 'journal', path: '/replica' }],
      services: [
        served(8080, older, {
          concurrency: { type: 'requests', soft_limit: 80, hard_limit: 100 },
          checks: [
            tcpCheck,
            {
              type: 'http',
              interval: '10s',
              timeout: '2s',
              grace_period: '5s',
              method: 'get',
              path: '/resources/healthcheck',
              protocol: 'http',
              tls_skip_verify: false,
            },
          ],
        }),
      ],
    }),
    notes: ['experimental.auto_rollback', 'services[0].tcp_checks[0].restart_limit'],
  },
  {
    name: 'stacked',
    region: 'lhr',
    groups: app({
      env: { PORT: '8080', METRICS_PORT: '8081' },
      init: { cmd: ['start.sh'], entrypoint: ['sh'] },
      metrics: { port: 8081, path: '/metrics' },
      services: [served(8080, older)],
    }),
    notes: ['experimental.auto_rollback'],
  },
  {
    name: 'two-services',
    region: 'sin',
    groups: app({
      stop_config: { signal: 'SIGTERM', timeout: '2m0s' },
      services: [served(4000, [{ port: 443, handlers: ['tls', 'http'] }]), served(7654, [{ port: 5432 }])],
    }),
    notes: ['services[0].ports[0].protocol', 'services[1].ports[0].protocol'],
  },
  {
    name: 'database-checks',
    region: 'ord',
    groups: app({
      checks: {
        pg: { type: 'http', port: 5500, interval: '15s', timeout: '10s', path: '/flycheck/pg' },
        role: { type: 'http', port: 5500, interval: '15s', timeout: '10s', path: '/flycheck/role' },
      },
    }),
  },
  {
    name: 'live-view',
    region: 'ord',
    groups: app({
      env: { HOST: 'beats.example' },
      stop_config: { signal: 'SIGTERM', timeout: '5s' },
      services: [
        served(4000, older, { concurrency: { soft_limit: 2000, hard_limit: 2500 }, checks: [{ type: 'tcp' }] }),
      ],
    }),
  },
  {
    name: 'key-value-store',
    region: 'arn',
    groups: app({ mounts: [{ name: 'store', path: '/data' }], metrics: { port: 9091, path: '/metrics' } }),
  },
  {
    name: 'workers',
    region: 'ord',
    groups: {
      app: {
        init: { cmd: ['bin/rails', 'server', '-b', '0.0.0.0'] },
        services: [served(3000, web)],
        guest: shared(512),
      },
      worker: {
        init: { cmd: ['bundle', 'exec', 'sidekiq', '-c', '5'] },
        mounts: [{ name: 'storage', path: '/rails/storage' }],
        guest: shared(1024),
      },
    },
  },
  { name: 'unplaced-services', region: 'ams', groups: undefined, notes: ['services[0]'] },
  { name: 'log-shipper', region: 'iad', groups: app({ metrics: { port: 9598, path: '/metrics' } }) },
  {
    name: 'documented',
    region: 'bom',
    groups: app({ services: [served(8080, web), { protocol: 'udp', internal_port: 5353 }] }),
    notes: ['services[0]'],
  },
];

export function textOf(shape: Shape): string {
  return readFileSync(new URL(`./wild/${shape.name}.toml`, import.meta.url), 'utf8');
}
