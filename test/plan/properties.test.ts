import * as fc from '../property.ts';
import { expect, test } from 'vitest';
import type { Machine, MachineConfig } from '../../schemas/fly/machine.ts';
import type { DesiredAddress, DesiredApp, DesiredGroup } from '../../src/model/desired.ts';
import { configVersion } from '../../src/flyconfig/live/version.ts';
import { hashOf } from '../../src/model/base/json.ts';
import { emptyMemory, type Memory } from '../../src/model/standing/memory.ts';
import type { Step } from '../../src/model/plan.ts';
import { defaultPolicy } from '../../src/model/base/policy.ts';
import { formatSecrets } from '../../src/model/stamps/secrets-stamp.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { planApp } from '../../src/plan/app.ts';
import { removalOf } from '../../src/plan/steps/removal.ts';
import { updatesOf } from '../../src/plan/steps/select.ts';
import {
  brief,
  desiredApp,
  digest,
  flyctlMachine,
  group,
  input,
  machine,
  now,
  volume,
  webService,
  writes,
} from './builders.ts';
import { applyAll, applyStep, observe, type State } from './world.ts';

const regions = ['arn', 'ams', 'fra'] as const;

const configs: fc.Arbitrary<MachineConfig> = fc.record(
  {
    env: fc.dictionary(fc.constantFrom('COLOR', 'SIZE', 'FLYCD_X'), fc.constantFrom('red', 'blue')),
    services: fc.constantFrom([], [webService], [{ ...webService, autostop: 'stop', min_machines_running: 1 }]),
    guest: fc.constantFrom({ cpu_kind: 'shared', cpus: 2, memory_mb: 512 }),
    schedule: fc.constantFrom('daily'),
    restart: fc.constantFrom({ policy: 'always' }, { policy: 'no' }),
  },
  { requiredKeys: [] },
);

const groups: fc.Arbitrary<DesiredGroup> = fc
  .record({
    name: fc.constantFrom('app', 'web', 'worker'),
    config: configs,
    mounted: fc.boolean(),
    autoscaled: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
    counts: fc.option(fc.dictionary(fc.constantFrom(...regions), fc.integer({ min: 0, max: 3 })), { nil: undefined }),
  })
  .map(({ mounted, config, ...rest }) => {
    const mount = mounted ? { volume: `${rest.name}_data`, path: '/data' } : undefined;
    const mounts = mount === undefined ? {} : { mounts: [{ name: mount.volume, path: mount.path }] };
    return group({ ...rest, mount, config: { ...config, ...mounts } });
  });

const addresses: fc.Arbitrary<DesiredAddress> = fc.record({
  version: fc.constantFrom('v4', 'v6'),
  shared: fc.boolean(),
  private: fc.boolean(),
  region: fc.option(fc.constantFrom(...regions), { nil: undefined }),
  network: fc.option(fc.constantFrom('back'), { nil: undefined }),
  org: fc.constant(undefined),
});

const apps: fc.Arbitrary<DesiredApp> = fc
  .record({
    groups: fc.uniqueArray(groups, { minLength: 1, maxLength: 3, selector: (one) => one.name }),
    regions: fc.shuffledSubarray([...regions], { minLength: 1 }),
    ips: fc.option(fc.array(addresses, { maxLength: 3 }), { nil: undefined }),
    autoPruneIps: fc.boolean(),
    secrets: fc.subarray(['A', 'B']),
    drift: fc.constantFrom('heal', 'heal_all', 'report', 'off'),
    prune: fc.subarray(['addresses', 'secrets'] as const),
    highAvailability: fc.boolean(),
    volumeCount: fc.integer({ min: 0, max: 2 }),
    digest: fc.constantFrom(digest, undefined, `sha256:${'2'.repeat(64)}`),
  })
  .map((parts) =>
    desiredApp({
      groups: parts.groups,
      primaryRegion: parts.regions[0] ?? 'arn',
      regions: parts.regions,
      network: { ips: parts.ips, autoPruneIps: parts.autoPruneIps },
      secrets: parts.secrets.map((name) => ({ name, origin: { type: 'raw' } })),
      policy: { ...defaultPolicy, drift: parts.drift, prune: parts.prune },
      highAvailability: parts.highAvailability,
      image: { kind: 'reference', ref: 'nginx:1', digest: parts.digest },
      volumes: parts.groups.flatMap(({ mount, name }) =>
        mount === undefined
          ? []
          : [
              {
                name: mount.volume,
                sizeGb: 2,
                count: parts.volumeCount,
                group: name,
                snapshotRetentionDays: 7,
                scheduledSnapshots: true,
              },
            ],
      ),
      inputs: hashOf(parts),
    }),
  );

