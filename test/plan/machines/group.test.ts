import { describe, expect, test } from 'vitest';
import { configVersion, readHash } from '../../../src/flyconfig/live/version.ts';
import { formatRead, formatSent } from '../../../src/model/stamps/stamps.ts';
import { stampKeys } from '../../../src/model/stamps/keys.ts';
import {
  absent,
  brief,
  desiredApp,
  digest,
  fleet,
  flyctlMachine,
  group,
  holdsOf,
  image,
  machine,
  now,
  observed,
  only,
  plan,
  webService,
  writes,
} from '../builders.ts';

const one = desiredApp({ groups: [group({ counts: { arn: 1 } })] });
const silentNetwork = { network: { ips: [], autoPruneIps: false } };

describe('in sync', () => {
  test('what we sent and read back plans nothing', () => {
    const desired = desiredApp();
    const app = plan(desired, observed({ machines: [machine(desired), machine(desired, { number: 2 })] }));
    expect(app).toMatchObject({ status: 'synced', steps: [], holds: [], notes: [] });
  });

  test('FLYCD_* env alone never causes an update', () => {
    const desired = { ...one, appVersion: 'git:0000' };
    expect(plan(desired, observed({ machines: [machine(one)] })).steps).toEqual([]);
  });

  test('an env changed by hand is drift, with its field path, laid over the live config', () => {
    const live = machine(one, { config: { env: { COLOR: 'blue' }, dns: { nameservers: ['1.1.1.1'] } } });
    const app = plan(one, observed({ machines: [live] }));
    const step = only(app.steps, 'machine.update');
    expect(app.status).toBe('drifted');
    expect(step).toMatchObject({ target: 'shop/web/arn/1', reason: 'drift', risk: 'restart', skipLaunch: false });
    expect(step.changes).toEqual([{ path: 'env.COLOR', from: 'blue', to: 'red' }]);
    expect(step.config['dns']).toEqual({ nameservers: ['1.1.1.1'] });
    expect(step.config.env).toMatchObject({ COLOR: 'red', FLYCD_CONFIG_VERSION: `c1:${one.groups[0]?.configVersion}` });
    expect(step.config.image).toBe(image);
  });

  test('live moved only in what git does not name: a label and a note, no restart', () => {
    const live = machine(one, { config: { guest: { cpu_kind: 'shared', cpus: 2, memory_mb: 1024 } } });
    const app = plan(one, observed({ machines: [live] }));
    expect(brief(writes(app))).toEqual(['machine.label shop/web/arn/1']);
    expect(only(writes(app), 'machine.label').metadata).toEqual({
      [stampKeys.read]: formatRead(readHash(live.config ?? {})),
    });
    expect(app.notes).toEqual(['web/arn/1 changed on Fly in what git does not name']);
    expect(app.status).toBe('synced');
  });

  test('missing or unknown stamps are compared field by field and stamped, never updated for that alone', () => {
    for (const metadata of [{ [stampKeys.sent]: undefined }, { [stampKeys.sent]: 's9:what' }]) {
      const app = plan(one, observed({ machines: [machine(one, { metadata })] }));
      expect(brief(writes(app))).toEqual(['machine.label shop/web/arn/1']);
      expect(only(writes(app), 'machine.label').metadata[stampKeys.sent]).toMatch(/^s1:/);
    }
  });

  test('a create that was cut short before its read-back is stamped', () => {
    const metadata = { [stampKeys.read]: undefined, [stampKeys.machine]: undefined };
    const app = plan(one, observed({ machines: [machine(one, { metadata })] }));
    expect(Object.keys(only(writes(app), 'machine.label').metadata).toSorted()).toEqual([
      'flycd_machine',
      'flycd_read',
    ]);
    expect(app).toMatchObject({ steps: [], status: 'synced' });
  });

  test('what the platform keeps its own way is said and not written again, until git moves', () => {
    const metadata = { [stampKeys.kept]: JSON.stringify(['env.COLOR']), [stampKeys.read]: 'r1:old' };
    const live = machine(one, { config: { env: { COLOR: 'PLATFORM' } } });
    const kept = { ...live, config: { ...live.config, metadata: { ...live.config?.metadata, ...metadata } } };
    const app = plan(one, observed({ machines: [kept] }));
    expect(brief(writes(app))).toEqual(['machine.label shop/web/arn/1']);
    expect(only(writes(app), 'machine.label').metadata).not.toHaveProperty(stampKeys.kept);
    expect(app.notes).toContain('the platform keeps env.COLOR its own way');
    const moved = group({ counts: { arn: 1 }, config: { env: { COLOR: 'green' }, services: [webService] } });
    expect(brief(plan({ ...one, groups: [moved] }, observed({ machines: [kept] })).steps)).toEqual(['release shop']);
  });

  test('inputs that moved without a new config version are stamped', () => {
    const app = plan({ ...one, inputs: 'j'.repeat(32) }, observed({ machines: [machine(one)] }));
    expect(only(writes(app), 'machine.label').metadata).toEqual({ [stampKeys.inputs]: 'j'.repeat(32) });
  });

  test('inputs that only lack a digest which no registry gave are left as they are', () => {
    const unresolved = {
      ...one,
      image: { kind: 'reference', ref: 'nginx:1', digest: undefined } as const,
      inputs: 'u',
    };
    expect(plan(unresolved, observed({ machines: [machine(one)] })).steps).toEqual([]);
  });

  test('a new config version without any difference is a new stamp', () => {
    const metadata = { [stampKeys.sent]: formatSent({ config: '0'.repeat(32), image: '1'.repeat(32) }) };
    const app = plan(one, observed({ machines: [machine(one, { metadata })] }));
    expect(brief(writes(app))).toEqual(['machine.label shop/web/arn/1']);
  });
});

