import { assert, integer, property } from '../../property.ts';
import { describe, expect, test } from 'vitest';
import { canonicalConfig } from '../../../simulator/machines/canonical-config.ts';
import { formatDuration, parseDuration } from '../../../simulator/wire/duration.ts';
import { Refusal } from '../../../simulator/wire/replies.ts';
import { image, platform } from '../platform.ts';

const service = (fields: object) => ({ services: [{ internal_port: 8080, ...fields }] });
const serviceCheck = (fields: object) => service({ checks: [{ type: 'http', ...fields }] });
const topCheck = (fields: object) => ({ checks: { alive: { type: 'tcp', ...fields } } });

describe('what is read back', () => {
  test('of a bare image: defaults filled in', async () => {
    const { machine } = await platform();
    expect((await machine({ config: { image } })).config).toEqual({
      image,
      dns: {},
      init: { exec: null, entrypoint: null, cmd: null },
      guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 256 },
      restart: { policy: 'on-failure', max_retries: 10 },
    });
  });

  test.each([
    ['autostop off', service({ autostop: 'off' }), service({ autostop: false })],
    ['autostop false', service({ autostop: false }), service({ autostop: false })],
    ['autostop stop', service({ autostop: 'stop' }), service({ autostop: true })],
    ['autostop true', service({ autostop: true }), service({ autostop: true })],
    ['autostop suspend', service({ autostop: 'suspend' }), service({ autostop: 'suspend' })],
    ['a long duration', serviceCheck({ interval: '60s' }), serviceCheck({ interval: '1m0s' })],
    ['nanoseconds', serviceCheck({ timeout: 2_000_000_000 }), serviceCheck({ timeout: '2s' })],
    ['a short service interval', serviceCheck({ interval: '500ms' }), serviceCheck({ interval: '1s' })],
    ['a long service interval', serviceCheck({ interval: '5m' }), serviceCheck({ interval: '1m0s' })],
    ['a long service timeout', serviceCheck({ timeout: '90s' }), serviceCheck({ timeout: '1m0s' })],
    ['a grace period', serviceCheck({ grace_period: '90s' }), serviceCheck({ grace_period: '1m30s' })],
    ['a short top-level interval', topCheck({ interval: '1s' }), topCheck({ interval: '2s' })],
    ['a long top-level interval', topCheck({ interval: '5m' }), topCheck({ interval: '5m0s' })],
    ['a long top-level timeout', topCheck({ timeout: '2m' }), topCheck({ timeout: '1m0s' })],
    [
      'a kill timeout',
      { stop_config: { timeout: '120s', signal: 'SIGINT' } },
      { stop_config: { timeout: '2m0s', signal: 'SIGINT' } },
    ],
    ['a size', { size: 'performance-2x' }, { guest: { cpu_kind: 'performance', cpus: 2, memory_mb: 4096 } }],
    [
      'a size and memory',
      { guest: { size: 'shared-cpu-2x', memory_mb: 1024 } },
      { guest: { cpu_kind: 'shared', cpus: 2, memory_mb: 1024 } },
    ],
    ['CPUs alone', { guest: { cpus: 4 } }, { guest: { cpu_kind: 'shared', cpus: 4, memory_mb: 1024 } }],
    ['a restart policy', { restart: { policy: 'always' } }, { restart: { policy: 'always' } }],
    [
      'retries',
      { restart: { policy: 'on-failure', max_retries: 3 } },
      { restart: { policy: 'on-failure', max_retries: 3 } },
    ],
    [
      'a file',
      { files: [{ guest_path: '/a', raw_value: 'YQ==' }] },
      { files: [{ guest_path: '/a', raw_value: 'YQ==' }] },
    ],
    ['an unknown field', { future: { a: [] } }, { future: { a: [] } }],
    ['init', { init: { cmd: ['run'] } }, { init: { exec: null, entrypoint: null, cmd: ['run'] } }],
    [
      'idle timeout',
      service({ ports: [{ port: 80, http_options: { idle_timeout: 60e9 } }] }),
      service({ ports: [{ port: 80, http_options: { idle_timeout: '1m0s' } }] }),
    ],
  ])('%s', (_what, sent, expected) => {
    const read = canonicalConfig({ image, ...sent });
    expect(read).toMatchObject(expected);
    expect(canonicalConfig(read), 'once is enough').toEqual(read);
  });

  test('empty lists go missing or turn null', () => {
    const read = canonicalConfig({
      image,
      mounts: [],
      files: [],
      services: [{ internal_port: 1, ports: [], checks: [] }],
    });
    expect(read).not.toHaveProperty('mounts');
    expect(read).not.toHaveProperty('files');
    expect(read.services).toEqual([{ internal_port: 1, protocol: 'tcp', ports: null, checks: null }]);
    expect(canonicalConfig({ image, services: [] })).not.toHaveProperty('services');
  });

  test.each([
    ['a restart policy', { restart: { policy: 'sometimes' } }],
    ['an autostop', service({ autostop: 'maybe' })],
    ['a protocol', service({ protocol: 'http' })],
    ['a cpu_kind', { guest: { cpu_kind: 'quantum' } }],
    ['a stop of over five minutes', { stop_config: { timeout: '5m1s' } }],
    ['a container’s stop of over five minutes', { containers: [{ name: 'a', stop: { timeout: '6m' } }] }],
    ['a duration below nothing', serviceCheck({ interval: '-1s' })],
  ])('%s it does not know is refused', (_what, sent) => {
    expect(() => canonicalConfig({ image, ...sent })).toThrow(Refusal);
  });
});