const secretsStamps = [
  [{ name: 'A', keyId: 'key', mark: 'mark', digest: 'digest of mark' }],
  [{ name: 'A', keyId: 'key', mark: 'old', digest: 'old digest' }],
  [
    { name: 'A', keyId: 'another', mark: 'mark', digest: 'digest of mark' },
    { name: 'B', keyId: 'key', mark: 'mark', digest: 'other' },
    { name: 'C', keyId: 'key', mark: 'mark', digest: 'digest of mark' },
  ],
].map((entries) => formatSecrets(entries).text);

/** A machine of some earlier wish, perhaps changed, copied, half stamped or made by flyctl. */
const machines: fc.Arbitrary<(index: number, before: DesiredApp) => Machine> = fc
  .record({
    number: fc.integer({ min: 1, max: 3 }),
    region: fc.constantFrom(...regions),
    state: fc.constantFrom('started', 'started', 'stopped', 'suspended', 'starting', 'created', 'destroying'),
    byFlyctl: fc.boolean(),
    group: fc.nat(),
    env: fc.option(fc.constantFrom('red', 'pink'), { nil: undefined }),
    cut: fc.subarray([
      stampKeys.read,
      stampKeys.machine,
      stampKeys.sent,
      stampKeys.slot,
      stampKeys.inputs,
      stampKeys.launch,
    ]),
    first: fc.boolean(),
    copy: fc.boolean(),
    volume: fc.boolean(),
    host: fc.constantFrom('ok', 'ok', 'ok', 'unreachable'),
    release: fc.constantFrom(undefined, undefined, 'r1'),
    dark: fc.boolean(),
    secrets: fc.constantFrom(undefined, undefined, ...secretsStamps),
  })
  .map((parts) => (index: number, before: DesiredApp): Machine => {
    const wanted = before.groups[parts.group % before.groups.length] ?? group();
    const id = `m${index}`;
    const metadata: Record<string, string | undefined> = Object.fromEntries(parts.cut.map((key) => [key, undefined]));
    if (parts.first) metadata[stampKeys.first] = '2';
    if (parts.copy) metadata[stampKeys.machine] = 'another';
    metadata['fly_release_id'] = parts.release;
    metadata[stampKeys.secrets] = parts.secrets;
    const env = parts.env === undefined ? {} : { env: { COLOR: parts.env } };
    const mounts =
      wanted.mount !== undefined && parts.volume
        ? { mounts: [{ volume: `vol_${id}`, name: wanted.mount.volume, path: '/data' }] }
        : {};
    const { number, region, state } = parts;
    const common = { id, number, region, state, group: wanted.name, config: { ...env, ...mounts } };
    const made = parts.byFlyctl ? flyctlMachine(before, common) : machine(before, { ...common, metadata });
    if (parts.host === 'ok') return made;
    return parts.dark ? { ...made, host_status: parts.host, config: null } : { ...made, host_status: parts.host };
  });

interface Start {
  readonly desired: DesiredApp;
  readonly state: State;
}

const memories: fc.Arbitrary<Memory> = fc
  .record({
    known: fc.boolean(),
    given: fc.boolean(),
    values: fc.subarray(['A', 'B']),
    evidence: fc.subarray(['A', 'B', 'C']),
    digest: fc.constantFrom('digest of mark', 'other'),
  })
  .map((parts) => ({
    ...emptyMemory,
    keyId: 'key',
    known: parts.known,
    defaultAddressesGiven: parts.given,
    currentMarks: Object.fromEntries(parts.values.map((name) => [name, 'mark'])),
    evidence: Object.fromEntries(
      parts.evidence.map((name) => [name, { mark: 'mark', keyId: 'key', digest: parts.digest }]),
    ),
  }));

