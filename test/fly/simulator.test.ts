import { describe, expect, it } from 'vitest';
import { startSimulator, type Simulator } from '../../simulator/simulator.ts';
import type { FlyWriter } from '../../src/fly/api.ts';
import { createFlyWriter } from '../../src/fly/client.ts';
import { createTransport } from '../../src/fly/http/transport.ts';
import { IdleClock } from '../../src/model/base/clock.ts';
import { SecretValue } from '../../src/model/base/secret-value.ts';
import { observeApp } from '../../src/observed/app.ts';
import { observeOrphans } from '../../src/observed/orphans.ts';
import { resolveOrganization } from '../../src/observed/organization.ts';
import { optionsFor, thrownBy } from './fake-fly.ts';

interface Stage extends AsyncDisposable {
  readonly clock: IdleClock;
  readonly simulator: Simulator;
  readonly fly: FlyWriter;
}

async function stage(): Promise<Stage> {
  const clock = new IdleClock();
  const simulator = await startSimulator({ clock, seed: 7 });
  const { url, token } = simulator;
  const fly = createFlyWriter(createTransport(optionsFor(url, clock, { token })));
  return { clock, simulator, fly, [Symbol.asyncDispose]: () => simulator.close() };
}

const config = {
  image: 'nginx:1',
  guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 256 },
  metadata: { flycd_fleet: 'main' },
};

async function withMachine({ fly }: Stage) {
  await fly.createApp({ name: 'shop', org: 'personal' });
  const made = await fly.createMachine('shop', { name: 'web-arn-1-g1', region: 'arn', config });
  await fly.wait('shop', made.id, { states: ['started'], version: made.instance_id, timeoutSeconds: 60 });
  return made;
}

