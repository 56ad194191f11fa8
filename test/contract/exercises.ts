/**
 * One use of each operation of the client: what it takes to make the call sensible, the call, and the world after it.
 * By the client's name of the operation, without its service `machines`.
 */
import { machines } from '@distilled.cloud/fly-io';
import { expect } from 'vitest';
import { certificateExercises } from './certificate-exercises.ts';
import type { Client, Exercise } from './client.ts';
import { machineExercises } from './machine-exercises.ts';
import { volumeExercises } from './volume-exercises.ts';

const shop = { app_name: 'shop' } as const;
const personal = { org_slug: 'personal' } as const;

/** An app with a machine that runs and a volume. */
async function fleet(client: Client): Promise<string> {
  const { id } = await client.machine();
  await client.ask(machines.createVolume, { ...shop, name: 'data', region: 'arn', size_gb: 2 });
  await client.clock.sleep(1000);
  return id;
}

const appExercises: Readonly<Record<string, Exercise>> = {
  async createApp(client) {
    await client.ask(machines.createApp, { name: 'shop', ...personal, network: 'own', enable_subdomains: false });
    expect(client.world.apps.get('shop')).toMatchObject({ network: 'own', status: 'pending' });
  },
  async getApp(client) {
    await fleet(client);
    const app = await client.ask(machines.getApp, shop);
    expect(app).toMatchObject({ name: 'shop', status: 'deployed', machine_count: 1, volume_count: 1 });
    expect(app.organization?.slug).toBe('personal');
  },
  async listApps(client) {
    await client.app('shop');
    await client.app('blog');
    const found = await client.ask(machines.listApps, personal);
    expect(found.apps?.map((app) => app.name)).toEqual(['shop', 'blog']);
    expect(found.total_apps).toBe(2);
  },
  async deleteApp(client) {
    await fleet(client);
    await client.ask(machines.deleteApp, shop);
    expect(client.world.apps.size).toBe(0);
  },
  async createAppDeployToken(client) {
    await client.app();
    const { token } = await client.ask(machines.createAppDeployToken, { ...shop, expiry: '1h' });
    expect((await client.call('GET', '/apps/shop', undefined, { authorization: token ?? '' })).status).toBe(200);
  },
};

const platformExercises: Readonly<Record<string, Exercise>> = {
  async getRegions(client) {
    const { nearest, regions } = await client.ask(machines.getRegions, {});
    expect(regions?.find(({ code }) => code === nearest)).toMatchObject({ gateway_available: true });
    expect(regions?.find(({ code }) => code === 'arn')?.name).toBe('Stockholm, Sweden');
  },
  async getPlacements(client) {
    const compute = { cpu_kind: 'shared', cpus: 1, memory_mb: 256 };
    const asked = { ...personal, region: 'lhr,eu', count: 4, compute, weights: { region: 50, spread: 1 } };
    const { regions } = await client.ask(machines.getPlacements, asked);
    expect(regions?.[0]).toMatchObject({ region: 'lhr', count: 4 });
  },
  async getCurrentToken(client) {
    const { tokens } = await client.ask(machines.getCurrentToken, {});
    expect(tokens?.map((token) => token.org_slug)).toEqual(['personal']);
  },
  async listMachinesOrg(client) {
    const first = await fleet(client);
    const { id: second } = await client.machine({ region: 'ams' });
    const page = await client.ask(machines.listMachinesOrg, { ...personal, limit: 1 });
    expect(page.machines).toMatchObject([{ id: first, app_name: 'shop', config: { guest: { cpus: 1 } } }]);
    const cursor = page.next_cursor ?? '';
    const last = await client.ask(machines.listMachinesOrg, { ...personal, limit: 1, cursor });
    expect(last).toMatchObject({ machines: [{ id: second }], next_cursor: '', last_machine_id: second });
    const arn = await client.ask(machines.listMachinesOrg, { ...personal, region: 'arn', state: 'started,stopped' });
    expect(arn.machines?.map(({ id }) => id)).toEqual([first]);
  },
  async listVolumesOrg(client) {
    await fleet(client);
    const { volumes } = await client.ask(machines.listVolumesOrg, { ...personal, region: 'arn' });
    expect(volumes).toMatchObject([{ app_name: 'shop', name: 'data', size_gb: 2, state: 'created' }]);
    const later = new Date(client.clock.now()).toISOString();
    expect((await client.ask(machines.listVolumesOrg, { ...personal, updated_after: later })).volumes).toEqual([]);
  },
};

