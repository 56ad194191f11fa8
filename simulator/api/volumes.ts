import { booleanField, fieldsOf, numberField, textField, type Fields } from '../wire/body.ts';
import { flag, type RequestContext, type Route } from '../http/request-context.ts';
import { volumeOf } from '../http/resources.ts';
import { appOf, requestIn } from '../http/access.ts';
import { fillMount } from '../machines/mounts.ts';
import { isRunning } from '../world/machine-states.ts';
import { hostFor } from '../machines/placement.ts';
import { isRegion, refuseRetired } from '../machines/regions.ts';
import { zoneOf, type App, type Snapshot, type Volume } from '../world/records.ts';
import { ok, refusal, timestamp, type Reply } from '../wire/replies.ts';
import type { World } from '../world/world.ts';

const namePattern = /^[a-z0-9_]{1,30}$/;
const defaultSizeGb = 3;
const largestSizeGb = 500;
const defaultRetentionDays = 5;
const longestRetentionDays = 60;
const createMs = 200;
const extendMs = 300;
const snapshotMs = 1000;
const deleteMs = 300;
const blockSize = 4096;

function create(call: RequestContext): Reply {
  const { app, world, fields } = requestIn(call);
  const name = textField(fields, 'name') ?? '';
  if (!namePattern.test(name)) {
    throw refusal(422, `invalid_argument: volume name ${JSON.stringify(name)}: 1 to 30 of a-z, 0-9 and _`);
  }
  const region = textField(fields, 'region') ?? '';
  if (!isRegion(world, region)) throw refusal(422, `invalid_argument: region ${JSON.stringify(region)} not found`);
  refuseRetired(world, region);
  const sizeGb = numberField(fields, 'size_gb') ?? defaultSizeGb;
  requireSize(sizeGb);
  const id = `vol_${world.draw(app, 'volume', 16)}`;
  const host = placement(world, app, { name, region, spread: booleanField(fields, 'require_unique_zone') ?? true, id });
  const volume: Volume = {
    id,
    app,
    sequence: world.nextSequence(),
    name,
    region,
    host,
    zone: zoneOf(world.chance, host),
    encrypted: booleanField(fields, 'encrypted') ?? true,
    fstype: textField(fields, 'fstype') ?? 'ext4',
    // No two calls end in one instant: which of two volumes is older is never open.
    createdAt: Math.max(world.now(), ...[...app.volumes.values()].map((other) => other.createdAt + 1)),
    updatedAt: world.now(),
    state: 'creating',
    sizeGb,
    filesystemGb: sizeGb,
    attachedMachine: undefined,
    snapshotRetention: retentionField(fields) ?? defaultRetentionDays,
    scheduledSnapshots: booleanField(fields, 'auto_backup_enabled') ?? true,
    deletedAt: undefined,
    snapshots: [],
  };
  app.volumes.set(id, volume);
  app.organization.volumes.set(id, volume);
  settle(world, volume, createMs, 'created');
  world.lag.noteVolume(volume);
  return ok(volumeView(world, volume));
}

interface Placement {
  readonly name: string;
  readonly region: string;
  readonly id: string;
  /** Volumes of one name each in a zone of their own. */
  readonly spread: boolean;
}

function placement(world: World, app: App, { name, region, id, spread }: Placement): string {
  const namesakes = [...app.volumes.values()].filter(
    (other) => other.name === name && other.region === region && other.deletedAt === undefined,
  );
  const taken = new Set(spread ? namesakes.map((other) => other.host) : []);
  const host = hostFor(world, { app, id, region, taken });
  if (host !== undefined) return host;
  throw refusal(
    422,
    `insufficient_capacity: no zone in ${region} without a volume named ${name}`,
    'volume_placement_capacity',
  );
}

function requireSize(sizeGb: number): void {
  if (Number.isInteger(sizeGb) && sizeGb >= 1 && sizeGb <= largestSizeGb) return;
  throw refusal(422, `invalid_argument: size_gb must be 1 to ${largestSizeGb}, got ${sizeGb}`);
}

function retentionField(fields: Fields): number | undefined {
  const days = numberField(fields, 'snapshot_retention');
  if (days === undefined || (Number.isInteger(days) && days >= 1 && days <= longestRetentionDays)) return days;
  throw refusal(422, `invalid_argument: snapshot_retention must be 1 to ${longestRetentionDays} days, got ${days}`);
}

/** Moves to a state later unless something else happened to the volume meanwhile. */
function settle(world: World, volume: Volume, ms: number, state: string): void {
  const from = volume.state;
  world.after(ms, () => {
    if (volume.state !== from) return;
    volume.state = state;
    volume.updatedAt = world.now();
    world.lag.noteVolume(volume);
  });
}

function update(call: RequestContext): Reply {
  const volume = presentVolume(call);
  const fields = fieldsOf(call.body);
  volume.snapshotRetention = retentionField(fields) ?? volume.snapshotRetention;
  volume.scheduledSnapshots = booleanField(fields, 'auto_backup_enabled') ?? volume.scheduledSnapshots;
  volume.updatedAt = call.world.now();
  call.world.lag.noteVolume(volume);
  return ok(volumeView(call.world, volume));
}

