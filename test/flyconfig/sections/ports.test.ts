import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../src/model/base/json.ts';
import { mapped } from '../mapping.ts';

const http = { internal_port: 8080 };
const two = { processes: { app: 'a', web: 'b' } };
const open = (internal: number, ...ports: readonly JsonObject[]): JsonObject => ({ internal_port: internal, ports });
const only = (group: string, internal: number): JsonObject => ({ ...open(internal, { port: 5 }), processes: [group] });
const tcp = (port: number): JsonObject => ({ type: 'tcp', port });
const secondPort = 'services[1].ports[0]';

describe('warned of', () => {
  test.each([
    ['a port of two services', { services: [open(8080, { port: 443 }), open(9090, { port: 443 })] }, [secondPort]],
    ['a port of http_service', { http_service: http, services: [open(9090, { port: 80 })] }, ['services[0].ports[0]']],
    ['a port twice in one service', { services: [open(8080, { port: 5 }, { port: 5 })] }, ['services[0].ports[1]']],
    [
      'a port within a range',
      { services: [open(8080, { start_port: 1, end_port: 9 }), open(1, { port: 9 })] },
      [secondPort],
    ],
    [
      'ranges that overlap, the wider one first',
      { services: [open(1, { start_port: 10, end_port: 99 }), open(2, { port: 20 }), open(3, { port: 98 })] },
      [secondPort, 'services[2].ports[0]'],
    ],
    [
      'a port of two services in one of their groups',
      {
        ...two,
        services: [
          { ...open(1, { port: 5 }), processes: ['app', 'web'] },
          { ...open(2, { port: 5 }), processes: ['web'] },
        ],
      },
      [secondPort],
    ],
    ['a check where no service listens', { http_service: http, checks: { up: tcp(8081) } }, ['checks.up.port']],
  ] as const)('%s', (_what, input, paths) => {
    const { notes } = mapped(input);
    expect(notes.map((note) => [note.severity, note.path])).toEqual(paths.map((path) => ['warning', path]));
  });

  test('a port that is open already is named with where', () => {
    const { notes } = mapped({ http_service: http, services: [open(9090, { start_port: 400, end_port: 500 })] });
    expect(notes.map(({ message }) => message)).toEqual(['http_service opens tcp port 443 for the same process group']);
  });
});

describe('nothing to say of', () => {
  test.each([
    ['one port for each of two groups', { ...two, services: [only('app', 1), only('web', 2)] }],
    ['one port for tcp and udp', { services: [open(1, { port: 53 }), { ...open(1, { port: 53 }), protocol: 'udp' }] }],
    ['ranges side by side', { services: [open(1, { start_port: 1, end_port: 4 }), open(2, { port: 5 })] }],
    ['a check of a group without services', { ...two, services: [only('web', 1)], checks: { up: tcp(9000) } }],
    [
      'a check beside a udp service',
      { services: [{ ...open(9, { port: 9 }), protocol: 'udp' }], checks: { up: tcp(9000) } },
    ],
    ['a check of the port of metrics', { http_service: http, metrics: [{ port: 9091 }], checks: { up: tcp(9091) } }],
    [
      'a check where a service listens',
      { http_service: http, services: [open(90, { port: 90 })], checks: { up: tcp(90) } },
    ],
    ['a build target in a Dockerfile', { build: { dockerfile: 'Dockerfile', 'build-target': 'web', compression: '' } }],
  ] as const)('%s', (_what, input) => {
    expect(mapped(input).notes).toEqual([]);
  });
});
