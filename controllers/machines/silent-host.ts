import type { Machine } from '../../schemas/fly/machine.ts';
import { Fault, type FaultWords } from '../../src/model/base/fault.ts';
import type { AppPass } from '../pass/app-pass.ts';

/** Hosts come back after minutes, and Fly tells nobody. Milliseconds. */
const hostLookMs = 60_000;

/** Fly's own error, whatever the machine was to run: it blames no version, and time brings it. */
class SilentHost extends Fault {}

export function silentHost(pass: AppPass, machine: Machine): Fault {
  return silence(pass, {
    what: 'the host of a machine does not answer',
    why: 'nobody can say how the machine is',
    next: 'FlyCD goes on once the host is back; what Fly says of it: fly status, https://status.flyio.net',
    where: `${pass.app.name} ${machine.id} (${machine.name})`,
  });
}

export function silence({ services: { clock } }: AppPass, words: FaultWords): Fault {
  return new SilentHost({ ...words, kind: 'waiting', retryAt: clock.now() + hostLookMs });
}

/** What was begun there is neither done nor failed. */
export function isSilence(fault: Fault): boolean {
  return fault instanceof SilentHost;
}
