import type { Machine, Volume } from '../world/records.ts';
import { refusal, timestamp, Refusal } from '../wire/replies.ts';
import type { World } from '../world/world.ts';
import { appOf } from './access.ts';
import type { RequestContext } from './request-context.ts';

export function machineOf(call: RequestContext): Machine {
  const app = appOf(call);
  const id = call.params['machine'] ?? '';
  const machine = call.world.machine(app, id);
  if (machine === undefined) throw refusal(404, `not_found: machine ID ${id} not found in app ${app.name}`);
  return machine;
}

/** For writes: a destroyed machine is gone. */
export function livingMachineOf(call: RequestContext): Machine {
  const machine = machineOf(call);
  if (machine.state === 'destroyed') throw refusal(404, `not_found: machine ID ${machine.id} is destroyed`);
  return machine;
}

/** For writes that a lease guards: refused unless it is free or the nonce of its lease was sent. */
export function unleasedMachineOf(call: RequestContext): Machine {
  const machine = livingMachineOf(call);
  refuseForeignLease(call, machine);
  // Fly passes the call on to the machine's host.
  if (machine.hostStatus !== 'ok') throw refusal(503, `unavailable: the host of machine ${machine.id} does not answer`);
  return machine;
}

export function refuseForeignLease(call: RequestContext, machine: Machine): void {
  const lease = heldLease(call.world, machine);
  if (lease === undefined || lease.nonce === call.nonce) return;
  const until = timestamp(lease.expiresAt);
  const message = `machine ID ${machine.id} lease currently held by ${lease.owner}, expires at ${until}`;
  throw new Refusal(409, { status: 'error', message, code: 'lease_held' });
}

/** A lease ends by the clock: nobody needs to take it away. */
export function heldLease(world: World, machine: Machine): Machine['lease'] {
  return machine.lease !== undefined && machine.lease.expiresAt > world.now() ? machine.lease : undefined;
}

export function volumeOf(call: RequestContext): Volume {
  const app = appOf(call);
  const id = call.params['volume'] ?? '';
  const volume = call.world.volume(app, id);
  if (volume === undefined) throw refusal(404, `not_found: volume ${id} not found in app ${app.name}`);
  return volume;
}
