/** Hosts that go down and come back, and machines that move to another one. */
import { halt, recover, resurrect, start, stop } from './lifecycle.ts';
import { openHost } from './placement.ts';
import { hostsPerRegion, zoneOf, type Machine, type Volume } from '../world/records.ts';
import { refusal } from '../wire/replies.ts';
import type { World } from '../world/world.ts';

/** What runs there stops, and nobody can tell: host_status `unreachable`. Standbys of its machines start. */
export function hostDown(world: World, host: string): void {
  if (world.hostsDown.has(host)) return;
  world.hostsDown.add(host);
  const lost = machinesOn(world, host).filter((machine) => machine.state !== 'destroyed');
  for (const machine of lost) halt(world, machine);
  for (const machine of lost) {
    for (const standby of standbysOf(machine)) {
      if (standby.state === 'stopped' && standby.hostStatus === 'ok') start(world, standby, 'flyd');
    }
  }
}

/**
 * The host answers again: what ran boots, standbys stop. With `resurrects`, machines that were destroyed meanwhile run
 * again too.
 */
export function hostUp(world: World, host: string, resurrects = false): void {
  if (!world.hostsDown.delete(host)) return;
  const found = machinesOn(world, host).filter((machine) => machine.hostStatus === 'unreachable');
  for (const machine of found) {
    if (machine.state !== 'destroyed') recover(world, machine);
    else if (resurrects) resurrect(world, machine);
  }
  for (const standby of found.flatMap((machine) => standbysOf(machine))) {
    const needed = standby.config.standbys?.some((id) => standby.app.machines.get(id)?.hostStatus === 'unreachable');
    const runs = standby.state === 'started' || standby.state === 'starting';
    if (runs && needed !== true) stop(world, standby, 'flyd');
  }
}

function machinesOn(world: World, host: string): readonly Machine[] {
  return [...world.organizations.values()]
    .flatMap((organization) => [...organization.machines.values()])
    .filter((machine) => machine.host === host);
}

function standbysOf(machine: Machine): readonly Machine[] {
  return [...machine.app.machines.values()].filter((other) => other.config.standbys?.includes(machine.id) === true);
}

/**
 * Moves a machine to another host of its region: the same id, another version and address, its volume under another id.
 * Refused where no host has room.
 */
export function migrate(world: World, machine: Machine): void {
  const { app, region } = machine;
  const number = Number(machine.host.slice(-2));
  const host = openHost(world, region, (number + 1) % hostsPerRegion, new Set([machine.host]));
  if (host === undefined) throw refusal(422, `insufficient_capacity: no host in ${region} has room`);
  machine.host = host;
  machine.instanceTime = Math.max(world.now(), machine.instanceTime + 1);
  machine.instanceId = world.drawUlid(app, 'version', machine.instanceTime);
  const address = world.draw(app, `address of ${machine.id}`, 11);
  machine.privateIp = machine.privateIp.replace(
    /:[0-9a-f]+:[0-9a-f]+:[0-9a-f]+:2$/,
    `:${address.slice(0, 3)}:${address.slice(3, 7)}:${address.slice(7)}:2`,
  );
  const volume = app.volumes.get(machine.config.mounts?.[0]?.volume ?? '');
  const moved = volume === undefined ? undefined : moveVolume(world, volume, machine);
  const [latest] = machine.versions;
  const mounts = latest?.userConfig.mounts?.map((mount) => ({ ...mount, ...(moved && { volume: moved.id }) }));
  machine.versions.unshift({
    version: machine.instanceId,
    userConfig: { ...latest?.userConfig, ...(mounts === undefined ? {} : { mounts }) },
  });
  recover(world, machine, { type: 'launch', status: 'created', request: { migrated: true } });
}

function moveVolume(world: World, volume: Volume, machine: Machine): Volume {
  const now = world.now();
  const moved: Volume = {
    ...volume,
    id: `vol_${world.draw(volume.app, 'volume', 16)}`,
    sequence: world.nextSequence(),
    host: machine.host,
    zone: zoneOf(world.chance, machine.host),
    createdAt: now,
    updatedAt: now,
    snapshots: [],
  };
  const { app } = volume;
  app.volumes.set(moved.id, moved);
  app.organization.volumes.set(moved.id, moved);
  volume.attachedMachine = undefined;
  volume.deletedAt = now;
  volume.state = 'pending_destroy';
  volume.updatedAt = now;
  machine.config.mounts = machine.config.mounts?.map((mount) => ({ ...mount, volume: moved.id }));
  world.lag.noteVolume(volume);
  world.lag.noteVolume(moved);
  return moved;
}
