import { expect, test } from 'vitest';
import type { World } from '../../../simulator/world/world.ts';
import type { AppIdea, FleetIdea } from '../world/fleet.ts';
import { app, fleet, holding, machine, plain, said, web } from './copies/spoiled.ts';
import { stillHeld, type Calm, type PlannedApp } from './invariants.ts';

test('a synced app breaks none', async () => {
  expect(await said(() => undefined)).toEqual([]);
});

const planted: readonly (readonly [string, (world: World) => void])[] = [
  ['runs other', (world) => (web(world).config.image = 'other')],
  ['has GREETING=bye', (world) => (web(world).config.env = { ...web(world).config.env, GREETING: 'bye' })],
  ['has 256 MB', (world) => (web(world).config.guest = { memory_mb: 256 })],
  ['serves nothing', (world) => (web(world).config.services = [])],
  ['is stopped', (world) => (web(world).state = 'stopped')],
  ['runs with another PASSWORD', (world) => (web(world).booted = undefined)],
  ['PASSWORD is not the one', (world) => world.apps.get('app-1')?.secrets.byName.clear()],
  [
    'web: 1 machines, git wants 0 in ams',
    (world) => {
      const found = world.apps.get('app-1');
      found?.machines.set('x', { ...web(world), id: 'x', name: 'x', region: 'ams' });
    },
  ],
  ['has schedule daily, git wants undefined', (world) => (web(world).config.schedule = 'daily')],
  [
    'shared_v4 1.2.3.4 is not listed',
    (world) => {
      const addresses = world.apps.get('app-1')?.addresses;
      for (const one of Array.from(addresses?.values() ?? []))
        addresses?.set('1.2.3.4', { ...one, ip: '1.2.3.4', kind: 'shared_v4' });
    },
  ],
  ['1 machines, git wants 2 in arn', (world) => (web(world).state = 'destroyed')],
  [
    'which git does not name',
    (world) => (web(world).config.metadata = { flycd_fleet: 'storm', fly_process_group: 'x' }),
  ],
  ['no v6 address', (world) => world.apps.get('app-1')?.addresses.clear()],
  [
    'has a volume of 1 GB',
    (world) => [...(world.apps.get('app-1')?.volumes.values() ?? [])].map((v) => (v.sizeGb = 1)),
  ],
  ["theirs, somebody else's, is gone", (world) => (machine(world, 'theirs').state = 'destroyed')],
  ["theirs, somebody else's, was changed", (world) => (machine(world, 'theirs').config.image = 'ours')],
  ['app-1: not on Fly', (world) => world.apps.delete('app-1')],
  [
    'is still leased',
    (world) =>
      (web(world).lease = { nonce: 'x', owner: 'y', description: 'flycd:storm:z', expiresAt: world.now() + 1000 }),
  ],
  [
    'are both web/arn/1',
    (world) => {
      const second = machine(world, 'web-arn-2-g1');
      second.config.metadata = { ...second.config.metadata, flycd_slot: 'web/arn/1' };
    },
  ],
  ['app-1/worker: 0 and 1 to stand in', (world) => (machine(world, 'worker-arn-1-g1').state = 'destroyed')],
  ['app-1/worker: 1 and 0 to stand in', (world) => (machine(world, 'worker-arn-2-g1').state = 'destroyed')],
  ['is a standby of no machine that is there', (world) => (machine(world, 'worker-arn-1-g1').state = 'destroyed')],
  [
    'web-arn-1-g1 is a standby in a group that has none',
    (world) => (web(world).config.standbys = [machine(world, 'web-arn-2-g1').id]),
  ],
  [
    'app-1/store_data in arn: 2 of them',
    (world) => {
      const volumes = world.apps.get('app-1')?.volumes;
      for (const volume of Array.from(volumes?.values() ?? [])) volumes?.set('vol_2', { ...volume, id: 'vol_2' });
    },
  ],
  [
    'app-1/v6: 2 of them',
    (world) => {
      const addresses = world.apps.get('app-1')?.addresses;
      for (const address of Array.from(addresses?.values() ?? [])) addresses?.set('::1', { ...address, ip: '::1' });
    },
  ],
  [
    'is used by no machine, and nobody says so',
    (world) => [...(world.apps.get('app-1')?.volumes.values() ?? [])].map((v) => (v.attachedMachine = undefined)),
  ],
];

test.each(planted)('found: %s', async (words, spoil) => {
  expect((await said(spoil)).join('\n')).toContain(words);
});

