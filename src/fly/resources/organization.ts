import { CurrentTokens, RegionList } from '../../../schemas/fly/app.ts';
import { OrgMachinesPage, type OrgMachine } from '../../../schemas/fly/machine.ts';
import type { FlyReader } from '../api.ts';
import { everyPage, pageQuery } from '../http/pages.ts';
import { currentTokens, type Call } from '../http/call.ts';
import { asOfApp } from '../../model/stamps/foreign.ts';
import type { Transport } from '../http/transport.ts';

/** Fly's most; fewer per page is its right. */
const machinesPerPage = 1_000;
/** A page of 1,000 overviews is some 2 MB; environments kept in metadata make it more. */
const pageBytesMax = 32 * 1024 * 1024;

export function organizationReads(transport: Transport): Pick<FlyReader, 'orgMachines' | 'regions' | 'organizations'> {
  return {
    async orgMachines(org) {
      // By id: a machine that moves while we page may be listed twice; the later page is the newer.
      const machines = new Map<string, OrgMachine>();
      const errorRegions = new Set<string>();
      const list = { what: `the machines of ${org}`, where: `org ${org}` };
      for await (const page of everyPage((cursor) => transport.ask(pageCall(org, cursor), OrgMachinesPage), list)) {
        for (const machine of page.machines) machines.set(machine.id, machine);
        for (const region of page.error_regions ?? []) errorRegions.add(region);
      }
      const byApp = Map.groupBy(machines.values(), ({ app_name: app }) => app);
      const seen = [...byApp].flatMap(([app, there]) => asOfApp(app, there));
      return { machines: seen, errorRegions: [...errorRegions] };
    },
    async regions() {
      const call: Call = {
        method: 'GET',
        route: '/platform/regions',
        path: {},
        purpose: 'list the regions',
        effect: 'read',
      };
      const { regions, Regions } = await transport.ask(call, RegionList);
      return regions ?? Regions ?? [];
    },
    async organizations() {
      const { tokens } = await transport.ask(currentTokens, CurrentTokens);
      const slugs = tokens.map((token) => token.org_slug ?? '').filter((slug) => slug !== '');
      return [...new Set(slugs)];
    },
  };
}

function pageCall(org: string, cursor: string): Call {
  return {
    method: 'GET',
    route: '/orgs/{org}/machines',
    path: { org },
    query: pageQuery(machinesPerPage, cursor),
    purpose: `list the machines of ${org}`,
    effect: 'read',
    bytesMax: pageBytesMax,
  };
}
