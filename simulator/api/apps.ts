import { networkPrefix } from './addresses.ts';
import { fieldsOf, textField } from '../wire/body.ts';
import type { RequestContext, Route } from '../http/request-context.ts';
import { appOf, organizationOf } from '../http/access.ts';
import { bury, start, stop } from '../machines/lifecycle.ts';
import { allowedActions } from '../world/machine-states.ts';
import type { App, Organization } from '../world/records.ts';
import { ok, refusal, timestamp, type Reply } from '../wire/replies.ts';
import type { World } from '../world/world.ts';

const namePattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** The documents write `app_name`, Fly's own client `name`. */
function create(call: RequestContext): Reply {
  const { world } = call;
  const fields = fieldsOf(call.body);
  const name = textField(fields, 'name') ?? textField(fields, 'app_name') ?? '';
  if (!namePattern.test(name)) {
    throw refusal(422, `Validation failed: Name ${JSON.stringify(name)}: a-z, 0-9 and -, at most 63 characters`);
  }
  const slug = textField(fields, 'org_slug') ?? '';
  if (slug === '') throw refusal(400, 'invalid_argument: org_slug is required');
  const organization = organizationOf(call, slug);
  if (world.apps.has(name)) throw refusal(422, 'Validation failed: Name has already been taken', 'name_taken');
  const app: App = {
    ...world.drawApp(name),
    name,
    organization,
    network: textField(fields, 'network') || 'default',
    createdAt: world.now(),
    status: 'pending',
    role: textField(fields, 'app_role_id') ?? '',
    machines: new Map(),
    machineNames: new Map(),
    volumes: new Map(),
    secrets: { version: 0, byName: new Map() },
    addresses: new Map(),
    certificates: new Map(),
    releases: [],
    lock: undefined,
    paused: new Set(),
    drawn: new Map(),
  };
  world.apps.set(name, app);
  organization.apps.set(name, app);
  return { status: 201, body: { ...view(app), created_at: timestamp(app.createdAt) } };
}

function view(app: App) {
  const machines = [...app.machines.values()].filter((machine) => machine.state !== 'destroyed').length;
  const volumes = [...app.volumes.values()].filter((volume) => volume.deletedAt === undefined).length;
  const { organization } = app;
  return {
    id: app.id,
    name: app.name,
    internal_numeric_id: app.number,
    network: app.network,
    network_cidr: `${networkPrefix(app)}::/48`,
    status: app.status,
    machine_count: machines,
    volume_count: volumes,
    organization: { name: organization.name, slug: organization.slug, internal_numeric_id: organization.number },
    cname_target: cnameTarget(app),
    app_role: app.role,
  };
}

/** What a custom domain points to. */
export const cnameTarget = (app: App): string => `${app.id.slice(0, 7)}.${app.name}.fly.dev`;

function list(call: RequestContext): Reply {
  const slug = call.query.get('org_slug') ?? '';
  if (slug === '') throw refusal(400, 'invalid_argument: org_slug is required');
  const role = call.query.get('app_role');
  const seenUntil = call.world.now() - (call.world.lag.settings.listMs ?? 0);
  const apps = [...organizationOf(call, slug).apps.values()].filter(
    (app) => (role === null || app.role === role) && app.createdAt <= seenUntil,
  );
  return ok({ total_apps: apps.length, apps: apps.map(view) });
}

/** Its machines, volumes, secrets and addresses go with it, leased or not. */
function remove(call: RequestContext): Reply {
  const app = appOf(call);
  const { organization } = app;
  for (const machine of app.machines.values()) {
    if (machine.state !== 'destroyed') bury(call.world, machine);
    organization.machines.delete(machine.id);
  }
  for (const id of app.volumes.keys()) organization.volumes.delete(id);
  organization.apps.delete(app.name);
  call.world.apps.delete(app.name);
  return { status: 202 };
}

/** With all it has; what runs goes on running. Lists across an organization stay in order of creation. */
export function moveApp(app: App, target: Organization): void {
  const { organization: source, name } = app;
  source.apps.delete(name);
  target.apps.set(name, app);
  app.organization = target;
  transfer(app, source.machines, target.machines);
  transfer(app, source.volumes, target.volumes);
}

interface Owned {
  readonly id: string;
  readonly app: App;
  readonly sequence: number;
}

function transfer<T extends Owned>(app: App, source: Map<string, T>, target: Map<string, T>): void {
  const moved = [...source.values()].filter((item) => item.app === app);
  for (const item of moved) source.delete(item.id);
  const all = [...target.values(), ...moved].sort((a, b) => a.sequence - b.sequence);
  target.clear();
  for (const item of all) target.set(item.id, item);
}

/** Stops what runs, and remembers what that was. */
export function pauseApp(world: World, app: App): void {
  app.status = 'suspended';
  for (const machine of app.machines.values()) {
    if (allowedActions.stop[machine.state] !== 'does') continue;
    app.paused.add(machine.id);
    stop(world, machine);
  }
}

/** Starts what pausing stopped. An app that is not paused stays as it is. */
export function resumeApp(world: World, app: App): void {
  if (app.status !== 'suspended') return;
  app.status = 'deployed';
  for (const id of app.paused) {
    const machine = app.machines.get(id);
    if (machine !== undefined && allowedActions.start[machine.state] === 'does') start(world, machine);
  }
  app.paused.clear();
}

export const appRoutes: readonly Route[] = [
  { operation: 'GET /apps', handle: list },
  { operation: 'POST /apps', handle: create },
  { operation: 'GET /apps/{app}', handle: (call) => ok(view(appOf(call))) },
  { operation: 'DELETE /apps/{app}', handle: remove },
];