const plans: readonly (readonly [string, Partial<PlannedApp>])[] = [
  ['machine.start is still planned', { steps: [{ kind: 'machine.start', target: 'app-1', because: 'why' }] }],
  ['still busy: somebody', { status: 'held', holds: [{ reason: 'busy', because: 'somebody', steps: [] }] }],
  ['pending, and no hold says why', { status: 'pending' }],
  ['app-1: not in the plan', { app: 'another' }],
];

test.each(plans)('found in the plan: %s', async (words, change) => {
  expect((await said(() => undefined, [{ ...plain, ...change }])).join('\n')).toContain(words);
});

const other = (world: World): void => {
  web(world).config.image = 'other';
};
test('a secret that git names no more and may be pruned, unless a person set it', async () => {
  const { secret: _secret, ...others } = app;
  const without: AppIdea = { ...others, secret: undefined };
  const left = (byHand: Calm['byHand'] = new Map()) => said(() => undefined, [plain], byHand, { apps: [without] });
  expect(await left()).toEqual(['app-1: git does not name PASSWORD']);
  expect(await left(new Map([['app-1/PASSWORD', 1]]))).toEqual([]);
});

test('under `drift: off` what a note speaks of stays, and a stop; never a machine that is gone', async () => {
  const off: FleetIdea = { apps: [{ ...app, drift: 'off' }] };
  const noted = { ...plain, notes: ['web/arn/1 (x1) differs from git; drift is not healed here (sync.drift: off)'] };
  const under = (spoil: (world: World) => void, plan: PlannedApp = noted) => said(spoil, [plan], new Map(), off);
  expect(await under(other)).toEqual([]);
  expect(await under((world) => (web(world).state = 'stopped'))).toEqual([]);
  const neverRan = (world: World) => Object.assign(web(world), { state: 'stopped', booted: undefined });
  expect(await under(neverRan)).toEqual(['app-1: web-arn-1-g1 is stopped']);
  const madeByHand = (world: World) => Object.assign(neverRan(world), { name: 'lively-leaf-1847' });
  expect(await under(madeByHand)).toEqual([]);
  expect(await under(other, plain)).toHaveLength(1);
  expect(await under((world) => (web(world).state = 'destroyed'))).toHaveLength(1);
});

test('a standby of no machine, where a hold says that somebody deployed so; under no other hold', async () => {
  const gone = (world: World): void => {
    machine(world, 'worker-arn-1-g1').state = 'destroyed';
  };
  const of = 'app-1/worker/arn/2';
  const words = 'is a standby of no machine that is there';
  const held = holding(of);
  expect((await said(gone, [held])).join('\n')).not.toContain(words);
  expect((await said(gone, [holding('app-1/web/arn/1')])).join('\n')).toContain(words);
  const holds = held.holds.map((hold) => ({ ...hold, reason: 'drift' }));
  expect((await said(gone, [{ ...held, holds }])).join('\n')).toContain(words);
});

test('a standby that git no longer wants stays where a hold says that somebody deployed by hand meanwhile', async () => {
  const standby = (world: World): void => {
    web(world).config.standbys = [machine(world, 'web-arn-2-g1').id];
  };
  const words = 'web-arn-1-g1 is a standby in a group that has none';
  expect((await said(standby, [holding('app-1/web/arn/1')])).join('\n')).not.toContain(words);
  expect((await said(standby, [holding('app-1/web/arn/2')])).join('\n')).toContain(words);
});

test('a standby of no machine under `drift: off`, where a note says that what a deployment made of it stays', async () => {
  const gone = (world: World): void => {
    const standby = machine(world, 'worker-arn-2-g1');
    const copy = { ...standby, id: 'copy', name: 'quiet-dew-1' };
    Object.assign(standby, { state: 'destroyed' });
    Object.assign(machine(world, 'worker-arn-1-g1'), { state: 'destroyed' });
    world.apps.get('app-1')?.machines.set('copy', copy);
  };
  const differs = 'worker/arn/2 (copy) differs from git; drift is not healed here (sync.drift: off)';
  const words = 'quiet-dew-1 is a standby of no machine that is there';
  const under = async (...notes: readonly string[]) => (await said(gone, [{ ...plain, notes }])).join('\n');
  expect(await under(differs)).not.toContain(words);
  expect(await under()).toContain(words);
  expect(await under(differs.replace('(copy)', '(another)'))).toContain(words);
});

