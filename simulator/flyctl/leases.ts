import { isObject } from '../wire/body.ts';
import type { Machine } from '../world/records.ts';
import { pathOf, type Hands } from './api-client.ts';

/** flyctl asks again for a lease, whatever the refusal, for this long. */
const leasePatienceMs = 60_000;

const leaseAgainMs = 300;

/** Lease nonces by machine id. */
type Nonces = ReadonlyMap<string, string>;

/** Holds leases on all these machines while it works, and renews them meanwhile as flyctl does. */
export async function leased<T>(
  hands: Hands,
  machines: readonly Machine[],
  ttlSeconds: number,
  work: (nonces: Nonces) => Promise<T>,
): Promise<T> {
  const nonces = new Map<string, string>();
  let cancel = (): void => undefined;
  const renew = (): void => {
    cancel = hands.world.after(((ttlSeconds - 1) / 3) * 1000, () => {
      for (const machine of machines) void lease(hands, machine, ttlSeconds, nonces).catch(() => undefined);
      renew();
    });
  };
  try {
    for (const machine of machines) await patiently(hands, () => lease(hands, machine, ttlSeconds, nonces));
    renew();
    return await work(nonces);
  } finally {
    cancel();
    for (const machine of machines) {
      const nonce = nonces.get(machine.id);
      if (nonce === undefined) continue;
      // A lease that ended, or whose machine is gone, needs no release.
      await hands.ask('DELETE', `${pathOf(machine)}/lease`, undefined, nonce).catch(() => undefined);
    }
  }
}

async function lease(hands: Hands, machine: Machine, ttlSeconds: number, nonces: Map<string, string>): Promise<void> {
  const path = `${pathOf(machine)}/lease?ttl=${ttlSeconds}`;
  const body = await hands.ask('POST', path, undefined, nonces.get(machine.id));
  const data = isObject(body) ? body['data'] : undefined;
  const nonce = isObject(data) ? data['nonce'] : undefined;
  if (typeof nonce === 'string') nonces.set(machine.id, nonce);
}

async function patiently(hands: Hands, attempt: () => Promise<void>): Promise<void> {
  const until = hands.world.now() + leasePatienceMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (hands.world.now() >= until) throw error;
    }
    await hands.sleep(leaseAgainMs);
  }
}
