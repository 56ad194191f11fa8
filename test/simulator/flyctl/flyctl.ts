import { expect } from 'vitest';
import type { SimulatorOptions } from '../../../simulator/simulator.ts';
import type { World } from '../../../simulator/world/world.ts';
import * as queries from './queries.ts';
import { platform, type Answer, type Platform } from '../platform.ts';

/** Any answer; the test that reads it is the check. */
export type Json = Answer['body'];

/** Fly's own client at work: each surface with the token as it is sent there. Whatever is refused throws. */
export interface Flyctl {
  readonly world: World;
  readonly clock: Platform['clock'];
  /** The Machines API, path without /v1. */
  readonly flaps: (method: string, path: string, body?: unknown, nonce?: string) => Promise<Json>;
  readonly graphql: (query: string, variables?: Readonly<Record<string, unknown>>) => Promise<Json>;
  /** Path without /api/v1. */
  readonly web: (method: string, path: string, body?: unknown) => Promise<Json>;
  /** Any path; status and body, whatever they are. */
  readonly call: Platform['call'];
}

export async function flyctl(options: Partial<SimulatorOptions> = {}): Promise<Flyctl> {
  const { call, clock, simulator, world } = await platform(options);
  const must = ({ status, body }: Answer, what: string): Json => {
    if (status >= 400) throw new Error(`${what}: ${status} ${JSON.stringify(body)}`);
    return body;
  };
  return {
    world,
    clock,
    call,
    async flaps(method, path, body, nonce) {
      const lease = nonce === undefined ? {} : { 'fly-machine-lease-nonce': nonce };
      return must(
        await call(method, path, body, { authorization: `FlyV1 ${simulator.token}`, ...lease }),
        `${method} ${path}`,
      );
    },
    async graphql(query, variables = {}) {
      const answer = await call(
        'POST',
        '/graphql',
        { query: query.replace(/\s+/g, ' '), variables },
        { authorization: `FlyV1 ${simulator.token},fo1_of-no-use` },
      );
      const { data, errors } = must(answer, 'graphql');
      if (errors !== undefined) throw new Error(JSON.stringify(errors));
      return data;
    },
    async web(method, path, body) {
      return must(await call(method, `/api/v1${path}`, body), `${method} ${path}`);
    },
  };
}

export const shopImage = 'registry.fly.io/shop:v1';

/** `fly apps create` with the organization named. */
export async function createApp({ flaps, graphql }: Flyctl, name = 'shop'): Promise<Json> {
  const listed = await graphql(queries.organizations, { admin: false });
  const { slug } = listed.organizations.nodes.find((one: Json) => one.slug === 'personal');
  const made = await flaps('POST', '/apps?wait=true', { name, org_slug: slug });
  await flaps('GET', `/apps/${name}`);
  return made;
}

export interface Deploy {
  readonly image?: string;
  /** What of the machine's config is not its image. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly releaseCommand?: string;
  /** Left out: two machines at first, and then as many as there are. */
  readonly highAvailability?: boolean;
}

const leaseSeconds = 13;

/** `fly deploy --image`: first or again; a failure is written on the release and thrown. */
export async function deploy(cli: Flyctl, wanted: Deploy = {}): Promise<void> {
  const { flaps, graphql, web, call } = cli;
  const app = await flaps('GET', '/apps/shop');
  await web('GET', `/organizations/${app.organization.slug}`);
  // A build is written down for an image too; that it is not only warns.
  expect((await call('POST', '/api/v1/builds', { app_name: 'shop' })).status).toBe(501);
  const variables = { appName: 'shop', imageRef: wanted.image ?? shopImage };
  const { ref: image, compressedSize } = (await graphql(queries.resolveImage, variables)).app.image;
  expect(Number.parseInt(compressedSize, 10)).toBeGreaterThan(0);
  const machines: Json[] = (await flaps('GET', '/apps/shop/machines')).filter(
    (machine: Json) => machine.config.metadata?.fly_platform_version === 'v2',
  );
  const mount = (wanted.config?.['mounts'] as readonly { name: string }[] | undefined)?.[0];
  const volumes: Json[] = mount === undefined ? [] : await flaps('GET', '/apps/shop/volumes');
  if (app.status === 'pending' && machines.length === 0) {
    const { ips } = await flaps('GET', '/apps/shop/ip_assignments');
    if (ips.length === 0 && wanted.config?.['services'] !== undefined) {
      for (const type of ['v6', 'shared_v4']) await flaps('POST', '/apps/shop/ip_assignments', { type });
    }
    if (mount !== undefined && volumes.length === 0) {
      const volume = { name: mount.name, region: 'arn', size_gb: 1, encrypted: true, compute: { cpus: 1 } };
      volumes.push(await flaps('POST', '/apps/shop/volumes', volume));
    }
  }
  const definition = { app: 'shop', primary_region: 'arn', deploy: { release_command: wanted.releaseCommand } };
  const request = { app_name: 'shop', strategy: 'ROLLING', definition, image, build_id: 0 };
  const { release } = await web('POST', '/releases', request);
  expect(await web('PATCH', `/releases/${release.id}`, { status: 'running', metadata: null })).toMatchObject({
    id: release.id,
    status: 'running',
  });
  const stamp = {
    fly_platform_version: 'v2',
    fly_process_group: 'app',
    fly_release_id: release.id,
    fly_release_version: String(release.version),
  };
  const config = { image, ...wanted.config, metadata: stamp, env: { FLY_PROCESS_GROUP: 'app', PRIMARY_REGION: 'arn' } };
  try {
    if (wanted.releaseCommand !== undefined) await runReleaseCommand(cli, config, wanted.releaseCommand);
    if (machines.length === 0) await startGroup(cli, config, { ...wanted, volume: volumes[0]?.id });
    else await updateGroup(cli, machines, config);
    await web('PATCH', `/releases/${release.id}`, { status: 'complete', metadata: postDeployment() });
  } catch (error) {
    await web('PATCH', `/releases/${release.id}`, { status: 'failed', metadata: postDeployment(String(error)) });
    throw error;
  }
}

