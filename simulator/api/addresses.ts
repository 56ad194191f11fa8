import { fieldsOf, textField } from '../wire/body.ts';
import { isRegion } from '../machines/regions.ts';
import type { RequestContext, Route } from '../http/request-context.ts';
import { appOf, visibleOrganization } from '../http/access.ts';
import type { Address, AddressKind, App, Organization } from '../world/records.ts';
import { nothing, ok, refusal, timestamp, type Reply } from '../wire/replies.ts';
import type { World } from '../world/world.ts';

const kinds: ReadonlySet<string> = new Set(['v4', 'v6', 'shared_v4', 'private_v6', 'egress_v4', 'egress_v6']);
const isKind = (text: string): text is AddressKind => kinds.has(text);

/** Empty and undefined are the same. */
export interface WantedAddress {
  readonly type: string | undefined;
  readonly region: string | undefined;
  readonly serviceName: string | undefined;
  /** Slug and name, for a flycast address. */
  readonly organization: string | undefined;
  readonly network: string | undefined;
}

function allocate(call: RequestContext): Reply {
  const fields = fieldsOf(call.body);
  const wanted: WantedAddress = {
    type: textField(fields, 'type'),
    region: textField(fields, 'region'),
    serviceName: textField(fields, 'service_name'),
    organization: textField(fields, 'org_slug'),
    network: textField(fields, 'network'),
  };
  const app = appOf(call);
  if (wanted.type !== 'egress_pair') return ok(view(allocateAddress(call, app, wanted)));
  const v4 = allocateAddress(call, app, { ...wanted, type: 'egress_v4' });
  const v6 = allocateAddress(call, app, { ...wanted, type: 'egress_v6' });
  return ok({ ...view(v4), ip: null, ip_pair: { v4: v4.ip, v6: v6.ip } });
}

/** Each call gives another address, but for the shared one, of which an app has one. */
export function allocateAddress(call: RequestContext, app: App, wanted: WantedAddress): Address {
  const kind = wanted.type ?? '';
  if (!isKind(kind)) throw refusal(422, `invalid_argument: address type ${JSON.stringify(kind)} is unknown`);
  const region = wanted.region || 'global';
  if (region !== 'global' && !isRegion(call.world, region)) {
    throw refusal(422, `invalid_argument: region ${region} not found`);
  }
  const network = kind === 'private_v6' ? networkOf(call, app, wanted) : null;
  const shared = kind === 'shared_v4' ? [...app.addresses.values()].find((other) => other.kind === kind) : undefined;
  if (shared !== undefined) return shared;
  const address: Address = {
    ip: nextAddress(call.world, app, kind),
    kind,
    region,
    serviceName: wanted.serviceName ?? '',
    network,
    createdAt: call.world.now(),
  };
  app.addresses.set(address.ip, address);
  return address;
}

/** A flycast address stands in a network of an organization: the app's own unless another is named. */
function networkOf(call: RequestContext, app: App, wanted: WantedAddress): Address['network'] {
  const organization = visibleOrganization(call, wanted.organization || app.organization.slug);
  const name = wanted.network || app.network;
  if (name !== 'default' && !hasNetwork(organization, name)) throw refusal(400, 'network not found');
  return { name, org_slug: organization.slug };
}

function hasNetwork(organization: Organization, name: string): boolean {
  return [...organization.apps.values()].some((app) => app.network === name);
}

function nextAddress(world: World, app: App, kind: AddressKind): string {
  for (;;) {
    const hex = world.draw(app, `address ${kind}`, 16);
    const bytes = [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
    const groups = [0, 4, 8, 12].map((at) => hex.slice(at, at + 4).replace(/^0{1,3}/, '')).join(':');
    const ip = {
      v4: `137.66.${bytes.slice(0, 2).join('.')}`,
      shared_v4: `66.241.124.${bytes[0]}`,
      egress_v4: `209.71.${bytes.slice(0, 2).join('.')}`,
      v6: `2a09:8280:1:1:${groups}`,
      egress_v6: `2a09:8280:e6:1:${groups}`,
      private_v6: `${networkPrefix(app)}:0:${groups}`,
    }[kind];
    if (!app.addresses.has(ip)) return ip;
  }
}

function view(address: Address) {
  return {
    ip: address.ip,
    region: address.region,
    service_name: address.serviceName,
    shared: address.kind === 'shared_v4',
    egress: address.kind.startsWith('egress_'),
    created_at: timestamp(address.createdAt),
    network: address.network,
  };
}

/** First three groups of the private addresses in an app's network. */
export const networkPrefix = (app: App): string => `fdaa:0:${(app.number % 0xffff).toString(16)}`;

export function releaseAddress(app: App, ip: string): void {
  if (!app.addresses.delete(ip)) throw refusal(404, 'not_found: ip address not found');
}

function release(call: RequestContext): Reply {
  releaseAddress(appOf(call), call.params['ip'] ?? '');
  return nothing;
}

export const addressRoutes: readonly Route[] = [
  {
    operation: 'GET /apps/{app}/ip_assignments',
    handle(call) {
      const seenUntil = call.world.now() - (call.world.lag.settings.listMs ?? 0);
      const seen = [...appOf(call).addresses.values()].filter((address) => address.createdAt <= seenUntil);
      return ok({ ips: seen.map(view) });
    },
  },
  { operation: 'POST /apps/{app}/ip_assignments', handle: allocate },
  { operation: 'DELETE /apps/{app}/ip_assignments/{ip}', handle: release },
];
