import type { BeforeSent } from '../../src/fly/api.ts';
import type { AppPass } from './app-pass.ts';
import { checkWords } from './basis.ts';
import { checkOwner, recentMs } from './beginning.ts';
import type { HeldLease } from './services.ts';

/**
 * What went before a call took its time, and Fly may have asked for a minute more: another FlyCD may hold the app by now and
 * count what we have not made yet, another owner may have begun it, and a person may have said something that an update would
 * write over. Throws a Fault then, right before the call is sent. `machineId`: it concerns that machine alone, under its lease.
 */
export function stillAsPlanned(
  pass: AppPass,
  one?: { readonly lease: HeldLease; readonly machineId: string },
): BeforeSent {
  const { clock, fly } = pass.services;
  const { name } = pass.app;
  const since = clock.monotonic();
  return async () => {
    const seenAt = one === undefined ? Math.max(since, pass.lookedAt) : since;
    if (clock.monotonic() - seenAt > recentMs) {
      const live = one === undefined ? await fly.machines(name) : [await fly.machine(name, one.machineId)];
      const machines = live.filter((machine) => machine !== undefined);
      if (one === undefined) checkOwner(pass, machines);
      checkWords(pass, machines);
    }
    (one?.lease ?? pass.lock)?.check();
  };
}
