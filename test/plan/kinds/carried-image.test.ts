import { describe, expect, test } from 'vitest';
import { formatBuilt } from '../../../src/model/stamps/input-stamps.ts';
import { stampKeys } from '../../../src/model/stamps/keys.ts';
import { absent, brief, desiredApp, digest, group, holdsOf, machine, observed, plan, writes } from '../builders.ts';

const key = 'a'.repeat(32);
const commit = 'c'.repeat(40);
const source = { type: 'git', repo: 'https://host/r', ref: 'main', path: 'web', commit: 'd'.repeat(40) } as const;
const desired = desiredApp({
  source,
  image: { kind: 'build', source, build: { key, settings: {} } },
  appVersion: 'tree:1',
  groups: [group({ counts: { arn: 1 } })],
});

/** A machine of ours with an image that FlyCD did not build, and what stands on it. */
function taken(built: string | undefined, env: Readonly<Record<string, string>> = {}) {
  const config = { image: `registry.fly.io/shop:deployment-1@${digest}`, env: { COLOR: 'red', ...env } };
  const live = machine(desired, { config });
  const metadata = { ...live.config?.metadata, ...(built === undefined ? {} : { [stampKeys.built]: built }) };
  return { ...live, config: { ...live.config, metadata } };
}

const needsBuild = (live: ReturnType<typeof taken>): boolean =>
  holdsOf(plan(desired, observed({ machines: [live] }))).includes('build');

describe('an image that FlyCD did not build', () => {
  test('is wanted while the stamp says what it is built from', () => {
    expect(needsBuild(taken(formatBuilt({ key, digest })))).toBe(false);
  });

  test.each([
    ['something else is to be built', formatBuilt({ key: 'b'.repeat(32), digest })],
    ['the machine runs another one since', formatBuilt({ key, digest: `sha256:${'9'.repeat(64)}` })],
    ['the stamp cannot be read', 'anything'],
    ['there is no stamp', undefined],
  ])('is not where %s', (_what, built) => {
    expect(needsBuild(taken(built))).toBe(true);
  });

  test('of FlyCD 0.x is wanted, and stamped, where that was proven, and only for just these versions', () => {
    const env = { FLYCD_APP_VERSION: commit, FLYCD_CONFIG_VERSION: 'h1:x' };
    const live = taken(undefined, env);
    const seen = (config: string) =>
      plan(desired, { ...observed({ machines: [live] }), fromV0: [{ app: commit, config }] });
    const proven = seen('h1:x');
    expect([holdsOf(proven), brief(writes(proven))]).toEqual([[], ['machine.label shop/web/arn/1']]);
    expect(writes(proven)[0]).toMatchObject({ metadata: { [stampKeys.built]: formatBuilt({ key, digest }) } });
    expect(holdsOf(seen('h1:y'))).toEqual(['build']);
  });
});

test.each<[string, string | undefined, string[], string[]]>([
  ['is known, it is', 'git:c0ffee', ['app.create shop'], ['image.build shop', 'release shop']],
  ['is not, it is held as well', undefined, [], ['app.create shop', 'image.build shop', 'release shop']],
])(
  'an app whose image is not there yet is made only where what it is made from is known: %s',
  (_, appVersion, steps, held) => {
    const app = plan({ ...desired, appVersion, network: { ips: [], autoPruneIps: false } }, absent);
    expect([brief(app.steps), brief(app.holds[0]?.steps ?? [])]).toEqual([steps, held]);
  },
);