describe('images', () => {
  const newDigest = `sha256:${'2'.repeat(64)}`;

  test('a new digest is a release that pins it', () => {
    const desired = { ...one, image: { kind: 'reference', ref: 'nginx:1', digest: newDigest } as const, inputs: 'n' };
    const release = only(plan(desired, observed({ machines: [machine(one)] })).steps, 'release');
    expect(release.machines[0]?.config.image).toBe(`nginx:1@${newDigest}`);
    expect(release).toMatchObject({ risk: 'restart', because: 'the image is new' });
    expect(release.changes).toEqual([{ path: 'image', from: image, to: `nginx:1@${newDigest}` }]);
  });

  test('another image set by hand is drift', () => {
    const live = machine(one, { config: { image: 'nginx:evil' }, image_ref: { digest: newDigest } });
    expect(only(plan(one, observed({ machines: [live] })).steps, 'machine.update')).toMatchObject({ reason: 'drift' });
  });

  test('an unresolvable tag is no change, and a sibling says which digest new machines get', () => {
    const desired = desiredApp({ image: { kind: 'reference', ref: 'nginx:1', digest: undefined } });
    const app = plan(desired, observed({ machines: [machine(desired)] }));
    const create = only(app.steps, 'machine.create');
    expect(brief(app.steps)).toEqual(['machine.create shop/web/arn/2']);
    expect(create.config.image).toBe(image);
  });

  test('without sibling and digest the tag is sent as written', () => {
    const desired = desiredApp({ image: { kind: 'reference', ref: 'nginx:1', digest: undefined }, ...silentNetwork });
    const release = only(plan(desired, absent).steps, 'release');
    expect(release.machines.map((step) => step.config.image)).toEqual(['nginx:1', 'nginx:1']);
  });

  const source = {
    type: 'git',
    repo: 'https://user:token@host/r?x=1',
    ref: 'main',
    path: '',
    commit: 'c0ffee',
  } as const;

  test('a build is held with everything that needs its image', () => {
    const desired = desiredApp({
      image: { kind: 'build', source, build: undefined },
      source,
      appVersion: 'git:c0ffee',
      ...silentNetwork,
    });
    const app = plan(desired, absent);
    expect(app.status).toBe('blocked');
    expect(app.steps, 'an app of which nobody knows what it is made from is not made').toEqual([]);
    expect(holdsOf(app)).toEqual(['build']);
    expect(brief(app.holds[0]?.steps ?? [])).toEqual(['app.create shop', 'image.build shop', 'release shop']);
  });

  test('machines that carry the app version run the wanted image, v0 ones with a bare commit too', () => {
    for (const version of ['git:c0ffee', 'c0ffee']) {
      const groups = [group({ counts: { arn: 2 } })];
      const desired = desiredApp({
        image: { kind: 'build', source, build: undefined },
        source,
        appVersion: 'git:c0ffee',
        groups,
      });
      const live = machine(desired, { config: { env: { COLOR: 'red', FLYCD_APP_VERSION: version } } });
      const app = plan(desired, observed({ machines: [live] }));
      expect(brief(app.steps)).toEqual(['machine.create shop/web/arn/2']);
      expect(only(app.steps, 'machine.create').config.image).toBe(image);
    }
  });

  test('the source is written down without credentials', () => {
    const desired = desiredApp({ source, appVersion: 'git:c0ffee', ...silentNetwork });
    const config = only(plan(desired, absent).steps, 'release').machines[0]?.config;
    expect(config?.env).toMatchObject({
      FLYCD_APP_SOURCE_TYPE: 'git',
      FLYCD_APP_SOURCE_REPO: 'https://host/r',
      FLYCD_APP_SOURCE_REF_BRANCH: 'main',
      FLYCD_APP_SOURCE_REF_COMMIT: 'c0ffee',
      FLYCD_APP_VERSION: 'git:c0ffee',
    });
    expect(JSON.stringify(config)).not.toContain('token');
  });
});

