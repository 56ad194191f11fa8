import { machines } from '@distilled.cloud/fly-io';
import { expect } from 'vitest';
import { image } from '../simulator/platform.ts';
import type { Client, Exercise } from './client.ts';

const shop = { app_name: 'shop' } as const;

/** A machine that runs, as the client names it. */
async function running(client: Client, config: object = { image }) {
  const { id } = await client.machine({ config });
  return { ...shop, machine_id: String(id) };
}

type Named = Awaited<ReturnType<typeof running>>;

const held = (client: Client, { machine_id: id }: Named) => client.world.apps.get('shop')?.machines.get(id);

async function stopped(client: Client): Promise<Named> {
  const it = await running(client);
  await client.ask(machines.stopMachine, it);
  await client.clock.sleep(10_000);
  expect(held(client, it)?.state).toBe('stopped');
  return it;
}

/** A machine under a lease, and the header that its holder sends. */
async function leased(client: Client): Promise<{ readonly it: Named; readonly holder: Record<string, string> }> {
  const it = await running(client);
  await client.ask(machines.createMachineLease, { ...it, ttl: 60, description: 'a deploy' });
  return { it, holder: { 'fly-machine-lease-nonce': held(client, it)?.lease?.nonce ?? '' } };
}

/** Something of everything that a config may say. */
const whole = {
  image,
  env: { LOG_LEVEL: 'info' },
  init: {
    cmd: ['serve'],
    entrypoint: ['/entry'],
    exec: ['run'],
    tty: false,
    swap_size_mb: 256,
    kernel_args: ['quiet'],
  },
  guest: { cpu_kind: 'shared', cpus: 2, memory_mb: 512, kernel_args: ['quiet'], persist_rootfs: 'never' as const },
  metadata: { fly_process_group: 'app' },
  services: [
    {
      protocol: 'tcp',
      internal_port: 8080,
      autostart: true,
      autostop: 'suspend' as const,
      min_machines_running: 1,
      concurrency: { type: 'requests', soft_limit: 20, hard_limit: 25 },
      ports: [
        {
          port: 443,
          handlers: ['tls', 'http'],
          force_https: false,
          http_options: { compress: true, h2_backend: false, response: { headers: { 'x-served-by': 'shop' } } },
          tls_options: { alpn: ['h2'], versions: ['TLSv1.3'], default_self_signed: false },
          proxy_proto_options: { version: 'v2' },
        },
        { start_port: 9000, end_port: 9010 },
      ],
      checks: [
        { type: 'http', port: 8080, method: 'GET', path: '/', interval: '15s', timeout: '2s', grace_period: '1s' },
      ],
    },
  ],
  checks: {
    alive: {
      type: 'http',
      port: 8080,
      kind: 'readiness' as const,
      path: '/alive',
      protocol: 'http',
      interval: '15s',
      timeout: '2s',
      headers: [{ name: 'x-check', values: ['1'] }],
    },
  },
  metrics: { port: 9091, path: '/metrics', https: false },
  statics: [{ guest_path: '/public', url_prefix: '/public', index_document: 'index.html' }],
  files: [{ guest_path: '/etc/motd', raw_value: 'aGk=', mode: 0o644 }],
  restart: { policy: 'on-failure' as const, max_retries: 3 },
  dns: { nameservers: ['fdaa::3'], searches: ['internal'], options: [{ name: 'ndots', value: '1' }] },
  processes: [
    { cmd: ['serve'], env: { A: 'b' }, user: 'app', env_from: [{ env_var: 'ID', field_ref: 'id' as const }] },
  ],
  stop_config: { timeout: '30s', signal: 'SIGTERM' },
  rootfs: { persist: 'never' as const, size_gb: 8 },
  standbys: [],
};

/** Expects what `action` promises once its time has passed. */
async function settled(client: Client, it: Named, state: string): Promise<void> {
  await client.clock.sleep(10_000);
  expect(held(client, it)?.state).toBe(state);
}

