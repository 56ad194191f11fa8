/** An app, its addresses and secrets. */
import { cnameTarget } from '../api/apps.ts';
import type { RequestContext } from '../http/request-context.ts';
import { appNamed } from '../http/access.ts';
import { connection, type Paging } from './connections.ts';
import type { Fields, TypeFields } from './fields.ts';
import { imageFields, imageVersion } from './images.ts';
import { hostIssuesOf, machinesOf, servicesOf } from './machines.ts';
import { heldLock } from './app-locks.ts';
import type { Address, App, Secret } from '../world/records.ts';
import { Refusal, refusal, timestamp } from '../wire/replies.ts';

/** By name or id. GraphQL does not tell apps out of the token's reach from those that do not exist. */
export function appVisible(call: RequestContext, nameOrId: string): App {
  const name = call.world.apps.has(nameOrId) ? nameOrId : nameOfId(call, nameOrId);
  try {
    return appNamed(call, name);
  } catch (error) {
    if (error instanceof Refusal && error.status === 403) throw refusal(404, `Could not find App "${nameOrId}"`);
    throw error;
  }
}

function nameOfId(call: RequestContext, id: string): string {
  for (const app of call.world.apps.values()) if (app.id === id) return app.name;
  return id;
}

const roleTypes: Readonly<Record<string, string>> = {
  postgres_cluster: 'PostgresClusterAppRole',
  'remote-docker-builder': 'RemoteDockerBuilderAppRole',
};
const appStates = { pending: 'PENDING', deployed: 'DEPLOYED', suspended: 'SUSPENDED' } as const;
/** Has no name in GraphQL. */
const defaultNetwork = 'default';

const simpleFields: Fields<App> = {
  internalId: (app) => String(app.number),
  internalNumericId: (app) => app.number,
  hostname: (app) => `${app.name}.fly.dev`,
  appUrl: (app) => `https://${app.name}.fly.dev`,
  cnameTarget,
  createdAt: (app) => timestamp(app.createdAt),
  network: (app) => (app.network === defaultNetwork ? null : app.network),
  networkId: (app, _args, call) =>
    app.network === defaultNetwork ? 0 : call.world.chance.below(['network', app.network], 1_000_000),
  platformVersion: () => 'machines',
  role: ({ role }) => (role === '' ? null : { __typename: roleTypes[role] ?? 'EmptyAppRole', name: role }),
  state: (app) => appStates[app.status],
  // A suspended app was deployed once.
  deployed: (app) => app.status !== 'pending',
  version: (app) => app.releases[0]?.version ?? 0,
  config: (app) => ({ definition: app.releases[0]?.definition ?? {}, errors: [], valid: true }),
  currentLock: (app, _args, call) => {
    const lock = heldLock(call.world, app);
    return lock === undefined ? null : { lockId: lock.id, expiration: timestamp(lock.expiresAt) };
  },
  currentRelease: (app) => app.releases[0] ?? null,
  currentReleaseUnprocessed: (app) => app.releases[0] ?? null,
  release: (app, { id, version }: { id?: string | null; version?: number | null }) =>
    app.releases.find((release) => release.id === id || release.version === version) ?? null,
  image: (_app, { ref }: { ref: string }) => {
    if (ref.trim() === '') throw refusal(422, 'Could not find image ""');
    return { ref };
  },
  imageDetails: (app) => {
    const [machine] = machinesOf(app);
    return machine === undefined ? null : imageVersion(machine.imageRef);
  },
  machine: (app, { id }: { id: string }, call) => call.world.machine(app, id) ?? null,
  secrets: (app) => [...app.secrets.byName.values()].map((secret) => ({ app, secret })),
  services: servicesOf,
  sharedIpAddress: (app) => addressesOf(app, ['shared_v4'])[0]?.ip ?? null,
};

const listFields: Fields<App> = {
  // None can be made here.
  addOns: (_app, paging: Paging) => connection([], paging),
  egressIpAddresses: (app, paging: Paging) => connection(addressesOf(app, ['egress_v4', 'egress_v6']), paging),
  // The shared one is a field of its own.
  ipAddresses: (app, paging: Paging) => connection(addressesOf(app, ['v4', 'v6', 'private_v6']), paging),
  hostIssues: (app, paging: Paging, call) => connection(hostIssuesOf(call, app), paging),
  limitedAccessTokens: (app, paging: Paging, call) =>
    connection(
      [...call.world.limitedTokens.values()].filter((token) => token.app === app.id),
      paging,
    ),
  machines: (app, paging: Paging) => connection(machinesOf(app), paging),
  releases: (app, paging: Paging) => connection(app.releases, paging),
  releasesUnprocessed: (app, { status, ...paging }: Paging & { status?: string | null }) =>
    connection(
      app.releases.filter((release) => status === undefined || status === null || release.status === status),
      paging,
    ),
  volumes: (app, paging: Paging) =>
    connection(
      [...app.volumes.values()].filter((volume) => volume.deletedAt === undefined),
      paging,
    ),
};

function addressesOf(app: App, kinds: readonly Address['kind'][]): readonly Address[] {
  return [...app.addresses.values()].filter((address) => kinds.includes(address.kind));
}

export const addressId = (call: RequestContext, address: Address): string =>
  `ip_${call.world.chance.hex(['address id', address.ip], 12)}`;

const addressFields: Fields<Address> = {
  id: (address, _args, call) => addressId(call, address),
  address: ({ ip }) => ip,
  type: ({ kind }) => kind,
  serviceName: ({ serviceName }) => (serviceName === '' ? null : serviceName),
  createdAt: ({ createdAt }) => timestamp(createdAt),
};

const egressFields: Fields<Address> = {
  id: (address, _args, call) => addressId(call, address),
  version: ({ kind }) => (kind === 'egress_v4' ? 4 : 6),
  updatedAt: ({ createdAt }) => timestamp(createdAt),
};

const networkFields: Fields<NonNullable<Address['network']>> = {
  organization: (network, _args, call) => call.world.organizations.get(network.org_slug),
};

const secretFields: Fields<{ readonly app: App; readonly secret: Secret }> = {
  id: ({ app, secret }, _args, call) => call.world.chance.hex(['secret id', app.id, secret.name], 16),
  name: ({ secret }) => secret.name,
  digest: ({ secret }) => secret.digest,
  createdAt: ({ secret }) => timestamp(secret.createdAt),
};

export const appTypeFields: TypeFields = {
  App: { ...simpleFields, ...listFields },
  IPAddress: addressFields,
  EgressIPAddress: egressFields,
  Network: networkFields,
  Secret: secretFields,
  Image: imageFields,
};
