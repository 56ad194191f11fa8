import { regions } from '../../schemas/fly/presets.ts';
import { fieldsOf, numberField, textField } from '../wire/body.ts';
import type { RequestContext, Route } from '../http/request-context.ts';
import { organizationOf } from '../http/access.ts';
import { hostIn, hostsPerRegion } from '../world/records.ts';
import { isOpen, roomIn } from '../machines/placement.ts';
import { nearestRegion, regionsNamed, regionsOf } from '../machines/regions.ts';
import { ok, type Reply } from '../wire/replies.ts';
import type { World } from '../world/world.ts';

/** Latitude, longitude and continent, as Fly's own list has them. */
const places: Readonly<Record<string, readonly [number, number, string]>> = {
  ams: [52.374342, 4.895439, 'europe'],
  arn: [59.6512, 17.9178, 'europe'],
  bom: [19.097403, 72.874245, 'asia_pacific'],
  cdg: [48.860875, 2.353477, 'europe'],
  dfw: [32.778287, -96.7984, 'north_america'],
  ewr: [40.789543, -74.05653, 'north_america'],
  fra: [50.1167, 8.6833, 'europe'],
  gru: [-23.549664, -46.654351, 'south_america'],
  iad: [39.02214, -77.462556, 'north_america'],
  jnb: [-26.20227, 28.04363, 'africa'],
  lax: [33.9416, -118.4085, 'north_america'],
  lhr: [51.516434, -0.125656, 'europe'],
  nrt: [35.621613, 139.741806, 'asia_pacific'],
  ord: [41.891544, -87.63039, 'north_america'],
  sin: [1.3, 103.8, 'asia_pacific'],
  sjc: [37.351602, -121.89675, 'north_america'],
  syd: [-33.866033, 151.215652, 'asia_pacific'],
  yyz: [43.64463, -79.384227, 'north_america'],
};

/** Capacity is how many machines a region still takes; the size asked for (`size`, `cpus`, …) changes nothing here. */
function regionList(call: RequestContext): Reply {
  return ok({ nearest: nearestRegion, regions: regionsOf(call.world).map((code) => regionView(call.world, code)) });
}

export function regionView(world: World, code: string) {
  const [latitude, longitude, geo] = places[code] ?? [0, 0, ''];
  return {
    code,
    name: Object.entries(regions).find(([known]) => known === code)?.[1] ?? code,
    latitude,
    longitude,
    geo_region: geo,
    gateway_available: true,
    requires_paid_plan: false,
    deprecated: world.retiredRegions.has(code),
    mpg_available: true,
    capacity: roomIn(world, code),
  };
}

/** How many machines `count: 0` asks about: what an organization may have. */
const organizationMachines = 50;

/** Where so many machines would land, the regions filled in the order named. Nothing is reserved. */
function placements(call: RequestContext): Reply {
  const fields = fieldsOf(call.body);
  organizationOf(call, textField(fields, 'org_slug') ?? '');
  const codes = regionsNamed(call.world, textField(fields, 'region') || nearestRegion);
  let left = numberField(fields, 'count') || organizationMachines;
  const found: { region: string; count: number; concurrency: number }[] = [];
  for (const region of codes) {
    const count = Math.min(left, roomIn(call.world, region));
    if (count === 0) continue;
    left -= count;
    found.push({ region, count, concurrency: Math.min(count, openHosts(call, region)) });
  }
  return ok({ regions: found });
}

function openHosts({ world }: RequestContext, region: string): number {
  return Array.from({ length: hostsPerRegion }, (_unused, number) => hostIn(region, number)).filter((host) =>
    isOpen(world, host),
  ).length;
}

/** One entry for each organization the token reaches. */
function currentTokens(call: RequestContext): Reply {
  return ok({
    tokens: call.grant.organizations.map((slug) => ({
      token_id: call.grant.id,
      org_slug: slug,
      organization: call.world.organizations.get(slug)?.name ?? slug,
      apps: [],
      user: call.grant.owner,
      restricted_to_machine: '',
      source_machine_id: '',
    })),
  });
}

export const platformRoutes: readonly Route[] = [
  { operation: 'GET /platform/regions', handle: regionList },
  { operation: 'POST /platform/placements', handle: placements },
  { operation: 'GET /tokens/current', handle: currentTokens },
];
