/** Machines as they go over the wire. */
import type { Machine as WireMachine, OrgMachine } from '../../schemas/fly/machine.ts';
import { heldLease } from '../http/resources.ts';
import type { Lease, Machine } from '../world/records.ts';
import { timestamp } from '../wire/replies.ts';
import type { World } from '../world/world.ts';

/** The newest events go with the machine; the rest has its own route. */
const eventsShown = 10;

export interface View {
  readonly leases?: boolean;
  /** Without config, checks, events and host_status. */
  readonly summary?: boolean;
}

export function machineView(world: World, machine: Machine, view: View = {}): WireMachine {
  const lease = view.leases === true ? heldLease(world, machine) : undefined;
  return {
    id: machine.id,
    name: machine.name,
    state: machine.state,
    region: machine.region,
    image_ref: machine.hostStatus === 'ok' ? machine.imageRef : {},
    instance_id: machine.instanceId,
    version: machine.instanceId,
    private_ip: machine.privateIp,
    created_at: timestamp(machine.createdAt),
    updated_at: timestamp(machine.updatedAt),
    cordoned: machine.cordoned,
    ...(view.summary === true ? {} : details(machine)),
    ...(lease === undefined ? {} : { lease: publicLease(lease) }),
  };
}

function details(machine: Machine): Partial<WireMachine> {
  return {
    // Of a host that does not answer the platform knows only what was written last.
    ...(machine.hostStatus === 'ok' ? { config: machine.config } : { config: null, incomplete_config: machine.config }),
    events: machine.events.slice(0, eventsShown),
    checks: machine.checks,
    host_status: machine.hostStatus,
  };
}

/** With its nonce: only for the lease's own route. */
export function leaseView(machine: Machine, lease: Lease) {
  return { nonce: lease.nonce, ...publicLease(lease), version: machine.instanceId };
}

/** Whoever reads a machine learns who holds it, and cannot act in their stead. */
function publicLease(lease: Lease) {
  return {
    expires_at: Math.floor(lease.expiresAt / 1000),
    owner: lease.owner,
    description: lease.description,
  };
}

/** The overview of an org-wide list. */
export function orgMachineView(machine: Machine, summary: boolean): OrgMachine {
  const { guest, image, metadata } = machine.config;
  return {
    id: machine.id,
    app_name: machine.app.name,
    name: machine.name,
    region: machine.region,
    state: machine.state,
    private_ip: machine.privateIp,
    version: machine.instanceId,
    created_at: timestamp(machine.createdAt),
    updated_at: timestamp(machine.updatedAt),
    ...(summary ? {} : { config: { guest, image, metadata: metadata ?? {} } }),
  };
}
