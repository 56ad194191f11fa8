/** Where an app is steered: by a person's hold, by a release that failed, else by git. */
import { describe, expect, test } from 'vitest';
import type { DesiredApp } from '../../../src/model/desired.ts';
import type { Standing } from '../../../src/model/standing/standing.ts';
import type { AppVersion, FailedVersion, GoodVersion } from '../../../src/model/stamps/app-version.ts';
import { versionOf } from '../../../src/plan/target/app-version.ts';
import { commandVersion } from '../../../src/plan/target/release-command.ts';
import { resolveTarget } from '../../../src/plan/target/resolve-target.ts';
import { desiredApp, digest, group, machine, now, owner } from '../builders.ts';

const releaseCommand = { command: './migrate', config: {}, timeoutSeconds: 300 };
const desired = desiredApp();
const migrating = desiredApp({ releaseCommand });
const stopping = desiredApp({ policy: { onFailure: 'stop' } });
const scopeOf = (app: DesiredApp) => ({ desired: app, machines: [machine(app)], fleet: owner, now, aheadMs: 0 });

const wanted = versionOf(scopeOf(desired));
const other = versionOf(scopeOf(desiredApp({ groups: [group({ config: { env: { COLOR: 'blue' } } })] })));
const failed = (version: AppVersion = wanted, command = ''): FailedVersion => ({
  ...version,
  command,
  at: now - 60_000,
});
const good = (version: AppVersion, at = now - 3_600_000): GoodVersion => ({ ...version, revision: 'a'.repeat(40), at });
const again = 'commit what mends it, or flycd resume shop to try the same again';

function targetOf(standing: Partial<Standing>, app = desired) {
  const nothing = { good: undefined, failed: undefined, fulfilled: undefined, hold: undefined, suspension: undefined };
  return resolveTarget(scopeOf(app), { ...nothing, texts: {}, ...standing });
}

describe('git', () => {
  test.each<[string, Partial<Standing>, DesiredApp?]>([
    ['where nothing else was said', {}],
    ['where something ran well before', { good: good(other) }],
    ['once it says something else than what failed', { failed: failed(other), good: good(other) }],
    ['once what failed has run well since', { failed: failed(), good: good(wanted, now) }],
    [
      'once it has another release command than the one that failed',
      { failed: failed(wanted, 'c'.repeat(32)) },
      migrating,
    ],
    ['once it has no release command any more', { failed: failed(wanted, commandVersion(releaseCommand)) }],
    [
      'once the digest of what failed is known, for it may have been pushed since',
      { failed: failed({ ...wanted, digest: '' }) },
    ],
  ])('%s', (_what, standing, app) => {
    expect(targetOf(standing, app)).toEqual({ to: 'git' });
  });
});

describe('the version before', () => {
  const because = 'the release of what git says failed; the version of aaaaaaaaaaaa stays until git changes it';
  const hold = { reason: 'failed', since: now - 60_000, because, next: again };

  test('while git wants what failed', () => {
    const before = good(other);
    expect(targetOf({ failed: failed(), good: before })).toEqual({ to: 'version', version: before, hold });
  });

  test('while git wants what failed, and no registry says which image that is now', () => {
    const before = good(other);
    const image = { kind: 'reference', ref: 'nginx:1' } as const;
    // As they are resolved: without a digest the version is called by the tag.
    const met = desiredApp({ image: { ...image, digest }, appVersion: `image:${digest}` });
    const now = desiredApp({ image: { ...image, digest: undefined }, appVersion: 'image:nginx:1' });
    const scope = { ...scopeOf(now), machines: [] };
    const standing = { failed: failed(versionOf(scopeOf(met))), good: before, fulfilled: undefined, hold: undefined };
    expect(resolveTarget(scope, { ...standing, suspension: undefined, texts: {} })).toEqual({
      to: 'version',
      version: before,
      hold,
    });
  });

  test('also where the same ran well before it failed', () => {
    const before = good(wanted, now - 60_000);
    expect(targetOf({ failed: failed(), good: before })).toEqual({ to: 'version', version: before, hold });
  });

  test('while git wants the release command that failed', () => {
    const before = good(other);
    const standing = { failed: failed(wanted, commandVersion(releaseCommand)), good: before };
    const said = because.replace('the release of what git says failed', 'the release command failed');
    expect(targetOf(standing, migrating)).toEqual({ to: 'version', version: before, hold: { ...hold, because: said } });
  });

  test.each([
    [other, '; what git says now waits'],
    [wanted, ''],
  ])('where a person went back to it, whatever failed', (version, more) => {
    const to = good(version);
    const standing = { hold: { to, by: 'ann', at: now, count: 1 }, failed: failed(), good: good(wanted, now) };
    expect(targetOf(standing)).toEqual({
      to: 'version',
      version: to,
      hold: {
        reason: 'rollback',
        because: `rolled back to aaaaaaaaaaaa by ann at 2026-03-01 12:00:00Z${more}`,
        next: 'flycd resume shop: then git counts again',
        since: now,
      },
    });
  });
});

describe('nowhere', () => {
  const hold = { reason: 'failed', since: now - 60_000, next: again };

  test('where what failed is to stand', () => {
    const because = 'the release of what git says failed, and what it left stands (sync.on_failure: stop)';
    const standing = { failed: failed(), good: good(other) };
    expect(targetOf(standing, stopping)).toEqual({ to: 'nowhere', hold: { ...hold, because } });
  });

  test('where nothing ran well yet', () => {
    const why =
      'the release of what git says failed, and there is no version to go back to: none has run well here yet';
    expect(targetOf({ failed: failed() })).toEqual({ to: 'nowhere', hold: { ...hold, because: why } });
  });

  test('where nobody knew the digest then, nor knows it now', () => {
    const building = desiredApp({ image: { kind: 'reference', ref: 'nginx:1', digest: undefined } });
    const unknown = { ...wanted, digest: '' };
    const scope = { ...scopeOf(building), machines: [] };
    const standing = { good: undefined, failed: failed(unknown), fulfilled: undefined, hold: undefined };
    expect(resolveTarget(scope, { ...standing, suspension: undefined, texts: {} }).to).toBe('nowhere');
  });
});
