/** Machines of a bluegreen deployment of flyctl's that died: which ones were to go, by what it had done until then. */
import type { Machine } from '../../../schemas/fly/machine.ts';
import { groupOf, isHostOk, metadataOf } from './machine-state.ts';

export const bluegreenKey = 'fly_bluegreen_deployment_tag';
const readyToGo = 'safe_to_destroy';

/** Of a deployment that has tagged what comes after it: this one only waits to be removed. */
export function isLeftByBluegreen(metadata: Readonly<Record<string, string>>): boolean {
  return metadata[bluegreenKey] === readyToGo;
}

/** replaced: green ones are there for it. unfinished: a green one that replaced nothing. */
export type Half = 'replaced' | 'unfinished';

interface Green {
  readonly tag: string;
  /** When the deployment began, in milliseconds since the epoch. */
  readonly begunAt: number;
}

/**
 * flyctl makes a green machine for each blue one, and tags blue ones only once all green ones serve. So green ones beside as
 * many blue ones, none of them tagged, are what the deployment did not finish; with one tagged the others have been replaced as
 * well. A machine younger than the deployment, or one whose host does not answer, is no blue one of it.
 */
export function halvesOf(machines: readonly Machine[]): ReadonlyMap<string, Half> {
  const halves = new Map<string, Half>();
  const isReplacing = machines.some((machine) => isLeftByBluegreen(metadataOf(machine)));
  for (const members of Map.groupBy(machines, (machine) => groupOf(metadataOf(machine))).values()) {
    const newest = members
      .flatMap((machine) => greenOf(machine) ?? [])
      .toSorted((a, b) => b.begunAt - a.begunAt)
      .at(0);
    if (newest === undefined) continue;
    const greens = members.filter((machine) => greenOf(machine)?.tag === newest.tag);
    const blues = members.filter((machine) => !greens.includes(machine) && isBlue(machine, newest));
    if (isReplacing) for (const { id } of blues) halves.set(id, 'replaced');
    else if (blues.length >= greens.length) for (const { id } of greens) halves.set(id, 'unfinished');
  }
  return halves;
}

function isBlue(machine: Machine, { begunAt }: Green): boolean {
  return isHostOk(machine) && Date.parse(machine.created_at ?? '') < begunAt;
}

/** A bluegreen deployment made it, in the place of another one. */
export function isGreen(machine: Machine): boolean {
  return greenOf(machine) !== undefined;
}

function greenOf(machine: Machine): Green | undefined {
  const tag = metadataOf(machine)[bluegreenKey] ?? '';
  return /^[0-9]+$/.test(tag) ? { tag, begunAt: Number(tag) * 1000 } : undefined;
}
