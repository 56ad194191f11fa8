/** Small builders of what git wants and what Fly says: each names only what its test is about. */
import type { AppSecret, IpAssignment, Volume } from '../../schemas/fly/app.ts';
import type { Machine, MachineConfig } from '../../schemas/fly/machine.ts';
import { configVersion, readHash } from '../../src/flyconfig/live/version.ts';
import type { DesiredApp, DesiredGroup } from '../../src/model/desired.ts';
import { hashOf } from '../../src/model/base/json.ts';
import { emptyMemory, type Memory } from '../../src/model/standing/memory.ts';
import type { ObservedApp } from '../../src/model/observed.ts';
import type { AppPlan, Step, StepKind } from '../../src/model/plan.ts';
import { defaultPolicy, type SyncPolicy } from '../../src/model/base/policy.ts';
import { formatRead, formatSent } from '../../src/model/stamps/stamps.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import type { FleetOwner } from '../../src/model/stamps/owner.ts';
import { writesOf } from '../../src/plan/steps/bookkeeping.ts';
import { inOrder } from '../../src/plan/steps/order.ts';
import { planApp, type PlanAppInput, type PlanOptions } from '../../src/plan/app.ts';
import { formatRegions } from '../../src/model/stamps/region-stamps.ts';
import { stampsRegions } from '../../src/plan/machines/regions.ts';
import { configToSend, sentOf } from '../../src/plan/machines/stamps.ts';

/** 2026-03-01 12:00:00Z */
export const now = Date.UTC(2026, 2, 1, 12);
export const fleet = 'acme';
export const owner: FleetOwner = { name: fleet };
export const digest = `sha256:${'1'.repeat(64)}`;
export const image = `nginx:1@${digest}`;

export const webService = {
  protocol: 'tcp',
  internal_port: 8080,
  ports: [
    { port: 80, handlers: ['http'] },
    { port: 443, handlers: ['tls', 'http'] },
  ],
};

export function group(parts: Partial<DesiredGroup> = {}): DesiredGroup {
  const config: MachineConfig = parts.config ?? { env: { COLOR: 'red' }, services: [webService] };
  return {
    name: 'web',
    config,
    configVersion: configVersion(config),
    counts: { arn: 2 },
    hasServices: (config.services ?? []).length > 0,
    mount: undefined,
    autoscaled: false,
    ...parts,
  };
}

export function desiredApp(
  parts: Partial<Omit<DesiredApp, 'policy'>> & { readonly policy?: Partial<SyncPolicy> } = {},
): DesiredApp {
  const { policy, ...rest } = parts;
  return {
    name: 'shop',
    org: 'personal',
    file: 'shop/app.yaml',
    files: ['shop/app.yaml'],
    projects: [],
    primaryRegion: 'arn',
    regions: ['arn'],
    fly: {},
    source: { type: 'image', ref: 'nginx:1' },
    appVersion: `image:${digest}`,
    image: { kind: 'reference', ref: 'nginx:1', digest },
    groups: [group()],
    volumes: [],
    secrets: [],
    network: { ips: undefined, autoPruneIps: false },
    inputs: 'i'.repeat(32),
    highAvailability: true,
    strategy: 'rolling',
    maxUnavailable: 0.33,
    waitTimeoutSeconds: 300,
    policy: { ...defaultPolicy, ...policy },
    ...rest,
  };
}

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

export function ulidAt(time: number, suffix = 'A'): string {
  let text = '';
  for (let rest = time, digits = 0; digits < 10; digits += 1, rest = Math.floor(rest / 32))
    text = crockford.charAt(rest % 32) + text;
  return text + suffix.padEnd(16, '0').slice(0, 16);
}

export interface MachineParts {
  readonly id?: string;
  readonly region?: string;
  readonly state?: string;
  readonly instance_id?: string;
  readonly created_at?: string;
  readonly image_ref?: Machine['image_ref'];
  readonly events?: Machine['events'];
  readonly lease?: Machine['lease'];
  readonly group?: string;
  readonly number?: number;
  /** Laid over the settled config. */
  readonly config?: Partial<MachineConfig>;
  /** Laid over the stamps; undefined takes one away. */
  readonly metadata?: Readonly<Record<string, string | undefined>>;
}