describe('counts and slots', () => {
  test('a new app: app, default addresses, one release with all machines', () => {
    const app = plan(desiredApp(), absent);
    expect(brief(app.steps)).toEqual([
      'app.create shop',
      'address.allocate shop/shared_v4',
      'address.allocate shop/v6',
      'release shop',
    ]);
    const release = only(app.steps, 'release');
    expect(brief(release.machines)).toEqual(['machine.create shop/web/arn/1', 'machine.create shop/web/arn/2']);
    expect(release.machines[0]?.config.metadata).toMatchObject({
      fly_platform_version: 'v2',
      fly_process_group: 'web',
      flycd_fleet: fleet,
      flycd_slot: 'web/arn/1',
    });
    expect(release.machines[0]?.config.metadata).not.toHaveProperty(stampKeys.machine);
    expect(release.risk).toBe('safe');
    expect(app.status).toBe('pending');
  });

  test('scale up takes the lowest free slot, without a release', () => {
    const desired = desiredApp({ groups: [group({ counts: { arn: 3 } })] });
    const app = plan(desired, observed({ machines: [machine(desired), machine(desired, { number: 3 })] }));
    expect(brief(app.steps)).toEqual(['machine.create shop/web/arn/2']);
  });

  test('scale up copies the size that a human gave where git names none', () => {
    const guest = { cpu_kind: 'performance', cpus: 2, memory_mb: 4096 };
    const live = machine(one, { config: { guest } });
    const read = { [stampKeys.read]: formatRead(readHash(live.config ?? {})) };
    const stamped = { ...live, config: { ...live.config, metadata: { ...live.config?.metadata, ...read } } };
    expect(only(plan(desiredApp(), observed({ machines: [stamped] })).steps, 'machine.create').config.guest).toEqual(
      guest,
    );
  });

  test('scale down takes the highest slot, which is neither compared nor updated', () => {
    const machines = [
      machine(one),
      machine(one, { number: 2, config: { env: { COLOR: 'x' } } }),
      machine(one, { number: 10 }),
    ];
    const app = plan(one, observed({ machines }));
    expect(brief(app.steps)).toEqual(['machine.destroy shop/web/arn/2', 'machine.destroy shop/web/arn/10']);
    expect(app.steps.map((step) => step.risk)).toEqual(['safe', 'safe']);
  });

  test('a region that git no longer gives a count is left; count 0 is exactly zero', () => {
    const desired = desiredApp({ groups: [group({ counts: { arn: 0, ams: 1 } })] });
    const app = plan(
      desired,
      observed({
        machines: [machine(desired), machine(desired, { region: 'ams' }), machine(desired, { region: 'fra' })],
      }),
    );
    expect(brief(app.steps)).toEqual(['machine.destroy shop/web/arn/1', 'machine.destroy shop/web/fra/1']);
  });

  const table: readonly (readonly [
    string,
    Parameters<typeof group>[0],
    Parameters<typeof desiredApp>[0],
    readonly string[],
  ])[] = [
    ['two with services', {}, {}, ['web/arn/1', 'web/arn/2']],
    ['one in each extra region', {}, { regions: ['arn', 'ams'] }, ['web/ams/1', 'web/arn/1', 'web/arn/2']],
    ['one with mounts', { mount: { volume: 'data', path: '/d' } }, {}, ['web/arn/1']],
    ['one and a standby without services', { config: { env: {} } }, {}, ['web/arn/1', 'web/arn/2']],
    ['one without services and high availability', { config: { env: {} } }, { highAvailability: false }, ['web/arn/1']],
    [
      'the standby comes beside the first machine',
      { config: { env: {} } },
      { regions: ['arn', 'ams'] },
      ['web/ams/1', 'web/arn/1', 'web/arn/2'],
    ],
    ['one without high availability', {}, { highAvailability: false }, ['web/arn/1']],
    [
      'what min_machines_running needs',
      { config: { services: [{ ...webService, min_machines_running: 3 }] } },
      {},
      ['web/arn/1', 'web/arn/2', 'web/arn/3'],
    ],
  ];
  test.each(table)('no count: %s', (_name, groupParts, appParts, slots) => {
    const desired = desiredApp({ groups: [group({ ...groupParts, counts: undefined })], ...appParts });
    const release = only(plan(desired, absent).steps, 'release');
    expect(release.machines.map((step) => step.target)).toEqual(slots.map((slot) => `shop/${slot}`));
  });

  test('no count: a first release that was cut short is completed, then what is there counts', () => {
    const desired = desiredApp({ groups: [group({ counts: undefined })] });
    const first = machine(desired, { metadata: { [stampKeys.first]: '2' } });
    expect(brief(plan(desired, observed({ machines: [first] })).steps)).toEqual(['machine.create shop/web/arn/2']);
    const both = plan(desired, observed({ machines: [first, machine(desired, { number: 2 })] }));
    expect(only(writes(both), 'machine.label').metadata).toEqual({ [stampKeys.first]: null });
    expect(plan(desired, observed({ machines: [machine(desired)] })).steps).toEqual([]);
  });

  test('no count: a region that git adds later is said', () => {
    const desired = desiredApp({ groups: [group({ counts: undefined })], regions: ['arn', 'fra'] });
    const app = plan(desired, observed({ machines: [machine(desired)] }));
    expect(app.steps).toEqual([]);
    expect(app.notes).toEqual(['web has no machine in fra and git gives no count: machines.count makes it exact']);
  });

  test('autoscaled leaves counts to another and still updates', () => {
    const desired = desiredApp({ groups: [group({ autoscaled: true, counts: { arn: 5 } })] });
    const machines = [machine(desired), machine(desired, { number: 2, config: { env: { COLOR: 'x' } } })];
    expect(brief(plan(desired, observed({ machines })).steps)).toEqual(['machine.update shop/web/arn/2']);
  });

  test('a copy takes the next free slot by label; a surplus copy is scaled down', () => {
    const desired = desiredApp();
    const copy = machine(desired, {
      id: 'copy',
      created_at: new Date(now).toISOString(),
      metadata: { [stampKeys.machine]: 'webarn1' },
    });
    const app = plan(desired, observed({ machines: [copy, machine(desired)] }));
    expect(brief(writes(app))).toEqual(['machine.label shop/web/arn/2']);
    expect(only(writes(app), 'machine.label')).toMatchObject({
      machineId: 'copy',
      metadata: { [stampKeys.slot]: 'web/arn/2', [stampKeys.machine]: 'copy' },
    });
    expect(only(plan(one, observed({ machines: [copy, machine(one)] })).steps, 'machine.destroy').machineId).toBe(
      'copy',
    );
  });

  test('of two that carry one slot, the machine that was stamped itself keeps it, however old the other one is', () => {
    const desired = desiredApp();
    const made = machine(desired, {
      id: 'a',
      created_at: new Date(now - 86_400_000).toISOString(),
      metadata: { [stampKeys.machine]: undefined },
    });
    const app = plan(desired, observed({ machines: [made, machine(desired, { id: 'b' })] }));
    const labels = writes(app).flatMap((step) => (step.kind === 'machine.label' ? [step] : []));
    expect(labels.filter(({ metadata }) => metadata[stampKeys.slot] !== undefined)).toMatchObject([
      { machineId: 'a', metadata: { [stampKeys.slot]: 'web/arn/2' } },
    ]);
  });

  test("flyctl's machine in an app of ours counts, is stamped, and is drift where it differs", () => {
    const desired = desiredApp();
    const same = plan(desired, observed({ machines: [machine(desired), flyctlMachine(desired, { id: 'human' })] }));
    expect(brief(writes(same))).toEqual(['machine.label shop/web/arn/2']);
    const other = flyctlMachine(desired, { id: 'human', config: { env: { COLOR: 'x' } } });
    const step = only(plan(desired, observed({ machines: [machine(desired), other] })).steps, 'machine.update');
    expect(step).toMatchObject({ target: 'shop/web/arn/2', reason: 'drift' });
  });
});