const starts: fc.Arbitrary<Start> = fc
  .record({
    before: apps,
    after: fc.option(apps, { nil: undefined }),
    present: fc.integer({ min: 0, max: 4 }).map((dice) => dice > 0),
    machines: fc.array(machines, { maxLength: 5 }),
    free: fc.array(fc.constantFrom(...regions), { maxLength: 2 }),
    secrets: fc.subarray(['A', 'B', 'C']),
    ips: fc.subarray([
      { ip: '2a09::1' },
      { ip: '2a09::2', region: 'global' },
      { ip: '1.1.1.1' },
      { ip: '2.2.2.2', shared: true },
      { ip: 'fdaa::1', region: 'arn' },
    ]),
    memory: memories,
  })
  .map((parts): Start => {
    const live = parts.present ? parts.machines.map((make, index) => make(index, parts.before)) : [];
    const attached = live.flatMap(({ id, region, config }) =>
      (config?.mounts ?? []).map((mount) =>
        volume(mount.volume ?? `vol_${id}`, { name: mount.name ?? '', region, attached_machine_id: id }),
      ),
    );
    const free = parts.free.map((region, index) => volume(`vol_free${index}`, { name: 'app_data', region }));
    return {
      desired: parts.after ?? parts.before,
      state: {
        present: parts.present,
        released: live.length > 0,
        machines: live,
        volumes: parts.present ? [...attached, ...free] : [],
        secrets: Object.fromEntries(
          (parts.present ? parts.secrets : []).map((name) => [name, { digest: 'digest of mark', at: now - 3_600_000 }]),
        ),
        addresses: parts.present ? parts.ips : [],
        memory: parts.memory,
        clock: now,
      },
    };
  });

function planOf({ desired, state }: Start, accept = false) {
  return planApp(input(desired, observe(state), { memory: state.memory, now: state.clock, options: { accept } }));
}

test('planning is deterministic and never throws', () => {
  fc.assert(
    fc.property(starts, (start) => {
      const shuffled = {
        ...start,
        state: {
          ...start.state,
          machines: start.state.machines.toReversed(),
          volumes: start.state.volumes.toReversed(),
        },
      };
      const first = planOf(start);
      expect(planOf(start)).toEqual(first);
      expect(planOf(shuffled).planId).toBe(first.planId);
    }),
    { numRuns: 200 },
  );
});

test('a plan that was applied leaves nothing to do', () => {
  fc.assert(
    fc.property(starts, fc.boolean(), (start, accept) => {
      const first = planOf(start, accept);
      const state = applyAll(start.state, writes(first));
      const second = planOf({ ...start, state }, accept);
      // Where drift is only reported, an address is held for as long as some machine says that git has not moved.
      const held = start.desired.policy.drift === 'report' ? 'address.allocate' : undefined;
      // A machine whose update is held is stamped once it needs none any more: a restart has given it what it lacked.
      const updates = updatesOf(first.holds.flatMap((hold) => hold.steps)).map((step) => step.machineId);
      const isLate = (step: Step): boolean => step.kind === 'machine.label' && updates.includes(step.machineId);
      // One that resumes has not booted: its filesystem follows its volume with a restart after that.
      const resumed = start.state.machines.filter(({ state }) => state === 'suspended').map(({ id }) => id);
      const isResumed = (step: Step): boolean => step.kind === 'machine.restart' && resumed.includes(step.machineId);
      // What is git's release to who has not seen the app before is a heal to who has: what waited with it goes then.
      const waited = brief(first.holds.flatMap((hold) => hold.steps).filter((step) => removalOf(step, start.desired)));
      const hasWaited = (step: Step): boolean => waited.some((one) => brief([step]).includes(one));
      const isPassing = (step: Step): boolean => isLate(step) || isResumed(step) || hasWaited(step);
      const left = writes(second).filter((step) => step.kind !== held && !isPassing(step));
      expect(brief(left)).toEqual([]);
    }),
    { numRuns: 600 },
  );
});

/** A Fly without the app, and a FlyCD that has values for its secrets. */
function nothingYet(known: Partial<Memory> = {}): State {
  return {
    present: false,
    released: false,
    machines: [],
    volumes: [],
    secrets: {},
    addresses: [],
    memory: { ...emptyMemory, keyId: 'key', currentMarks: { A: 'mark', B: 'mark' }, ...known },
    clock: now,
  };
}

test('an app without trouble is synced after one plan', () => {
  fc.assert(
    fc.property(apps, (desired) => {
      const state = nothingYet();
      const first = planOf({ desired, state });
      const second = planOf({ desired, state: applyAll(state, writes(first)) });
      expect(second).toMatchObject({ steps: [], holds: [], status: 'synced' });
    }),
    { numRuns: 300 },
  );
});

