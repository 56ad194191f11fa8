/** Commands that holds print for people to copy: one word stays one word, and means what it stands for. */
import { describe, expect, test } from 'vitest';
import type { MachineConfig } from '../../schemas/fly/machine.ts';
import { defaultPolicy } from '../../src/model/base/policy.ts';
import type { OrphanedApp } from '../../src/model/observed.ts';
import type { AppPlan } from '../../src/model/plan.ts';
import type { FleetOwner } from '../../src/model/stamps/owner.ts';
import type { PlanFleetInput } from '../../src/plan/fleet.ts';
import { statusByReason } from '../../src/plan/steps/status.ts';
import { desiredApp, group, machine, observed, plan, volume } from './builders.ts';
import { fleetOf, fleetPlan, gone } from './fleets.ts';

const nextOf = ({ holds }: Pick<AppPlan, 'holds'>): string => holds.map(({ next }) => next).join('\n');
const mounts = [{ volume: 'v1', name: 'data', path: '/data' }];

describe('a value that comes from git or Fly', () => {
  const hostile: readonly (readonly [value: string, word: string])[] = [
    ['a; rm -rf /', "'a; rm -rf /'"],
    ['$(reboot)', "'$(reboot)'"],
    ['`reboot`', "'`reboot`'"],
    ["it's", "'it'\\''s'"],
    ['two words', "'two words'"],
    ['a\nreboot', "'a'\\\\'nreboot'"],
    ['\u001B[2Jok', "\\\\'x1b[2Jok'"],
    ['a\u202Eb', "'a'\\\\'u202eb'"],
  ];

  test.each(hostile)('%j of a fleet is one word: its app', (fleet, word) => {
    const desired = desiredApp();
    const machines = [machine(desired, { metadata: { flycd_fleet: fleet } })];
    const next = nextOf(plan(desired, observed({ machines })));
    expect(next).toContain(`flycd adopt --all --from ${word})`);
  });

  test.each(hostile)('%j of a fleet is one word: apps that carry nothing but its name', (fleet, word) => {
    const desired = desiredApp({ groups: [group({ counts: { arn: 1 } })] });
    const changed = machine(desired, {
      metadata: { flycd_fleet: fleet, flycd_origin: undefined },
      config: { env: { COLOR: 'blue' } },
    });
    const owner: FleetOwner = { name: fleet, origin: { address: 'a'.repeat(32), root: undefined } };
    const next = nextOf(plan(desired, observed({ machines: [changed] }), { fleet: owner }));
    expect(next).toBe(`if this repo made them: flycd adopt --all --from ${word}`);
  });

  test.each(hostile)('%j that a person typed as the owner before is one word', (text, word) => {
    const desired = desiredApp();
    const dark = {
      ...machine(desired, { metadata: { flycd_fleet: 'old' } }),
      host_status: 'unreachable',
      config: undefined,
      incomplete_config: { metadata: { flycd_fleet: 'old' } },
    };
    const fleet: FleetOwner = { name: 'acme', from: { text, name: 'old', digits: undefined } };
    const next = (apps: readonly string[]): string =>
      nextOf(plan(desired, observed({ machines: [dark] }), { fleet, options: { apps } }));
    expect(next([])).toBe(`flycd adopt --all --from ${word} again when it answers`);
    expect(next(['sh*'])).toBe(`flycd adopt shop --from ${word} again when it answers`);
  });

  test.each(hostile)('%j of an organization is one word', (org, word) => {
    const next = nextOf(plan(desiredApp({ org }), { ...observed(), org: 'other' }));
    expect(next).toContain(`fly apps move shop --org ${word} (`);
  });

  test.each(hostile)('%j of a dedicated host is one word', (host, word) => {
    const guest = { cpu_kind: 'shared', cpus: 1, memory_mb: 256 };
    const web = (config: MachineConfig) =>
      desiredApp({ groups: [group({ config, mount: { volume: 'data', path: '/data' } })] });
    const machines = [machine(web({}), { config: { guest, mounts } })];
    const world = observed({ machines, volumes: [volume('v1', { attached_machine_id: 'webarn1' })] });
    const next = nextOf(plan(web({ guest: { host_dedication_id: host } }), world));
    expect(next).toContain(`fly volume fork --host-dedication-id ${word})`);
  });
});

describe('--accept-only', () => {
  const named = /--accept-only ([\w:-]+)/g;
  const wordsIn = (text: string): readonly string[] => [...text.matchAll(named)].flatMap(([, word]) => word ?? []);
  const policy = { ...defaultPolicy, prune: ['app' as const] };
  const orphanPlan = (orphan: Partial<OrphanedApp>, more: Partial<PlanFleetInput> = {}): string => {
    const { apps } = fleetPlan([], { fleet: fleetOf([], { policy }), orphans: [{ ...gone, ...orphan }], ...more });
    return apps.flatMap(({ holds }) => holds.map(({ next }) => next)).join('\n');
  };
  const contents = gone.contents;
  const unread = { status: 'unread', reason: '503' } as const;
  const stranger = { ...machine(desiredApp(), { id: 'strange' }), config: { metadata: {} } };

  const web = group({ counts: { arn: 1 } });
  const worker = group({ name: 'worker', config: { env: {} }, counts: { arn: 1 } });
  const mounted = group({
    counts: { arn: 1 },
    mount: { volume: 'data', path: '/data' },
    config: { mounts: [mounts[0]] as never },
  });
  const volumes = [volume('v1', { attached_machine_id: 'webarn1' })];

  const places: readonly (readonly [what: string, (name: string) => string])[] = [
    ['an orphan with volumes', (name) => orphanPlan({ name, contents: contents && { ...contents, volumes: unread } })],
    [
      'an orphan of another branch',
      (name) => orphanPlan({ name, history: { state: 'elsewhere', commit: 'c'.repeat(40) } }),
    ],
    ['an orphan with somebody’s machines', (name) => orphanPlan({ name, machines: [...gone.machines, stranger] })],
    ['an orphan that goes last', (name) => orphanPlan({ name }, { failedNow: ['shop'] })],
    [
      'a group that git dropped',
      (name) =>
        nextOf(
          plan(
            desiredApp({ name, groups: [worker] }),
            observed({ machines: [machine(desiredApp({ name, groups: [web] }))] }),
          ),
        ),
    ],
    [
      'a region that git dropped',
      (name) => {
        const moved = { ...mounted, counts: { ams: 1 } };
        const before = desiredApp({ name, groups: [mounted] });
        return nextOf(
          plan(
            desiredApp({ name, groups: [moved], regions: ['ams'], primaryRegion: 'ams' }),
            observed({ machines: [machine(before, { config: { mounts } })], volumes }),
          ),
        );
      },
    ],
    [
      'a mount that git dropped',
      (name) =>
        nextOf(
          plan(
            desiredApp({ name, groups: [web] }),
            observed({ machines: [machine(desiredApp({ name, groups: [web] }), { config: { mounts } })], volumes }),
          ),
        ),
    ],
  ];

  test.each(places)('of %s names its app', (_what, nextFor) => {
    expect(wordsIn(nextFor('shop'))).toEqual(['shop']);
  });

  test.each(
    places.flatMap(([what, nextFor]) => Object.keys(statusByReason).map((reason) => [what, reason, nextFor] as const)),
  )('of %s that is called %s names the app, not the reason', (_what, reason, nextFor) => {
    expect(wordsIn(nextFor(reason))).toEqual([`app:${reason}`]);
  });
});
