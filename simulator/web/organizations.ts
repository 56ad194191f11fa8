import type { RequestContext, Route } from '../http/request-context.ts';
import { visibleOrganization } from '../http/access.ts';
import type { Organization } from '../world/records.ts';
import { ok, refusal } from '../wire/replies.ts';
import type { World } from '../world/world.ts';

/** The id by which everything but the Machines API names an organization. */
export function organizationId(world: World, organization: Organization): string {
  return world.chance.hex(['organization id', organization.slug], 16);
}

export function organizationById(call: RequestContext, id: string): Organization {
  for (const organization of organizationsOf(call)) {
    if (organizationId(call.world, organization) === id) return organization;
  }
  throw refusal(404, `Could not find Organization "${id}"`);
}

/** Those the token reaches. */
export function organizationsOf(call: RequestContext): readonly Organization[] {
  return [...call.world.organizations.values()].filter(({ slug }) => call.grant.organizations.includes(slug));
}

export const isPersonal = (organization: Organization): boolean => organization.slug === 'personal';

function view(world: World, organization: Organization) {
  return {
    id: organizationId(world, organization),
    internal_numeric_id: organization.number,
    slug: organization.slug,
    raw_slug: organization.slug,
    name: organization.name,
    personal: isPersonal(organization),
    paid_plan: true,
    billable: true,
    billing_status: 'CURRENT',
    provisions_beta_extensions: false,
    remote_builder_image: '',
  };
}

export const webOrganizationRoutes: readonly Route[] = [
  {
    operation: 'GET /api/v1/organizations',
    handle: (call) => ok({ organizations: organizationsOf(call).map((one) => view(call.world, one)) }),
  },
  {
    operation: 'GET /api/v1/organizations/{org}',
    handle: (call) => ok({ organization: view(call.world, visibleOrganization(call, call.params['org'] ?? '')) }),
  },
];
