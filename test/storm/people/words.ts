/** What a person tells FlyCD while it works: to go back, to leave an app alone, to follow git again, to insist. */
import { dice, type Dice } from '../world/dice.ts';
import type { FleetIdea } from '../world/fleet.ts';
import type { Standings } from '../checks/rollout-state.ts';

/** One command of FlyCD's own. */
export interface Word {
  readonly argv: readonly string[];
  /** The app it names. undefined: it is a pass over all of them. */
  readonly app: string | undefined;
  readonly kind: 'rollback' | 'suspend' | 'resume' | 'pass';
}

/** Runs that a person goes back to: of the first ones, which may have been of any app or have failed. */
const runsMax = 12;

/** In these storms somebody says something; the others stay as they would be without. */
export function hasWords(seed: number): boolean {
  return dice(seed, 'words').hit(0.35);
}

const words: readonly [string, ...string[]] = [
  'rollback',
  'rollback',
  'rollback --to',
  'suspend',
  'suspend --for',
  'resume',
  'now',
  'accept',
];

/** What a person says next. undefined: nothing. */
export function wordOf(
  dice: Dice,
  fleet: FleetIdea,
  { standing, now }: { readonly standing: Standings; readonly now: number },
): Word | undefined {
  if (!dice.hit(0.55)) return undefined;
  const app = dice.one(fleet.apps)?.name ?? '';
  const isHeld = standing.hold(app) !== undefined || standing.suspension(app, now) !== undefined;
  const word = isHeld && dice.hit(0.4) ? 'resume' : dice.pick(words);
  switch (word) {
    case 'rollback':
      return { argv: ['rollback', app], app, kind: 'rollback' };
    case 'rollback --to':
      return { argv: ['rollback', app, '--to', String(dice.between(1, runsMax))], app, kind: 'rollback' };
    case 'suspend':
      return { argv: ['suspend', app, '--reason', 'an incident'], app, kind: 'suspend' };
    case 'suspend --for':
      return { argv: ['suspend', app, '--reason', 'a short incident', '--for', '20m'], app, kind: 'suspend' };
    case 'resume':
      return { argv: ['resume', app], app, kind: 'resume' };
    default:
      return { argv: ['sync', '--once', `--${word}`], app: undefined, kind: 'pass' };
  }
}

/** Who says it: the FlyCD that makes the passes, another one, or one that has yet to learn everything. */
export function mouthOf(dice: Dice): string | undefined {
  return dice.pick([undefined, undefined, 'another', 'empty']);
}
