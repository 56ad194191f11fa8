import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { appYaml, load, loadApp, said } from '../loading.ts';

const web = (more: string) => loadApp(appYaml('web', more));
const warnings = async (more: string) => said((await load({ 'app.yaml': appYaml('web', more) })).problems);

describe('volumes', () => {
  const mounts = 'mounts: [{ source: data, destination: /data }]\n';
  const data = {
    name: 'data',
    sizeGb: 1,
    count: 0,
    group: 'app',
    snapshotRetentionDays: undefined,
    scheduledSnapshots: undefined,
  };

  it.each([
    ['a mount makes its volume', mounts, [data]],
    [
      'size and number from volumes',
      `${mounts}volumes: [{ name: data, size_gb: 5, count: 3 }]\n`,
      [{ ...data, sizeGb: 5, count: 3 }],
    ],
    [
      'size from initial_size',
      'mounts: [{ source: data, destination: /data, initial_size: 3gb, snapshot_retention: 9, scheduled_snapshots: false }]\n',
      [{ ...data, sizeGb: 3, snapshotRetentionDays: 9, scheduledSnapshots: false }],
    ],
    [
      'size_gb beats it',
      'mounts: [{ source: data, destination: /data, initial_size: 3gb }]\nvolumes: [{ name: data, size_gb: 2 }]\n',
      [{ ...data, sizeGb: 2 }],
    ],
    [
      'one for each group that mounts it',
      'processes: { a: x, b: y }\nmounts: [{ source: data, destination: /data, processes: [a, b] }]\n',
      [
        { ...data, group: 'a' },
        { ...data, group: 'b' },
      ],
    ],
    [
      'an entry no mount uses stands alone',
      'volumes: [{ name: spare, size_gb: 2 }]\n',
      [{ ...data, name: 'spare', sizeGb: 2, count: 1, group: undefined }],
    ],
  ])('%s', async (_what, more, expected) => {
    expect((await web(more)).volumes).toStrictEqual(expected);
  });

  it('notes an entry that no mount uses, and a name with two entries', async () => {
    expect(
      await warnings(`${mounts}volumes: [{ name: spare }, { name: data }, { name: data, size_gb: 4 }]\n`),
    ).toStrictEqual([
      'app.yaml:6:19: warning: volumes[0].name: no mount uses the volume spare; it is created all the same (mounts[].source names it)',
      'app.yaml:6:44: warning: volumes[2]: data has two entries: the larger size and number count',
    ]);
  });
});

describe('network', () => {
  const address = { shared: false, private: false, region: undefined, network: undefined, org: undefined };

  it('is undefined where git does not say', async () => {
    expect((await web('')).network).toStrictEqual({ ips: undefined, autoPruneIps: false });
    expect((await web('network: { ips: [], auto_prune_ips: true }\n')).network).toStrictEqual({
      ips: [],
      autoPruneIps: true,
    });
  });

  it('auto_prune_ips says what it does not do without a list', async () => {
    expect(await warnings('network: { ips: [], auto_prune_ips: true }\n')).toStrictEqual([]);
    expect(await warnings('network: { auto_prune_ips: true }\n')).toStrictEqual([
      'app.yaml:5:28: warning: network.auto_prune_ips: releases nothing while ips lists nothing: FlyCD 0.x would have released every address (write ips: [] if that is meant, else the addresses that stay)',
    ]);
  });

  it('lists addresses', async () => {
    const more =
      'network:\n  ips:\n    - { v: v4, shared: true }\n    - { v: v4 }\n    - { v: v6, private: true, network: net, org: acme, region: ams }\n';
    expect((await web(more)).network.ips).toStrictEqual([
      { ...address, version: 'v4', shared: true },
      { ...address, version: 'v4' },
      { version: 'v6', shared: false, private: true, network: 'net', org: 'acme', region: 'ams' },
    ]);
  });

  it.each([
    ['{ v: v4, private: true }', 'private', 'expected no `private` for v4: only v6 addresses are private'],
    ['{ v: v4, network: n }', 'network', 'expected no `network` for v4: it is for v6 only'],
    ['{ v: v4, org: o }', 'org', 'expected no `org` for v4: it is for v6 only'],
    ['{ v: v4, region: arn }', 'region', 'expected no `region` for v4: it is for v6 only'],
    ['{ v: v6, shared: true }', 'shared', 'expected no `shared` for v6: only v4 addresses are shared'],
    ['{ v: ipv4 }', 'v', 'expected v4 or v6, found "ipv4"'],
  ])('refuses %s', async (ip, field, message) => {
    const [line] = await warnings(`network:\n  ips: [${ip}]\n`);
    expect(line).toContain(`error: network.ips[0].${field}: ${message}`);
  });

  it.each(['{ v: v4, private: false, network: null }', '{ v: v6, shared: false }'])('accepts %s', async (ip) => {
    expect(await warnings(`network:\n  ips: [${ip}]\n`)).toStrictEqual([]);
  });
});

