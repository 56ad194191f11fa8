import { fieldsOf, textField } from './body.ts';
import { appOf, organizationOf, type Call, type Route } from './calls.ts';
import { bury } from './machine-life.ts';
import type { App } from './records.ts';
import { ok, refusal, timestamp, type Reply } from './replies.ts';

const namePattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** The documents write `app_name`, Fly's own client `name`. */
function create(call: Call): Reply {
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
    status: app.status,
    machine_count: machines,
    volume_count: volumes,
    organization: { name: organization.name, slug: organization.slug, internal_numeric_id: organization.number },
    cname_target: `${app.id.slice(0, 7)}.${app.name}.fly.dev`,
    app_role: app.role,
  };
}

function list(call: Call): Reply {
  const slug = call.query.get('org_slug') ?? '';
  if (slug === '') throw refusal(400, 'invalid_argument: org_slug is required');
  const role = call.query.get('app_role');
  const apps = [...organizationOf(call, slug).apps.values()].filter((app) => role === null || app.role === role);
  return ok({ total_apps: apps.length, apps: apps.map(view) });
}

/** Its machines, volumes, secrets and addresses go with it, leased or not. */
function remove(call: Call): Reply {
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

export const appRoutes: readonly Route[] = [
  { operation: 'GET /apps', handle: list },
  { operation: 'POST /apps', handle: create },
  { operation: 'GET /apps/{app}', handle: (call) => ok(view(appOf(call))) },
  { operation: 'DELETE /apps/{app}', handle: remove },
];
