/** What may go of a bluegreen deployment by hand that died: also where git gives no count, one of its two halves is one too many. */
import type { Machine } from '../../../simulator/world/records.ts';

const readyToGo = 'safe_to_destroy';

function tagOf({ config }: Machine): string | undefined {
  return config.metadata?.['fly_bluegreen_deployment_tag'];
}

/** When the deployment of a green machine began, in milliseconds since the epoch. 0: it is none. */
function begunAt(machine: Machine): number {
  const tag = tagOf(machine) ?? '';
  return /^\d+$/.test(tag) ? Number(tag) * 1000 : 0;
}

/** flyctl marked it in that deployment or a later one, whatever became of it. */
function isMarkedSince(machine: Machine, began: number): boolean {
  return tagOf(machine) === readyToGo && (machine.destroyedAt === undefined || machine.destroyedAt >= began);
}

/**
 * Says of each machine that FlyCD destroys whether its half was the one to go: the green ones, as many as there are blue ones, where
 * flyctl had marked none of those; else the blue ones, as many as there are green ones. What it marked serves nobody, but is not
 * the group's last. `beside`: others of the group that are there.
 */
export function halfDone(): (machine: Machine, beside: readonly Machine[]) => boolean {
  const gone = new Map<string, number>();
  return (machine, beside) => {
    const there = beside.filter(({ config }) => config.metadata?.['fly_canary'] === undefined);
    const began = Math.max(...[machine, ...there].map(begunAt));
    const isGreen = (one: Machine): boolean => began > 0 && begunAt(one) === began;
    const isBlue = (one: Machine): boolean => !isGreen(one) && (isMarkedSince(one, began) || one.createdAt < began);
    const [own, other] = isGreen(machine) ? [isGreen, isBlue] : [isBlue, isGreen];
    const isReplaced = [...machine.app.machines.values()].some((one) => isMarkedSince(one, began));
    if (!own(machine) || isReplaced === isGreen(machine)) return false;
    const key = [machine.app.name, machine.config.metadata?.['fly_process_group'], machine.region, began].join(' ');
    const count = (gone.get(key) ?? 0) + 1;
    gone.set(key, count);
    if (isMarkedSince(machine, began)) return there.length > 0;
    return count <= there.filter((one) => other(one) && one.region === machine.region).length;
  };
}
