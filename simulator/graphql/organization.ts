/** Organizations, who belongs to them, and the tokens they made. */
import type { RequestContext } from '../http/request-context.ts';
import { reaches } from '../http/access.ts';
import { connection, cursorAt, type Paging } from './connections.ts';
import type { Fields, TypeFields } from './fields.ts';
import { isPersonal, organizationId } from '../web/organizations.ts';
import type { LimitedToken, Organization } from '../world/records.ts';
import { timestamp } from '../wire/replies.ts';

const organizationFields: Fields<Organization> = {
  id: (organization, _args, call) => organizationId(call.world, organization),
  internalNumericId: (organization) => String(organization.number),
  rawSlug: (organization) => organization.slug,
  type: (organization) => (isPersonal(organization) ? 'PERSONAL' : 'SHARED'),
  paidPlan: () => true,
  billable: () => true,
  billingStatus: () => 'CURRENT',
  provisionsBetaExtensions: () => false,
  viewerRole: () => 'admin',
  remoteBuilderApp: () => null,
  remoteBuilderImage: () => '',
  // None can be made here.
  addOns: (_organization, paging: Paging) => connection([], paging),
  apps: (organization, paging: Paging, call) =>
    connection(
      [...organization.apps.values()].filter((app) => reaches(call.grant, app)),
      paging,
    ),
  limitedAccessTokens: (organization, paging: Paging, call) =>
    connection(
      [...call.world.limitedTokens.values()].filter((token) => token.organization === organization),
      paging,
    ),
  members: (_organization, paging: Paging, call) => membersOf(call, paging),
};

/** The asker alone: people are not simulated. */
function membersOf(call: RequestContext, paging: Paging) {
  const page = connection([userNamed(call.grant.owner)], paging);
  const edges = page.nodes.map((node, place) => ({
    cursor: cursorAt(place),
    node,
    joinedAt: timestamp(0),
    role: 'ADMIN',
  }));
  return { ...page, edges };
}

const tokenFields: Fields<LimitedToken> = {
  tokenHeader: (token) => `FlyV1 ${token.token}`,
  createdAt: (token) => timestamp(token.createdAt),
  expiresAt: (token) => timestamp(token.expiresAt),
  revokedAt: (token) => (token.revokedAt === undefined ? null : timestamp(token.revokedAt)),
  user: (token) => userNamed(token.user),
};

interface User {
  readonly __typename: 'User';
  readonly email: string;
}

export const userNamed = (email: string): User => ({ __typename: 'User', email });

const userFields: Fields<User> = {
  id: ({ email }, _args, call) => call.world.chance.hex(['user', email], 16),
  name: ({ email }) => email.split('@')[0],
  enablePaidHobby: () => false,
};

const tokenDomain = '@tokens.fly.io';

/** A token of an organization is no person. */
export function viewerOf(call: RequestContext) {
  const { owner } = call.grant;
  return owner.endsWith(tokenDomain) ? { __typename: 'Macaroon', email: owner, name: null } : userNamed(owner);
}

export const organizationTypeFields: TypeFields = {
  Organization: organizationFields,
  LimitedAccessToken: tokenFields,
  User: userFields,
};
