import { describe, expect, test } from 'vitest';
import type { IpAssignment } from '../../../schemas/fly/app.ts';
import type { DesiredAddress, DesiredVolume } from '../../../src/model/desired.ts';
import {
  absent,
  brief,
  desiredApp,
  group,
  holdsOf,
  machine,
  now,
  observed,
  only,
  plan,
  volume,
  webService,
} from '../builders.ts';

const none = desiredApp({ groups: [group({ counts: { arn: 0 } })] });

describe('addresses', () => {
  const v4: DesiredAddress = {
    version: 'v4',
    shared: false,
    private: false,
    region: undefined,
    network: undefined,
    org: undefined,
  };
  const sharedV4 = { ...v4, shared: true };
  const v6: DesiredAddress = { ...v4, version: 'v6' };
  const live = (ip: string, parts: Partial<IpAssignment> = {}): IpAssignment => ({ ip, ...parts });
  const dedicated = live('137.66.1.1', { region: 'global' });
  const shared = live('66.241.1.1', { shared: true });
  const six = live('2a09:8280::1');
  const listing = (ips: readonly DesiredAddress[], autoPruneIps = false) =>
    desiredApp({ groups: none.groups, network: { ips, autoPruneIps } });

  const defaults: readonly (readonly [string, Parameters<typeof group>[0], readonly string[]])[] = [
    ['plain web', { config: { services: [webService] } }, ['shared_v4', 'v6']],
    [
      'plain 80 with force_https',
      { config: { services: [{ ports: [{ port: 80, handlers: ['http'], force_https: true }] }] } },
      ['shared_v4', 'v6'],
    ],
    ['a service without ports', { config: { services: [{ internal_port: 1 }] } }, ['shared_v4', 'v6']],
    ['another port', { config: { services: [{ ports: [{ port: 5432, handlers: ['pg_tls'] }] }] } }, ['v4', 'v6']],
    ['443 with tls alone', { config: { services: [{ ports: [{ port: 443, handlers: ['tls'] }] }] } }, ['v4', 'v6']],
    [
      'a range',
      { config: { services: [{ ports: [{ start_port: 80, end_port: 90, handlers: ['http'] }] }] } },
      ['v4', 'v6'],
    ],
    ['udp', { config: { services: [{ protocol: 'udp', ports: [{ port: 53 }] }] } }, ['v4']],
    ['no services', { config: { env: {} } }, []],
  ];
  test.each(defaults)('a new app with %s gets what flyctl gives', (_name, parts, types) => {
    const app = plan(desiredApp({ groups: [group(parts)] }), absent);
    const steps = app.steps.filter((step) => step.kind === 'address.allocate');
    expect(steps.map((step) => step.target)).toEqual(types.map((type) => `shop/${type}`));
    expect(steps.map((step) => step.risk)).toEqual(types.map((type) => (type === 'v4' ? 'costs' : 'safe')));
  });

  test.each([
    [
      'ours, though it is the younger and the later by text',
      ['9.9.9.9'],
      { '1.1.1.1': '2024-01-01T00:00:00Z', '9.9.9.9': '2026-01-01T00:00:00Z' },
      '1.1.1.1',
    ],
    [
      'the older where none is known as ours',
      [],
      { '1.1.1.1': '2026-01-01T00:00:00Z', '9.9.9.9': '2024-01-01T00:00:00Z' },
      '1.1.1.1',
    ],
    ['the one whose age is known', [], { '1.1.1.1': undefined, '9.9.9.9': '2026-01-01T00:00:00Z' }, '1.1.1.1'],
    [
      'the older of two of ours',
      ['1.1.1.1', '9.9.9.9'],
      { '1.1.1.1': '2026-01-01T00:00:00Z', '9.9.9.9': '2024-01-01T00:00:00Z' },
      '1.1.1.1',
    ],
    ['the lower where nothing tells them apart', [], { '1.1.1.1': undefined, '9.9.9.9': undefined }, '9.9.9.9'],
  ] as const)('of two equals stays %s', (_what, made, ages, goes) => {
    const desired = listing([v4], true);
    for (const order of [Object.entries(ages), Object.entries(ages).toReversed()]) {
      const addresses = order.map(([ip, at]) => live(ip, { type: 'v4', created_at: at }));
      const app = plan(desired, observed({ addresses }), { memory: { known: true, made } });
      const left = [...app.steps, ...app.holds.flatMap(({ steps }) => steps)];
      expect(brief(left)).toEqual([`address.release shop/${goes}`]);
    }
  });

  test.each([
    ['region', { region: 'arn' }],
    ['network', { network: { name: 'inner' } }],
  ])('one that names no %s takes an address for all before an older one for some', (_what, some) => {
    const narrow = live('2a09::1', { type: 'v6', created_at: '2026-01-01T00:00:00Z', ...some });
    const wide = live('2a09::2', { type: 'v6', created_at: '2026-02-01T00:00:00Z' });
    for (const addresses of [
      [narrow, wide],
      [wide, narrow],
    ]) {
      const app = plan(listing([v6], true), observed({ addresses }), { memory: { known: true, made: ['2a09::1'] } });
      expect(brief(app.steps)).toEqual(['address.release shop/2a09::1']);
    }
  });

  test('defaults are given once: not to an app that has an address, machines or a release, or had them', () => {
    const pending = { status: 'pending' };
    const desired = none;
    expect(brief(plan(desired, observed(pending)).steps)).toEqual([
      'address.allocate shop/shared_v4',
      'address.allocate shop/v6',
    ]);
    expect(plan(desired, observed({ ...pending, addresses: [six] })).steps).toEqual([]);
    expect(plan(desired, observed()).steps).toEqual([]);
    const given = { memory: { known: true, defaultAddressesGiven: true } };
    expect(plan(desired, observed(pending), given).steps).toEqual([]);
    const owed = { memory: { known: true, defaultAddressesOwed: true } };
    expect(brief(plan(desired, observed({ addresses: [six] }), owed).steps)).toEqual([
      'address.allocate shop/shared_v4',
    ]);
    const manned = desiredApp();
    expect(brief(plan(manned, observed({ ...pending, machines: [machine(manned)] })).steps)).toEqual([
      'machine.create shop/web/arn/2',
    ]);
  });

  test('defaults that were cut short are completed', () => {
    const app = plan(none, observed({ status: 'pending', addresses: [six] }), { memory: { known: true } });
    expect(brief(app.steps)).toEqual(['address.allocate shop/shared_v4']);
  });

  test('listed ones match one to one; a shared v4 is no dedicated one', () => {
    expect(plan(listing([v4, v6]), observed({ addresses: [dedicated, six] })).steps).toEqual([]);
    const app = plan(listing([v4]), observed({ addresses: [shared] }));
    expect(only(app.steps, 'address.allocate')).toMatchObject({
      target: 'shop/v4',
      risk: 'costs',
      request: { type: 'v4' },
    });
    expect(app.notes).toEqual(['git does not list 66.241.1.1; left alone']);
    expect(brief(plan(listing([v6, v6]), observed({ addresses: [six] })).steps)).toEqual([
      'address.allocate shop/v6#2',
    ]);
    expect(plan(listing([sharedV4]), observed({ addresses: [shared] })).steps).toEqual([]);
  });

  test('region and network are matched where git names them, and anything fits where it does not', () => {
    const regional = live('137.66.1.2', { region: 'arn' });
    const wants = listing([v4, { ...v4, region: 'arn' }]);
    expect(plan(wants, observed({ addresses: [regional, dedicated] })).steps).toEqual([]);
    expect(brief(plan(wants, observed({ addresses: [regional] })).steps)).toEqual(['address.allocate shop/v4']);
    expect(plan(listing([v4]), observed({ addresses: [regional] })).steps).toEqual([]);
    const flycast = { ...v6, private: true, network: 'back' };
    const inside = live('fdaa:0:1::2', { network: { name: 'back' } });
    expect(plan(listing([flycast]), observed({ addresses: [inside] })).steps).toEqual([]);
    const step = only(
      plan(listing([flycast]), observed({ addresses: [live('fdaa::1', { network: { name: 'x' } })] })).steps,
      'address.allocate',
    );
    expect(step.request).toEqual({ type: 'private_v6', network: 'back' });
  });

  test('unlisted ones are released only with auto_prune_ips or prune; a dedicated v4 is destructive', () => {
    const world = observed({ addresses: [dedicated, shared, six, live('1.2.3.4', { egress: true })] });
    const ours = { memory: { known: true } };
    const app = plan(listing([v6], true), world, ours);
    expect(app.steps).toMatchObject([
      { kind: 'address.release', address: '66.241.1.1', risk: 'safe' },
      { kind: 'address.release', address: '137.66.1.1', risk: 'destructive' },
    ]);
    const pruned = desiredApp({
      groups: none.groups,
      network: { ips: [v6], autoPruneIps: false },
      policy: { prune: ['addresses'] },
    });
    expect(plan(pruned, world, ours).steps).toHaveLength(2);
    expect(plan(listing([v6]), world, ours).steps).toEqual([]);
    expect(plan(none, world, ours).steps).toEqual([]);
    for (const stranger of [listing([v6], true), pruned])
      expect(plan(stranger, world)).toMatchObject({ steps: [], holds: [{ reason: 'adoption' }] });
  });

  test('after a lost answer the step waits a minute where the loop comes back, and is planned where the command waits', () => {
    const intent = {
      id: 1,
      kind: 'address.allocate',
      target: 'shop/v4 v4',
      createdAt: now - 10_000,
      before: [],
    } as const;
    const memory = { intents: [intent] };
    const held = plan(listing([v4]), observed(), { memory, options: { patience: 'requeue' } });
    expect(held).toMatchObject({ steps: [], status: 'held', holds: [{ reason: 'intent', retryAt: now + 50_000 }] });
    expect(plan(listing([v4]), observed(), { memory }).steps).toHaveLength(1);
    const later = plan(listing([v4]), observed(), { memory, options: { patience: 'requeue' }, now: now + 50_000 });
    expect(later.steps).toHaveLength(1);
  });

  test('that a call made a moment ago holds nothing once it is listed, and any of its place while it is not', () => {
    const call = { id: 1, kind: 'address.allocate', createdAt: now - 9000, before: [] } as const;
    const made = { id: '1.1.1.1', at: now - 9000 };
    const both = listing([v4, v4]);
    const seen = observed({ addresses: [{ ip: '1.1.1.1', type: 'v4' }] });
    const held = (intent: object, world = seen, known: readonly string[] = [], app = both) => {
      const memory = { intents: [{ ...call, target: 'shop/v4 v4', ...intent }], made: known };
      return plan(app, world, { memory, options: { patience: 'requeue' } }).holds.map(({ reason }) => reason);
    };
    expect(held({ made })).toEqual([]);
    expect(held({ target: 'shop/v4#2 v4', made })).toEqual([]);
    expect(held({ made: { ...made, id: '2.2.2.2' } })).toEqual(['intent']);
    expect(held({}, seen, ['1.1.1.1'])).toEqual([]);
    expect(held({}, seen)).toEqual(['intent']);
    expect(held({ made }, observed())).toEqual(['intent', 'intent']);
    expect(held({ target: 'shop/v6 v6', made }, observed())).toEqual([]);
  });
});

