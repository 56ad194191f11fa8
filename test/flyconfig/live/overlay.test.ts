import * as fc from '../../property.ts';
import { describe, expect, test } from 'vitest';
import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import { namedFields } from '../../../src/flyconfig/live/named.ts';
import { overlay } from '../../../src/flyconfig/live/overlay.ts';
import { settle } from '../../../src/flyconfig/live/settle.ts';
import { machineConfig } from '../generated.ts';

const live: MachineConfig = {
  image: 'nginx:1@sha256:a',
  env: { removed: 'by-update' },
  init: { cmd: ['old'], exec: ['old'], swap_size_mb: 256, tty: true, kernel_args: ['quiet'] },
  guest: { cpu_kind: 'performance', cpus: 2, memory_mb: 4096 },
  metadata: { retain: 'propagated', fly_process_group: 'app' },
  services: [{ protocol: 'tcp', internal_port: 1 }],
  checks: { old: { type: 'tcp', port: 1 } },
  metrics: { port: 9 },
  statics: [{ guest_path: '/a', url_prefix: '/' }],
  files: [{ guest_path: '/a', raw_value: 'eA==' }],
  mounts: [{ volume: 'vol_1', name: 'data', path: '/old', size_gb: 3, encrypted: true }],
  stop_config: { signal: 'SIGTERM' },
  restart: { policy: 'always' },
  schedule: 'daily',
  auto_destroy: true,
  dns: { skip_registration: true },
  rootfs: { persist: 'always' },
  processes: [{ cmd: ['x'] }],
  containers: [{ name: 'c' }],
};

test('a config that says nothing removes what a fly config can say and keeps the rest', () => {
  expect(overlay({ env: { FLY_PROCESS_GROUP: 'app' } }, live)).toEqual({
    image: 'nginx:1@sha256:a',
    env: { FLY_PROCESS_GROUP: 'app' },
    init: { tty: true, kernel_args: ['quiet'] },
    guest: live.guest,
    metadata: live.metadata,
    schedule: 'daily',
    auto_destroy: true,
    dns: { skip_registration: true },
    rootfs: { persist: 'always' },
    processes: [{ cmd: ['x'] }],
    containers: [{ name: 'c' }],
  });
});

test('what the config says replaces what the machine has', () => {
  const desired: MachineConfig = {
    env: { A: '1' },
    init: { cmd: ['new'] },
    guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 512 },
    metadata: { team: 'x' },
    services: [{ protocol: 'udp', internal_port: 2 }],
    mounts: [{ name: 'data', path: '/data', add_size_gb: 1 }],
    schedule: 'hourly',
  };
  expect(overlay(desired, live)).toMatchObject({
    ...desired,
    init: { cmd: ['new'], tty: true },
    metadata: { retain: 'propagated', team: 'x' },
    mounts: [{ name: 'data', path: '/data', add_size_gb: 1, volume: 'vol_1' }],
  });
  expect(overlay(desired, live)).not.toHaveProperty('checks');
  expect(overlay(desired, live).init).not.toHaveProperty('exec');
});

describe('mounts', () => {
  const desired: MachineConfig = { mounts: [{ name: 'data', path: '/data', add_size_gb: 1 }] };
  test('another name has no volume yet', () => {
    const other = { mounts: [{ volume: 'vol_1', name: 'logs', path: '/data' }] };
    expect(overlay(desired, other).mounts).toEqual(desired.mounts);
  });
  test('a mount without a name keeps its volume and its path', () => {
    const unnamed = { mounts: [{ volume: 'vol_1', path: '/here' }] };
    expect(overlay(desired, unnamed).mounts).toEqual([{ volume: 'vol_1', path: '/here', add_size_gb: 1 }]);
  });
});

test('a new machine gets Fly’s default size where none is named', () => {
  expect(overlay({ env: {} }, undefined)).toEqual({ guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 256 } });
  expect(overlay({ guest: { cpus: 2 } }, undefined)).toEqual({ guest: { cpus: 2 } });
});

test('a standby stays one, and becomes an ordinary machine once its group has services', () => {
  const standby: MachineConfig = { standbys: ['m1'], env: { FLY_STANDBY_FOR: 'm1', A: '1' } };
  expect(overlay({ env: { A: '2' } }, standby)).toEqual({ standbys: ['m1'], env: { FLY_STANDBY_FOR: 'm1', A: '2' } });
  const served = overlay({ env: { A: '2' }, services: [{ internal_port: 1 }] }, standby);
  expect(served).toEqual({ env: { A: '2' }, services: [{ internal_port: 1 }] });
});

test('neither side is touched, and laying over twice is laying over once', () => {
  fc.assert(
    fc.property(machineConfig, fc.option(machineConfig, { nil: undefined }), (any, found) => {
      // A machine mounts one volume at most, and the mapping gives no more.
      const desired = { ...any, mounts: (any.mounts ?? []).slice(0, 1) };
      const before = structuredClone([desired, found]);
      const once = overlay(desired, found);
      expect(settle(overlay(desired, once))).toEqual(settle(once));
      expect([desired, found]).toEqual(before);
    }),
  );
});

describe('what git named once and names no longer', () => {
  const stamped = (config: MachineConfig, named: readonly string[]): MachineConfig => ({
    ...config,
    metadata: { ...config.metadata, flycd_named: JSON.stringify(named) },
  });

  test.each([
    ['a field', ['schedule'], 'schedule', undefined],
    ['a field that it names still', ['dns'], 'dns', { hostname: 'a' }],
    ['a field of init', ['init.tty'], 'init', { kernel_args: ['quiet'] }],
    ['metadata', ['metadata.retain'], 'metadata', { fly_process_group: 'app', flycd_named: '["metadata.retain"]' }],
    ['a field that a fly config says', ['guest', 'env', 'image'], 'guest', live.guest],
    ['metadata of tools', ['metadata.fly_process_group'], 'metadata', { fly_process_group: 'app' }],
    ['what is no path of a field', ['', '__proto__', 'init.'], 'schedule', 'daily'],
  ])('%s', (_what, named, field, expected) => {
    const found = overlay({ env: {}, dns: { hostname: 'a' } }, stamped(live, named))[field];
    if (expected === undefined) expect(found).toBeUndefined();
    else expect(found).toMatchObject(expected as object);
  });

  test.each(['', '{', '{"schedule":1}', '[1,null]'])('the stamp %j names nothing', (stamp) => {
    const marked = { ...live, metadata: { ...live.metadata, flycd_named: stamp } };
    expect(overlay({ env: {} }, marked)).toEqual({ ...overlay({ env: {} }, live), metadata: marked.metadata });
  });

  const kept = fc.subarray(['schedule', 'dns', 'rootfs', 'processes', 'containers', 'cache_drive']);
  test('goes; what it names is exact, what it never named stays', () => {
    fc.assert(
      fc.property(kept, kept, kept, (byHand, before, now) => {
        const config = (fields: readonly string[], value: string): MachineConfig =>
          Object.fromEntries(fields.map((field) => [field, { value }]));
        const machine = overlay(config(before, 'before'), config(byHand, 'hand'));
        const after = overlay(config(now, 'now'), stamped(machine, namedFields(config(before, ''))));
        const stays = byHand.filter((field) => !before.includes(field) && !now.includes(field));
        const expected = { ...config(stays, 'hand'), ...config(now, 'now') };
        expect(
          Object.fromEntries(Object.entries(after).filter(([key]) => key !== 'guest' && key !== 'metadata')),
        ).toEqual(expected);
      }),
    );
  });
});
