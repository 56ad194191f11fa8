import type { Fault } from '../../src/model/base/fault.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { stoppedFault } from '../pass/basis.ts';

/** The machine is marked as not seen healthy: the next pass gives it what git says by now, or looks again. */
export function overtaken(pass: AppPass, machineId: string): Fault {
  return stoppedFault(pass, { when: 'while FlyCD waited for a machine', machineId });
}