describe('releases', () => {
  const next = group({ config: { env: { COLOR: 'green' }, services: [webService] } });

  test('one for all machines where none carries what git wants', () => {
    const desired = desiredApp();
    const app = plan(
      desiredApp({ groups: [next], inputs: 'n' }),
      observed({ machines: [machine(desired), machine(desired, { number: 2 })] }),
    );
    expect(brief(app.steps)).toEqual(['release shop']);
    expect(only(app.steps, 'release').changes).toEqual([{ path: 'env.COLOR', from: 'red', to: 'green' }]);
    expect(app.status).toBe('pending');
  });

  test('the rest of one that was cut short is plain updates for a change', () => {
    const wanted = desiredApp({ groups: [next], inputs: 'n' });
    const app = plan(wanted, observed({ machines: [machine(wanted), machine(desiredApp(), { number: 2 })] }));
    expect(brief(app.steps)).toEqual(['machine.update shop/web/arn/2']);
    expect(only(app.steps, 'machine.update').reason).toBe('change');
  });

  test('a heal in another group stays outside', () => {
    const worker = group({ name: 'worker', config: { env: { A: '1' } }, counts: { arn: 1 } });
    const before = desiredApp({ groups: [group({ counts: { arn: 1 } }), worker] });
    const wanted = { ...before, groups: [{ ...next, counts: { arn: 1 } }, worker], inputs: 'n' };
    const machines = [machine(before), machine(before, { group: 'worker', config: { env: { A: '2' } } })];
    expect(brief(plan(wanted, observed({ machines })).steps)).toEqual([
      'release shop',
      'machine.update shop/worker/arn/1',
    ]);
  });

  test('forced: every machine, without changes', () => {
    const app = plan(one, observed({ machines: [machine(one)] }), { options: { force: true } });
    expect(only(app.steps, 'machine.update')).toMatchObject({ because: 'forced', changes: [], reason: 'change' });
  });

  test('an update clears what is read back after it and keeps what is not ours', () => {
    const live = machine(one, {
      metadata: { team: 'red', [stampKeys.kept]: '[]', fly_release_id: 'r1', [stampKeys.release]: 'r1' },
    });
    const wanted = { ...one, groups: [{ ...next, counts: { arn: 1 } }] };
    const metadata = only(plan(wanted, observed({ machines: [live] })).steps, 'release').machines[0]?.config.metadata;
    expect(metadata).toMatchObject({
      team: 'red',
      fly_release_id: 'r1',
      [stampKeys.release]: 'r1',
      [stampKeys.slot]: 'web/arn/1',
    });
    for (const key of ['read', 'kept', 'launch', 'machine'] as const)
      expect(metadata).not.toHaveProperty(stampKeys[key]);
  });

  test('a new FlyCD that maps the same inputs differently is marked for the brake', () => {
    const release = only(
      plan({ ...one, groups: [{ ...next, counts: { arn: 1 } }] }, observed({ machines: [machine(one)] })).steps,
      'release',
    );
    expect(release.machines[0]).toMatchObject({ remapped: true });
    expect(release.machines[0]).not.toHaveProperty('unknownInputs');
  });

  // Whether git moved, such a stamp cannot tell: what an older FlyCD hashed, and what a newer one will.
  test.each([
    ['an older scheme', 'i'.repeat(32)],
    ['an unknown scheme', `i3:${'i'.repeat(32)}`],
    ['no scheme that anybody knows', 'what'],
    ['no stamp at all', undefined],
  ])('inputs of %s count as unchanged', (_what, stamp) => {
    const metadata = { [stampKeys.inputs]: stamp };
    const wanted = { ...one, inputs: `i2:${'j'.repeat(32)}` };
    const moved = { ...wanted, groups: [{ ...next, counts: { arn: 1 } }] };
    const mapped = plan(moved, observed({ machines: [machine(one, { metadata })] }));
    expect(only(mapped.steps, 'release').machines[0]).toMatchObject({ remapped: true, unknownInputs: true });
    // An image that somebody has set by hand, and git's own is another by now.
    const newer = { ...wanted, image: { kind: 'reference', ref: 'nginx:2', digest } as const };
    const byHand = machine(one, { metadata, config: { image: 'nginx:evil' }, image_ref: {} });
    expect(only(plan(newer, observed({ machines: [byHand] })).steps, 'machine.update')).toMatchObject({
      reason: 'drift',
    });
    const label = only(writes(plan(wanted, observed({ machines: [machine(one, { metadata })] }))), 'machine.label');
    expect(label.metadata).toEqual({ [stampKeys.inputs]: wanted.inputs });
  });
});

test('versions in the builders are those of the mapped config', () => {
  expect(one.groups[0]?.configVersion).toBe(configVersion(one.groups[0]?.config ?? {}));
  expect(digest).toHaveLength(71);
});
