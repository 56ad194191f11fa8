import type { Row } from './row.ts';

const httpPorts = [
  { port: 80, handlers: ['http'] },
  { port: 443, handlers: ['http', 'tls'] },
];

/** Keys that nobody reads. */
export const unknownKeys: readonly Row[] = [
  {
    row: '3.1 unknown keys',
    flyctl: 'strict_validate.go',
    says: 'are dropped by flyctl, everywhere',
    input: {
      surprise: { a: 1 },
      http_service: { internal_port: 8080, force_htps: true, http_checks: [{ path: '/' }] },
      checks: { alive: { type: 'tcp', port: 1, kind: 'readiness' } },
      compute: { memry: '1gb' },
    },
    machine: {
      services: [{ protocol: 'tcp', internal_port: 8080, ports: httpPorts }],
      checks: { alive: { type: 'tcp', port: 1 } },
      guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 256 },
    },
    warnings: [
      ['surprise', /no such field/],
      ['http_service.force_htps', /no such field/],
      ['http_service.http_checks', /no such field/],
      ['checks.alive.kind', /no such field/],
      ['checks.alive.port', /no service of app listens on port 1/],
      ['compute.memry', /no such field/],
    ],
  },
  {
    row: '3.1 unknown keys',
    flyctl: 'serde.go mapToConfig: encoding/json matches names in any case',
    says: 'a key in capitals is known to flyctl, so it is not dropped here',
    input: { Kill_Signal: 'SIGTERM', http_service: { Internal_Port: 8080, internal_port: 8080 } },
    errors: [
      ['Kill_Signal', /flyctl reads this as kill_signal/],
      ['http_service.Internal_Port', /flyctl reads this as internal_port/],
    ],
  },
];
