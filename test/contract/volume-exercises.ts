import { machines } from '@distilled.cloud/fly-io';
import { expect } from 'vitest';
import type { Client, Exercise } from './client.ts';

const shop = { app_name: 'shop' } as const;

/** Id of a volume that is there. */
async function volume(client: Client): Promise<string> {
  await client.app();
  const made = await client.ask(machines.createVolume, { ...shop, name: 'data', region: 'arn', size_gb: 2 });
  await client.clock.sleep(1000);
  return made.id ?? '';
}

const held = (client: Client, id: string) => client.world.apps.get('shop')?.volumes.get(id);

export const volumeExercises: Readonly<Record<string, Exercise>> = {
  async createVolume(client) {
    await client.app();
    const made = await client.ask(machines.createVolume, {
      ...shop,
      name: 'data',
      region: 'arn',
      size_gb: 4,
      encrypted: true,
      fstype: 'ext4',
      require_unique_zone: true,
      snapshot_retention: 7,
      auto_backup_enabled: false,
      compute: { cpu_kind: 'shared', cpus: 1, memory_mb: 256 },
    });
    expect(made).toMatchObject({ state: 'creating', size_gb: 4, snapshot_retention: 7, auto_backup_enabled: false });
    expect(held(client, made.id ?? '')).toMatchObject({ sizeGb: 4, scheduledSnapshots: false });
  },
  async getVolumeById(client) {
    const id = await volume(client);
    const read = await client.ask(machines.getVolumeById, { ...shop, volume_id: id });
    expect(read).toMatchObject({ id, state: 'created', size_gb: 2, encrypted: true, host_status: 'ok' });
  },
  async listVolumes(client) {
    const id = await volume(client);
    const { id: machine } = await client.machine({
      config: { image: 'shop:v1', mounts: [{ volume: id, path: '/data' }] },
    });
    const [read] = await client.ask(machines.listVolumes, shop);
    expect(read).toMatchObject({ id, attached_machine_id: machine });
    const [short] = await client.ask(machines.listVolumes, { ...shop, summary: true });
    expect(short).toMatchObject({ id, name: 'data' });
  },
  async updateVolume(client) {
    const id = await volume(client);
    const asked = { ...shop, volume_id: id, snapshot_retention: 30, auto_backup_enabled: false };
    expect(await client.ask(machines.updateVolume, asked)).toMatchObject({ snapshot_retention: 30 });
    expect(held(client, id)).toMatchObject({ snapshotRetention: 30, scheduledSnapshots: false });
  },
  async extendVolume(client) {
    const id = await volume(client);
    const grown = await client.ask(machines.extendVolume, { ...shop, volume_id: id, size_gb: 5 });
    expect(grown).toMatchObject({ needs_restart: false, volume: { id, size_gb: 5 } });
  },
  async deleteVolume(client) {
    const id = await volume(client);
    expect(await client.ask(machines.deleteVolume, { ...shop, volume_id: id })).toMatchObject({ id });
    await client.clock.sleep(1000);
    expect(held(client, id)?.state).toBe('pending_destroy');
  },
  async createVolumeSnapshot(client) {
    const id = await volume(client);
    await client.ask(machines.createVolumeSnapshot, { ...shop, volume_id: id });
    expect(held(client, id)?.snapshots).toHaveLength(1);
  },
  async listVolumeSnapshots(client) {
    const id = await volume(client);
    await client.ask(machines.createVolumeSnapshot, { ...shop, volume_id: id });
    await client.clock.sleep(5000);
    const [taken] = await client.ask(machines.listVolumeSnapshots, { ...shop, volume_id: id });
    expect(taken).toMatchObject({ status: 'created', retention_days: 5 });
  },
};
