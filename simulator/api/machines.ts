import { MachineConfig } from '../../schemas/fly/machine.ts';
import { booleanField, fieldsOf, numberField, textField, type Fields } from '../wire/body.ts';
import { flag, listed, type RequestContext, type Route } from '../http/request-context.ts';
import { livingMachineOf, machineOf, refuseForeignLease, unleasedMachineOf } from '../http/resources.ts';
import { appOf, requestIn } from '../http/access.ts';
import { networkPrefix } from './addresses.ts';
import { canonicalConfig } from '../machines/canonical-config.ts';
import { faultAnswer } from '../world/fault-answers.ts';
import { givenName } from '../world/chance.ts';
import { imageRefOf } from '../machines/images.ts';
import { destroy, launch, replace, takeCapacity } from '../machines/lifecycle.ts';
import { fillMount, refuseOtherMount, volumeToAttach } from '../machines/mounts.ts';
import { allowedActions } from '../world/machine-states.ts';
import { machineView } from '../machines/views.ts';
import { hostFor, isOpen, regionWithRoom } from '../machines/placement.ts';
import { nearestRegion, regionsNamed } from '../machines/regions.ts';
import { grantLease } from './machine-leases.ts';
import type { App, Machine, Volume } from '../world/records.ts';
import { done, ok, refusal, type Reply } from '../wire/replies.ts';
import type { World } from '../world/world.ts';

const versionsKept = 50;
const eventsDefault = 20;
const eventsMost = 50;

function create(call: RequestContext): Reply {
  const { app, world, fields } = requestIn(call);
  const sent = configField(fields);
  const name = textField(fields, 'name') || freeName(world, app);
  const namesake = app.machineNames.get(name);
  if (namesake !== undefined) {
    throw refusal(
      409,
      `already_exists: unique machine name violation, machine ID ${namesake} already exists with name "${name}"`,
    );
  }
  requireSecretsVersion(app, fields);
  const codes = regionField(world, fields);
  const wanted = codes?.length === 1 ? codes[0] : undefined;
  const volume = volumeToAttach(world, app, sent, wanted);
  const config = writtenConfig(world, sent, volume);
  const region = regionWithRoom(world, volume === undefined ? (codes ?? [nearestRegion]) : [volume.region]);
  const machine = newMachine(world, app, { name, region, config, volume });
  machine.versions.unshift({ version: machine.instanceId, userConfig: sent });
  machine.cordoned = booleanField(fields, 'skip_service_registration') ?? false;
  machine.skipSecrets = booleanField(fields, 'skip_secrets') ?? false;
  const leaseTtl = numberField(fields, 'lease_ttl') ?? 0;
  if (leaseTtl > 0) grantLease(call, machine, { ttlSeconds: leaseTtl, description: '' });
  launch(world, machine, booleanField(fields, 'skip_launch') ?? false);
  if (app.status === 'pending') app.status = 'deployed';
  return ok({ ...machineView(world, machine), ...(machine.lease === undefined ? {} : { nonce: machine.lease.nonce }) });
}

function update(call: RequestContext): Reply {
  const machine = unleasedMachineOf(call);
  const { world } = call;
  const fields = fieldsOf(call.body);
  const sent = configField(fields);
  const current = textField(fields, 'current_version');
  if (current !== undefined && current !== '' && current !== machine.instanceId) {
    throw refusal(
      412,
      `failed_precondition: machine version mismatch: current version is ${machine.instanceId}, request has ${current}`,
    );
  }
  if (machine.state === 'destroying') throw refusal(412, 'failed_precondition: machine is being destroyed');
  requireSecretsVersion(machine.app, fields);
  refuseOtherMount(machine, sent);
  const config = writtenConfig(world, sent, world.volume(machine.app, sent.mounts?.[0]?.volume ?? ''));
  requireRoomToGrow(world, machine, config);
  const before = { config: machine.config, imageRef: machine.imageRef, instanceId: machine.instanceId };
  machine.config = config;
  machine.imageRef = imageRefOf(world, config.image ?? '');
  machine.instanceTime = Math.max(world.now(), machine.instanceTime + 1);
  machine.instanceId = world.drawUlid(machine.app, 'version', machine.instanceTime);
  machine.versions.unshift({ version: machine.instanceId, userConfig: sent });
  if (machine.versions.length > versionsKept) machine.versions.length = versionsKept;
  machine.skipSecrets = booleanField(fields, 'skip_secrets') ?? false;
  if (booleanField(fields, 'skip_service_registration') === true) machine.cordoned = true;
  const leaseTtl = numberField(fields, 'lease_ttl') ?? 0;
  const lease = leaseTtl > 0 ? grantLease(call, machine, { ttlSeconds: leaseTtl, description: '' }) : undefined;
  replace(world, machine, { skipLaunch: booleanField(fields, 'skip_launch') ?? false, before });
  return ok({ ...machineView(world, machine), ...(lease === undefined ? {} : { nonce: lease.nonce }) });
}

function freeName(world: World, app: App): string {
  for (;;) {
    const name = givenName(world.chance, [world.draw(app, 'machine name', 16)]);
    if (!app.machineNames.has(name)) return name;
  }
}

