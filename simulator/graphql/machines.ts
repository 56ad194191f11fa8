/** Machines, volumes and what goes wrong with their hosts. */
import type { RequestContext } from '../http/request-context.ts';
import { connection, type Paging } from './connections.ts';
import type { Fields, TypeFields } from './fields.ts';
import type { App, Machine, Snapshot, Volume } from '../world/records.ts';
import { timestamp } from '../wire/replies.ts';
import { snapshotView } from '../api/volumes.ts';

/** Destroyed ones are left out. */
export function machinesOf(app: App): readonly Machine[] {
  return [...app.machines.values()].filter((machine) => machine.state !== 'destroyed');
}

const networkBits = 112;

const machineFields: Fields<Machine> = {
  createdAt: (machine) => timestamp(machine.createdAt),
  updatedAt: (machine) => timestamp(machine.updatedAt),
  host: (machine) => ({ id: machine.host }),
  ips: ({ privateIp: ip }, paging: Paging) =>
    connection([{ id: ip, ip, family: 'v6', kind: 'privatenet', maskSize: networkBits }], paging),
};

const volumeFields: Fields<Volume> = {
  internalId: (volume) => volume.id,
  snapshotRetentionDays: (volume) => volume.snapshotRetention,
  createdAt: (volume) => timestamp(volume.createdAt),
  host: (volume) => ({ id: volume.host }),
  attachedMachine: (volume) => volume.app.machines.get(volume.attachedMachine ?? '') ?? null,
  snapshots: (volume, paging: Paging) => connection(volume.snapshots, paging),
};

const snapshotFields: Fields<Snapshot> = {
  digest: (taken, _args, call) => snapshotView(call.world, taken).digest,
  size: (taken, _args, call) => String(snapshotView(call.world, taken).size),
  createdAt: (taken) => timestamp(taken.createdAt),
};

/** One for each host that does not answer and has machines of the app. */
export function hostIssuesOf(call: RequestContext, app: App) {
  const since = new Map<string, number>();
  for (const machine of machinesOf(app)) {
    if (machine.hostStatus !== 'ok') since.set(machine.host, machine.updatedAt);
  }
  return [...since].map(([host, at]) => ({
    id: call.world.chance.hex(['issue', host], 16),
    internalId: host,
    message: `The host ${host} does not answer`,
    createdAt: timestamp(at),
    updatedAt: timestamp(at),
  }));
}

const handlerNames: Readonly<Record<string, string>> = {
  edge_http: 'EDGE_HTTP',
  http: 'HTTP',
  pg_tls: 'PG_TLS',
  proxy_proto: 'PROXY_PROTO',
  tls: 'TLS',
};

/** Those of the oldest machine: all of a group have the same. */
export function servicesOf(app: App) {
  const [machine] = machinesOf(app);
  return (machine?.config.services ?? []).map((service) => ({
    description: `${service.protocol ?? 'tcp'} ${service.internal_port ?? 0}`,
    protocol: service.protocol === 'udp' ? 'UDP' : 'TCP',
    internalPort: service.internal_port ?? 0,
    ports: (service.ports ?? []).map((port) => ({
      port: port['port'] ?? null,
      startPort: port['start_port'] ?? null,
      endPort: port['end_port'] ?? null,
      handlers: handlersOf(port['handlers']),
    })),
  }));
}

function handlersOf(handlers: unknown): readonly string[] {
  if (!Array.isArray(handlers)) return [];
  return handlers.flatMap((handler: unknown) => handlerNames[String(handler)] ?? []);
}

export const machineTypeFields: TypeFields = {
  Machine: machineFields,
  Volume: volumeFields,
  VolumeSnapshot: snapshotFields,
};
