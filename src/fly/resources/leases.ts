import { z } from 'zod';
import { Lease } from '../../../schemas/fly/machine.ts';
import { orUndefined, unlessGone } from '../http/absence.ts';
import type { FlyWriter } from '../api.ts';
import { FlyError } from '../http/error.ts';
import type { Call } from '../http/call.ts';
import type { Transport } from '../http/transport.ts';

const LeaseAnswer = z.looseObject({ data: Lease });
const LeaseGiven = z.looseObject({ data: z.looseObject({ nonce: z.string() }) });

const route = '/apps/{app}/machines/{machine}/lease';

export type LeaseCalls = Pick<FlyWriter, 'acquireLease' | 'refreshLease' | 'releaseLease' | 'lease'>;

export function leaseCalls(transport: Transport): LeaseCalls {
  const release = async (app: string, id: string, nonce: string): Promise<void> => {
    const call: Call = {
      method: 'DELETE',
      route,
      path: { app, machine: id },
      purpose: 'give back the lease on the machine',
      effect: 'repeatable',
      urgent: true,
      nonce,
    };
    await unlessGone(transport.tell(call));
  };
  return {
    async acquireLease(app, id, { ttlSeconds, description }) {
      const call: Call = {
        method: 'POST',
        route,
        path: { app, machine: id },
        body: { ttl: ttlSeconds, description },
        purpose: 'lease the machine',
        effect: 'once',
        urgent: true,
      };
      return (await transport.ask(call, LeaseGiven)).data.nonce;
    },
    async refreshLease(app, id, nonce, { ttlSeconds, patienceMs }) {
      const call: Call = {
        method: 'POST',
        route,
        path: { app, machine: id },
        body: { ttl: ttlSeconds },
        purpose: 'renew the lease on the machine',
        effect: 'repeatable',
        urgent: true,
        nonce,
        patienceMs,
      };
      const { data } = await transport.ask(call, LeaseGiven);
      if (data.nonce === nonce) return;
      // A late renewal acts as a new lease: somebody else may have worked in between, so it is given back at once. Where
      // that fails it ends by itself: that the one before was lost is what has to be known.
      await release(app, id, data.nonce).catch(() => undefined);
      throw leaseLost(app, id);
    },
    releaseLease: release,
    async lease(app, id) {
      const call: Call = {
        method: 'GET',
        route,
        path: { app, machine: id },
        purpose: 'read the lease on the machine',
        effect: 'read',
      };
      return (await orUndefined(transport.ask(call, LeaseAnswer)))?.data;
    },
  };
}

function leaseLost(app: string, id: string): FlyError {
  return new FlyError({
    kind: 'transient',
    what: 'The lease on the machine ran out before it was renewed',
    next: 'FlyCD looks at the app again and plans anew.',
    where: `app ${app}, machine ${id}`,
    status: 200,
    operation: `POST ${route}`,
    requestId: undefined,
    reply: undefined,
    outcome: 'refused',
  });
}
