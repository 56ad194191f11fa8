import type { RequestContext } from '../http/request-context.ts';
import { reaches, visibleOrganization } from '../http/access.ts';
import { appVisible } from './app.ts';
import { connection, type Paging } from './connections.ts';
import type { Fields, TypeFields } from './fields.ts';
import { latestImageVersion } from './images.ts';
import { viewerOf } from './organization.ts';
import { isPersonal, organizationById, organizationsOf } from '../web/organizations.ts';
import { nearestRegion, regionsOf } from '../machines/regions.ts';
import { regionView } from '../api/platform.ts';
import { refusal } from '../wire/replies.ts';

interface AppsArguments extends Paging {
  readonly organizationId?: string | null;
  readonly role?: string | null;
}

/** The roots have no record behind them. */
const queryFields: Fields<unknown> = {
  app: (_root, { name }: { name?: string | null }, call) => appVisible(call, name ?? ''),
  /** Names are taken by apps of any organization. */
  appNameAvailable: (_root, { name }: { name: string }, call) => !call.world.apps.has(name),
  apps: (_root, { organizationId, role, ...paging }: AppsArguments, call) => {
    const organization = organizationId ? organizationById(call, organizationId) : undefined;
    const apps = [...(organization?.apps ?? call.world.apps).values()].filter(
      (app) => reaches(call.grant, app) && (!role || app.role === role),
    );
    return connection(apps, paging);
  },
  canPerformBluegreenDeployment: (_root, { name }: { name: string }, call) => {
    appVisible(call, name);
    return true;
  },
  latestImageDetails: (_root, { image }: { image: string }, { world }) => latestImageVersion(world, image),
  machine: (_root, { machineId }: { machineId: string }, call) => machineById(call, machineId),
  nearestRegion: (_root, _args, call) => regionView(call.world, nearestRegion),
  organization: (_root, { id, slug }: { id?: string | null; slug?: string | null }, call) =>
    slug ? visibleOrganization(call, slug) : organizationById(call, id ?? ''),
  organizations: (_root, paging: Paging, call) => connection(organizationsOf(call), paging),
  personalOrganization: (_root, _args, call) => {
    const personal = organizationsOf(call).find(isPersonal);
    if (personal === undefined) throw refusal(404, 'Could not find Organization');
    return personal;
  },
  platform: (_root, _args, call) => ({
    requestRegion: nearestRegion,
    regions: regionsOf(call.world).map((code) => regionView(call.world, code)),
  }),
  viewer: (_root, _args, call) => viewerOf(call),
  volume: (_root, { id }: { id: string }, call) => volumeById(call, id),
};

const regionFields: Fields<ReturnType<typeof regionView>> = {
  gatewayAvailable: (region) => region.gateway_available,
  requiresPaidPlan: (region) => region.requires_paid_plan,
};

export const queryTypeFields: TypeFields = { Queries: queryFields, Region: regionFields };

function machineById(call: RequestContext, id: string) {
  for (const organization of organizationsOf(call)) {
    const machine = organization.machines.get(id);
    if (machine !== undefined && reaches(call.grant, machine.app)) return machine;
  }
  throw refusal(404, `Could not find Machine "${id}"`);
}

function volumeById(call: RequestContext, id: string) {
  for (const organization of organizationsOf(call)) {
    const volume = organization.volumes.get(id);
    if (volume !== undefined && reaches(call.grant, volume.app) && !call.world.isVolumeGone(volume)) return volume;
  }
  throw refusal(404, `Could not find Volume "${id}"`);
}