describe('the client and the simulated Fly', () => {
  it('live through the life of a machine', async () => {
    await using s = await stage();
    const { fly } = s;
    const made = await withMachine(s);
    expect(await fly.machine('shop', made.id)).toMatchObject({ state: 'started', region: 'arn', name: 'web-arn-1-g1' });

    const nonce = await fly.acquireLease('shop', made.id, { ttlSeconds: 30, description: 'flycd:main:1' });
    expect(await fly.lease('shop', made.id)).toMatchObject({ description: 'flycd:main:1' });
    const before = await fly.lease('shop', made.id);
    await fly.refreshLease('shop', made.id, nonce, { ttlSeconds: 60, patienceMs: 10_000 });
    const later = await fly.lease('shop', made.id);
    expect(later?.expires_at).toBeGreaterThan(before?.expires_at ?? Infinity);

    const request = { config: { ...config, env: { A: '1' } }, current_version: made.instance_id ?? '' };
    const updated = await fly.updateMachine('shop', made.id, request, nonce);
    expect(updated.instance_id).not.toBe(made.instance_id);
    const version = updated.instance_id;
    expect(await fly.wait('shop', made.id, { states: ['started'], version, timeoutSeconds: 60 })).toBe('reached');
    expect((await fly.machines('shop'))[0]).toMatchObject({
      config: { env: { A: '1' } },
      lease: { description: 'flycd:main:1' },
    });

    await fly.patchMetadata('shop', made.id, { flycd_slot: 'web/arn/1' });
    await fly.cordonMachine('shop', made.id, nonce);
    expect(await fly.machine('shop', made.id)).toMatchObject({ cordoned: true, instance_id: version });
    await fly.uncordonMachine('shop', made.id, nonce);
    await fly.stopMachine('shop', made.id, nonce);
    expect(await fly.wait('shop', made.id, { states: ['stopped'], version, timeoutSeconds: 60 })).toBe('reached');
    await fly.startMachine('shop', made.id, nonce);
    expect(await fly.wait('shop', made.id, { states: ['started'], version, timeoutSeconds: 60 })).toBe('reached');
    await fly.releaseLease('shop', made.id, nonce);
    await fly.releaseLease('shop', made.id, nonce);
    await fly.destroyMachine('shop', made.id);
    expect(await fly.wait('shop', made.id, { states: ['destroyed'], timeoutSeconds: 60 })).toMatch(/reached|gone/);
    expect(await fly.machines('shop')).toEqual([]);
    expect((await fly.machines('shop', { includeDeleted: true })).map(({ id }) => id)).toEqual([made.id]);
    expect(s.simulator.world.requests.filter(({ status }) => status === 429)).toEqual([]);
  });

  it('agree on volumes, secrets, addresses and what else an app has', async () => {
    await using s = await stage();
    const { fly } = s;
    await fly.createApp({ name: 'shop', org: 'personal' });
    const made = await fly.createVolume('shop', { name: 'data', region: 'arn', size_gb: 1 });
    expect((await fly.extendVolume('shop', made.id, 3)).volume.size_gb).toBe(3);
    expect(await fly.configureVolume('shop', made.id, { snapshotRetentionDays: 9 })).toMatchObject({
      snapshot_retention: 9,
    });
    expect(await fly.volume('shop', made.id)).toMatchObject({ id: made.id, size_gb: 3 });
    const written = await fly.setSecrets('shop', {
      A: new SecretValue('first value'),
      B: new SecretValue('second value'),
    });
    expect(written.version).toBeTypeOf('number');
    await fly.setSecrets('shop', { B: null });
    expect((await fly.secrets('shop')).map(({ name }) => name)).toEqual(['A']);
    const address = await fly.allocateAddress('shop', { type: 'v6' });
    await fly.allocateAddress('shop', { type: 'shared_v4' });
    await fly.releaseAddress('shop', address.ip);
    await fly.releaseAddress('shop', address.ip);
    expect((await fly.addresses('shop')).map(({ shared }) => shared)).toEqual([true]);
    expect((await fly.regions()).some(({ code }) => code === 'arn')).toBe(true);
    expect(await resolveOrganization(fly, { flyOrg: undefined })).toBe('personal');
    expect((await fly.apps('personal')).map(({ name }) => name)).toEqual(['shop']);
    await fly.deleteApp('shop');
    expect(await fly.app('shop')).toEqual({ state: 'absent' });
  });

  it('agree on who holds a lease, and until when', async () => {
    await using s = await stage();
    const made = await withMachine(s);
    await s.fly.acquireLease('shop', made.id, { ttlSeconds: 60, description: 'flycd:main:1' });
    const held = await s.fly.lease('shop', made.id);
    const error = await thrownBy(s.fly.stopMachine('shop', made.id));
    expect(error).toMatchObject({
      kind: 'waiting',
      what: 'simulator@tokens.fly.io is working on the machine',
      state: { kind: 'waiting', retryAt: (held?.expires_at ?? 0) * 1000 },
    });
  });

  it('a burst of creates takes the time Fly documents and meets no 429', async () => {
    await using s = await stage();
    await s.fly.createApp({ name: 'shop', org: 'personal' });
    const start = s.clock.now();
    await Promise.all(
      Array.from({ length: 8 }, (_unused, index) =>
        s.fly.createMachine('shop', { name: `web-${index}`, region: 'arn', config }),
      ),
    );
    expect(s.clock.now() - start).toBeGreaterThanOrEqual(5_000);
    expect(s.clock.now() - start).toBeLessThan(6_500);
    expect(s.simulator.world.requests.filter(({ status }) => status === 429)).toEqual([]);
  });

  it('a lost answer to a create is unknown, and the machine is there once', async () => {
    await using s = await stage();
    await s.fly.createApp({ name: 'shop', org: 'personal' });
    s.simulator.world.faults.add({ template: 'POST /apps/{app}/machines', fault: 'reset-after' });
    const request = { name: 'web-arn-1-g1', region: 'arn', config };
    expect(await thrownBy(s.fly.createMachine('shop', request))).toMatchObject({ outcome: 'unknown' });
    expect(await s.fly.machines('shop')).toHaveLength(1);
    const again = await thrownBy(s.fly.createMachine('shop', request));
    expect(again).toMatchObject({ outcome: 'refused', reply: /machine ID \S+ already exists with name/ });
  });

  it.each(['reset-after', 'reset-before', '502', '503', '429'] as const)(
    '%s on a destroy is tried again',
    async (fault) => {
      await using s = await stage();
      const made = await withMachine(s);
      s.simulator.world.faults.add({ template: 'DELETE /apps/{app}/machines/{machine}', fault });
      await s.fly.destroyMachine('shop', made.id);
      await s.fly.wait('shop', made.id, { states: ['destroyed'], timeoutSeconds: 60 });
      expect(await s.fly.machines('shop')).toEqual([]);
    },
  );

  it("no capacity waits, a foreign organization's app is taken, a refused token is thrown", async () => {
    await using s = await stage();
    const { world } = s.simulator;
    await s.fly.createApp({ name: 'shop', org: 'personal' });
    world.faults.add({ template: 'POST /apps/{app}/machines', fault: 'capacity' });
    expect(await thrownBy(s.fly.createMachine('shop', { config }))).toMatchObject({
      kind: 'waiting',
      outcome: 'refused',
    });
    world.addOrganization('globex');
    world.grantToken('fm2_ofGlobexAlone', { organizations: ['globex'] });
    const as = (token: string) => createFlyWriter(createTransport(optionsFor(s.simulator.url, s.clock, { token })));
    const observed = await observeApp({ fly: as('fm2_ofGlobexAlone'), app: 'shop', clock: s.clock });
    expect(observed.app).toEqual({ status: 'read', value: { state: 'taken' } });
    expect(await thrownBy(observeApp({ fly: as('fm2_unknownToAll'), app: 'shop', clock: s.clock }))).toMatchObject({
      status: 401,
    });
  });
});

describe('observation of the simulated Fly', () => {
  it('sees an app whole, and an absent one as empty', async () => {
    await using s = await stage();
    const made = await withMachine(s);
    const observed = await observeApp({ fly: s.fly, app: 'shop', clock: s.clock });
    expect(observed).toMatchObject({
      app: { status: 'read', value: { state: 'present' } },
      machines: { status: 'read', value: [{ id: made.id }] },
    });
    for (const kind of ['app', 'machines', 'volumes', 'secrets', 'addresses'] as const) {
      expect(observed[kind].status).toBe('read');
    }
    const absent = await observeApp({ fly: s.fly, app: 'nothing', clock: s.clock });
    expect(absent).toMatchObject({ app: { value: { state: 'absent' } }, machines: { status: 'read', value: [] } });
  });

  it('finds orphans of its fleet, and says when a region is missing', async () => {
    await using s = await stage();
    await withMachine(s);
    const request = {
      fly: s.fly,
      clock: s.clock,
      org: 'personal',
      fleet: { name: 'main' },
      desired: new Set<string>(),
    };
    expect(await observeOrphans(request)).toMatchObject({
      orphans: [{ name: 'shop', org: 'personal', machines: [{ state: 'started' }] }],
      complete: true,
    });
    expect(await observeOrphans({ ...request, fleet: { name: 'other' } })).toEqual({ orphans: [], complete: true });
    expect(await observeOrphans({ ...request, desired: new Set(['shop']) })).toEqual({ orphans: [], complete: true });
    s.simulator.world.errorRegions.add('arn');
    expect(await observeOrphans(request)).toMatchObject({ orphans: [], complete: false, reason: /lacks arn/ });
  });
});