const lifeExercises: Readonly<Record<string, Exercise>> = {
  async createMachine(client) {
    await client.app();
    const made = await client.ask(machines.createMachine, {
      ...shop,
      name: 'app-arn-1',
      region: 'arn',
      lease_ttl: 30,
      skip_service_registration: true,
      config: whole,
    });
    expect(made).toMatchObject({ name: 'app-arn-1', region: 'arn', state: 'created', cordoned: true });
    expect(made.config).toMatchObject({
      env: whole.env,
      guest: { memory_mb: 512 },
      services: [{ internal_port: 8080 }],
    });
    expect(made.nonce).toBe(client.world.apps.get('shop')?.machines.get(made.id ?? '')?.lease?.nonce);
  },
  async getMachine(client) {
    const { it } = await leased(client);
    const read = await client.ask(machines.getMachine, { ...it, include_leases: true });
    expect(read).toMatchObject({ id: it.machine_id, state: 'started', lease: { description: 'a deploy' } });
    const checked = await running(client, whole);
    await client.clock.sleep(60_000);
    const { checks } = await client.ask(machines.getMachine, checked);
    expect(checks?.map(({ status }) => status)).toEqual(['passing', 'passing']);
    const host = client.world.apps.get('shop')?.machines.get(it.machine_id)?.host ?? '';
    await client.call('POST', `/_simulator/hosts/${host}/down`);
    expect(await client.ask(machines.getMachine, it)).toMatchObject({
      host_status: 'unreachable',
      incomplete_config: { image },
    });
  },
  async listMachines(client) {
    const it = await running(client, { image, metadata: { fly_process_group: 'app' } });
    await client.machine({ region: 'ams' });
    const all = await client.ask(machines.listMachines, { ...shop, include_leases: true, state: 'started' });
    expect(all).toHaveLength(2);
    const arn = await client.ask(machines.listMachines, { ...shop, region: 'arn', summary: true });
    expect(arn).toMatchObject([{ id: it.machine_id }]);
    expect(arn[0]?.config).toBeUndefined();
    await client.ask(machines.deleteMachine, { ...it, force: true });
    await client.clock.sleep(10_000);
    expect(await client.ask(machines.listMachines, { ...shop, include_deleted: true })).toHaveLength(2);
    expect(await client.ask(machines.listMachines, shop)).toHaveLength(1);
  },
  async updateMachine(client) {
    const it = await running(client);
    const before = held(client, it)?.instanceId ?? '';
    const asked = { ...it, config: { image, env: { A: 'b' } }, current_version: before, skip_launch: false };
    const updated = await client.ask(machines.updateMachine, asked);
    expect(updated).toMatchObject({ id: it.machine_id, config: { env: { A: 'b' } } });
    expect(updated.instance_id).not.toBe(before);
    await settled(client, it, 'started');
  },
  async deleteMachine(client) {
    const it = await running(client);
    expect(await client.refused(machines.deleteMachine, it)).toMatchObject({
      message: expect.stringMatching(/^failed_precondition: unable to destroy machine/),
    });
    await client.ask(machines.deleteMachine, { ...it, force: true });
    await settled(client, it, 'destroyed');
  },
  async listMachineVersions(client) {
    const it = await running(client);
    await client.ask(machines.updateMachine, { ...it, config: { image, env: { A: 'b' } } });
    const versions = await client.ask(machines.listMachineVersions, it);
    expect(versions).toMatchObject([{ user_config: { env: { A: 'b' } } }, { user_config: { image } }]);
    expect(versions[0]?.version).toBe(held(client, it)?.instanceId);
  },
  async listMachineEvents(client) {
    const it = await running(client);
    await client.ask(machines.stopMachine, it);
    await client.clock.sleep(10_000);
    const events = await client.ask(machines.listMachineEvents, { ...it, limit: 3 });
    expect(events.map(({ type }) => type)).toContain('exit');
    expect(events).toHaveLength(3);
  },
  async waitMachine(client) {
    await client.app();
    const { id = '', instance_id: version = '' } = await client.ask(machines.createMachine, {
      ...shop,
      config: { image },
    });
    const it = { ...shop, machine_id: id };
    const reached = await client.ask(machines.waitMachine, { ...it, state: 'started', timeout: 30, version });
    expect(reached).toMatchObject({ ok: true, state: 'started', version });
  },
};

const actionExercises: Readonly<Record<string, Exercise>> = {
  async startMachine(client) {
    const it = await stopped(client);
    await client.ask(machines.startMachine, it);
    await settled(client, it, 'started');
  },
  async stopMachine(client) {
    const it = await running(client);
    await client.ask(machines.stopMachine, { ...it, signal: 'SIGTERM', timeout: '3s' });
    await settled(client, it, 'stopped');
  },
  async restartMachine(client) {
    const it = await running(client);
    const version = held(client, it)?.instanceId;
    await client.ask(machines.restartMachine, { ...it, timeout: '3s', signal: 'SIGTERM' });
    await settled(client, it, 'started');
    expect(held(client, it)?.instanceId).toBe(version);
  },
  async suspendMachine(client) {
    const it = await running(client);
    await client.ask(machines.suspendMachine, it);
    await settled(client, it, 'suspended');
  },
  async signalMachine(client) {
    const it = await running(client);
    await client.ask(machines.signalMachine, { ...it, signal: 'SIGUSR1' });
    expect(held(client, it)?.state).toBe('started');
  },
  async cordonMachine(client) {
    const it = await running(client);
    await client.ask(machines.cordonMachine, it);
    expect((await client.ask(machines.getMachine, it)).cordoned).toBe(true);
  },
  async uncordonMachine(client) {
    const it = await running(client);
    await client.ask(machines.cordonMachine, it);
    await client.ask(machines.uncordonMachine, it);
    expect((await client.ask(machines.getMachine, it)).cordoned).toBe(false);
  },
};

