import type { Row } from './row.ts';

/** Every key of http_service and of services: internal/appconfig/service.go. */
export const serviceFields: readonly Row[] = [
  {
    row: '3.2 http_service',
    flyctl: 'service.go HTTPService',
    says: 'every key',
    input: {
      http_service: {
        internal_port: 8080,
        force_https: true,
        auto_stop_machines: 'suspend',
        auto_start_machines: false,
        min_machines_running: 1,
        processes: ['app'],
        concurrency: { type: 'requests', soft_limit: 4, hard_limit: 10 },
        tls_options: { alpn: ['h2'], versions: ['TLSv1.3'], default_self_signed: false },
        http_options: {
          compress: true,
          h2_backend: true,
          idle_timeout: 600,
          headers_read_timeout: 10,
          response: { headers: { drop: false, one: 'x', many: ['x', 'y'] }, pristine: true },
          replay_cache: [{ path_prefix: '/', ttl_seconds: 60, type: 'cookie', name: 'session', allow_bypass: true }],
        },
        checks: [{ interval: '10s', timeout: '2s', grace_period: '5s', method: 'get', path: '/', protocol: 'http' }],
      },
    },
    machine: {
      services: [
        {
          protocol: 'tcp',
          internal_port: 8080,
          autostop: 'suspend',
          autostart: false,
          min_machines_running: 1,
          concurrency: { type: 'requests', soft_limit: 4, hard_limit: 10 },
          ports: [80, 443].map((port) => ({
            port,
            handlers: port === 80 ? ['http'] : ['http', 'tls'],
            ...(port === 80 ? { force_https: true } : {}),
            http_options: {
              compress: true,
              h2_backend: true,
              idle_timeout: 600,
              headers_read_timeout: 10,
              response: { headers: { drop: false, one: 'x', many: ['x', 'y'] }, pristine: true },
              replay_cache: [
                { path_prefix: '/', ttl_seconds: 60, type: 'cookie', name: 'session', allow_bypass: true },
              ],
            },
            ...(port === 443
              ? { tls_options: { alpn: ['h2'], versions: ['TLSv1.3'], default_self_signed: false } }
              : {}),
          })),
          checks: [
            {
              type: 'http',
              interval: '10s',
              timeout: '2s',
              grace_period: '5s',
              method: 'get',
              path: '/',
              protocol: 'http',
            },
          ],
        },
      ],
    },
  },
  {
    row: '3.2 services',
    flyctl: 'service.go Service, fly-go MachinePort',
    says: 'every key',
    input: {
      services: [
        {
          protocol: 'tcp',
          internal_port: 8080,
          auto_stop_machines: true,
          auto_start_machines: true,
          min_machines_running: 2,
          processes: ['app'],
          ports: [
            {
              port: 443,
              handlers: ['tls', 'http'],
              tls_options: { alpn: ['h2'] },
              http_options: { compress: false },
            },
            { start_port: 5000, end_port: 5010, handlers: ['proxy_proto'], proxy_proto_options: { version: 'v2' } },
            { port: 80, handlers: ['http'], force_https: true },
          ],
          concurrency: { type: 'connections', soft_limit: 20, hard_limit: 25 },
          tcp_checks: [{ interval: '15s', timeout: '2s', grace_period: '1s' }],
          http_checks: [
            {
              interval: '10s',
              timeout: '2s',
              grace_period: '5s',
              method: 'get',
              path: '/',
              protocol: 'https',
              tls_skip_verify: true,
              tls_server_name: 'sni',
              headers: { A: 'x' },
            },
          ],
        },
      ],
    },
    machine: {
      services: [
        {
          protocol: 'tcp',
          internal_port: 8080,
          autostop: 'stop',
          autostart: true,
          min_machines_running: 2,
          ports: [
            {
              port: 443,
              handlers: ['tls', 'http'],
              tls_options: { alpn: ['h2'] },
              http_options: { compress: false },
            },
            { start_port: 5000, end_port: 5010, handlers: ['proxy_proto'], proxy_proto_options: { version: 'v2' } },
            { port: 80, handlers: ['http'], force_https: true },
          ],
          concurrency: { type: 'connections', soft_limit: 20, hard_limit: 25 },
          checks: [
            { type: 'tcp', interval: '15s', timeout: '2s', grace_period: '1s' },
            {
              type: 'http',
              interval: '10s',
              timeout: '2s',
              grace_period: '5s',
              method: 'get',
              path: '/',
              protocol: 'https',
              tls_skip_verify: true,
              tls_server_name: 'sni',
              headers: [{ name: 'A', values: ['x'] }],
            },
          ],
        },
      ],
    },
  },
];