const postDeployment = (error = '') => ({ post_deployment_info: { flyctl_version: '0.3.200', error } });

async function startGroup(
  { flaps, ...cli }: Flyctl,
  config: Json,
  wanted: Deploy & { volume?: string },
): Promise<void> {
  const mounts = config.mounts?.map((mount: Json) => ({ ...mount, volume: wanted.volume }));
  const count = mounts !== undefined || wanted.highAvailability === false ? 1 : 2;
  for (let nth = 0; nth < count; nth++) {
    const body = { region: 'arn', config: mounts === undefined ? config : { ...config, mounts }, lease_ttl: 300 };
    const made = await flaps('POST', '/apps/shop/machines', body);
    await untilHealthy({ flaps, ...cli }, made.id);
    // It warns where nothing listens.
    expect(await flaps('GET', `/apps/shop/machines/${made.id}/ps`)).not.toEqual([]);
    await flaps('DELETE', `/apps/shop/machines/${made.id}/lease`, undefined, made.nonce);
  }
}

async function updateGroup(cli: Flyctl, machines: readonly Json[], config: Json): Promise<void> {
  const { flaps } = cli;
  const nonces = new Map<string, string>();
  for (const { id } of machines) {
    const lease = await flaps('POST', `/apps/shop/machines/${id}/lease?ttl=${leaseSeconds}`);
    expect(lease.status).toBe('success');
    nonces.set(id, lease.data.nonce);
  }
  for (const { id, region, name, config: old } of machines) {
    const mounts = config.mounts?.map((mount: Json) => ({ ...mount, volume: old.mounts?.[0].volume }));
    const body = { region, name, config: mounts === undefined ? config : { ...config, mounts } };
    await flaps('POST', `/apps/shop/machines/${id}`, body, nonces.get(id));
    await untilHealthy(cli, id, nonces.get(id));
  }
  for (const [id, nonce] of nonces) await flaps('DELETE', `/apps/shop/machines/${id}/lease`, undefined, nonce);
}

const healthPolls = 15;

/** Refreshes the lease as it waits: the same nonce comes back. */
async function untilHealthy({ flaps, clock }: Flyctl, id: string, nonce?: string): Promise<void> {
  await flaps('GET', `/apps/shop/machines/${id}/wait?state=started&timeout=60`);
  for (let poll = 0; poll < healthPolls; poll++) {
    const { checks = [], config } = await flaps('GET', `/apps/shop/machines/${id}`);
    const wanted = Object.keys(config.checks ?? {}).length;
    if (checks.length >= wanted && checks.every((check: Json) => check.status === 'passing')) return;
    if (nonce !== undefined) {
      const lease = await flaps('POST', `/apps/shop/machines/${id}/lease?ttl=${leaseSeconds}`, undefined, nonce);
      expect(lease.data.nonce).toBe(nonce);
    }
    await clock.sleep(1000);
  }
  throw new Error(`machine ${id} did not become healthy`);
}

/** Reads the exit code off a machine that destroyed itself. */
async function runReleaseCommand({ flaps, web, call }: Flyctl, config: Json, command: string): Promise<void> {
  const made = await flaps('POST', '/apps/shop/machines', {
    region: 'arn',
    skip_launch: true,
    config: {
      image: config.image,
      env: { ...config.env, RELEASE_COMMAND: '1' },
      init: { cmd: command.split(' ') },
      metadata: { ...config.metadata, fly_process_group: 'fly_app_release_command' },
      auto_destroy: true,
      restart: { policy: 'no' },
      dns: { skip_registration: true },
    },
  });
  const machine = `/apps/shop/machines/${made.id}`;
  await flaps('GET', `${machine}/wait?state=stopped&timeout=60&instance_id=${made.instance_id}`);
  await flaps('POST', `${machine}/start`);
  // It may have come and gone already.
  expect([200, 404]).toContain((await call('GET', `${machine}/wait?state=started&timeout=60`)).status);
  await flaps('GET', `${machine}/wait?state=destroyed&timeout=60`);
  const { events } = await flaps('GET', machine);
  const { exit_code: code } = events.find((event: Json) => event.type === 'exit').request.exit_event;
  const logs = await web('GET', `/apps/shop/logs?next_token=&region=arn&instance=${made.id}`);
  expect(logs.data.map((line: Json) => line.attributes.message)).toContain(`Main child exited with code: ${code}`);
  if (code !== 0) throw new Error(`release_command failed with exit code ${code}`);
}