const leaseExercises: Readonly<Record<string, Exercise>> = {
  async createMachineLease(client) {
    const it = await running(client);
    await client.ask(machines.createMachineLease, { ...it, ttl: 60, description: 'a deploy' });
    expect(held(client, it)?.lease).toMatchObject({ description: 'a deploy' });
    expect(await client.refused(machines.createMachineLease, it)).toMatchObject({ _tag: 'Conflict' });
  },
  async getMachineLease(client) {
    const { it } = await leased(client);
    await client.ask(machines.getMachineLease, it);
  },
  async machinesReleaseLease(client) {
    const { it, holder } = await leased(client);
    expect(await client.refused(machines.machinesReleaseLease, it)).toMatchObject({ _tag: 'Conflict' });
    await client.ask(machines.machinesReleaseLease, it, holder);
    expect(held(client, it)?.lease).toBeUndefined();
  },
};

const metadataExercises: Readonly<Record<string, Exercise>> = {
  async getMachineMetadata(client) {
    const it = await running(client, { image, metadata: { a: '1' } });
    expect(await client.ask(machines.getMachineMetadata, it)).toEqual({ a: '1' });
  },
  async getMachineMetadataKey(client) {
    const it = await running(client, { image, metadata: { a: '1' } });
    expect(await client.ask(machines.getMachineMetadataKey, { ...it, key: 'a' })).toEqual({ value: '1' });
  },
  async updateMachineMetadata(client) {
    const it = await running(client, { image, metadata: { a: '1' } });
    const asked = { ...it, metadata: { b: '2' }, machine_version: held(client, it)?.instanceId ?? '' };
    await client.ask(machines.updateMachineMetadata, asked);
    expect(held(client, it)?.config.metadata).toEqual({ a: '1', b: '2' });
  },
  async patchMachineMetadata(client) {
    const it = await running(client, { image, metadata: { a: '1' } });
    await client.ask(machines.patchMachineMetadata, { ...it, metadata: { b: '2' } });
    expect(held(client, it)?.config.metadata).toEqual({ a: '1', b: '2' });
  },
  async upsertMachineMetadata(client) {
    const it = await running(client, { image, metadata: { a: '1' } });
    await client.ask(machines.upsertMachineMetadata, { ...it, key: 'b', value: '2' });
    expect(held(client, it)?.config.metadata).toEqual({ a: '1', b: '2' });
  },
  async deleteMachineMetadata(client) {
    const it = await running(client, { image, metadata: { a: '1', b: '2' } });
    await client.ask(machines.deleteMachineMetadata, { ...it, key: 'a' });
    expect(held(client, it)?.config.metadata).toEqual({ b: '2' });
  },
};

const processExercises: Readonly<Record<string, Exercise>> = {
  async execMachine(client) {
    const it = await running(client);
    const said = await client.ask(machines.execMachine, { ...it, command: ['echo', 'hi'], timeout: 5 });
    expect(said).toMatchObject({ exit_code: 0, stdout: 'hi\n', stderr: '' });
    expect(await client.ask(machines.execMachine, { ...it, cmd: 'exit 3' })).toMatchObject({ exit_code: 3 });
  },
  async listMachineProcesses(client) {
    const it = await running(client, whole);
    const processes = await client.ask(machines.listMachineProcesses, { ...it, sort_by: 'rss', order: 'desc' });
    expect(processes.find(({ pid }) => pid !== 1)?.listen_sockets).toContainEqual({
      proto: 'tcp',
      address: '0.0.0.0:8080',
    });
  },
  async getMachineMemory(client) {
    expect(await client.ask(machines.getMachineMemory, await running(client))).toMatchObject({ limit_mb: 256 });
  },
  async setMachineMemoryLimit(client) {
    const it = await running(client);
    expect(await client.ask(machines.setMachineMemoryLimit, { ...it, limit_mb: 128 })).toMatchObject({ limit_mb: 128 });
  },
  async reclaimMachineMemory(client) {
    const it = await running(client);
    expect(await client.ask(machines.reclaimMachineMemory, { ...it, amount_mb: 16 })).toEqual({ actual_mb: 16 });
  },
};

export const machineExercises: Readonly<Record<string, Exercise>> = {
  ...lifeExercises,
  ...actionExercises,
  ...leaseExercises,
  ...metadataExercises,
  ...processExercises,
};
