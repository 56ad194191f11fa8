/** What flyctl does with one machine: makes it, and waits until it is there. */
import type { MachineConfig } from '../../schemas/fly/machine.ts';
import { isObject } from '../wire/body.ts';
import { HandError, type Hands } from './api-client.ts';
import { isSettled } from '../world/machine-states.ts';
import type { App, Machine } from '../world/records.ts';

const glanceMs = 1000;
/** flyctl's own patience with one machine. */
const machineMs = 5 * 60_000;

/** flyctl starts again what is in one of these. */
export const running: ReadonlySet<string> = new Set(['started', 'starting', 'failed']);

interface NewMachine {
  readonly region: string;
  readonly config: MachineConfig;
  readonly name?: string;
  readonly skip_launch?: boolean;
  readonly skip_service_registration?: boolean;
}

export async function make(hands: Hands, app: App, request: NewMachine): Promise<Machine> {
  const made = await hands.ask('POST', `/apps/${app.name}/machines`, request);
  const machine = isObject(made) ? app.machines.get(String(made['id'])) : undefined;
  if (machine === undefined) throw new HandError('the platform made no machine');
  return machine;
}

export async function settled(hands: Hands, machine: Machine): Promise<void> {
  await until(hands, machine, () => isSettled(machine.state, machine.pending !== undefined));
}

export async function healthy(hands: Hands, machine: Machine): Promise<void> {
  await until(hands, machine, () => {
    const { checks, services } = machine.config;
    const checked = checks != null || services?.some((service) => service.checks != null) === true;
    const passing = machine.checks.every((check) => check.status === 'passing');
    return machine.state === 'started' && passing && (!checked || machine.checks.length > 0);
  });
}

export async function until(hands: Hands, machine: Machine, reached: () => boolean): Promise<void> {
  const end = hands.world.now() + machineMs;
  while (!reached()) {
    if (hands.world.now() >= end) {
      throw new HandError(`machine ${machine.id} is not healthy after ${machineMs / 60_000} minutes`);
    }
    await hands.sleep(glanceMs);
  }
}
