import { AppPass, type PassStart } from './app-pass.ts';
import { checkStillAsPlanned } from './before-sent.ts';
import { guardedFly } from './guarded-fly.ts';
import type { AppServices } from './services.ts';

/** A pass whose every write asks first whether what it rests on still stands. */
export function beginPass(services: AppServices, start: PassStart): AppPass {
  const fly = guardedFly(services.fly, services.clock, (target, timesUnclear, others) =>
    checkStillAsPlanned(pass, target, { timesUnclear, others }),
  );
  const pass = new AppPass({ ...services, fly }, start, services.fly);
  return pass;
}
