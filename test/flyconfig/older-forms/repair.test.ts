import { expect, test } from 'vitest';
import { repairFlyConfig } from '../../../src/flyconfig/older-forms/repair.ts';
import type { JsonObject } from '../../../src/model/base/json.ts';

test('the input is left as it was', () => {
  const input = { mount: { source: 'a', initial_size: 3 }, env: { A: 1 } };
  const before = structuredClone(input);
  repairFlyConfig(input);
  expect(input).toEqual(before);
});

test('what is no older form is left for the mapping to refuse', () => {
  const config = { env: 5, processes: 'web', services: true, files: { guest_path: '/a' } };
  expect(repairFlyConfig({ ...config, compute: 7 }).config).toEqual({ ...config, vm: [7] });
});

test('keys that Fly does not read are kept, with a warning at their place', () => {
  const input = {
    http_service: { internal_port: 8080, handlers: ['http'], force_htps: true },
    services: [
      { internal_port: 1, script_checks: [], tcp_checks: [{ restart_limit: 6 }], ports: [{ port: 1, protocol: 'x' }] },
    ],
    compute: { memry: '1gb' },
    checks: { alive: { type: 'tcp', prot: 80 } },
    experimental: { auto_rollback: true },
    surprise: { a: 1 },
  };
  const { config, notes } = repairFlyConfig(input);
  expect(config['surprise']).toEqual({ a: 1 });
  expect(notes.every((note) => note.severity === 'warning')).toBe(true);
  expect(notes.map(({ path, hint }) => [path, hint])).toEqual([
    ['http_service.handlers', 'http_service has its own: use [[services]]'],
    ['http_service.force_htps', 'did you mean force_https?'],
    ['services[0].tcp_checks[0].restart_limit', 'remove it'],
    ['services[0].ports[0].protocol', 'remove it'],
    ['compute.memry', 'did you mean memory?'],
    ['checks.alive.prot', 'did you mean port?'],
    ['experimental.auto_rollback', 'remove it'],
    ['surprise', undefined],
  ]);
});

test('names that are also names of JavaScript are data', () => {
  const input = JSON.parse('{"env": {"__proto__": "a", "constructor": "b"}, "toString": {"x": 1}}') as JsonObject;
  const { config } = repairFlyConfig(input);
  expect(JSON.stringify(config)).toBe(JSON.stringify(input));
});
