/** Machines of a bluegreen deployment of flyctl's that died: which ones were to go, by what it had done until then. */
import type { Machine } from '../../../schemas/fly/machine.ts';
import { byText } from '../../model/base/text.ts';
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
 * flyctl makes a green machine for each blue one, in its region, and tags blue ones only once all green ones serve. So green ones
 * beside as many blue ones, none of them tagged, are what the deployment did not finish; with one tagged the others have been
 * replaced as well, as far as green ones are there: of one that somebody has destroyed since nothing took the place. A machine
 * younger than the deployment, or one whose host does not answer, is no blue one of it; a green one that FlyCD has written on since
 * is not unfinished any more.
 */
export function halvesOf(
  machines: readonly Machine[],
  isTakenOver: (metadata: Readonly<Record<string, string>>) => boolean,
): ReadonlyMap<string, Half> {
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
    for (const [region, made] of Map.groupBy(greens, (machine) => machine.region)) {
      const before = blues.filter((machine) => machine.region === region);
      const open = made.filter((machine) => !isTakenOver(metadataOf(machine)));
      if (isReplacing) for (const { id } of taggedFirst(before).slice(0, made.length)) halves.set(id, 'replaced');
      else if (before.length >= open.length) for (const { id } of open) halves.set(id, 'unfinished');
    }
  }
  return halves;
}

/** Those with a tag serve nobody any more. */
function taggedFirst(blues: readonly Machine[]): readonly Machine[] {
  const rank = (machine: Machine): number => Number(!isLeftByBluegreen(metadataOf(machine)));
  return blues.toSorted((a, b) => rank(a) - rank(b) || byText(b.created_at ?? '', a.created_at ?? ''));
}

function isBlue(machine: Machine, { begunAt }: Green): boolean {
  return (
    isLeftByBluegreen(metadataOf(machine)) || (isHostOk(machine) && Date.parse(machine.created_at ?? '') < begunAt)
  );
}

/** A bluegreen deployment made it, in the place of another one. */
export function isGreen(machine: Machine): boolean {
  return greenOf(machine) !== undefined;
}

function greenOf(machine: Machine): Green | undefined {
  const tag = metadataOf(machine)[bluegreenKey] ?? '';
  return /^[0-9]+$/.test(tag) ? { tag, begunAt: Number(tag) * 1000 } : undefined;
}
