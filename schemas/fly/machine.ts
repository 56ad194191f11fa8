/**
 * The shapes of a machine on the wire of Fly's Machines API (REST, /v1). Loose on purpose: Fly may answer with more,
 * and a field we do not use is not asked for. Source: Fly's OpenAPI document and flyctl's own types.
 */
import { z } from 'zod';

const text = z.string();
/** Go-style duration ("15s", "1m0s") or integer nanoseconds; Fly answers with canonical Go strings. */
const WireDuration = z.union([text, z.number()]);

export const MachineGuest = z.looseObject({
  cpu_kind: text.optional(),
  cpus: z.number().optional(),
  memory_mb: z.number().optional(),
});
export type MachineGuest = z.infer<typeof MachineGuest>;

export const MachineCheck = z.looseObject({
  type: text.nullish(),
  port: z.number().nullish(),
  interval: WireDuration.nullish(),
  timeout: WireDuration.nullish(),
  grace_period: WireDuration.nullish(),
  method: text.nullish(),
  path: text.nullish(),
});
export type MachineCheck = z.infer<typeof MachineCheck>;

export const MachinePort = z.looseObject({
  port: z.number().nullish(),
  start_port: z.number().nullish(),
  end_port: z.number().nullish(),
  handlers: z.array(text).nullish(),
  force_https: z.boolean().nullish(),
});
export type MachinePort = z.infer<typeof MachinePort>;

export const MachineService = z.looseObject({
  protocol: text.nullish(),
  internal_port: z.number().nullish(),
  ports: z.array(MachinePort).nullish(),
  checks: z.array(MachineCheck).nullish(),
  /** Sent as "off", "stop", "suspend" or a boolean; read back as a boolean or "suspend". */
  autostop: z.union([text, z.boolean()]).nullish(),
  autostart: z.boolean().nullish(),
  min_machines_running: z.number().nullish(),
});
export type MachineService = z.infer<typeof MachineService>;

export const MachineMount = z.looseObject({
  volume: text.optional(),
  path: text.optional(),
  name: text.optional(),
  size_gb: z.number().optional(),
  encrypted: z.boolean().optional(),
});
export type MachineMount = z.infer<typeof MachineMount>;

export const MachineConfig = z.looseObject({
  image: text.optional(),
  env: z.record(text, text).nullish(),
  init: z.looseObject({}).nullish(),
  guest: MachineGuest.nullish(),
  metadata: z.record(text, text).nullish(),
  mounts: z.array(MachineMount).nullish(),
  services: z.array(MachineService).nullish(),
  checks: z.record(text, MachineCheck).nullish(),
  metrics: z.looseObject({}).nullish(),
  files: z.array(z.looseObject({})).nullish(),
  restart: z.looseObject({ policy: text.optional(), max_retries: z.number().optional() }).nullish(),
  stop_config: z.looseObject({}).nullish(),
  schedule: text.nullish(),
  auto_destroy: z.boolean().nullish(),
  standbys: z.array(text).nullish(),
});
/** One machine's configuration. An update replaces it whole. */
export type MachineConfig = z.infer<typeof MachineConfig>;

export const ImageRef = z.looseObject({
  registry: text.optional(),
  repository: text.optional(),
  tag: text.optional(),
  digest: text.optional(),
});
export type ImageRef = z.infer<typeof ImageRef>;

export const MachineEvent = z.looseObject({
  id: text.optional(),
  type: text,
  status: text.optional(),
  source: text.optional(),
  /** Milliseconds since the epoch. */
  timestamp: z.number().optional(),
  request: z.looseObject({}).nullish(),
});
export type MachineEvent = z.infer<typeof MachineEvent>;

export const CheckStatus = z.looseObject({
  name: text.optional(),
  status: text.optional(),
  output: text.nullish(),
  updated_at: text.nullish(),
});
export type CheckStatus = z.infer<typeof CheckStatus>;

export const Lease = z.looseObject({
  nonce: text.optional(),
  /** Seconds since the epoch. */
  expires_at: z.number(),
  owner: text.optional(),
  description: text.optional(),
  version: text.optional(),
});
export type Lease = z.infer<typeof Lease>;

export const Machine = z.looseObject({
  id: text,
  name: text,
  state: text,
  region: text,
  instance_id: text.optional(),
  version: text.optional(),
  image_ref: ImageRef.nullish(),
  private_ip: text.nullish(),
  created_at: text.optional(),
  updated_at: text.optional(),
  config: MachineConfig.nullish(),
  incomplete_config: MachineConfig.nullish(),
  events: z.array(MachineEvent).nullish(),
  checks: z.array(CheckStatus).nullish(),
  cordoned: z.boolean().nullish(),
  host_status: text.nullish(),
  nonce: text.optional(),
  lease: Lease.nullish(),
});
export type Machine = z.infer<typeof Machine>;

/** What a machine was sent, version by version. */
export const MachineVersions = z.array(z.looseObject({ user_config: MachineConfig.nullish() }));

/** Body of a create or an update. `region` and `name` count only at create, `current_version` only at update. */
export interface MachineRequest {
  name?: string;
  region?: string;
  config: MachineConfig;
  lease_ttl?: number;
  skip_launch?: boolean;
  skip_service_registration?: boolean;
  min_secrets_version?: number;
  current_version?: string;
}

/** One item of GET /orgs/{org}/machines: an overview without env, services or checks. */
export const OrgMachine = z.looseObject({
  id: text,
  app_name: text,
  name: text.optional(),
  region: text.optional(),
  state: text.optional(),
  version: text.optional(),
  updated_at: text.optional(),
  config: z.looseObject({ metadata: z.record(text, text).nullish() }).nullish(),
});
export type OrgMachine = z.infer<typeof OrgMachine>;

export const OrgMachinesPage = z.looseObject({
  machines: z.array(OrgMachine),
  next_cursor: text.nullish(),
  error_regions: z.array(text).nullish(),
});