describe('durations', () => {
  test.each([
    ['15s', '15s'],
    ['60s', '1m0s'],
    ['1h', '1h0m0s'],
    ['90m', '1h30m0s'],
    ['1.5s', '1.5s'],
    ['1500ms', '1.5s'],
    ['250ms', '250ms'],
    ['0s', '0s'],
    [15_000_000_000, '15s'],
    [1, '1ns'],
    [1500, '1.5µs'],
  ])('%s is %s', (sent, expected) => {
    expect(formatDuration(parseDuration(sent) ?? Number.NaN)).toBe(expected);
  });

  test.each(['', '5', 's', '5 s', '1d', 'soon', null, {}])('%j is none', (sent) => {
    expect(parseDuration(sent)).toBeUndefined();
  });

  test('the canonical form means the same', () => {
    assert(
      property(integer({ min: 0, max: 300 * 3600 }), integer({ min: 0, max: 999 }), (seconds, millis) => {
        const nanoseconds = seconds * 1e9 + millis * 1e6;
        expect(parseDuration(formatDuration(nanoseconds))).toBe(nanoseconds);
      }),
    );
  });
});

test('a rewriting that nobody told the controller of is made at each write and seen by no metadata patch', async () => {
  const { call, clock, look, machine, world } = await platform();
  const config = { image, ...service({}) };
  world.rewrites.add({ path: 'services.0.force_instance_description', value: 'ours' });
  world.rewrites.add({ path: 'services.7.force_instance_description', value: 'ours' });
  world.rewrites.add({ path: 'metadata.platform', value: 'yes' });
  world.rewrites.add({ path: 'init.cmd', value: undefined });
  const { id, ...made } = await machine({ config });
  expect(made.config.services).toEqual([{ internal_port: 8080, protocol: 'tcp', force_instance_description: 'ours' }]);
  expect(made.config.metadata).toEqual({ platform: 'yes' });
  expect(made.config.init).toEqual({ exec: null, entrypoint: null });
  await call('PATCH', `/apps/shop/machines/${id}/metadata`, { metadata: { platform: null } });
  expect((await look(id)).config.metadata).toEqual({});
  await call('POST', `/apps/shop/machines/${id}`, { config });
  await clock.sleep(3000);
  expect((await look(id)).config.metadata).toEqual({ platform: 'yes' });
  expect((await call('GET', `/apps/shop/machines/${id}/versions`)).body[0].user_config).toEqual(config);
  world.rewrites.clear();
  await call('POST', `/apps/shop/machines/${id}`, { config });
  expect((await look(id)).config).not.toHaveProperty('metadata');
  expect(() => world.rewrites.add({ path: '__proto__.polluted', value: 1 })).toThrow(RangeError);
});
