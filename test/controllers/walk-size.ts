/**
 * Walks try every call of a command. `npm run test:walks` does; in `npm test`, which has three minutes for everything, they
 * take each sixteenth call, and of the faults, and of dying before or after it, one for each call in turn.
 */
export const isWholeWalk = process.env['WALKS'] === 'whole';

const sampleEvery = 16;

/** Calls count from 1. The first and the last are always walked; of a whole walk each `every`th. */
export function isWalked(call: number, calls: number, every = 1): boolean {
  const step = isWholeWalk ? every : Math.max(every, sampleEvery);
  return call % step === 1 % step || call === calls;
}

const eachSide = ['before', 'after'] as const;

/** Whether a command dies before a call is sent, or after Fly has done it. */
export function sidesOf(call: number): readonly (typeof eachSide)[number][] {
  // Alternates also along calls that are all odd.
  const turn = (call + Math.floor(call / sampleEvery)) % 2;
  return isWholeWalk ? eachSide : eachSide.slice(turn, turn + 1);
}
