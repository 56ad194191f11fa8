import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/model/base/json.ts';
import { missingRegion, strangeRegion } from '../../src/flyconfig/reading/regions.ts';
import { mapped } from './mapping.ts';

const http = { internal_port: 8080 };

const notYet: readonly (readonly [string, JsonObject])[] = [
  ['machine_checks', { machine_checks: [{ command: ['x'] }] }],
  ['http_service.machine_checks', { http_service: { ...http, machine_checks: [{ command: ['x'] }] } }],
  ['services[0].machine_checks', { services: [{ ...http, machine_checks: [{ command: ['x'] }] }] }],
  ['build.compose', { build: { compose: {} } }],
  ['experimental.enable_consul', { experimental: { enable_consul: true } }],
  ['experimental.enable_etcd', { experimental: { enable_etcd: true } }],
  ['deploy.seed_command', { deploy: { seed_command: 'seed' } }],
  ['deploy.strategy', { deploy: { strategy: 'bluegreen' } }],
];

describe('refused, with the place', () => {
  test.each(notYet)('%s is not supported yet', (path, input) => {
    expect(mapped(input).notes).toContainEqual(
      expect.objectContaining({
        severity: 'error',
        path,
        message: expect.stringContaining('not supported yet') as string,
      }),
    );
  });

  test.each(['canary', 'bluegreen'])('%s would need the volumes that are in use', (strategy) => {
    const { notes } = mapped({ deploy: { strategy }, mount: { source: 'a', destination: '/a' } });
    expect(notes).toMatchObject([
      { severity: 'error', path: 'deploy.strategy', message: expect.stringContaining('hold the volumes') as string },
    ]);
  });

  test('what says nothing of an unsupported field is fine', () => {
    const input = { machine_checks: [], experimental: { enable_consul: false }, deploy: {} };
    expect(mapped(input).notes).toEqual([]);
  });
});

test.each<[string, JsonObject, string | undefined]>([
  ['a port in quotes', { http_service: { internal_port: '8080' } }, 'write it without quotes'],
  ['a port in words', { http_service: { internal_port: 'http' } }, undefined],
  ['a switch in quotes', { http_service: { ...http, force_https: 'true' } }, 'write it without quotes'],
  ['a number without quotes', { console_command: 5 }, 'put it in quotes'],
  ['one group without brackets', { http_service: { ...http, processes: 'app' } }, 'put it in brackets'],
  ['one table', { restart: { policy: 'always' } }, 'a list of one, in TOML by double brackets'],
])('%s: the hint says how it is written', (_what, input, hint) => {
  const errors = mapped(input).notes.filter(({ severity }) => severity === 'error');
  expect(errors.map((note) => note.hint)).toEqual([hint]);
});

describe('warned of', () => {
  test.each([
    [
      'a service check that Fly clamps',
      { http_service: { ...http, checks: [{ interval: '500ms', timeout: '2m' }] } },
      ['http_service.checks[0].interval', 'http_service.checks[0].timeout'],
    ],
  ] as const)('%s', (_what, input, paths) => {
    const { notes } = mapped(input);
    expect(notes.map((note) => [note.severity, note.path])).toEqual(paths.map((path) => ['warning', path]));
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

test.each([
  ['yyx', 'did you mean yyz?'],
  ['anr', 'did you mean arn?'],
  ['ARN', 'did you mean arn?'],
  [' Arn\n', 'did you mean arn?'],
  ['ANR', 'did you mean arn?'],
  ['moon', 'fly platform regions lists them'],
  ['bos', 'ewr (Secaucus, NJ (US)) is the nearest that is left'],
  ['sea', 'sjc (San Jose, California (US)) is the nearest that is left'],
  ['mad', 'cdg (Paris, France) is the nearest that is left'],
  ['eze', 'gru (Sao Paulo, Brazil) is the nearest that is left'],
  ['yul', 'yyz (Toronto, Canada) is the nearest that is left'],
  ['constructor', 'fly platform regions lists them'],
  ['arn', undefined],
])('a region that nobody knows: %s', (region, hint) => {
  expect(strangeRegion(region)?.hint).toBe(hint);
});

describe('a region that Fly, asked for its regions, does not have', () => {
  const listed = [
    { code: 'ams', name: 'Amsterdam', latitude: 52.4, longitude: 4.9 },
    { code: 'fij', name: 'Suva', latitude: -18, longitude: 178 },
    { code: 'hnl', latitude: 21, longitude: -158 },
    { code: 'bom', name: 'Mumbai', deprecated: true },
    { code: 'new', deprecated: true },
  ];

  test.each([
    ['ams', undefined, undefined],
    ['fij', undefined, undefined],
    ['arn', 'Fly has retired the region arn (Stockholm, Sweden)', 'ams (Amsterdam) is the nearest that is left'],
    ['bom', 'Fly has retired the region bom (Mumbai)', 'ams (Amsterdam) is the nearest that is left'],
    // Across the date line.
    ['syd', 'Fly has retired the region syd (Sydney, Australia)', 'fij (Suva) is the nearest that is left'],
    ['sea', 'Fly has retired the region sea (Seattle, Washington (US))', 'hnl is the nearest that is left'],
    ['new', 'Fly has retired the region new', 'fly platform regions lists them'],
    ['asm', 'Fly has no region called "asm"', 'did you mean ams?'],
    ['toString', 'Fly has no region called "toString"', 'fly platform regions lists them'],
  ])('%s', (region, message, hint) => {
    const missing = missingRegion(region, listed);
    expect([missing?.message, missing?.hint]).toEqual([message, hint]);
  });
});
