import { IpAssignment, IpAssignmentList } from '../../../schemas/fly/app.ts';
import { unlessGone } from '../http/absence.ts';
import type { FlyReader, FlyWriter } from '../api.ts';
import type { Call } from '../http/call.ts';
import type { Transport } from '../http/transport.ts';

const route = '/apps/{app}/ip_assignments';

export function addressReads(transport: Transport): Pick<FlyReader, 'addresses'> {
  return {
    async addresses(app) {
      const call: Call = { method: 'GET', route, path: { app }, purpose: 'list the IP addresses', effect: 'read' };
      return (await transport.ask(call, IpAssignmentList)).ips;
    },
  };
}

export function addressWrites(transport: Transport): Pick<FlyWriter, 'allocateAddress' | 'releaseAddress'> {
  return {
    allocateAddress(app, request, beforeSent) {
      const purpose = `allocate an IP address (${request.type})`;
      const call: Call = { method: 'POST', route, path: { app }, body: request, purpose, effect: 'once', beforeSent };
      return transport.ask(call, IpAssignment);
    },
    async releaseAddress(app, address, beforeSent) {
      const call: Call = {
        method: 'DELETE',
        route: `${route}/{address}`,
        path: { app, address },
        purpose: `release the IP address ${address}`,
        effect: 'repeatable',
        beforeSent,
      };
      await unlessGone(transport.tell(call));
    },
  };
}
