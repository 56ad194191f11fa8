import { expect, test } from 'vitest';
import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import { fieldChanges, withoutKept } from '../../../src/flyconfig/live/changes.ts';
import { base64 } from '../mapping.ts';

const from: MachineConfig = {
  env: { A: '1', 'B.C': 'x', GONE: 'y', constructor: 'z' },
  guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 256 },
  services: [
    {
      protocol: 'tcp',
      internal_port: 8080,
      ports: [
        { port: 80, handlers: ['http'] },
        { port: 443, handlers: ['tls', 'http'] },
      ],
      checks: [{ type: 'http', path: '/', interval: '10s' }],
    },
    { protocol: 'udp', internal_port: 53 },
  ],
  checks: { alive: { type: 'tcp', port: 1, interval: '5s' } },
  files: [{ guest_path: '/etc/app.conf', raw_value: base64('password=one') }],
  mounts: [{ name: 'data', path: '/data', volume: 'vol_1' }],
  init: { cmd: ['a', 'b'] },
};

const to: MachineConfig = {
  ...from,
  env: { A: '2', 'B.C': 'y', NEW: 'n', constructor: 'z' },
  guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 512 },
  services: [
    {
      protocol: 'tcp',
      internal_port: 8080,
      autostop: 'stop',
      ports: [
        { start_port: 8000, end_port: 8100 },
        { port: 443, handlers: ['tls'] },
        { port: 80, handlers: ['http'] },
      ],
      checks: [{ type: 'http', path: '/health', interval: '10s' }],
    },
  ],
  checks: { alive: { type: 'tcp', port: 1, interval: '7s' } },
  files: [{ guest_path: '/etc/app.conf', raw_value: base64('password=two') }],
  mounts: [{ name: 'data', path: '/data', volume: 'vol_2', add_size_gb: 1 }],
  init: { cmd: ['a', 'c', 'd'] },
  restart: { policy: 'always' },
};

test('each change has a path in wire names, with items by key', () => {
  const changes = fieldChanges(from, to);
  const shown = changes.map((change) => [change.path, change.from, change.to]);
  const content: unknown = expect.stringMatching(/^content [0-9a-f]{12}$/);
  expect(shown).toEqual([
    ['checks.alive.interval', '5s', '7s'],
    ['env.A', '1', '2'],
    ['env.GONE', 'y', undefined],
    ['env.NEW', undefined, 'n'],
    ['env["B.C"]', 'x', 'y'],
    ['files[/etc/app.conf].raw_value', content, content],
    ['guest.memory_mb', 256, 512],
    ['init.cmd', ['a', 'b'], ['a', 'c', 'd']],
    ['mounts[/data].add_size_gb', undefined, 1],
    ['restart.policy', undefined, 'always'],
    ['services[tcp/8080].autostop', undefined, 'stop'],
    ['services[tcp/8080].checks[http].path', '/', '/health'],
    ['services[tcp/8080].ports[443].handlers', ['http', 'tls'], ['tls']],
    ['services[tcp/8080].ports[8000-8100]', undefined, { start_port: 8000, end_port: 8100 }],
    ['services[udp/53]', { protocol: 'udp', internal_port: 53 }, undefined],
  ]);
  expect(JSON.stringify(changes)).not.toContain(base64('password=two'));
});

test('from nothing, every field is new; a file’s content is never shown', () => {
  const changes = fieldChanges({}, { env: { A: '1' }, files: from.files ?? [], services: from.services ?? [] });
  expect(changes.map((change) => change.path)).toEqual([
    'env.A',
    'files[/etc/app.conf]',
    'guest.cpu_kind',
    'guest.cpus',
    'guest.memory_mb',
    'services[tcp/8080]',
    'services[udp/53]',
  ]);
  expect(changes.at(-2)?.to).toMatchObject({ ports: [{ port: 443 }, { port: 80 }] });
  expect(JSON.stringify(changes)).not.toContain(base64('password=one'));
});

test('order and older forms are no change', () => {
  const services = [...(from.services ?? [])].toReversed();
  expect(fieldChanges(from, { ...from, services, init: { ...from.init, tty: false } })).toEqual([]);
});

test('two services on one port are told apart', () => {
  const service = { protocol: 'tcp', internal_port: 80 };
  const both = { services: [service, { ...service, autostart: false }] };
  expect(fieldChanges(both, { services: [service] })).toHaveLength(2);
  expect(fieldChanges({ services: [service] }, both).map((change) => change.path)).toContain('services[tcp/80#2]');
  expect(fieldChanges(both, { services: both.services.toReversed() })).toEqual([]);
});

test('what the platform keeps is taken out, and what lies inside it', () => {
  const changes = fieldChanges(from, to);
  const left = withoutKept(changes, ['env.A', 'services[tcp/8080]', 'checks.alive', 'guest.mem']);
  expect(left.map((change) => change.path)).toEqual([
    'env.GONE',
    'env.NEW',
    'env["B.C"]',
    'files[/etc/app.conf].raw_value',
    'guest.memory_mb',
    'init.cmd',
    'mounts[/data].add_size_gb',
    'restart.policy',
    'services[udp/53]',
  ]);
  expect(withoutKept(changes, [])).toEqual(changes);
});
