import { fieldsOf, numberField, textField } from '../wire/body.ts';
import type { RequestContext, Route } from '../http/request-context.ts';
import { heldLease, livingMachineOf, machineOf, refuseForeignLease } from '../http/resources.ts';
import { leaseView } from '../machines/views.ts';
import type { Lease, Machine } from '../world/records.ts';
import type { World } from '../world/world.ts';
import { refusal, type Reply } from '../wire/replies.ts';

const defaultTtlSeconds = 60;

interface LeaseTerms {
  readonly ttlSeconds: number;
  readonly description: string;
}

export function grantLease(call: RequestContext, machine: Machine, terms: LeaseTerms): Lease {
  return newLease(call.world, machine, { ...terms, owner: call.grant.owner });
}

/** flyctl's own time to live. */
const deploySeconds = 13;

/** Somebody else's, whoever holds one now. */
export function foreignLease(
  world: World,
  machine: Machine,
  { ttlSeconds = deploySeconds, owner = 'somebody@example.com', description = 'fly deploy' }: Partial<NewLease> = {},
): Lease {
  return newLease(world, machine, { ttlSeconds, owner, description });
}

interface NewLease extends LeaseTerms {
  readonly owner: string;
}

function newLease(world: World, machine: Machine, terms: NewLease): Lease {
  const lease: Lease = {
    nonce: world.draw(machine.app, `lease ${machine.id}`, 12),
    expiresAt: world.now() + terms.ttlSeconds * 1000,
    owner: terms.owner,
    description: terms.description,
  };
  machine.lease = lease;
  world.lag.noteMachine(machine);
  return lease;
}

/** Without a nonce: acquires. With the nonce of the lease: renews it. After its end a late renewal is a new lease. */
function acquire(call: RequestContext): Reply {
  const machine = livingMachineOf(call);
  const terms = termsOf(call);
  const held = heldLease(call.world, machine);
  if (held === undefined) return envelope(201, leaseView(machine, grantLease(call, machine, terms)));
  refuseForeignLease(call, machine);
  held.expiresAt = call.world.now() + terms.ttlSeconds * 1000;
  return envelope(200, leaseView(machine, held));
}

/** The time to live stands in the query (`ttl`, seconds) or in the body. */
function termsOf(call: RequestContext): LeaseTerms {
  const fields = fieldsOf(call.body);
  const inQuery = call.query.get('ttl');
  const ttlSeconds = inQuery === null ? (numberField(fields, 'ttl') ?? defaultTtlSeconds) : Number(inQuery);
  if (!Number.isFinite(ttlSeconds) || ttlSeconds <= 0) {
    throw refusal(422, 'invalid_argument: ttl must be a positive number of seconds');
  }
  return { ttlSeconds, description: textField(fields, 'description') ?? '' };
}

function read(call: RequestContext): Reply {
  const machine = machineOf(call);
  const lease = heldLease(call.world, machine);
  if (lease === undefined) throw refusal(404, 'lease not found');
  return envelope(200, leaseView(machine, lease));
}

function release(call: RequestContext): Reply {
  const machine = machineOf(call);
  if (heldLease(call.world, machine) === undefined) throw refusal(404, 'lease not found');
  refuseForeignLease(call, machine);
  machine.lease = undefined;
  call.world.lag.noteMachine(machine);
  return envelope(200, { ok: true });
}

function envelope(status: number, data: unknown): Reply {
  return { status, body: { status: 'success', data } };
}

export const leaseRoutes: readonly Route[] = [
  { operation: 'GET /apps/{app}/machines/{machine}/lease', handle: read },
  { operation: 'POST /apps/{app}/machines/{machine}/lease', handle: acquire },
  { operation: 'DELETE /apps/{app}/machines/{machine}/lease', handle: release },
];
