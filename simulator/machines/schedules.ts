import { start } from './lifecycle.ts';
import type { Machine } from '../world/records.ts';
import type { World } from '../world/world.ts';

const hourMs = 3600_000;
/** A month is taken as 30 days: Fly promises a cadence, no time of day. */
const cadences: Readonly<Record<string, number>> = {
  hourly: hourMs,
  daily: 24 * hourMs,
  weekly: 7 * 24 * hourMs,
  monthly: 30 * 24 * hourMs,
};

/**
 * Starts machines by their config's `schedule`, counted from their creation. One that still runs when its time comes is
 * left to run.
 */
export function followSchedules(world: World): (machine: Machine) => void {
  const running = new WeakMap<Machine, { readonly cadence: string; readonly cancel: () => void }>();

  function wind(machine: Machine, cadence: string, everyMs: number): void {
    const elapsed = world.now() - machine.createdAt;
    const due = everyMs - (elapsed % everyMs);
    const cancel = world.after(due, () => {
      wind(machine, cadence, everyMs);
      if (machine.state === 'stopped' && machine.hostStatus === 'ok') start(world, machine, 'flyd');
    });
    running.set(machine, { cadence, cancel });
  }

  return (machine) => {
    const cadence = machine.state === 'destroyed' ? '' : (machine.config.schedule ?? '');
    const wound = running.get(machine);
    if ((wound?.cadence ?? '') === cadence) return;
    wound?.cancel();
    running.delete(machine);
    const everyMs = Object.hasOwn(cadences, cadence) ? cadences[cadence] : undefined;
    if (everyMs !== undefined) wind(machine, cadence, everyMs);
  };
}