const secretExercises: Readonly<Record<string, Exercise>> = {
  async updateSecrets(client) {
    await client.app();
    const set = await client.ask(machines.updateSecrets, { ...shop, values: { TOKEN: 'one', KEY: 'two' } });
    expect(set.secrets?.map(({ name }) => name)).toEqual(['TOKEN', 'KEY']);
    expect(set.version).toBe(1);
    expect(client.world.apps.get('shop')?.secrets.byName.get('TOKEN')?.value).toBe('one');
  },
  async listSecrets(client) {
    await withSecret(client);
    const { secrets } = await client.ask(machines.listSecrets, { ...shop, min_version: '1' });
    expect(secrets).toMatchObject([{ name: 'TOKEN', digest: expect.stringMatching(/^[0-9a-f]{16}$/) }]);
    const shown = await client.ask(machines.listSecrets, { ...shop, show_secrets: true });
    expect(shown.secrets?.[0]?.value).toBe('one');
  },
  async createSecret(client) {
    await client.app();
    const made = await client.ask(machines.createSecret, { ...shop, secret_name: 'TOKEN', value: 'one' });
    expect(made).toMatchObject({ name: 'TOKEN', version: 1 });
  },
  async getSecret(client) {
    await withSecret(client);
    const asked = { ...shop, secret_name: 'TOKEN', show_secrets: true, min_version: '1' };
    expect(await client.ask(machines.getSecret, asked)).toMatchObject({ name: 'TOKEN', value: 'one' });
    expect(await client.refused(machines.getSecret, { ...asked, min_version: '2' })).toMatchObject({
      message: expect.stringContaining('secrets version 2 is not available'),
    });
  },
  async deleteSecret(client) {
    await withSecret(client);
    expect(await client.ask(machines.deleteSecret, { ...shop, secret_name: 'TOKEN' })).toMatchObject({ version: 2 });
    expect(client.world.apps.get('shop')?.secrets.byName.size).toBe(0);
  },
};

async function withSecret(client: Client): Promise<void> {
  await client.app();
  await client.ask(machines.createSecret, { ...shop, secret_name: 'TOKEN', value: 'one' });
}

const addressExercises: Readonly<Record<string, Exercise>> = {
  async createAppIPAssignment(client) {
    await client.app();
    for (const type of ['v4', 'v6', 'shared_v4', 'private_v6', 'egress_v4', 'egress_v6'] as const) {
      const given = await client.ask(machines.createAppIPAssignment, { ...shop, type, service_name: '' });
      expect(given).toMatchObject({ shared: type === 'shared_v4', egress: type.startsWith('egress_') });
    }
    const pair = await client.ask(machines.createAppIPAssignment, { ...shop, type: 'egress_pair', region: 'arn' });
    expect(pair.ip_pair).toMatchObject({ v4: expect.any(String), v6: expect.any(String) });
    expect(client.world.apps.get('shop')?.addresses.size).toBe(8);
  },
  async listAppIPAssignments(client) {
    await client.app();
    await client.ask(machines.createAppIPAssignment, { ...shop, type: 'private_v6' });
    await client.ask(machines.createAppIPAssignment, { ...shop, type: 'v6', region: 'arn' });
    const { ips } = await client.ask(machines.listAppIPAssignments, shop);
    expect(ips).toMatchObject([{ region: 'global' }, { region: 'arn', shared: false }]);
  },
  async deleteAppIPAssignment(client) {
    await client.app();
    const { ip = '' } = await client.ask(machines.createAppIPAssignment, { ...shop, type: 'v6' });
    await client.ask(machines.deleteAppIPAssignment, { ...shop, ip: ip ?? '' });
    expect(client.world.apps.get('shop')?.addresses.size).toBe(0);
  },
};

export const exercises: Readonly<Record<string, Exercise>> = {
  ...appExercises,
  ...machineExercises,
  ...volumeExercises,
  ...secretExercises,
  ...addressExercises,
  ...certificateExercises,
  ...platformExercises,
};