function configField(fields: Fields): MachineConfig {
  if (fields['config'] === undefined) throw refusal(422, 'invalid_argument: config is required');
  const parsed = MachineConfig.safeParse(fields['config']);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refusal(400, `invalid JSON body: config.${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  }
  if (!parsed.data.image) throw refusal(422, 'invalid_argument: config.image is required');
  return parsed.data;
}

/** A code, an alias or a comma list, tried in order. */
function regionField(world: World, fields: Fields): readonly string[] | undefined {
  const text = textField(fields, 'region') ?? '';
  return text === '' ? undefined : regionsNamed(world, text);
}

function requireSecretsVersion(app: App, fields: Fields): void {
  const least = numberField(fields, 'min_secrets_version');
  if (least === undefined || least <= app.secrets.version) return;
  throw refusal(
    412,
    `failed_precondition: secrets version ${least} is not available, the latest is ${app.secrets.version}`,
  );
}

function writtenConfig(world: World, sent: MachineConfig, volume: Volume | undefined): MachineConfig {
  const config = structuredClone(canonicalConfig(sent));
  if (volume !== undefined) fillMount(config, volume);
  world.rewrites.apply(config);
  return config;
}

interface NewMachine {
  readonly name: string;
  readonly region: string;
  readonly config: MachineConfig;
  readonly volume: Volume | undefined;
}

function newMachine(world: World, app: App, { name, region, config, volume }: NewMachine): Machine {
  const now = world.now();
  let id = world.draw(app, 'machine', 14);
  while (app.organization.machines.has(id)) id = world.draw(app, 'machine', 14);
  const host = volume === undefined ? hostFor(world, { app, id, region }) : hostWithRoom(world, volume);
  if (host === undefined) throw faultAnswer('capacity');
  const machine: Machine = {
    id,
    app,
    sequence: world.nextSequence(),
    name,
    region,
    host,
    privateIp: `${networkPrefix(app)}:a7b:${id.slice(0, 3)}:${id.slice(3, 7)}:${id.slice(7, 11)}:2`,
    createdAt: now,
    updatedAt: now,
    state: 'creating',
    instanceId: world.drawUlid(app, 'version'),
    instanceTime: now,
    config,
    imageRef: imageRefOf(world, config.image ?? ''),
    versions: [],
    cordoned: false,
    hostStatus: 'ok',
    events: [],
    checks: [],
    lease: undefined,
    skipSecrets: false,
    booted: undefined,
    restartCount: 0,
    checkRule: undefined,
    memoryLimitMb: undefined,
    pending: undefined,
    stopsAt: undefined,
    checking: undefined,
    destroyedAt: undefined,
  };
  app.machines.set(id, machine);
  app.machineNames.set(name, id);
  app.organization.machines.set(id, machine);
  takeCapacity(world, region, 1);
  if (volume !== undefined) {
    volume.attachedMachine = id;
    world.lag.noteVolume(volume);
  }
  return machine;
}

/** A machine with a volume lands where the volume is, or nowhere. */
function hostWithRoom(world: World, volume: Volume): string | undefined {
  return isOpen(world, volume.host) ? volume.host : undefined;
}

/** A full host takes no update that asks for more CPUs or memory than the machine has. */
function requireRoomToGrow(world: World, machine: Machine, config: MachineConfig): void {
  const grows = (['cpus', 'memory_mb'] as const).some(
    (field) => (config.guest?.[field] ?? 0) > (machine.config.guest?.[field] ?? 0),
  );
  if (grows && world.hostsFull.has(machine.host)) throw faultAnswer('capacity');
}

function list(call: RequestContext): Reply {
  const app = appOf(call);
  const { query, world } = call;
  const includeDeleted = flag(query, 'include_deleted');
  const view = { leases: flag(query, 'include_leases'), summary: flag(query, 'summary') };
  const inRegions = listed(query, 'region');
  const inStates = listed(query, 'state');
  const metadata = [...query].filter(([name]) => name.startsWith('metadata.'));
  const behind = world.lag.settings.listMs ?? 0;
  const machines = [...world.lag.machines(app.machines.values(), behind)].filter(
    (machine) =>
      (includeDeleted || inStates.has('destroyed') || machine.state !== 'destroyed') &&
      (inRegions.size === 0 || inRegions.has(machine.region)) &&
      (inStates.size === 0 || inStates.has(machine.state)) &&
      metadata.every(([name, value]) => machine.config.metadata?.[name.slice('metadata.'.length)] === value),
  );
  return ok(machines.map((machine) => machineView(world, machine, view)));
}

function remove(call: RequestContext): Reply {
  const machine = livingMachineOf(call);
  refuseForeignLease(call, machine);
  if (machine.state === 'destroying') return done;
  const forced = flag(call.query, 'force') || flag(call.query, 'kill');
  if (!forced && allowedActions.destroy[machine.state] === undefined) {
    throw refusal(
      412,
      `failed_precondition: unable to destroy machine from current state: '${machine.state}', use force to kill it`,
    );
  }
  destroy(call.world, machine, 'user');
  return done;
}

function events(call: RequestContext): Reply {
  const machine = machineOf(call);
  const limit = Number(call.query.get('limit') ?? eventsDefault);
  if (!Number.isInteger(limit) || limit < 1) throw refusal(400, 'invalid_argument: limit must be a positive number');
  return ok(machine.events.slice(0, Math.min(limit, eventsMost)));
}

export const machineRoutes: readonly Route[] = [
  { operation: 'GET /apps/{app}/machines', handle: list },
  { operation: 'POST /apps/{app}/machines', handle: create },
  {
    operation: 'GET /apps/{app}/machines/{machine}',
    handle: (call) => ok(machineView(call.world, machineOf(call), { leases: flag(call.query, 'include_leases') })),
  },
  { operation: 'POST /apps/{app}/machines/{machine}', handle: update },
  { operation: 'DELETE /apps/{app}/machines/{machine}', handle: remove },
  { operation: 'GET /apps/{app}/machines/{machine}/events', handle: events },
  {
    operation: 'GET /apps/{app}/machines/{machine}/versions',
    handle: (call) =>
      ok(machineOf(call).versions.map(({ version, userConfig }) => ({ version, user_config: userConfig }))),
  },
];
