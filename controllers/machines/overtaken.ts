import { Fault } from '../../src/model/base/fault.ts';
import type { AppPass } from '../pass/app-pass.ts';

/** The machine is marked as not seen healthy: the next pass gives it what git says by now, or looks again. */
export function overtaken({ app, services: { clock } }: AppPass, machineId: string): Fault {
  return new Fault({
    kind: 'waiting',
    what: 'git has moved on while FlyCD waited for a machine',
    next: 'FlyCD goes on with what git says now',
    where: `${app.name} ${machineId}`,
    retryAt: clock.now(),
  });
}
