import type { Machine } from '../../schemas/fly/machine.ts';
import { Fault } from '../../src/model/base/fault.ts';
import type { AppPass } from '../pass/app-pass.ts';

/** Fly's own error, whatever the machine was to run: it blames no version. */
export function silentHost({ app }: AppPass, machine: Machine): Fault {
  return new Fault({
    kind: 'transient',
    what: 'the host of a machine does not answer',
    why: 'nobody can say how the machine is',
    next: 'FlyCD goes on once the host is back; what Fly says of it: fly status, https://status.flyio.net',
    where: `${app.name} ${machine.id} (${machine.name})`,
  });
}
