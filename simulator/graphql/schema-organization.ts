/** Organizations, people, tokens, regions. */
export const organizationTypes = /* GraphQL */ `
  enum OrganizationType {
    PERSONAL
    SHARED
  }

  enum BillingStatus {
    CURRENT
  }

  enum OrganizationMemberRole {
    ADMIN
    MEMBER
  }

  type Organization {
    addOns(after: String, first: Int, type: AddOnType): AddOnConnection!
    apps(after: String, first: Int): AppConnection!
    billable: Boolean!
    billingStatus: BillingStatus!
    id: ID!
    internalNumericId: BigInt!
    limitedAccessTokens(after: String, first: Int): LimitedAccessTokenConnection!
    members(after: String, first: Int): OrganizationMembershipsConnection!
    name: String!
    paidPlan: Boolean!
    provisionsBetaExtensions: Boolean!
    rawSlug: String!
    remoteBuilderApp: App
    remoteBuilderImage: String!
    slug: String!
    type: OrganizationType!
    viewerRole: String!
  }

  type OrganizationMembershipsConnection {
    edges: [OrganizationMembershipsEdge]
    nodes: [User]
    pageInfo: PageInfo!
    totalCount: Int!
  }

  type OrganizationMembershipsEdge {
    cursor: String!
    joinedAt: ISO8601DateTime!
    node: User
    role: OrganizationMemberRole!
  }

  enum AddOnType {
    arcjet
    enveloop
    fly_mysql
    kubernetes
    redis
    sentry
    supabase
    tigris
    upstash_kafka
    upstash_redis
    upstash_vector
    wafris
  }

  type AddOnPlan {
    description: String
    displayName: String
    id: ID!
  }

  type AddOn {
    addOnPlan: AddOnPlan
    id: ID!
    metadata: JSON
    name: String
    options: JSON
    organization: Organization!
    primaryRegion: String
    privateIp: String
    readRegions: [String!]
  }

  interface Principal {
    email: String!
    name: String
  }

  type User implements Principal {
    email: String!
    enablePaidHobby: Boolean!
    id: ID!
    name: String
  }

  type Macaroon implements Principal {
    email: String!
    name: String
  }

  type LimitedAccessToken {
    createdAt: ISO8601DateTime!
    expiresAt: ISO8601DateTime!
    id: ID!
    name: String!
    organization: Organization!
    profile: String!
    profileParams: JSON
    revokedAt: ISO8601DateTime
    token: String!
    tokenHeader: String
    user: User!
  }

  type FlyPlatform {
    regions: [Region!]!
    requestRegion: String
  }

  type Region {
    code: String!
    deprecated: Boolean!
    gatewayAvailable: Boolean!
    latitude: Float
    longitude: Float
    name: String!
    requiresPaidPlan: Boolean!
  }
`;