describe('secrets', () => {
  const more =
    'secrets:\n  - { name: FROM_ENV, type: env }\n  - { name: OTHER, type: env, env: VARIABLE }\n  - { name: RAW, type: raw, raw: hunter2-canary }\n  - { name: NUMBER, type: raw, raw: 42 }\n';
  const environment = (name: string): string | undefined => ({ FROM_ENV: 'one', VARIABLE: 'two' })[name];

  it('name their origin, and their values are had on request only', async () => {
    const fleet = await load({ 'app.yaml': appYaml('web', more) }, { environment });
    expect(fleet.apps[0]?.secrets).toStrictEqual([
      { name: 'FROM_ENV', origin: { type: 'env', variable: 'FROM_ENV' } },
      { name: 'OTHER', origin: { type: 'env', variable: 'VARIABLE' } },
      { name: 'RAW', origin: { type: 'raw' } },
      { name: 'NUMBER', origin: { type: 'raw' } },
    ]);
    const values = ['FROM_ENV', 'OTHER', 'RAW', 'NUMBER', 'NONE'].map((name) =>
      fleet.secretValue('web', name)?.reveal(),
    );
    expect(values).toStrictEqual(['one', 'two', 'hunter2-canary', '42', undefined]);
    expect(fleet.secretValue('other', 'RAW')).toBeUndefined();
  });

  it('the environment is read when asked, so a rotated value is seen without a new load', async () => {
    let value: string | undefined;
    const fleet = await load({ 'app.yaml': appYaml('web', more) }, { environment: () => value });
    expect(fleet.secretValue('web', 'OTHER')).toBeUndefined();
    value = 'rotated';
    expect(fleet.secretValue('web', 'OTHER')?.reveal()).toBe('rotated');
  });

  it('stand nowhere else in the fleet', async () => {
    const fleet = await load({ 'app.yaml': appYaml('web', more) }, { environment });
    expect(JSON.stringify(fleet)).not.toContain('hunter2');
    expect(inspect(fleet, { depth: 20, showHidden: true })).not.toContain('hunter2');
  });

  it('move nothing that is stamped: a short one could be guessed from a hash', async () => {
    const [one, other] = [await web(more), await web(more.replace('hunter2', 'hunter3'))];
    expect(other.inputs).toBe(one.inputs);
    expect(other.groups[0]?.configVersion).toBe(one.groups[0]?.configVersion);
  });

  it('are in no problem either', async () => {
    const lines = await warnings(
      'secrets:\n  - { name: A, type: raw, raw: hunter2, rwa: hunter2 }\n  - { name: "1", type: hunter2 }\n  - "hunter2\n',
    );
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join('\n')).not.toContain('hunter2');
  });

  it('the later of two entries counts', async () => {
    const twice = 'secrets:\n  - { name: A, type: raw, raw: x }\n  - { name: A, type: env }\n';
    const fleet = await load({ 'app.yaml': appYaml('web', twice) });
    expect(fleet.apps[0]?.secrets).toStrictEqual([{ name: 'A', origin: { type: 'env', variable: 'A' } }]);
    expect(fleet.secretValue('web', 'A')).toBeUndefined();
  });
});