test('a second FlyCD with nothing remembered plans nothing', () => {
  fc.assert(
    fc.property(apps, (desired) => {
      const state = nothingYet();
      const done = applyAll(state, writes(planOf({ desired, state })));
      const foreign = { ...done, memory: { ...state.memory, keyId: 'another key' } };
      expect(brief(writes(planOf({ desired, state: foreign })))).toEqual([]);
      const sibling = planOf({ desired, state: { ...done, memory: state.memory } });
      expect(brief(writes(sibling))).toEqual([]);
      // Where no machine is there to say so, nobody knows.
      if (done.machines.length > 0) expect(sibling.notes.filter((note) => note.includes('unverified'))).toEqual([]);
    }),
    { numRuns: 200 },
  );
});

test('FlyCDs with different keys leave each other’s evidence on the machines', () => {
  fc.assert(
    fc.property(starts, fc.subarray(['A', 'B', 'C']), (start, names) => {
      const { memory } = start.state;
      const theirs: Memory = {
        ...memory,
        keyId: 'theirs',
        evidence: Object.fromEntries(
          names.map((name) => [name, { mark: 'mark', keyId: 'theirs', digest: 'digest of mark' }]),
        ),
      };
      const { desired } = start;
      let state = applyAll(start.state, writes(planOf(start)));
      const ours = state.memory;
      state = applyAll({ ...state, memory: theirs }, writes(planOf({ desired, state: { ...state, memory: theirs } })));
      const labels = (of: Memory): readonly string[] =>
        brief(writes(planOf({ desired, state: { ...state, memory: of } }))).filter((step) =>
          step.startsWith('machine.label'),
        );
      const second = state.memory;
      // Where a machine is first taken over, or held, each has to see once what the other left.
      for (const memory of [ours, second])
        state = applyAll({ ...state, memory }, writes(planOf({ desired, state: { ...state, memory } })));
      expect(labels(second)).toEqual([]);
      expect(labels(ours)).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test('a mount more, cut short anywhere, is completed by the next plan, with nothing doubled', () => {
  fc.assert(
    fc.property(apps, fc.nat(), (wanted, cut) => {
      const desired = { ...wanted, policy: defaultPolicy };
      const unmounted = desired.groups.map(({ mount: _mount, config: { mounts: _mounts, ...config }, ...rest }) =>
        group({ ...rest, mount: undefined, config, configVersion: configVersion(config) }),
      );
      const before = { ...desired, groups: unmounted, volumes: [], inputs: 'before' };
      const empty = nothingYet({ known: true });
      const state = applyAll(empty, writes(planOf({ desired: before, state: empty })));
      const all = writes(planOf({ desired, state })).flatMap((step) =>
        step.kind === 'release' ? [...step.machines] : [step],
      );
      const part = all.slice(0, cut % (all.length + 1)).reduce(applyStep, state);
      const resumed = applyAll(part, writes(planOf({ desired, state: part })));
      expect(planOf({ desired, state: resumed })).toMatchObject({ steps: [], holds: [] });
      const undisturbed = applyAll(state, all);
      expect(shapeOf(resumed)).toEqual(shapeOf(undisturbed));
      expect(resumed.volumes.filter((one) => one.attached_machine_id === null).length).toBe(
        undisturbed.volumes.filter((one) => one.attached_machine_id === null).length,
      );
    }),
    { numRuns: 200 },
  );
});

function shapeOf(state: State) {
  return {
    machines: state.machines.map((item) => item.config?.metadata?.[stampKeys.slot] ?? '').toSorted(),
    volumes: state.volumes.map((item) => `${item.name}/${item.region}`).toSorted(),
    addresses: state.addresses.length,
    secrets: Object.keys(state.secrets).toSorted(),
  };
}

test('any cut-short apply is completed by the next plan, with nothing doubled', () => {
  fc.assert(
    fc.property(apps, fc.nat(), (desired, cut) => {
      const state = nothingYet({ known: true });
      const all = writes(planOf({ desired, state })).flatMap((step) =>
        step.kind === 'release' ? [...step.machines] : [step],
      );
      const part = all.slice(0, cut % (all.length + 1)).reduce(applyStep, state);
      const rest = planOf({ desired, state: part });
      const resumed = applyAll(part, writes(rest));
      const undisturbed = applyAll(state, writes(planOf({ desired, state })));
      expect(shapeOf(resumed)).toEqual(shapeOf(undisturbed));
    }),
    { numRuns: 300 },
  );
});