test.each([
  ['a group of a count', 'web-arn-1-g1'],
  ['a group of none', 'worker-arn-1-g1'],
])('a canary that somebody left of %s is none of the machines, and has to be spoken of', async (_what, of) => {
  const left = (world: World): void => {
    const found = machine(world, of);
    const config = { ...found.config, image: 'other', metadata: { ...found.config.metadata, fly_canary: 'true' } };
    world.apps.get('app-1')?.machines.set('x', { ...found, id: 'x', name: 'quiet-dew-1', config });
  };
  expect(await said(left)).toEqual(['app-1: quiet-dew-1 is a canary that somebody left']);
  expect(await said(left, [holding('app-1/x')])).toEqual([]);
  const stays = (count: string) => `${count} left as a canary, stay; drift is not healed here (sync.drift: off)`;
  expect(await said(left, [{ ...plain, notes: [stays('1 machine')] }])).toEqual([]);
  expect(await said(left, [{ ...plain, notes: [stays('2 machines')] }])).toHaveLength(1);
});

test('an address that stays as long as the app is rolled back is no finding', async () => {
  const step = { kind: 'address.release', target: 'app-1/1.2.3.4', because: 'git does not list it' };
  const rolledBack = { reason: 'rollback', because: 'rolled back', steps: [step] };
  const stays = (world: World): void => {
    const addresses = world.apps.get('app-1')?.addresses;
    for (const one of Array.from(addresses?.values() ?? []))
      addresses?.set('1.2.3.4', { ...one, ip: '1.2.3.4', kind: 'shared_v4' });
  };
  const plan = { ...plain, status: 'held', holds: [rolledBack] };
  expect(await said(stays, [plan], new Map([['app-1/shared_v4', 1]]))).toEqual([]);
  const other = { ...rolledBack, steps: [] };
  expect(await said(stays, [{ ...plan, holds: [other] }], new Map([['app-1/shared_v4', 1]]))).toEqual([
    'app-1: shared_v4 1.2.3.4 is not listed',
  ]);
});

test('what waits behind a rollback excuses nothing: the app is where it was sent', async () => {
  const behind = holding('app-1/web/arn/1');
  const holds = behind.holds.map((hold) => ({ ...hold, reason: 'rollback' }));
  expect(await said(other, [{ ...behind, holds }])).toEqual([
    expect.stringContaining('app-1: web-arn-1-g1 runs other'),
  ]);
});

test('a version that nobody remembers excuses it, unless git has a history', async () => {
  const lost = (why: string): PlannedApp => {
    const because = `rolled back; but it cannot be given back: content:1: ${why}; no machine remembers it`;
    return { ...plain, status: 'held', holds: [{ reason: 'rollback', because, steps: [] }] };
  };
  expect(await said(other, [lost('the config has no git history')])).toEqual([]);
  expect(await said(other, [lost('git could not be read')])).toHaveLength(1);
  const gone = (world: World): void => {
    machine(world, 'worker-arn-2-g1').state = 'destroyed';
  };
  expect(await said(gone, [lost('the config has no git history')])).toEqual([]);
  expect(await said(gone, [lost('git could not be read')])).toHaveLength(1);
});

test('what a hold says is no difference', async () => {
  expect(await said(other, [holding('app-1/web/arn/1')])).toEqual([]);
});

test('first machines that a hold keeps from being made are excused, others are not', async () => {
  const gone = (world: World): void => {
    machine(world, 'worker-arn-2-g1').state = 'destroyed';
  };
  expect(await said(gone, [holding('app-1/worker/arn/2')])).toEqual([]);
  expect(await said(gone, [holding('app-1/web/arn/2')])).toHaveLength(1);
});

test.each([
  ['web', 1, 'web-arn-1-g1 has no volume'],
  ['store', undefined, 'store-arn-1-g1 has a volume'],
])('found: %s with volumes of %s GB in git: %s', async (name, volumeGb, found) => {
  const group = app.groups[name];
  if (group === undefined) throw new Error(`no ${name}`);
  const wanted = { apps: [{ ...app, groups: { ...app.groups, [name]: { ...group, volumeGb } } }] };
  expect(await said(() => undefined, [plain], new Map(), wanted)).toContain(`app-1: ${found}`);
});

test('a hold on another machine, or on another kind, excuses nothing', async () => {
  const found = [expect.stringContaining('app-1: web-arn-1-g1 runs other')];
  expect(await said(other, [holding('app-1/web/arn/2')])).toEqual(found);
  expect(await said(other, [holding('app-1/PASSWORD')])).toEqual(found);
});