/** Grows only. The filesystem of a running machine grows when it restarts. */
function extend(call: RequestContext): Reply {
  const volume = presentVolume(call);
  const sizeGb = numberField(fieldsOf(call.body), 'size_gb');
  if (sizeGb === undefined) throw refusal(400, 'invalid_argument: size_gb is required');
  requireSize(sizeGb);
  if (sizeGb < volume.sizeGb) {
    throw refusal(
      422,
      `invalid_argument: volume can only be extended: it has ${volume.sizeGb} GB, asked for ${sizeGb}`,
    );
  }
  const machine = volume.app.machines.get(volume.attachedMachine ?? '');
  if (sizeGb > volume.sizeGb) {
    volume.sizeGb = sizeGb;
    volume.state = 'extending';
    volume.updatedAt = call.world.now();
    if (machine !== undefined) fillMount(machine.config, volume);
    call.world.lag.noteVolume(volume);
    settle(call.world, volume, extendMs, 'created');
  }
  return ok({
    volume: volumeView(call.world, volume),
    needs_restart: machine !== undefined && isRunning(machine.state),
  });
}

function remove(call: RequestContext): Reply {
  const volume = presentVolume(call);
  if (volume.attachedMachine !== undefined) {
    throw refusal(412, `failed_precondition: volume is currently bound to machine: ${volume.attachedMachine}`);
  }
  volume.state = 'scheduling_destroy';
  volume.deletedAt = call.world.now();
  volume.updatedAt = call.world.now();
  call.world.lag.noteVolume(volume);
  settle(call.world, volume, deleteMs, 'pending_destroy');
  return ok(volumeView(call.world, volume));
}

/** For writes: a deleted volume can only be read. */
function presentVolume(call: RequestContext): Volume {
  const volume = volumeOf(call);
  if (volume.deletedAt === undefined) return volume;
  throw refusal(412, `failed_precondition: volume ${volume.id} is in state ${volume.state}`);
}

function snapshot(call: RequestContext): Reply {
  const volume = presentVolume(call);
  const { world } = call;
  const taken: Snapshot = {
    id: `vs_${world.draw(volume.app, `snapshot ${volume.id}`, 16)}`,
    createdAt: world.now(),
    volumeSizeGb: volume.sizeGb,
    retentionDays: volume.snapshotRetention,
    status: 'running',
  };
  volume.snapshots.unshift(taken);
  world.after(snapshotMs, () => {
    taken.status = 'created';
  });
  return { status: 200 };
}

export function snapshotView(world: World, taken: Snapshot) {
  return {
    id: taken.id,
    size: taken.status === 'created' ? 1_000_000 : 0,
    volume_size: taken.volumeSizeGb * 1e9,
    digest: taken.status === 'created' ? `sha256:${world.chance.hex(['snapshot', taken.id], 64)}` : '',
    status: taken.status,
    retention_days: taken.retentionDays,
    created_at: timestamp(taken.createdAt),
  };
}

export function volumeView(world: World, volume: Volume, summary = false) {
  const blocks = Math.floor((volume.sizeGb * 1e9) / blockSize);
  return {
    id: volume.id,
    name: volume.name,
    state: volume.state,
    size_gb: volume.sizeGb,
    region: volume.region,
    zone: volume.zone,
    encrypted: volume.encrypted,
    attached_machine_id: volume.attachedMachine ?? null,
    attached_alloc_id: null,
    created_at: timestamp(volume.createdAt),
    fstype: volume.fstype,
    snapshot_retention: volume.snapshotRetention,
    auto_backup_enabled: volume.scheduledSnapshots,
    host_dedication_key: '',
    host_status: world.hostsDown.has(volume.host) ? 'unreachable' : 'ok',
    type: 'local',
    ...(summary
      ? {}
      : {
          blocks,
          block_size: blockSize,
          blocks_free: blocks,
          blocks_avail: blocks,
          bytes_used: 0,
          bytes_total: blocks * blockSize,
        }),
  };
}

function list(call: RequestContext): Reply {
  const { world } = call;
  const all = world.lag.volumes(appOf(call).volumes.values(), world.lag.settings.listMs ?? 0);
  const volumes = [...all].filter((volume) => !world.isVolumeGone(volume));
  const summary = flag(call.query, 'summary');
  return ok(volumes.map((volume) => volumeView(world, volume, summary)));
}

export const volumeRoutes: readonly Route[] = [
  { operation: 'GET /apps/{app}/volumes', handle: list },
  { operation: 'POST /apps/{app}/volumes', handle: create },
  { operation: 'GET /apps/{app}/volumes/{volume}', handle: (call) => ok(volumeView(call.world, volumeOf(call))) },
  { operation: 'PUT /apps/{app}/volumes/{volume}', handle: update },
  { operation: 'POST /apps/{app}/volumes/{volume}', handle: update },
  { operation: 'DELETE /apps/{app}/volumes/{volume}', handle: remove },
  { operation: 'PUT /apps/{app}/volumes/{volume}/extend', handle: extend },
  {
    operation: 'GET /apps/{app}/volumes/{volume}/snapshots',
    handle: (call) => ok(volumeOf(call).snapshots.map((taken) => snapshotView(call.world, taken))),
  },
  { operation: 'POST /apps/{app}/volumes/{volume}/snapshots', handle: snapshot },
];