/** A machine that FlyCD brought to what `desired` says and read back, then changed as the parts say. */
export function machine(desired: DesiredApp, parts: MachineParts = {}): Machine {
  const { group: name, number = 1, config: changed, metadata, ...fields } = parts;
  const wanted = desired.groups.find((one) => one.name === (name ?? desired.groups[0]?.name));
  if (wanted === undefined) throw new Error(`no group ${name}`);
  const id = fields.id ?? `${wanted.name}${fields.region ?? 'arn'}${number}`;
  const region = fields.region ?? 'arn';
  const slot = { group: wanted.name, region, number };
  const config = configToSend({ desired, group: wanted, fleet: owner, slot, image }, undefined, undefined);
  const stamps: Record<string, string | undefined> = {
    ...config.metadata,
    [stampKeys.sent]: formatSent(sentOf(wanted, image)),
    [stampKeys.machine]: id,
    [stampKeys.launch]: 'l'.repeat(32),
    [stampKeys.regions]: stampsRegions(wanted) ? formatRegions(desired.regions) : undefined,
    [stampKeys.read]: formatRead(readHash(config)),
    ...metadata,
  };
  const kept = Object.entries(stamps).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return {
    id,
    name: `${wanted.name}-${region}-${number}-g1`,
    state: 'started',
    region,
    instance_id: ulidAt(now - 60_000),
    created_at: new Date(now - 3_600_000).toISOString(),
    image_ref: { registry: 'docker.io', repository: 'library/nginx', tag: '1', digest },
    events: [],
    ...fields,
    config: { ...config, metadata: Object.fromEntries(kept), ...changed },
  };
}

/** A machine as flyctl makes one: its metadata, none of ours. */
export function flyctlMachine(desired: DesiredApp, parts: MachineParts = {}): Machine {
  const made = machine(desired, parts);
  const metadata = { fly_platform_version: 'v2', fly_process_group: parts.group ?? 'web', ...parts.metadata };
  const env = Object.fromEntries(Object.entries(made.config?.env ?? {}).filter(([name]) => !name.startsWith('FLYCD_')));
  const known = Object.entries(metadata).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...made, config: { ...made.config, env, metadata: Object.fromEntries(known), ...parts.config } };
}

export interface World {
  readonly status?: string;
  readonly machines?: readonly Machine[];
  readonly volumes?: readonly Volume[];
  readonly secrets?: readonly AppSecret[];
  readonly addresses?: readonly IpAssignment[];
}

export function observed(world: World = {}): ObservedApp {
  const { status = 'deployed', machines = [], volumes = [], secrets = [], addresses = [] } = world;
  return {
    name: 'shop',
    askedAt: { now, monotonic: now },
    flyAheadMs: 0,
    app: { status: 'read', value: { state: 'present', app: { name: 'shop', status } } },
    machines: { status: 'read', value: machines },
    volumes: { status: 'read', value: volumes },
    secrets: { status: 'read', value: secrets },
    addresses: { status: 'read', value: addresses },
  };
}

export const absent: ObservedApp = { ...observed(), app: { status: 'read', value: { state: 'absent' } } };

export function volume(id: string, parts: Partial<Volume> = {}): Volume {
  return { id, name: 'data', state: 'created', size_gb: 1, region: 'arn', attached_machine_id: null, ...parts };
}

export function input(
  desired: DesiredApp,
  world: ObservedApp,
  parts: { readonly memory?: Partial<Memory>; readonly options?: Partial<PlanOptions> } & Partial<
    Pick<PlanAppInput, 'now' | 'fleet'>
  > = {},
): PlanAppInput {
  return {
    desired,
    observed: world,
    memory: { ...emptyMemory, keyId: 'key', ...parts.memory },
    fleet: parts.fleet ?? owner,
    now: parts.now ?? now,
    options: { adopt: false, force: false, now: false, ...parts.options },
    problems: [],
  };
}

export function plan(...args: Parameters<typeof input>): AppPlan {
  return planApp(input(...args));
}

/** `kind target`, in order. */
export function brief(steps: readonly Step[]): readonly string[] {
  return steps.map((step) => `${step.kind} ${step.target}`);
}

export function only<K extends StepKind>(steps: readonly Step[], kind: K): Step & { readonly kind: K } {
  const found = steps.filter((step): step is Step & { readonly kind: K } => step.kind === kind);
  const [first] = found;
  if (first === undefined || found.length > 1)
    throw new Error(`expected one ${kind}, found ${brief(steps).join(', ')}`);
  return first;
}

/** Steps and bookkeeping, in order of apply. */
export function writes(app: AppPlan): readonly Step[] {
  return inOrder(writesOf(app));
}

export function holdsOf(app: AppPlan): readonly string[] {
  return app.holds.map((hold) => hold.reason);
}

export function secretOf(name: string, parts: Partial<AppSecret> = {}): AppSecret {
  return { name, digest: hashOf(name).slice(0, 16), updated_at: new Date(now - 7_200_000).toISOString(), ...parts };
}