test('machines run with a value that Fly has where a hold leaves it there, and with no other', async () => {
  const set =
    (onFly: string, booted: string) =>
    (world: World): void => {
      const secret = world.apps.get('app-1')?.secrets.byName.get('PASSWORD');
      if (secret !== undefined) secret.value = onFly;
      web(world).booted = { secretsVersion: 1, secrets: { PASSWORD: booted } };
    };
  const held = [holding('app-1/PASSWORD')];
  const found = 'app-1: web-arn-1-g1 runs with another PASSWORD than git names';
  expect(await said(set('by hand', 'by hand'), held)).toEqual([]);
  expect(await said(set('by hand', 'older'), held)).toEqual([found]);
  expect(await said(set('by hand', 'by hand'), [plain])).toContain(found);
});

test('a secret that somebody else set first is no difference where a note says that it is unverified', async () => {
  const changed = (world: World): void => {
    const secret = world.apps.get('app-1')?.secrets.byName.get('PASSWORD');
    if (secret !== undefined) secret.value = 'by hand';
  };
  const noted = { ...plain, notes: ['PASSWORD on Fly: unverified, set anew with the next release'] };
  const byHand = new Map([['app-1/PASSWORD', 1]]);
  expect(await said(changed, [noted], byHand)).toEqual([]);
  // So does another repo's, which began the app at the same moment and left it to this one.
  expect(await said(changed, [noted], new Map(), fleet, new Set(['app-1']))).toEqual([]);
  const found = 'app-1: PASSWORD is not the one git names';
  expect(await said(changed, [noted])).toEqual([found]);
  expect(await said(changed, [plain], byHand)).toEqual([found]);
});

test('what is held after a person has confirmed it', () => {
  const held = (reason: string, because: string): PlannedApp => ({ ...plain, holds: [{ reason, because, steps: [] }] });
  expect(stillHeld([held('brake', '4 removals'), held('volume', 'web leaves arn')], fleet)).toEqual([
    'confirmed, and still held: brake: 4 removals',
    'confirmed, and still held: volume: web leaves arn',
  ]);
  expect(stillHeld([plain], fleet)).toEqual([]);
  // An app that is gone from git goes with its volumes by its name alone.
  const gone = { ...held('volume', '2 volumes would go with it'), app: 'app-9' };
  expect(stillHeld([gone], fleet)).toEqual([]);
  const foreign = held('destructive', 'git does not name it. None of its releases has succeeded');
  expect(stillHeld([{ ...foreign, app: 'app-9' }], fleet)).toEqual([]);
  expect(stillHeld([foreign], fleet)).toHaveLength(1);
  expect(stillHeld([{ ...gone, holds: held('brake', 'too many').holds }], fleet)).toHaveLength(1);
});

test('under `drift: off` a group that somebody emptied stays without a machine, where a note says so of that one', async () => {
  const off: FleetIdea = {
    apps: [{ ...app, drift: 'off', groups: { ...app.groups, web: { ...app.groups['web'], count: undefined } } }],
  } as FleetIdea;
  const taken = (world: World): void => {
    for (const one of world.apps.get('app-1')?.machines.values() ?? [])
      if (one.config.metadata?.['fly_process_group'] === 'web') one.state = 'destroyed';
  };
  const by = (group: string, who: string) =>
    `${group} has no machine: ${who} took the last one away; drift is not healed here (sync.drift: off)`;
  const under = (...notes: readonly string[]) => said(taken, [{ ...plain, notes }], new Map(), off);
  const found = expect.arrayContaining(['app-1/web: no machines']);
  for (const who of ['a deployment by flyctl', 'somebody']) expect(await under(by('web', who))).not.toEqual(found);
  expect(await under()).toEqual(found);
  expect(await under(by('worker', 'a deployment by flyctl'))).toEqual(found);
  expect(await under(by('web', 'FlyCD'))).toEqual(found);
});

test('an address too many is no finding where two FlyCDs began the app at once, and a note says so', async () => {
  const second = (world: World): void => {
    const addresses = world.apps.get('app-1')?.addresses;
    for (const address of Array.from(addresses?.values() ?? [])) addresses?.set('::1', { ...address, ip: '::1' });
  };
  const noted = { ...plain, notes: ['git does not list ::1; left alone'] };
  expect(await said(second, [noted], new Map(), fleet, new Set(['app-1']))).toEqual([]);
  expect(await said(second, [noted])).toHaveLength(1);
  expect(await said(second, [plain], new Map(), fleet, new Set(['app-1']))).toHaveLength(1);
});
