/** An app as it was at an earlier version: from git's words at that commit, or from what its machines were sent. */
import { describe, expect, test } from 'vitest';
import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import type { DesiredApp, DesiredSource, DesiredVolume } from '../../../src/model/desired.ts';
import type { GoodVersion } from '../../../src/model/stamps/app-version.ts';
import { stampKeys } from '../../../src/model/stamps/keys.ts';
import { versionOf } from '../../../src/plan/target/app-version.ts';
import { snapshotOfGit, snapshotOfHistory, type GroupHistory } from '../../../src/plan/target/snapshot.ts';
import { desiredApp, digest, group, image, machine, now, owner } from '../builders.ts';

const colour = (value: string) => group({ config: { env: { COLOR: value } } });
const worker = (value: string) => group({ name: 'worker', config: { env: { COLOR: value } }, counts: { arn: 1 } });
const then = desiredApp({ groups: [colour('red'), worker('red')], inputs: 'i2:then' });
const today = desiredApp({
  groups: [{ ...colour('blue'), counts: { arn: 5 } }, worker('blue')],
  inputs: 'i2:now',
  releaseCommand: { command: './migrate', config: {}, timeoutSeconds: 300 },
  policy: { windows: [{ kind: 'deny', schedule: '0 9 * * 1', durationSeconds: 3600, timezone: 'UTC' }] },
});

function goodOf(app: DesiredApp, more: Partial<GoodVersion> = {}): GoodVersion {
  const version = versionOf({ desired: app, machines: [], fleet: owner, now, aheadMs: 0 });
  return { ...version, revision: 'a'.repeat(40), at: now, ...more };
}

/** What a machine of the group was sent: what is written after it is read back is not there yet. */
function sentTo(app: DesiredApp, name: string, more: Partial<MachineConfig> = {}): MachineConfig {
  const config = machine(app, { group: name }).config ?? {};
  const { [stampKeys.read]: _read, ...metadata } = config.metadata ?? {};
  return { ...config, image, metadata, ...more };
}

const historyOf = (...apps: readonly DesiredApp[]): readonly GroupHistory[] =>
  ['web', 'worker'].map((name) => ({
    group: name,
    sent: apps.filter(({ groups }) => groups.some((one) => one.name === name)).map((app) => sentTo(app, name)),
  }));
const versionsOf = (app: DesiredApp | undefined) => app?.groups.map(({ name, configVersion }) => [name, configVersion]);

describe('from git', () => {
  test('groups and image as they were; counts, and what no version covers, as git says now', () => {
    const found = snapshotOfGit(today, then, goodOf(then));
    expect(versionsOf(found)).toEqual(versionsOf(then));
    expect(found.groups.map(({ counts }) => counts)).toEqual([{ arn: 5 }, { arn: 1 }]);
    expect(found).toMatchObject({ inputs: 'i2:then', image: { ref: 'nginx:1', digest } });
    expect(found.releaseCommand).toBeUndefined();
    expect(found.policy.windows).toEqual([]);
  });

  test('volumes as today, beside those that git had then and has no more; none that only a new group mounts', () => {
    const volumeOf = (name: string, sizeGb: number): DesiredVolume => {
      const nothing = { group: undefined, snapshotRetentionDays: undefined, scheduledSnapshots: undefined };
      return { ...nothing, name, sizeGb, count: 0 };
    };
    const mounts = (name: string) => ({ ...colour('blue'), name, mount: { volume: name, path: '/data' } });
    const past = { ...then, volumes: [volumeOf('kept', 1), volumeOf('gone', 1)] };
    const present = {
      ...today,
      groups: [...today.groups, mounts('fresh')],
      volumes: [volumeOf('kept', 3), volumeOf('fresh', 1)],
    };
    expect(snapshotOfGit(present, past, goodOf(past)).volumes.map(({ name, sizeGb }) => [name, sizeGb])).toEqual([
      ['kept', 3],
      ['gone', 1],
    ]);
  });

  test('the digest that ran, not the one that the tag has by now', () => {
    const moved = {
      ...then,
      image: { kind: 'reference', ref: 'nginx:1', digest: `sha256:${'2'.repeat(64)}` },
    } as const;
    expect(snapshotOfGit(today, moved, goodOf(then)).image).toMatchObject({ digest });
    expect(snapshotOfGit(today, moved, goodOf(then, { digest: '' })).image).toEqual(moved.image);
  });
});

describe('from what machines were sent', () => {
  test('the configs that make the version, among newer and older ones of each group', () => {
    const found = snapshotOfHistory(today, historyOf(today, then), goodOf(then));
    expect(versionsOf(found)).toEqual(versionsOf(then));
    expect(found?.groups.map(({ counts }) => counts)).toEqual([{ arn: 5 }, { arn: 1 }]);
    expect(found?.groups[0]?.config.env).toEqual({ COLOR: 'red' });
    expect(found?.inputs).toBe('i2:then');
    expect(found?.policy.windows).toEqual([]);
  });

  test('mounts by the name of the volume, whichever one the machine has', () => {
    const mount = { volume: 'data', path: '/data' };
    const mounted = desiredApp({ groups: [group({ config: { mounts: [{ name: 'data', path: '/data' }] }, mount })] });
    const sent = sentTo(mounted, 'web', { mounts: [{ volume: 'vol_1', name: 'data', path: '/data' }] });
    const [found] = snapshotOfHistory(mounted, [{ group: 'web', sent: [sent] }], goodOf(mounted))?.groups ?? [];
    expect([found?.mount, found?.config.mounts]).toEqual([mount, [{ name: 'data', path: '/data' }]]);
  });

  test.each<[DesiredSource]>([
    [{ type: 'local', path: 'web' }],
    [{ type: 'local', path: '' }],
    [{ type: 'inline-docker-file' }],
    [{ type: 'image', ref: image }],
    [{ type: 'git', repo: 'https://example.com/a.git', path: 'web', ref: 'main', commit: 'c'.repeat(40) }],
    [{ type: 'git', repo: 'https://example.com/a.git', path: '', ref: 'refs/tags/v1', commit: 'c'.repeat(40) }],
    [{ type: 'git', repo: 'https://example.com/a.git', path: '', ref: 'HEAD', commit: 'c'.repeat(40) }],
  ])('the source as the machines say it: %j', (source) => {
    const past = { ...then, source };
    expect(snapshotOfHistory(today, historyOf(past), goodOf(past))?.source).toEqual(source);
  });

  test('a group that came since is left out', () => {
    const alone = desiredApp({ groups: [colour('red')] });
    const found = snapshotOfHistory(today, historyOf(today, alone), goodOf(alone));
    expect(versionsOf(found)).toEqual(versionsOf(alone));
  });

  test.each<[string, readonly GroupHistory[], GoodVersion]>([
    ['nothing where no configs make it', historyOf(today), goodOf(then)],
    ['nothing where one of them is missing', historyOf(then).slice(0, 1), goodOf(then)],
    ['nothing where another image was sent', historyOf(then), goodOf(then, { digest: `sha256:${'2'.repeat(64)}` })],
    ['nothing where nothing is known', [], goodOf(then)],
    [
      'nothing of what somebody else sent, with our stamps copied from what was read back',
      historyOf(then).map(({ group: name }) => {
        const config = sentTo(then, name);
        return { group: name, sent: [{ ...config, metadata: { ...config.metadata, [stampKeys.read]: 'r1:x' } }] };
      }),
      goodOf(then),
    ],
  ])('%s', (_what, histories, version) => {
    expect(snapshotOfHistory(today, histories, version)).toBeUndefined();
  });
});
