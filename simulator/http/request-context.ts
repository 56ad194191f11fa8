import { fieldsOf, type Fields } from '../wire/body.ts';
import type { App, Machine, TokenGrant, Volume } from '../world/records.ts';
import { Refusal, refusal, timestamp, type Reply } from '../wire/replies.ts';
import type { World } from '../world/world.ts';

/** One request on its way through a handler. */
export interface Call {
  readonly world: World;
  readonly grant: TokenGrant;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Parsed JSON; undefined where none was sent. */
  readonly body: unknown;
  /** What was sent, as it came. */
  readonly content: Content;
  /** fly-machine-lease-nonce. */
  readonly nonce: string | undefined;
  /** Waits on the clock; false: nobody waits for the answer any more. The only thing a handler may wait for. */
  pause(ms: number): Promise<boolean>;
}

export interface Content {
  readonly bytes: Uint8Array;
  /** Media type. */
  readonly type: string;
  /** Range or content-range. */
  readonly range: string;
}

export const noContent: Content = { bytes: new Uint8Array(), type: '', range: '' };

export interface Route {
  /** "POST /apps/{app}/machines", without /v1. */
  readonly operation: string;
  readonly handle: (call: Call) => Reply | Promise<Reply>;
  /** Asked without a token too; the handler itself refuses what needs one. */
  readonly anonymous?: boolean;
  /** Takes bytes rather than JSON. */
  readonly binary?: boolean;
}

/** 404 for a free name, 403 where the app is another organization's. */
export function appOf(call: Call): App {
  return appNamed(call, call.params['app'] ?? '');
}

/** What a request into an app works with. */
export function requestIn(call: Call): { readonly app: App; readonly world: World; readonly fields: Fields } {
  return { app: appOf(call), world: call.world, fields: fieldsOf(call.body) };
}

export function appNamed(call: Call, name: string): App {
  const app = call.world.apps.get(name);
  if (app === undefined) throw refusal(404, `Could not find App "${name}"`);
  if (!reaches(call.grant, app)) throw refusal(403, 'unauthorized');
  return app;
}

export function reaches(grant: TokenGrant, app: App): boolean {
  return grant.organizations.includes(app.organization.slug) && (grant.app === undefined || grant.app === app.id);
}

export function machineOf(call: Call): Machine {
  const app = appOf(call);
  const id = call.params['machine'] ?? '';
  const machine = call.world.machine(app, id);
  if (machine === undefined) throw refusal(404, `not_found: machine ID ${id} not found in app ${app.name}`);
  return machine;
}

/** For writes: a destroyed machine is gone. */
export function livingMachineOf(call: Call): Machine {
  const machine = machineOf(call);
  if (machine.state === 'destroyed') throw refusal(404, `not_found: machine ID ${machine.id} is destroyed`);
  return machine;
}

/** For writes that a lease guards: refused unless it is free or the nonce of its lease was sent. */
export function unleasedMachineOf(call: Call): Machine {
  const machine = livingMachineOf(call);
  refuseForeignLease(call, machine);
  // Fly passes the call on to the machine's host.
  if (machine.hostStatus !== 'ok') throw refusal(503, `unavailable: the host of machine ${machine.id} does not answer`);
  return machine;
}

export function refuseForeignLease(call: Call, machine: Machine): void {
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

export function volumeOf(call: Call): Volume {
  const app = appOf(call);
  const id = call.params['volume'] ?? '';
  const volume = call.world.volume(app, id);
  if (volume === undefined) throw refusal(404, `not_found: volume ${id} not found in app ${app.name}`);
  return volume;
}

/** The organization of the path or query: 404 unknown, 403 out of the token's reach or wider than a deploy token's. */
export function organizationOf(call: Call, slug: string) {
  const organization = visibleOrganization(call, slug);
  if (call.grant.app !== undefined) throw refusal(403, 'unauthorized');
  return organization;
}

/** To be named and described; a deploy token sees that of its app. */
export function visibleOrganization(call: Call, slug: string) {
  const organization = call.world.organizations.get(slug);
  if (organization === undefined) throw refusal(404, `Could not find Organization "${slug}"`);
  if (!call.grant.organizations.includes(slug)) throw refusal(403, 'unauthorized');
  return organization;
}

export function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value === 'true' || value === '1' || value === '';
}

/** Values of a parameter that may be repeated or comma separated; empty where it was not sent. */
export function listed(query: URLSearchParams, name: string): ReadonlySet<string> {
  return new Set(
    query
      .getAll(name)
      .flatMap((value) => value.split(','))
      .filter((value) => value !== ''),
  );
}
