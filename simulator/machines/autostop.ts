/**
 * Fly's proxy as far as it starts and stops machines. It does so when a test says what the traffic is, or, with
 * `world.idleAfterMs`, by itself: then machines get no requests but those that a test sends.
 */
import type { MachineService } from '../../schemas/fly/machine.ts';
import { start, stop, suspend } from './lifecycle.ts';
import { groupOf, type App, type Machine } from '../world/records.ts';
import type { World } from '../world/world.ts';

/** No traffic for a while: stops or suspends what may be; answers which machines. */
export function idle(world: World, app: App, only: (machine: Machine) => boolean = () => true): readonly Machine[] {
  const stopped: Machine[] = [];
  for (const machine of app.machines.values()) {
    if (!only(machine) || !isIdle(app, machine)) continue;
    if (restOf(machine) === 'suspend') suspend(world, machine, 'flyd');
    else stop(world, machine, 'flyd');
    stopped.push(machine);
  }
  return stopped;
}

function isIdle(app: App, machine: Machine): boolean {
  if (machine.state !== 'started' || machine.hostStatus !== 'ok' || restOf(machine) === undefined) return false;
  return runningBeside(app, machine) >= leastRunning(machine);
}

/** What its services say the proxy may do; all of them have to. */
function restOf(machine: Machine): 'stop' | 'suspend' | undefined {
  const services = machine.config.services ?? [];
  const rests = services.map((service) => service.autostop);
  if (services.length === 0 || rests.some((rest) => rest === undefined || rest === null || rest === false)) return;
  return rests.every((rest) => rest === 'suspend') ? 'suspend' : 'stop';
}

/** min_machines_running counts in the primary region only. */
function leastRunning(machine: Machine): number {
  const primary = machine.config.env?.['PRIMARY_REGION'];
  if (primary !== undefined && primary !== machine.region) return 0;
  return Math.max(0, ...(machine.config.services ?? []).map((service) => service.min_machines_running ?? 0));
}

function runningBeside(app: App, machine: Machine): number {
  const group = groupOf(machine);
  return [...app.machines.values()].filter(
    (other) =>
      other !== machine &&
      other.state === 'started' &&
      other.region === machine.region &&
      groupOf(other) === group &&
      other.hostStatus === 'ok',
  ).length;
}

export interface Served {
  /** Who answers the request; undefined: nobody can. */
  readonly machine: Machine | undefined;
  /** It had to be started first. */
  readonly woke: boolean;
}

/** A request from the internet for a port (default: any), coming in near a region. */
export function request(world: World, app: App, to: { readonly port?: number; readonly region?: string } = {}): Served {
  const able = [...app.machines.values()].filter(
    (machine) =>
      !machine.cordoned && machine.hostStatus === 'ok' && machine.state !== 'destroyed' && serves(machine, to.port),
  );
  const nearest = able.toSorted((a, b) => Number(b.region === to.region) - Number(a.region === to.region));
  const running = nearest.find((machine) => machine.state === 'started' || machine.state === 'starting');
  if (running !== undefined) return { machine: running, woke: false };
  const asleep = nearest.find(
    (machine) => (machine.state === 'stopped' || machine.state === 'suspended') && wakes(machine, to.port),
  );
  if (asleep !== undefined) start(world, asleep, 'flyd');
  return { machine: asleep, woke: asleep !== undefined };
}

function onPort(service: MachineService, port: number): boolean {
  return (service.ports ?? []).some(({ port: one, start_port: first, end_port: last }) =>
    one == null ? first != null && last != null && first <= port && port <= last : one === port,
  );
}

function servicesAt(machine: Machine, port: number | undefined): readonly MachineService[] {
  return (machine.config.services ?? []).filter((service) => port === undefined || onPort(service, port));
}

const serves = (machine: Machine, port: number | undefined): boolean => servicesAt(machine, port).length > 0;
/** autostart is on unless a service says no. */
const wakes = (machine: Machine, port: number | undefined): boolean =>
  servicesAt(machine, port).some((service) => service.autostart !== false);

/** Stops idle machines by itself where the world says how long that takes. */
export function followIdleness(world: World): (machine: Machine) => void {
  const watched = new WeakMap<Machine, () => void>();
  return (machine) => {
    watched.get(machine)?.();
    watched.delete(machine);
    const { idleAfterMs } = world;
    if (machine.state !== 'started' || idleAfterMs === undefined || restOf(machine) === undefined) return;
    const cancel = world.after(idleAfterMs, () => {
      watched.delete(machine);
      idle(world, machine.app, (other) => other === machine);
    });
    watched.set(machine, cancel);
  };
}
