/** Apps, volumes, secrets, addresses and regions on Fly's wire (REST, /v1). Loose: Fly may answer with more. */
import { z } from 'zod';
import type { MachineGuest } from './machine.ts';

const text = z.string();

export const App = z.looseObject({
  id: text.optional(),
  name: text,
  /** pending (no release yet), deployed, suspended. */
  status: text.optional(),
  organization: z.looseObject({ slug: text.optional(), name: text.optional() }).nullish(),
  network: text.nullish(),
  app_role: text.nullish(),
  machine_count: z.number().optional(),
});
export type App = z.infer<typeof App>;
export const AppList = z.looseObject({ total_apps: z.number().optional(), apps: z.array(App) });

export const Volume = z.looseObject({
  id: text,
  name: text,
  state: text,
  size_gb: z.number(),
  region: text,
  zone: text.nullish(),
  encrypted: z.boolean().optional(),
  attached_machine_id: text.nullish(),
  created_at: text.optional(),
  snapshot_retention: z.number().nullish(),
  auto_backup_enabled: z.boolean().nullish(),
  host_status: text.nullish(),
});
export type Volume = z.infer<typeof Volume>;
/** GetVolumes of Fly's SDK hides these: such a volume is as good as gone. */
export const goneVolumeStates = [
  'scheduling_destroy',
  'fork_cleanup',
  'waiting_for_detach',
  'pending_destroy',
  'destroying',
  'destroyed',
] as const;
export const VolumeExtended = z.looseObject({ volume: Volume, needs_restart: z.boolean() });

export interface VolumeRequest {
  name: string;
  region: string;
  size_gb: number;
  encrypted?: boolean;
  require_unique_zone?: boolean;
  snapshot_retention?: number;
  auto_backup_enabled?: boolean;
  /** The machine that will mount it: its host has to have room for both. */
  compute?: MachineGuest;
}

export const AppSecret = z.looseObject({
  name: text,
  /** Opaque: a client cannot compute it from the value. */
  digest: text.optional(),
  created_at: text.nullish(),
  updated_at: text.nullish(),
});
export type AppSecret = z.infer<typeof AppSecret>;
export const AppSecretList = z.looseObject({ secrets: z.array(AppSecret) });
/** Answer of a write to secrets; `version` counts writes per app. */
export const AppSecretsWritten = z.looseObject({
  secrets: z.array(AppSecret).nullish(),
  version: z.number().optional(),
});

export const IpAssignment = z.looseObject({
  ip: text,
  region: text.nullish(),
  service_name: text.nullish(),
  shared: z.boolean().nullish(),
  egress: z.boolean().nullish(),
  created_at: text.nullish(),
  type: text.nullish(),
  network: z.looseObject({ name: text.nullish(), org_slug: text.nullish() }).nullish(),
});
export type IpAssignment = z.infer<typeof IpAssignment>;
export const IpAssignmentList = z.looseObject({ ips: z.array(IpAssignment) });

/** Body of POST /apps/{app}/ip_assignments. */
export interface IpAssignmentRequest {
  type: 'v4' | 'v6' | 'shared_v4' | 'private_v6';
  region?: string;
  org_slug?: string;
  network?: string;
}

export const Region = z.looseObject({
  code: text,
  name: text.optional(),
  deprecated: z.boolean().optional(),
  /** In degrees. */
  latitude: z.number().optional(),
  longitude: z.number().optional(),
});
export type Region = z.infer<typeof Region>;
export const RegionList = z.looseObject({ regions: z.array(Region).optional(), Regions: z.array(Region).optional() });

export const CurrentTokens = z.looseObject({
  tokens: z.array(z.looseObject({ token_id: text.optional(), org_slug: text.nullish(), organization: text.nullish() })),
});

/** Fly's error body; older and edge replies use `message`, which its SDK prefers. */
export const ErrorBody = z.looseObject({
  error: text.optional(),
  message: text.optional(),
  status: text.optional(),
  code: text.optional(),
});
