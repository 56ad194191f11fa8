/** A simulated Fly as text, and back: all that it holds of apps, once nothing is under way any more. */
import type { App, Certificate, Machine, Organization, Release, Volume } from '../../simulator/world/records.ts';
import type { World } from '../../simulator/world/world.ts';

type SavedMachine = Omit<Machine, 'app' | 'pending' | 'checking'>;
type SavedRelease = Omit<Release, 'app'>;
type SavedVolume = Omit<Volume, 'app'>;

interface SavedApp extends Pick<App, 'id' | 'name' | 'number' | 'network' | 'createdAt' | 'status' | 'role'> {
  readonly organization: string;
  readonly machines: readonly SavedMachine[];
  readonly volumes: readonly SavedVolume[];
  readonly secretsVersion: number;
  readonly secrets: readonly (App['secrets']['byName'] extends Map<string, infer S> ? S : never)[];
  readonly addresses: readonly (App['addresses'] extends Map<string, infer A> ? A : never)[];
  readonly certificates: readonly Omit<Certificate, 'validating'>[];
  readonly releases: readonly SavedRelease[];
  readonly drawn: readonly (readonly [string, number])[];
}

export interface SavedWorld {
  /** Milliseconds since the epoch: when it was saved. */
  readonly now: number;
  readonly sequence: number;
  readonly apps: readonly SavedApp[];
}

/** Throws where a machine is on its way somewhere: that cannot be saved. */
export function saveWorld(world: World): SavedWorld {
  const { apps } = world;
  return { now: world.now(), sequence: world.nextSequence(), apps: [...apps.values()].map(savedApp) };
}

function savedApp(app: App): SavedApp {
  const machines = [...app.machines.values()].filter(({ state }) => state !== 'destroyed');
  for (const { name, state, pending } of machines)
    if (pending !== undefined) throw new Error(`${app.name}: ${name} is ${state} and on its way`);
  const { id, name, number, network, createdAt, status, role } = app;
  return {
    id,
    name,
    number,
    network,
    createdAt,
    status,
    role,
    organization: app.organization.slug,
    machines: machines.map(({ app: _app, pending: _pending, checking: _checking, ...machine }) => machine),
    volumes: [...app.volumes.values()].map(({ app: _app, ...volume }) => volume),
    secretsVersion: app.secrets.version,
    secrets: [...app.secrets.byName.values()],
    addresses: [...app.addresses.values()],
    certificates: [...app.certificates.values()].map(({ validating: _validating, ...one }) => one),
    releases: app.releases.map(({ app: _app, ...release }) => release),
    drawn: [...app.drawn],
  };
}

/** Puts it into a world that is empty and has the clock of `now` or later. */
export function openWorld(world: World, saved: SavedWorld): void {
  while (world.nextSequence() < saved.sequence);
  for (const one of saved.apps) {
    // The world counts the apps of a name: one made again draws other ids.
    world.drawApp(one.name);
    const app = openApp(world.addOrganization(one.organization), one);
    world.apps.set(app.name, app);
  }
}

function openApp(organization: Organization, saved: SavedApp): App {
  const { id, name, number, network, createdAt, status, role } = saved;
  const app: App = {
    id,
    name,
    number,
    network,
    createdAt,
    status,
    role,
    organization,
    machines: new Map(),
    machineNames: new Map(saved.machines.map((machine) => [machine.name, machine.id])),
    volumes: new Map(),
    secrets: { version: saved.secretsVersion, byName: new Map(saved.secrets.map((secret) => [secret.name, secret])) },
    addresses: new Map(saved.addresses.map((address) => [address.ip, address])),
    certificates: new Map(saved.certificates.map((one) => [one.hostname, { ...one, validating: undefined }])),
    releases: [],
    lock: undefined,
    paused: new Set(),
    drawn: new Map(saved.drawn),
  };
  app.releases.push(...saved.releases.map((release) => ({ ...release, app })));
  for (const one of saved.volumes) {
    const volume = { ...one, app };
    app.volumes.set(volume.id, volume);
    organization.volumes.set(volume.id, volume);
  }
  for (const one of saved.machines) {
    const machine: Machine = { ...one, app, pending: undefined, checking: undefined };
    app.machines.set(machine.id, machine);
    organization.machines.set(machine.id, machine);
  }
  organization.apps.set(app.name, app);
  return app;
}