describe('volumes', () => {
  const wanted = (parts: Partial<DesiredVolume> = {}): DesiredVolume => ({
    name: 'data',
    sizeGb: 2,
    count: 0,
    group: 'web',
    snapshotRetentionDays: undefined,
    scheduledSnapshots: undefined,
    ...parts,
  });
  const guest = { cpu_kind: 'performance', cpus: 2, memory_mb: 4096 };
  const mounted = (counts: Record<string, number> | undefined, volumes = [wanted()]) => {
    const config = { guest, mounts: [{ name: 'data', path: '/data' }] };
    return desiredApp({ groups: [group({ config, mount: { volume: 'data', path: '/data' }, counts })], volumes });
  };
  const withVolume = (desired: ReturnType<typeof mounted>, id: string, parts: Parameters<typeof machine>[1] = {}) =>
    machine(desired, { config: { mounts: [{ volume: id, name: 'data', path: '/data', size_gb: 2 }] }, ...parts });

  test('as many as machines, before the machines', () => {
    const desired = mounted({ arn: 2 });
    const app = plan(desired, absent);
    expect(brief(app.steps)).toEqual([
      'app.create shop',
      'volume.create shop/data/arn',
      'volume.create shop/data/arn#2',
      'release shop',
    ]);
    expect(app.steps[1]).toMatchObject({
      risk: 'costs',
      request: { name: 'data', region: 'arn', size_gb: 2, compute: guest },
      group: 'web',
    });
    expect(only(app.steps, 'release').machines[0]).toMatchObject({ mount: { volume: 'data', path: '/data' } });
  });

  const sharing = () => {
    const config = { mounts: [{ name: 'data', path: '/data' }] };
    const of = (name: string) => group({ name, config, mount: { volume: 'data', path: '/data' }, counts: { arn: 2 } });
    return desiredApp({
      groups: [of('web'), of('worker')],
      volumes: [wanted(), wanted({ group: 'worker', sizeGb: 5 })],
    });
  };

  test('two groups that mount volumes of one name have a step for each of them', () => {
    const steps = plan(sharing(), absent).steps.filter((step) => step.kind === 'volume.create');
    expect(steps.map(({ target, because, request, there }) => [target, because, request.size_gb, there])).toEqual([
      ['shop/data/arn', 'git wants 2 in arn, Fly has 0', 2, 0],
      ['shop/data/arn#2', 'git wants 2 in arn, Fly has 1', 2, 1],
      ['shop/data/arn#3', 'git wants 2 in arn, Fly has 0', 5, 2],
      ['shop/data/arn#4', 'git wants 2 in arn, Fly has 1', 5, 3],
    ]);
  });

  test('and each takes free ones of its own size, so that none grows for nothing', () => {
    const free = ([id, size]: readonly [string, number]) => volume(id, { size_gb: size });
    const volumes = (
      [
        ['vol_a', 5],
        ['vol_b', 2],
        ['vol_c', 5],
        ['vol_d', 2],
      ] as const
    ).map(free);
    const { steps } = plan(sharing(), observed({ volumes }));
    expect(brief(steps).filter((step) => step.startsWith('volume.'))).toEqual([]);
  });

  test('attached to our machines and free ones count; those of others do not', () => {
    const desired = mounted({ arn: 2 });
    const machines = [withVolume(desired, 'vol_a')];
    const attached = volume('vol_a', { size_gb: 2, attached_machine_id: 'webarn1' });
    const free = volume('vol_b', { size_gb: 2 });
    expect(brief(plan(desired, observed({ machines, volumes: [attached, free] })).steps)).toEqual([
      'machine.create shop/web/arn/2',
    ]);
    const taken = volume('vol_b', { size_gb: 2, attached_machine_id: 'stranger' });
    const stranger = machine(desired, { id: 'stranger', config: { image: 'theirs:1', metadata: {} } });
    expect(
      brief(plan(desired, observed({ machines: [...machines, stranger], volumes: [attached, taken] })).steps),
    ).toEqual(['volume.create shop/data/arn#2', 'machine.create shop/web/arn/2']);
  });

  test('that of a machine which is not there any more is free in a moment: no empty one takes its place', () => {
    const left = volume('vol_a', { size_gb: 2, attached_machine_id: 'gone' });
    const { steps, holds } = plan(mounted({ arn: 1 }), observed({ volumes: [left] }));
    expect(brief(steps)).toEqual([]);
    expect(holds).toMatchObject([{ reason: 'busy', retryAt: expect.any(Number) }]);
    expect(holds[0]?.because).toBe('1 volume data of web in arn still belongs to a machine that is gone');
  });

  test('count only raises, free ones are noted and never deleted, unmounted ones are made and noted', () => {
    const raised = mounted({ arn: 1 }, [wanted({ count: 2 }), wanted({ name: 'spare', group: undefined, count: 1 })]);
    const app = plan(raised, absent);
    expect(app.steps.filter((step) => step.kind === 'volume.create').map((step) => step.target)).toEqual([
      'shop/data/arn',
      'shop/data/arn#2',
      'shop/spare/arn',
    ]);
    expect(app.notes).toContain('volume spare is mounted by no process group');
    const idle = plan(mounted({ arn: 0 }), observed({ volumes: [volume('vol_a', { size_gb: 9 })] }));
    expect(idle.steps).toEqual([]);
    expect(idle.notes).toEqual(['1 volume data in arn is used by no machine; FlyCD deletes no volume']);
  });

  test('grows, never shrinks, and takes git’s snapshot settings', () => {
    const settings = [wanted({ snapshotRetentionDays: 7, scheduledSnapshots: true })];
    const desired = mounted({ arn: 1 }, settings);
    const small = volume('vol_a', {
      size_gb: 1,
      attached_machine_id: 'webarn1',
      snapshot_retention: 5,
      auto_backup_enabled: true,
    });
    const app = plan(desired, observed({ machines: [withVolume(desired, 'vol_a')], volumes: [small] }));
    expect(brief(app.steps)).toEqual([
      'volume.configure shop/data/arn',
      'volume.extend shop/data/arn',
      'machine.restart shop/web/arn/1',
    ]);
    expect(only(app.steps, 'volume.configure').changes).toEqual([{ path: 'snapshot_retention', from: 5, to: 7 }]);
    expect(only(app.steps, 'volume.extend')).toMatchObject({ risk: 'costs', volumeId: 'vol_a', sizeGb: 2 });
    const large = volume('vol_a', { size_gb: 50, attached_machine_id: 'webarn1' });
    expect(plan(desired, observed({ machines: [withVolume(desired, 'vol_a')], volumes: [large] })).steps).toEqual([]);
  });

  test('leaving a region is held; scaling down in one is not', () => {
    const before = mounted({ arn: 2, ams: 1 });
    const machines = [
      withVolume(before, 'v1'),
      withVolume(before, 'v2', { number: 2 }),
      withVolume(before, 'v3', { region: 'ams' }),
    ];
    const app = plan(
      mounted({ arn: 1 }),
      observed({ machines, volumes: [volume('v1', { size_gb: 2, attached_machine_id: 'webarn1' })] }),
    );
    expect(brief(app.steps)).toEqual(['machine.destroy shop/web/arn/2']);
    expect(holdsOf(app)).toEqual(['volume']);
    expect(brief(app.holds[0]?.steps ?? [])).toEqual(['machine.destroy shop/web/ams/1']);
  });

  test('a place whose machine is going waits for its volume; without volumes it is filled at once', () => {
    const desired = mounted({ arn: 1 });
    const going = withVolume(desired, 'v1', { state: 'destroying' });
    const world = observed({ machines: [going], volumes: [volume('v1', { attached_machine_id: 'webarn1' })] });
    const app = plan(desired, world, { memory: { known: true } });
    expect(app).toMatchObject({ steps: [], status: 'held', holds: [{ reason: 'busy', retryAt: now + 10_000 }] });
    const plain = desiredApp({ groups: [group({ counts: { arn: 1 } })] });
    expect(brief(plan(plain, observed({ machines: [machine(plain, { state: 'destroying' })] })).steps)).toEqual([
      'release shop',
    ]);
  });

  test('another path is an update that keeps the volume', () => {
    const desired = mounted({ arn: 1 });
    const live = machine(desired, { config: { mounts: [{ volume: 'v1', name: 'data', path: '/old' }] } });
    const world = observed({
      machines: [live],
      volumes: [volume('v1', { size_gb: 2, attached_machine_id: 'webarn1' })],
    });
    expect(only(plan(desired, world).steps, 'machine.update').config.mounts).toEqual([
      { volume: 'v1', name: 'data', path: '/data' },
    ]);
  });

  test('after a lost answer the volume and the machines that need it wait', () => {
    const intent = {
      id: 1,
      kind: 'volume.create',
      target: 'shop/data/arn',
      createdAt: now - 1000,
      before: [],
    } as const;
    const app = plan(mounted({ arn: 1 }), observed(), {
      memory: { intents: [intent], known: true },
      options: { patience: 'requeue' },
    });
    expect(app.steps).toEqual([]);
    expect(app.holds).toMatchObject([{ reason: 'intent', retryAt: now + 59_000 }]);
    expect(brief(app.holds[0]?.steps ?? [])).toEqual(['volume.create shop/data/arn', 'release shop']);
  });
});
