import type { Row } from './row.ts';

const http = { internal_port: 8080 };
const service = { protocol: 'tcp', internal_port: 8080 };
const httpPorts = [
  { port: 80, handlers: ['http'] },
  { port: 443, handlers: ['http', 'tls'] },
];
const web = { ...service, ports: httpPorts };
const served = { ...service, ports: [{ port: 80, handlers: ['http'] }] };

/** Health checks, section by section: internal/appconfig/toplevelcheck.go, service.go, patches.go, validation.go. */
export const checks: readonly Row[] = [
  {
    row: '3.1 checks',
    says: 'are checks',
    input: { checks: { alive: { type: 'tcp', port: 1 } } },
    machine: { checks: { alive: { type: 'tcp', port: 1 } } },
  },
  {
    row: '3.2 checks',
    flyctl: 'toplevelcheck.go toMachineCheck',
    says: 'every key',
    input: {
      checks: {
        status: {
          port: 2020,
          type: 'http',
          interval: '10s',
          timeout: '2s',
          grace_period: '5s',
          method: 'post',
          path: '/status',
          protocol: 'https',
          tls_skip_verify: true,
          tls_server_name: 'sni',
          headers: { B: '2', A: '1' },
          processes: ['app'],
        },
      },
    },
    machine: {
      checks: {
        status: {
          port: 2020,
          type: 'http',
          interval: '10s',
          timeout: '2s',
          grace_period: '5s',
          method: 'POST',
          path: '/status',
          protocol: 'https',
          tls_skip_verify: true,
          tls_server_name: 'sni',
          headers: [
            { name: 'A', values: ['1'] },
            { name: 'B', values: ['2'] },
          ],
        },
      },
    },
  },
  {
    row: '3.3 check times',
    flyctl: 'patches.go _patchCheck',
    says: 'numbers are milliseconds; an empty text is none; what is neither is dropped',
    input: {
      services: [
        {
          ...served,
          tcp_checks: { interval: 10_000, timeout: 2000, grace_period: '' },
          http_checks: [{ interval: 1500, timeout: [] }],
        },
      ],
      checks: { alive: { type: 'tcp', port: 1, interval: 15_000, timeout: '2s' } },
    },
    machine: {
      services: [
        {
          ...served,
          checks: [
            { type: 'tcp', interval: '10s', timeout: '2s' },
            { type: 'http', interval: '1.5s' },
          ],
        },
      ],
      checks: { alive: { type: 'tcp', port: 1, interval: '15s', timeout: '2s' } },
    },
    warnings: [
      ['services[0].http_checks[0].timeout', /no duration from a list/],
      ['checks.alive.port', /no service of app listens on port 1/],
    ],
  },
  {
    row: '3.3 check times',
    flyctl: 'patches.go patchServices, fly-go Duration.ParseDuration',
    says: 'those of http_service are not repaired: a number is nanoseconds',
    input: { http_service: { internal_port: 8080, checks: [{ interval: 10_000, timeout: '2s' }] } },
    machine: {
      services: [
        {
          ...service,
          ports: [
            { port: 80, handlers: ['http'] },
            { port: 443, handlers: ['http', 'tls'] },
          ],
          checks: [{ type: 'http', interval: '10µs', timeout: '2s' }],
        },
      ],
    },
    warnings: [
      ['http_service.checks[0].interval', /nanoseconds, so this is 10µs/],
      ['http_service.checks[0].interval', /Fly raises 10µs to 1s/],
    ],
  },
  {
    row: '3.3 check headers',
    flyctl: 'patches.go _patchCheckHeaders',
    says: 'a list of name and value; values of any kind are text; none at all',
    input: {
      services: [
        {
          ...served,
          http_checks: [
            { headers: [{ name: 'Origin', value: 'x' }, { name: 'Empty' }] },
            { headers: { A: 1, B: true } },
            { headers: [] },
          ],
        },
      ],
    },
    machine: {
      services: [
        {
          ...served,
          checks: [
            {
              type: 'http',
              headers: [
                { name: 'Empty', values: [''] },
                { name: 'Origin', values: ['x'] },
              ],
            },
            {
              type: 'http',
              headers: [
                { name: 'A', values: ['1'] },
                { name: 'B', values: ['true'] },
              ],
            },
            { type: 'http' },
          ],
        },
      ],
    },
  },
  {
    row: '3.3 check headers',
    flyctl: 'patches.go _patchTopLevelChecks',
    says: 'in top-level checks too, also in a list of them',
    input: {
      checks: [{ name: 'alive', type: 'http', port: 1, headers: [{ name: 'Host', value: 'a' }], grace_period: 1000 }],
    },
    machine: {
      checks: {
        alive: { type: 'http', port: 1, headers: [{ name: 'Host', values: ['a'] }], grace_period: '1s' },
      },
    },
  },
  {
    row: '3.3 check headers',
    flyctl: 'patches.go _patchCheckHeaders',
    says: 'a header in a list needs a name',
    input: { services: [{ ...served, http_checks: [{ headers: [{ value: 'x' }] }] }] },
    errors: [['services[0].http_checks[0].headers[0]', /a table with a name/]],
  },
  {
    row: '3.3 checks list',
    flyctl: 'patches.go patchTopLevelChecks',
    says: 'a list with names',
    input: { checks: [{ name: 'alive', type: 'tcp', port: 5, interval: 5000 }] },
    machine: { checks: { alive: { type: 'tcp', port: 5, interval: '5s' } } },
  },
  {
    row: '3.3 checks list',
    flyctl: 'patches.go patchTopLevelChecks',
    says: 'one without a name is refused; none is none',
    input: { checks: [{ type: 'tcp', port: 5 }] },
    errors: [['checks[0]', /a table with a name, found a table/]],
  },
  {
    row: '3.3 checks list',
    flyctl: 'patches.go patchTopLevelChecks, which makes a map of the list',
    says: 'of two with one name the later counts; of headers too',
    input: {
      checks: [
        { name: 'a', type: 'tcp', port: 1 },
        {
          name: 'a',
          type: 'http',
          port: 1,
          headers: [
            { name: 'H', value: '1' },
            { name: 'H', value: '2' },
          ],
        },
      ],
    },
    machine: { checks: { a: { type: 'http', port: 1, headers: [{ name: 'H', values: ['2'] }] } } },
    warnings: [
      ['checks[0]', /no effect: checks\[1\] has the same name/],
      ['checks[1].headers[0]', /no effect: checks\[1\].headers\[1\] has the same name/],
    ],
  },
  { row: '3.3 checks list', says: 'checks = []', input: { checks: [] }, machine: {} },
  {
    row: '3.5 checks',
    flyctl: 'machines.go updateMachineConfig',
    says: 'the port is http_service’s where none is named; methods in capitals; headers in order',
    input: {
      http_service: { internal_port: 8080 },
      checks: { alive: { type: 'http', method: 'get', headers: { z: '1', a: '2' } } },
    },
    machine: {
      services: [web],
      checks: {
        alive: {
          type: 'http',
          port: 8080,
          method: 'GET',
          headers: [
            { name: 'a', values: ['2'] },
            { name: 'z', values: ['1'] },
          ],
        },
      },
    },
  },
  {
    row: '3.5 checks',
    flyctl: 'machines.go updateMachineConfig',
    says: 'a group without an http_service has no port to give',
    input: {
      processes: { app: '', worker: '' },
      http_service: { internal_port: 8080, processes: ['app'] },
      checks: { alive: { type: 'tcp', processes: ['worker'] } },
    },
    errors: [['checks.alive', /no port and its process group no http_service/]],
  },
  {
    row: '3.7 check times',
    says: 'a check that may take no time',
    input: { checks: { a: { type: 'tcp', port: 1, timeout: '0s' } } },
    machine: { checks: { a: { type: 'tcp', port: 1, timeout: '0s' } } },
    warnings: [['checks.a.timeout', /may take no time may never pass/]],
  },
  {
    row: '3.7 check times',
    says: 'a check without type',
    input: { checks: { a: { port: 1 } } },
    errors: [['checks.a', /needs a type/]],
  },
  {
    row: '3.7 check times',
    says: 'a check of another type',
    input: { checks: { a: { port: 1, type: 'script' } } },
    errors: [['checks.a.type', /http or tcp, found "script"/]],
  },
  {
    row: '3.7 check times',
    says: 'a check interval under 2 s',
    input: { checks: { a: { port: 1, type: 'tcp', interval: 1999 } } },
    errors: [['checks.a.interval', /at least 2s, found 1.999s/]],
  },
  {
    row: '3.7 check times',
    says: 'a check timeout over 60 s',
    input: { checks: { a: { port: 1, type: 'tcp', timeout: '61s' } } },
    errors: [['checks.a.timeout', /at most 1m0s/]],
  },
  {
    row: '3.7 check times',
    flyctl: 'validation.go validateChecksSection',
    says: 'the bounds themselves are taken',
    input: { checks: { a: { port: 1, type: 'tcp', interval: '2s', timeout: '60s' } } },
    machine: { checks: { a: { port: 1, type: 'tcp', interval: '2s', timeout: '1m0s' } } },
  },
  {
    row: '3.7 check times',
    flyctl: 'validation.go validateSingleServiceCheckDuration',
    says: 'those of a service may be any: Fly moves them into its bounds, but for a grace period of 0',
    input: {
      services: [
        {
          ...http,
          ports: [{ port: 1 }],
          tcp_checks: [{ interval: 500, timeout: '2m', grace_period: 0 }],
          http_checks: [{ interval: '1s', timeout: '1m', grace_period: '10ms' }],
        },
      ],
    },
    machine: {
      services: [
        {
          ...http,
          ports: [{ port: 1 }],
          checks: [
            { type: 'tcp', interval: '500ms', timeout: '2m0s', grace_period: '0s' },
            { type: 'http', interval: '1s', timeout: '1m0s', grace_period: '10ms' },
          ],
        },
      ],
    },
    warnings: [
      ['services[0].tcp_checks[0].interval', /Fly raises 500ms to 1s/],
      ['services[0].tcp_checks[0].timeout', /Fly lowers 2m0s to 1m0s/],
      ['services[0].http_checks[0].grace_period', /Fly raises 10ms to 1s/],
    ],
  },
  {
    row: '3.7 check times',
    says: 'a duration that is none',
    input: { kill_timeout: 'soon' },
    errors: [['kill_timeout', /expected a duration.*"soon"/]],
  },
];
